"""The source tree of the book: prose, executed notebooks, generated pages and the table of contents."""

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from compendium import paths
from compendium.run.user_paths import without_user_paths
from compendium.site.api import api_pages, documented_names
from compendium.site.audit_engine import audit_engine_page
from compendium.site.badges import raw
from compendium.site.benchmarks import benchmarks_page
from compendium.site.cite import citation_block
from compendium.site.compare import comparison_page, comparisons
from compendium.site.content import ChapterEntry, Content
from compendium.site.datasets import datasets_page
from compendium.site.errors import SiteError
from compendium.site.faults import faults_page
from compendium.site.findings import findings_page
from compendium.site.gallery import gallery_page
from compendium.site.headers import chapter_header
from compendium.site.ledger import ledger_page
from compendium.site.methods import statistics_page
from compendium.site.notebooks import prepare_notebook, source_of, text_of
from compendium.site.pages import fill_markers, inventory_page
from compendium.site.scale import scale_page
from compendium.site.studies import missing_chapter_page, overview_page, your_runs_page

NOT_COPIED = {"_toc.yml", "studies.yml"}
BESIDE_RUNS = ("how-to-read", "conventions", "references")
PAGE_LINK = re.compile(r"\[([^\]\n]+)\]\((?:\.\./)*([\w/.-]+?)\.(?:md|ipynb|py)(?:#[\w.-]*)?\)")


@dataclass
class Assembled:
    """A source tree on disk: the pages of its contents, and what each rendered page is completed with."""

    folder: Path
    pages: list[str] = field(default_factory=list)
    extras: dict[str, dict[str, Any]] = field(default_factory=dict)


