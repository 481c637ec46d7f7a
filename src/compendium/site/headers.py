"""What stands below a chapter's title: how its numbers stand, where to go from here, how the page was made."""

import re
from typing import Any

from compendium.io.practice import ITEMS, standing_of
from compendium.run.crate import crate_path
from compendium.run.store import RunStore
from compendium.site.badges import count_badges, escape, evidence_badge, format_number, page_link
from compendium.site.content import ChapterEntry, Content
from compendium.site.datasets import practice_rows
from compendium.site.notebooks import files_href
from compendium.site.pointers import finding_anchor, findings_of_chapter
from compendium.site.reporting import methods_block
from compendium.site.standing import standing_badges
from compendium.site.standing import standing_of as claims_standing_of
from compendium.site.tables import html_table

SHOWN_PACKAGES = (
    "numpy", "scipy", "pandas", "statsmodels", "scikit-learn",
    "matplotlib", "numba", "dipy", "nibabel", "simpleitk",
)  # fmt: skip


def chapter_header(chapter: ChapterEntry, content: Content, known_names: frozenset[str] = frozenset()) -> str:
    """Return the header of a chapter's page.

    Parameters
    ----------
    chapter : the chapter, of the published book or of a named run.
    content : everything the site shows.
    known_names : dotted names that the reference of the package has anchors for.
    """
    depth = chapter.page.count("/")
    lines = ['<div class="page-header">']
    if content.named:
        lines.append(f"<p>{run_words(chapter)}</p>")
        lines.append(practice_block(chapter))
    else:
        lines += _standing_lines(chapter, content, depth)
    name = chapter.id.split("/")[1]
    links = [
        f'<a href="{files_href(chapter)}.ipynb" download="{escape(name)}.ipynb">Download the notebook</a>'
    ]
    if content.named and crate_path(chapter.run).is_file():
        links.append(f'<a href="{crate_href(chapter)}" download>Download the run (RO-Crate)</a>')
    if not content.named:
        links = _ways(chapter, content, depth) + links
    lines.append(f'<p class="page-links">{" · ".join(links)}</p>')
    lines += [methods_block(chapter), how_made(chapter, depth, known_names), "</div>"]
    return "\n".join(lines)


def crate_href(chapter: ChapterEntry) -> str:
    """Return the path from the page of a named run to its crate."""
    return f"{'../' * chapter.page.count('/')}files/{chapter.run}.crate.zip"


def practice_block(chapter: ChapterEntry) -> str:
    """Return, folded, what the person who ran it states about the data, and what is missing; open while anything is."""
    standing = standing_of(RunStore(chapter.run).read_statements())
    table = html_table(["Question", "Stated"], practice_rows(standing), name="inventory practice")
    answered = len(ITEMS) - len(standing.missing)
    words = f"What others must know about these data: {answered} of {len(ITEMS)} questions answered"
    return f'<details class="practice"><summary>{words}</summary>{table}</details>'


def run_words(chapter: ChapterEntry) -> str:
    """Return what a named run was computed from, as HTML."""
    run = f"for the run “{escape(chapter.run)}”"
    if chapter.of_user:
        return f"{evidence_badge('user')} Computed from what was handed in {run}."
    return f"Printed counts, your parameters: no data were handed in {run}."


def _standing_lines(chapter: ChapterEntry, content: Content, depth: int) -> list[str]:
    claims = [c for c in content.claims if str(c.get("result") or "").startswith(f"{chapter.id}#")]
    if not claims:
        return []
    standing = claims_standing_of(claims)
    sources = [c["evidence"] for c in claims if c.get("ours") is not None and c["evidence"]]
    met = "1 printed number meets" if len(claims) == 1 else f"{len(claims)} printed numbers meet"
    lines = [
        f'<p class="standing"><span class="badge-lead">{met} this chapter.</span> '
        f"{standing_badges(standing)}</p>"
    ]
    if sources:
        lines.append(
            f'<p class="standing"><span class="badge-lead">Where ours come from:</span> '
            f'<span class="badge-row">{count_badges(sources, "evidence")}</span></p>'
        )
    return lines


