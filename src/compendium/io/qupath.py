"""Cell detections as QuPath exports them (Measure → Export measurements, or Show detection measurements)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from compendium.io.messages import show
from compendium.io.tables import Table, TableError, read_table, to_numbers

COLUMNS: dict[str, tuple[str, ...]] = {
    "area_um2": ("Cell: Area µm^2", "Cell: Area", "Area µm^2"),
    "x_um": ("Centroid X µm",),
    "y_um": ("Centroid Y µm",),
    "nucleus_um2": ("Nucleus: Area µm^2", "Nucleus: Area"),
}
"""Names under which QuPath writes a quantity, newest first; the sign of micro and blanks make no difference."""
NEEDED = ("area_um2", "x_um", "y_um")
AREA_RANGE = (1.0, 20_000.0)


def read_detections(path: str | Path) -> pd.DataFrame:
    """Read a table of cell detections.

    Parameters
    ----------
    path : str or Path
        CSV or TSV, one row per cell, as exported.

    Returns
    -------
    DataFrame
        ``area_um2``, ``x_um``, ``y_um``, if there ``nucleus_um2``, ``image`` and ``class``; cells whose area is
        missing are dropped, their number is in ``attrs["dropped"]``.

    Raises
    ------
    TableError
        A column is missing (also when the image was not calibrated, so that QuPath wrote pixels), a value is no
        number or implausible.
    """
    table = read_table(path)
    known = {_plain(name): name for name in table.frame.columns}
    out = {}
    for target, names in COLUMNS.items():
        column = next((known[_plain(name)] for name in names if _plain(name) in known), None)
        if column is not None:
            out[target], table = to_numbers(table, column, missing=("", "nan", "na"))
        elif target in NEEDED:
            raise _missing(table, names, known)
    frame = pd.DataFrame(out)
    for target, name in (("image", "image"), ("class", "classification"), ("class", "class")):
        if name in known and target not in frame:
            frame[target] = table.frame[known[name]].to_numpy()
    _check_areas(table, frame)
    complete = frame[list(NEEDED)].notna().all(axis=1)
    kept = frame[complete].reset_index(drop=True)
    kept.attrs["dropped"] = int((~complete).sum())
    return kept


def _plain(name: str) -> str:
    return re.sub(r"[\s_^]+", "", name.replace("μ", "u").replace("µ", "u").replace("²", "2")).casefold()


def _missing(table: Table, names: tuple[str, ...], known: dict[str, str]) -> TableError:
    pixels = [original for plain, original in known.items() if plain.endswith(("px", "px2"))]
    if pixels:
        rule = f"needs the column '{names[0]}': calibrate the image in QuPath, then export again"
        return TableError(
            table.path, rule, f"pixels ({show(pixels[0])})", row=table.header_line, field="header"
        )
    rule = "needs a column " + " or ".join(f"'{name}'" for name in names)
    return TableError(table.path, rule, f"{len(known)} others", row=table.header_line, field="header")


def _check_areas(table: Table, frame: pd.DataFrame) -> None:
    area = frame["area_um2"].to_numpy(dtype=float)
    bad = np.isfinite(area) & ~((area >= AREA_RANGE[0]) & (area <= AREA_RANGE[1]))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        rule = f"a cell's area must lie in [{AREA_RANGE[0]:g}, {AREA_RANGE[1]:g}] µm²"
        raise TableError(
            table.path, rule, f"{area[first]:g}", row=int(table.lines[first]), field="area",
            more=int(bad.sum()) - 1,
        )  # fmt: skip