def assemble(content: Content, folder: Path) -> Assembled:
    """Write the source tree into an empty `folder` and return what is in it.

    Raises
    ------
    SiteError : the table of contents names a page that nobody wrote; a chapter that cannot be shown.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    book = Assembled(folder)
    texts = _named_texts(content) if content.named else _published_texts(content)
    _copy_book_files(folder)
    _write_chapters(content, book, texts)
    toc = _named_toc(content) if content.named else _published_toc(content, texts)
    book.pages = toc_pages(toc)
    known = {*texts, *book.extras}
    for page in book.pages:
        if page not in known:
            raise SiteError(f'Every page of the table of contents is written. "{page}" has no text in book/.')
    for page, text in texts.items():
        _write(folder / f"{page}.md", text)
    _write(folder / "_toc.yml", yaml.safe_dump(toc, sort_keys=False, allow_unicode=True))
    _write(folder / "_config.yml", _config(content.named))
    return book


def toc_pages(toc: dict[str, Any]) -> list[str]:
    """Return the pages that a table of contents names, in order.

    >>> toc_pages({"root": "index", "parts": [{"chapters": [{"file": "a", "sections": [{"file": "a/b"}]}]}]})
    ['index', 'a', 'a/b']
    """
    pages = [toc["root"]] if "root" in toc else []
    pages += [toc["file"]] if "file" in toc else []
    for key in ("parts", "chapters", "sections"):
        for entry in toc.get(key, []):
            pages += toc_pages(entry)
    return pages


def _published_texts(content: Content) -> dict[str, str]:
    prose = {
        path.stem: path.read_text(encoding="utf8") for path in sorted((paths.root() / "book").glob("*.md"))
    }
    texts = {name: fill_markers(text, content) for name, text in prose.items()}
    for study in content.studies.values():
        texts[study.slug] = overview_page(study, content, texts.get(study.slug))
    texts["claims"] = ledger_page(content)
    texts["findings"] = findings_page(content)
    texts["inventory"] = inventory_page(content)
    texts["datasets"] = datasets_page(content)
    texts["gallery"] = gallery_page(content)
    texts["statistics"] = statistics_page()
    texts["audit-engine"] = audit_engine_page()
    texts["benchmarks"] = benchmarks_page()
    texts["scale"] = scale_page()
    texts["faults"] = faults_page()
    texts["changelog"] = _changelog()
    texts.update(api_pages(paths.root() / "src" / "compendium", _callers(content)))
    return texts


def _callers(content: Content) -> dict[str, list[tuple[str, str]]]:
    callers: dict[str, list[tuple[str, str]]] = {}
    for chapter in content.chapters:
        for module in chapter.calls:
            callers.setdefault(module, []).append((chapter.page, chapter.title))
    return callers


def _named_texts(content: Content) -> dict[str, str]:
    texts = {"index": your_runs_page(content)}
    texts.update({page: comparison_page(page, found) for page, found in comparisons(content).items()})
    for name in BESIDE_RUNS:
        text = fill_markers((paths.root() / "book" / f"{name}.md").read_text(encoding="utf8"), content)
        texts[name] = localise_links(text, name, {"index", *BESIDE_RUNS})
    return texts


def localise_links(text: str, page: str, known: set[str]) -> str:
    """Point links to where the pages of this site are; a link to a page that it lacks becomes plain text.

    >>> localise_links("[a](../references.md) [b](../claims.md#x) [c](#d)", "run/study/01_x", {"references"})
    '[a](../../references.md) b [c](#d)'
    """

    def point(match: re.Match[str]) -> str:
        name = match.group(2)
        return f"[{match.group(1)}]({'../' * page.count('/')}{name}.md)" if name in known else match.group(1)

    return PAGE_LINK.sub(point, text)


def _changelog() -> str:
    path = paths.root() / "CHANGELOG.md"
    text = path.read_text(encoding="utf8").strip() if path.is_file() else ""
    return (
        text + "\n" if text.startswith("# ") else f"# Changes\n\n{text or 'Nothing has been released yet.'}\n"
    )


def _copy_book_files(folder: Path) -> None:
    for path in sorted((paths.root() / "book").rglob("*")):
        relative = path.relative_to(paths.root() / "book")
        if path.is_file() and path.suffix not in (".md", ".js") and path.name not in NOT_COPIED:
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / relative)


def _write_chapters(content: Content, book: Assembled, texts: dict[str, str]) -> None:
    documented = documented_names({page: text for page, text in texts.items() if page.startswith("api/")})
    for chapter in content.chapters:
        if chapter.notebook is None:
            texts[chapter.page] = missing_chapter_page(chapter)
            continue
        notebook = json.loads(without_user_paths(chapter.notebook.read_text(encoding="utf8")))
        if content.named:
            _localise_notebook(notebook, chapter.page)
        else:
            notebook["cells"].append(_citation_cell(chapter))
        header = chapter_header(chapter, content, documented)
        prepared, book.extras[chapter.page] = prepare_notebook(notebook, chapter, header)
        _write(
            book.folder / f"{chapter.page}.ipynb",
            json.dumps(prepared, ensure_ascii=False, indent=1, sort_keys=True),
        )


def _citation_cell(chapter: ChapterEntry) -> dict[str, Any]:
    block = raw(citation_block(chapter.study, chapter.title, chapter.id))
    return {"cell_type": "markdown", "id": "cite", "metadata": {}, "source": block}


def _localise_notebook(notebook: dict[str, Any], page: str) -> None:
    known = set(BESIDE_RUNS)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = localise_links(source_of(cell), page, known)
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                output["data"]["text/markdown"] = localise_links(
                    text_of(output["data"]["text/markdown"]), page, known
                )


def _published_toc(content: Content, texts: dict[str, str]) -> dict[str, Any]:
    toc = yaml.safe_load((paths.root() / "book" / "_toc.yml").read_text(encoding="utf8"))
    for part in toc.get("parts", []):
        for entry in part["chapters"]:
            sections = [{"file": chapter.page} for chapter in content.of_study(entry["file"])]
            if entry["file"] == "api":
                sections = [{"file": page} for page in texts if page.startswith("api/")]
            if sections:
                entry["sections"] = sections
    return toc


def _named_toc(content: Content) -> dict[str, Any]:
    runs: dict[str, list[dict[str, str]]] = {}
    for chapter in content.chapters:
        runs.setdefault(chapter.run, []).append({"file": chapter.page})
    parts = [{"caption": name, "chapters": pages} for name, pages in runs.items()]
    beside = [{"file": page} for page in comparisons(content)]
    parts += [{"caption": "Side by side", "chapters": beside}] if beside else []
    parts.append({"caption": "About the pages", "chapters": [{"file": name} for name in BESIDE_RUNS]})
    return {"format": "jb-book", "root": "index", "parts": parts}


def _config(named: bool) -> str:
    text = (paths.root() / "_config.yml").read_text(encoding="utf8")
    if not named:
        return text
    config = yaml.safe_load(text)
    config["title"] = "Your runs"
    config["sphinx"]["config"]["html_title"] = "Your runs"
    config["sphinx"]["config"]["html_theme_options"]["logo"]["text"] = "Your runs"
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")
