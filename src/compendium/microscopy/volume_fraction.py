"""From a stack of probability maps to a volume fraction per MRI voxel: threshold, groups of slices, pixels per voxel.

Two orders are in print (schroers2026). The published macros threshold first and average the binary slices, which gives
a volume fraction; the text lists grouping as step 1 and registers before it thresholds, which gives 0 or 1 in depth: a
voxel half filled with sure tumour becomes full, one thinly filled becomes empty. Both are here under their names.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between, check_choice

Array = NDArray[np.floating[Any]]
THRESHOLD = 10_000  # of 65535: schroers2026, Methods (content-aware restoration) and macro 2
FULL_SCALE = 65_535
GROUP = 33  # slices of about 3.03 µm in an MRI voxel of 100 µm: macros 1 and 3


def as_stack(stack: ArrayLike, name: str = "stack") -> NDArray[Any]:
    """Array [z, y, x] of numbers with at least one voxel.

    Examples
    --------
    >>> as_stack([[1, 2]])
    Traceback (most recent call last):
        ...
    ValueError: stack must have axes z, y, x. Given shape (1, 2).
    """
    array = np.asarray(stack)
    if array.ndim != 3 or not array.size:
        raise ValueError(f"{name} must have axes z, y, x. Given shape {array.shape}.")
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold numbers. Given {array.dtype}.")
    return array


def binarise_probability(
    stack: ArrayLike, threshold: float = THRESHOLD, full_scale: float = FULL_SCALE
) -> NDArray[np.bool_]:
    """Voxels whose probability reaches the threshold (inclusive).

    Parameters
    ----------
    stack : array-like
        Probabilities times `full_scale`. Values outside [0, full_scale] and missing values are refused: they belong to
        another scale, where the threshold means something else.
    threshold, full_scale : float
        10000 of 65535 is a probability of 0.153; a map stored from 0 to 1 needs ``full_scale=1``.

    Examples
    --------
    >>> binarise_probability([0, 9999, 10000, 65535])
    array([False, False,  True,  True])
    >>> binarise_probability([0.1, 0.2], threshold=0.153, full_scale=1)
    array([False,  True])
    """
    array = np.asarray(stack)
    check_between(threshold, 0, full_scale, "threshold", open_ends=True)
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (low >= 0 and high <= full_scale):
        raise ValueError(f"Probabilities must lie in [0, {full_scale:g}]. Given {low:g} to {high:g}.")
    if array.dtype.kind == "f" and 0 < high <= 1 < threshold:
        raise ValueError(
            f"Probabilities from 0 to 1 need full_scale=1. Given {high:g} at most, threshold {threshold:g}."
        )
    return array >= threshold


def pad_slices(stack: ArrayLike, size: int = GROUP) -> NDArray[Any]:
    """Append ``size − n mod size`` empty slices, as macro 1 does.

    When n is already a multiple, a whole empty group is added: the macro's rule, kept on purpose.

    Examples
    --------
    >>> [len(pad_slices(np.ones((n, 1, 1)))) for n in (32, 33, 34)]
    [33, 66, 66]
    """
    array = as_stack(stack)
    _check_size(size)
    return np.pad(array, ((0, size - len(array) % size), (0, 0), (0, 0)))


def group_bounds(n: int, size: int = GROUP, last: str = "macro") -> list[tuple[int, int]]:
    """First and last-plus-one slice of every group.

    Parameters
    ----------
    n : int
        Slices.
    size : int
        Slices per group.
    last : {"macro", "drop", "short"}
        "macro": round(n/size) groups, at least one, halves rounded up; the last takes all slices that remain, so for
        33 it holds 17 to 49 and its voxels another depth than the others. "drop": whole groups only.
        "short": a group of the remainder.

    Examples
    --------
    >>> group_bounds(82), group_bounds(83)
    ([(0, 33), (33, 82)], [(0, 33), (33, 66), (66, 83)])
    >>> group_bounds(83, last="drop")
    [(0, 33), (33, 66)]
    """
    _check_size(size)
    check_choice(last, ("macro", "drop", "short"), "last")
    if n < 1 or (last == "drop" and n < size):
        raise ValueError(f"At least {size if last == 'drop' else 1} slices are needed. Given {n}.")
    groups = {"macro": max((2 * n + size) // (2 * size), 1), "drop": n // size, "short": -(-n // size)}[last]
    ends = [size * (i + 1) for i in range(groups)]
    if last != "drop":
        ends[-1] = n
    return [(size * i, end) for i, end in enumerate(ends)]


def group_slices(stack: ArrayLike, size: int = GROUP, last: str = "macro") -> Array:
    """Mean over groups of slices, shape (groups, y, x); see `group_bounds`.

    Examples
    --------
    >>> group_slices(np.arange(66.0).reshape(66, 1, 1)).ravel()
    array([16., 49.])
    """
    array = as_stack(stack)
    means = [array[a:b].mean(axis=0, dtype=np.float64) for a, b in group_bounds(len(array), size, last)]
    return np.stack(means)


def volume_fraction(
    stack: ArrayLike,
    *,
    order: str = "macro",
    threshold: float = THRESHOLD,
    full_scale: float = FULL_SCALE,
    size: int = GROUP,
    last: str = "macro",
) -> Array:
    """Volume fraction per group of slices, in [0, 1], shape (groups, y, x).

    Parameters
    ----------
    stack : array-like, shape (z, y, x)
        Probability maps, see `binarise_probability`.
    order : {"macro", "text"}
        "macro": threshold, then mean of the binary slices. "text": mean of the probabilities, then threshold.

    Examples
    --------
    >>> half = np.r_[np.full(17, 65535), np.zeros(16)].reshape(33, 1, 1)
    >>> thin = np.r_[np.full(4, 65535), np.zeros(29)].reshape(33, 1, 1)
    >>> for stack in (half, thin):
    ...     print([round(float(volume_fraction(stack, order=o).item()), 3) for o in ("macro", "text")])
    [0.515, 1.0]
    [0.121, 0.0]
    """
    check_choice(order, ("macro", "text"), "order")
    array = as_stack(stack)
    if order == "macro":
        return group_slices(binarise_probability(array, threshold, full_scale), size, last)
    binarise_probability(array, threshold, full_scale)  # checks the scale
    return (group_slices(array, size, last) >= threshold).astype(float)


def fraction_per_voxel(fraction: ArrayLike, pixels: tuple[int, int], *, method: str = "mean") -> Array:
    """Bring a fraction from microscopy pixels to MRI voxels in the plane.

    Parameters
    ----------
    fraction : array-like, shape (z, y, x)
    pixels : (int, int)
        Pixels of a voxel along y and x. Rows and columns that do not fill a voxel are left out.
    method : {"mean", "bilinear"}
        "mean" is the fraction of the voxel. "bilinear" samples at the centre of the voxel between the four nearest
        pixels, which is what scaling down by bilinear interpolation does without averaging first: it sees 4 of some
        7000 pixels, and the fraction becomes almost binary again.

    Examples
    --------
    >>> pixels = np.kron(np.eye(2), np.ones((4, 4)))[None]
    >>> pixels[0, 0, 3] = 0
    >>> fraction_per_voxel(pixels, (4, 4))[0]
    array([[0.9375, 0.    ],
           [0.    , 1.    ]])
    """
    check_choice(method, ("mean", "bilinear"), "method")
    array = as_stack(fraction, "fraction").astype(float)
    rows, columns = (array.shape[1] // pixels[0], array.shape[2] // pixels[1]) if min(pixels) >= 1 else (0, 0)
    if min(rows, columns) < 1:
        rule = "A voxel must have 1 to all pixels of the slice along y and x."
        raise ValueError(f"{rule} Given {pixels} of {array.shape[1:]}.")
    cut = array[:, : rows * pixels[0], : columns * pixels[1]]
    blocks = cut.reshape(len(cut), rows, pixels[0], columns, pixels[1])
    if method == "mean":
        return blocks.mean(axis=(2, 4))
    y, x = ([(p - 1) // 2, p // 2] for p in pixels)
    return blocks[:, :, y][:, :, :, :, x].mean(axis=(2, 4))


def _check_size(size: int) -> None:
    if size < 1 or size != int(size):
        raise ValueError(f"size must be a whole number of slices, 1 or more. Given {size}.")
