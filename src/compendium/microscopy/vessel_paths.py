"""Single vessels in an image plane: their middle lines, and what a mask shows of each: how much of it, and how wide.

Points are (y, x) in µm from the outer corner of the first pixel. Both questions are asked in the same way of every mask,
so that a thresholded image, a prediction and the microscopy can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from compendium.base.validation import check_between
from compendium.microscopy.diameters import as_mask, check_spacing

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class VesselPath:
    """The middle of a vessel.

    Attributes
    ----------
    points_um : ndarray, shape (n, 2)
        y, x.
    directions : ndarray, shape (n, 2)
        Unit vectors along the vessel.
    diameter_um : float
        By the microscope.
    """

    points_um: Array
    directions: Array
    diameter_um: float


def widths_across(
    mask: ArrayLike, path: VesselPath, spacing_um: ArrayLike, *, reach_um: float | None = None,
    step_um: float | None = None, search_um: float | None = None,
) -> Array:  # fmt: skip
    """Width of a mask across a vessel, at every point of its middle line.

    Parameters
    ----------
    mask : array-like of 0/1, shape (y, x)
    path : VesselPath
    spacing_um : array-like
        Pixel along x, y.
    reach_um, step_um : float, optional
        Half the length of the line across (150 µm, or six pixels where they are larger), and its sampling (2.5 µm, or a
        tenth of a pixel).
    search_um : float, optional
        How far beside the middle line the mask may lie and still count as this vessel (50 µm, or two pixels).

    Returns
    -------
    ndarray, shape (n,)
        µm; NaN where the mask shows nothing within `search_um`. Outside the image there is no mask.

    Examples
    --------
    >>> mask = np.zeros((40, 40), bool)
    >>> mask[:, 18:22] = True
    >>> path = VesselPath(np.array([[500.0, 500.0]]), np.array([[1.0, 0.0]]), 100.0)
    >>> widths_across(mask, path, (25, 25))
    array([100.])
    """
    pixel = float(np.max(check_spacing(spacing_um, 2)))
    reach = max(150.0, 6 * pixel) if reach_um is None else reach_um
    step = max(2.5, pixel / 10) if step_um is None else step_um
    search = max(50.0, 2 * pixel) if search_um is None else search_um
    inside, runs = _across(mask, path, spacing_um, max(reach, search), step)
    middle = inside.shape[1] // 2
    near = round(search / step)
    out = np.full(len(inside), np.nan)
    for i, line in enumerate(inside):
        hits = np.flatnonzero(line[middle - near : middle + near + 1]) + middle - near
        if hits.size:
            nearest = hits[np.argmin(np.abs(hits - middle))]
            out[i] = step * float((runs[i] == runs[i, nearest]).sum())
    return out


def shown_share(
    mask: ArrayLike, path: VesselPath, spacing_um: ArrayLike, *, search_um: float | None = None
) -> float:
    """Share of a vessel's length at which a mask shows something within `search_um` across it (see `widths_across`).

    Examples
    --------
    >>> mask = np.zeros((4, 40), bool)
    >>> mask[2, :20] = True
    >>> points = np.column_stack([np.full(40, 62.5), 25 * np.arange(40) + 12.5])
    >>> path = VesselPath(points, np.tile([0.0, 1.0], (40, 1)), 25.0)
    >>> shown_share(mask, path, (25, 25))
    0.5
    """
    return float(np.mean(np.isfinite(widths_across(mask, path, spacing_um, search_um=search_um))))


def measure_paths(
    paths: Sequence[VesselPath], masks: Mapping[str, ArrayLike], spacing_um: ArrayLike
) -> pd.DataFrame:
    """What several masks of one slice show of its vessels.

    Returns
    -------
    DataFrame
        A row per vessel: truth (its diameter by the microscope), and for every mask its name (share of the length that it
        shows) and width_<name> (median width across, NaN where it shows nothing).

    Examples
    --------
    >>> mask = np.zeros((40, 40), bool)
    >>> mask[:, 18:22] = True
    >>> path = VesselPath(np.array([[500.0, 500.0]]), np.array([[1.0, 0.0]]), 90.0)
    >>> measure_paths([path], {"mri": mask}, (25, 25)).to_dict("records")
    [{'truth': 90.0, 'mri': 1.0, 'width_mri': 100.0}]
    """
    rows = []
    for path in paths:
        row = {"truth": path.diameter_um}
        for name, mask in masks.items():
            widths = widths_across(mask, path, spacing_um)
            row[name] = float(np.isfinite(widths).mean())
            row[f"width_{name}"] = float(np.nanmedian(widths)) if row[name] > 0 else float("nan")
        rows.append(row)
    return pd.DataFrame(rows, columns=["truth", *(c for name in masks for c in (name, f"width_{name}"))])


def _across(
    mask: ArrayLike, path: VesselPath, spacing_um: ArrayLike, reach_um: float, step_um: float
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Samples of the mask on lines across the vessel, and the number of the run each sample is in."""
    vessel = as_mask(mask)
    spacing = np.asarray(check_spacing(spacing_um, 2))
    check_between(step_um, 1e-3, reach_um, "step_um")
    count = round(reach_um / step_um)
    offsets = step_um * (np.arange(2 * count) - count + 0.5)
    normal = np.column_stack([-path.directions[:, 1], path.directions[:, 0]])
    where = path.points_um[:, None, :] + offsets[None, :, None] * normal[:, None, :]
    index = np.floor(where / spacing).astype(int)
    valid = ((index >= 0) & (index < vessel.shape)).all(axis=2)
    clipped = np.clip(index, 0, np.array(vessel.shape) - 1)
    inside = vessel[clipped[..., 0], clipped[..., 1]] & valid
    changes = np.diff(inside, axis=1, prepend=False) != 0
    return inside, np.where(inside, np.cumsum(changes, axis=1), -1)


