"""Simulated pairs of images of a cranial window: vessels seen twice, with a deformation between them that is known.

The fixed image stands for MRI, the moving one for microscopy. Between them lie a turn, unequal stretches, a shear and a
smooth random displacement; landmarks are forks of a vessel tree, found again with an error. Size, warp and clicks are
assumptions that a caller states, and no animal is imitated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from compendium.cohorts.vessels import VesselTree, grow_vessels
from compendium.registration.grid import as_points

Array = NDArray[np.floating[Any]]
_WAVES = 96  # of a random field: enough for a nearly Gaussian displacement


@dataclass(frozen=True)
class Scene:
    """What lies between two images of a window, and how well landmarks are found.

    Attributes
    ----------
    size_um : field along x, y, z.
    turn_deg : SD of the turn about each axis (z: three times as much).
    stretch : SD of the stretch along each axis, and of the shears.
    warp_um, warp_length_um : SD along each axis and correlation length of the smooth displacement.
    click_um, depth_um : SD of a landmark's error in the plane (along x and y each) and in depth, both clicks together.
    landmarks : pairs.
    """

    size_um: tuple[float, float, float] = (3000.0, 3000.0, 700.0)
    turn_deg: float = 2.0
    stretch: float = 0.01
    warp_um: float = 15.0
    warp_length_um: float = 800.0
    click_um: float = 20.0
    depth_um: float = 30.0
    landmarks: int = 20


@dataclass(frozen=True, eq=False)
class KnownWarp:
    """``y = matrix @ (x − centre) + centre + offset + u(x)`` with a smooth u: a sum of seeded waves.

    Attributes
    ----------
    matrix : ndarray, shape (3, 3)
    centre_um, offset_um : ndarray, shape (3,)
    waves : ndarray, shape (m, 3), 1/µm
    phases : ndarray, shape (m, 3)
    amplitude_um : float
        Of each wave; the SD of u along each axis is this times √(m/2).
    method : str
    """

    matrix: Array
    centre_um: Array
    offset_um: Array
    waves: Array
    phases: Array
    amplitude_um: float
    method: str = "known warp"

    def apply(self, points: ArrayLike) -> Array:
        """Mapped points, shape (n, 3), µm."""
        x = as_points(points)
        angle = (x @ self.waves.T)[:, :, None] + self.phases
        linear = (x - self.centre_um) @ self.matrix.T + self.centre_um + self.offset_um
        return linear + self.amplitude_um * np.cos(angle).sum(axis=1)

    def jacobian(self, points: ArrayLike) -> Array:
        """Derivative at the points, shape (n, 3, 3)."""
        x = as_points(points)
        slope = -self.amplitude_um * np.sin((x @ self.waves.T)[:, :, None] + self.phases)
        return self.matrix + np.einsum("nmi,mj->nij", slope, self.waves)


@dataclass(frozen=True, eq=False)
class WindowPair:
    """One simulated pair.

    Attributes
    ----------
    warp : KnownWarp
        Fixed → moving: the truth.
    tree : VesselTree
        In the fixed image.
    fixed_um, true_um, clicked_um : ndarray, shape (n, 3)
        Landmarks in the fixed image, where they lie in the moving one, and where they were clicked.
    scene : Scene
    """

    warp: KnownWarp
    tree: VesselTree
    fixed_um: Array
    true_um: Array
    clicked_um: Array
    scene: Scene


def draw_warp(scene: Scene, seed: int | list[int]) -> KnownWarp:
    """Draw the deformation between two images.

    Examples
    --------
    >>> warp = draw_warp(Scene(turn_deg=0, stretch=0, warp_um=0), 1)
    >>> bool(np.allclose(warp.apply([[0, 0, 0], [3000, 0, 0]])[1] - warp.apply([[0, 0, 0]])[0], [3000, 0, 0]))
    True
    """
    rng = np.random.default_rng(seed)
    turns = np.radians(scene.turn_deg) * rng.standard_normal(3) * [1, 1, 3]
    matrix = np.eye(3)
    for axis, turn in enumerate(turns):
        c, s = np.cos(turn), np.sin(turn)
        one, two = (k for k in range(3) if k != axis)
        step = np.eye(3)
        step[[one, one, two, two], [one, two, one, two]] = c, -s, s, c
        matrix = step @ matrix
    matrix = matrix @ (np.eye(3) + scene.stretch * np.triu(rng.standard_normal((3, 3))))
    waves = rng.standard_normal((_WAVES, 3)) / scene.warp_length_um
    phases = rng.uniform(0, 2 * np.pi, (_WAVES, 3))
    amplitude = scene.warp_um * float(np.sqrt(2 / _WAVES))
    offset = 100 * rng.standard_normal(3)
    return KnownWarp(matrix, np.array(scene.size_um) / 2, offset, waves, phases, amplitude)


def draw_pair(
    scene: Scene, seed: int | list[int], *, least_apart_um: float = 120.0, vessels: int | None = None
) -> WindowPair:
    """Draw a pair: vessels, deformation, landmarks and clicks.

    Parameters
    ----------
    scene : Scene
    seed : int or list of int
        The same seed with another click error clicks in the same directions; with more landmarks it keeps the first ones.
    least_apart_um : float
        Between two landmarks: nearer forks are one mark on an MRI voxel.
    vessels : int, optional
        Seed of the vessels, to draw other forks of the same ones; follows from `seed` by default.

    Raises
    ------
    ValueError
        If the vessels have fewer forks than the scene wants landmarks.

    Examples
    --------
    >>> pair = draw_pair(Scene(click_um=0, depth_um=0), 1)
    >>> bool(np.array_equal(pair.clicked_um, pair.true_um)), len(pair.fixed_um)
    (True, 20)
    """
    base = [seed] if isinstance(seed, int) else list(seed)
    grown = int(np.random.default_rng([*base, 1]).integers(2**31)) if vessels is None else vessels
    tree = _grow(grown, scene.size_um)
    forks = spread_out(find_forks(tree), least_apart_um, np.random.default_rng([*base, 2]))
    if len(forks) < scene.landmarks:
        raise ValueError(
            f"A scene needs as many forks as landmarks. Given {len(forks)} forks, {scene.landmarks} landmarks."
        )
    fixed = forks[: scene.landmarks]
    warp = draw_warp(scene, [*base, 3])
    true = warp.apply(fixed)
    clicks = np.random.default_rng([*base, 4]).standard_normal(forks.shape)[: scene.landmarks]
    return WindowPair(warp, tree, fixed, true, true + clicks * click_sizes(scene), scene)


@lru_cache(maxsize=64)
def _grow(seed: int, size_um: tuple[float, float, float]) -> VesselTree:
    return grow_vessels(seed, size_um, arteries=5, veins=7, least_radius_um=8.0)


def click_sizes(scene: Scene) -> Array:
    """SD of a landmark's error along x, y, z."""
    return np.array([scene.click_um, scene.click_um, scene.depth_um])


