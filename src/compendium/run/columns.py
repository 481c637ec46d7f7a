"""Columns of a handed-in table: their types, and how the text of a cell becomes a value or a problem.

Accepted spellings, and no others: a flag is `0`, `1`, `0.0`, `1.0` (what spreadsheets and pandas write when a
column has empty cells), `true` or `false`, in any case; a date is `YYYY-MM-DD`; a missing value is an empty
cell, `NA` or `NaN`. Words such as "yes" or "positive" are refused: in a table of readings they may say what
was seen or whether it was right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.tables import Table, TableError, same_name, to_numbers

MISSING_WORDS = ("", "na", "nan")
TYPES = {
    "id": "identifier",
    "text": "text",
    "flag": "0 or 1",
    "date": "date",
    "number": "number",
    "integer": "whole number",
}
MAX_ID = 200  # characters
_FLAGS = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}
_SPREADSHEET_ERROR = r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|#+)"
_SPREADSHEET_ROUNDED = r"\d\.\d+E\+\d{2}"


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes
    ----------
    name : str
        Its name; `prefix_<name>` stands for any number of columns with that prefix.
    description : str
    type : str
        One of `TYPES`.
    unit : str
    range : tuple, optional
        Lowest and highest plausible value (dates as text).
    required : bool
        Whether the column must be there.
    example : str
    choices : tuple of str
        The only values of a text column, when it has such.
    missing : bool, optional
        Whether cells may be missing; by default every type admits it except identifiers.
    aliases : tuple of str
        Names that other programs give the column; the first one in the file counts, and only without `name`.
    """

    name: str
    description: str
    type: str = "text"
    unit: str = ""
    range: tuple[Any, Any] | None = None
    required: bool = True
    example: str = ""
    choices: tuple[str, ...] = ()
    missing: bool | None = None
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"A field's type must be one of {', '.join(TYPES)}. Given {self.type!r}.")

    @property
    def may_be_missing(self) -> bool:
        """Whether cells may be missing."""
        return self.type != "id" if self.missing is None else self.missing

    @property
    def prefix(self) -> str:
        """What the names of a pattern begin with.

        Examples
        --------
        >>> Field("read_<name>", "a read", "flag").prefix
        'read_'
        """
        return self.name.split("<")[0]

    def explain(self) -> str:
        """Description with unit, range, choices and what a missing value looks like."""
        words = [self.description]
        if self.type in ("number", "integer", "date") and self.range:
            words.append(f"between {_span(self)}")
        if self.type == "date":
            words.append("as YYYY-MM-DD")
        if self.choices:
            words.append(f"one of {', '.join(self.choices)}")
        if self.type == "flag":
            words.append("true and false count as 1 and 0")
        if self.required and self.may_be_missing:
            words.append("empty or NA when missing")
        return "; ".join(words)


@dataclass(frozen=True)
class Problem:
    """Something that breaks a rule: `index` is the first record concerned, `count` how many are."""

    field: str
    rule: str
    value: str
    index: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Column:
    """Values of a column, what is wrong with it, and what a reader should know about it."""

    values: pd.Series
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def read_column(table: Table, original: str, field: Field) -> Column:
    """Read the text of one column as its declared type.

    Parameters
    ----------
    table : Table
    original : str
        The column's name in the file.
    field : Field

    Returns
    -------
    Column
        `values` are meaningful only where `problems` is empty.

    Examples
    --------
    >>> table = Table("a.csv", pd.DataFrame({"read_a": ["1", "", "2"]}), np.array([2, 3, 4]), 1, ",", "utf-8")
    >>> read_column(table, "read_a", Field("read_<name>", "a read", "flag")).problems[0]
    Problem(field='read_a', rule='must be 0 or 1, or empty or NA when missing', value="'2'", index=2, count=1)
    """
    missing = table.frame[original].str.casefold().isin(MISSING_WORDS).to_numpy(dtype=bool)
    if missing.any() and not field.may_be_missing:
        rule = "must be 0 or 1 and not missing" if field.type == "flag" else "must not be missing"
        return Column(table.frame[original], (mark(table, original, missing, rule),))
    column = _READERS[field.type](table, original, field, missing)
    if missing.any() and not column.problems:
        note = f"{original}: {int(missing.sum()):,} of {len(missing):,} values missing."
        return Column(column.values, (), (*column.notes, note))
    return column


