"""Tables as people hand them in (CSV, TSV, Excel, Parquet), read without a silent guess.

Every cell is read as text first; what it means is decided later, by a schema (`compendium.run.inputs`). What the file
is decides its content, not its name. Of text, the delimiter is found among comma, semicolon and tab; it is UTF-8 with
or without byte-order mark, UTF-16 with one, else Windows-1252, which is said in `Table.notes`. Lines that begin with
"# " before the header are comments; after the header nothing is a comment, so no row can disappear. A first line
`sep=;`, which Excel understands too, settles the delimiter. Workbooks and Parquet: `compendium.io.workbooks`,
`compendium.io.parquet`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.table_frame import ReadOptions, Record, Table, build_table, or_list, same_name
from compendium.io.table_text import (
    DELIMITERS,
    TableError,
    check_characters,
    check_text,
    decode,
    find_delimiter,
    open_reader,
    read_bytes,
    skip_preamble,
    skip_titles,
)

__all__ = ["DELIMITERS", "ReadOptions", "Table", "TableError", "read_table", "same_name", "to_numbers"]

_PLAIN = r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?"
_COMMA = r"[-+]?(\d+,\d+|,\d+)([eE][-+]?\d{1,3})?"
_GROUPED = {
    "comma": r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?",
    "point": r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?",
}
_COULD_BE_THOUSANDS = r"[-+]?[1-9]\d{0,2}(\.\d{3})+"


def read_table(path: str | Path, delimiter: str | None = None, options: ReadOptions | None = None) -> Table:
    """Read a CSV or TSV file, a workbook (.xlsx, .xlsm) or a Parquet file as text.

    Parameters
    ----------
    path : str or Path
    delimiter : str, optional
        One of "," ";" tab; found from the file by default.
    options : ReadOptions, optional
        What a person says about the file.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        Not a readable table: names file, row, field, rule and value in one line.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = file.write_text("patient;size_mm\\nP1; 3,5\\n\\nP2;\\n")
    >>> table = read_table(file)
    >>> table.frame.to_dict("list"), table.lines.tolist(), table.delimiter
    ({'patient': ['P1', 'P2'], 'size_mm': ['3,5', '']}, [2, 4], ';')
    """
    path, options = Path(path), options or ReadOptions()
    raw = read_bytes(path)
    if raw.startswith(b"PK\x03\x04"):
        from compendium.io.workbooks import read_workbook

        return read_workbook(path, raw, options)
    if options.sheet:
        raise TableError(path, "a sheet can be named only for a workbook", show(options.sheet))
    if raw.startswith(b"PAR1"):
        from compendium.io.parquet import read_parquet

        return read_parquet(path, raw, options)
    check_text(path, raw)
    return _read_text(path, raw, delimiter, options)


def _read_text(path: Path, raw: bytes, delimiter: str | None, options: ReadOptions) -> Table:
    text, encoding, notes = decode(path, raw)
    check_characters(path, text)
    start, declared = skip_preamble(text)
    if options.header:
        start = options.header - 1
    elif delimiter is None and declared is None:
        start, said = skip_titles(text, start)
        notes = (*notes, *said)
    if delimiter is None:
        delimiter = declared or find_delimiter(path, text, start)
    elif delimiter not in DELIMITERS:
        raise TableError(path, f"the delimiter must be {or_list(DELIMITERS.values())}", show(delimiter))
    records = _parse(path, text, start, delimiter)
    return build_table(path, records, options, notes, delimiter, encoding)


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
    plain, comma = (_matches(cells, pattern) for pattern in (_PLAIN, _COMMA))
    grouped = np.zeros(len(cells), dtype=bool)
    if table.decimal:
        grouped = _matches(cells, _GROUPED[table.decimal]) & ~blank
        grouped &= ~table.is_kind(column, "n%")
    bad = ~(blank | plain | comma | grouped)
    if bad.any():
        _refuse_cell(table, column, bad, "must be a number" + _turned(table, column, bad))
    if table.decimal:
        _check_declared(table, column, comma & ~blank & ~grouped, plain & ~blank & ~grouped)
    elif comma.any():
        table = _accept_commas(table, column, comma, _with_point(table, column) & ~blank)
    else:
        _check_thousands(table, column, ~blank)
    values = np.full(len(cells), np.nan)
    values[~blank] = (
        _plain_text(cells, table.decimal, grouped)[~blank].to_numpy(dtype=object).astype(np.float64)
    )
    if np.isinf(values).any():
        _refuse_cell(table, column, np.isinf(values), "must be a finite number")
    if grouped.any():
        table = replace(
            table, notes=(*table.notes, f"{column}: thousands are separated ({table.decimal} declared).")
        )
    return values, table


def _parse(path: Path, text: str, start: int, delimiter: str) -> list[Record]:
    """Records with the line each begins at; records without any content are left out."""
    reader = open_reader(text, start, delimiter)
    records: list[Record] = []
    line = start + 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                records.append((line, cells, ""))
            line = start + reader.line_num + 1
    except csv.Error as error:
        raise _csv_error(path, str(error), line) from None
    return records


def _csv_error(path: Path, problem: str, line: int) -> TableError:
    if "field larger" in problem:
        rule = f'a cell must have at most {csv.field_size_limit():,} characters, and every quote (") must be closed'
        return TableError(path, rule, "a longer one, or a quote opened in this row and not closed", row=line)
    if "unexpected end of data" in problem:
        return TableError(
            path, 'every quote (") must be closed', "a quote opened in this row and not closed", row=line
        )
    if "expected after" in problem:
        return TableError(
            path, "a closing quote must be followed by the delimiter", "more text after it", row=line
        )
    return TableError(path, "must be a regular CSV table", show(problem), row=line)


def _matches(cells: pd.Series, pattern: str) -> NDArray[np.bool_]:
    return cells.str.fullmatch(pattern, flags=re.ASCII).to_numpy(dtype=bool)


def _plain_text(cells: pd.Series, decimal: str, grouped: NDArray[np.bool_]) -> pd.Series:
    """Numbers as Python reads them: separators of thousands taken out where one declared them, commas as points."""
    if grouped.any():
        separator = "." if decimal == "comma" else ","
        cells = cells.mask(grouped, cells.str.replace(separator, "", regex=False))
    return cells.str.replace(",", ".", regex=False)


def _with_point(table: Table, column: str) -> NDArray[np.bool_]:
    """Cells with a point that somebody wrote; those of numbers in a workbook mean nothing."""
    point = table.frame[column].str.contains(".", regex=False).to_numpy(dtype=bool)
    return point & ~table.is_kind(column, "n%")


def _turned(table: Table, column: str, bad: NDArray[np.bool_]) -> str:
    """A hint when the first bad cell is a date that a spreadsheet made of a number."""
    first = np.flatnonzero(bad)[:1]
    return " (it is a date in the workbook)" if table.is_kind(column, "d")[first].any() else ""


def _accept_commas(table: Table, column: str, comma: NDArray[np.bool_], point: NDArray[np.bool_]) -> Table:
    cells = table.frame[column]
    if point.any():
        rule = "must be written with a decimal point or a decimal comma, not both in one column"
        _refuse_cell(table, column, comma, rule)
    if cells[comma].str.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}").all():
        rule = "must be unambiguous: write 1.234 for a decimal and 1234 for a thousand, or say --read INPUT.decimal=comma"
        _refuse_cell(table, column, comma, rule)
    return replace(table, notes=(*table.notes, f"{column}: commas read as decimal commas."))


def _check_thousands(table: Table, column: str, given: NDArray[np.bool_]) -> None:
    """Refuse 1.234 where all points could separate thousands and another column of the file has decimal commas."""
    point = _with_point(table, column) & given
    if not point.any() or not table.frame[column][point].str.fullmatch(_COULD_BE_THOUSANDS).all():
        return
    for other in table.frame.columns:
        cells = table.frame[other]
        if other != column and cells.str.fullmatch(r"[-+]?\d+,(\d{1,2}|\d{4,})").any():
            rule = f"must be unambiguous: {show(other, 30)} has decimal commas, so the point could separate thousands"
            _refuse_cell(table, column, point, f"{rule}; say --read INPUT.decimal=comma (or =point)")


def _check_declared(table: Table, column: str, comma: NDArray[np.bool_], plain: NDArray[np.bool_]) -> None:
    wrong = comma if table.decimal == "point" else plain & _with_point(table, column)
    if wrong.any():
        _refuse_cell(table, column, wrong, f"must be written with a decimal {table.decimal}, as was declared")


def _refuse_cell(table: Table, column: str, bad: NDArray[np.bool_], rule: str) -> None:
    first = int(np.flatnonzero(bad)[0])
    value = show(table.frame[column].iloc[first])
    more = int(bad.sum()) - 1
    raise TableError(table.path, rule, value, row=int(table.lines[first]), field=column, more=more)
