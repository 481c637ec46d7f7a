"""Alignment of time points of one animal: in whole voxels, as in the published macros, or below a voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_minimum
from compendium.registration.affine import LinearTransform, estimate_rigid
from compendium.registration.grid import Grid, as_points
from compendium.registration.guards import as_pairs

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Alignment:
    """A time point brought to the first one.

    Attributes
    ----------
    transform : LinearTransform
        First → later time point.
    shift_um : ndarray, shape (3,)
        Mean landmark shift, fixed − moving, after rotation.
    left_um : ndarray, shape (3,)
        Part of that shift which whole voxels cannot express; 0 below a voxel.
    rmse_um : float
        At the landmarks, which made the alignment.
    """

    transform: LinearTransform
    shift_um: Array
    left_um: Array
    rmse_um: float


def align_integer(fixed: ArrayLike, moving: ArrayLike, grid: Grid, *, angle_deg: float = 0.0) -> Alignment:
    """In-plane rotation about the centre of the volume, then the mean landmark shift rounded to whole voxels.

    Without rotation no voxel is interpolated. Halves are rounded up, as ImageJ does.

    Parameters
    ----------
    fixed, moving : array-like, shape (n ≥ 1, 3), µm
        The same structures at the first and at the later time point.
    grid : Grid
        Of both volumes.
    angle_deg : float
        Rotation of the later image against the first, see `angle_between_lines`.

    Examples
    --------
    >>> grid = Grid((7, 30, 30), (100, 100, 100))
    >>> made = align_integer([[500, 500, 300]], [[360, 500, 300]], grid)
    >>> made.shift_um, made.left_um
    (array([140.,   0.,   0.]), array([40.,  0.,  0.]))
    """
    x, y = as_pairs(fixed, moving)
    check_minimum(len(x), 1, "landmark pairs")
    centre = grid.to_points([(np.array(grid.shape[::-1]) - 1) / 2])[0]
    axes = np.array(grid.direction).reshape(3, 3)
    turn = axes @ _about_z(angle_deg) @ axes.T
    turned = (y - centre) @ turn + centre  # landmarks in the image that has been rotated back
    shift = (x - turned).mean(axis=0)
    voxels = np.floor(axes.T @ shift / np.array(grid.spacing_um) + 0.5)
    whole = axes @ (voxels * np.array(grid.spacing_um))
    method = f"rotation by {angle_deg:g}°, whole voxels ({', '.join(f'{int(v)}' for v in voxels)})"
    transform = LinearTransform(turn, centre - turn @ (centre + whole), method)
    return Alignment(transform, shift, shift - whole, _rmse(transform, x, y))


def align_subvoxel(fixed: ArrayLike, moving: ArrayLike, *, rotate: bool = True) -> Alignment:
    """Rigid alignment by least squares, or the mean shift alone, without rounding.

    Examples
    --------
    >>> made = align_subvoxel([[500, 500, 300]], [[360, 500, 300]], rotate=False)
    >>> made.transform.offset_um + 0.0, made.rmse_um
    (array([-140.,    0.,    0.]), 0.0)
    """
    x, y = as_pairs(fixed, moving)
    check_minimum(len(x), 1, "landmark pairs")
    shift = (x - y).mean(axis=0)
    transform = estimate_rigid(x, y) if rotate else LinearTransform(np.eye(3), -shift, "mean shift")
    return Alignment(transform, shift, np.zeros(3), _rmse(transform, x, y))


def angle_between_lines(fixed: ArrayLike, moving: ArrayLike) -> float:
    """In-plane angle from a line in the first image to the same line in the later one, degrees in (−180, 180].

    Parameters
    ----------
    fixed, moving : array-like, shape (2, 3), µm
        Ends of the line, in the same order.

    Examples
    --------
    >>> round(angle_between_lines([[0, 0, 0], [10, 0, 0]], [[0, 0, 0], [10, 10, 0]]), 6)
    45.0
    """
    angles = []
    for name, line in (("fixed", fixed), ("moving", moving)):
        ends = as_points(line, name)
        if len(ends) != 2 or np.allclose(ends[0, :2], ends[1, :2]):
            raise ValueError(f"{name} must be the two different ends of a line. Given {ends.tolist()}.")
        across = ends[1] - ends[0]
        angles.append(np.degrees(np.arctan2(across[1], across[0])))
    return float(180 - (180 - (angles[1] - angles[0])) % 360)


def _about_z(angle_deg: float) -> Array:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) if angle_deg else np.eye(3)


def _rmse(transform: LinearTransform, x: Array, y: Array) -> float:
    return float(np.sqrt(np.mean(np.sum((transform.apply(x) - y) ** 2, axis=1))))
