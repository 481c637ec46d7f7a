"""Tables of examinations: readings, markers, and what was detected when."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import numpy as np
import pandas as pd

from compendium.io.tables import Table
from compendium.run.columns import Field, Problem, mark
from compendium.run.schemas.schema import Schema

# The checks across rows of a table of examinations


def _both_conditions(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    present = int(frame["reference"].sum())
    if present in (0, len(frame)):
        rule = "must be 1 in at least one examination and 0 in at least one"
        yield Problem("reference", rule, f"{present:,} times 1 and {len(frame) - present:,} times 0")


def _reads_cover_both_conditions(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """Each read has values with the condition (else it has no sensitivity) and without (no specificity)."""
    for name in frame.columns[frame.columns.str.startswith("read_")]:
        given = frame[name].notna()
        if not given.any():
            rule = "must have at least one value: fill the column in or take it out"
            yield Problem(name, rule, f"{len(frame):,} empty cells")
            continue
        for code in (0, 1):
            if not (given & (frame["reference"] == code)).any():
                rule = f"must have at least one value among the examinations with reference {code}"
                yield Problem(name, rule, f"{int(given.sum()):,} values, none of them there")


def _rows_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    repeated = frame["examination"].duplicated().to_numpy(dtype=bool)
    if not repeated.any():
        return
    index = int(np.flatnonzero(repeated)[0])
    first = int(np.flatnonzero((frame["examination"] == frame["examination"].iloc[index]).to_numpy())[0])
    same = table.frame.iloc[index].equals(table.frame.iloc[first])
    what = "the whole row repeats" if same else "it stands already in"
    yield mark(table, "examination", repeated, f"must be unique ({what} row {table.lines[first]})")


# The checks across rows of tables of markers and of detections


def _markers_cover_both_conditions(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """Each marker needs two values with the condition and two without: an area has no variance otherwise."""
    for name in frame.columns[frame.columns.str.startswith("marker_")]:
        for code in (0, 1):
            given = int((frame[name].notna() & (frame["reference"] == code)).sum())
            if given < 2:
                rule = f"must have at least two values among the examinations with reference {code}"
                yield Problem(name, rule, f"{given:,}")


def _dates_in_order(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """First find, then the last visit where the other method was negative, then its own find."""
    pairs = (("date_first", "date_later"), ("date_first", "date_negative"), ("date_negative", "date_later"))
    for first, second in pairs:
        if first in frame and second in frame:
            bad = (frame[second] < frame[first]).to_numpy(dtype=bool)
            if bad.any():
                yield mark(table, second, bad, f"must not lie before {first}")


_PATIENT = Field("patient", "patient examined, as text; several rows may share one", "id", example="P001")
_EXAMINATION = Field("examination", "the examination, as text; unique in the table", "id", example="E0001")
_REFERENCE = Field(
    "reference",
    "reference standard: 1 condition present, 0 absent",
    "flag",
    range=(0, 1),
    example="1",
    missing=False,
)
_DATE = Field(
    "date",
    "day of the examination",
    "date",
    range=("1970-01-01", "2100-01-01"),
    required=False,
    example="2021-03-09",
)
_HISTOLOGY = Field("histology", "diagnosis, free text", required=False, example="glioblastoma")
_TREATMENT = Field("treatment", "treatment before, free text", required=False, example="radiotherapy")
_READ = Field(
    "read_<name>",
    "a reading: 1 positive, 0 negative; one column per reading",
    "flag",
    range=(0, 1),
    example="1",
)
_MARKER = Field("marker_<name>", "a marker, in its own unit; one column per marker", "number", example="4.1")
_NORMAL = Field(
    "normal_<name>",
    "the same marker in normal tissue of the same examination",
    "number",
    required=False,
    example="1.3",
)
_SOME_READ = Field(
    "read_<name>",
    "a reading: 1 positive, 0 negative; one column per reading",
    "flag",
    range=(0, 1),
    required=False,
    example="1",
)


def _day(name: str, description: str, example: str, required: bool = True, missing: bool = True) -> Field:
    limits = ("1970-01-01", "2100-01-01")
    return Field(name, description, "date", "", limits, required, example, missing=missing)


_DETECTION_FIELDS = (
    _PATIENT,
    _day("date_first", "visit on which the first method found it", "2021-03-09", missing=False),
    _day(
        "date_later", "visit on which the other method found it; the same day: found together", "2021-07-20"
    ),
    Field("volume_first", "volume on date_first", "number", "cm3", (0, 5000), example="4.2"),
    Field("volume_later", "volume on date_later", "number", "cm3", (0, 5000), example="9.8"),
    _day(
        "date_negative",
        "last visit on which the other method was negative; empty: date_first",
        "2021-03-09",
        False,
    ),
)
_MARKER_EXAMPLES = """\
patient,examination,reference,marker_first,marker_second,normal_first,read_first
P001,E0001,1,4.1,0.52,1.3,1
P001,E0002,0,1.9,0.11,1.2,0
P002,E0003,1,3.3,0.44,1.4,
P003,E0004,0,1.1,0.08,,0
"""
_DETECTION_EXAMPLES = """\
patient,date_first,date_later,volume_first,volume_later,date_negative
P001,2021-03-09,2021-07-20,4.2,9.8,2021-03-09
P002,2021-04-02,,2.1,,2021-06-30
P003,2021-05-17,2021-05-17,12.5,12.5,
"""
_EXAMPLES = """\
patient,examination,reference,read_first,read_second,date,histology,treatment
P001,E0001,1,1,0,2021-03-09,glioblastoma,radiotherapy
P001,E0002,0,0,,2021-09-14,glioblastoma,radiotherapy
P002,E0003,0,1,0,2021-04-02,astrocytoma,
"""


SCHEMAS = (
    Schema(
        name="examinations",
        about="one row per examination, with a reference standard and one or more readings",
        fields=(_PATIENT, _EXAMINATION, _REFERENCE, _DATE, _HISTOLOGY, _TREATMENT),
        patterns=(_READ,),
        checks=(_rows_once, _both_conditions, _reads_cover_both_conditions),
        examples=tuple(csv.DictReader(_EXAMPLES.splitlines())),
    ),
    Schema(
        name="markers",
        about="one row per examination, with a reference standard and one or more numeric markers",
        fields=(_PATIENT, _EXAMINATION, _REFERENCE),
        patterns=(_MARKER, _NORMAL, _SOME_READ),
        checks=(_rows_once, _both_conditions, _markers_cover_both_conditions),
        examples=tuple(csv.DictReader(_MARKER_EXAMPLES.splitlines())),
    ),
    Schema(
        name="detections",
        about="one row per find of a method that detects first: when another method found it, and the volumes",
        fields=_DETECTION_FIELDS,
        checks=(_dates_in_order,),
        examples=tuple(csv.DictReader(_DETECTION_EXAMPLES.splitlines())),
    ),
)