def find_forks(tree: VesselTree, least_radius_um: float = 0.0) -> Array:
    """Points where a branch at least this wide splits in two, shape (n, 3), in the order of the branches."""
    branches, first = np.unique(tree.branches, return_index=True)
    start = dict(zip(branches.tolist(), first.tolist(), strict=True))
    radius = tree.radii_um
    children: dict[int, list[int]] = {}
    for branch, parent in enumerate(tree.parents.tolist()):
        if parent >= 0 and branch in start:
            children.setdefault(parent, []).append(start[branch])
    rows = [
        tree.starts[two[0]] for parent, two in sorted(children.items())
        if len(two) == 2 and radius[start[parent]] >= least_radius_um
    ]  # fmt: skip
    return np.array(rows).reshape(-1, 3)


def spread_out(points: ArrayLike, least_um: float, rng: np.random.Generator) -> Array:
    """Points in random order, without those nearer than `least_um` to one before them, shape (m, 3)."""
    return thin_out(rng.permutation(as_points(points)), least_um)


def thin_out(points: ArrayLike, least_um: float) -> Array:
    """Points without those nearer than `least_um` to one before them, shape (m, 3).

    Examples
    --------
    >>> thin_out([[0, 0, 0], [5, 0, 0], [20, 0, 0]], 10)[:, 0].tolist()
    [0.0, 20.0]
    """
    x = as_points(points)
    near = cdist(x, x) < least_um
    kept: list[int] = []
    free = np.ones(len(x), bool)
    for i in range(len(x)):
        if free[i]:
            kept.append(i)
            free &= ~near[i]
    return x[kept]


def field_points(size_um: tuple[float, float, float], count: int, seed: int | list[int]) -> Array:
    """Points that fill the field evenly at random: where the error of a registration is asked, shape (count, 3)."""
    return np.random.default_rng(seed).uniform(0, 1, (count, 3)) * np.array(size_um)


def warp_tree(tree: VesselTree, warp: KnownWarp) -> VesselTree:
    """Vessels as the moving image has them; radii stay."""
    starts, ends = warp.apply(tree.starts), warp.apply(tree.ends)
    return VesselTree(starts, ends, tree.radii_um, tree.branches, tree.parents, tree.is_vein)
