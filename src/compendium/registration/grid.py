"""Where the voxels of a volume lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def as_points(values: ArrayLike, name: str = "points") -> Array:
    """Finite float array of shape (n, 3).

    Examples
    --------
    >>> as_points([[1, 2]], "fixed")
    Traceback (most recent call last):
        ...
    ValueError: fixed must have shape (n, 3): x, y, z. Given shape (1, 2).
    """
    try:
        points = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold numbers. Given {type(values).__name__}.") from None
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"{name} must have shape (n, 3): x, y, z. Given shape {points.shape}.")
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if bad.size:
        raise ValueError(f"{name} must be finite. Given {points[bad[0]].tolist()} in row {bad[0]}.")
    return points


@dataclass(frozen=True)
class Grid:
    """Geometry of a volume, as ITK defines it.

    Attributes
    ----------
    shape : tuple of int
        Of the array: (z, y, x).
    spacing_um, origin_um : tuple of float
        Along x, y, z. The origin is the *centre* of the first voxel.
    direction : tuple of 9 float
        Rows of the direction matrix; its columns are the unit vectors of the axes x, y, z of the volume.

    Examples
    --------
    >>> grid = Grid((7, 30, 30), (100, 100, 100))
    >>> grid.size_um
    (3000.0, 3000.0, 700.0)
    >>> grid.to_points([[1, 2, 3]])
    array([[100., 200., 300.]])
    """

    shape: tuple[int, int, int]
    spacing_um: tuple[float, float, float]
    origin_um: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = _IDENTITY

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        spacing, origin, direction = (
            tuple(float(v) for v in np.asarray(given, dtype=float).ravel())
            for given in (self.spacing_um, self.origin_um, self.direction)
        )
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"shape must be three counts (z, y, x), 1 or more. Given {self.shape}.")
        if len(spacing) != 3 or not all(0 < s < np.inf for s in spacing):
            raise ValueError(f"spacing_um must be three positive numbers (x, y, z). Given {self.spacing_um}.")
        if len(origin) != 3 or not np.isfinite(origin).all():
            raise ValueError(f"origin_um must be three finite numbers (x, y, z). Given {self.origin_um}.")
        matrix = np.array(direction).reshape(3, 3) if len(direction) == 9 else np.zeros((3, 3))
        if not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-4):
            raise ValueError(f"direction must be orthonormal, 9 numbers. Given {self.direction}.")
        for name, value in (
            ("shape", shape), ("spacing_um", spacing), ("origin_um", origin), ("direction", direction)
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @classmethod
    def of(
        cls, shape: ArrayLike, spacing_um: ArrayLike, origin_um: ArrayLike, direction: ArrayLike = _IDENTITY
    ) -> Grid:
        """Build a grid from arrays; `direction` may be the 3 × 3 matrix."""
        n = [int(v) for v in np.asarray(shape).ravel()]
        step, origin = (
            [float(v) for v in np.asarray(given, dtype=float).ravel()] for given in (spacing_um, origin_um)
        )
        if len(n) != 3 or len(step) != 3 or len(origin) != 3:
            raise ValueError(
                f"shape, spacing_um and origin_um must have three entries. Given {n}, {step} and {origin}."
            )
        axes = tuple(float(v) for v in np.asarray(direction, dtype=float).ravel())
        return cls((n[0], n[1], n[2]), (step[0], step[1], step[2]), (origin[0], origin[1], origin[2]), axes)

    @property
    def size_um(self) -> tuple[float, float, float]:
        """Field of view along x, y, z: voxel edges, not centres."""
        return tuple(n * s for n, s in zip(self.shape[::-1], self.spacing_um, strict=True))  # type: ignore[return-value]

    @property
    def matrix(self) -> Array:
        """From indices (x, y, z) to µm without the origin, shape (3, 3)."""
        return np.array(self.direction).reshape(3, 3) * np.array(self.spacing_um)

    def to_points(self, indices: ArrayLike) -> Array:
        """Points in µm of (fractional) indices (x, y, z), shape (n, 3)."""
        return as_points(indices, "indices") @ self.matrix.T + np.array(self.origin_um)

    def to_indices(self, points: ArrayLike) -> Array:
        """Fractional indices (x, y, z) of points in µm, shape (n, 3)."""
        return (as_points(points) - np.array(self.origin_um)) @ np.linalg.inv(self.matrix).T

    def voxel_centres(self) -> Array:
        """Centres of all voxels in µm, in the order of ``array.ravel()``, shape (z·y·x, 3)."""
        z, y, x = (np.arange(n, dtype=float) for n in self.shape)
        zz, yy, xx = np.meshgrid(z, y, x, indexing="ij")
        return self.to_points(np.column_stack([xx.ravel(), yy.ravel(), zz.ravel()]))

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which points lie inside the voxels of the volume, shape (n,)."""
        index = self.to_indices(points)
        inside: NDArray[np.bool_] = np.all(
            (index >= -0.5) & (index <= np.array(self.shape[::-1]) - 0.5), axis=1
        )
        return inside

    def with_spacing(self, spacing_um: ArrayLike) -> Grid:
        """The same field of view with other voxels; it may end up to one voxel beyond the old edge.

        Examples
        --------
        >>> Grid((7, 30, 30), (100, 100, 100)).with_spacing((50, 50, 100)).origin_um
        (-25.0, -25.0, 0.0)
        """
        new = np.asarray(spacing_um, dtype=float)
        if new.shape != (3,) or not (new > 0).all():
            raise ValueError(f"spacing_um must be three positive numbers (x, y, z). Given {spacing_um!r}.")
        counts = np.maximum(np.ceil(np.array(self.size_um) / new - 1e-9), 1).astype(int)
        shift = np.array(self.direction).reshape(3, 3) @ ((new - np.array(self.spacing_um)) / 2)
        origin = np.array(self.origin_um) + shift
        return Grid.of(counts[::-1], new, origin, self.direction)
