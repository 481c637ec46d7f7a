"""Columns of a handed-in table: their types, and how the text of a cell becomes a value or a problem.

Accepted spellings, and no others: a flag is `0`, `1`, `0.0`, `1.0` (what spreadsheets and pandas write when a
column has empty cells), `true` or `false`, in any case; a date is `YYYY-MM-DD` or of a declared form
(`compendium.run.dates`); a missing value is an empty cell, `NA` or `NaN`, or what somebody declared to be one. Words
such as "yes" or "positive" are refused: in a table of readings they may say what was seen or whether it was right.
Numbers are in the unit of their field, or in a declared one that is converted (`compendium.run.numbers`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.tables import Table, TableError, same_name
from compendium.run.dates import DateProblemError, read_dates
from compendium.run.numbers import NumberProblemError, Wanted, other_unit_hint, read_numbers

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
_SPREADSHEET_CUT = r"[1-9]\d{14}0+"  # a spreadsheet keeps 15 digits of a number
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mrz|Mai|Okt|Dez)"
_SPREADSHEET_DATE = rf"\d{{1,2}}[-. ]{_MONTH}(?:[-. ]\d{{2,4}})?|{_MONTH}[-. ]\d{{2}}"
AS_TEXT = "text"
"""Declared as the "unit" of an identifier: it stands as it is, whatever it looks like."""


class InputError(TableError):
    """Something handed in cannot be used; one line with file, row, field, rule and value."""


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
    special : tuple of Field
        Of a pattern: columns of this name (or beginning with it and `_`) that have a unit and range of their own.
    lenient : bool
        Values outside the range are not refused, but said.
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
    special: tuple[Field, ...] = ()
    lenient: bool = False

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

    def named(self, name: str) -> Field:
        """The field of one column of a pattern: with the unit and range that its name has, if it has any.

        Examples
        --------
        >>> adc = Field("imaging_adc", "ADC", "number", "1e-6 mm2/s")
        >>> Field("imaging_<name>", "a predictor", "number", special=(adc,)).named("imaging_adc_mean").unit
        '1e-6 mm2/s'
        """
        for own in self.special:
            if name == own.name or name.startswith(f"{own.name}_"):
                return replace(self, unit=own.unit, range=own.range, lenient=own.lenient)
        return self

    def explain(self) -> str:
        """Description with unit, range, choices and what a missing value looks like."""
        words = [self.description]
        if self.type in ("number", "integer", "date") and self.range:
            words.append(f"between {_span(self)}")
        if self.type == "date":
            words.append("as YYYY-MM-DD")
        if self.type in ("number", "integer") and self.unit and not self.range:
            words.append(f"in {self.unit}")
        words += [f"{own.name}: {own.description}{_and_span(own)}" for own in self.special]
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


def read_column(
    table: Table,
    original: str,
    field: Field,
    unit: str = "",
    missing_words: tuple[str, ...] = (),
    name: str = "",
) -> Column:
    """Read the text of one column as its declared type.

    Parameters
    ----------
    table : Table
    original : str
        The column's name in the file.
    field : Field
    unit : str
        What somebody declared the column of the file to be in: a unit of numbers, a form of dates.
    missing_words : tuple of str
        What somebody declared to mean a missing value, beside `MISSING_WORDS`; "none" alone: nothing else does.
    name : str
        The column's declared name, for questions that a message asks; by default the field's.

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
    declared = () if missing_words == ("none",) else missing_words
    words = (*MISSING_WORDS, *(word.casefold() for word in declared))
    missing = table.frame[original].str.casefold().isin(words).to_numpy(dtype=bool)
    if missing.any() and not field.may_be_missing:
        rule = "must be 0 or 1 and not missing" if field.type == "flag" else "must not be missing"
        return Column(table.frame[original], (mark(table, original, missing, rule),))
    how = _How(unit, words, bool(missing_words), name or field.name)
    column = _READERS[field.type](table, original, field, missing, how)
    if missing.any() and not column.problems:
        note = f"{original}: {int(missing.sum()):,} of {len(missing):,} values missing."
        return Column(column.values, (), (*column.notes, note))
    return column


@dataclass(frozen=True)
class _How:
    """What was declared about a column: unit or form, words for missing, whether anybody declared any; its name."""

    unit: str
    missing: tuple[str, ...]
    missing_declared: bool
    name: str


def mark(table: Table, name: str, bad: NDArray[np.bool_], rule: str) -> Problem:
    """Problem of the cells of a column that are `bad`: names the first, counts all; `name` as in the file or declared."""
    if name in table.frame.columns:
        original = name
    else:
        original = next(column for column in table.frame.columns if same_name(column) == name)
    index = int(np.flatnonzero(bad)[0])
    cell = table.frame[original].iloc[index]
    return Problem(original, rule, show(cell) if cell else "an empty cell", index, int(bad.sum()))


