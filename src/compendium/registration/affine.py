"""Rigid, similarity and affine transforms by least squares of landmark pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice
from compendium.registration.grid import as_points
from compendium.registration.guards import UnusableLandmarksError, check_landmarks

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class LinearTransform:
    """``y = matrix @ x + offset``.

    Attributes
    ----------
    matrix : ndarray, shape (3, 3)
    offset_um : ndarray, shape (3,)
    method : str
        Kind and convention, in words.
    """

    matrix: Array
    offset_um: Array
    method: str

    def apply(self, points: ArrayLike) -> Array:
        """Mapped points, shape (n, 3), µm."""
        return as_points(points) @ self.matrix.T + self.offset_um

    def jacobian(self, points: ArrayLike) -> Array:
        """Derivative at the points, shape (n, 3, 3)."""
        return np.broadcast_to(self.matrix, (len(as_points(points)), 3, 3))

    def inverse(self) -> LinearTransform:
        """Return the exact inverse."""
        back = np.linalg.inv(self.matrix)
        return LinearTransform(back, -back @ self.offset_um, f"inverse of {self.method}")

    @property
    def scale(self) -> float:
        """Cube root of the volume change."""
        return float(np.cbrt(np.linalg.det(self.matrix)))

    @property
    def angle_deg(self) -> float:
        """Angle of the rotation part (polar decomposition)."""
        u, _, vt = np.linalg.svd(self.matrix)
        return float(np.degrees(np.arccos(np.clip((np.trace(u @ vt) - 1) / 2, -1, 1))))


def estimate_rigid(fixed: ArrayLike, moving: ArrayLike, *, allow_reflection: bool = False) -> LinearTransform:
    """Rotation and translation with the smallest sum of squared distances (Kabsch 1976; Horn 1987).

    The result is a rotation even for mirrored landmarks, which are refused unless `allow_reflection`.

    Parameters
    ----------
    fixed, moving : array-like, shape (n ≥ 3, 3), µm

    Raises
    ------
    UnusableLandmarksError
        See `compendium.registration.guards.check_landmarks`.

    Examples
    --------
    >>> fixed = np.array([[0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100.0]])
    >>> turn = estimate_rigid(fixed, fixed[:, [1, 2, 0]] + 5)
    >>> turn.offset_um.round(6), round(turn.angle_deg, 6)
    (array([5., 5., 5.]), 120.0)
    """
    check_landmarks(fixed, moving, "rigid", allow_reflection=allow_reflection)
    return _rotate_and_scale(as_points(fixed), as_points(moving), "rigid")


def estimate_similarity(
    fixed: ArrayLike, moving: ArrayLike, *, scale: str = "least-squares", allow_reflection: bool = False
) -> LinearTransform:
    """Rotation, translation and one scale.

    Parameters
    ----------
    fixed, moving : array-like, shape (n ≥ 3, 3), µm
    scale : {"least-squares", "horn"}
        Umeyama's (1991) scale minimises the distances in the moving image and shrinks towards 0 with noise; Horn's
        (1987) is the ratio of the two spreads, the same both ways: ITK and 3D Slicer use it.

    Examples
    --------
    >>> fixed = np.array([[0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100.0]])
    >>> round(estimate_similarity(fixed, 2 * fixed, scale="horn").scale, 9)
    2.0
    """
    check_choice(scale, ("least-squares", "horn"), "scale")
    check_landmarks(fixed, moving, "similarity", allow_reflection=allow_reflection)
    return _rotate_and_scale(as_points(fixed), as_points(moving), scale)


def estimate_affine(
    fixed: ArrayLike, moving: ArrayLike, *, allow_reflection: bool = False
) -> LinearTransform:
    """Affine transform with the smallest sum of squared distances in the moving image.

    Parameters
    ----------
    fixed, moving : array-like, shape (n ≥ 4, 3), µm

    Raises
    ------
    UnusableLandmarksError
        See `check_landmarks`; also when the fitted transform turns the space inside out (negative determinant).

    Examples
    --------
    >>> fixed = np.array([[0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100.0], [50, 60, 70]])
    >>> shear = np.array([[1, 0.1, 0], [0, 1.2, 0], [0, 0, 0.9]])
    >>> bool(np.allclose(estimate_affine(fixed, fixed @ shear.T).matrix, shear))
    True
    """
    check_landmarks(fixed, moving, "affine", allow_reflection=allow_reflection)
    x, y = as_points(fixed), as_points(moving)
    centre, target = x.mean(axis=0), y.mean(axis=0)
    matrix = np.linalg.lstsq(x - centre, y - target, rcond=None)[0].T
    determinant = float(np.linalg.det(matrix))
    if determinant <= 0 and not allow_reflection:
        raise UnusableLandmarksError(
            f"The affine transform of the landmarks must not mirror the space. Given determinant {determinant:.3g}."
        )
    return LinearTransform(matrix, target - matrix @ centre, "affine, least squares")


def _rotate_and_scale(x: Array, y: Array, scale: str) -> LinearTransform:
    centre, target = x.mean(axis=0), y.mean(axis=0)
    a, b = x - centre, y - target
    u, values, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * signs) @ vt
    factor = {
        "rigid": 1.0,
        "least-squares": float((values * signs).sum() / np.sum(a * a)),
        "horn": float(np.sqrt(np.sum(b * b) / np.sum(a * a))),
    }[scale]
    matrix = factor * rotation
    method = "rigid, least squares" if scale == "rigid" else f"similarity, {scale} scale"
    return LinearTransform(matrix, target - matrix @ centre, method)
