"""Agreement of two masks: Dice, dilated Dice in two readings, distances in two readings.

Names say what is computed, since one name stands for two things in the literature. All sizes in µm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from compendium.base.validation import check_choice
from compendium.microscopy.diameters import as_mask, check_spacing

Mask = NDArray[np.bool_]
Array = NDArray[np.floating[Any]]


def dice(first: ArrayLike, second: ArrayLike) -> float:
    """Dice coefficient, 2|A∩B|/(|A|+|B|); NaN when both masks are empty.

    Examples
    --------
    >>> dice([1, 1, 0, 0], [0, 1, 1, 0]), dice([0, 0], [0, 0])
    (0.5, nan)
    """
    a, b = _pair(first, second)
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else float("nan")


def dilate(mask: ArrayLike, spacing_um: ArrayLike, radius_um: float) -> Mask:
    """Voxels whose centre is within `radius_um` of a voxel centre of the mask (Euclidean).

    SimpleITK's ball of the same radius is larger: it is not the set of distances ≤ r.

    Examples
    --------
    >>> dilate([[0, 0, 1, 0, 0]], (25, 25), 25).astype(int)
    array([[0, 1, 1, 1, 0]])
    """
    a = as_mask(mask)
    spacing = check_spacing(spacing_um, a.ndim)
    if not 0 <= radius_um < np.inf:
        raise ValueError(f"radius_um must not be negative. Given {radius_um}.")
    if not a.any():
        return a.copy()
    near: Mask = ndimage.distance_transform_edt(~a, sampling=spacing) <= radius_um + 1e-9
    return near


def dilated_dice(
    first: ArrayLike, second: ArrayLike, spacing_um: ArrayLike, radius_um: float, *, reading: str
) -> float:
    """Dice coefficient that forgives a shift of `radius_um`; NaN when both masks are empty.

    Parameters
    ----------
    first, second : array-like of 0/1, same shape
    spacing_um : array-like
    radius_um : float
        Dilation on each side (schroers2026: 50).
    reading : {"one-sided", "both-dilated"}
        "one-sided": (|D(A)∩B| + |A∩D(B)|)/(|A|+|B|), every voxel counts as found when the other mask is near.
        "both-dilated": 2|D(A)∩D(B)|/(|D(A)|+|D(B)|), the Dice coefficient of the dilated masks. Both fit the symbols
        that the paper explains; they differ by 0.1 and more.

    Examples
    --------
    >>> a, b = np.zeros((2, 1, 16), bool)
    >>> a[0, 3:7], b[0, 5:9] = True, True
    >>> [round(dilated_dice(a, b, (25, 25), 25, reading=r), 3) for r in ("one-sided", "both-dilated")]
    [0.75, 0.667]
    """
    check_choice(reading, ("one-sided", "both-dilated"), "reading")
    a, b = _pair(first, second)
    wide_a, wide_b = dilate(a, spacing_um, radius_um), dilate(b, spacing_um, radius_um)
    if reading == "both-dilated":
        return dice(wide_a, wide_b)
    total = int(a.sum()) + int(b.sum())
    return (int((wide_a & b).sum()) + int((a & wide_b).sum())) / total if total else float("nan")


def masd_mask_voxels(
    first: ArrayLike, second: ArrayLike, spacing_um: ArrayLike, *, pooling: str = "voxels"
) -> float:
    """Mean distance of *all mask voxels* to the nearest voxel of the other mask, µm.

    This is what the symbols of schroers2026 describe under the name "mean absolute surface distance": voxels of the
    overlap count as 0, so that it is about half of a surface distance and falls with the width of the vessels.

    Parameters
    ----------
    pooling : {"voxels", "means"}
        (Σd(a,B) + Σd(b,A))/(|A|+|B|), or half the sum of the two means.

    Returns
    -------
    float
        0 when both masks are empty is not an answer: NaN then; infinity when only one is empty.

    Examples
    --------
    >>> a = np.zeros((16, 16, 16), bool)
    >>> b = a.copy()
    >>> a[3:13, 3:13, 0:10], b[3:13, 3:13, 3:13] = True, True
    >>> masd_mask_voxels(a, b, (1, 1, 1))
    0.6
    """
    check_choice(pooling, ("voxels", "means"), "pooling")
    a, b = _pair(first, second)
    ends = _empty_answer(a, b)
    if ends is not None:
        return ends
    there, back = _distances(a, b, spacing_um)
    return _pool(there[a], back[b], pooling)


def assd_surface(
    first: ArrayLike, second: ArrayLike, spacing_um: ArrayLike, *, pooling: str = "voxels"
) -> float:
    """Average symmetric *surface* distance, µm: boundary voxels only.

    A boundary voxel has a face neighbour outside the mask, or lies at the edge of the array.

    Parameters
    ----------
    pooling : {"voxels", "means"}
        As in `masd_mask_voxels`.

    Examples
    --------
    >>> a, b = np.zeros((2, 1, 12), bool)
    >>> a[0, 2:6], b[0, 5:9] = True, True
    >>> assd_surface(a, b, (10, 10)) > masd_mask_voxels(a, b, (10, 10)) - 1e-9
    True
    """
    check_choice(pooling, ("voxels", "means"), "pooling")
    a, b = _pair(first, second)
    ends = _empty_answer(a, b)
    if ends is not None:
        return ends
    edge_a, edge_b = _boundary(a), _boundary(b)
    there, back = _distances(edge_a, edge_b, spacing_um)
    return _pool(there[edge_a], back[edge_b], pooling)


def hausdorff_surface(
    first: ArrayLike, second: ArrayLike, spacing_um: ArrayLike, *, quantile: float = 1.0
) -> float:
    """Largest (or a quantile) of the surface distances both ways, µm; NaN and infinity as in `masd_mask_voxels`.

    Examples
    --------
    >>> hausdorff_surface([[1, 0, 0, 0]], [[1, 0, 0, 1]], (10, 10))
    30.0
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile must lie in (0, 1]. Given {quantile}.")
    a, b = _pair(first, second)
    ends = _empty_answer(a, b)
    if ends is not None:
        return ends
    edge_a, edge_b = _boundary(a), _boundary(b)
    there, back = _distances(edge_a, edge_b, spacing_um)
    return float(max(np.quantile(there[edge_a], quantile), np.quantile(back[edge_b], quantile)))


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[Mask, Mask]:
    a, b = as_mask(first, "first"), as_mask(second, "second")
    if a.shape != b.shape:
        raise ValueError(f"Masks must have the same shape. Given {a.shape} and {b.shape}.")
    return a, b


def _empty_answer(a: Mask, b: Mask) -> float | None:
    if a.any() and b.any():
        return None
    return float("inf") if a.any() or b.any() else float("nan")


def _distances(a: Mask, b: Mask, spacing_um: ArrayLike) -> tuple[Array, Array]:
    """Distance of every voxel to B, and to A."""
    spacing = check_spacing(spacing_um, a.ndim)
    to_b, to_a = (ndimage.distance_transform_edt(~m, sampling=spacing) for m in (b, a))
    return to_b, to_a


def _pool(there: Array, back: Array, pooling: str) -> float:
    if pooling == "means":
        return float((there.mean() + back.mean()) / 2)
    return float((there.sum() + back.sum()) / (there.size + back.size))


def _boundary(mask: Mask) -> Mask:
    inside: Mask = ndimage.binary_erosion(mask)
    return mask & ~inside
