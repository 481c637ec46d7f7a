"""Text tables (CSV, TSV) as people hand them in, read without a silent guess.

Every cell is read as text first; what it means is decided later, by a schema (`compendium.run.inputs`). The
delimiter is found among comma, semicolon and tab; the text is UTF-8 with or without byte-order mark, else
Windows-1252, which is said in `Table.notes`. Lines that begin with "# " before the header are comments; after
the header nothing is a comment, so no row can disappear. A first line `sep=;`, which Excel understands too,
settles the delimiter.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.table_text import (
    DELIMITERS,
    TableError,
    check_characters,
    decode,
    find_delimiter,
    open_reader,
    read_bytes,
    skip_preamble,
)

__all__ = ["DELIMITERS", "Table", "TableError", "read_table", "same_name", "to_numbers"]

MAX_CELL = 32_767  # characters; the longest cell that Excel keeps


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes
    ----------
    path : Path
    frame : DataFrame, one row per record
        Every cell a `str` without surrounding blanks, an empty cell "". Column names as in the header.
    lines : ndarray of int, shape (n,)
        Line of the file at which each record begins; 1 is the first line.
    header_line : int
    delimiter, encoding : str
    notes : tuple of str
        What a reader should know about how the file was read.
    """

    path: Path
    frame: pd.DataFrame
    lines: NDArray[np.int64]
    header_line: int
    delimiter: str
    encoding: str
    notes: tuple[str, ...] = ()


def read_table(path: str | Path, delimiter: str | None = None) -> Table:
    """Read a CSV or TSV file as text.

    Parameters
    ----------
    path : str or Path
    delimiter : str, optional
        One of "," ";" tab; found from the file by default.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        Not a readable text table: names file, row, field, rule and value in one line.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text("patient;size_mm\\nP1; 3,5\\n\\nP2;\\n")
    >>> table = read_table(file)
    >>> table.frame.to_dict("list"), table.lines.tolist(), table.delimiter
    ({'patient': ['P1', 'P2'], 'size_mm': ['3,5', '']}, [2, 4], ';')
    """
    path = Path(path)
    text, encoding, notes = decode(path, read_bytes(path))
    check_characters(path, text)
    start, declared = skip_preamble(text)
    if delimiter is None:
        delimiter = declared or find_delimiter(path, text, start)
    elif delimiter not in DELIMITERS:
        raise TableError(path, f"the delimiter must be {_or(DELIMITERS.values())}", show(delimiter))
    records = _parse(path, text, start, delimiter)
    if not records:
        raise TableError(path, "must have a header line", "no line but comments and blanks")
    header_line, header = records[0]
    names, width = _check_header(path, header_line, header, records[1:])
    frame, lines = _frame(path, names, width, records[1:], delimiter)
    return Table(path, frame, lines, header_line, delimiter, encoding, notes)


def to_numbers(
    table: Table, column: str, missing: Sequence[str] = ("",)
) -> tuple[NDArray[np.float64], Table]:
    """Numbers of a text column; a decimal comma is read only where it can be nothing else, and said.

    A comma counts as decimal when no cell of the column has a point and at least one comma is not followed by
    exactly three digits; "1,234" alone could be a thousand and is asked about.

    Parameters
    ----------
    table : Table
    column : str
    missing : sequence of str
        Spellings of a missing value, compared case-insensitively.

    Returns
    -------
    values : ndarray of float, shape (n,)
        NaN where missing.
    table : Table
        The same table, with a note when a decimal comma was read.

    Raises
    ------
    TableError
        A cell is not a finite number, or its comma could mean two things.

    Examples
    --------
    >>> frame = pd.DataFrame({"adc": ["1,05", "0,9", ""]})
    >>> table = Table(Path("a.csv"), frame, np.array([2, 3, 4]), 1, ";", "utf-8")
    >>> values, table = to_numbers(table, "adc")
    >>> values, table.notes
    (array([1.05, 0.9 ,  nan]), ('adc: commas read as decimal commas.',))
    """
    cells = table.frame[column]
    blank = cells.str.casefold().isin([word.casefold() for word in missing]).to_numpy(dtype=bool)
    plain = cells.str.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", flags=re.ASCII).to_numpy(
        dtype=bool
    )
    comma = cells.str.fullmatch(r"[-+]?(\d+,\d+|,\d+)([eE][-+]?\d{1,3})?", flags=re.ASCII).to_numpy(
        dtype=bool
    )
    bad = ~(blank | plain | comma)
    if bad.any():
        _refuse_cell(table, column, bad, "must be a number")
    if comma.any():
        table = _accept_commas(
            table, column, comma, cells.str.contains(".", regex=False).to_numpy(dtype=bool) & ~blank
        )
    values = np.full(len(cells), np.nan)
    values[~blank] = (
        cells[~blank].str.replace(",", ".", regex=False).to_numpy(dtype=object).astype(np.float64)
    )
    if np.isinf(values).any():
        _refuse_cell(table, column, np.isinf(values), "must be a finite number")
    return values, table


