"""Tables that hold MRI beside histology, case by case: grussu2025's Supplementary Data S1 and S2, or anyone's.

The published headers were not seen when this was written. `AUTHOR_NAMES` and `AUTHOR_FORMS` are the one place that maps
them: they hold the words of the text in a few plausible spellings, and are to be corrected once a file is at hand. Case,
blanks, hyphens and underscores make no difference (`compendium.io.tables.same_name`). Tables by tumour and by patient
(S3 to S5) are declared in `phenotype`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pandas as pd

from compendium.io.tables import Table
from compendium.run.columns import Field, Problem, mark
from compendium.run.schemas.schema import Schema

MODELS = {
    "diff_in": "Diff-in",
    "diff_in_exfast": "Diff-in-exFast",
    "diff_in_extdfast": "Diff-in-exTDFast",
    "diff_in_ex": "Diff-in-ex",
    "diff_in_extd": "Diff-in-exTD",
}
"""The five models: the end of our column names, and the name that the paper prints."""
AUTHOR_NAMES: dict[str, tuple[str, ...]] = {
    "case": ("Case ID", "Sample", "Sample ID", "Subject", "Subject ID", "ID"),
    "group": ("Species", "Cohort", "Data", "Type"),
    "phenotype": ("Histological phenotype",),
    "scanner": ("MRI system", "MRI scanner", "Field strength"),
    "primary": ("Primary cancer", "Cancer type", "Tumour type", "Tumor type"),
    "f_histo": ("Fhisto", "Histology F", "F histology"),
    "vcs_histo": ("vCShisto", "Histology vCS", "vCS histology"),
    "cd_histo": ("CDhisto", "Histology CD", "CD histology"),
    "ki67": ("F_Ki67", "FKi67", "Ki-67"),
    "adc": ("ADC_DKI", "DKI ADC"),
    "k": ("K_DKI", "DKI K", "Kurtosis"),
}
"""Our column → names that the authors may have given it."""
AUTHOR_FORMS = ("{metric}_MRI_{model}", "{metric}MRI_{model}", "{model}_{metric}", "{model}_{metric}_MRI")
"""How the authors may write a metric of a model; the metric is F, vCS or CD."""


def _field(name: str, *words: Any, **options: Any) -> Field:
    return Field(name, *words, **{"aliases": AUTHOR_NAMES.get(name, ()), **options})


def _of_model(metric: str, model: str, what: str, unit: str, limits: tuple[float, float]) -> Field:
    aliases = tuple(form.format(metric=metric, model=MODELS[model]) for form in AUTHOR_FORMS)
    name = f"{metric.casefold()}_{model}"
    return Field(name, f"{what}, {MODELS[model]}", "number", unit, limits, False, aliases=aliases)


_METRICS = {
    "F": ("intra-cellular fraction from MRI", "", (0, 1)),
    "vCS": ("volume-weighted cell size from MRI", "um", (1, 100)),
    "CD": ("cells per volume from MRI, the mean over voxels", "cells/mm3", (0, 1e7)),
}
_VOTES = Field(
    "votes_<model>",
    "share of voxels where the model has the lowest BIC",
    "number",
    "",
    (0, 1),
    required=False,
)
_PATTERNS = (
    *(
        Field(f"{metric.casefold()}_<model>", f"{what}; one column per model", "number", unit, limits, False)
        for metric, (what, unit, limits) in _METRICS.items()
    ),
    _VOTES,
)
_CASE_FIELDS = (
    _field("case", "a specimen or a patient, as text; unique in the table", "id", example="C01"),
    _field("group", "such as mouse or human: compared within it first", "id", required=False, example="human"),
    _field("f_histo", "intra-cellular area fraction on the section", "number", "", (0, 1), example="0.71"),
    _field("vcs_histo", "volume-weighted cell size on the section", "number", "um", (1, 100), example="21.4"),
    _field("cd_histo", "cells per area on the section", "number", "cells/mm2", (0, 1e5), required=False, example="4120"),
    _field("adc", "ADC over that of free water at its temperature", "number", "", (0, 4), required=False, example="0.38"),
    _field("k", "excess kurtosis", "number", "", (-1, 10), required=False, example="0.9"),
    _field("scanner", "scanner, as text", required=False, example="3T"),
    _field("primary", "primary cancer", required=False, example="colon"),
    _field("phenotype", "histological phenotype", required=False),
    _field("ki67", "fraction stained for Ki-67", "number", "", (0, 1), required=False, example="0.15"),
    *(_of_model(metric, model, *words) for model in MODELS for metric, words in _METRICS.items()),
)  # fmt: skip
_CASE_EXAMPLES = """\
case,group,f_histo,vcs_histo,cd_histo,adc,k,scanner,f_diff_in,vcs_diff_in,cd_diff_in,f_diff_in_ex,vcs_diff_in_ex
C01,human,0.71,21.4,4120,0.38,0.9,3T,0.44,23.1,95000,0.52,20.2
C02,human,0.66,24.9,3010,0.46,0.7,1.5T,0.39,26.4,61000,0.47,22.9
C03,human,0.75,19.8,4890,0.33,1.1,3T,0.47,24.0,120000,0.45,18.1
C04,mouse,0.78,18.2,5400,0.3,1.2,9.4T,0.52,20.7,150000,0.58,17.5
"""


def _cases_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    repeated = frame["case"].duplicated().to_numpy(dtype=bool)
    if repeated.any():
        yield mark(table, "case", repeated, "must be unique")


def _a_model_is_there(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """Size and fraction of one model stand beside size and fraction on the section, in four cases at least."""
    sizes = [c for c in frame.columns if c.startswith("vcs_") and c != "vcs_histo"]
    both = [c for c in sizes if c.replace("vcs_", "f_", 1) in frame.columns]
    if not both:
        yield Problem("vcs_<model>", "must be there with f_<model> for one model at least", "none")
        return
    for name in both:
        columns = [name, name.replace("vcs_", "f_", 1), "vcs_histo", "f_histo"]
        complete = frame[columns].dropna()
        if len(complete) < 4:
            rule = "must stand beside its fraction and histology in at least four cases"
            yield Problem(name, rule, f"{len(complete):,} cases")
        elif complete.nunique().min() < 2:
            yield Problem(
                name, "must vary, with its fraction and histology", f"one value in {len(complete):,} cases"
            )


SCHEMAS = (
    Schema(
        name="mri_histology",
        about="one row per case: histology, and what one or more diffusion models say (grussu2025, Data S1 and S2)",
        fields=_CASE_FIELDS,
        patterns=_PATTERNS,
        checks=(_cases_once, _a_model_is_there),
        examples=tuple(csv.DictReader(_CASE_EXAMPLES.splitlines())),
    ),
)
