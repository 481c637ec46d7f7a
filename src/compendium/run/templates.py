"""Empty, documented input files, and what a kind of table holds in words: all from its declaration."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from compendium.run.columns import TYPES, Field, InputError
from compendium.run.schemas import SCHEMAS, Schema

__all__ = ["describe", "field_lines", "ordered_fields", "template_text", "write_template"]

WORKBOOK = (".xlsx", ".xlsm")
_PLAIN = str.maketrans(
    {"µ": "u", "μ": "u", "²": "2", "³": "3", "×": "x", "–": "-", "δ": "delta", "Δ": "Delta"}
)
"""Signs that a spreadsheet shows wrongly when it opens a CSV file as Windows-1252."""


def template_text(schema: Schema | str) -> str:
    """Text of an empty, documented input file: comments, then the header; read back, it has no rows."""
    schema = SCHEMAS[schema] if isinstance(schema, str) else schema
    columns = list(schema.examples[0])
    lines = [*_opening(schema), "Lines like this one are skipped.", "", *field_lines(schema), "", "Example:"]
    lines += _csv_lines([columns, *([row.get(name, "") for name in columns] for row in schema.examples)])
    text = "".join(f"# {line}".rstrip() + "\n" for line in lines) + _csv_lines([columns])[0] + "\n"
    return text.translate(_PLAIN)


def write_template(schema: Schema | str, path: str | Path) -> Path:
    """Write an empty, documented input file: a workbook when the name ends so, else CSV; no file is overwritten.

    Raises
    ------
    InputError
        The file exists already, or cannot be written.
    """
    path = Path(path)
    schema = SCHEMAS[schema] if isinstance(schema, str) else schema
    book = path.suffix.lower() in WORKBOOK
    content = _workbook(schema) if book else template_text(schema).encode("utf-8")
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        rule = "a template must not overwrite a file: name another one"
        raise InputError(path, rule, "an existing file") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(path, "a template must be writable", reason) from None
    return path


def describe(schema: Schema | str) -> str:
    """Describe a schema in plain lines, for the command line.

    Examples
    --------
    >>> print(describe("examinations").splitlines()[1])
      patient      required  identifier; patient examined, as text; several rows may share one
    """
    schema = SCHEMAS[schema] if isinstance(schema, str) else schema
    return "\n".join(
        [f"{schema.name} ({schema.kind}): {schema.about}", *(f"  {line}" for line in field_lines(schema))]
    )


def field_lines(schema: Schema) -> list[str]:
    """One line per column: name, whether it is needed, type, what it holds."""
    fields = ordered_fields(schema)
    width = max(len(field.name) for field in fields)
    return [
        f"{f.name:<{width}}  {'required' if f.required else 'optional'}  {TYPES[f.type]}; {f.explain()}"
        for f in fields
    ]


def ordered_fields(schema: Schema) -> list[Field]:
    """Columns in the order of reading: up to the last required one, the patterns, the others."""
    last = max((i + 1 for i, field in enumerate(schema.fields) if field.required), default=0)
    return [*schema.fields[:last], *schema.patterns, *schema.fields[last:]]


def _opening(schema: Schema) -> list[str]:
    return [f"{schema.name}: {schema.about}", "Fill in rows below the last line, which is the header."]


def _csv_lines(rows: list[list[str]]) -> list[str]:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().splitlines()


def _workbook(schema: Schema) -> bytes:
    """A workbook with the header on a sheet named like the schema, and its columns explained on another."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet, about = book.active, book.create_sheet("columns")
    sheet.title = schema.name[:31]
    columns = list(schema.examples[0])
    sheet.append(columns)
    about.append(["column", "required", "type", "what it holds", "unit", "example"])
    for field in ordered_fields(schema):
        needed = "required" if field.required else "optional"
        about.append([field.name, needed, TYPES[field.type], field.explain(), field.unit, field.example])
    about.append([])
    about.append([f"Example of sheet {schema.name} (as text):"])
    for row in [dict(zip(columns, columns, strict=True)), *schema.examples]:
        about.append([row.get(name, "") for name in columns])
    for page in (sheet, about):
        page.freeze_panes = "A2"
        for cell in page[1]:
            cell.font = Font(bold=True)
    for position, name in enumerate(columns, start=1):
        letter = sheet.cell(1, position).column_letter
        sheet.column_dimensions[letter].width = max(12, len(name) + 2)
        if _type_of(schema, name) in ("id", "text", "date"):  # kept as typed: no lost zeros, no day numbers
            sheet.column_dimensions[letter].number_format = "@"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _type_of(schema: Schema, name: str) -> str:
    found = [f.type for f in schema.fields if f.name == name]
    found += [p.type for p in schema.patterns if name.startswith(p.prefix)]
    return found[0] if found else "text"
