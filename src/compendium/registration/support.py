"""Correlation between two measurements that do not average the same tissue.

Two images of one contrast are compared through means over blocks. Blocks of unlike size, blocks displaced by a
registration error, a thin section in a thick slice, a biopsy somewhere in a tumour: each lowers the correlation by a
factor that follows from the contrast's own smoothness. Contrasts are stationary with autocorrelation exp(−h²/2ℓ²), so
every factor is a product of closed forms along x, y and z.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from compendium.base.validation import check_between

Array = NDArray[np.floating[Any]]


def mean_correlation(
    one_um: ArrayLike,
    other_um: ArrayLike,
    length_um: float,
    *,
    error_um: ArrayLike = 0.0,
    offset_um: ArrayLike = 0.0,
) -> float:
    """Mean autocorrelation between a point of one box and a point of the other.

    This is the covariance of the two box means for a contrast of variance 1; with one box twice and no error, the
    variance of its mean.

    Parameters
    ----------
    one_um, other_um : array-like, shape (3,)
        Edges along x, y, z; 0 for a plane, a line or a point.
    length_um : float
        ℓ, above 0.
    error_um : float or array-like, shape (3,)
        SD of a normal displacement of the other box, along each axis.
    offset_um : float or array-like, shape (3,)
        Between the centres, besides.

    Examples
    --------
    >>> round(mean_correlation([0, 0, 0], [0, 0, 0], 100, offset_um=[100, 0, 0]), 4)  # exp(−1/2)
    0.6065
    """
    a, b = _box(one_um, "one_um"), _box(other_um, "other_um")
    check_between(length_um, 1e-9, 1e9, "length_um")
    error = np.broadcast_to(np.asarray(error_um, dtype=float), 3)
    offset = np.broadcast_to(np.asarray(offset_um, dtype=float), 3)
    if not (np.isfinite(error) & (error >= 0)).all() or not np.isfinite(offset).all():
        raise ValueError(
            f"error_um must be 0 or more, offset_um finite. Given {error_um!r} and {offset_um!r}."
        )
    axes = [
        length_um / np.hypot(length_um, s) * _mean_kernel(p, q, float(np.hypot(length_um, s)), d)
        for p, q, s, d in zip(a, b, error, offset, strict=True)
    ]
    return float(np.prod(axes))


@dataclass(frozen=True)
class SupportLoss:
    """How far two measurements of one contrast can correlate.

    Attributes
    ----------
    attenuation : float
        Factor on the correlation: covariance of the two means over the product of their SDs.
    one_variance, other_variance : float
        Variances of the two means, as shares of the variance of the contrast at a point (of all units).
    method : str
    """

    attenuation: float
    one_variance: float
    other_variance: float
    method: str


def displaced_blocks(
    one_um: ArrayLike,
    other_um: ArrayLike,
    length_um: float,
    *,
    error_um: ArrayLike = 0.0,
    offset_um: ArrayLike = 0.0,
) -> SupportLoss:
    """Loss between the mean of one block and the mean of another that was meant to lie on it.

    Examples
    --------
    >>> same = displaced_blocks([100] * 3, [100] * 3, 200)
    >>> round(same.attenuation, 9)
    1.0
    >>> round(displaced_blocks([100] * 3, [100] * 3, 200, error_um=50).attenuation, 3)
    0.916
    """
    one = mean_correlation(one_um, one_um, length_um)
    other = mean_correlation(other_um, other_um, length_um)
    shared = mean_correlation(one_um, other_um, length_um, error_um=error_um, offset_um=offset_um)
    return SupportLoss(shared / float(np.sqrt(one * other)), one, other, "normal displacement of a block")


def part_of_whole(
    part_um: ArrayLike, whole_um: ArrayLike, length_um: float, *, between: float = 0.0
) -> SupportLoss:
    """Loss between the mean of a whole and that of a part taken anywhere in it, over many wholes.

    Anywhere means that the part's mean is right on average: its covariance with the whole is then the variance of the
    whole, and the factor √(variance of the whole / variance of the part). Parts that stick out of the whole are not
    meant: a part is far smaller than the whole, or fills it along an axis.

    Parameters
    ----------
    part_um, whole_um : array-like, shape (3,)
        Edges; the part's not larger than the whole's.
    length_um : float
        ℓ of the contrast inside a whole.
    between : float
        Share of all variance that lies between wholes (tumours, animals), in [0, 1]: it costs nothing.

    Examples
    --------
    >>> round(part_of_whole([100] * 3, [100] * 3, 50).attenuation, 9)
    1.0
    >>> part_of_whole([0] * 3, [1e6] * 3, 50, between=0.25).attenuation.__round__(3)  # √0.25: only wholes differ
    0.5
    """
    part, whole = _box(part_um, "part_um"), _box(whole_um, "whole_um")
    check_between(between, 0, 1, "between")
    if (part > whole).any():
        raise ValueError(
            f"A part must not be larger than the whole. Given {part.tolist()} and {whole.tolist()}."
        )
    small, large = (between + (1 - between) * mean_correlation(box, box, length_um) for box in (part, whole))
    return SupportLoss(float(np.sqrt(large / small)), small, large, "a part anywhere in a whole")


def smoothness(
    volume: ArrayLike, spacing_um: ArrayLike, *, mask: ArrayLike | None = None
) -> tuple[float, ...]:
    """Correlation length ℓ of a volume along x, y, z, with noise left out.

    From the autocovariances at one and two voxels, C₁/C₂ = exp(3Δ²/2ℓ²): white noise adds to neither. Averaging in the
    voxel is part of ℓ. NaN along axes with fewer than three voxels and where the ratio says nothing (C₂ ≤ 0 or
    C₁ ≤ C₂: finer than the voxels, or a trend over the whole volume).

    Parameters
    ----------
    volume : array-like, shape (z, y, x)
    spacing_um : array-like, shape (3,)
        Along x, y, z.
    mask : array-like of bool, same shape
        Voxels that count; voxels that are not finite never do.

    Examples
    --------
    >>> from scipy.ndimage import gaussian_filter
    >>> rough = np.random.default_rng(1).normal(size=(40, 60, 60))
    >>> smooth = gaussian_filter(rough, 3 / np.sqrt(2), mode="wrap")  # ℓ of 3 voxels
    >>> [round(v, -1) for v in smoothness(smooth / smooth.std() + 0.3 * rough[::-1], (10, 10, 10))]
    [30.0, 30.0, 30.0]
    """
    values = np.asarray(volume, dtype=float)
    step = np.asarray(spacing_um, dtype=float)
    if values.ndim != 3 or step.shape != (3,) or not (step > 0).all():
        raise ValueError(
            f"A volume [z, y, x] and three voxel edges are needed. Given shape {values.shape}, {spacing_um!r}."
        )
    inside = np.isfinite(values)
    if mask is not None:
        given = np.asarray(mask, dtype=bool)
        if given.shape != values.shape:
            raise ValueError(f"mask must have the volume's shape {values.shape}. Given {given.shape}.")
        inside &= given
    if inside.sum() < 10:
        raise ValueError(f"At least 10 voxels must count. Given {int(inside.sum())}.")
    centred = np.where(inside, values - values[inside].mean(), 0.0)
    found = []
    for axis, edge in ((2, step[0]), (1, step[1]), (0, step[2])):
        first, second = (_autocovariance(centred, inside, axis, lag) for lag in (1, 2))
        usable = second > 0 and first > second
        found.append(float(edge * np.sqrt(1.5 / np.log(first / second))) if usable else float("nan"))
    return tuple(found)


def _autocovariance(values: Array, inside: NDArray[np.bool_], axis: int, lag: int) -> float:
    if values.shape[axis] <= lag:
        return float("nan")
    a, b = (np.take(values, range(k, values.shape[axis] - lag + k), axis) for k in (0, lag))
    pairs = np.take(inside, range(values.shape[axis] - lag), axis) & np.take(
        inside, range(lag, values.shape[axis]), axis
    )
    return float((a * b)[pairs].mean()) if pairs.any() else float("nan")


def _box(given: ArrayLike, name: str) -> Array:
    box = np.asarray(given, dtype=float)
    if box.shape != (3,) or not (np.isfinite(box) & (box >= 0)).all():
        raise ValueError(f"{name} must be three edges (x, y, z), 0 or more. Given {given!r}.")
    return box


def _mean_kernel(p: float, q: float, s: float, d: float) -> float:
    """Mean of exp(−(u − v − d)²/2s²) over u in an interval of length p and v in one of length q, same centre."""
    tiny = 1e-3 * s
    p, q = max(p, tiny), max(q, tiny)  # a plane is a thin slab: off by (1e-3)²/12 at most
    ends = np.array([(p + q) / 2 + d, (p + q) / 2 - d, (p - q) / 2 + d, (p - q) / 2 - d])
    signs = np.array([1.0, 1.0, -1.0, -1.0])
    return float(signs @ _second_integral(ends, s) / (p * q))


def _second_integral(u: Array, s: float) -> Array:
    """Twice integrated exp(−u²/2s²), even in u, up to a constant."""
    t = u / (np.sqrt(2) * s)
    return s**2 * (np.sqrt(np.pi) * t * erf(t) + np.exp(-(t**2)))
