"""A seeded vessel tree in a volume, with the true radius of every voxel.

A few arterial and venous roots enter through the surface; each segment wanders, then splits by Murray's law
(r₀³ = r₁³ + r₂³, Murray 1926a) with the branching angles of his cosine rule (Murray 1926b). Nothing is fitted to a
mouse: the phantom serves because every radius in it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compendium.base.compiled import compiled
from compendium.base.validation import check_between, check_minimum

Array = NDArray[np.floating[Any]]
LENGTH_PER_RADIUS = 12.0
STEP_PER_RADIUS = 3.0
WANDER_DEG = 12.0


@dataclass(frozen=True, eq=False)
class VesselTree:
    """Capsules.

    Attributes
    ----------
    starts, ends : ndarray, shape (n, 3), µm
        Axes of the segments, x, y, z.
    radii_um : ndarray, shape (n,)
    branches : ndarray of int, shape (n,)
        Segments of one branch share a number.
    parents : ndarray of int, shape (branches,)
        Branch from which each branch comes; −1 for roots.
    is_vein : ndarray of bool, shape (n,)
    """

    starts: Array
    ends: Array
    radii_um: Array
    branches: NDArray[np.int64]
    parents: NDArray[np.int64]
    is_vein: NDArray[np.bool_]


def grow_vessels(
    seed: int, size_um: tuple[float, float, float], *, arteries: int = 2, veins: int = 3,
    root_radius_um: tuple[float, float] = (18.0, 40.0), least_radius_um: float = 3.0, most_branches: int = 20_000,
) -> VesselTree:  # fmt: skip
    """Grow arterial and venous trees from the surface z = 0 into a box.

    Parameters
    ----------
    seed : int
    size_um : (float, float, float)
        Box along x, y, z. Branches that leave it end.
    arteries, veins : int
        Roots of each.
    root_radius_um : (float, float)
        Uniform; veins 1.3 times wider.
    least_radius_um : float
        Thinner branches do not grow: capillaries are another kind of network.

    Examples
    --------
    >>> tree = grow_vessels(1, (500, 500, 500))
    >>> bool(tree.radii_um.min() >= 3)
    True
    """
    size = np.asarray(size_um, dtype=float)
    if size.shape != (3,) or not (size > 0).all():
        raise ValueError(f"size_um must be three positive numbers (x, y, z). Given {size_um!r}.")
    check_minimum(arteries + veins, 1, "roots")
    check_between(least_radius_um, 0.5, root_radius_um[0], "least_radius_um")
    rng = np.random.default_rng(seed)
    queue = []
    for i in range(arteries + veins):
        vein = i >= arteries
        radius = rng.uniform(*root_radius_um) * (1.3 if vein else 1.0)
        entry = np.r_[rng.uniform(0.1, 0.9, 2) * size[:2], 0.0]
        down = _unit(np.r_[rng.normal(0, 0.3, 2), 1.0])
        queue.append((entry, down, radius, vein, -1))
    rows: list[tuple[Array, Array, float, int, bool]] = []
    parents: list[int] = []
    while queue and len(parents) < most_branches:
        start, direction, radius, vein, parent = queue.pop(0)
        number = len(parents)
        parents.append(parent)
        end, direction = _grow_branch(rng, start, direction, radius, number, vein, size, rows)
        if ((end < 0) | (end > size)).any():
            continue
        for share, angle, turn in _split(rng):
            child = radius * float(np.cbrt(share))
            if child >= least_radius_um:
                queue.append((end, _turned(direction, angle, turn), child, vein, number))
    return VesselTree(
        np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), np.array([r[2] for r in rows]),
        np.array([r[3] for r in rows]), np.array(parents), np.array([r[4] for r in rows]),
    )  # fmt: skip


def _grow_branch(
    rng: np.random.Generator, point: Array, direction: Array, radius: float, number: int, vein: bool, size: Array,
    rows: list[tuple[Array, Array, float, int, bool]],
) -> tuple[Array, Array]:  # fmt: skip
    left = LENGTH_PER_RADIUS * radius * rng.uniform(0.6, 1.4)
    step = STEP_PER_RADIUS * radius
    while left > 0:
        length = min(step, left)
        end = point + length * direction
        rows.append((point, end, radius, number, vein))
        point, left = end, left - length
        if ((point < 0) | (point > size)).any():
            break
        direction = _unit(direction + np.radians(WANDER_DEG) * rng.normal(size=3))
    return point, direction


def _split(rng: np.random.Generator) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Share of r³, branching angle and plane of both daughters; Murray's cosine rule for the angles."""
    share = rng.uniform(0.35, 0.65)
    one, two = np.cbrt(share), np.cbrt(1 - share)  # radii of the daughters, the parent's being 1
    plane = rng.uniform(0, 2 * np.pi)
    first = float(np.arccos(np.clip((1 + one**4 - two**4) / (2 * one**2), -1, 1)))
    second = float(np.arccos(np.clip((1 + two**4 - one**4) / (2 * two**2), -1, 1)))
    return (float(share), first, plane), (float(1 - share), second, plane + np.pi)


