"""What landmark pairs must be before a transform is estimated from them.

Solvers answer any input: coplanar pairs, a point clicked twice or mirrored axes give numbers without a warning, and
some of them are off by millimetres. So the pairs are refused first, with the pairs named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist, squareform

from compendium.base.validation import check_choice
from compendium.registration.grid import as_points

Array = NDArray[np.floating[Any]]

KINDS = ("rigid", "similarity", "affine", "thin-plate")
LEAST = {
    "rigid": 3,
    "similarity": 3,
    "affine": 4,
    "thin-plate": 5,
}  # a fifth pair makes a thin plate differ from affine


class UnusableLandmarksError(ValueError):
    """Landmark pairs from which the wanted transform cannot be estimated."""


@dataclass(frozen=True)
class LandmarkCheck:
    """What was looked at.

    Attributes
    ----------
    n : int
    nearest_um : float
        Smallest distance between two fixed landmarks.
    flatness : float
        Third over first singular value of the centred fixed landmarks: 0 in a plane. Errors across the plane grow
        with its inverse.
    straightness : float
        Second over first singular value: 0 on a line.
    greatest_stretch : float
        Largest ratio of two landmarks' distances in the two images, either way.
    """

    n: int
    nearest_um: float
    flatness: float
    straightness: float
    greatest_stretch: float


def check_landmarks(
    fixed: ArrayLike,
    moving: ArrayLike,
    kind: str = "thin-plate",
    *,
    min_distance_um: float = 1.0,
    min_flatness: float = 0.01,
    max_stretch: float = 20.0,
    allow_reflection: bool = False,
) -> LandmarkCheck:
    """Refuse landmark pairs that do not determine the transform.

    Parameters
    ----------
    fixed, moving : array-like, shape (n, 3), µm
        Row i of both is the same structure.
    kind : {"rigid", "similarity", "affine", "thin-plate"}
    min_distance_um : float
        Two landmarks nearer than this are one: *duplicate* when their partners are as near, *conflicting* otherwise.
    min_flatness : float
        Smallest third/first singular value for affine and thin plate; second/first for rigid and similarity.
    max_stretch : float
        Two pairs whose distance differs by more than this factor conflict.
    allow_reflection : bool
        Accept pairs that fit a mirrored image better.

    Raises
    ------
    UnusableLandmarksError
        Too few, duplicate, conflicting, coplanar (collinear) or mirrored pairs; the message names them from 1.
    ValueError
        Wrong shapes or values.

    Examples
    --------
    >>> square = [[0, 0, 0], [100, 0, 0], [0, 100, 0], [100, 100, 0], [50, 50, 0]]
    >>> check_landmarks(square, square, "rigid").flatness
    0.0
    >>> check_landmarks(square, square, "affine")
    Traceback (most recent call last):
        ...
    compendium.registration.guards.UnusableLandmarksError: Landmarks for affine must not lie in a plane (flatness at least
    0.01). Given flatness 0.
    """
    check_choice(kind, KINDS, "kind")
    x, y = as_pairs(fixed, moving)
    if len(x) < LEAST[kind]:
        raise UnusableLandmarksError(
            f"At least {LEAST[kind]} landmark pairs are needed for {kind}. Given {len(x)}."
        )
    nearest, stretch = _check_distances(x, y, min_distance_um, max_stretch)
    flatness, straightness = _check_spread(x, kind, min_flatness, "fixed")
    _check_spread(y, kind, min_flatness, "moving")
    if not allow_reflection and flatness >= min_flatness:
        _check_handedness(x, y)
    return LandmarkCheck(len(x), nearest, flatness, straightness, stretch)


def as_pairs(fixed: ArrayLike, moving: ArrayLike) -> tuple[Array, Array]:
    """Both sets of points, of one shape.

    Examples
    --------
    >>> as_pairs([[0, 0, 0]], [[0, 0, 0], [1, 1, 1]])
    Traceback (most recent call last):
        ...
    ValueError: Landmarks come in pairs: fixed and moving must have the same length. Given 1 and 2.
    """
    x, y = as_points(fixed, "fixed"), as_points(moving, "moving")
    if len(x) != len(y):
        rule = "Landmarks come in pairs: fixed and moving must have the same length."
        raise ValueError(f"{rule} Given {len(x)} and {len(y)}.")
    return x, y


def _check_distances(x: Array, y: Array, least: float, most: float) -> tuple[float, float]:
    here, there = pdist(x), pdist(y)
    for name, one, other in (("fixed", here, there), ("moving", there, here)):
        close = one < least
        if close.any():
            worst = int(np.argmax(np.where(close, other, -1)))
            first, second = _pair(len(x), worst)
            what = "conflicting" if other[worst] >= least else "duplicate"
            raise UnusableLandmarksError(
                f"Landmarks {first} and {second} are {what}: {one[worst]:.3g} µm apart in the {name} image, "
                f"{other[worst]:.3g} µm in the other. Two landmarks must be at least {least:g} µm apart."
            )
    ratio = np.maximum(here / there, there / here)
    worst = int(ratio.argmax())
    if ratio[worst] > most:
        first, second = _pair(len(x), worst)
        raise UnusableLandmarksError(
            f"Landmarks {first} and {second} are conflicting: {here[worst]:.3g} and {there[worst]:.3g} µm apart in the "
            f"two images. The ratio must not exceed {most:g}. Given {ratio[worst]:.3g}."
        )
    return float(here.min()), float(ratio[worst])


def _pair(n: int, index: int) -> tuple[int, int]:
    square = squareform(np.arange(n * (n - 1) // 2) + 1)
    first, second = np.argwhere(np.triu(square) == index + 1)[0]
    return int(first) + 1, int(second) + 1


def _check_spread(points: Array, kind: str, least: float, name: str) -> tuple[float, float]:
    values = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    values = np.r_[values, np.zeros(3)][:3]
    straightness, flatness = float(values[1] / values[0]), float(values[2] / values[0])
    if straightness < least:
        rule = f"Landmarks for {kind} must not lie on a line (second over first singular value at least {least:g})."
        raise UnusableLandmarksError(f"{rule} Given {straightness:.2g} in the {name} image.")
    if kind in ("affine", "thin-plate") and flatness < least:
        rule = f"Landmarks for {kind} must not lie in a plane (flatness at least {least:g})."
        raise UnusableLandmarksError(f"{rule} Given flatness {flatness:.2g}.")
    return flatness, straightness


def _check_handedness(x: Array, y: Array) -> None:
    """Mirrored when the best rotation leaves more than twice the residual that a mirrored one would.

    The sign of the determinant alone would also refuse thin slabs whose depth is mostly noise.
    """
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    values = np.linalg.svd(a.T @ b, compute_uv=False)
    sign = np.sign(np.linalg.det(a.T @ b))
    if sign >= 0:
        return
    size_a, size_b = np.sum(a * a), np.sum(b * b)
    scale = np.sqrt(size_b / size_a)
    left = [size_b + scale**2 * size_a - 2 * scale * (values[0] + values[1] + s * values[2]) for s in (-1, 1)]
    turned, mirrored = np.sqrt(np.maximum(left, 0) / len(x))
    if turned > 2 * mirrored:
        raise UnusableLandmarksError(
            "The moving landmarks are mirrored: one axis runs the other way, or left and right (RAS, LPS) are swapped. "
            f"A mirrored rotation leaves {mirrored:.3g} µm where a rotation leaves {turned:.3g} µm."
        )