def same_name(name: str) -> str:
    """Form in which two column names are the same: without case, and blanks, hyphens and underscores alike.

    Examples
    --------
    >>> same_name(" Read-uPERF ") == same_name("read_uperf")
    True
    """
    return re.sub(r"[\s\-_]+", "_", name.strip()).casefold()


def _parse(path: Path, text: str, start: int, delimiter: str) -> list[tuple[int, list[str]]]:
    """Records with the line each begins at; records without any content are left out."""
    reader = open_reader(text, start, delimiter)
    records: list[tuple[int, list[str]]] = []
    line = start + 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                records.append((line, cells))
            line = start + reader.line_num + 1
    except csv.Error as error:
        raise _csv_error(path, str(error), line) from None
    return records


def _csv_error(path: Path, problem: str, line: int) -> TableError:
    if "unexpected end of data" in problem or "field larger" in problem:
        return TableError(
            path, 'every quote (") must be closed', "a quote opened in this row and not closed", row=line
        )
    if "expected after" in problem:
        return TableError(
            path, "a closing quote must be followed by the delimiter", "more text after it", row=line
        )
    return TableError(path, "must be a regular CSV table", show(problem), row=line)


def _check_header(
    path: Path, line: int, header: list[str], records: list[tuple[int, list[str]]]
) -> tuple[list[str], int]:
    """Names of the columns, and their number without columns that a spreadsheet left empty at the end."""
    names = list(header)
    while names and not names[-1]:
        names.pop()
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name:
            raise TableError(
                path, "every column must have a name", f"none for column {position}", row=line, field="header"
            )
        if len(name) > 200:
            raise TableError(
                path, "a column name has at most 200 characters", show(name), row=line, field="header"
            )
        key = same_name(name)
        if key in seen:
            value = show(name) if seen[key] == name else f"{show(seen[key])} and {show(name)}"
            hint = "case, blanks, hyphens and underscores make no difference"
            if re.fullmatch(r"[-+]?[\d.,]+", name):
                hint = "is the header line missing?"
            rule = f"every column must be named once ({hint})"
            raise TableError(path, rule, value, row=line, field=name)
        seen[key] = name
    return names, len(names)


def _frame(
    path: Path, names: list[str], width: int, records: list[tuple[int, list[str]]], delimiter: str
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    ragged = [
        i
        for i, (_, cells) in enumerate(records)
        if len(cells) != width and (len(cells) < width or any(cells[width:]))
    ]
    if ragged:
        line, cells = records[ragged[0]]
        hint = (
            " (is a decimal comma or a comma inside a text not in quotes?)"
            if delimiter == "," and len(cells) > width
            else ""
        )
        rule = f"must have {width} cells, like the header{hint}"
        raise TableError(path, rule, str(len(cells)), row=line, field="(the whole row)", more=len(ragged) - 1)
    for line, cells in records:
        if max(map(len, cells)) > MAX_CELL:
            column = max(range(width), key=lambda i: len(cells[i]))
            raise TableError(
                path,
                f"a cell has at most {MAX_CELL:,} characters",
                show(cells[column]),
                row=line,
                field=names[column],
            )
    columns = {name: [cells[i] for _, cells in records] for i, name in enumerate(names)}
    frame = pd.DataFrame({name: pd.Series(cells, dtype="str") for name, cells in columns.items()})
    return frame, np.array([line for line, _ in records], dtype=np.int64)


def _accept_commas(table: Table, column: str, comma: NDArray[np.bool_], point: NDArray[np.bool_]) -> Table:
    cells = table.frame[column]
    if point.any():
        _refuse_cell(
            table,
            column,
            comma,
            "must be written with a decimal point or a decimal comma, not both in one column",
        )
    if cells[comma].str.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}").all():
        rule = "must be unambiguous: write 1.234 for a decimal and 1234 for a thousand"
        _refuse_cell(table, column, comma, rule)
    return replace(table, notes=(*table.notes, f"{column}: commas read as decimal commas."))


def _refuse_cell(table: Table, column: str, bad: NDArray[np.bool_], rule: str) -> None:
    first = int(np.flatnonzero(bad)[0])
    value = show(table.frame[column].iloc[first])
    more = int(bad.sum()) - 1
    raise TableError(table.path, rule, value, row=int(table.lines[first]), field=column, more=more)


def _or(words: Any) -> str:
    *head, last = list(words)
    return f"{', '.join(head)} or {last}"