def _ways(chapter: ChapterEntry, content: Content, depth: int) -> list[str]:
    study = content.studies.get(chapter.study)
    ways = [page_link(chapter.study, f"The study: {escape(study.short)}", depth)] if study else []
    if any(claim["study"] == chapter.study for claim in content.claims):
        ways.append(
            f'<a href="{"../" * depth}claims.html?study={chapter.study}&amp;q={chapter.id}">Its printed numbers</a>'
        )
    found = findings_of_chapter(chapter.id, content)
    if found:
        words = f"{len(found)} {'finding' if len(found) == 1 else 'findings'}"
        place = finding_anchor(chapter.study, found[0]["id"]) if len(found) == 1 else chapter.study
        ways.append(page_link("findings", words, depth, place))
    return ways


def how_made(chapter: ChapterEntry, depth: int = 0, known_names: frozenset[str] = frozenset()) -> str:
    """Return the folded block: parameters, versions, checksums of the inputs, functions, when, how long and why."""
    provenance = chapter.provenance
    packages = provenance.get("packages", {})
    shown = [f"{escape(name)} {escape(packages[name])}" for name in SHOWN_PACKAGES if name in packages]
    rest = [
        f"{escape(name)} {escape(version)}"
        for name, version in sorted(packages.items())
        if name not in SHOWN_PACKAGES
    ]
    seconds = provenance.get("seconds")
    rows = [
        ("Parameters", _parameters(chapter)),
        ("Inputs", _inputs(provenance.get("inputs", {}))),
        ("Executed", escape(provenance.get("started", "not recorded"))),
        ("Took", "not recorded" if seconds is None else f"{format_number(round(float(seconds), 1))} s"),
        ("Why it ran", escape(provenance.get("reason", "not recorded"))),
        ("Python", escape(provenance.get("python", "not recorded"))),
        ("Packages", ", ".join([*shown, *rest]) or "not recorded"),
        ("Functions it calls", _calls(chapter, depth, known_names)),
    ]
    body = "\n".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    return f'<details class="how-made"><summary>How this page was made</summary><dl>{body}</dl></details>'


def _parameters(chapter: ChapterEntry) -> str:
    parameters = chapter.results.get("parameters") or chapter.provenance.get("parameters", {})
    shown = [
        f"<code>{escape(name)} = {escape(shown_value(value))}</code>" for name, value in parameters.items()
    ]
    return "<br>".join(shown) or "none"


def shown_value(value: Any) -> str:
    """Return a parameter's value for a page: of a path only the file's name.

    >>> shown_value("/home/someone/my table.csv"), shown_value(0.95)
    ('my table.csv', '0.95')
    """
    text = str(value)
    return re.split(r"[\\/]", text.rstrip("/"))[-1] if re.match(r"/|~|[A-Za-z]:[\\/]", text) else text


def reading_words(reading: dict[str, Any]) -> list[str]:
    """Say in short lines how a table was read.

    >>> reading_words({"columns": {"histology": "H&E"}, "units": {"size": "cm"}, "sheet": "A"})
    ['histology = H&E', 'size in cm', 'sheet: A']
    """
    words = [f"{column} = {name}" for column, name in reading.get("columns", {}).items()]
    words += [f"{column} in {unit}" for column, unit in reading.get("units", {}).items()]
    rest = {key: value for key, value in reading.items() if key not in ("columns", "units")}
    return words + [
        f"{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in rest.items()
    ]


def _inputs(inputs: dict[str, Any]) -> str:
    rows = []
    for name, entry in inputs.items():
        entry = entry if isinstance(entry, dict) else {"sha256": entry}
        size = f", {entry['bytes']} bytes" if "bytes" in entry else ""
        file = shown_value(entry.get("path", ""))
        checksum = f"<code>sha256 {escape(entry.get('sha256', '–'))}</code>"
        said = "".join(
            f"<br><code>{escape(word)}</code>" for word in reading_words(entry.get("reading") or {})
        )
        rows.append(f"<li>{escape(name)} {escape(file)}{size}<br>{checksum}{said}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else "none besides the printed numbers"


def _calls(chapter: ChapterEntry, depth: int, known_names: frozenset[str]) -> str:
    rows = []
    for module, names in chapter.calls.items():
        group = module.split(".")[0]
        linked = [
            f'<a href="{"../" * depth}api/{group}.html#compendium.{module}.{name}"><code>{name}</code></a>'
            for name in names
            if f"compendium.{module}.{name}" in known_names
        ]
        if linked:
            rows.append(f"<li>{escape(module)}: {', '.join(linked)}</li>")
    return f"<ul>{''.join(rows)}</ul>" if rows else ""
