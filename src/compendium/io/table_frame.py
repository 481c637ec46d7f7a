"""From rows of cells, whatever file they stood in, to a table: its title rows, its header, its records."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.table_text import DELIMITERS, TableError

MAX_CELL = 32_767  # characters; the longest cell that Excel keeps
MAX_NAME = 200
MAX_TITLES = 10  # rows above a header
MAX_CHARACTERS = 1_000_000_000
_NUMERIC = re.compile(r"[-+]?[\d.,]+([eE][-+]?\d+)?%?")

Record = tuple[int, list[str], str]
"""Line in the file, cells, and a letter for each cell (see `Table.kinds`); no letters for a file of text."""


@dataclass(frozen=True)
class ReadOptions:
    """What a person says about a file whose reading is not clear from itself.

    Attributes
    ----------
    sheet : name of the sheet of a workbook.
    header : row of the file that names the columns; 0 finds it.
    hidden : "keep" or "drop" the hidden rows of a workbook; empty: they are asked about.
    decimal : "comma" or "point", where numbers could be read both ways.
    numbered : give repeated column names a number (``ADC#1``, ``ADC#2``) instead of refusing them.
    likely_sheet : a sheet of this name is taken when none is said.
    """

    sheet: str = ""
    header: int = 0
    hidden: str = ""
    decimal: str = ""
    numbered: bool = False
    likely_sheet: str = ""


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes
    ----------
    path : Path
    frame : DataFrame, one row per record
        Every cell a `str` without surrounding blanks, an empty cell "". Column names as in the header.
    lines : ndarray of int, shape (n,)
        Line of the file (row of the sheet) at which each record begins; 1 is the first.
    header_line : int
    delimiter, encoding : str
        Empty for workbooks and Parquet.
    notes : tuple of str
        What a reader should know about how the file was read.
    form : str
        "text", "workbook" or "parquet".
    kinds : mapping of column to ndarray of str, shape (n,)
        What each cell was in a workbook or Parquet file: ``n`` number, ``%`` number shown as percent, ``d`` date,
        ``b`` true or false, ``z`` number shown with leading zeros, ``e`` error, ``s`` text, blank for empty.
        Empty for a file of text, where nobody knows.
    decimal : str
        "comma" or "point" when a person said so.
    from_1904 : bool
        Whether the workbook counts days from 1904.
    """

    path: Path
    frame: pd.DataFrame
    lines: NDArray[np.int64]
    header_line: int
    delimiter: str
    encoding: str
    notes: tuple[str, ...] = ()
    form: str = "text"
    kinds: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    decimal: str = ""
    from_1904: bool = False

    def is_kind(self, column: str, letters: str) -> NDArray[np.bool_]:
        """Which cells of a column were of one of the kinds in the file; none in a file of text."""
        kinds = self.kinds.get(column)
        if kinds is None:
            return np.zeros(len(self.frame), dtype=bool)
        return np.isin(kinds, list(letters))


def build_table(
    path: Path,
    records: Sequence[Record],
    options: ReadOptions,
    notes: Iterable[str] = (),
    delimiter: str = "",
    encoding: str = "",
    **rest: Any,
) -> Table:
    """Make a table of rows of cells; rows without content must have been left out.

    Raises
    ------
    TableError
        No header, a column without a name or named twice, a row of another length.
    """
    if not records and options.header > 0:
        rule = "the row that names the columns must have content"
        raise TableError(path, rule, f"header={options.header}, beyond the last row")
    if not records:
        raise TableError(path, "must have a header line", "no line but comments and blanks")
    position, said = find_header(path, records, options)
    header, rows = records[position], records[position + 1 :]
    keep, names = _columns_of(path, header, rows, options)
    _check_rows(path, rows, keep[-1] + 1 if keep else 0, names, keep, delimiter)
    data = {
        name: pd.Series([row[1][i] if i < len(row[1]) else "" for row in rows], dtype="str")
        for name, i in zip(names, keep, strict=True)
    }
    kinds = {
        name: np.array([row[2][i] if i < len(row[2]) else " " for row in rows], dtype="U1")
        for name, i in (zip(names, keep, strict=True) if not delimiter else ())
    }
    lines = np.array([row[0] for row in rows], dtype=np.int64)
    frame = pd.DataFrame(data)
    notes = (*notes, *said)
    return Table(
        path,
        frame,
        lines,
        header[0],
        delimiter,
        encoding,
        notes,
        kinds=kinds,
        decimal=options.decimal,
        **rest,
    )


def find_header(path: Path, records: Sequence[Record], options: ReadOptions) -> tuple[int, list[str]]:
    """Position of the record that names the columns, and what to say about rows above it.

    Rows above it are titles when each has one cell with text and the header has several, none of them a number.
    """
    if options.header:
        found = [i for i, record in enumerate(records) if record[0] == options.header]
        if not found:
            rule = "the row that names the columns must have content"
            raise TableError(path, rule, f"header={options.header}, an empty row or none")
        return found[0], []
    position = 0
    while position < min(MAX_TITLES, len(records) - 1) and _filled(records[position]) == 1:
        position += 1
    first = records[position]
    if not position or _filled(first) < 2 or any(_NUMERIC.fullmatch(cell) for cell in first[1] if cell):
        return 0, []
    titles = [next(filter(None, record[1])) for record in records[:position]]
    more = f" (+{len(titles) - 1} more)" if len(titles) > 1 else ""
    return position, [f"{show(titles[0], 40)}{more} is read as a title; the header is row {first[0]}."]


def _filled(record: Record) -> int:
    return sum(map(bool, record[1]))


def _columns_of(
    path: Path, header: Record, rows: Sequence[Record], options: ReadOptions
) -> tuple[list[int], list[str]]:
    """Positions and names of the columns, without nameless columns that hold nothing."""
    line, cells, _ = header
    width = max([len(cells), *(len(row[1]) for row in rows)]) if rows and header[2] else len(cells)
    names = [*cells, *[""] * (width - len(cells))]
    while names and not names[-1] and not (header[2] and _any_content(rows, len(names) - 1)):
        names.pop()
    keep = [i for i, name in enumerate(names) if name or _any_content(rows, i)]
    for i in keep:
        if not names[i]:
            rule = "every column must have a name (if the header has two rows, say which one: --read INPUT.header=ROW)"
            raise TableError(path, rule, f"none for column {i + 1}", row=line, field="header")
        if len(names[i]) > MAX_NAME:
            rule = f"a column name has at most {MAX_NAME} characters"
            raise TableError(path, rule, show(names[i]), row=line, field="header")
    chosen = [names[i] for i in keep]
    return keep, _number(chosen) if options.numbered else _check_once(path, line, chosen)


def _any_content(rows: Sequence[Record], i: int) -> bool:
    return any(i < len(row[1]) and row[1][i] for row in rows)


def _number(names: list[str]) -> list[str]:
    """Repeated names with the number of their turn.

    >>> _number(["id", "ADC", "adc"])
    ['id', 'ADC#1', 'adc#2']
    """
    counts, turn = Counter(map(same_name, names)), Counter[str]()
    out = []
    for name in names:
        key = same_name(name)
        turn[key] += 1
        out.append(f"{name}#{turn[key]}" if counts[key] > 1 else name)
    return out


def _check_once(path: Path, line: int, names: list[str]) -> list[str]:
    seen: dict[str, str] = {}
    for name in names:
        key = same_name(name)
        if key in seen:
            value = show(name) if seen[key] == name else f"{show(seen[key])} and {show(name)}"
            hint = "case, blanks, hyphens and underscores make no difference"
            if _NUMERIC.fullmatch(name):
                hint = "is the header line missing?"
            rule = f"every column must be named once ({hint}); to choose one: -c INPUT.COLUMN='{name[:40]}#2'"
            raise TableError(path, rule, value, row=line, field=name)
        seen[key] = name
    return names


def _check_rows(
    path: Path, rows: Sequence[Record], width: int, names: list[str], keep: list[int], delimiter: str
) -> None:
    """Rows of a file of text are as long as the header; no cell and no table is longer than can be handled."""
    ragged = [i for i, row in enumerate(rows) if delimiter and _is_ragged(row[1], width)]
    if ragged:
        line, cells, _ = rows[ragged[0]]
        hint = ""
        if delimiter == "," and len(cells) > width:
            hint = " (is a decimal comma or a comma inside a text not in quotes?)"
        if width == 1:
            hint = " (if that row is a title, say which row names the columns: --read INPUT.header=ROW)"
        rule = f"must have {width} cells, like the header{hint}"
        raise TableError(path, rule, str(len(cells)), row=line, field="(the whole row)", more=len(ragged) - 1)
    total = 0
    for line, cells, _ in rows:
        lengths = [len(cell) for cell in cells]
        total += sum(lengths)
        if lengths and max(lengths) > MAX_CELL:
            place = lengths.index(max(lengths))
            name = names[keep.index(place)] if place in keep else "(none)"
            rule = f"a cell has at most {MAX_CELL:,} characters"
            raise TableError(path, rule, show(cells[place]), row=line, field=name)
    if total > MAX_CHARACTERS:
        raise TableError(path, f"must have at most {MAX_CHARACTERS:,} characters in its cells", f"{total:,}")


def _is_ragged(cells: list[str], width: int) -> bool:
    return len(cells) < width or any(cells[width:])


def same_name(name: str) -> str:
    """Form in which two column names are the same: without case, and blanks, hyphens and underscores alike.

    Examples
    --------
    >>> same_name(" Read-uPERF ") == same_name("read_uperf")
    True
    """
    return re.sub(r"[\s\-_]+", "_", name.strip()).casefold()


def or_list(words: Iterable[str]) -> str:
    """Words joined by commas and "or"."""
    *head, last = list(words)
    return f"{', '.join(head)} or {last}" if head else last


__all__ = ["DELIMITERS", "ReadOptions", "Record", "Table", "build_table", "or_list", "same_name"]
