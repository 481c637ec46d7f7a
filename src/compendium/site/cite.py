"""How to cite a page: the book with the chapter, and the paper it is about."""

import re

import yaml

from compendium import paths
from compendium.site.badges import escape


def citation_block(slug: str, title: str, page: str) -> str:
    """Return the folded block with BibTeX of the book and of the paper.

    Parameters
    ----------
    slug : study, which is also the key of its paper in book/references.bib.
    title : title of the page.
    page : id of the page, `study/NN_question` or the study.
    """
    entries = [book_entry(title, page), paper_entry(slug)]
    text = "\n\n".join(entry for entry in entries if entry)
    return (
        '<details class="cite"><summary>Cite this page</summary><p>The book with this page, and the paper it is about:</p>'
        f'<pre tabindex="0">{escape(text)}</pre></details>'
    )


def book_entry(title: str, page: str) -> str:
    """Return BibTeX of the book with one page, from CITATION.cff; empty where there is no such file."""
    path = paths.root() / "CITATION.cff"
    if not path.is_file():
        return ""
    book = yaml.safe_load(path.read_text(encoding="utf8"))
    authors = " and ".join(f"{{{author['name']}}}" for author in book.get("authors", []) if "name" in author)
    key = "compendium-" + re.sub(r"[/_]", "-", page)
    fields = {
        "author": authors,
        "title": f"{{{_plain(book['title'])}}}",
        "year": str(book.get("date-released", ""))[:4],
        "version": str(book.get("version", "")),
        "note": f"Page ``{_plain(title)}'' ({_plain(page)})",
    }
    body = ",\n".join(f"  {name:<7} = {{{value}}}" for name, value in fields.items() if value)
    return f"@misc{{{key},\n{body}\n}}"


def paper_entry(slug: str) -> str:
    """Return the paper's entry of book/references.bib, or an empty text.

    An entry ends with a brace at the beginning of a line.
    """
    path = paths.root() / "book" / "references.bib"
    text = path.read_text(encoding="utf8") if path.is_file() else ""
    match = re.search(rf"^@\w+\{{{re.escape(slug)},.*?^\}}", text, re.MULTILINE | re.DOTALL)
    return match.group(0) if match else ""


def _plain(text: str) -> str:
    return re.sub(r"([%&#_])", r"\\\1", text.replace("\n", " "))
