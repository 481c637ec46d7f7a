"""Executed notebooks made ready for the book: a header, captions, alternative text, numbered cells."""

import copy
import re
from typing import Any

from compendium.site.badges import escape, inline_markdown, raw, spell_unit
from compendium.site.content import ChapterEntry
from compendium.site.errors import SiteError

FOLDED = "hide-input"
CAPTION = re.compile(r"<caption>.*?</caption>", re.DOTALL)
HEADING = re.compile(r'(?<=<th scope="col">)\w+(?=</th>)')
UNIT_ENDINGS = {"_um_s": "µm/s", "_um3": "µm³", "_um": "µm"}
MEASURE = re.compile(r"(?<=<td>)([<>−-]?[\d.,]+) ([^<>]+)(?=</td>)")
POWER = re.compile(r"(?<=<td>)([+−])(\d\.\d)e\+0([1-4])(?=</td>)")
PLAIN_CELLS = {">True</td>": ">yes</td>", ">False</td>": ">no</td>", ">inf</td>": ">∞</td>"}


def prepare_notebook(
    notebook: dict[str, Any], chapter: ChapterEntry, header: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the notebook for the book and what the rendered page has to be completed with.

    Parameters
    ----------
    notebook : an executed notebook (nbformat 4, as read from JSON); it is not changed.
    chapter : the chapter it belongs to.
    header : HTML that stands below the title.

    Returns
    -------
    The prepared notebook, and `{"figures": {name: {"label", "cell", "files"}}, "tables": {...}}`.

    Raises
    ------
    SiteError : no heading of level one, or a figure without alternative text.
    """
    notebook = copy.deepcopy(notebook)
    notebook["metadata"] = {
        key: notebook.get("metadata", {}).get(key, {}) for key in ("kernelspec", "language_info")
    }
    extras: dict[str, Any] = {"figures": {}, "tables": {}}
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            _prepare_code(cell, number, chapter, extras)
    labels = {name: figure["label"] for name, figure in extras["figures"].items()}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _point_to_labels(source_of(cell), labels)
    notebook["cells"] = _insert_header(notebook["cells"], chapter, header)
    return notebook, extras


def source_of(cell: dict[str, Any]) -> str:
    """Return a cell's source as one string."""
    return text_of(cell.get("source", ""))


def text_of(lines: str | list[str]) -> str:
    """Join what nbformat stores either as text or as a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)


def _prepare_code(cell: dict[str, Any], number: int, chapter: ChapterEntry, extras: dict[str, Any]) -> None:
    metadata = cell.setdefault("metadata", {})
    metadata.pop("papermill", None)
    tags = metadata.setdefault("tags", [])
    tags.append(f"cell-{number}")
    if source_of(cell).strip() == "chapter.save()" and not cell.get("outputs"):
        tags.append("remove-cell")
    for output in cell.get("outputs", []):
        marks = output.get("metadata", {}).get("compendium", {})
        if "figure" in marks:
            _prepare_figure(cell, marks["figure"], number, chapter, extras)
        elif "table" in marks:
            _prepare_table(output, marks["table"], number, chapter, extras)
        elif "file" in marks:
            _prepare_file(output, marks["file"], chapter)
    says = _only_says(cell)
    if says:
        tags.append("says")
    if (says or {"parameters", "injected-parameters"} & set(tags)) and not {FOLDED, "show-input"} & set(tags):
        tags.append(FOLDED)


def _only_says(cell: dict[str, Any]) -> bool:
    outputs = cell.get("outputs", [])
    said = bool(outputs) and all("text/markdown" in output.get("data", {}) for output in outputs)
    return said and ("chapter.say(" in source_of(cell) or FOLDED in cell["metadata"]["tags"])


def _prepare_figure(
    cell: dict[str, Any], figure: dict[str, Any], number: int, chapter: ChapterEntry, extras: dict[str, Any]
) -> None:
    name = figure["name"]
    alternative = " ".join(str(figure.get("alt", "")).split())
    if not alternative:
        raise SiteError(f'{chapter.id}: every figure has alternative text. "{name}" has none.')
    label = f"{chapter.page.replace('/', '-').replace('_', '-')}-{name}".lower()
    cell["metadata"]["mystnb"] = {
        **cell["metadata"].get("mystnb", {}),
        "image": {"alt": alternative},
        "figure": {"caption": str(figure.get("caption", "")), "name": label},
    }
    extras["figures"][name] = {"label": label, "cell": number, "files": _files(chapter, name)}


def _files(chapter: ChapterEntry, name: str) -> dict[str, str]:
    folder = chapter.figures
    found = {kind: f"{name}.{kind}" for kind in ("csv", "svg", "pdf", "png")}
    return {kind: file for kind, file in found.items() if (folder / file).is_file()}


def _prepare_table(
    output: dict[str, Any], table: dict[str, Any], number: int, chapter: ChapterEntry, extras: dict[str, Any]
) -> None:
    name = table["name"]
    markup = re.sub(r"\n\s*\n", "\n", text_of(output["data"]["text/html"]))
    markup = _readable(CAPTION.sub("", markup))
    links = f'<a href="#cell-{number}">the cell that computes it</a>'
    if (chapter.figures / f"{name}.csv").is_file():
        links = f'<a href="{files_href(chapter)}/{escape(name)}.csv" download>CSV</a> · {links}'
    caption = f'{inline_markdown(table.get("caption", ""))} <span class="figure-links">{links}</span>'
    figure = (
        f'<figure class="c-table" id="{escape(name)}"><figcaption>{caption}</figcaption>{markup}</figure>'
    )
    output["data"] = {"text/html": figure}
    extras["tables"][name] = {"cell": number}


def _readable(markup: str) -> str:
    """Return a table in words where a data frame has names; its CSV keeps the names."""
    markup = HEADING.sub(lambda found: heading_words(found[0]), markup)
    markup = MEASURE.sub(lambda found: f"{found[1]} {spell_unit(found[2])}", markup)
    markup = POWER.sub(lambda found: f"{found[1]}{float(found[2]) * 10 ** int(found[3]):.0f}", markup)
    for cell, words in PLAIN_CELLS.items():
        markup = markup.replace(cell, words)
    return markup


def heading_words(column: str) -> str:
    """Return the name of a column as a heading: units in brackets, no underscores.

    >>> heading_words("velocity_um_s"), heading_words("left_out_x"), heading_words("n")
    ('velocity (µm/s)', 'left out x', 'n')
    """
    for ending, unit in UNIT_ENDINGS.items():
        if column.endswith(ending):
            return f"{column.removesuffix(ending).replace('_', ' ')} ({unit})"
    return column.replace("_", " ")


def _prepare_file(output: dict[str, Any], file: dict[str, Any], chapter: ChapterEntry) -> None:
    """Show a written file as a line with a link."""
    link = f'<a href="{files_href(chapter)}/{escape(file["name"])}" download>{escape(file["name"])}</a>'
    size = f'<span class="c-size">{file["bytes"] / 1024:,.1f} KiB</span>'
    about = inline_markdown(str(file.get("about", "")))
    output["data"] = {"text/html": f'<p class="c-file">{link} ({size}): {about}</p>'}


def files_href(chapter: ChapterEntry) -> str:
    """Return the path from a chapter's page to its files."""
    return f"{'../' * chapter.page.count('/')}files/{chapter.page}"


def _point_to_labels(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\]\(#([\w.-]+)\)", lambda m: f"](#{labels.get(m.group(1), m.group(1))})", text)


def _insert_header(cells: list[dict[str, Any]], chapter: ChapterEntry, header: str) -> list[dict[str, Any]]:
    for index, cell in enumerate(cells):
        source = source_of(cell)
        heading = re.search(r"^# .+$", source, re.MULTILINE) if cell["cell_type"] == "markdown" else None
        if heading:
            before, after = source[: heading.end()], source[heading.end() :]
            return [
                *cells[:index],
                {**cell, "source": f"{before}\n\n{raw(header)}\n{after}".rstrip() + "\n"},
                *cells[index + 1 :],
            ]
    raise SiteError(
        f"{chapter.id}: a chapter has one heading of level one. Found none in its Markdown cells."
    )
