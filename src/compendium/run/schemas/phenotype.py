"""Tables of liver tumours and of their patients: metrics of diffusion MRI and of histology beside what they may tell.

`METRICS` declares every metric once, with the names under which the tables of grussu2025 may hold it. Its
Supplementary Data S3 (a row per tumour), S4 and S5 (a row per patient, before and after harmonisation) were not
obtained: **their headers were not seen**. The aliases are the symbols of the paper's text; another spelling is added
here, and nowhere else.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.tables import Table, same_name
from compendium.run.columns import Field, Problem
from compendium.run.schemas.schema import Schema


@dataclass(frozen=True)
class Metric:
    """A column that is measured: its name here, what it is, how axes call it, and how others may head it."""

    name: str
    about: str
    label: str
    unit: str
    range: tuple[float, float]
    example: str
    source: str
    aliases: tuple[str, ...]

    @property
    def field(self) -> Field:
        """The column in a table."""
        return Field(
            self.name, self.about, "number", self.unit, self.range, False, self.example, aliases=self.aliases
        )


METRICS = (
    Metric("adc_um2_ms", "apparent diffusion coefficient (DKI)", "ADC (µm²/ms)", "um2/ms", (0.05, 5), "1.24",
           "mri", ("ADC", "DKI_ADC", "ADC_DKI")),
    Metric("kurtosis", "excess kurtosis (DKI)", "K", "", (-3, 10), "0.82", "mri", ("K", "DKI_K", "K_DKI", "AKC")),
    Metric("f_mri", "intra-cellular signal fraction", "F MRI", "", (0, 1), "0.41", "mri", ("F_MRI", "FMRI", "fin")),
    Metric("vcs_mri_um", "volume-weighted cell size from MRI", "vCS MRI (µm)", "um", (1, 100), "25.1", "mri",
           ("vCS_MRI", "vCSMRI", "vCS")),
    Metric("cd_mri_per_mm3", "cells per volume from MRI, mean over voxels", "CD MRI (cells/mm³)", "cells/mm3",
           (0, 1e8), "84000", "mri", ("CD_MRI", "CDMRI", "cellsvol")),
    Metric("d0_um2_ms", "intrinsic diffusivity inside cells", "D0 inside (µm²/ms)", "um2/ms", (0.05, 5), "1.61",
           "mri", ("D0_I", "D0I", "D0,I", "D0", "D0in")),
    Metric("f_histo", "intra-cellular area fraction", "F histology", "", (0, 1), "0.66", "histology",
           ("F_histo", "Fhisto")),
    Metric("vcs_histo_um", "volume-weighted cell size from histology", "vCS histology (µm)", "um", (1, 100),
           "24.3", "histology", ("vCS_histo", "vCShisto")),
    Metric("cd_histo_per_mm2", "cells per area from histology", "CD histology (cells/mm²)", "cells/mm2",
           (0, 1e6), "3900", "histology", ("CD_histo", "CDhisto")),
    Metric("f_ki67", "fraction of the tissue that Ki-67 stains, not percent", "Ki-67 stained fraction", "", (0, 1),
           "0.093", "histology", ("F_Ki67", "FKi67", "Ki67", "Ki-67")),
)  # fmt: skip
METRIC = {metric.name: metric for metric in METRICS}
MRI = tuple(metric.name for metric in METRICS if metric.source == "mri")

_WORDS = {
    "colon": "colon", "rect": "rectal", "crc": "colorectal", "melanom": "melanoma", "breast": "breast",
    "gastric": "gastric", "stomach": "gastric", "ovar": "ovarian", "hcc": "HCC", "hepatocell": "HCC",
    "endometri": "endometrial", "ureter": "ureteral", "thyro": "thyroid", "renal": "renal", "kidney": "renal",
}  # fmt: skip


def name_primary(text: str) -> str:
    """Return the primary cancer that a text names, or the text itself.

    "colorectal" stands for tables that do not tell colon from rectum.

    Examples
    --------
    >>> [name_primary(t) for t in ("Colon cancer", "CRC", "rectal", "Melanoma (skin)", "thymoma")]
    ['colon', 'colorectal', 'rectal', 'melanoma', 'thymoma']
    """
    low = text.casefold()
    if "colorect" in low or ("colon" in low and "rect" in low):
        return "colorectal"
    return next((name for word, name in _WORDS.items() if word in low), text)


def broad_group(text: str) -> str:
    """Return the group of a primary cancer for a comparison: colon and rectum are one.

    Examples
    --------
    >>> broad_group("Rectal"), broad_group("melanoma")
    ('colorectal', 'melanoma')
    """
    name = name_primary(text)
    return "colorectal" if name in ("colon", "rectal") else name


def _problem(frame: pd.DataFrame, table: Table, field: Field, bad: NDArray[np.bool_], rule: str) -> Problem:
    """Problem of the cells that are `bad`, under the name that the file gives the column."""
    names = {same_name(name) for name in (field.name, *field.aliases)}
    original = next((str(c) for c in table.frame.columns if same_name(str(c)) in names), field.name)
    first = int(np.flatnonzero(bad)[0])
    return Problem(original, rule, show(str(frame[field.name].iloc[first])), first, int(bad.sum()))


def _patients_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    repeated = frame["patient"].duplicated().to_numpy(dtype=bool)
    if repeated.any():
        yield _problem(frame, table, _PATIENT, repeated, "must be unique: one row per patient")


def _some_metric(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    if not set(METRIC) & set(frame.columns):
        yield Problem("(metrics)", f"at least one of {', '.join(METRIC)} must be there", "none")


def _volumes_in_mm3(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """Volumes in ml are a thousand times smaller: no tumour that MRI resolves has less than a cubic millimetre."""
    if "volume_mm3" in frame and (frame["volume_mm3"] < 1).any():
        small = (frame["volume_mm3"] < 1).to_numpy(dtype=bool)
        rule = "must be in mm3: a value below 1 looks like millilitres"
        yield _problem(frame, table, _VOLUME, small, rule)


_PRIMARY = Field(
    "primary", "primary cancer; colon and rectum are compared as one", required=False, example="colon",
    aliases=("Primary cancer", "Cancer type", "Cancer", "Tumour type", "Diagnosis", "Primary tumour"),
)  # fmt: skip
_TREATED = Field(
    "after_treatment", "1 if the biopsy was taken after treatment had started: histology and MRI are left out",
    "flag", required=False, example="0", aliases=("immunotherapy", "after_immunotherapy", "post_treatment"),
)  # fmt: skip
_VOLUME = Field(
    "volume_mm3", "volume on MRI", "number", "mm3", (0, 1e8), False, "5230",
    aliases=("TV", "Tumour volume", "Tumor volume", "volume", "TV_mm3"),
)  # fmt: skip
_PATIENT = Field(
    "patient", "the patient, as text", "id", example="P01", aliases=("Patient ID", "subject", "ID")
)

_TUMOUR_EXAMPLES = """\
tumour,patient,primary,volume_mm3,adc_um2_ms,kurtosis,f_mri,vcs_mri_um,cd_mri_per_mm3,d0_um2_ms,vcs_histo_um,cd_histo_per_mm2,f_histo,f_ki67,after_treatment
T1,P01,colon,5230,1.24,0.82,0.41,25.1,84000,1.61,24.3,3900,0.66,0.093,0
T2,P01,colon,640,1.31,0.74,0.38,24.2,91000,1.72,,,,,
T3,P02,melanoma,48100,0.97,1.02,0.52,27.8,60200,1.44,27.9,2800,0.74,0.021,0
"""
_PATIENT_EXAMPLES = """\
patient,primary,scanner,age,sex,volume_mm3,adc_um2_ms,kurtosis,f_mri,vcs_mri_um,cd_mri_per_mm3,d0_um2_ms,vcs_histo_um,cd_histo_per_mm2,f_histo,f_ki67,after_treatment
P01,colon,3T,61,F,5870,1.26,0.81,0.40,25.0,85100,1.63,24.3,3900,0.66,0.093,0
P02,melanoma,1.5T,58,M,48100,0.97,1.02,0.52,27.8,60200,1.44,27.9,2800,0.74,0.021,0
P03,breast,3T,70,F,10400,1.18,0.88,0.44,26.2,70900,1.58,,,,,
"""


SCHEMAS = (
    Schema(
        name="liver_tumours",
        about="one row per tumour: its patient, its volume, and metrics of diffusion MRI and of histology",
        fields=(
            Field("tumour", "the tumour, as text; unique", "id", required=False, example="T1",
                  aliases=("Tumour ID", "tumor", "Tumor ID", "lesion")),
            _PATIENT, _PRIMARY, _VOLUME, *(metric.field for metric in METRICS), _TREATED,
        ),
        checks=(_some_metric, _volumes_in_mm3),
        examples=tuple(csv.DictReader(_TUMOUR_EXAMPLES.splitlines())),
    ),
    Schema(
        name="liver_patients",
        about="one row per patient: primary cancer, scanner, and metrics averaged over all tumours",
        fields=(
            _PATIENT, _PRIMARY,
            Field("scanner", "scanner or field strength, as text", required=False, example="3T",
                  aliases=("Field", "Field strength", "MRI scanner", "vendor", "MRI")),
            Field("age", "age", "number", "years", (0, 120), False, "61", aliases=("Age (years)",)),
            Field("sex", "F or M, as text", required=False, example="F", aliases=("gender",)),
            _VOLUME, *(metric.field for metric in METRICS), _TREATED,
        ),
        checks=(_patients_once, _some_metric, _volumes_in_mm3),
        examples=tuple(csv.DictReader(_PATIENT_EXAMPLES.splitlines())),
    ),
)  # fmt: skip
