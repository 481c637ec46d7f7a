"""Pairs of an image and a mask of the same animal, as a folder of NIfTI files: what a model is trained on.

Either every image `CASE.nii.gz` has its mask beside it as `CASE_mask.nii.gz`, and the animal is what stands before the
first underscore of CASE; or a table `pairs.csv` with the columns animal, image and mask names the files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.nifti import check_same_space, inspect_image, read_slab
from compendium.io.table_text import TableError
from compendium.io.tables import read_table

TABLE = "pairs.csv"
LEAST_SIDE = 16
_SUFFIX = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Pair:
    """An image and its mask.

    Attributes
    ----------
    case, animal : str
    image, mask : Path
    shape : tuple of int
        x, y, z.
    spacing_um : tuple of float
        Voxel along x, y, z.
    affine : ndarray, shape (4, 4), mm
    """

    case: str
    animal: str
    image: Path
    mask: Path
    shape: tuple[int, ...]
    spacing_um: tuple[float, float, float]
    affine: NDArray[np.float64]


def read_pairs(folder: str | Path) -> tuple[Pair, ...]:
    """Find the pairs of a folder and check their headers, sorted by case.

    Raises
    ------
    TableError
        No pair, an image without a mask, files outside the folder, unlike grids, fewer than two animals, slices of less
        than 16 pixels a side: one line with file, rule and value.
    """
    where = Path(folder)
    if not where.is_dir():
        raise TableError(where, "must be a folder of images and masks", "no folder of that name")
    named = _by_table(where) if (where / TABLE).is_file() else _by_name(where)
    pairs = tuple(_check_pair(*row) for row in sorted(named, key=lambda row: row[0]))
    animals = sorted({p.animal for p in pairs})
    if len(animals) < 2:
        rule = "must hold at least two animals (the part of a name before its first underscore, or pairs.csv)"
        raise TableError(where, rule, f"{len(pairs)} pairs of {', '.join(map(show, animals)) or 'none'}")
    return pairs


def load_pair(pair: Pair) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Image and mask as arrays [z, y, x].

    Raises
    ------
    TableError
        Values of a mask other than 0 and 1, or of an image that are not finite.
    """
    image, mask = (read_slab(p, 0, pair.shape[2]).T for p in (pair.image, pair.mask))
    odd = mask[(mask != 0) & (mask != 1)]
    if odd.size:
        raise TableError(pair.mask, "must hold 0 and 1 only", f"{odd.flat[0]:g}")
    if not np.isfinite(image).all():
        raise TableError(
            pair.image,
            "must hold finite numbers",
            f"{int((~np.isfinite(image)).sum())} voxels that are not",
        )
    return np.ascontiguousarray(image), np.ascontiguousarray(mask.astype(bool))


def inspect_pairs(folder: Path) -> tuple[str, ...]:
    """Look at a folder of pairs, values included, and say how it was read."""
    pairs = read_pairs(folder)
    vessel = sum(int(load_pair(pair)[1].sum()) for pair in pairs)
    if not vessel:
        raise TableError(folder, "must hold at least one voxel of a vessel in its masks", "none")
    animals = len({p.animal for p in pairs})
    source = "by pairs.csv" if (Path(folder) / TABLE).is_file() else "by file names"
    return (f"{len(pairs)} pairs of {animals} animals, {source}.",)


def _by_name(folder: Path) -> list[tuple[str, str, Path, Path]]:
    files = {_SUFFIX.sub("", p.name): p for p in sorted(folder.iterdir()) if _SUFFIX.search(p.name)}
    masks = {name.removesuffix("_mask"): p for name, p in files.items() if name.endswith("_mask")}
    images = {name: p for name, p in files.items() if not name.endswith("_mask")}
    alone = sorted(set(images) ^ set(masks))
    if alone or not images:
        rule = "must hold CASE.nii.gz and CASE_mask.nii.gz for every case, or name them in pairs.csv"
        raise TableError(folder, rule, f"{show(alone[0])} alone" if alone else "no image")
    return [(case, case.split("_")[0], images[case], masks[case]) for case in images]


def _by_table(folder: Path) -> list[tuple[str, str, Path, Path]]:
    table = read_table(folder / TABLE)
    columns = {str(c).strip().lower(): c for c in table.frame.columns}
    missing = [c for c in ("animal", "image", "mask") if c not in columns]
    if missing:
        raise TableError(table.path, f"the column {missing[0]} must be there", ", ".join(map(show, columns)))
    out = []
    for line, row in zip(table.lines, table.frame.to_dict("records"), strict=True):
        cells = {c: str(row[columns[c]] or "").strip() for c in ("animal", "image", "mask")}
        for column, value in cells.items():
            inside = column == "animal" or (value == Path(value).name and not value.startswith("."))
            if not value or not inside:
                rule = "must be filled" if not value else "must be a file's name in this folder"
                raise TableError(table.path, rule, show(value), row=int(line), field=column)
        out.append(
            (
                _SUFFIX.sub("", cells["image"]),
                cells["animal"],
                folder / cells["image"],
                folder / cells["mask"],
            )
        )
    cases = [row[0] for row in out]
    twice = sorted({c for c in cases if cases.count(c) > 1})
    if twice:
        raise TableError(table.path, "an image must stand in one row", show(twice[0]), field="image")
    return out


def _check_pair(case: str, animal: str, image: Path, mask: Path) -> Pair:
    head, other = inspect_image(image, 3), inspect_image(mask, 3)
    check_same_space(head, other)
    if min(head.shape[:2]) < LEAST_SIDE:
        raise TableError(
            image, f"must have slices of at least {LEAST_SIDE} pixels a side", f"shape {head.shape}"
        )
    sizes: Any = 1000 * np.linalg.norm(head.affine[:3, :3], axis=0)
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        raise TableError(image, "must state voxel sizes above zero", f"{sizes.round(3).tolist()} µm")
    spacing = (float(sizes[0]), float(sizes[1]), float(sizes[2]))
    return Pair(case, animal, image, mask, head.shape, spacing, head.affine)


def animals_of(pairs: Sequence[Pair]) -> list[str]:
    """Animal of every pair, in order."""
    return [p.animal for p in pairs]
