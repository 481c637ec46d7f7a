"""Numbers of a handed-in table: in the unit of their column, converted only where somebody said from what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compendium.base.units import UnitError, conversion_factor, likely_units, parse_unit
from compendium.io.tables import Table, TableError, to_numbers

__all__ = ["NumberProblemError", "Wanted", "check_unit", "other_unit_hint", "read_numbers", "unit_in_name"]

_CODES = (-9.0, -99.0, -999.0, -9999.0, -99999.0)
"""Numbers by which programs write "missing"."""


@dataclass(frozen=True)
class Wanted:
    """What a column of numbers is declared as: its name, unit and plausible range."""

    name: str
    unit: str
    range: tuple[Any, Any] | None


class NumberProblemError(ValueError):
    """Cells that are no numbers, or not as declared: `rule` in words, `bad` which ones."""

    def __init__(self, rule: str, bad: NDArray[np.bool_], more: int | None = None) -> None:
        super().__init__(rule)
        self.rule, self.bad = rule, bad
        self.count = int(bad.sum()) if more is None else more + 1


def check_unit(given: str, wanted: str) -> str:
    """Return in words why values in the unit `given` cannot be read for a column in the unit `wanted`; empty if they can.

    >>> check_unit("um2/ms", "1e-6 mm2/s"), check_unit("cells/mm2", "")
    ('', '')
    """
    try:
        if wanted:
            conversion_factor(given, wanted)
        else:
            parse_unit(given)
    except UnitError as error:
        return str(error)
    return ""


def unit_in_name(name: str) -> str:
    """Unit that a column's name ends with, in brackets or after an underscore or blank; empty when none is known.

    >>> unit_in_name("ADC [um2/ms]"), unit_in_name("diameter_cm"), unit_in_name("H&E count")
    ('um2/ms', 'cm', '')
    """
    match = re.search(r"[(\[]([^()\[\]]{1,40})[)\]]\s*\Z|[_\s]([A-Za-zµμ]{1,3}[23²³]?)\Z", name)
    if not match:
        return ""
    text = (match[1] or match[2]).strip()
    try:
        return text if parse_unit(text).powers else ""
    except UnitError:
        return ""


def read_numbers(
    table: Table, column: str, wanted: Wanted, unit: str, missing: tuple[str, ...], codes_asked: bool = True
) -> tuple[NDArray[np.float64], list[str]]:
    """Read the cells of a column as numbers in its declared unit.

    Parameters
    ----------
    table, column : where they stand.
    wanted : what the column is declared as.
    unit : unit of the values in the file, where somebody said so.
    missing : spellings of a missing value.
    codes_asked : ask about numbers such as -999 among others that are not negative.

    Returns
    -------
    values : ndarray of float, NaN where missing.
    notes : what should be said.

    Raises
    ------
    NumberProblemError : in words, and which cells.
    """
    try:
        values, read = to_numbers(table, column, missing)
    except TableError as error:
        bad = np.zeros(len(table.frame), dtype=bool)
        bad[int(np.flatnonzero(table.lines == error.row)[0])] = True
        raise NumberProblemError(error.rule, bad, error.more) from None
    notes = list(read.notes[len(table.notes) :])
    if codes_asked:
        _ask_about_codes(wanted, values)
    values, said = _scale_percent(table, column, wanted, values)
    return _convert(column, wanted, unit, values, [*notes, *said])


def _ask_about_codes(wanted: Wanted, values: NDArray[np.float64]) -> None:
    """A number such as -999 among numbers that are not negative is a code for missing until somebody says otherwise."""
    code = np.isin(values, _CODES)
    others = values[~code & np.isfinite(values)]
    if code.any() and others.size and others.min() >= 0:
        written = f"{values[code][0]:g}"
        rule = (
            f"must not be a code for missing: say --read INPUT.missing={written}, or =none if it is a value"
        )
        raise NumberProblemError(rule, code)


def _scale_percent(
    table: Table, column: str, wanted: Wanted, values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[str]]:
    """A workbook holds 0.25 where it shows 25 %: such values become percent only in a column of percent."""
    shown, given = table.is_kind(column, "%"), np.isfinite(values)
    if not shown.any():
        return values, []
    other = given & ~shown & (values != 0)
    if other.any():
        raise NumberProblemError("must be shown as percent in all cells of the workbook or in none", other)
    if wanted.unit == "%":
        return values * 100, [f"{column}: shown as percent, read as percent."]
    return values, [f"{column}: shown as percent, read as fractions of 1."]


def _convert(
    column: str, wanted: Wanted, unit: str, values: NDArray[np.float64], notes: list[str]
) -> tuple[NDArray[np.float64], list[str]]:
    _ask_about_name(column, wanted, unit, values)
    if not unit:
        return values, notes
    if not wanted.unit:
        return values, [*notes, f"{column}: declared in {unit}; the values stand as they are."]
    factor = conversion_factor(unit, wanted.unit)
    if factor == 1:
        return values, notes
    # a factor below 1 is applied as a division by its whole inverse: 250 um are 0.25 mm, not 0.25000000000000006
    inverse = 1 / factor
    new = values / int(inverse) if inverse.denominator == 1 else values * float(factor)
    return new, [*notes, f"{column}: converted from {unit} to {wanted.unit} (× {float(factor):g})."]


def _ask_about_name(column: str, wanted: Wanted, unit: str, values: NDArray[np.float64]) -> None:
    """Refuse a column whose name says another unit than the declared one, unless somebody said which it is."""
    named = unit_in_name(column)
    if unit or not named or not wanted.unit or column == wanted.name:
        return
    trouble = check_unit(named, wanted.unit)
    bracketed = column.rstrip().endswith((")", "]"))
    if (trouble and not bracketed) or (not trouble and conversion_factor(named, wanted.unit) == 1):
        return
    rule = f"must be in {wanted.unit}, and the column's name says {named}: say --unit INPUT.{wanted.name}={named}"
    raise NumberProblemError(
        rule, np.isfinite(values) if np.isfinite(values).any() else np.ones(len(values), dtype=bool)
    )


def other_unit_hint(wanted: Wanted, values: NDArray[np.float64], unit: str) -> str:
    """A question for values outside the range: the unit in which all of them would lie in it, if there is one."""
    if unit or not wanted.unit or wanted.range is None or check_unit(wanted.unit, wanted.unit):
        return ""
    given = values[np.isfinite(values) & (values != 0)]
    low, high = wanted.range
    if ((given >= low) & (given <= high)).any():
        return ""
    for other in likely_units(wanted.unit):
        scaled = given * float(conversion_factor(other, wanted.unit))
        if given.size and ((scaled >= low) & (scaled <= high)).all():
            return f" (if the values are in {other}, say --unit INPUT.{wanted.name}='{other}')"
    return ""
