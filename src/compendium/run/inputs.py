"""Tables that a user hands in: held against a schema.

A schema (`compendium.run.schemas`) declares columns with type, unit, range and example; the template, the
description on the command line, the your-data page and the validation all come from it. Cells are text until
a column's type has read them (`compendium.run.columns`), and every refusal is one line: file, row (line in
the file), field, rule, value. What a person says about the file is a `compendium.run.readings.Reading`.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import pandas as pd

from compendium.io.messages import show
from compendium.io.redcap import is_redcap, select_rows
from compendium.io.tables import Table, TableError, read_table, same_name
from compendium.run.columns import Field, InputError, Problem, read_column
from compendium.run.file_kinds import FILE_KINDS
from compendium.run.readings import Reading, find_field
from compendium.run.schemas import SCHEMAS, Schema
from compendium.run.templates import describe, template_text, write_template

__all__ = [
    "FILE_KINDS",
    "SCHEMAS",
    "Field",
    "InputError",
    "Reading",
    "Schema",
    "check_input",
    "describe",
    "template_text",
    "validate",
    "write_template",
]

MAX_FOUND = 8  # names of columns that a message lists
Matched = list[tuple[str, str, Field | None]]
"""Name in the file, name in the frame, and field (None where the schema has none)."""


def validate(
    path: str | Path, schema: Schema | str, reading: Reading | None = None, name: str = ""
) -> pd.DataFrame:
    """Read a table and hold it against its schema.

    Parameters
    ----------
    path : str or Path
        CSV, TSV, Excel or Parquet file (see `compendium.io.tables`).
    schema : Schema or str
        A schema, or its name in `SCHEMAS`.
    reading : Reading, optional
        What a person says about the file: columns, units, sheet and so on.
    name : str
        The input's name, for questions that a message asks; by default the schema's.

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
    schema = SCHEMAS[schema] if isinstance(schema, str) else schema
    reading, name = reading or Reading(), name or schema.name
    try:
        table = read_table(path, options=reading.options(likely_sheet=schema.name))
        table = select_rows(table, reading.instrument, reading.event)
        return _validate(table, schema, reading, name)
    except TableError as error:
        rule, value = (text.replace("INPUT.", f"{name}.") for text in (error.rule, error.value))
        raise InputError(error.file, rule, value, row=error.row, field=error.field, more=error.more) from None
    except MemoryError:
        rule = "must fit into memory, as cells: hand in the rows and columns that are needed"
        raise InputError(str(path), rule, f"{Path(path).stat().st_size:,} bytes") from None


def _validate(table: Table, schema: Schema, reading: Reading, name: str) -> pd.DataFrame:
    matched, notes = _match_columns(table, schema, reading, name)
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
    for original, declared, field in matched:
        if field is None:
            data[declared] = table.frame[original]
            continue
        unit = reading.units.get(declared, "")
        column = read_column(table, original, field, unit, reading.missing, declared)
        data[declared] = column.values
        problems += column.problems
        notes += column.notes
    frame = pd.DataFrame(data)
    if not problems:
        under_new_names = replace(table, frame=_renamed(table.frame, reading))
        problems = [problem for check in schema.checks for problem in check(frame, under_new_names)]
    if problems:
        _raise_first(table, problems)
    said = (note.replace("INPUT.", f"{name}.") for note in (*table.notes, *notes))
    frame.attrs["notes"] = tuple(said)
    return frame


