"""REDCap exports, with raw or with label headers: checkboxes, events, and rows of repeated instruments.

An export holds rows of several kinds in one table: one of each record (and event), and one of each turn of each repeated
instrument, in which only that instrument's fields are filled. Which rows are meant is asked, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.table_frame import Table, same_name
from compendium.io.table_text import TableError

__all__ = ["RECORD_ROWS", "is_redcap", "select_rows"]

RECORD_ROWS = "none"
"""Said instead of an instrument: the rows of the records themselves."""
_EVENT = ("redcap_event_name", "event_name")
_INSTRUMENT = ("redcap_repeat_instrument", "repeat_instrument")
_INSTANCE = ("redcap_repeat_instance", "repeat_instance")
_CHECKBOX = re.compile(r".+___\w+|.+ \(choice=.+\)", re.DOTALL)
_TICKS = {"checked": "1", "unchecked": "0", "1": "1", "0": "0", "": ""}


def is_redcap(table: Table) -> bool:
    """Whether a table has the columns by which REDCap tells rows of several kinds apart."""
    names = {same_name(name) for name in table.frame.columns}
    raw = any(name.startswith("redcap_") for name in names)
    return raw or set(_INSTRUMENT[1:] + _INSTANCE[1:]) <= names


def select_rows(table: Table, instrument: str = "", event: str = "") -> Table:
    """Keep the rows that are meant, with the record's own values beside those of a repeated instrument.

    Parameters
    ----------
    table : Table
        As it stands in the export.
    instrument : str
        The repeated instrument whose turns are the rows, or `RECORD_ROWS`; needed where the export has any.
    event : str
        Keep one event only.

    Returns
    -------
    Table
        Ticked boxes as 1 and 0; `lines` still point into the file.

    Raises
    ------
    TableError
        Rows of several kinds and no word which are meant, or an instrument or event that the export has not.
    """
    if not is_redcap(table):
        if instrument or event:
            rule = "an instrument or event can be named only for a REDCap export"
            raise TableError(table.path, rule, "a table without REDCap's columns", row=table.header_line)
        return _tick(table)
    table = _tick(table)
    if event:
        table = _keep_event(table, event)
    repeat = _column(table, _INSTRUMENT)
    turns = table.frame[repeat].ne("") if repeat else pd.Series(False, index=table.frame.index)
    if not turns.any():
        _check_known(table, "instrument", instrument, [RECORD_ROWS])
        return table
    kinds = table.frame.loc[turns, repeat].value_counts(sort=False)
    if not instrument:
        listed = ", ".join(f"{show(name, 40)} ({n} rows)" for name, n in list(kinds.items())[:8])
        rule = f"must say which rows are meant: --read INPUT.instrument=NAME, or ={RECORD_ROWS} for rows of records"
        given = (
            f"a REDCap export with repeated instruments {listed} and {int((~turns).sum())} rows of records"
        )
        raise TableError(table.path, rule, given, row=table.header_line, field=str(repeat))
    _check_known(table, "instrument", instrument, [RECORD_ROWS, *kinds.index])
    if instrument == RECORD_ROWS:
        note = f"REDCap: {int(turns.sum())} rows of repeated instruments are left out."
        return _take(table, ~turns.to_numpy(dtype=bool), note)
    return _with_records(table, turns, (table.frame[repeat] == instrument), instrument)


def _with_records(table: Table, turns: pd.Series, meant: pd.Series, instrument: str) -> Table:
    """Rows of one instrument; columns that are empty in all of them are filled from the record's own row."""
    frame, record, event = table.frame, table.frame.columns[0], _column(table, _EVENT)
    note = f"REDCap: the {int(meant.sum())} rows of {show(instrument, 40)} are read"
    chosen, own = frame[meant].copy(), frame[~turns]
    special = {record, *(c for c in (event, _column(table, _INSTRUMENT), _column(table, _INSTANCE)) if c)}
    filled = []
    for name in [c for c in frame.columns if c not in special and chosen[c].eq("").all()]:
        values = own.loc[own[name].ne(""), [record, name]].drop_duplicates()
        several = values[values[record].duplicated()]
        if len(several) and values[record].isin(chosen[record]).any():
            who = several[record].iloc[0]
            if event is None or not _by_event(own, event, record, name):
                rule = "a record must have one value of a field that its repeated instrument takes over"
                raise TableError(table.path, rule, f"several for record {show(who, 40)}", field=str(name))
            given = own[own[name].ne("")]
            by_event = dict(zip(zip(given[record], given[event], strict=True), given[name], strict=True))
            chosen[name] = [by_event.get(key, "") for key in zip(chosen[record], chosen[event], strict=True)]
        else:
            known = dict(zip(values[record], values[name], strict=True))
            chosen[name] = [known.get(key, "") for key in chosen[record]]
        if chosen[name].ne("").any():
            filled.append(name)
    taken = _take(table, meant.to_numpy(dtype=bool), f"{note}, with {len(filled)} fields of their records.")
    return replace(taken, frame=chosen.reset_index(drop=True))


def _by_event(own: pd.DataFrame, event: str, record: str, name: str) -> bool:
    """Whether a field has at most one value per record and event."""
    given = own.loc[own[name].ne(""), [record, event]]
    return not given.duplicated().any()


def _keep_event(table: Table, event: str) -> Table:
    column = _column(table, _EVENT)
    if column is None:
        raise TableError(table.path, "the export must have events, as one was named", "no column of events")
    _check_known(table, "event", event, list(table.frame[column].unique()))
    keep = table.frame[column].eq(event).to_numpy(dtype=bool)
    return _take(table, keep, f"REDCap: the {int(keep.sum())} rows of event {show(event, 40)} are read.")


def _check_known(table: Table, what: str, named: str, known: list[str]) -> None:
    if named and named not in known:
        listed = ", ".join(show(name, 40) for name in known[:8])
        raise TableError(table.path, f"the {what} must be one of the export's: {listed}", show(named))


def _take(table: Table, keep: NDArray[np.bool_], note: str) -> Table:
    kinds = {name: letters[keep] for name, letters in table.kinds.items()}
    frame = table.frame[keep].reset_index(drop=True)
    return replace(table, frame=frame, lines=table.lines[keep], kinds=kinds, notes=(*table.notes, note))


def _tick(table: Table) -> Table:
    """Checkboxes exported as labels become 1 and 0."""
    frame, ticked = table.frame, 0
    for name in frame.columns:
        if _CHECKBOX.fullmatch(name):
            cells = frame[name].str.casefold()
            if cells.isin(_TICKS).all() and cells.isin(["checked", "unchecked"]).any():
                frame = frame.assign(**{name: cells.map(_TICKS).astype("str")})
                ticked += 1
    if not ticked:
        return table
    note = f"REDCap: Checked and Unchecked are read as 1 and 0 in {ticked} {'column' if ticked == 1 else 'columns'}."
    return replace(table, frame=frame, notes=(*table.notes, note))


def _column(table: Table, names: tuple[str, ...]) -> str | None:
    return next((name for name in table.frame.columns if same_name(name) in names), None)
