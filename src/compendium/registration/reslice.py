"""Reslicing parallel to a plane, such as the glass of a cranial window.

Both modalities see the window: points on it define a plane in each volume, and a grid whose slices are parallel to that
plane brings both to one orientation with one interpolation and physical angles. (Drawing two lines on stacks whose
voxels count as cubes, as in the published macros, gives angles in pixels: 10° in a 1.2 × 1.2 × 100 µm stack are not 10°.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_minimum
from compendium.registration.affine import LinearTransform
from compendium.registration.grid import Grid, as_points
from compendium.registration.guards import UnusableLandmarksError
from compendium.registration.resample import Resampled, resample_volume

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class WindowPlane:
    """A plane through points.

    Attributes
    ----------
    centre_um : ndarray, shape (3,)
    normal : ndarray, shape (3,)
        Unit vector on the side of positive z.
    rms_um : float
        Distance of the points from the plane.
    n : int
    """

    centre_um: Array
    normal: Array
    rms_um: float
    n: int

    @property
    def tilt_deg(self) -> float:
        """Angle between the normal and z."""
        return float(np.degrees(np.arccos(np.clip(self.normal[2], -1, 1))))


def fit_window_plane(points: ArrayLike, *, min_straightness: float = 0.05) -> WindowPlane:
    """Plane with the smallest sum of squared distances to the points.

    Parameters
    ----------
    points : array-like, shape (n ≥ 3, 3), µm
        Clicked on the window, well apart.
    min_straightness : float
        Second over first singular value: points nearly on a line define no plane.

    Examples
    --------
    >>> plane = fit_window_plane([[0, 0, 0], [100, 0, 0], [0, 100, 100], [100, 100, 100]])
    >>> round(plane.tilt_deg, 6), round(plane.rms_um, 6)
    (45.0, 0.0)
    """
    x = as_points(points)
    check_minimum(len(x), 3, "points on the window")
    centre = x.mean(axis=0)
    _, values, axes = np.linalg.svd(x - centre, full_matrices=False)
    if not values[0] > 0 or values[1] / values[0] < min_straightness:
        ratio = values[1] / values[0] if values[0] > 0 else 0.0
        rule = (
            f"Points on the window must not lie on a line (ratio of spreads at least {min_straightness:g})."
        )
        raise UnusableLandmarksError(f"{rule} Given {ratio:.2g}.")
    normal = axes[2] * (1.0 if axes[2][2] >= 0 else -1.0)
    return WindowPlane(centre, normal, float(np.sqrt(np.mean(((x - centre) @ normal) ** 2))), len(x))


def window_grid(plane: WindowPlane, grid: Grid, spacing_um: ArrayLike | None = None) -> Grid:
    """Grid with slices parallel to the plane that holds the whole volume.

    Its x axis is the old x axis turned as little as possible; the plane's centre lies in the centre of a slice.

    Parameters
    ----------
    spacing_um : array-like, shape (3,), optional
        Voxels of the new grid; those of `grid` by default.

    Examples
    --------
    >>> flat = fit_window_plane([[0, 0, 100], [300, 0, 100], [0, 300, 100]])
    >>> window_grid(flat, Grid((4, 4, 4), (100, 100, 100))).shape
    (4, 4, 4)
    """
    spacing = np.asarray(grid.spacing_um if spacing_um is None else spacing_um, dtype=float)
    old_x = np.array(grid.direction).reshape(3, 3)[:, 0]
    x_axis = old_x - plane.normal * (old_x @ plane.normal)
    length = np.linalg.norm(x_axis)
    if length < 1e-3:
        raise UnusableLandmarksError(
            f"The window must not be perpendicular to the x axis. Given a tilt of {plane.tilt_deg:.1f}°."
        )
    x_axis /= length
    axes = np.column_stack([x_axis, np.cross(plane.normal, x_axis), plane.normal])
    n = np.array(grid.shape[::-1])
    corners = np.array([[i, j, k] for i in (0, n[0] - 1) for j in (0, n[1] - 1) for k in (0, n[2] - 1)])
    inside = (grid.to_points(corners) - plane.centre_um) @ axes
    low, high = inside.min(axis=0), inside.max(axis=0)
    low[2] = np.floor(low[2] / spacing[2] + 1e-9) * spacing[2]
    counts = np.ceil((high - low) / spacing - 1e-9).astype(int) + 1
    return Grid.of(counts[::-1], spacing, plane.centre_um + axes @ low, axes)


def reslice_to_window(
    volume: ArrayLike, grid: Grid, plane: WindowPlane, *, spacing_um: ArrayLike | None = None,
    interpolation: str = "linear",
) -> Resampled:  # fmt: skip
    """Resample a volume onto slices parallel to the window, see `window_grid`.

    Examples
    --------
    >>> grid = Grid((3, 3, 3), (10, 10, 10))
    >>> flat = fit_window_plane([[0, 0, 0], [20, 0, 0], [0, 20, 0]])
    >>> volume = np.arange(27.0).reshape(3, 3, 3)
    >>> bool((reslice_to_window(volume, grid, flat).volume == volume).all())
    True
    """
    stay = LinearTransform(np.eye(3), np.zeros(3), f"reslicing by {plane.tilt_deg:.2f}°")
    return resample_volume(
        volume, grid, stay, window_grid(plane, grid, spacing_um), interpolation=interpolation
    )
