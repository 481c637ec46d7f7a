"""What a person says about how a table is to be read: which column is which, in which units, which sheet.

The same words on the command line and in a file that can be kept and used again::

    -c samples.histology="H&E count"      columns: {histology: "H&E count"}
    --unit samples.imaging_adc=um2/ms     units: {imaging_adc: um2/ms}
    --read samples.sheet=Biopsies         sheet: Biopsies

In the file they stand below the name of the input. What was said is part of a run's provenance, and a run whose
reading changes is executed again.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from compendium.io.messages import show, show_plain
from compendium.io.table_frame import ReadOptions
from compendium.io.yaml_lines import load_yaml
from compendium.run.chapters import Chapter, RequestError
from compendium.run.columns import AS_TEXT, Field
from compendium.run.dates import is_date_form
from compendium.run.numbers import check_unit
from compendium.run.schemas import SCHEMAS, Schema
from compendium.run.store import RunStore

__all__ = [
    "READING_FILE",
    "Reading",
    "find_field",
    "load_readings",
    "readings_text",
    "request_readings",
    "stored_readings",
]

READING_FILE = "readings.yaml"
OPTIONS = {
    "sheet": "name of the sheet of a workbook",
    "header": "row of the file that names the columns",
    "hidden": "keep or drop: hidden rows of a workbook",
    "decimal": "comma or point, where numbers could be read both ways",
    "missing": "further words for a missing value, separated by commas; none: there are no others",
    "instrument": "repeated instrument of a REDCap export whose rows are meant; none: rows of records",
    "event": "event of a REDCap export whose rows are meant",
}
"""What `--read INPUT.OPTION=VALUE` takes."""
_CHOICES = {"hidden": ("keep", "drop"), "decimal": ("comma", "point")}
MAX_TEXT = 300


@dataclass(frozen=True)
class Reading:
    """How one table is to be read; empty: as it says itself.

    Attributes
    ----------
    columns : name in the schema → name in the file (``ADC#2``: the second of that name).
    units : name in the schema → unit of the values in the file, form of its dates, or "text" of an identifier.
    sheet, header, hidden, decimal, missing, instrument, event : see `OPTIONS`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""
    header: int = 0
    hidden: str = ""
    decimal: str = ""
    missing: tuple[str, ...] = ()
    instrument: str = ""
    event: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return what was said, and nothing else, in plain values."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        plain = {k: dict(v) if isinstance(v, Mapping) else v for k, v in found.items() if v}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    def options(self, likely_sheet: str = "") -> ReadOptions:
        """Return what concerns the file rather than its columns."""
        numbered = any("#" in name for name in self.columns.values())
        return ReadOptions(self.sheet, self.header, self.hidden, self.decimal, numbered, likely_sheet)


def request_readings(
    chapter: Chapter,
    columns: Iterable[str] = (),
    units: Iterable[str] = (),
    options: Iterable[str] = (),
    file: Path | None = None,
) -> dict[str, Reading]:
    """Read what the command line says about the tables of a chapter; it wins over the file.

    Raises
    ------
    RequestError : not of the form INPUT.NAME=VALUE, said twice, or about something the chapter does not take.
    StructureError : the file is not YAML.
    """
    said: dict[str, dict[str, Any]] = _from_file(chapter, file) if file else {}
    for kind, texts in (("columns", columns), ("units", units), ("", options)):
        seen = set()
        for text in texts:
            name, key, value = _split(text, {"columns": "-c", "units": "--unit", "": "--read"}[kind])
            if (name, key) in seen:
                raise RequestError(f'Said once. "{name}.{key}" is said twice.')
            seen.add((name, key))
            place = said.setdefault(name, {})
            (place.setdefault(kind, {}) if kind else place)[key] = value
    return {
        name: reading for name, entry in said.items() if (reading := _make(chapter, name, entry)).as_dict()
    }


def load_readings(folder: Path) -> dict[str, Reading]:
    """Return the readings stored with a run; none when there is no such file."""
    path = folder / READING_FILE
    stored = load_yaml(path) if path.is_file() else {}
    return {name: _from_plain(entry) for name, entry in stored.items()}


def stored_readings(given: Path, chapter_id: str) -> Path:
    """Return the file of readings that a path, or the name of an earlier run of the same chapter, stands for.

    Raises
    ------
    RequestError : neither.
    """
    if given.is_file():
        return given
    stored = RunStore(given.name).figures(chapter_id) / READING_FILE
    if len(given.parts) == 1 and stored.is_file():
        return stored
    rule = "--columns takes a YAML file, or the name of a run of this chapter that was told how to read its table"
    raise RequestError(f"{rule}. Given {show(given)}.")


def readings_text(readings: Mapping[str, Reading]) -> str:
    """Return readings as the text of a file that `--columns` takes.

    >>> print(readings_text({"samples": Reading({"histology": "H&E count"}, {"imaging_adc": "um2/ms"})}), end="")
    samples:
      columns:
        histology: H&E count
      units:
        imaging_adc: um2/ms
    """
    plain = {name: reading.as_dict() for name, reading in sorted(readings.items())}
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=200)


