"""Landmarks in text tables: a column of labels and three of coordinates, whose names say the unit.

Columns ``x_um, y_um, z_um`` or ``x_mm, y_mm, z_mm`` are LPS unless a column ``system`` says RAS; ``l, p, s`` and
``r, a, s``, as 3D Slicer exports tables of points, are mm in the system that they name. Bare x, y, z are refused: nothing
says whether they are pixels, mm or µm.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compendium.io.landmarks import SYSTEMS, LandmarkFileError, Landmarks
from compendium.io.messages import show, show_name
from compendium.io.tables import Table, TableError, read_table, same_name, to_numbers

TABLE_SUFFIXES = (".csv", ".tsv")
_COLUMNS: dict[tuple[str, str, str], tuple[float, str | None]] = {  # names: factor to µm, system
    ("x_um", "y_um", "z_um"): (1.0, None),
    ("x_µm", "y_µm", "z_µm"): (1.0, None),
    ("x_mm", "y_mm", "z_mm"): (1000.0, None),
    ("l", "p", "s"): (1000.0, "LPS"),
    ("r", "a", "s"): (1000.0, "RAS"),
}


def read_landmark_table(path: str | Path) -> Landmarks:
    """Read landmarks from a CSV or TSV file.

    Parameters
    ----------
    path : str or Path
        One row per point; columns of coordinates as above, and optional ones: ``label`` (or ``name``, ``id``), ``system``
        (LPS or RAS, the same in all rows), ``defined`` (0: placed but never set, left out).

    Raises
    ------
    LandmarkFileError
        No or several triples of coordinates, an unknown system, a cell that is not a number; names file and row.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "points.csv"
    >>> _ = file.write_text("label,x_mm,y_mm,z_mm\\nfork,1,2,0.5\\n")
    >>> read_landmark_table(file).points_um.tolist()
    [[1000.0, 2000.0, 500.0]]
    """
    where = Path(path)
    try:
        table = read_table(where)
        columns = {same_name(name): name for name in table.frame.columns}
        names, scale, stated = _triple(where, columns)
        points = np.column_stack([to_numbers(table, columns[name])[0] for name in names])
    except TableError as problem:
        place = f", row {problem.row}" if problem.row else ""
        field = f", field {show_name(problem.field)}" if problem.field else ""
        raise LandmarkFileError(
            f"{show_name(where.name)}{place}{field}: {problem.rule}. Given {problem.value}."
        ) from None
    system = _system(where, table, columns.get("system"), stated)
    label = next((columns[name] for name in ("label", "name", "id") if name in columns), None)
    labels = table.frame[label].tolist() if label else [""] * len(points)
    kept = np.ones(len(points), bool)
    if "defined" in columns:
        kept = (table.frame[columns["defined"]] != "0").to_numpy(dtype=bool)
    _check_filled(where, table, points, kept)
    return Landmarks(
        tuple(text for text, keep in zip(labels, kept, strict=True) if keep),
        points[kept] * scale * SYSTEMS[system],
        int((~kept).sum()),
        system,
    )


def _triple(path: Path, columns: dict[str, str]) -> tuple[tuple[str, str, str], float, str | None]:
    found = [names for names in _COLUMNS if {same_name(name) for name in names} <= set(columns)]
    if len(found) != 1:
        rule = "must have one set of columns x_um, y_um, z_um, or x_mm, y_mm, z_mm, or l, p, s, or r, a, s"
        raise LandmarkFileError(f"{show_name(path.name)}: {rule}. Given {show(', '.join(columns.values()))}.")
    scale, system = _COLUMNS[found[0]]
    x, y, z = (same_name(name) for name in found[0])  # folds the micro sign, as the header's names are
    return (x, y, z), scale, system


def _system(path: Path, table: Table, column: str | None, stated: str | None) -> str:
    if column is None:
        return stated or "LPS"
    given = sorted({text.upper() for text in table.frame[column]})
    if len(given) != 1 or given[0] not in SYSTEMS or stated not in (None, given[0]):
        rule = "field system: must be LPS or RAS, the same in all rows and as the columns say"
        raise LandmarkFileError(f"{show_name(path.name)}, {rule}. Given {show(', '.join(given))}.")
    return given[0]


def _check_filled(path: Path, table: Table, points: NDArray[np.float64], kept: NDArray[np.bool_]) -> None:
    empty = np.flatnonzero(kept & np.isnan(points).any(axis=1))
    if empty.size:
        raise LandmarkFileError(
            f"{show_name(path.name)}, row {table.lines[empty[0]]}: coordinates must be there. Given an empty cell."
        )