def trace_paths(
    mask: ArrayLike, spacing_um: ArrayLike, *, least_um: float | None = None, window_um: float | None = None
) -> list[VesselPath]:
    """Vessels of a mask: pieces of its skeleton between branchings, with their width in the mask as diameter.

    Parameters
    ----------
    mask : array-like of 0/1, shape (y, x)
    spacing_um : array-like
        Pixel along x, y.
    least_um : float, optional
        Shorter pieces are left out (200 µm, or eight pixels where they are larger).
    window_um : float, optional
        Distance over which the direction of a piece is fitted (100 µm, or four pixels).

    Examples
    --------
    >>> mask = np.zeros((60, 60), bool)
    >>> mask[28:32] = True
    >>> found = trace_paths(mask, (25, 25))
    >>> len(found), found[0].diameter_um
    (1, 100.0)
    """
    from skimage.morphology import skeletonize

    vessel = as_mask(mask)
    spacing = np.asarray(check_spacing(spacing_um, 2))
    pixel = float(spacing.max())
    least = max(200.0, 8 * pixel) if least_um is None else least_um
    window = max(100.0, 4 * pixel) if window_um is None else window_um
    line = skeletonize(vessel)
    neighbours = ndimage.convolve(line.astype(np.int16), np.ones((3, 3), np.int16), mode="constant") - 1
    pieces, count = ndimage.label(line & (neighbours <= 2), structure=np.ones((3, 3)))
    found = []
    for piece in range(1, count + 1):
        points = (np.argwhere(pieces == piece) + 0.5) * spacing
        if len(points) < 3 or np.ptp(points, axis=0).max() < least:
            continue
        path = VesselPath(points, _directions(points, window), float("nan"))
        width = widths_across(vessel, path, spacing_um, reach_um=16 * pixel + 400.0)
        found.append(VesselPath(points, path.directions, float(np.nanmedian(width))))
    return found


def _directions(points: Array, window_um: float) -> Array:
    """Direction of the longest spread of the points around each point."""
    out = np.empty_like(points)
    for i, point in enumerate(points):
        near = points[np.linalg.norm(points - point, axis=1) <= window_um]
        out[i] = np.linalg.svd(near - near.mean(axis=0), full_matrices=False)[2][0]
    return out
