"""Parquet files as tables of text, within bounds."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from compendium.io.messages import show
from compendium.io.table_frame import MAX_CELL, ReadOptions, Record, Table, build_table
from compendium.io.table_text import MAX_BYTES, TableError, check_cell

MAX_CELLS = 50_000_000
_HEADER = -1  # the names stand in no row


def read_parquet(path: Path, raw: bytes, options: ReadOptions) -> Table:
    """Read a Parquet file; nested and binary columns are left out, and said.

    Records are counted from 1, as there are no lines.

    Raises
    ------
    TableError
        Not a whole Parquet file, or larger than can be handled; one line.
    """
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(BytesIO(raw))
        _check_size(path, file.metadata)
        flat = [
            name
            for name, kind in zip(file.schema_arrow.names, file.schema_arrow.types, strict=True)
            if _flat(kind)
        ]
        left_out = [name for name in file.schema_arrow.names if name not in flat]
        table = file.read(columns=flat)
        columns = [_column(table.column(i)) for i in range(table.num_columns)]
        names = [str(name).strip() for name in table.column_names]
    except TableError:
        raise
    except Exception as error:  # whatever a broken file does to a parser
        raise TableError(
            path, "must be a whole Parquet file", f"one that cannot be read ({type(error).__name__})"
        ) from None
    notes = [f"columns that are nested or binary are left out: {', '.join(show(n, 30) for n in left_out)}."]
    options = ReadOptions(header=_HEADER, decimal=options.decimal, numbered=options.numbered)
    return build_table(
        path, _records(path, names, columns), options, notes if left_out else (), form="parquet"
    )


def _check_size(path: Path, metadata: Any) -> None:
    cells = metadata.num_rows * max(metadata.num_columns, 1)
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if cells > MAX_CELLS or size > MAX_BYTES:
        rule = f"must have at most {MAX_CELLS:,} cells and {MAX_BYTES:,} bytes when unpacked"
        raise TableError(path, rule, f"{cells:,} cells, {size:,} bytes")
    if not metadata.num_columns:
        raise TableError(path, "must have columns", "none")


def _flat(kind: Any) -> bool:
    import pyarrow.types as t

    if t.is_dictionary(kind):
        return _flat(kind.value_type)
    plain = (
        t.is_boolean,
        t.is_integer,
        t.is_floating,
        t.is_decimal,
        t.is_string,
        t.is_large_string,
        t.is_date,
    )
    return any(is_kind(kind) for is_kind in (*plain, t.is_timestamp, t.is_time, t.is_null))


def _column(values: Any) -> list[tuple[str, str]]:
    return [_cell_text(value) for value in values.to_pylist()]


def _cell_text(value: Any) -> tuple[str, str]:
    """Text of a value and what it was; see `Table.kinds`.

    >>> [_cell_text(v) for v in (None, True, 2450.0, 0.5, float("nan"), " a ")]
    [('', ' '), ('TRUE', 'b'), ('2450', 'n'), ('0.5', 'n'), ('', ' '), ('a', 's')]
    """
    if value is None or value != value:
        return "", " "
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), "b"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return (str(int(value)) if whole else repr(value)), "n"
    if isinstance(value, int | Decimal):
        return str(value), "n"
    if isinstance(value, datetime):
        return (value.date().isoformat() if value.time() == time(0) else value.isoformat(" ", "seconds")), "d"
    if isinstance(value, date | time):
        return value.isoformat(), "d"
    text = str(value).strip()
    return text, "s" if text else " "


def _records(path: Path, names: list[str], columns: list[list[tuple[str, str]]]) -> list[Record]:
    records: list[Record] = [(_HEADER, names, "s" * len(names))]
    for number, row in enumerate(zip(*columns, strict=True), start=1):
        cells = [text for text, _ in row]
        for text in cells:
            if text:
                check_cell(path, text, number, MAX_CELL)
        if any(cells):
            records.append((number, cells, "".join(kind for _, kind in row)))
    return records
