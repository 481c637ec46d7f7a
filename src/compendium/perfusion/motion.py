"""Did the head move during a series? A check by a linearised rigid shift of every volume, not a correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Motion:
    """Shift of every volume against the mean of the baseline.

    Attributes
    ----------
    shift_mm : (t, 3) array; positive along the array axes.
    displacement_mm : (t,) array; its length.
    suspicious : tuple of int; volumes displaced by more than `limit_mm`.
    limit_mm : float
    """

    shift_mm: NDArray[np.float64]
    displacement_mm: NDArray[np.float64]
    suspicious: tuple[int, ...]
    limit_mm: float


def check_motion(
    series: ArrayLike,
    voxel_mm: tuple[float, float, float],
    baseline: tuple[int, int],
    mask: ArrayLike | None = None,
    limit_mm: float | None = None,
) -> Motion:
    """Estimate the shift of every volume by one Gauss–Newton step on its intensities.

    Each volume is written as a·reference + b·bolus + Σ shift_k ∂reference/∂x_k over the mask, least squares, where "bolus"
    is the mean of the three darkest volumes: without it, tissue that darkens unevenly would read as a shift. Good to a
    tenth of a voxel for shifts below about a voxel; larger ones are underestimated, and found. A movement that lasts for
    those three volumes alone is missed.

    Parameters
    ----------
    series : (x, y, z, t)
    voxel_mm : voxel size, mm.
    baseline : first and one past the last volume of the reference.
    mask : (x, y, z), optional; where the series has signal.
    limit_mm : displacement that is suspicious; by default half of the smallest voxel edge.

    Raises
    ------
    ValueError : the series is not four-dimensional.
    """
    values = np.asarray(series, dtype=np.float32)
    if values.ndim != 4:
        raise ValueError(f"A series must be x × y × z × volumes. Given shape {values.shape}.")
    reference = values[..., baseline[0] : baseline[1]].mean(axis=3)
    inside = reference > 0.1 * reference.max() if mask is None else np.asarray(mask, dtype=bool)
    limit = min(voxel_mm) / 2 if limit_mm is None else limit_mm
    dark = np.argsort(values[inside].mean(axis=0, dtype=np.float64))[:3]
    columns, axes = [reference[inside]], []
    for axis in range(3):
        if values.shape[axis] > 1:
            columns.append(-np.gradient(reference, axis=axis)[inside])
            axes.append(axis)
    uneven = _uneven(reference[inside], values[inside][:, dark].mean(axis=1))
    columns += [] if uneven is None else [uneven]
    shift = np.zeros((values.shape[3], 3))
    solved = _shifts(np.stack(columns, axis=1).astype(np.float64), values[inside].astype(np.float64))
    for k, axis in enumerate(axes):
        shift[:, axis] = solved[k] * voxel_mm[axis]
    length = np.sqrt((shift**2).sum(axis=1))
    return Motion(shift, length, tuple(int(i) for i in np.flatnonzero(length > limit)), limit)


def _uneven(reference: NDArray[np.float32], bolus: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Part of the bolus image that is no scaled reference; None where that is next to nothing."""
    rest = bolus - reference * (float(reference @ bolus) / float(reference @ reference))
    return rest if np.linalg.norm(rest) > 1e-3 * np.linalg.norm(reference) else None


def _shifts(design: NDArray[np.float64], volumes: NDArray[np.float64]) -> NDArray[Any]:
    """Shift in voxels: coefficient of each derivative over that of the reference."""
    coefficients = np.linalg.lstsq(design, volumes, rcond=None)[0]
    scale = np.where(np.abs(coefficients[0]) > 0.05, coefficients[0], np.nan)
    return np.nan_to_num(coefficients[1:] / scale)
