"""From rendered pages to a site: files beside the pages, repairs, and the checks that no build may skip."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

from compendium import paths
from compendium.run.crate import crate_path
from compendium.run.user_paths import without_user_paths
from compendium.site.accessibility import bad_alternatives, repair_page
from compendium.site.assemble import Assembled
from compendium.site.content import Content
from compendium.site.errors import SiteError
from compendium.site.ledger import fill_rows, ledger_rows
from compendium.site.ledger_files import as_csv, as_json
from compendium.site.offline import copy_mathjax, external_requests

LINK = re.compile(r"""<a\b[^>]*?\bhref=["']([^"']+)["']|<(?:img|script)\b[^>]*?\bsrc=["']([^"']+)["']""")
IDENTIFIER = re.compile(r"""\bid=["']([^"']+)["']""")
UNUSED = ("_sources", "_static/locales", "_static/webpack-macros.html", ".buildinfo", "objects.inv")


def finish(html: Path, content: Content, book: Assembled) -> None:
    """Complete and check a rendered site in place.

    Raises
    ------
    SiteError : a page of the table of contents is missing, a link leads nowhere, a picture has no
        alternative text, or a page would load something from another host.
    """
    check_pages(html, book.pages)
    for name in UNUSED:
        path = html / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    copy_mathjax(html)
    _copy_files(html, content)
    rows = {} if content.named else _write_ledger(html, content)
    for path in sorted(html.rglob("*.html")):
        if "_static" in path.relative_to(html).parts:
            continue
        page = path.relative_to(html).with_suffix("").as_posix()
        files = f"{'../' * page.count('/')}files/{page}"
        text = repair_page(path.read_text(encoding="utf8"), book.extras.get(page), files)
        path.write_text(fill_rows(text, rows) if page == "claims" else text, encoding="utf8")
    check_site(html)


def check_pages(html: Path, pages: list[str]) -> None:
    """Raise SiteError for the first page of the table of contents that was not rendered."""
    for page in pages:
        if not (html / f"{page}.html").is_file():
            raise SiteError(f'Every page of the table of contents is rendered. "{page}.html" is missing.')


def check_site(html: Path) -> None:
    """Raise SiteError for the first broken link, nameless picture or address on another host."""
    pages = {
        path: path.read_text(encoding="utf8")
        for path in sorted(html.rglob("*.html"))
        if "_static" not in path.parts
    }
    anchors = {path: set(IDENTIFIER.findall(page)) for path, page in pages.items()}
    for path, page in pages.items():
        name = path.relative_to(html).as_posix()
        for address in external_requests(page):
            raise SiteError(f"The site loads nothing from elsewhere. {name} asks for {address}.")
        for image in bad_alternatives(_article(page)):
            raise SiteError(f"Every picture has alternative text. {name} shows {image} without.")
        for first, second in LINK.findall(page):
            _check_link(first or second, path, html, anchors)


def _article(page: str) -> str:
    match = re.search(r"<article\b.*?</article>", page, re.DOTALL)
    return match.group(0) if match else ""


def _check_link(link: str, path: Path, html: Path, anchors: dict[Path, set[str]]) -> None:
    if re.match(r"[a-z]+:|//", link) or link in ("#", ""):
        return
    address, _, anchor = link.partition("#")
    address = unquote(address.split("?")[0])
    target = Path(re.sub(r"/[^/]+/\.\.(?=/)", "", str(path.parent / address))) if address else path
    target = target.resolve() if ".." in target.parts else target
    name = path.relative_to(html).as_posix()
    if not target.exists():
        raise SiteError(f'Every link leads somewhere. {name} links to "{link}".')
    if anchor and target in anchors and unquote(anchor) not in anchors[target]:
        raise SiteError(f'Every link leads somewhere. {name} links to "{link}", which has no such anchor.')


def _copy_files(html: Path, content: Content) -> None:
    for chapter in content.published:
        folder = html / "files" / chapter.page
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(chapter.figures.glob("*.svg")):
            shutil.copyfile(path, folder / path.name)
    for chapter in content.chapters:
        if chapter.notebook is None:
            continue
        folder = html / "files" / chapter.page
        folder.mkdir(parents=True, exist_ok=True)
        notebook = without_user_paths(chapter.notebook.read_text(encoding="utf8"))
        folder.with_name(f"{folder.name}.ipynb").write_text(notebook, encoding="utf8")
        for path in sorted(chapter.figures.glob("*")) if chapter.figures.is_dir() else []:
            if path.is_file():
                shutil.copyfile(path, folder / path.name)

    for run in sorted({chapter.run for chapter in content.chapters}) if content.named else []:
        if crate_path(run).is_file():
            shutil.copyfile(crate_path(run), html / "files" / f"{run}.crate.zip")


def _write_ledger(html: Path, content: Content) -> dict[str, str]:
    """Write the ledger's files beside the pages; return the rows of its page."""
    files = html / "files"
    (files / "scripts").mkdir(parents=True, exist_ok=True)
    (files / "claims.csv").write_text(as_csv(content), encoding="utf8")
    (files / "claims.json").write_text(as_json(content), encoding="utf8")
    for path in sorted((paths.root() / "book" / "scripts").glob("*.js")):
        shutil.copyfile(path, files / "scripts" / path.name)
    return ledger_rows(content)
