"""What each kind of handed-in table must hold, declared once: columns, rules across rows, and an example."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from compendium.io import qupath
from compendium.io.tables import Table
from compendium.run.columns import Field, Problem, mark

Check = Callable[[pd.DataFrame, Table], Iterator[Problem]]


@dataclass(frozen=True)
class Schema:
    """What a table must hold.

    Attributes
    ----------
    name, about : str
        Its name, and what a row is.
    fields : tuple of Field
        Columns with a fixed name.
    patterns : tuple of Field
        Columns named by `<prefix>_<name>`; at least one of each is needed when `required`.
    checks : tuple of callables (DataFrame, Table) -> problems
        Rules across rows and columns, tried when every cell is right.
    examples : tuple of dict
        Rows of a valid table, by column name; the first one gives the template its header.
    kind : str
    """

    name: str
    about: str
    fields: tuple[Field, ...]
    patterns: tuple[Field, ...] = ()
    checks: tuple[Check, ...] = ()
    examples: tuple[dict[str, str], ...] = ()
    kind: str = "table"


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

# The checks across rows of a table of tissue samples


def _samples_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    repeated = frame["sample"].duplicated().to_numpy(dtype=bool)
    if repeated.any():
        yield mark(table, "sample", repeated, "must be unique")


def _one_group_per_patient(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    first = frame.groupby("patient")["group"].transform("first")
    other = (frame["group"] != first).to_numpy(dtype=bool)
    if other.any():
        yield mark(table, "group", other, "must be the same in all samples of a patient")


def _samples_can_correlate(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """Every imaging column has values that vary beside histology, in three patients at least."""
    for name in frame.columns[frame.columns.str.startswith("imaging_")]:
        both = frame[frame[name].notna() & frame["histology"].notna()]
        if both["patient"].nunique() < 3:
            rule = "must have a value beside histology in at least three patients"
            yield Problem(name, rule, f"{both['patient'].nunique():,} patients")
        elif min(both[name].nunique(), both["histology"].nunique()) < 2:
            yield Problem(name, "must vary, and histology beside it", f"one value in {len(both):,} samples")


def _adc_in_one_unit(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """An ADC of about 1100 (1e-6 mm²/s) and one of about 1.1 (µm²/ms) do not stand in one column."""
    for name in frame.columns[frame.columns.str.startswith("imaging_adc")]:
        small = (frame[name] < 10).to_numpy(dtype=bool)
        if small.any() and (frame[name] > 100).any():
            rule = "must be in one unit: values above 100 look like 1e-6 mm²/s, this one like µm²/ms or mm²/s"
            yield mark(table, name, small, rule)


_SAMPLE_FIELDS = (
    Field("sample", "the tissue sample, as text; unique in the table", "id", example="S01"),
    Field("patient", "patient it was taken from, as text", "id", example="P01"),
    Field("group", "group of the patient, such as untreated or recurrent", "id", example="naive"),
    Field(
        "histology", "what the microscope counts, such as cells/mm2", "number", range=(0, 1e7), example="2450"
    ),
    Field("enhancement", "1 enhancing on MRI at the site, 0 not", "flag", required=False, example="1"),
    Field("grade", "WHO grade of the tumour", "integer", range=(1, 4), required=False, example="4"),
    Field("idh", "1 IDH mutated, 0 wild type", "flag", required=False, example="0"),
    Field("sex", "sex of the patient", required=False, example="F"),
    Field("age", "age of the patient", "number", "years", range=(0, 120), required=False, example="61"),
    Field("diagnosis", "diagnosis, free text", required=False, example="glioblastoma"),
    Field("location", "location of the tumour, free text", required=False, example="frontal"),
)
_IMAGING = Field(
    "imaging_<name>", "an imaging predictor at the site; one column each", "number", example="1380"
)
_SAMPLE_EXAMPLES = """\
sample,patient,group,histology,imaging_cpm,imaging_adc,enhancement,grade,idh,sex,age,diagnosis,location
S01,P01,naive,2450,1380,1090,1,4,0,F,61,glioblastoma,frontal
S02,P01,naive,3120,1510,,0,4,0,F,61,glioblastoma,frontal
S03,P02,recurrent,1990,1240,1310,0,3,1,M,38,astrocytoma,temporal
S04,P03,naive,1480,1105,1270,1,2,1,M,44,astrocytoma,frontal
S05,P04,recurrent,2860,1435,980,1,4,0,F,57,glioblastoma,parietal
"""


# The checks across rows of tables of regions: their places on images, or what images show in them


def _regions_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    repeated = frame["roi"].duplicated().to_numpy(dtype=bool)
    if repeated.any():
        yield mark(table, "roi", repeated, "must be unique")


def _three_subjects(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """One subject is left out at a time, and the others must be more than one."""
    given = frame.loc[frame["histology"].notna(), "subject"].nunique()
    if given < 3:
        yield Problem("subject", "must name at least three subjects with histology", f"{given:,}")


def _subjects_can_be_file_names(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """A subject stands in the names of files, and must not lead out of their folder."""
    bad = ~frame["subject"].str.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*").to_numpy(dtype=bool)
    if bad.any():
        yield mark(table, "subject", bad, "must be letters, digits and _ . + - only, as it names files")


def _place(axis: str, example: str) -> Field:
    return Field(
        f"{axis}_mm",
        f"centre of the region along {axis} in the space of the image header (RAS+, as viewers show it)",
        "number",
        "mm",
        (-1000, 1000),
        example=example,
        missing=False,
    )


_ROI = Field("roi", "the region, as text", "id", example="S01")
_SUBJECT = Field("subject", "subject it lies in, as text", "id", example="P01")
_COUNTED = Field(
    "histology",
    "what the microscope counts there, such as cells/mm2",
    "number",
    range=(0, 1e7),
    example="2450",
)
_DIAMETER = Field(
    "diameter_mm", "diameter of the sphere", "number", "mm", (0.1, 100), required=False, example="5"
)
_FEATURE = Field(
    "feature_<name>",
    "a value read from MRI in the region or tile; the word before the next _ names its contrast",
    "number",
    example="1090",
)
_ROI_EXAMPLES = """\
roi,subject,histology,x_mm,y_mm,z_mm,diameter_mm
S01,P01,2450,-31.5,12,40.25,5
S02,P01,3120,-28,15.5,38,5
S03,P02,1990,24.5,-8,31,5
S04,P03,2710,19,22,12.5,5
"""
_ROI_FEATURE_EXAMPLES = """\
roi,subject,histology,feature_adc_mean,feature_flair_mean
S01,P01,2450,1090,1.92
S02,P01,3120,980,1.71
S03,P02,1990,1310,2.2
S04,P03,2710,1040,1.66
"""

# Cells on a section. A QuPath export is taken as it comes: its columns are the aliases


def _measured(target: str, description: str, unit: str, limits: tuple[float, float], example: str) -> Field:
    names = tuple(v for name in qupath.COLUMNS[target] for v in (name, name.replace("µ", "u")))
    needed = target in qupath.NEEDED
    return Field(target, description, "number", unit, limits, needed, example, aliases=names)


_CELL_FIELDS = (
    _measured("x_um", "centroid on the slide (QuPath: Centroid X)", "um", (0, 1e6), "1204.5"),
    _measured("y_um", "centroid on the slide (QuPath: Centroid Y)", "um", (0, 1e6), "880.25"),
    _measured("area_um2", "area within the outline (QuPath: Cell: Area)", "um2", qupath.AREA_RANGE, "201.6"),
    _measured("nucleus_um2", "area of the nucleus (QuPath: Nucleus: Area)", "um2", qupath.AREA_RANGE, "58.4"),
    Field("image", "the slide; each has its own positions", required=False, example="slide-1"),
    Field("parent", "the region drawn on the slide", required=False, example="tumour"),
)
_CELL_EXAMPLES = """\
image,parent,x_um,y_um,area_um2,nucleus_um2
slide-1,tumour,1204.5,880.25,201.6,58.4
slide-1,tumour,1231,902.75,166.9,49.1
slide-2,margin,310.25,415,120.3,
"""


SCHEMAS: dict[str, Schema] = {
    "examinations": Schema(
        name="examinations",
        about="one row per examination, with a reference standard and one or more readings",
        fields=(_PATIENT, _EXAMINATION, _REFERENCE, _DATE, _HISTOLOGY, _TREATMENT),
        patterns=(_READ,),
        checks=(_rows_once, _both_conditions, _reads_cover_both_conditions),
        examples=tuple(csv.DictReader(_EXAMPLES.splitlines())),
    ),
    "markers": Schema(
        name="markers",
        about="one row per examination, with a reference standard and one or more numeric markers",
        fields=(_PATIENT, _EXAMINATION, _REFERENCE),
        patterns=(_MARKER, _NORMAL, _SOME_READ),
        checks=(_rows_once, _both_conditions, _markers_cover_both_conditions),
        examples=tuple(csv.DictReader(_MARKER_EXAMPLES.splitlines())),
    ),
    "detections": Schema(
        name="detections",
        about="one row per find of a method that detects first: when another method found it, and the volumes",
        fields=_DETECTION_FIELDS,
        checks=(_dates_in_order,),
        examples=tuple(csv.DictReader(_DETECTION_EXAMPLES.splitlines())),
    ),
    "samples": Schema(
        name="samples",
        about="one row per tissue sample: what the microscope counts and what imaging shows at its site",
        fields=_SAMPLE_FIELDS,
        patterns=(_IMAGING,),
        checks=(_samples_once, _one_group_per_patient, _samples_can_correlate, _adc_in_one_unit),
        examples=tuple(csv.DictReader(_SAMPLE_EXAMPLES.splitlines())),
    ),
    "rois": Schema(
        name="rois",
        about="one row per spherical region with histology: where it lies on the images of its subject",
        fields=(
            _ROI,
            _SUBJECT,
            _COUNTED,
            _place("x", "-31.5"),
            _place("y", "12"),
            _place("z", "40.25"),
            _DIAMETER,
        ),
        checks=(_regions_once, _subjects_can_be_file_names, _three_subjects),
        examples=tuple(csv.DictReader(_ROI_EXAMPLES.splitlines())),
    ),
    "roi_features": Schema(
        name="roi_features",
        about="one row per region, or per tile of a region: histology and what MRI shows there",
        fields=(_ROI, _SUBJECT, _COUNTED),
        patterns=(_FEATURE,),
        checks=(_three_subjects,),
        examples=tuple(csv.DictReader(_ROI_FEATURE_EXAMPLES.splitlines())),
    ),
    "cells": Schema(
        name="cells",
        about="one row per cell outlined on a section, as QuPath exports detections or under these names",
        fields=_CELL_FIELDS,
        examples=tuple(csv.DictReader(_CELL_EXAMPLES.splitlines())),
    ),
}
