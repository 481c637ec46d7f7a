"""The book as one PDF: rendered to a single page and printed by a headless Chromium."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bs4 import BeautifulSoup

from compendium.site.accessibility import repair_page
from compendium.site.build import render, work_folder
from compendium.site.errors import SiteError
from compendium.site.finish import IDENTIFIER
from compendium.site.offline import copy_mathjax

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LEDGER = re.compile(r'<div class="ledger-rows" data-fill="[^"]*"></div>')
PDF_NAME = "compendium.pdf"


def find_browser() -> str:
    """Return the path of a Chromium.

    Raises
    ------
    SiteError : none of the usual names is on the path.
    """
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    looked = ", ".join(BROWSERS)
    raise SiteError(
        f"The PDF is printed by Chromium, and none was found (looked for {looked}). On Debian: apt "
        f"install chromium."
    )


def print_pdf(source: Path, target: Path) -> Path:
    """Print an assembled source tree to `target`/compendium.pdf, tagged and with an outline; return its path.

    Raises
    ------
    SiteError : no Chromium, or it wrote no file.
    """
    browser = find_browser()
    html = render(source, "singlehtml")
    copy_mathjax(html)
    page = html / "index.html"
    page.write_text(
        single_page_links(repair_page(without_reference(without_rows(page.read_text(encoding="utf8"))))),
        encoding="utf8",
    )
    printed = html / PDF_NAME
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={profile}", "--no-pdf-header-footer", "--export-tagged-pdf",
            "--generate-pdf-document-outline", "--virtual-time-budget=60000",
            f"--print-to-pdf={printed}", page.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 or not printed.is_file():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SiteError(f"Chromium prints the PDF. It ended with {done.returncode}: {last}")
    shutil.copyfile(printed, target / PDF_NAME)
    shutil.rmtree(work_folder(source.name), ignore_errors=True)
    return target / PDF_NAME


def single_page_links(page: str) -> str:
    """Turn links between pages into links within the one page: to the anchor if there, else to the page.

    >>> single_page_links('<i id="fig-a"><a href="claims.html">a</a><a href="s/01.html#fig-a">b</a>')
    '<i id="fig-a"><a href="#document-claims">a</a><a href="#fig-a">b</a>'
    """
    known = set(IDENTIFIER.findall(page))

    def point(match: re.Match[str]) -> str:
        name, anchor = match.group(1), match.group(2)
        label = re.sub(r"[/_]", "-", f"{name}-{anchor}").lower()
        target = next((word for word in (anchor, label) if word in known), f"document-{name}")
        return f'href="#{target}"'

    return re.sub(
        r'href="(?:\.\./)*((?!https?:|_static|files/)[\w/.-]+?)\.html(?:\?[^"#]*)?(?:#([\w.-]+))?"',
        point,
        page,
    )


def without_rows(page: str) -> str:
    """Say where the printed numbers are instead of printing a thousand rows.

    >>> without_rows('<div class="ledger-rows" data-fill="s2025"></div>')
    '<p>Listed on the page of printed numbers of the site, and in its files/claims.csv.</p>'
    """
    return LEDGER.sub(
        "<p>Listed on the page of printed numbers of the site, and in its files/claims.csv.</p>", page
    )


def without_reference(page: str) -> str:
    """Leave out the reference of the package, which would be most of the pages."""
    soup = BeautifulSoup(page, "html.parser")
    for start in soup.select('span[id^="document-api"]'):
        section = None if start.decomposed else start.find_next_sibling("section")
        if section:
            section.decompose()
    for link in soup.select('a[href^="#document-api"]'):
        if not link.decomposed:
            (link.find_parent("li") or link).decompose()
    return str(soup)