def _read_text(table: Table, original: str, field: Field, missing: NDArray[np.bool_], how: _How) -> Column:
    cells = table.frame[original]
    problems = []
    rules = {"must not be an error of the spreadsheet": cells.str.fullmatch(_SPREADSHEET_ERROR)}
    if field.type == "id":
        rules |= _mangled(table, original, how.name) if how.unit != AS_TEXT else {}
        rules[f"must have at most {MAX_ID} characters"] = cells.str.len() > MAX_ID
    if field.choices:
        rules[f"must be one of {', '.join(field.choices)}"] = ~cells.isin(field.choices)
    for rule, broken in rules.items():
        bad = broken.to_numpy(dtype=bool) & ~missing
        if bad.any():
            problems.append(mark(table, original, bad, rule))
    notes = []
    if table.is_kind(original, "z").any():
        notes.append(f"{original}: read with its leading zeros, as the workbook shows it.")
    return Column(cells.mask(missing), tuple(problems), tuple(notes))


def _mangled(table: Table, original: str, name: str) -> dict[str, pd.Series]:
    """Rules for what spreadsheets make of identifiers: rounded or cut numbers, and dates."""
    cells = table.frame[original]
    way_out = f"; if it is right, say --unit INPUT.{name}={AS_TEXT}"
    dated = cells.str.fullmatch(_SPREADSHEET_DATE, flags=re.IGNORECASE) | table.is_kind(original, "d")
    return {
        "must be the identifier itself (a spreadsheet has rounded it)": cells.str.fullmatch(
            _SPREADSHEET_ROUNDED
        ),
        f"must be the identifier itself (a spreadsheet keeps 15 digits{way_out})": cells.str.fullmatch(
            _SPREADSHEET_CUT
        ),
        f"must be the identifier itself (a spreadsheet has made a date of it{way_out})": dated,
    }


def _read_flag(table: Table, original: str, field: Field, missing: NDArray[np.bool_], how: _How) -> Column:
    values = table.frame[original].str.casefold().map(_FLAGS)
    bad = values.isna().to_numpy(dtype=bool) & ~missing
    if bad.any():
        rule = "must be 0 or 1" + (", or empty or NA when missing" if field.may_be_missing else "")
        return Column(values, (mark(table, original, bad, rule),))
    values = values.mask(missing)
    return Column(values.astype("Int64") if field.may_be_missing else values.astype("int64"))


def _read_date(table: Table, original: str, field: Field, missing: NDArray[np.bool_], how: _How) -> Column:
    try:
        values, notes = read_dates(table, original, how.unit, missing, how.name)
    except DateProblemError as problem:
        return Column(table.frame[original], (mark(table, original, problem.bad, problem.rule),))
    return Column(values, _outside(table, original, field, values, missing), tuple(notes))


def _read_number(table: Table, original: str, field: Field, missing: NDArray[np.bool_], how: _How) -> Column:
    wanted = Wanted(how.name, field.unit, field.range)
    asked = not how.missing_declared and (field.range is None or field.range[0] < 0)
    try:
        numbers, notes = read_numbers(table, original, wanted, how.unit, how.missing, asked)
    except NumberProblemError as problem:
        marked = replace(mark(table, original, problem.bad, problem.rule), count=problem.count)
        return Column(table.frame[original], (marked,))
    values = pd.Series(numbers, index=table.frame.index)
    if field.type == "integer":
        bad = (numbers != np.round(numbers)) & ~missing
        if bad.any():
            return Column(values, (mark(table, original, bad, "must be a whole number"),))
        values = values.astype("Int64")
    outside = _outside(table, original, field, values, missing, other_unit_hint(wanted, numbers, how.unit))
    if outside and field.lenient:
        rule = outside[0].rule.replace("must lie", "should lie")
        said = f"{original}: values such as {outside[0].value} stand as they are, and {rule}."
        return Column(values, (), (*notes, said))
    return Column(values, outside, tuple(notes))


def _outside(
    table: Table,
    original: str,
    field: Field,
    values: pd.Series,
    missing: NDArray[np.bool_],
    hint: str = "",
) -> tuple[Problem, ...]:
    if field.range is None:
        return ()
    low, high = (pd.Timestamp(end) if field.type == "date" else end for end in field.range)
    bad = ~values.between(low, high).to_numpy(dtype=bool, na_value=True) & ~missing
    return (mark(table, original, bad, f"must lie between {_span(field)}{hint}"),) if bad.any() else ()


def _and_span(field: Field) -> str:
    return f" between {_span(field)}" if field.range else f" in {field.unit}" if field.unit else ""


def _span(field: Field) -> str:
    low, high = field.range or ("", "")
    return f"{low} and {high}" + (f" {field.unit}" if field.unit else "")


_READERS: dict[str, Callable[[Table, str, Field, NDArray[np.bool_], _How], Column]] = {
    "id": _read_text,
    "text": _read_text,
    "flag": _read_flag,
    "date": _read_date,
    "number": _read_number,
    "integer": _read_number,
}
