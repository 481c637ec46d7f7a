"""Vessel diameters in a mask, and the filter that keeps vessels of at least some diameter.

Both rest on one operation: opening by a ball, computed exactly in µm from two Euclidean distance transforms, so that
anisotropic voxels are right. The distance from a centre inside to the nearest centre outside is taken as the distance to
the wall: on cylinders of any direction that is right to −0.1 voxel on average, while slabs along the voxels read up to
one voxel too wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its users call it so
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Array = NDArray[np.floating[Any]]
_ROUNDING = 1e-5  # distances are 32-bit


def check_spacing(spacing_um: ArrayLike, dimensions: int = 3) -> tuple[float, ...]:
    """Voxel size in array order (z, y, x from x, y, z), checked.

    Examples
    --------
    >>> check_spacing((1.2, 1.2, 100))
    (100.0, 1.2, 1.2)
    """
    spacing = np.asarray(spacing_um, dtype=float)
    if spacing.shape != (dimensions,) or not ((spacing > 0) & np.isfinite(spacing)).all():
        names = "x, y, z"[: 3 * dimensions - 2]
        raise ValueError(f"spacing_um must be {dimensions} positive numbers ({names}). Given {spacing_um!r}.")
    return tuple(float(s) for s in spacing[::-1])


def as_mask(mask: ArrayLike, name: str = "mask") -> NDArray[np.bool_]:
    """Boolean array from False/True or 0/1.

    Examples
    --------
    >>> as_mask([0, 2])
    Traceback (most recent call last):
        ...
    ValueError: mask must hold 0 and 1 only. Given 2.
    """
    array = np.asarray(mask)
    if array.dtype == bool:
        return array
    bad = (array != 0) & (array != 1)
    if bad.any():
        raise ValueError(f"{name} must hold 0 and 1 only. Given {array[bad][0]}.")
    return array.astype(bool)


def keep_wide_vessels(mask: ArrayLike, spacing_um: ArrayLike, diameter_um: float) -> NDArray[np.bool_]:
    """Parts of a mask that a ball of the given diameter fits into (morphological opening).

    Parameters
    ----------
    mask : array-like of 0/1, shape (z, y, x) or (y, x)
    spacing_um : array-like
        Voxel along x, y(, z).
    diameter_um : float

    Notes
    -----
    A vessel that leaves the field of view counts as going on outside it.

    Examples
    --------
    >>> mask = np.zeros((9, 40), bool)
    >>> mask[1:8, :20], mask[4, 20:] = True, True
    >>> keep_wide_vessels(mask, (5, 5), 30)[4, ::8]
    array([ True,  True,  True, False, False])
    """
    vessel = as_mask(mask)
    spacing = check_spacing(spacing_um, vessel.ndim)
    if not 0 < diameter_um < np.inf:
        raise ValueError(f"diameter_um must be positive. Given {diameter_um}.")
    return _open(vessel, _inner_distance(vessel, spacing), spacing, diameter_um / 2)


def local_diameters(mask: ArrayLike, spacing_um: ArrayLike, diameters_um: Sequence[float]) -> Array:
    """Largest of the given diameters whose ball fits and covers the voxel; 0 outside and where none fits.

    The steps are the resolution of the answer; a continuous local thickness costs a hundred times as much.

    Parameters
    ----------
    mask : array-like of 0/1, shape (z, y, x) or (y, x)
    spacing_um : array-like
    diameters_um : sequence of float
        Rising, such as 10, 15, 20, ….

    Examples
    --------
    >>> mask = np.zeros((20, 40), bool)
    >>> mask[6:14] = True
    >>> float(local_diameters(mask, (5, 5), (10, 20, 30, 40, 50)).max())
    40.0
    """
    vessel = as_mask(mask)
    spacing = check_spacing(spacing_um, vessel.ndim)
    steps = np.asarray(diameters_um, dtype=float)
    if steps.ndim != 1 or not steps.size or (np.diff(steps) <= 0).any() or steps[0] <= 0:
        raise ValueError(f"diameters_um must be positive and rise. Given {list(diameters_um)}.")
    inner = _inner_distance(vessel, spacing)
    out = np.zeros(vessel.shape)
    for step in steps:
        wide = _open(vessel, inner, spacing, step / 2)
        if not wide.any():
            break
        out[wide] = step
    return out


def centre_diameters(mask: ArrayLike, spacing_um: ArrayLike) -> tuple[NDArray[np.intp], Array]:
    """Diameters along the middle of the vessels: twice the distance to the wall where it is largest around.

    Returns
    -------
    indices : ndarray of int, shape (n, dimensions)
        Voxels whose distance is not exceeded by any neighbour.
    diameters_um : ndarray, shape (n,)
        Good to about a voxel.

    Examples
    --------
    >>> mask = np.zeros((21, 40), bool)
    >>> mask[6:14] = True
    >>> float(np.median(centre_diameters(mask, (5, 5))[1]))
    40.0
    """
    vessel = as_mask(mask)
    spacing = check_spacing(spacing_um, vessel.ndim)
    inner = _inner_distance(vessel, spacing)
    if not vessel.any():
        return np.empty((0, vessel.ndim), np.intp), np.empty(0)
    ridge = vessel & (inner >= ndimage.maximum_filter(inner, size=3, mode="nearest") - 1e-9)
    where = np.argwhere(ridge)
    return where, 2 * inner[ridge]


def distance_to(mask: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """Distance of every voxel to the nearest voxel of the mask, 0 inside; exact (Maurer et al. 2003), threaded.

    Parameters
    ----------
    mask : ndarray of bool, any true
    spacing : tuple of float
        In array order, as `check_spacing` returns it.
    """
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing[::-1])
    signed = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    return np.maximum(sitk.GetArrayFromImage(signed), np.float32(0))


def _inner_distance(vessel: NDArray[np.bool_], spacing: tuple[float, ...]) -> Array:
    """Distance to the wall; infinite without background."""
    if vessel.all():
        return np.full(vessel.shape, np.inf)
    return distance_to(~vessel, spacing)


def _open(
    vessel: NDArray[np.bool_], inner: Array, spacing: tuple[float, ...], radius: float
) -> NDArray[np.bool_]:
    core = vessel & (inner >= radius * (1 - _ROUNDING))
    if not core.any() or core.all():
        return core
    return vessel & (distance_to(core, spacing) <= radius * (1 + _ROUNDING))