def _turned(direction: Array, angle: float, turn: float) -> Array:
    side = _unit(np.cross(direction, np.eye(3)[int(np.argmin(np.abs(direction)))]))
    other = np.cross(direction, side)
    return _unit(np.cos(angle) * direction + np.sin(angle) * (np.cos(turn) * side + np.sin(turn) * other))


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


@dataclass(frozen=True, eq=False)
class VesselVolume:
    """A painted tree.

    Attributes
    ----------
    mask : ndarray of bool, shape (z, y, x)
        Voxel centre inside a vessel.
    radius_um : ndarray of float32
        True radius of the vessel in whose wall distance the voxel lies deepest; 0 outside.
    distance_um : ndarray of float32
        Signed distance to the nearest wall, positive inside; −`margin_um` further out.
    is_vein : ndarray of bool
    voxel_um : float
    """

    mask: NDArray[np.bool_]
    radius_um: NDArray[np.float32]
    distance_um: NDArray[np.float32]
    is_vein: NDArray[np.bool_]
    voxel_um: float

    def fraction(self) -> NDArray[np.float32]:
        """Share of each voxel inside vessels, from the distance to the wall (a flat wall within a voxel)."""
        return np.clip(self.distance_um / self.voxel_um + 0.5, 0, 1).astype(np.float32)


def paint_vessels(tree: VesselTree, shape: tuple[int, int, int], voxel_um: float) -> VesselVolume:
    """Signed distance field of all capsules on a cubic grid whose first voxel's corner is the origin.

    Examples
    --------
    >>> tube = VesselTree(np.array([[-50.0, 50, 50]]), np.array([[150.0, 50, 50]]), np.array([20.0]), np.array([0]),
    ...                   np.array([-1]), np.array([False]))
    >>> painted = paint_vessels(tube, (25, 25, 25), 4.0)
    >>> bool(abs(painted.fraction().mean() - 0.1257) < 0.001), float(painted.radius_um.max())
    (True, 20.0)
    """
    check_between(voxel_um, 1e-3, 1e6, "voxel_um")
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be three counts (z, y, x), 1 or more. Given {shape}.")
    margin = 2 * voxel_um
    distance = np.full(shape, -margin, np.float32)
    radius = np.zeros(shape, np.float32)
    vein = np.zeros(shape, np.bool_)
    for i in np.argsort(-tree.radii_um, kind="stable"):
        _paint(distance, radius, vein, tree.starts[i], tree.ends[i], float(tree.radii_um[i]), bool(tree.is_vein[i]),
               float(voxel_um), margin)  # fmt: skip
    mask = distance > 0
    radius[~mask] = 0
    vein &= mask
    return VesselVolume(mask, radius, distance, vein, float(voxel_um))


@compiled
def _paint(
    distance: Any,
    radius: Any,
    vein: Any,
    start: Any,
    end: Any,
    r: float,
    is_vein: bool,
    h: float,
    margin: float,
) -> None:
    low = np.minimum(start, end) - r - margin
    high = np.maximum(start, end) + r + margin
    along = end - start
    square = max(along[0] ** 2 + along[1] ** 2 + along[2] ** 2, 1e-12)
    for k in range(max(int(low[2] / h), 0), min(int(high[2] / h) + 1, distance.shape[0])):
        for j in range(max(int(low[1] / h), 0), min(int(high[1] / h) + 1, distance.shape[1])):
            for i in range(max(int(low[0] / h), 0), min(int(high[0] / h) + 1, distance.shape[2])):
                x, y, z = (i + 0.5) * h - start[0], (j + 0.5) * h - start[1], (k + 0.5) * h - start[2]
                t = min(max((x * along[0] + y * along[1] + z * along[2]) / square, 0.0), 1.0)
                x, y, z = x - t * along[0], y - t * along[1], z - t * along[2]
                inside = r - np.sqrt(x * x + y * y + z * z)
                if inside > distance[k, j, i]:
                    distance[k, j, i] = inside
                    radius[k, j, i] = r
                    vein[k, j, i] = is_vein
