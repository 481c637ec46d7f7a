"""Excel workbooks (.xlsx, .xlsm) as tables of text, within bounds, and with questions where the sheet is not clear.

Values are what the cells show in meaning, not in digits: a whole number has no point, a date is YYYY-MM-DD, a number
shown as 007 keeps its zeros. Asked about: several sheets with content, hidden rows, cells merged across columns,
formulas whose result was never stored. A value merged over rows is read for each of them, and said.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from compendium.io.messages import show
from compendium.io.table_frame import MAX_CELL, ReadOptions, Record, Table, build_table
from compendium.io.table_text import TableError, check_cell

MAX_UNPACKED = 250_000_000  # bytes of all parts together
MAX_PARTS = 5_000
MAX_CELLS = 20_000_000
MAX_COLUMNS = 5_000
_NOT_A_WORKBOOK = (  # a part that only such a file has, what it is, what to do
    ("xl/workbook.bin", "a binary workbook (.xlsb)", "save it as .xlsx or CSV (UTF-8)"),
    ("content.xml", "an OpenDocument spreadsheet", "save it as .xlsx or CSV (UTF-8)"),
    ("Index/Document.iwa", "a Numbers document", "export it as .xlsx or CSV (UTF-8)"),
    ("word/document.xml", "a Word document", "save the table as .xlsx or CSV (UTF-8)"),
)
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/spreadsheetml/main}"


@dataclass
class _Layout:
    """What a sheet says beside its values: hidden rows, merged cells, formulas without a stored result."""

    hidden: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    uncomputed: list[str] = field(default_factory=list)


def read_workbook(path: Path, raw: bytes, options: ReadOptions) -> Table:
    """Read one sheet of a workbook.

    Parameters
    ----------
    path : Path
        For messages.
    raw : bytes
        The whole file.
    options : ReadOptions

    Raises
    ------
    TableError
        Not a whole workbook, too large when unpacked, or something that must be asked; one line.
    """
    from openpyxl import load_workbook

    _check_archive(path, raw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, which do not reach the values
        try:
            book = load_workbook(BytesIO(raw), read_only=True, data_only=True, keep_links=False)
            sheet, notes = _choose_sheet(path, book, options)
            layout = _read_layout(raw, sheet._worksheet_path)
            records = list(_records(path, sheet))
            from_1904 = book.epoch.year == 1904
        except TableError:
            raise
        except Exception as error:  # whatever a broken file does to a parser
            rule = "must be a whole Excel workbook: open it in a spreadsheet and save it again"
            raise TableError(path, rule, f"one that cannot be read ({type(error).__name__})") from None
    records = _apply_layout(path, records, layout, options, notes)
    if from_1904 and any("d" in record[2] for record in records):
        notes.append("days are counted from 1904 in this workbook; its dates are read so.")
    return build_table(path, records, options, notes, form="workbook", from_1904=from_1904)


def _check_archive(path: Path, raw: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        raise TableError(path, "must be a whole Excel workbook", "a broken or half-copied archive") from None
    names = {part.filename for part in parts}
    for name, what, remedy in _NOT_A_WORKBOOK:
        if name in names:
            raise TableError(path, f"must be a table: {remedy}", what)
    if "[Content_Types].xml" not in names:
        raise TableError(path, "must be a table: unpack it first", "a zip archive that is no workbook")
    if any(part.flag_bits & 1 for part in parts):
        raise TableError(path, "must be a table without a password", "an encrypted archive")
    size = sum(part.file_size for part in parts)
    if size > MAX_UNPACKED or len(parts) > MAX_PARTS:
        rule = f"a workbook must have at most {MAX_UNPACKED:,} bytes when unpacked: save the sheet as CSV or Parquet"
        raise TableError(path, rule, f"{size:,} bytes in {len(parts):,} parts")
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        for part in parts:
            _check_part(path, archive, part)


def _check_part(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """A part of XML must not declare a document type: entities in it could grow without end."""
    if not part.filename.endswith((".xml", ".rels")):
        return
    try:
        with archive.open(part) as handle:
            head = handle.read(2000)
    except Exception as error:
        rule = "must be a whole Excel workbook"
        raise TableError(path, rule, f"a broken part ({type(error).__name__})") from None
    if b"<!" in head.replace(b"\0", b"").replace(b"<!--", b""):
        raise TableError(path, "a workbook must not declare document types", show(part.filename))


def _choose_sheet(path: Path, book: Any, options: ReadOptions) -> tuple[Any, list[str]]:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if not sheets:
        raise TableError(path, "a workbook must have a sheet with cells", "none")
    if options.sheet:
        if options.sheet not in sheets:
            names = ", ".join(show(name, 30) for name in list(sheets)[:10])
            raise TableError(path, f"must have the sheet that was named; it has {names}", show(options.sheet))
        return sheets[options.sheet], [f"sheet {show(options.sheet, 40)} is read."]
    filled = [sheet for sheet in sheets.values() if sheet.sheet_state == "visible" and _has_content(sheet)]
    if len(filled) > 1:
        filled = [sheet for sheet in filled if sheet.title == options.likely_sheet] or filled
    if len(filled) > 1:
        names = ", ".join(show(sheet.title, 30) for sheet in filled[:10])
        raise TableError(
            path, "must have one sheet with content, or say which: --read INPUT.sheet=NAME", names
        )
    if not filled:
        raise TableError(path, "must have a visible sheet with content", f"{len(sheets)} empty or hidden")
    said = [f"sheet {show(filled[0].title, 40)} is read, of {len(sheets)}."] if len(sheets) > 1 else []
    return filled[0], said


def _has_content(sheet: Any) -> bool:
    sheet.reset_dimensions()
    return any(value not in (None, "") for row in sheet.iter_rows(values_only=True) for value in row)


def _records(path: Path, sheet: Any) -> Iterator[Record]:
    """Rows with content: row of the sheet, cells, kinds."""
    sheet.reset_dimensions()
    count = 0
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if not row:
            continue
        count += len(row)
        if len(row) > MAX_COLUMNS or count > MAX_CELLS:
            rule = f"a sheet must have at most {MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells"
            raise TableError(path, rule, f"{len(row):,} columns, {count:,} cells so far", row=number)
        cells = [_cell_text(cell) for cell in row]
        for text, _ in cells:
            if text:
                check_cell(path, text, number, MAX_CELL)
        if any(text for text, _ in cells):
            yield number, [text for text, _ in cells], "".join(kind for _, kind in cells)


def _cell_text(cell: Any) -> tuple[str, str]:
    """Text of a cell and what it was; see `Table.kinds`."""
    value = cell.value
    if value is None:
        return "", " "
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), "b"
    if isinstance(value, int | float):
        return _number_text(value, str(cell.number_format or ""))
    if isinstance(value, datetime):
        midnight = value.time() == time(0)
        return (value.date().isoformat() if midnight else value.isoformat(" ", "seconds")), "d"
    if isinstance(value, date | time | timedelta):
        return str(value), "d"
    text = str(value).strip()
    return text, ("e" if cell.data_type == "e" else "s" if text else " ")


def _number_text(value: float, shown_as: str) -> tuple[str, str]:
    """A number without the point that files add to whole ones; leading zeros as its format shows them.

    >>> _number_text(7, "000"), _number_text(2450.0, "General"), _number_text(0.25, "0%")
    (('007', 'z'), ('2450', 'n'), ('0.25', '%'))
    """
    whole = float(value).is_integer() and abs(value) < 1e15
    text = str(int(value)) if whole or isinstance(value, int) else repr(float(value))
    if re.fullmatch(r"0{2,}", shown_as) and whole and value >= 0:
        return text.zfill(len(shown_as)), "z"
    plain = re.sub(r'"[^"]*"|\\.', "", shown_as)
    return text, "%" if "%" in plain else "n"


def _read_layout(raw: bytes, part: str) -> _Layout:
    layout = _Layout()
    with zipfile.ZipFile(BytesIO(raw)) as archive, archive.open(part.lstrip("/")) as handle:
        for _, element in ElementTree.iterparse(handle):  # noqa: S314 (no document type, bounded, expat 2.4 or later)
            tag = element.tag.removeprefix(_MAIN).removeprefix(_STRICT)
            if tag == "row":
                if element.get("hidden") in ("1", "true"):
                    layout.hidden.add(int(element.get("r") or 0))
                element.clear()
            elif tag == "mergeCell":
                layout.merged.append(_range_of(element.get("ref") or ""))
            elif tag == "c":
                _look_at_cell(element, layout)
    return layout


def _look_at_cell(element: ElementTree.Element, layout: _Layout) -> None:
    tags = {child.tag.removeprefix(_MAIN).removeprefix(_STRICT): child for child in element}
    if "f" in tags and (tags.get("v") is None or tags["v"].text is None) and element.get("t") != "str":
        layout.uncomputed.append(element.get("r") or "?")


def _range_of(reference: str) -> tuple[int, int, int, int]:
    """First row, first column, last row, last column of a range such as B2:B5."""
    from openpyxl.utils.cell import range_boundaries

    left, top, right, bottom = range_boundaries(reference)
    return int(top or 1), int(left or 1), int(bottom or 1), int(right or 1)


def _apply_layout(
    path: Path, records: list[Record], layout: _Layout, options: ReadOptions, notes: list[str]
) -> list[Record]:
    if layout.uncomputed:
        rule = "a formula must have its result stored: open the workbook in a spreadsheet and save it"
        value = f"{layout.uncomputed[0]}, a formula without result"
        raise TableError(path, rule, value, more=len(layout.uncomputed) - 1)
    hidden = [record[0] for record in records if record[0] in layout.hidden]
    if hidden and not options.hidden:
        rule = "must have no hidden rows, or say what becomes of them: --read INPUT.hidden=keep (or =drop)"
        raise TableError(path, rule, f"{len(hidden)} with content", row=hidden[0])
    if hidden:
        notes.append(f"{len(hidden)} hidden rows were {'kept' if options.hidden == 'keep' else 'left out'}.")
    if hidden and options.hidden == "drop":
        records = [record for record in records if record[0] not in layout.hidden]
    return _spread_merged(path, records, layout, options, notes)


def _spread_merged(
    path: Path, records: list[Record], layout: _Layout, options: ReadOptions, notes: list[str]
) -> list[Record]:
    """Give a value that is merged over rows to each of them, below the header."""
    from compendium.io.table_frame import find_header

    if not layout.merged or not records:
        return records
    header = records[find_header(path, records, options)[0]][0]
    places = {record[0]: i for i, record in enumerate(records)}
    spread = 0
    for top, left, bottom, right in layout.merged:
        if bottom <= header or top not in places:
            continue
        if right > left:
            rule = "cells below the header must not be merged across columns"
            raise TableError(path, rule, "such a cell", row=top)
        first = records[places[top]]
        for row in [row for row in places if top < row <= bottom] if left <= len(first[1]) else []:
            records[places[row]] = _with_cell(records[places[row]], left - 1, first)
            spread += 1
    if spread:
        notes.append(f"values merged over several rows are read for each of them ({spread} cells).")
    return records


def _with_cell(record: Record, i: int, source: Record) -> Record:
    cells = [*record[1], *[""] * (i + 1 - len(record[1]))]
    kinds = record[2].ljust(i + 1)
    cells[i] = source[1][i]
    return record[0], cells, kinds[:i] + source[2][i] + kinds[i + 1 :]