def mark(table: Table, name: str, bad: NDArray[np.bool_], rule: str) -> Problem:
    """Problem of the cells of a column that are `bad`: names the first, counts all; `name` as in the file or declared."""
    if name in table.frame.columns:
        original = name
    else:
        original = next(column for column in table.frame.columns if same_name(column) == name)
    index = int(np.flatnonzero(bad)[0])
    cell = table.frame[original].iloc[index]
    return Problem(original, rule, show(cell) if cell else "an empty cell", index, int(bad.sum()))


def _read_text(table: Table, original: str, field: Field, missing: NDArray[np.bool_]) -> Column:
    cells = table.frame[original]
    problems = []
    rules = {"must not be an error of the spreadsheet": cells.str.fullmatch(_SPREADSHEET_ERROR)}
    if field.type == "id":
        rules["must be the identifier itself (a spreadsheet has rounded it)"] = cells.str.fullmatch(
            _SPREADSHEET_ROUNDED
        )
        rules[f"must have at most {MAX_ID} characters"] = cells.str.len() > MAX_ID
    if field.choices:
        rules[f"must be one of {', '.join(field.choices)}"] = ~cells.isin(field.choices)
    for rule, broken in rules.items():
        bad = broken.to_numpy(dtype=bool) & ~missing
        if bad.any():
            problems.append(mark(table, original, bad, rule))
    return Column(cells.mask(missing), tuple(problems))


def _read_flag(table: Table, original: str, field: Field, missing: NDArray[np.bool_]) -> Column:
    values = table.frame[original].str.casefold().map(_FLAGS)
    bad = values.isna().to_numpy(dtype=bool) & ~missing
    if bad.any():
        rule = "must be 0 or 1" + (", or empty or NA when missing" if field.may_be_missing else "")
        return Column(values, (mark(table, original, bad, rule),))
    return Column(values.astype("Int64") if field.may_be_missing else values.astype("int64"))


def _read_date(table: Table, original: str, field: Field, missing: NDArray[np.bool_]) -> Column:
    cells = table.frame[original]
    formed = cells.str.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").to_numpy(dtype=bool)
    bad = ~formed & ~missing
    if bad.any():
        first = cells[bad].iloc[0]
        serial = first.isdecimal() and len(first) == 5
        hint = " (it looks like Excel's number of a day: format the column as YYYY-MM-DD)" if serial else ""
        return Column(cells, (mark(table, original, bad, f"must be a date as YYYY-MM-DD{hint}"),))
    values = pd.to_datetime(cells.mask(missing), format="%Y-%m-%d", errors="coerce")
    bad = values.isna().to_numpy(dtype=bool) & ~missing
    if bad.any():
        return Column(values, (mark(table, original, bad, "must be a day of the calendar as YYYY-MM-DD"),))
    return Column(values, _outside(table, original, field, values, missing))


def _read_number(table: Table, original: str, field: Field, missing: NDArray[np.bool_]) -> Column:
    try:
        numbers, read = to_numbers(table, original, MISSING_WORDS)
    except TableError as error:
        index = int(np.flatnonzero(table.lines == error.row)[0])
        return Column(
            table.frame[original], (Problem(original, error.rule, error.value, index, error.more + 1),)
        )
    values = pd.Series(numbers, index=table.frame.index)
    if field.type == "integer":
        bad = (numbers != np.round(numbers)) & ~missing
        if bad.any():
            return Column(values, (mark(table, original, bad, "must be a whole number"),))
        values = values.astype("Int64")
    return Column(values, _outside(table, original, field, values, missing), read.notes[len(table.notes) :])


def _outside(
    table: Table, original: str, field: Field, values: pd.Series, missing: NDArray[np.bool_]
) -> tuple[Problem, ...]:
    if field.range is None:
        return ()
    low, high = (pd.Timestamp(end) if field.type == "date" else end for end in field.range)
    bad = ~values.between(low, high).to_numpy(dtype=bool, na_value=True) & ~missing
    return (mark(table, original, bad, f"must lie between {_span(field)}"),) if bad.any() else ()


def _span(field: Field) -> str:
    low, high = field.range or ("", "")
    return f"{low} and {high}" + (f" {field.unit}" if field.unit else "")


_READERS: dict[str, Callable[[Table, str, Field, NDArray[np.bool_]], Column]] = {
    "id": _read_text,
    "text": _read_text,
    "flag": _read_flag,
    "date": _read_date,
    "number": _read_number,
    "integer": _read_number,
}
