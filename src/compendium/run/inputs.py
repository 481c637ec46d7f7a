"""Tables that a user hands in: held against a schema.

A schema (`compendium.run.schemas`) declares columns with type, unit, range and example; the template, the
description on the command line, the your-data page and the validation all come from it. Cells are text until
a column's type has read them (`compendium.run.columns`), and every refusal is one line: file, row (line in
the file), field, rule, value.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pandas as pd

from compendium.io.messages import show
from compendium.io.tables import Table, TableError, read_table, same_name
from compendium.run.columns import TYPES, Field, Problem, read_column
from compendium.run.file_kinds import FILE_KINDS
from compendium.run.schemas import SCHEMAS, Schema

__all__ = [
    "FILE_KINDS",
    "SCHEMAS",
    "Field",
    "InputError",
    "Schema",
    "describe",
    "template_text",
    "validate",
    "write_template",
]

MAX_FOUND = 8  # names of columns that a message lists


class InputError(TableError):
    """Something handed in cannot be used; one line with file, row, field, rule and value."""


def validate(path: str | Path, schema: Schema | str) -> pd.DataFrame:
    """Read a table and hold it against its schema.

    Parameters
    ----------
    path : str or Path
        CSV or TSV file (see `compendium.io.tables`).
    schema : Schema or str
        A schema, or its name in `SCHEMAS`.

    Returns
    -------
    DataFrame, one row per record, in the order of the file
        Columns under their declared names: identifiers and texts `str`, flags `int64` (`Int64` where missing
        is allowed), dates `datetime64`, numbers `float64`; columns that the schema does not know stay text.
        `attrs["notes"]`, a tuple of sentences: how it was read, renamed and unused columns, missing values.

    Raises
    ------
    InputError
        One line for the first problem in the file, with the number of further ones.
    KeyError
        `schema` is a name that `SCHEMAS` does not hold.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "reads.csv"
    >>> _ = file.write_text("patient,examination,reference,read_a\\nP1,E1,1,1\\nP1,E2,0,\\nP2,E3,0,0\\n")
    >>> validate(file, "examinations")
      patient examination  reference  read_a
    0      P1          E1          1       1
    1      P1          E2          0    <NA>
    2      P2          E3          0       0
    """
    try:
        return _validate(read_table(path), _schema(schema))
    except InputError:
        raise
    except TableError as error:
        raise InputError(
            error.file, error.rule, error.value, row=error.row, field=error.field, more=error.more
        ) from None


def template_text(schema: Schema | str) -> str:
    """Text of an empty, documented input file: comments, then the header; read back, it has no rows."""
    schema = _schema(schema)
    columns = list(schema.examples[0])
    lines = [f"{schema.name}: {schema.about}"]
    lines += ["Fill in rows below the last line, which is the header. Lines like this one are skipped.", ""]
    lines += [*_field_lines(schema), "", "Example:"]
    lines += [
        ",".join(columns),
        *(",".join(row.get(name, "") for name in columns) for row in schema.examples),
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + ",".join(columns) + "\n"


def write_template(schema: Schema | str, path: str | Path) -> Path:
    """Write an empty, documented input file; an existing file is left alone.

    Raises
    ------
    InputError
        The file exists already, or cannot be written.
    """
    path = Path(path)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(template_text(schema))
    except FileExistsError:
        raise InputError(
            path, "a template must not overwrite a file: name another one", "an existing file"
        ) from None
    except OSError as error:
        raise InputError(
            path, "a template must be writable", error.strerror or type(error).__name__
        ) from None
    return path


def describe(schema: Schema | str) -> str:
    """Describe a schema in plain lines, for the command line.

    Examples
    --------
    >>> print(describe("examinations").splitlines()[1])
      patient      required  identifier; patient examined, as text; several rows may share one
    """
    schema = _schema(schema)
    return "\n".join(
        [f"{schema.name} ({schema.kind}): {schema.about}", *(f"  {line}" for line in _field_lines(schema))]
    )


def _schema(schema: Schema | str) -> Schema:
    return SCHEMAS[schema] if isinstance(schema, str) else schema


def _field_lines(schema: Schema) -> list[str]:
    fields = [
        *schema.fields[: _last_required(schema)],
        *schema.patterns,
        *schema.fields[_last_required(schema) :],
    ]
    width = max(len(field.name) for field in fields)
    return [
        f"{f.name:<{width}}  {'required' if f.required else 'optional'}  {TYPES[f.type]}; {f.explain()}"
        for f in fields
    ]


def _last_required(schema: Schema) -> int:
    return max((i + 1 for i, field in enumerate(schema.fields) if field.required), default=0)


def _validate(table: Table, schema: Schema) -> pd.DataFrame:
    columns, notes = _match_columns(table, schema)
    if table.frame.empty:
        raise InputError(
            table.path,
            "must hold at least one row below the header",
            "no rows",
            row=table.header_line,
            field="(all)",
        )
    data: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for original, (name, field) in columns.items():
        if field is None:
            data[name] = table.frame[original]
            continue
        column = read_column(table, original, field)
        data[name] = column.values
        problems += column.problems
        notes += column.notes
    frame = pd.DataFrame(data)
    if not problems:
        problems = [problem for check in schema.checks for problem in check(frame, table)]
    if problems:
        _raise_first(table, problems)
    frame.attrs["notes"] = (*table.notes, *notes)
    return frame


def _raise_first(table: Table, problems: list[Problem]) -> None:
    first = min(problems, key=lambda p: len(table.lines) if p.index is None else p.index)
    row = None if first.index is None else int(table.lines[first.index])
    more = sum(p.count for p in problems) - 1
    raise InputError(table.path, first.rule, first.value, row=row, field=first.field, more=more)


def _match_columns(table: Table, schema: Schema) -> tuple[dict[str, tuple[str, Field | None]], list[str]]:
    """Declared name and field (None where the schema has none) of every column of the file; and notes."""
    declared = {same_name(field.name): field for field in schema.fields}
    declared |= _found_aliases(table, schema)
    matched: dict[str, tuple[str, Field | None]] = {}
    notes = []
    for original in table.frame.columns:
        field = declared.get(same_name(original))
        name = field.name if field else original
        pattern = (
            None
            if field
            else next((p for p in schema.patterns if same_name(original).startswith(p.prefix)), None)
        )
        if pattern:
            field, name = pattern, _pattern_name(table, original, pattern)
        matched[original] = (name, field)
        if name != original:
            notes.append(f"column {show(original)} is read as {name}.")
        if field is None:
            close = difflib.get_close_matches(same_name(original), list(declared), n=1, cutoff=0.75)
            hint = f" (did you mean {declared[close[0]].name}?)" if close else ""
            notes.append(f"column {show(original)} is not used{hint}.")
    _check_required(table, schema, {field.name for _, field in matched.values() if field})
    return matched, notes


def _found_aliases(table: Table, schema: Schema) -> dict[str, Field]:
    """Fields that stand in the file under a name that another program gives them."""
    present = {same_name(column) for column in table.frame.columns}
    found = {}
    for field in schema.fields:
        names = [same_name(alias) for alias in field.aliases if same_name(alias) in present]
        if names and same_name(field.name) not in present:
            found[names[0]] = field
    return found


def _pattern_name(table: Table, original: str, pattern: Field) -> str:
    name = same_name(original)
    rest = name.removeprefix(pattern.prefix)
    if rest.isascii() and rest.replace("_", "").isalnum():
        return name
    rule = f"a column {pattern.name} must be named by letters a-z, digits and _ after {pattern.prefix}"
    raise InputError(table.path, rule, show(original), row=table.header_line, field=original)


def _check_required(table: Table, schema: Schema, present: set[str]) -> None:
    missing = [f for f in (*schema.fields, *schema.patterns) if f.required and f.name not in present]
    if not missing:
        return
    names = list(table.frame.columns)
    found = ", ".join(show(name, 30) for name in names[:MAX_FOUND]) + (
        ", …" if len(names) > MAX_FOUND else ""
    )
    close = difflib.get_close_matches(missing[0].name, [same_name(n) for n in names], n=1, cutoff=0.75)
    hint = f" (did you mean it by {show(close[0])}?)" if close else ""
    single = " (columns are separated by comma, semicolon or tab)" if len(names) == 1 else ""
    rule = f"the column {missing[0].name} must be there{single or hint}"
    if missing[0].name.endswith(">"):
        rule = f"at least one column {missing[0].name} must be there{single or hint}"
    columns = f"the column{'s' if len(names) > 1 else ''} {found}"
    raise InputError(
        table.path, rule, columns, row=table.header_line, field=missing[0].name, more=len(missing) - 1
    )


def check_input(path: Path, kind: str, schema: str) -> tuple[str, ...]:
    """Look at an input before anything runs, and return what a user should be told about how it was read.

    Parameters
    ----------
    path : what was handed in.
    kind : "table", or one of `compendium.run.file_kinds.FILE_KINDS`.
    schema : of a table.

    Raises
    ------
    TableError : it cannot be used; one line.
    """
    if kind == "table":
        return tuple(validate(path, schema).attrs.get("notes", ()))
    return FILE_KINDS[kind].inspect(path)
