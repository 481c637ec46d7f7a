"""A folder of line scans: kymographs as TIFF, and a table that says what a pixel and a line are.

Nothing about scale is guessed: a TIFF seldom says the time between two lines, and what it says about pixels is often left
over from another image. The table (one CSV or TSV in the folder) has a row per kymograph with `file`, `pixel_um` and
`line_ms`; further columns, such as `vessel`, `animal` or `group`, are kept as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.tables import Table, TableError, read_table, same_name, to_numbers
from compendium.io.volumes import VolumeFileError, read_plane

SCALES: dict[str, tuple[str, float, float]] = {
    "pixel_um": ("pixel size along the line, µm", 0.005, 100.0),
    "line_ms": ("time from one line to the next, ms", 0.005, 1000.0),
}
"""Required columns of numbers: what they are, and the range that a laser-scanning microscope can have."""
LEAST_SHAPE = (16, 8)  # lines, pixels


def read_scan_table(folder: str | Path) -> pd.DataFrame:
    """Read and check the table of a folder of kymographs, without opening the images.

    Returns
    -------
    DataFrame
        `file` and further columns as text, `pixel_um` and `line_ms` as numbers; in the order of the table.
        `attrs["notes"]`: sentences on how it was read; `attrs["path"]`: where it lies.

    Raises
    ------
    TableError
        No folder, no table or several, a missing column or cell, a scale out of range, a file that is named twice or is
        not in the folder.

    Examples
    --------
    >>> import tempfile, tifffile
    >>> folder = Path(tempfile.mkdtemp())
    >>> tifffile.imwrite(folder / "a.tif", np.zeros((40, 20), np.uint16), photometric="minisblack")
    >>> _ = (folder / "scans.csv").write_text("file,pixel_um,line_ms,animal\\na.tif,0.5,1.2,M1\\n")
    >>> read_scan_table(folder)
        file  pixel_um  line_ms animal
    0  a.tif       0.5      1.2     M1
    """
    where = Path(folder)
    if not where.is_dir():
        raise TableError(where, "must be a folder of kymographs with a table", "no folder at that path")
    tables = sorted(p for p in where.iterdir() if p.suffix.lower() in (".csv", ".tsv"))
    if len(tables) != 1:
        found = ", ".join(p.name for p in tables[:4]) or "none"
        raise TableError(where, "must hold one CSV with the columns file, pixel_um, line_ms", found)
    table = read_table(tables[0])
    names = {same_name(c): c for c in table.frame.columns}
    for name in ("file", *SCALES):
        if name not in names:
            about = f" ({SCALES[name][0]})" if name in SCALES else ""
            rule = f"the column {name} must be there{about}: scale is never guessed"
            raise TableError(table.path, rule, show(", ".join(table.frame.columns)), row=table.header_line)
    if table.frame.empty:
        raise TableError(table.path, "must name at least one kymograph", "no rows", row=table.header_line)
    frame = table.frame.rename(columns={original: name for name, original in names.items()})
    _check_files(where, table, frame["file"])
    notes = table.notes
    for name, (about, low, high) in SCALES.items():
        values, read = to_numbers(table, names[name])
        bad = ~((values >= low) & (values <= high))
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            given = show(table.frame[names[name]].iloc[i])
            rule = f"must be the {about}, between {low:g} and {high:g}"
            raise TableError(table.path, rule, given, row=int(table.lines[i]), field=name)
        frame[name] = values
        notes = (*notes, *(n for n in read.notes if n not in notes))
    frame.attrs.update(notes=notes, path=str(table.path))
    return frame


def _check_files(folder: Path, table: Table, files: pd.Series) -> None:
    for i, name in enumerate(files):
        place: dict[str, Any] = {"row": int(table.lines[i]), "field": "file"}
        if not name or Path(name).name != name or name.startswith("."):
            raise TableError(
                table.path, "must be a file of the same folder, by its name", show(name), **place
            )
        if not name.lower().endswith((".tif", ".tiff")):
            raise TableError(table.path, "must be a TIFF", show(name), **place)
        if not (folder / name).is_file():
            raise TableError(table.path, "must be in the folder", show(name), **place)
    if files.duplicated().any():
        i = int(np.flatnonzero(files.duplicated())[0])
        raise TableError(
            table.path, "must be named once", show(files.iloc[i]), row=int(table.lines[i]), field="file"
        )


def read_kymograph(path: str | Path, time_axis: str = "rows") -> NDArray[Any]:
    """Read one kymograph, shape (time, distance).

    Parameters
    ----------
    path : str or Path
        TIFF with one channel and one image.
    time_axis : {"rows", "columns"}
        Along which axis of the image time runs; microscopes that write line after line put it down the rows.

    Raises
    ------
    TableError
        Not a TIFF with one plane of numbers, or fewer than 16 lines of 8 pixels.
    """
    where = Path(path)
    if time_axis not in ("rows", "columns"):
        raise TableError(where, "time_axis must be rows or columns", show(time_axis))
    try:
        plane = read_plane(where)
    except VolumeFileError as problem:
        text = str(problem).removeprefix(f"{where.name}: ")
        rule, _, given = text.partition(". Given ")
        raise TableError(where, rule.rstrip("."), given.rstrip(".") or "another") from None
    image = plane if time_axis == "rows" else plane.T
    if image.shape[0] < LEAST_SHAPE[0] or image.shape[1] < LEAST_SHAPE[1]:
        rule = f"must have at least {LEAST_SHAPE[0]} lines of {LEAST_SHAPE[1]} pixels"
        raise TableError(where, rule, f"{image.shape[0]} lines of {image.shape[1]} pixels")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise TableError(where, "must have no missing values", "NaN or infinity")
    return image


def read_kymographs(folder: str | Path) -> tuple[pd.DataFrame, list[NDArray[Any]]]:
    """Read a folder of kymographs: its table and the images in the same order, axes time and distance.

    A column `time_axis` (rows or columns) says where time does not run down the rows.
    """
    frame = read_scan_table(folder)
    axes = frame["time_axis"] if "time_axis" in frame else ["rows"] * len(frame)
    images = [
        read_kymograph(Path(folder) / name, str(axis).strip().lower() or "rows")
        for name, axis in zip(frame["file"], axes, strict=True)
    ]
    return frame, images