def _split(text: str, option: str) -> tuple[str, str, str]:
    left, equals, value = text.partition("=")
    name, dot, key = left.strip().partition(".")
    if not equals or not dot or not name or not key.strip() or not value.strip():
        what = {"-c": "INPUT.COLUMN=NAME IN THE FILE", "--unit": "INPUT.COLUMN=UNIT"}.get(
            option, "INPUT.OPTION=VALUE"
        )
        raise RequestError(f"{option} is given as {what}. Given {show(text)}.")
    if len(value) > MAX_TEXT:
        raise RequestError(f"{option} has at most {MAX_TEXT} characters. Given {show(text)}.")
    return name, key.strip(), value.strip()


def _from_file(chapter: Chapter, file: Path) -> dict[str, dict[str, Any]]:
    data = load_yaml(file)
    if not isinstance(data, dict):
        raise RequestError(f"{file.name}: must be a mapping of inputs. Given {show_plain(data)}.")
    for name, entry in data.items():
        if not isinstance(entry, dict):
            raise RequestError(f"{file.name}: {show(name, 40)} must be a mapping. Given {show_plain(entry)}.")
        for kind in ("columns", "units"):
            part = entry.get(kind, {})
            if not isinstance(part, dict) or not all(isinstance(v, str | int | float) for v in part.values()):
                raise RequestError(
                    f"{file.name}: {name}.{kind} must map names to text. Given {show_plain(part)}."
                )
            entry = {**entry, kind: {key: str(value) for key, value in part.items()}}
        data[name] = entry
    return data


def _make(chapter: Chapter, name: str, entry: dict[str, Any]) -> Reading:
    if name not in chapter.inputs:
        known = ", ".join(chapter.inputs) or "none"
        raise RequestError(f'{chapter.id} has no input "{show(name, 40)[1:-1]}". It has: {known}.')
    declared = chapter.inputs[name]
    if declared.kind != "table":
        raise RequestError(f'Columns and units belong to tables. "{name}" is of kind {declared.kind}.')
    schema = SCHEMAS[declared.schema]
    unknown = sorted(set(entry) - {"columns", "units", *OPTIONS})
    if unknown:
        close = difflib.get_close_matches(unknown[0], OPTIONS, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise RequestError(f"--read takes {', '.join(OPTIONS)}{hint}. Given {show(unknown[0], 40)}.")
    reading = _from_plain(entry)
    for option, choices in _CHOICES.items():
        if getattr(reading, option) not in ("", *choices):
            raise RequestError(
                f"{name}.{option} is {' or '.join(choices)}. Given {show(getattr(reading, option))}."
            )
    for column in reading.columns:
        find_field(schema, column, name)
    return replace(
        reading, units={c: _check_unit(schema, name, c, unit) for c, unit in reading.units.items()}
    )


def _from_plain(entry: dict[str, Any]) -> Reading:
    missing = entry.get("missing", ())
    words = missing if isinstance(missing, list | tuple) else str(missing).split(",")
    header = str(entry.get("header", 0))
    if not header.isascii() or not header.isdecimal() or len(header) > 7:
        raise RequestError(f"header is the number of a row, from 1. Given {show(header)}.")
    texts = {name: str(entry.get(name, "")) for name in ("sheet", "hidden", "decimal", "instrument", "event")}
    stripped = tuple(str(word).strip() for word in words if str(word).strip())
    return Reading(
        entry.get("columns", {}), entry.get("units", {}), header=int(header), missing=stripped, **texts
    )


def find_field(schema: Schema, column: str, name: str) -> Field:
    """Return the field of a column that a schema declares, also of a pattern.

    Raises
    ------
    RequestError : the schema has no such column.
    """
    for declared in schema.fields:
        if declared.name == column:
            return declared
    for pattern in schema.patterns:
        rest = column.removeprefix(pattern.prefix)
        if column.startswith(pattern.prefix) and rest.isascii() and rest.replace("_", "").isalnum() and rest:
            return pattern.named(column)
    known = [f.name for f in (*schema.fields, *schema.patterns)]
    close = difflib.get_close_matches(column, known, n=1, cutoff=0.6)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise RequestError(f'{name} has no column "{show(column, 40)[1:-1]}"{hint}. It has: {", ".join(known)}.')


def _check_unit(schema: Schema, name: str, column: str, unit: str) -> str:
    found = find_field(schema, column, name)
    place = f"{name}.{column}"
    if found.type == "date":
        if not is_date_form(unit):
            forms = "DD.MM.YYYY, MM/DD/YYYY (in any order, with . / or -), YYYYMMDD, excel or excel-1904"
            raise RequestError(f"{place}: dates have the form {forms}. Given {show(unit)}.")
    elif found.type == "id":
        if unit != AS_TEXT:
            raise RequestError(
                f'{place}: an identifier can be declared as "{AS_TEXT}" only. Given {show(unit)}.'
            )
    elif found.type in ("number", "integer"):
        trouble = check_unit(unit, found.unit)
        if trouble:
            raise RequestError(f"{place}: {trouble}")
    else:
        raise RequestError(f"{place}: a column of kind {found.type} has no unit. Given {show(unit)}.")
    return unit
