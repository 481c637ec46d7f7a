"""Dates of a handed-in table: YYYY-MM-DD by itself, any other form only when somebody says which it is.

Forms that can be declared (as the "unit" of the column): an order of ``YYYY``, ``MM`` and ``DD`` with one separator
(``DD.MM.YYYY``, ``MM/DD/YYYY``), ``YYYYMMDD``, and ``excel`` or ``excel-1904`` for a spreadsheet's count of days.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.tables import Table

__all__ = ["DateProblemError", "is_date_form", "read_dates"]

_TOKENS = {"YYYY": r"(?P<y>\d{4})", "MM": r"(?P<m>\d{1,2})", "DD": r"(?P<d>\d{1,2})"}
_FORM = re.compile(r"(YYYY|MM|DD)([./-])(YYYY|MM|DD)\2(YYYY|MM|DD)")
_EPOCHS = {"excel": date(1899, 12, 30), "excel-1904": date(1904, 1, 1)}
_DAYS = (61, 73_050)  # 1 March 1900 (before it, Excel counts a day that never was) to the end of 2099
_TIME = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?"


class DateProblemError(ValueError):
    """Cells that are no dates: `rule` in words, `bad` which ones."""

    def __init__(self, rule: str, bad: NDArray[np.bool_]) -> None:
        super().__init__(rule)
        self.rule, self.bad = rule, bad


def is_date_form(text: str) -> bool:
    """Whether a form of dates can be declared.

    >>> [is_date_form(form) for form in ("DD.MM.YYYY", "excel", "DD.MM.YY", "DD.DD.YYYY")]
    [True, True, False, False]
    """
    return text in _EPOCHS or text == "YYYYMMDD" or _pattern(text) is not None


def read_dates(
    table: Table, column: str, form: str, missing: NDArray[np.bool_], name: str = ""
) -> tuple[pd.Series, list[str]]:
    """Read the cells of a column as days.

    Parameters
    ----------
    table, column : where they stand.
    form : declared form; empty for YYYY-MM-DD.
    missing : cells to leave out.
    name : declared name of the column, for questions.

    Returns
    -------
    values : Series of datetime64, NaT where missing.
    notes : what should be said.

    Raises
    ------
    DateProblemError : a cell is no day in this form, or it is not clear which form it has.
    """
    cells = table.frame[column]
    typed = table.is_kind(column, "d")
    plain, notes = _without_time(cells, column)
    iso = plain.str.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").to_numpy(dtype=bool)
    if form and not typed.all():
        plain, iso = _translate(plain, form, missing | typed)
        notes.append(f"{column}: dates are read as {form}.")
    bad = ~iso & ~missing
    if bad.any():
        raise DateProblemError(
            f"must be a date as YYYY-MM-DD{_hint(table, name or column, plain[bad], form)}", bad
        )
    values = pd.to_datetime(plain.mask(missing), format="%Y-%m-%d", errors="coerce")
    bad = values.isna().to_numpy(dtype=bool) & ~missing
    if bad.any():
        raise DateProblemError("must be a day of the calendar as YYYY-MM-DD", bad)
    return values, notes


def _without_time(cells: pd.Series, column: str) -> tuple[pd.Series, list[str]]:
    timed = cells.str.fullmatch(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_TIME}").to_numpy(dtype=bool)
    if not timed.any():
        return cells, []
    midnight = cells[timed].str.contains(r"[T ]00:00(?::00(?:\.0+)?)?$").all()
    notes = [] if midnight else [f"{column}: times of day are left out."]
    return cells.mask(timed, cells.str.slice(0, 10)), notes


def _translate(cells: pd.Series, form: str, keep: NDArray[np.bool_]) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Cells of the declared form as YYYY-MM-DD, and which ones are now; `keep` are taken as they stand."""
    wanted = cells[~keep]
    if form in _EPOCHS:
        days = wanted.where(wanted.str.fullmatch(r"[0-9]{1,5}(\.[0-9]+)?"))
        new = days.map(lambda text: _day_of(text, form), na_action="ignore")
    elif form == "YYYYMMDD":
        parts = wanted.str.extract(r"^(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})$")
        new = _iso(parts)
    else:
        new = _iso(wanted.str.extract(f"^{_pattern(form)}$"))
    out = cells.copy()
    out[~keep] = new.astype("str").where(new.notna(), wanted)
    ok = keep.copy()
    ok[~keep] = new.notna().to_numpy(dtype=bool)
    return out, ok


def _iso(parts: pd.DataFrame) -> pd.Series:
    return parts["y"] + "-" + parts["m"].str.zfill(2) + "-" + parts["d"].str.zfill(2)


def _day_of(text: str, form: str) -> str | None:
    days = int(float(text))
    if not _DAYS[0] <= days <= _DAYS[1]:
        return None
    return (_EPOCHS[form] + timedelta(days=days)).isoformat()


def _pattern(form: str) -> str | None:
    match = _FORM.fullmatch(form)
    if not match or {match[1], match[3], match[4]} != set(_TOKENS):
        return None
    return re.escape(match[2]).join(_TOKENS[token] for token in (match[1], match[3], match[4]))


def _hint(table: Table, name: str, bad: pd.Series, form: str) -> str:
    """What the cells look like, as a question."""
    if form:
        return f" after reading {form}"
    first = bad.iloc[0]
    if re.fullmatch(r"[0-9]{5}(\.[0-9]+)?", first):
        epoch = "excel-1904" if table.from_1904 else "excel"
        return (
            f" (it looks like Excel's number of a day: format the column as YYYY-MM-DD, or say "
            f"--unit INPUT.{name}={epoch})"
        )
    parts = re.fullmatch(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})", first)
    if parts:
        separator = parts[2]
        forms = [f"DD{separator}MM{separator}YYYY", f"MM{separator}DD{separator}YYYY"]
        return f" (or say which form it has: --unit INPUT.{name}={forms[0]} or ={forms[1]})"
    if re.fullmatch(r"\d{8}", first):
        return f" (or say --unit INPUT.{name}=YYYYMMDD)"
    return ""
