"""From a vessel mask to single vessels: pieces of the centreline between branching points, with diameter and contrast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

from compendium.base.validation import check_minimum
from compendium.microscopy.diameters import as_mask, check_spacing, distance_to
from compendium.microscopy.visibility import vessel_contrast

Array = NDArray[np.floating[Any]]


def split_vessels(
    mask: ArrayLike, spacing_um: ArrayLike, *, least_length_um: float = 50.0
) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Split a mask into vessels: its skeleton is cut where more than two branches meet.

    Parameters
    ----------
    mask : array-like of 0/1, shape (z, y, x) or (y, x)
    spacing_um : array-like
        Voxel along x, y(, z). The skeleton is thinned voxel by voxel: on strongly anisotropic voxels it wanders.
    least_length_um : float
        Shorter pieces are left out, and those shorter than they are wide: spurs of the skeleton, short bridges.

    Returns
    -------
    labels : ndarray of int, shape of the mask
        0, or the number of the vessel whose centreline is nearest among voxels of the mask.
    vessels : DataFrame
        vessel, diameter_um (twice the median distance of its centreline to the wall), length_um (diagonal of the box
        around its centreline), voxels.

    Examples
    --------
    >>> mask = np.zeros((20, 60), bool)
    >>> mask[6:14] = True
    >>> split_vessels(mask, (5, 5))[1][["vessel", "diameter_um"]].values.tolist()
    [[1.0, 40.0]]
    """
    inside = as_mask(mask)
    spacing = check_spacing(spacing_um, inside.ndim)
    empty = pd.DataFrame(columns=["vessel", "diameter_um", "length_um", "voxels"], dtype=float)
    if not inside.any():
        return np.zeros(inside.shape, np.intp), empty
    line = skeletonize(inside) > 0
    whole = np.ones((3,) * inside.ndim)
    neighbours = ndimage.convolve(line.astype(np.int16), whole.astype(np.int16), mode="constant") - 1
    pieces, _ = ndimage.label(line & (neighbours <= 2), whole)
    wall = np.full(inside.shape, np.inf) if inside.all() else distance_to(~inside, spacing)
    kept = [
        i
        for i, where in enumerate(ndimage.find_objects(pieces), start=1)
        if _is_long(pieces[where] == i, wall[where], spacing, least_length_um)
    ]
    while True:  # until no piece is left that runs along the side of a vessel twice as wide
        if not kept:
            return np.zeros(inside.shape, np.intp), empty
        labels, table = _assign(inside, pieces, kept, wall, spacing)
        beside = table["diameter_um"] < table.pop("widest_um") / 2
        kept = [i for i, out in zip(kept, beside, strict=True) if not out]
        if not beside.any():
            return labels, table


def _is_long(own: NDArray[np.bool_], wall: Array, spacing: tuple[float, ...], least_um: float) -> bool:
    points = np.argwhere(own)
    box = (points.max(axis=0) - points.min(axis=0) + 1) * np.array(spacing)
    radii = wall[own]
    return float(np.linalg.norm(box)) >= max(least_um, 2 * float(radii[np.isfinite(radii)].max(initial=0)))


def _assign(
    inside: NDArray[np.bool_], pieces: NDArray[Any], kept: list[int], wall: Array, spacing: tuple[float, ...]
) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Give every voxel to the nearest kept piece of the centreline."""
    number = np.zeros(int(pieces.max()) + 1, np.intp)
    number[kept] = np.arange(1, len(kept) + 1)
    seeds = number[pieces]
    nearest = ndimage.distance_transform_edt(
        seeds == 0, sampling=spacing, return_distances=False, return_indices=True
    )
    labels = np.where(inside, seeds[tuple(nearest)], 0)
    names = np.arange(1, len(kept) + 1)
    length = [
        float(np.linalg.norm([(s.stop - s.start) * size for s, size in zip(box, spacing, strict=True)]))
        for box in ndimage.find_objects(seeds)
    ]
    return labels, pd.DataFrame({
        "vessel": names, "diameter_um": 2 * ndimage.median(wall, seeds, names), "length_um": length,
        "voxels": np.bincount(labels.ravel(), minlength=len(kept) + 1)[1:],
        "widest_um": 2 * ndimage.maximum(wall, labels, names),
    })  # fmt: skip


def contrast_by_vessel(
    image: ArrayLike,
    labels: ArrayLike,
    spacing_um: ArrayLike,
    *,
    gap_um: float = 100.0,
    width_um: float = 200.0,
) -> pd.DataFrame:
    """Contrast of every labelled vessel against the ring around it, other vessels left out.

    Parameters
    ----------
    image : array-like, shape (z, y, x) or (y, x)
        MRI on the grid of the labels.
    labels : array-like of int, same shape
    spacing_um, gap_um, width_um
        As in `vessel_contrast`.

    Returns
    -------
    DataFrame
        vessel, contrast_to_noise; NaN where too little background is left.

    Examples
    --------
    >>> image = np.random.default_rng(1).normal(100, 5, (60, 60))
    >>> labels = np.zeros((60, 60), int)
    >>> labels[:, 30] = 1
    >>> image[labels == 1] -= 50
    >>> contrast_by_vessel(image, labels, (50, 50))["contrast_to_noise"].round(-1).tolist()
    [-10.0]
    """
    values, owner = np.asarray(image, dtype=float), np.asarray(labels)
    if values.shape != owner.shape:
        raise ValueError(
            f"image and labels must have the same shape. Given {values.shape} and {owner.shape}."
        )
    check_minimum(int(owner.max(initial=0)), 1, "vessels")
    spacing = check_spacing(spacing_um, owner.ndim)
    reach = [int(np.ceil((gap_um + width_um) / s)) + 1 for s in spacing]
    rows = []
    for number, box in enumerate(ndimage.find_objects(owner), start=1):
        if box is None:
            continue
        part = tuple(slice(max(s.start - r, 0), s.stop + r) for s, r in zip(box, reach, strict=True))
        own = owner[part] == number
        try:
            found = vessel_contrast(
                values[part],
                own,
                spacing_um,
                others=(owner[part] > 0) & ~own,
                gap_um=gap_um,
                width_um=width_um,
            ).contrast_to_noise
        except ValueError:
            found = float("nan")
        rows.append((number, found))
    return pd.DataFrame(rows, columns=["vessel", "contrast_to_noise"])
