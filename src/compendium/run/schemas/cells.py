"""Tables of cells on a section, as QuPath exports them or under names of this project."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pandas as pd

from compendium.io import qupath
from compendium.io.tables import Table
from compendium.run.columns import Field, Problem
from compendium.run.schemas.schema import Schema

# Cells on a section. A QuPath export is taken as it comes: its columns are the aliases


def _measured(target: str, description: str, unit: str, limits: tuple[float, float], example: str) -> Field:
    names = tuple(v for name in qupath.COLUMNS[target] for v in (name, name.replace("µ", "u")))
    needed = target in qupath.NEEDED
    return Field(target, description, "number", unit, limits, needed, example, aliases=names)


def _two_outlines(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    """A spread of sizes needs two outlines."""
    given = len(frame[["x_um", "y_um", "area_um2"]].dropna())
    if given < 2:
        yield Problem(
            "area_um2", "must stand beside both positions in at least two rows", f"{given:,} such rows"
        )


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


SCHEMAS = (
    Schema(
        name="cells",
        about="one row per cell outlined on a section, as QuPath exports detections or under these names",
        fields=_CELL_FIELDS,
        checks=(_two_outlines,),
        examples=tuple(csv.DictReader(_CELL_EXAMPLES.splitlines())),
    ),
)
