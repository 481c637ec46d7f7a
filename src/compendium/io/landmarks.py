"""Landmarks of 3D Slicer: markups (.mrk.json) and the older .fcsv, read into µm in LPS whatever the file uses.

Slicer shows RAS and writes LPS by default; older .fcsv files are RAS. Taking one for the other flips two axes, which is a
rotation by 180° about z: no reflection, and no error message later. So the file's own statement is read, and a file
without one is refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.io.messages import show, show_name

Array = NDArray[np.floating[Any]]
SYSTEMS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}
_CODES = {"0": "RAS", "1": "LPS", "2": "IJK"}  # numbers in older files
_UNITS = {"mm": 1000.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "m": 1e6, "cm": 1e4}
MAX_BYTES = 50_000_000


class LandmarkFileError(ValueError):
    """A file of landmarks that cannot be read safely; the message names the file."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Named points.

    Attributes
    ----------
    labels : tuple of str
    points_um : ndarray, shape (n, 3)
        In LPS.
    skipped : int
        Points without a position (placed, never set) that were left out.
    source_system : str
        "RAS" or "LPS", as the file says.
    """

    labels: tuple[str, ...]
    points_um: Array
    skipped: int
    source_system: str


def read_landmarks(path: str | Path) -> Landmarks:
    """Read a .mrk.json or .fcsv file of 3D Slicer, or a CSV or TSV table (`compendium.io.landmark_tables`).

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    LandmarkFileError
        Not such a file, no or an unknown coordinate system or unit, positions that are not numbers; the message names
        file and point.
    """
    from compendium.io.landmark_tables import TABLE_SUFFIXES, read_landmark_table

    where = Path(path)
    if where.suffix.lower() in TABLE_SUFFIXES:
        return read_landmark_table(where)
    text = _read_text(where)
    if where.name.lower().endswith(".json"):
        return _read_markups(text, where)
    if where.suffix.lower() == ".fcsv":
        return _read_fcsv(text, where)
    raise LandmarkFileError(
        f"{_name(where)}: landmarks must be .mrk.json, .fcsv, .csv or .tsv. Given {show(where.suffix)}."
    )


def read_landmark_pairs(fixed: str | Path, moving: str | Path) -> tuple[tuple[str, ...], Array, Array]:
    """Landmarks of two files, matched by label where labels are unique in both, by order otherwise.

    Returns
    -------
    labels : tuple of str
    fixed_um, moving_um : ndarray, shape (n, 3)
        The same structure in each row, in the fixed file's order. Labels in one file only are left out.

    Raises
    ------
    LandmarkFileError
        No common label, or files of unequal length without usable labels.
    """
    one, two = read_landmarks(fixed), read_landmarks(moving)
    unique = all(len(set(m.labels)) == len(m.labels) and all(m.labels) for m in (one, two))
    common = [label for label in one.labels if label in set(two.labels)] if unique else []
    if common:
        rows = [(one.labels.index(label), two.labels.index(label)) for label in common]
        first, second = zip(*rows, strict=True)
        return tuple(common), one.points_um[list(first)], two.points_um[list(second)]
    if len(one.labels) != len(two.labels):
        rule = "without common labels, two files of landmarks must have the same length"
        raise LandmarkFileError(
            f"{_name(Path(moving))}: {rule}. Given {len(one.labels)} and {len(two.labels)}."
        )
    return one.labels, one.points_um, two.points_um


def write_landmarks(
    path: str | Path, points_um: ArrayLike, labels: Sequence[str] = (), *, system: str = "LPS"
) -> None:
    """Write points (µm, LPS) as .mrk.json or .fcsv in mm.

    Parameters
    ----------
    system : {"LPS", "RAS"}
        Coordinates of the file.
    """
    where, points = Path(path), np.asarray(points_um, dtype=float)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise ValueError(f"points_um must be finite with shape (n, 3). Given shape {points.shape}.")
    if system not in SYSTEMS:
        raise ValueError(f"system must be 'LPS' or 'RAS'. Given {system!r}.")
    names = list(labels) or [f"F-{i + 1}" for i in range(len(points))]
    if len(names) != len(points):
        raise ValueError(f"labels must have one entry per point ({len(points)}). Given {len(names)}.")
    given = points * SYSTEMS[system] / 1000
    if where.name.lower().endswith(".json"):
        where.write_text(_markups(given, names, system), encoding="utf-8")
    elif where.suffix.lower() == ".fcsv":
        where.write_text(_fcsv(given, names, system), encoding="utf-8")
    else:
        raise ValueError(f"Landmarks are written as .mrk.json or .fcsv. Given {where.name!r}.")


def _read_markups(text: str, path: Path) -> Landmarks:
    try:
        content = json.loads(text, parse_constant=lambda word: float("nan"))
    except RecursionError:
        raise LandmarkFileError(
            f"{_name(path)}: must be JSON. Given brackets nested too deep to read."
        ) from None
    except ValueError as problem:
        raise LandmarkFileError(f"{_name(path)}: must be JSON. Given {show(problem)}.") from None
    markups = content.get("markups") if isinstance(content, dict) else None
    if not isinstance(markups, list) or len(markups) != 1 or not isinstance(markups[0], dict):
        count = len(markups) if isinstance(markups, list) else 0
        raise LandmarkFileError(f"{_name(path)}: must hold exactly one list under 'markups'. Given {count}.")
    markup = markups[0]
    system = _system(markup.get("coordinateSystem"), path)
    scale = _scale(markup.get("coordinateUnits", "mm"), path)
    points = markup.get("controlPoints")
    if not isinstance(points, list):
        raise LandmarkFileError(f"{_name(path)}: must have a list 'controlPoints'. Given {show(points)}.")
    labels, rows, skipped = [], [], 0
    for i, point in enumerate(points, start=1):
        if not isinstance(point, dict):
            raise LandmarkFileError(f"{_name(path)}, point {i}: must be a mapping. Given {show(point)}.")
        if point.get("positionStatus", "defined") != "defined" or point.get("position") is None:
            skipped += 1
            continue
        rows.append(_position(point["position"], path, i))
        labels.append(str(point.get("label", "")))
    return _landmarks(labels, rows, skipped, system, scale)


def _read_fcsv(text: str, path: Path) -> Landmarks:
    header = [line[1:] for line in text.splitlines() if line.startswith("#")]
    pairs = [line.split("=", 1) for line in header if "=" in line]
    settings = {name.strip(): value.strip() for name, value in pairs}
    if not header or "Markups fiducial file" not in text:
        raise LandmarkFileError(f"{_name(path)}: must begin as a Markups fiducial file of 3D Slicer.")
    system = _system(settings.get("CoordinateSystem"), path)
    columns = [name.strip() for name in settings.get("columns", "id,x,y,z").split(",")]
    if not {"x", "y", "z"} <= set(columns):
        raise LandmarkFileError(
            f"{_name(path)}: must have columns x, y and z. Given {show(', '.join(columns))}."
        )
    labels, rows, skipped = [], [], 0
    body = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for i, cells in enumerate(csv.reader(io.StringIO("\n".join(body))), start=1):
        row = dict(zip(columns, cells, strict=False))
        if {"x", "y", "z"} - set(row):
            raise LandmarkFileError(
                f"{_name(path)}, point {i}: must have x, y and z. Given {len(cells)} cells."
            )
        if row.get("positionstatus", "1") == "0":
            skipped += 1
            continue
        rows.append(_position([row["x"], row["y"], row["z"]], path, i))
        labels.append(row.get("label", "") or row.get("id", ""))
    return _landmarks(labels, rows, skipped, system, 1000.0)


def _landmarks(labels: list[str], rows: list[Array], skipped: int, system: str, scale: float) -> Landmarks:
    points = np.array(rows, dtype=float).reshape(-1, 3) * scale * SYSTEMS[system]
    return Landmarks(tuple(labels), points, skipped, system)


def _position(given: Any, path: Path, number: int) -> Array:
    try:
        values = np.array([float(v) for v in given])
    except (TypeError, ValueError, OverflowError):
        values = np.full(3, np.nan)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise LandmarkFileError(
            f"{_name(path)}, point {number}: position must be three numbers. Given {show(given)}."
        )
    return values


def _system(given: Any, path: Path) -> str:
    name = _CODES.get(str(given), str(given)).upper()
    if name not in SYSTEMS:
        raise LandmarkFileError(
            f"{_name(path)}: coordinate system must be stated as LPS or RAS. Given {show(given)}."
        )
    return name


def _scale(given: Any, path: Path) -> float:
    units = given if isinstance(given, list) else [given]
    known = all(isinstance(unit, str) and unit in _UNITS for unit in units)
    if not units or not known or any(unit != units[0] for unit in units):
        raise LandmarkFileError(
            f"{_name(path)}: coordinate units must be one of mm, µm, cm, m. Given {show(given)}."
        )
    return _UNITS[units[0]]


def _markups(points: Array, names: list[str], system: str) -> str:
    control = [
        {"id": str(i + 1), "label": name, "description": "", "associatedNodeID": "", "position": row,
         "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0], "selected": True,
         "locked": False, "visibility": True, "positionStatus": "defined"}
        for i, (name, row) in enumerate(zip(names, points.tolist(), strict=True))
    ]  # fmt: skip
    schema = (
        "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    )
    content = {
        "@schema": schema + "markups-schema-v1.0.3.json#",
        "markups": [
            {
                "type": "Fiducial",
                "coordinateSystem": system,
                "coordinateUnits": "mm",
                "controlPoints": control,
            }
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _fcsv(points: Array, names: list[str], system: str) -> str:
    out = io.StringIO()
    out.write(f"# Markups fiducial file version = 4.11\n# CoordinateSystem = {system}\n")
    out.write("# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n")
    writer = csv.writer(out, lineterminator="\n")
    for i, (name, row) in enumerate(zip(names, points.tolist(), strict=True)):
        writer.writerow([i + 1, *(repr(v) for v in row), 0, 0, 0, 1, 1, 1, 0, name, "", ""])
    return out.getvalue()


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LandmarkFileError(f"{_name(path)}: landmarks must be smaller than {MAX_BYTES / 1e6:g} MB.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise LandmarkFileError(f"{_name(path)}: must be readable. Given {show(problem.strerror)}.") from None
    except UnicodeDecodeError:
        raise LandmarkFileError(f"{_name(path)}: must be UTF-8 text.") from None


def _name(path: Path) -> str:
    return show_name(path.name)
