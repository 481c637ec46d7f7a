"""The kinds of inputs as a part of the your-data page: what each holds, and which chapters take it."""

from collections.abc import Iterable

from compendium.run.chapters import Chapter, list_chapters
from compendium.run.columns import TYPES, Field
from compendium.run.file_kinds import FILE_KINDS
from compendium.run.schemas import SCHEMAS, Schema
from compendium.run.templates import ordered_fields
from compendium.site.badges import escape, page_link, spell_unit
from compendium.site.content import Content
from compendium.site.tables import html_table

MOST_COLUMNS = 8


def input_kinds(content: Content) -> str:
    """Return every kind of input, tables first, each with the chapters that take it; from their declarations."""
    takers = _takers(list_chapters())
    shown = {chapter.id for chapter in content.chapters}
    tables = [_table_kind(schema, _links(takers.get(schema.name, []), shown)) for schema in SCHEMAS.values()]
    files = [
        [f"<code>{escape(name)}</code>", escape(kind.about), _links(takers.get(name, []), shown) or "–"]
        for name, kind in FILE_KINDS.items()
    ]
    head = ["Kind", "What it is", "Chapters that take it"]
    return "\n".join(
        [
            f"<p>{len(tables)} kinds of tables. Each opens to its columns; a star marks those that must be there.</p>",
            *tables,
            f"<p>{len(files)} kinds of files and folders:</p>",
            html_table(head, files, name="runs"),
        ]
    )


def _takers(chapters: Iterable[Chapter]) -> dict[str, list[tuple[Chapter, str]]]:
    """Return the chapters, with the name of the input, by schema or kind of file."""
    found: dict[str, list[tuple[Chapter, str]]] = {}
    for chapter in chapters:
        for declared in chapter.inputs.values():
            kind = declared.schema if declared.kind == "table" else declared.kind
            found.setdefault(kind, []).append((chapter, declared.name))
    return found


def _links(takers: list[tuple[Chapter, str]], shown: set[str]) -> str:
    """Links to chapters, each with the words of the command line that hand the input in."""
    parts = []
    for chapter, name in takers:
        link = page_link(chapter.id, escape(chapter.id), 0) if chapter.id in shown else escape(chapter.id)
        parts.append(f"{link} <code>-i {escape(name)}=…</code>")
    return "<br>".join(parts)


def _table_kind(schema: Schema, links: str) -> str:
    head = ["Column", "Type", "What it holds", "Unit", "Range", "Missing", "Example"]
    rows = [_row(field) for field in ordered_fields(schema)]
    taken = f"<p>Taken by<br>{links}</p>" if links else "<p>No chapter of this build takes it.</p>"
    return (
        f'<details class="c-kind" id="kind-{escape(schema.name)}"><summary><code>{escape(schema.name)}</code>: '
        f"{escape(schema.about)}</summary>{taken}{html_table(head, rows, name='runs')}{_example(schema)}</details>"
    )


def _row(field: Field) -> list[str]:
    star = "*" if field.required else ""
    words = [escape(field.description)]
    words += [f"one of {escape(', '.join(field.choices))}"] if field.choices else []
    words += [f"also found as {escape(', '.join(field.aliases[:4]))}"] if field.aliases else []
    words += [
        f"<code>{escape(own.name)}</code>: {escape(own.description)}, {escape(spell_unit(own.unit))}"
        for own in field.special
    ]
    ends = [f"{end:g}" if isinstance(end, float) else str(end) for end in field.range or ()]
    span = " to ".join(map(escape, ends)) if ends and field.type != "flag" else "–"
    return [
        f"<code>{escape(field.name)}</code>{star}",
        escape(TYPES[field.type]),
        "; ".join(words),
        escape(spell_unit(field.unit)) or "–",
        span,
        "allowed" if field.may_be_missing else "no",
        escape(field.example) or "–",
    ]


def _example(schema: Schema) -> str:
    if not schema.examples:
        return ""
    columns = list(schema.examples[0])
    rows = [[escape(row.get(name, "")) for name in columns] for row in schema.examples]
    if len(columns) > MOST_COLUMNS:  # turned, so that nothing lies beyond the edge of the page
        rows = [
            [f"<code>{escape(name)}</code>", *column]
            for name, column in zip(columns, zip(*rows, strict=True), strict=True)
        ]
        columns = ["column", *(f"row {number}" for number in range(1, len(schema.examples) + 1))]
    return html_table(columns, rows, caption="A valid table of this kind, made up.", name="dense")
