"""A spherical region of interest on a grid of voxels: by shares of voxels, or by voxel centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice

RULES = ("partial", "centre")
SUBDIVISIONS = 8
"""Lines per voxel and axis; the volume of a sphere of 5 mm is then right to 0.1 % (grid of 1 mm) and 0.5 % (2 mm)."""


@dataclass(frozen=True)
class Sphere:
    """Voxels of a sphere.

    Attributes
    ----------
    index : array (n, 3)
        Voxels, as array indices.
    weight : array (n,)
        Share of each voxel that lies inside: (0, 1] with rule "partial", 1 with rule "centre".
    volume_mm3 : float
        Sum of weights times the volume of a voxel.
    coverage : float
        Share of the sphere's volume that lies in the image and, if one was given, in the mask.
    """

    index: NDArray[np.intp]
    weight: NDArray[np.float64]
    volume_mm3: float
    coverage: float


def rasterise_sphere(
    shape: tuple[int, int, int],
    spacing_mm: ArrayLike,
    centre_mm: ArrayLike,
    diameter_mm: float,
    rule: str = "partial",
    mask: NDArray[np.bool_] | None = None,
    subdivisions: int = SUBDIVISIONS,
) -> Sphere:
    """Put a sphere onto a grid.

    Parameters
    ----------
    shape : three counts of voxels.
    spacing_mm : three distances between voxel centres, mm.
    centre_mm : centre of the sphere along the axes of the grid, mm from the *centre* of voxel (0, 0, 0).
    diameter_mm : > 0.
    rule : {"partial", "centre"}
        Each voxel counts with the share of it that lies inside, or wholly when its centre does. A small sphere
        changes its size with its position under the second rule.
    mask : array of shape `shape`, optional
        Voxels outside are left out.
    subdivisions : lines per voxel and axis by which shares are measured.

    Raises
    ------
    ValueError
        Diameter or spacing not positive, unknown rule, or no voxel left.

    Examples
    --------
    >>> sphere = rasterise_sphere((11, 11, 11), (1, 1, 1), (5, 5, 5), 5)
    >>> round(sphere.volume_mm3), round(np.pi / 6 * 5**3)
    (65, 65)
    >>> [rasterise_sphere((9, 9, 9), (2, 2, 2), c, 5, "centre").volume_mm3 for c in [(8, 8, 8), (9, 9, 9)]]
    [56.0, 64.0]
    """
    spacing, centre = np.asarray(spacing_mm, dtype=float), np.asarray(centre_mm, dtype=float)
    check_choice(rule, RULES, "rule")
    if spacing.shape != (3,) or centre.shape != (3,) or not (spacing > 0).all() or not diameter_mm > 0:
        given = f"{spacing.tolist()}, {centre.tolist()}, {diameter_mm:g}"
        raise ValueError(f"A sphere needs three spacings > 0, a centre and a diameter > 0. Given {given}.")
    radius = diameter_mm / 2
    low = np.maximum(np.floor((centre - radius) / spacing - 0.5).astype(int), 0)
    high = np.minimum(np.ceil((centre + radius) / spacing + 0.5).astype(int), np.array(shape) - 1)
    if (high < low).any():
        raise ValueError(f"A sphere must lie in the image. Given its centre at {centre.tolist()} mm.")
    axes = [(low[i], high[i], spacing[i], centre[i]) for i in range(3)]
    share = _inside_by_centre(axes, radius) if rule == "centre" else _shares(axes, radius, subdivisions)
    index = np.argwhere(share > 0)
    weight = share[tuple(index.T)]
    index = index + low
    if mask is not None:
        kept = mask[tuple(index.T)].astype(bool)
        index, weight = index[kept], weight[kept]
    if not len(index):
        raise ValueError(
            f"A sphere must hold a voxel of the image and mask. Given its centre at {centre.tolist()} mm."
        )
    volume = float(weight.sum() * spacing.prod())
    return Sphere(index, weight, volume, min(1.0, volume / (np.pi / 6 * diameter_mm**3)))


def _points(low: int, high: int, spacing: float, centre: float, points: int) -> NDArray[np.float64]:
    """Distance from the centre of the points of voxels low … high along one axis, mm; (voxels, points)."""
    offset = (np.arange(points) + 0.5) / points - 0.5
    return (np.arange(low, high + 1)[:, None] + offset) * spacing - centre


def _inside_by_centre(axes: list[tuple[int, int, float, float]], radius: float) -> NDArray[np.float64]:
    x, y, z = (_points(*axis, 1)[:, 0] ** 2 for axis in axes)
    return (x[:, None, None] + y[None, :, None] + z <= radius**2).astype(float)


def _shares(axes: list[tuple[int, int, float, float]], radius: float, points: int) -> NDArray[np.float64]:
    """Share of each voxel inside: lines along the third axis, cut exactly, over points of the other two."""
    x, y = _points(*axes[0], points) ** 2, _points(*axes[1], points) ** 2
    half = np.sqrt(np.maximum(radius**2 - x[:, :, None, None] - y, 0))[..., None]
    middle, spacing = _points(*axes[2], 1)[:, 0], axes[2][2]
    overlap = np.minimum(half, middle + spacing / 2) - np.maximum(-half, middle - spacing / 2)
    return np.maximum(overlap, 0).mean(axis=(1, 3)) / spacing


def sphere_mean(volume: NDArray[np.floating], sphere: Sphere) -> float:
    """Weighted mean of a volume in a sphere; voxels that are not finite are left out.

    Examples
    --------
    >>> ramp = np.broadcast_to(np.arange(11.0)[:, None, None], (11, 11, 11))
    >>> round(sphere_mean(ramp, rasterise_sphere(ramp.shape, (1, 1, 1), (4.3, 5, 5), 5)), 2)
    4.3
    """
    values = np.asarray(volume[tuple(sphere.index.T)], dtype=float)
    good = np.isfinite(values)
    if not good.any():
        raise ValueError(f"A region must hold a finite value. Given {len(values)} voxels without any.")
    return float(np.average(values[good], weights=sphere.weight[good]))
