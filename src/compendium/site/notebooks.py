"""Executed notebooks made ready for the book: a header, captions, alternative text, numbered cells."""

import copy
import re
from typing import Any

from compendium.site.badges import (
    count_badges,
    escape,
    evidence_badge,
    format_number,
    inline_markdown,
    raw,
)
from compendium.site.content import ChapterEntry
from compendium.site.errors import SiteError

SHOWN_PACKAGES = (
    "numpy", "scipy", "pandas", "statsmodels", "scikit-learn",
    "matplotlib", "numba", "dipy", "nibabel", "simpleitk",
)  # fmt: skip
CAPTION = re.compile(r"<caption>.*?</caption>", re.DOTALL)


def prepare_notebook(
    notebook: dict[str, Any], chapter: ChapterEntry, claims: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the notebook for the book and what the rendered page has to be completed with.

    Parameters
    ----------
    notebook : an executed notebook (nbformat 4, as read from JSON); it is not changed.
    chapter : the chapter it belongs to.
    claims : the claims of the check report that point to this chapter.

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
    notebook["cells"] = _insert_header(notebook["cells"], chapter, claims)
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
    for output in cell.get("outputs", []):
        marks = output.get("metadata", {}).get("compendium", {})
        if "figure" in marks:
            _prepare_figure(cell, marks["figure"], number, chapter, extras)
        elif "table" in marks:
            _prepare_table(output, marks["table"], number, chapter, extras)
    if _only_says(cell) and not {"hide-input", "show-input"} & set(tags):
        tags += ["remove-input", "says"]


def _only_says(cell: dict[str, Any]) -> bool:
    outputs = cell.get("outputs", [])
    said = bool(outputs) and all("text/markdown" in output.get("data", {}) for output in outputs)
    return said and source_of(cell).lstrip().startswith("chapter.say(")


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
    markup = CAPTION.sub("", markup)
    links = f'<a href="#cell-{number}">the cell that computes it</a>'
    if (chapter.figures / f"{name}.csv").is_file():
        links = f'<a href="{files_href(chapter)}/{escape(name)}.csv" download>CSV</a> · {links}'
    caption = f'{inline_markdown(table.get("caption", ""))} <span class="figure-links">{links}</span>'
    figure = (
        f'<figure class="c-table" id="{escape(name)}"><figcaption>{caption}</figcaption>{markup}</figure>'
    )
    output["data"] = {"text/html": figure}
    extras["tables"][name] = {"cell": number}


def files_href(chapter: ChapterEntry) -> str:
    """Return the path from a chapter's page to its files."""
    return f"{'../' * chapter.page.count('/')}files/{chapter.page}"


def _point_to_labels(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\]\(#([\w.-]+)\)", lambda m: f"](#{labels.get(m.group(1), m.group(1))})", text)


def _insert_header(
    cells: list[dict[str, Any]], chapter: ChapterEntry, claims: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    for index, cell in enumerate(cells):
        source = source_of(cell)
        heading = re.search(r"^# .+$", source, re.MULTILINE) if cell["cell_type"] == "markdown" else None
        if heading:
            before, after = source[: heading.end()], source[heading.end() :]
            header = raw(chapter_header(chapter, claims))
            return [
                *cells[:index],
                {**cell, "source": f"{before}\n\n{header}\n{after}".rstrip() + "\n"},
                *cells[index + 1 :],
            ]
    raise SiteError(
        f"{chapter.id}: a chapter has one heading of level one. Found none in its Markdown cells."
    )


def chapter_header(chapter: ChapterEntry, claims: list[dict[str, Any]]) -> str:
    """Return the header of a chapter's page: badges, links and a folded block on how the page was made."""
    lines = ['<div class="page-header">']
    if chapter.run != "published":
        lines.append(
            f"<p>{evidence_badge('user')} Computed from what was handed in for the run "
            f"“{escape(chapter.run)}”.</p>"
        )
    elif claims:
        scored = [claim for claim in claims if claim["evidence"] != "setting"]
        lines.append(
            f'<p><span class="badge-lead">{len(scored)} printed numbers meet this chapter.</span> '
            f'<span class="badge-row">{count_badges((c["status"] for c in scored), "status")}</span></p>'
            f'<p><span class="badge-lead">Where ours come from:</span> '
            f'<span class="badge-row">{count_badges((c["evidence"] for c in scored), "evidence")}</span></p>'
        )
    name = chapter.id.split("/")[1]
    link = f'<a href="{files_href(chapter)}.ipynb" download="{escape(name)}.ipynb">Download the notebook</a>'
    lines.append(f'<p class="page-links">{link}</p>')
    lines += [how_made(chapter), "</div>"]
    return "\n".join(lines)


def how_made(chapter: ChapterEntry) -> str:
    """Return the folded block: parameters, versions, checksums of the inputs, when, how long and why."""
    provenance = chapter.provenance
    parameters = chapter.results.get("parameters") or provenance.get("parameters", {})
    packages = provenance.get("packages", {})
    shown = [f"{escape(name)} {escape(packages[name])}" for name in SHOWN_PACKAGES if name in packages]
    rest = [
        f"{escape(name)} {escape(version)}"
        for name, version in sorted(packages.items())
        if name not in SHOWN_PACKAGES
    ]
    seconds = provenance.get("seconds")
    rows = [
        ("Executed", escape(provenance.get("started", "not recorded"))),
        ("Took", "not recorded" if seconds is None else f"{format_number(round(float(seconds), 1))} s"),
        ("Why it ran", escape(provenance.get("reason", "not recorded"))),
        (
            "Parameters",
            ", ".join(f"<code>{escape(k)} = {escape(v)!s}</code>" for k, v in parameters.items()) or "none",
        ),
        ("Python", escape(provenance.get("python", "not recorded"))),
        ("Packages", ", ".join([*shown, *rest]) or "not recorded"),
    ]
    body = "\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return (
        f'<details class="how-made"><summary>How this page was made</summary><dl>{body}'
        f"<dt>Inputs</dt><dd>{_inputs(provenance.get('inputs', {}))}</dd></dl></details>"
    )


def _inputs(inputs: dict[str, Any]) -> str:
    rows = []
    for name, entry in inputs.items():
        entry = entry if isinstance(entry, dict) else {"sha256": entry}
        size = f", {entry['bytes']} bytes" if "bytes" in entry else ""
        file = str(entry.get("path", "")).rsplit("/", 1)[-1]
        checksum = f"<code>sha256 {escape(entry.get('sha256', '–'))}</code>"
        rows.append(f"<li>{escape(name)} {escape(file)}{size}<br>{checksum}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else "none besides the printed numbers"
