"""Tables of tissue samples, and of regions of images that have histology."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pandas as pd

from compendium.io.tables import Table
from compendium.run.columns import Field, Problem, mark
from compendium.run.schemas.schema import Schema

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
_ADC = Field(
    "imaging_adc", "apparent diffusion coefficient", "number", "1e-6 mm2/s", (50, 6000), lenient=True
)
_IMAGING = Field(
    "imaging_<name>",
    "an imaging predictor at the site; one column each",
    "number",
    example="1380",
    special=(_ADC,),
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


def _complete_in_three_subjects(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """Rows with histology and every feature are used; they come from three subjects, and histology varies in them."""
    features = [c for c in frame.columns if c.startswith("feature_")]
    complete = frame.dropna(subset=["histology", *features])
    if complete["subject"].nunique() < 3:
        rule = "must be complete beside histology in at least three subjects, every column (leave out sparse ones)"
        emptiest = str(frame[features].isna().sum().idxmax())
        yield Problem(emptiest, rule, f"{complete['subject'].nunique():,} subjects with complete rows")
    elif complete["histology"].nunique() < 2:
        yield Problem("histology", "must vary in complete rows", f"one value in {len(complete):,} rows")


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


SCHEMAS = (
    Schema(
        name="samples",
        about="one row per tissue sample: what the microscope counts and what imaging shows at its site",
        fields=_SAMPLE_FIELDS,
        patterns=(_IMAGING,),
        checks=(_samples_once, _one_group_per_patient, _samples_can_correlate, _adc_in_one_unit),
        examples=tuple(csv.DictReader(_SAMPLE_EXAMPLES.splitlines())),
    ),
    Schema(
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
    Schema(
        name="roi_features",
        about="one row per region, or per tile of a region: histology and what MRI shows there",
        fields=(_ROI, _SUBJECT, _COUNTED),
        patterns=(_FEATURE,),
        checks=(_three_subjects, _complete_in_three_subjects),
        examples=tuple(csv.DictReader(_ROI_FEATURE_EXAMPLES.splitlines())),
    ),
)