def _renamed(frame: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """The text of the file with mapped columns under their declared names too, where checks look for them."""
    own = {original: declared for declared, original in reading.columns.items() if original in frame}
    extra = {declared: frame[original] for original, declared in own.items() if declared not in frame}
    return frame.assign(**extra) if extra else frame


def _raise_first(table: Table, problems: list[Problem]) -> None:
    first = min(problems, key=lambda p: len(table.lines) if p.index is None else p.index)
    row = None if first.index is None else int(table.lines[first.index])
    more = sum(p.count for p in problems) - 1
    raise TableError(table.path, first.rule, first.value, row=row, field=first.field, more=more)


def _match_columns(table: Table, schema: Schema, reading: Reading, name: str) -> tuple[Matched, list[str]]:
    """Every column of the file with its declared name and field, mapped ones first as somebody said; and notes."""
    said = _mapped(table, schema, reading, name)
    taken, matched, notes = {declared for _, declared, _ in said}, list(said), list[str]()
    used = {original for original, _, _ in said}
    declared = {same_name(field.name): field for field in schema.fields if field.name not in taken}
    declared |= _found_aliases(table, declared)
    for original in table.frame.columns:
        if original in used:
            continue
        field = declared.get(same_name(original))
        new = field.name if field else original
        if field is None and same_name(original) not in taken:
            pattern = next((p for p in schema.patterns if same_name(original).startswith(p.prefix)), None)
            if pattern:
                new = _pattern_name(table, original, pattern)
                field = pattern.named(new)
        if field is None:
            notes.append(_unused(original, new in taken, declared))
            new = _free_name(original, {*taken, *(known for _, known, _ in matched)})
        elif new != original:
            notes.append(f"column {show(original)} is read as {new}.")
        matched.append((original, new, field))
    mapped = [f"column {show(o)} is read as {d}, as declared." for o, d, _ in said if o != d]
    _check_required(table, schema, {field.name for _, _, field in matched if field})
    return matched, [*mapped, *notes]


def _mapped(table: Table, schema: Schema, reading: Reading, name: str) -> Matched:
    """Columns that somebody named; a name must be in the file, once."""
    found: Matched = []
    for declared, wanted in reading.columns.items():
        if wanted in table.frame.columns:
            original = wanted
        else:
            alike = [c for c in table.frame.columns if same_name(c) == same_name(wanted)]
            if len(alike) != 1:
                raise _no_such_column(table, declared, wanted)
            original = alike[0]
        found.append((original, declared, find_field(schema, declared, name)))
    return found


def _no_such_column(table: Table, declared: str, wanted: str) -> TableError:
    names = list(table.frame.columns)
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.6)
    hint = f" (did you mean {show(close[0])}?)" if close else ""
    rule = f"the column {show(wanted)} must be there, as was declared{hint}"
    return TableError(table.path, rule, _listed(names), row=table.header_line, field=declared)


def _unused(original: str, replaced: bool, declared: dict[str, Field]) -> str:
    if replaced:
        return f"column {show(original)} is not used, as another one was declared for it."
    close = difflib.get_close_matches(same_name(original), list(declared), n=1, cutoff=0.75)
    hint = f" (did you mean {declared[close[0]].name}?)" if close else ""
    return f"column {show(original)} is not used{hint}."


def _free_name(original: str, taken: set[str]) -> str:
    """Name of a column that is not used, which must not stand for a declared one."""
    name = original
    while name in taken:
        name += " (unused)"
    return name


def _listed(names: list[str]) -> str:
    found = ", ".join(show(name, 30) for name in names[:MAX_FOUND]) + (
        ", …" if len(names) > MAX_FOUND else ""
    )
    return f"the column{'s' if len(names) > 1 else ''} {found}"


def _found_aliases(table: Table, declared: dict[str, Field]) -> dict[str, Field]:
    """Fields that stand in the file under a name that another program gives them."""
    present = {same_name(column) for column in table.frame.columns}
    found = {}
    for field in declared.values():
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
    name = missing[0].name
    close = difflib.get_close_matches(name, [same_name(n) for n in names], n=1, cutoff=0.75)
    hint = f" (did you mean it by {show(close[0])}?)" if close else ""
    if any(same_name(n).split("#")[0] == name for n in names):
        hint = f" (it is named more than once: -c INPUT.{name}='{name}#1' or '#2')"
    elif not hint:
        hint = _whose_hint(table, missing[0])
    single = " (columns are separated by comma, semicolon or tab)" if len(names) == 1 else ""
    rule = f"the column {name} must be there{single or hint}"
    if name.endswith(">"):
        rule = f"at least one column {name} must be there{single or hint}"
    raise TableError(
        table.path, rule, _listed(names), row=table.header_line, field=name, more=len(missing) - 1
    )


def _whose_hint(table: Table, field: Field) -> str:
    """What to do about a missing column of a table that another program exported."""
    names = list(table.frame.columns)
    if is_redcap(table) and field.name == "patient":
        return f" (if a record is a patient: -c INPUT.patient={names[0]})"
    if any("µm" in alias for alias in field.aliases) and any(n.endswith(("px", "px^2")) for n in names):
        return " (QuPath exported pixels: calibrate the image there and export again)"
    example = "INPUT.COLUMN" if field.name.endswith(">") else f"INPUT.{field.name}"
    return f" (if it has another name: -c {example}='NAME IN THE FILE')"


def check_input(
    path: Path, kind: str, schema: str, reading: Reading | None = None, name: str = ""
) -> tuple[str, ...]:
    """Look at an input before anything runs, and return what a user should be told about how it was read.

    Parameters
    ----------
    path : what was handed in.
    kind : "table", or one of `compendium.run.file_kinds.FILE_KINDS`.
    schema : of a table.
    reading : what a person says about a table.
    name : the input's name, for messages.

    Raises
    ------
    TableError : it cannot be used; one line.
    """
    if kind == "table":
        return tuple(validate(path, schema, reading, name).attrs.get("notes", ()))
    return FILE_KINDS[kind].inspect(path)
