"""Tables of regions seen by two imaging modalities."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pandas as pd

from compendium.io.tables import Table
from compendium.run.columns import Field, Problem, mark
from compendium.run.schemas.schema import Schema

LEAST_SUBJECTS = 4
"""Subjects of either outcome: fewer cannot be divided into folds."""


def _one_outcome_per_subject(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    for name in ("outcome", "group"):
        first = frame.groupby("subject")[name].transform("first")
        other = (frame[name] != first).to_numpy(dtype=bool)
        if other.any():
            yield mark(table, name, other, "must be the same in all rows of a subject")


def _both_outcomes(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    counts = frame.groupby("outcome")["subject"].nunique()
    least = min(int(counts.get(outcome, 0)) for outcome in (0, 1))
    if least < LEAST_SUBJECTS:
        yield Problem(
            "outcome", f"must name at least {LEAST_SUBJECTS} subjects with either outcome", f"{least:,}"
        )


def _modalities_can_be_used(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """Each modality is measured somewhere, in every column, and beside the other in subjects of both outcomes."""
    names = {m: [c for c in frame.columns if c.startswith(f"{m}_")] for m in ("first", "second")}
    for columns in names.values():
        for name in columns:
            if frame[name].dropna().nunique() < 2:
                yield Problem(name, "must vary", f"{frame[name].dropna().nunique():,} values")
    both = frame.dropna(subset=[c for columns in names.values() for c in columns])
    counts = both.groupby("outcome")["subject"].nunique()
    least = min(int(counts.get(outcome, 0)) for outcome in (0, 1))
    if least < LEAST_SUBJECTS:
        rule = f"must be complete beside the first in at least {LEAST_SUBJECTS} subjects with either outcome"
        yield Problem("second_<name>", rule, f"{least:,}")


_EXAMPLES = """\
subject,outcome,group,first_mean,first_sd,second_mean,second_core
P01,1,site A,5.2,1.9,4.1,0.8
P01,1,site A,5.4,2.1,4.4,0.9
P02,0,site B,4.1,1.2,3.6,0.1
P03,1,site A,5.9,2.0,,
P04,0,site A,4.4,1.4,3.9,0.2
P05,1,site B,5.1,1.8,4.2,0.7
P06,0,site B,4.0,1.1,3.5,0.3
P07,1,site A,5.5,1.9,4.3,0.6
P08,0,site A,4.3,1.5,3.4,0.2
P09,1,site B,5.3,2.2,4.0,0.9
P10,0,site B,4.2,1.3,3.7,0.1
"""

SCHEMAS = (
    Schema(
        name="two_modalities",
        about="one row per region, or per subject: its outcome, and what two imaging modalities show",
        fields=(
            Field("subject", "subject it lies in, as text: the independent unit", "id", example="P01"),
            Field("outcome", "1 with the outcome, 0 without", "flag", example="1", missing=False),
            Field("group", "site, scanner or arm of the subject", example="site A", missing=False),
        ),
        patterns=(
            Field("first_<name>", "a value of the first modality; one column each", "number", example="5.2"),
            Field(
                "second_<name>", "a value of the second modality; one column each", "number", example="4.1"
            ),
        ),
        checks=(_one_outcome_per_subject, _both_outcomes, _modalities_can_be_used),
        examples=tuple(csv.DictReader(_EXAMPLES.splitlines())),
    ),
)
