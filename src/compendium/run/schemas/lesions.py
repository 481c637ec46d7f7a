"""Tables of vessels, of lines drawn on line scans, of lesions and of what lies in them."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pandas as pd

from compendium.io.tables import Table
from compendium.run.columns import Field, Problem, mark
from compendium.run.schemas.schema import Schema

VISIBILITY = ("not visible", "barely visible", "visible", "strongly visible")
"""Classes of schroers2026, Fig 2F."""


def _vessels_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    keys = [c for c in ("animal", "session", "vessel") if c in frame]
    repeated = frame.duplicated(keys).to_numpy(dtype=bool)
    if repeated.any():
        yield mark(table, "vessel", repeated, f"must be unique within {' and '.join(keys[:-1])}")


def _lines_have_ends(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    point = (frame["x1_px"] == frame["x2_px"]) & (frame["t1_px"] == frame["t2_px"])
    if point.any():
        yield mark(table, "t2_px", point.to_numpy(dtype=bool), "a line must have two different ends")


def _lesions_once(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    repeated = frame.duplicated(["subject", "lesion"]).to_numpy(dtype=bool)
    if repeated.any():
        yield mark(table, "lesion", repeated, "must be unique within a subject")


def _one_group_per_subject(frame: pd.DataFrame, table: Table) -> Iterator[Problem]:
    if "group" not in frame:
        return
    other = (frame["group"] != frame.groupby("subject")["group"].transform("first")).to_numpy(dtype=bool)
    if other.any():
        yield mark(table, "group", other, "must be the same in all lesions of a subject")


def _read(text: str) -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader(text.splitlines()))


_VESSELS = """\
animal,vessel,diameter_um,velocity_um_s,visibility_t2star,visibility_tof,session,group
M1,V01,54.2,3100,strongly visible,visible,1,control
M1,V02,12.5,820,barely visible,not visible,1,control
M2,V01,31.0,,visible,barely visible,1,control
"""
_LINES = """\
file,x1_px,t1_px,x2_px,t2_px
scan01.tif,12,40,118,225
scan01.tif,9,720,110,901
"""
_ENHANCEMENT = """\
dataset,before,after
M1,412,1450
M2,388,1281
"""
_LESIONS = """\
subject,lesion,dark,group,vessel_like,cell_volume_um3,cell_clusters,erythrocyte_volume_um3,erythrocyte_clusters
M1,L01,1,mouse,0,182000,14,61000,22
M1,L02,0,mouse,0,35000,4,2100,3
M2,L01,1,mouse,1,96000,9,30500,11
"""
_MARKERS = """\
section,marker,reference,subject
S1,1,1,P1
S1,0,1,P1
S2,1,1,P1
"""
_ZONES = """\
subject,zone,fraction
P1,core,0.31
P1,infiltration,0.12
P2,core,0.08
P2,infiltration,0.05
"""


def _end(name: str, about: str, example: str) -> Field:
    unit = "pixels" if name.startswith("x") else "lines"
    return Field(name, about, "number", unit, (-1e5, 1e8), example=example, missing=False)


def _volume(name: str, cells: str, example: str) -> Field:
    about = f"volume of {cells} clusters in the lesion"
    return Field(name, about, "number", "µm³", (0, 1e12), required=False, example=example)


def _count(name: str, cells: str, example: str) -> Field:
    return Field(
        name, f"number of {cells} clusters", "integer", range=(0, 1e7), required=False, example=example
    )


SCHEMAS = (
    Schema(
        "vessels",
        "one row per vessel (and session): diameter and, where known, velocity, visibility in MRI and group",
        (
            Field("animal", "animal or patient, as text", "id", example="M1"),
            Field("vessel", "the vessel, as text; unique within an animal and session", "id", example="V01"),
            Field("diameter_um", "diameter in microscopy", "number", "µm", (1, 5000), example="54.2"),
            Field(
                "velocity_um_s", "speed of blood, without its direction; 0: standing", "number", "µm/s", (0, 200_000),
                required=False, example="3100",
            ),
            Field("session", "time point, as text, in the order of the table", "id", required=False, example="1"),
            Field("group", "such as control, T2*-negative, T2*-positive", required=False, example="control"),
        ),
        patterns=(
            Field(
                "visibility_<sequence>", "how well MRI shows it; one column per sequence", required=False,
                choices=VISIBILITY, example="visible",
            ),
        ),
        checks=(_vessels_once,),
        examples=_read(_VESSELS),
    ),
    Schema(
        "drawn_lines",
        "one row per line drawn along a streak of a kymograph; all ends in pixels of the image",
        (
            Field("file", "the kymograph, by its file name", "id", example="scan01.tif"),
            _end("x1_px", "place along the scanned line, one end", "12"),
            _end("t1_px", "line number (time), the same end", "40"),
            _end("x2_px", "place, other end", "118"),
            _end("t2_px", "line number, other end", "225"),
        ),
        checks=(_lines_have_ends,),
        examples=_read(_LINES),
    ),
    Schema(
        "enhancement",
        "one row per data set: signal before and after contrast agent, in one scale",
        (
            Field("dataset", "the data set, as text", "id", example="M1"),
            Field("before", "signal before", "number", range=(1e-9, 1e9), example="412"),
            Field("after", "signal after", "number", range=(0, 1e9), example="1450"),
        ),
        examples=_read(_ENHANCEMENT),
    ),
    Schema(
        "lesions",
        "one row per lesion: appearance in MRI and, where known, what microscopy counts in it",
        (
            Field("subject", "animal or patient, as text; several lesions may share one", "id", example="M1"),
            Field("lesion", "the lesion, as text; unique within a subject", "id", example="L01"),
            Field("dark", "1 hypointense on T2* or SWI, 0 isointense", "flag", example="1", missing=False),
            Field("group", "such as mouse or patient; one per subject", required=False, example="mouse"),
            Field("vessel_like", "1 the hypointensity looks like a vessel, 0 not", "flag", required=False, example="0"),
            _volume("cell_volume_um3", "tumour cell", "182000"),
            _count("cell_clusters", "tumour cell", "14"),
            _volume("erythrocyte_volume_um3", "erythrocyte", "61000"),
            _count("erythrocyte_clusters", "erythrocyte", "22"),
        ),
        checks=(_lesions_once, _one_group_per_subject),
        examples=_read(_LESIONS),
    ),
    Schema(
        "marker_cells",
        "one row per cell: whether it shows a marker and whether it shows the reference",
        (
            Field("section", "section it lies in, as text; cells of a section share staining", "id", example="S1"),
            Field("marker", "1 positive, such as nestin", "flag", example="1"),
            Field("reference", "1 positive, such as IDH1 R132H or GFP", "flag", example="1"),
            Field("subject", "animal or patient", "id", required=False, example="P1"),
        ),
        examples=_read(_MARKERS),
    ),
    Schema(
        "zones",
        "one row per measured piece of tissue: fraction stained, in tumour core and infiltration zone",
        (
            Field("subject", "patient, as text", "id", example="P1"),
            Field("zone", "where the tissue was taken", choices=("core", "infiltration"), example="core", missing=False),
            Field("fraction", "volume fraction that is stained", "number", range=(0, 1), example="0.31", missing=False),
        ),
        examples=_read(_ZONES),
    ),
)  # fmt: skip
