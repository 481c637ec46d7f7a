"""Pages of the site of named runs that lay runs of one chapter beside each other."""

from collections.abc import Sequence
from typing import Any

from compendium.run.compare import Compared, Number, Row, compare_numbers, differing_parameters
from compendium.site.badges import (
    escape,
    evidence_badge,
    format_interval,
    format_number,
    page_link,
    raw,
    spell_unit,
)
from compendium.site.content import PUBLISHED, ChapterEntry, Content
from compendium.site.headers import reading_words, shown_value
from compendium.site.tables import html_table

FOLDER = "compare"
THE_BOOK = "the book"
"""How the published run is called beside a person's own."""


def comparisons(content: Content) -> dict[str, list[ChapterEntry]]:
    """Return the chapters that two or more named runs have, by page: their runs, the book's last."""
    runs: dict[str, list[ChapterEntry]] = {}
    for chapter in content.chapters:
        if chapter.results and chapter.run != PUBLISHED:
            runs.setdefault(chapter.id, []).append(chapter)
    book = {chapter.id: chapter for chapter in content.published if chapter.results}
    several = {name: found for name, found in runs.items() if len(found) > 1}
    return {
        f"{FOLDER}/{name}": [*found, *([book[name]] if name in book else [])]
        for name, found in sorted(several.items())
    }


def comparison_page(page: str, chapters: Sequence[ChapterEntry]) -> str:
    """Return the page that compares the runs of a chapter."""
    runs = [Compared(chapter.run, chapter.results, chapter.provenance) for chapter in chapters]
    names = [_called(run) for run in runs]
    depth = page.count("/")
    with_book = any(run.of_book for run in runs)
    said = (
        f" The column “{THE_BOOK}” holds the numbers of the published book, for orientation; it is no run of yours and "
        "enters no difference."
        if with_book
        else ""
    )
    parts = [
        f"# Side by side: {chapters[0].title}",
        "The numbers of these runs stand beside each other, each with its own interval. Nothing is tested here: runs may "
        f"share patients, and two intervals that overlap can still belong to a difference.{said}",
        f"## What the runs are\n{raw(_runs_table(chapters, names, depth))}",
        f"## Parameters that differ\n{raw(_parameters(runs, names))}",
        f"## Numbers\n{raw(_numbers(runs, names))}",
    ]
    figures = _figures(chapters, names, depth)
    return "\n\n".join([*parts, *([f"## Figures\n{raw(figures)}"] if figures else [])]) + "\n"


def comparison_links(content: Content) -> str:
    """Return the part of the first page that leads to the comparisons; empty when there is none."""
    rows = [
        [
            page_link(page, escape(found[0].title), 0),
            escape(", ".join(c.run for c in found if c.run != PUBLISHED)),
        ]
        for page, found in comparisons(content).items()
    ]
    return f"## Side by side\n{raw(html_table(['Chapter', 'Runs'], rows, name='runs'))}" if rows else ""


def _called(run: Compared) -> str:
    return THE_BOOK if run.of_book else run.run


def _runs_table(chapters: Sequence[ChapterEntry], names: Sequence[str], depth: int) -> str:
    rows = []
    for chapter, name in zip(chapters, names, strict=True):
        own = chapter.run != PUBLISHED
        rows.append(
            [
                page_link(chapter.page, escape(name), depth) if own else escape(name),
                _inputs(chapter.provenance.get("inputs") or {}, own),
                escape(chapter.provenance.get("started", "not recorded")),
            ]
        )
    return html_table(["Run", "Handed in", "Executed"], rows, name="runs")


def _inputs(inputs: dict[str, Any], own: bool) -> str:
    lines = []
    for name, entry in inputs.items():
        size = f", {entry['bytes']} bytes" if "bytes" in entry else ""
        line = f"{escape(name)}: {escape(shown_value(entry.get('path', '')))}{escape(size)}"
        line += f"<br><code>sha256 {escape(str(entry.get('sha256', '–'))[:16])}…</code>"
        lines += [
            line,
            *(f"<code>{escape(word)}</code>" for word in reading_words(entry.get("reading") or {})),
        ]
    return "<br>".join(lines) or ("nothing: printed counts, your parameters" if own else "printed numbers")


def _parameters(runs: Sequence[Compared], names: Sequence[str]) -> str:
    differing = differing_parameters(runs)
    if not differing:
        return "<p>None: all runs have the same parameters.</p>"
    rows = [
        [f"<code>{escape(name)}</code>", *("–" if v is None else escape(shown_value(v)) for v in values)]
        for name, values in differing.items()
    ]
    return html_table(["Parameter", *names], rows, name="runs")


def _numbers(runs: Sequence[Compared], names: Sequence[str]) -> str:
    own = [name for run, name in zip(runs, names, strict=True) if not run.of_book]
    difference = f"{own[1]} − {own[0]}" if len(own) == 2 else "Largest difference between your runs"
    rows = [_row(row) for row in compare_numbers(runs)]
    return html_table(["Result", *names, difference, "Evidence"], rows, name="runs")


def _row(row: Row) -> list[str]:
    about = f'<span class="topic">{escape(row.about)}</span>' if row.about else ""
    unit = f" ({escape(spell_unit(row.unit))})" if row.unit not in ("", "1", "none") else ""
    evidence = list(dict.fromkeys(number.evidence for number in row.numbers if number is not None))
    return [
        f"<code>{escape(row.name)}</code>{unit}{about}",
        *(_cell(number) for number in row.numbers),
        format_number(row.difference),
        " ".join(evidence_badge(label) for label in evidence),
    ]


def _cell(number: Number | None) -> str:
    if number is None:
        return "–"
    if number.value is None:
        return "not estimable"
    interval = format_interval(number.interval) if number.interval else ""
    shown = f'<br><span class="quiet">{interval}</span>' if interval else ""
    return f"{format_number(number.value)}{shown}"


def _figures(chapters: Sequence[ChapterEntry], names: Sequence[str], depth: int) -> str:
    """Every figure that two or more runs have, the runs beside each other."""
    known = dict.fromkeys(name for chapter in chapters for name in chapter.results.get("figures", {}))
    blocks = []
    for figure in known:
        shown = [
            _figure(chapter, figure, name, depth)
            for chapter, name in zip(chapters, names, strict=True)
            if figure in chapter.results.get("figures", {}) and (chapter.figures / f"{figure}.svg").is_file()
        ]
        if len(shown) > 1:
            blocks.append(f'<h3>{escape(figure)}</h3><div class="c-beside">{"".join(shown)}</div>')
    return "\n".join(blocks)


def _figure(chapter: ChapterEntry, figure: str, name: str, depth: int) -> str:
    alternative = " ".join(str(chapter.results["figures"][figure].get("alt", "")).split())
    source = f"{'../' * depth}files/{chapter.page}/{figure}.svg"
    text = escape(f"{name}: {alternative}")
    return (
        f'<figure><img src="{escape(source)}" alt="{text}"><figcaption>{escape(name)}</figcaption></figure>'
    )
