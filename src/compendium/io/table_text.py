"""From the bytes of a handed-in table to clean text, its header line and its delimiter."""

from __future__ import annotations

import codecs
import csv
import io
import re
from functools import partial
from pathlib import Path
from typing import Any

from compendium.io.messages import show, show_name

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
MAX_BYTES = 2_000_000_000  # the whole text is held in memory
MAX_TEXT_BYTES = 250_000_000  # cells take some twenty times as much memory as their text: 5 GB
_NOT_TEXT = (  # first bytes, what the file is, what to do
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first"),
    (b"PK\x05\x06", "an empty zip archive", "hand in the table itself"),
    (b"%PDF", "a PDF document", "save the table as CSV (UTF-8)"),
    (b"ARROW1", "a Feather file", "save the table as Parquet or CSV (UTF-8)"),
    (b"{\\rtf", "a text document with formatting", "save the table as CSV (UTF-8)"),
)
_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BY_SUFFIX = {".ods": "a spreadsheet", ".sav": "an SPSS file", ".dta": "a Stata file"}
_WEB_PAGE = re.compile(rb"\s*<(!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
# Control characters, and characters that print as nothing or reorder print: two ids would look the same.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_LINE_END = re.compile(r"\r\n|\r|\n")


class TableError(ValueError):
    """A table cannot be used; one line with file, row (line in the file), field, rule and value.

    Examples
    --------
    >>> print(TableError("a.csv", "must be 0, 1 or empty", "'maybe'", row=7, field="read_a", more=2))
    a.csv, row 7, field read_a: must be 0, 1 or empty. Given 'maybe' (+2 more).
    """

    def __init__(
        self,
        file: str | Path,
        rule: str,
        value: str,
        *,
        row: int | None = None,
        field: str | None = None,
        more: int = 0,
    ) -> None:
        self.file, self.rule, self.value, self.row, self.field, self.more = (
            str(file),
            rule,
            value,
            row,
            field,
            more,
        )
        place = [show_name(str(file))]
        if row is not None:
            place.append(f"row {row}")
        if field is not None:
            place.append(f"field {show_name(field)}")
        others = f" (+{more:,} more)" if more else ""
        super().__init__(f"{', '.join(place)}: {rule}. Given {value}{others}.")

    def __reduce__(self) -> tuple[Any, ...]:
        make = partial(type(self), row=self.row, field=self.field, more=self.more)
        return make, (self.file, self.rule, self.value)


def read_bytes(path: Path) -> bytes:
    """Read a file whole, or say in a line why it cannot be read."""
    try:
        if path.is_dir():
            raise TableError(path, "must be a file", "a folder")
        if not path.exists():
            raise TableError(path, "must be an existing file", "a path at which nothing is")
        if not path.is_file():
            raise TableError(path, "must be an ordinary file", "a device or pipe")
        if path.suffix.lower() in _BY_SUFFIX:
            raise TableError(
                path, "must be a text table: save it as CSV (UTF-8)", _BY_SUFFIX[path.suffix.lower()]
            )
        size = path.stat().st_size
        with path.open("rb") as file:
            packed = file.read(4) in (b"PK\x03\x04", b"PAR1")
        if size > (most := MAX_BYTES if packed else MAX_TEXT_BYTES):
            rule = f"must have at most {most:,} bytes: hand in the rows and columns that are needed"
            raise TableError(path, rule, f"{size:,}")
        raw = path.read_bytes()
    except OSError as error:
        raise TableError(path, "must be readable", error.strerror or type(error).__name__) from None
    except ValueError as error:
        if isinstance(error, TableError):
            raise
        raise TableError(path, "must be a usable path", "a path with a NUL character") from None
    if not raw.strip():
        raise TableError(path, "must hold a header and rows", "an empty file")
    return raw


def check_text(path: Path, raw: bytes) -> None:
    """Refuse bytes that are known not to be a text table, and say what to do."""
    if raw.startswith(_OLE):
        if _ENCRYPTED in raw:
            rule = "must be a table without a password: take it off in Excel (File, Info, Protect Workbook) and save"
            raise TableError(path, rule, "an encrypted workbook")
        raise TableError(
            path, "must be a table: save it as .xlsx or CSV (UTF-8)", "an old Excel workbook (.xls)"
        )
    for magic, what, remedy in _NOT_TEXT:
        if raw.startswith(magic):
            raise TableError(path, f"must be a table: {remedy}", what)
    if _WEB_PAGE.match(raw.removeprefix(codecs.BOM_UTF8)[:1000]):
        rule = "must be a table: download the file itself, or open it in a spreadsheet and save it as .xlsx"
        raise TableError(path, rule, "a web page")


def decode(path: Path, raw: bytes) -> tuple[str, str, tuple[str, ...]]:
    """Return the text, its encoding, and sentences on how it was read."""
    if raw.startswith(_UTF16):
        try:
            return raw.decode("utf-16"), "utf-16", ("read as UTF-16, as its first bytes say.",)
        except UnicodeDecodeError:
            raise TableError(
                path, "must be whole UTF-16 text, as its first bytes say", "other bytes"
            ) from None
    if b"\0" in raw:
        row = _line_at(raw, raw.index(b"\0"))
        raise TableError(
            path, "must be text: save it as CSV (UTF-8)", "a NUL byte (binary data or UTF-16)", row=row
        )
    try:
        return raw.decode("utf-8-sig"), "utf-8", ()
    except UnicodeDecodeError as error:
        row, byte = _line_at(raw, error.start), raw[error.start]
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as error:
        row, byte = _line_at(raw, error.start), raw[error.start]
        raise TableError(path, "must be UTF-8 or Windows-1252 text", f"byte 0x{byte:02x}", row=row) from None
    return (
        text,
        "cp1252",
        (f"read as Windows-1252, because it is not UTF-8 (first at row {row}, byte 0x{byte:02x}).",),
    )


def check_characters(path: Path, text: str) -> None:
    """Refuse characters that cannot be seen."""
    found = _UNSEEN.search(text)
    if found:
        row = _line_at(text, found.start())
        raise TableError(
            path, "must hold no control or invisible characters", f"U+{ord(found[0]):04X}", row=row
        )


def check_cell(path: Path, text: str, row: int, longest: int) -> None:
    """Refuse a cell with characters that cannot be seen, or longer than a cell can be."""
    if len(text) > longest:
        raise TableError(path, f"a cell has at most {longest:,} characters", f"{len(text):,}", row=row)
    found = None if text.isalnum() else _UNSEEN.search(text)
    if found:
        rule = "must hold no control or invisible characters"
        raise TableError(path, rule, f"U+{ord(found[0]):04X}", row=row)


def _line_at(text: str | bytes, position: int) -> int:
    """Line of a position, with every kind of line end."""
    head = text[:position]
    return len(_LINE_END.findall(head if isinstance(head, str) else head.decode("latin-1"))) + 1


def skip_preamble(text: str) -> tuple[int, str | None]:
    """Number of lines before the header (comments, blanks, `sep=`), and the delimiter that `sep=` names."""
    declared = None
    for number, line in enumerate(io.StringIO(text, newline="")):
        bare = line.strip().strip(",;\t").strip()
        settled = re.fullmatch(r'"?sep=([,;\t])"?[,;\t]*', line.strip("\r\n "), flags=re.IGNORECASE)
        if settled and number == 0:
            declared = settled[1]
        elif bare and not re.match(r'"?#(\s|$)', bare):
            return number, declared
    return len(_LINE_END.findall(text)) + 1, declared


def skip_titles(text: str, start: int, most: int = 10) -> tuple[int, list[str]]:
    """Number of lines before the header when lines without any delimiter (a title) stand above it, and what to say."""
    lines = []
    for number, line in enumerate(io.StringIO(text, newline="")):
        if number >= start and line.strip():
            lines.append((number, line.strip()))
        if len(lines) > most:
            break
    title = next((i for i, (_, line) in enumerate(lines) if any(d in line for d in DELIMITERS)), 0)
    if not title or '"' in "".join(line for _, line in lines[:title]):
        return start, []
    number, header = lines[title]
    delimiter = max(DELIMITERS, key=header.count)
    cells = [cell.strip().strip('"') for cell in header.split(delimiter)]
    if not all(cells) or any(re.fullmatch(r"[-+]?[\d.,]+", cell) for cell in cells):
        return start, []
    more = f" (+{title - 1} more)" if title > 1 else ""
    return number, [f"{show(lines[0][1], 40)}{more} is read as a title; the header is row {number + 1}."]


def find_delimiter(path: Path, text: str, start: int) -> str:
    """The only delimiter that splits the header, or by which the first rows are as long as the header."""
    samples = {}
    for delimiter in DELIMITERS:
        samples[delimiter] = _sample(text, start, delimiter)
    splitting = [d for d, rows in samples.items() if rows and len(rows[0]) > 1]
    if len(splitting) <= 1:
        return splitting[0] if splitting else ","
    even = [d for d in splitting if all(len(row) == len(samples[d][0]) for row in samples[d] if any(row))]
    if len(even) == 1:
        return even[0]
    names = " and ".join(DELIMITERS[d] for d in splitting)
    raise TableError(
        path,
        "must have one delimiter: say which by a first line such as sep=;",
        f"a header split by {names}",
        row=start + 1,
    )


def _sample(text: str, start: int, delimiter: str, n: int = 200) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in open_reader(text, start, delimiter):
            rows.append(row)
            if len(rows) >= n:
                break
    except csv.Error:
        pass  # told, with its place, once the delimiter is known
    return rows


def open_reader(text: str, start: int, delimiter: str) -> Any:
    """Return a CSV reader that begins at a line."""
    lines = io.StringIO(text, newline="")
    for _ in range(start):
        next(lines, None)
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
