"""Tables of MRI voxels with what the microscope found in them."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pandas as pd

from compendium.io.tables import Table
from compendium.run.columns import Field, Problem, mark
from compendium.run.schemas.schema import Schema

PLACE = ("x", "y", "z")


def _density_is_a_fraction(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    high = frame["density"].max()
    if high > 1:
        rule = "must be a fraction from 0 to 1; percent is divided by 100 first"
        yield mark(table, "density", (frame["density"] > 1).to_numpy(dtype=bool), rule)


def _voxels_vary(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    both = frame[["density", "t2w"]].dropna()
    for name in ("density", "t2w"):
        if both[name].nunique() < 2:
            yield Problem(
                name, "must vary among voxels that have density and signal", f"{both[name].nunique()} value"
            )


def _voxels_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    if not set(PLACE) <= set(frame.columns):
        return
    keys = ["animal", *(name for name in ("dataset", "day") if name in frame.columns), *PLACE]
    repeated = frame.duplicated(keys).to_numpy(dtype=bool)
    if repeated.any():
        yield mark(table, "x", repeated, "must name a voxel once per animal and time point")


def _two_days(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    days = frame.groupby("animal")["day"].nunique()
    if not (days > 1).any():
        yield Problem("day", "must have two time points of one animal at least", f"{int(days.max())}")
        return
    voxel = frame.groupby(["animal", *PLACE])["day"].nunique()
    if not (voxel > 1).any():
        yield Problem(
            "x", "must name the same voxels on two days; align the time points first", "no voxel seen twice"
        )


_ANIMAL = Field("animal", "animal, as text: the unit of inference", "id", example="M1")
_DENSITY = Field("density", "share of the voxel that the microscope calls tumour (or vessel)", "number", range=(0, 100),
                 example="0.34")  # fmt: skip
_T2W = Field("t2w", "T2-weighted signal, in SDs of normal-appearing tissue; raw with a label, which the chapter then uses",
             "number", example="1.9")  # fmt: skip
_MORE = (
    Field("t1", "T1-weighted signal before contrast agent, as t2w", "number", required=False, example="-0.2"),
    Field("t1post", "T1-weighted signal after contrast agent, as t2w", "number", required=False, example="0.6"),
    Field("label", "0 outside, a number for normal-appearing tissue, another for tumour", "integer", range=(0, 1000),
          required=False, example="1"),
    Field("model", "tumour model or group of the animal, as text", required=False, example="bulky"),
    Field("coil", "receive coil of the examination, as text", required=False, example="cryogenic"),
)  # fmt: skip
_DATASET = Field(
    "dataset", "examination, as text; signal is normalised within it", required=False, example="M1-60"
)


def _day(required: bool) -> Field:
    return Field("day", "day of the examination", "number", "days", (-1000, 10000), required=required, example="60",
                 missing=not required)  # fmt: skip


def _place(required: bool) -> tuple[Field, ...]:
    return tuple(
        Field(axis, f"voxel along {axis}, counted from 0", "integer", range=(0, 100_000), required=required, example="12",
              missing=not required)
        for axis in PLACE
    )  # fmt: skip


_EXAMPLES = """\
animal,dataset,model,day,x,y,z,density,t2w
M1,M1-24,bulky,24,11,7,3,0,-0.2
M1,M1-24,bulky,24,12,7,3,0.34,1.9
M2,M2-24,bulky,24,14,9,2,0.71,3.1
M2,M2-24,bulky,24,15,9,2,0,0.4
"""
_SERIES_EXAMPLES = """\
animal,day,x,y,z,density,t2w
M1,24,11,7,3,0.05,0.8
M1,24,12,7,3,0.34,1.9
M1,42,11,7,3,0.31,1.7
M1,42,12,7,3,0.62,2.8
"""

SCHEMAS = (
    Schema(
        name="voxels",
        about="one row per MRI voxel: what the microscope found in it, and its signal",
        fields=(_ANIMAL, _DENSITY, _T2W, *_MORE, _DATASET, _day(False), *_place(False)),
        checks=(_density_is_a_fraction, _voxels_vary, _voxels_once),
        examples=tuple(csv.DictReader(_EXAMPLES.splitlines())),
    ),
    Schema(
        name="voxel_series",
        about="one row per MRI voxel and day, time points aligned: density and signal of the same voxels over time",
        fields=(_ANIMAL, _day(True), *_place(True), _DENSITY, _T2W, *_MORE, _DATASET),
        checks=(_density_is_a_fraction, _voxels_vary, _voxels_once, _two_days),
        examples=tuple(csv.DictReader(_SERIES_EXAMPLES.splitlines())),
    ),
)
