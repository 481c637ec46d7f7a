"""The book as one PDF: rendered to a single page and printed by a headless Chromium."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from compendium.site.accessibility import repair_page
from compendium.site.build import render
from compendium.site.errors import SiteError
from compendium.site.offline import copy_mathjax

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
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
    raise SiteError(
        f"The PDF is printed by Chromium, and none was found (looked for {', '.join(BROWSERS)}). On Debian: apt install chromium."
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
    page.write_text(single_page_links(repair_page(page.read_text(encoding="utf8"))), encoding="utf8")
    printed = html / PDF_NAME
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
            "--no-pdf-header-footer", "--export-tagged-pdf", "--generate-pdf-document-outline", "--virtual-time-budget=60000",
            f"--print-to-pdf={printed}", page.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 or not printed.is_file():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SiteError(f"Chromium prints the PDF. It ended with {done.returncode}: {last}")
    shutil.copyfile(printed, target / PDF_NAME)
    return target / PDF_NAME


def single_page_links(page: str) -> str:
    """Turn links between pages into links within the one page.

    >>> single_page_links('<a href="claims.html">a</a> <a href="s/01_x.html#fig-a">b</a>')
    '<a href="#document-claims">a</a> <a href="#fig-a">b</a>'
    """

    def point(match: re.Match[str]) -> str:
        name, anchor = match.group(1), match.group(2)
        return f'href="#{anchor}"' if anchor else f'href="#document-{name}"'

    return re.sub(r'href="(?:\.\./)*((?!https?:|_static|files/)[\w/.-]+?)\.html(?:#([\w.-]+))?"', point, page)
