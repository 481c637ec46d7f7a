"""What each kind of handed-in table must hold, declared once: columns, rules across rows, and an example."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

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
_EXAMPLES = """\
patient,examination,reference,read_first,read_second,date,histology,treatment
P001,E0001,1,1,0,2021-03-09,glioblastoma,radiotherapy
P001,E0002,0,0,,2021-09-14,glioblastoma,radiotherapy
P002,E0003,0,1,0,2021-04-02,astrocytoma,
"""

SCHEMAS: dict[str, Schema] = {
    "examinations": Schema(
        name="examinations",
        about="one row per examination, with a reference standard and one or more readings",
        fields=(_PATIENT, _EXAMINATION, _REFERENCE, _DATE, _HISTOLOGY, _TREATMENT),
        patterns=(_READ,),
        checks=(_rows_once, _both_conditions, _reads_cover_both_conditions),
        examples=tuple(csv.DictReader(_EXAMPLES.splitlines())),
    )
}
