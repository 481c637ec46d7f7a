"""Images of a simulated window: a pair to register, and the forks of vessels that sequences show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from compendium.cohorts.tumour import block_mean, simulate_mri
from compendium.cohorts.vessels import VesselTree, grow_vessels, paint_vessels
from compendium.cohorts.window import Scene, WindowPair, thin_out, warp_tree
from compendium.registration.grid import Grid

Array = NDArray[np.floating[Any]]


def paint_pair(
    pair: WindowPair,
    seed: int,
    *,
    snr: float = 100.0,
    step_um: float = 20.0,
    mri_um: float = 100.0,
    margin_um: float = 300.0,
) -> tuple[tuple[Array, Grid], tuple[Array, Grid]]:
    """T2*-weighted image of the fixed window, and the vessel fraction that the moving image shows.

    Parameters
    ----------
    seed : of the noise.
    snr : of the fixed image, at an echo time of 0.
    step_um : voxel of the phantom and of the moving image.
    mri_um : voxel of the fixed image, a multiple of `step_um`.
    margin_um : that the moving image covers beyond the window on all sides.

    Returns
    -------
    fixed, moving : (array [z, y, x], Grid)
    """
    counts = [round(s / step_um) for s in pair.scene.size_um[::-1]]
    still = paint_vessels(pair.tree, (counts[0], counts[1], counts[2]), step_um)
    blood = still.fraction()
    mri = simulate_mri(
        np.zeros_like(blood),
        blood,
        still.is_vein,
        step_um,
        seed=seed,
        t2w_um=mri_um,
        t2star_um=mri_um,
        snr=snr,
    )
    fixed = Grid.of(mri.t2star.shape, [mri_um] * 3, [mri_um / 2] * 3)
    warped = warp_tree(pair.tree, pair.warp)
    shifted = VesselTree(
        warped.starts + margin_um, warped.ends + margin_um, warped.radii_um, warped.branches, warped.parents,
        warped.is_vein,
    )  # fmt: skip
    wide = [round((s + 2 * margin_um) / step_um) for s in pair.scene.size_um[::-1]]
    moved = paint_vessels(shifted, (wide[0], wide[1], wide[2]), step_um).fraction()
    moving = Grid.of(moved.shape, [step_um] * 3, [step_um / 2 - margin_um] * 3)
    return (mri.t2star, fixed), (moved, moving)


SEQUENCES = {"T2w": "100 µm", "T2*w": "100 µm", "T2*w, fine": "40 µm", "TOF": "100 µm"}
FLOW_MM_S_PER_UM = (0.6, 0.3)
"""Flow velocity per radius in arteries and veins, an assumption of the order that is reported."""
TOF_STATIC, TOF_TR_MS = 0.15, 15.0
_AROUND = (1, 4, 4)  # voxels on each side along z, y, x whose median is the background


def count_visible_forks(
    scene: Scene, datasets: int, seed: int, snrs: Sequence[float] = (40.0,), cnr: float = 4.0,
    least_apart_um: float = 120.0,
) -> pd.DataFrame:  # fmt: skip
    """Forks whose three arms all stand out from their surroundings, by sequence.

    Parameters
    ----------
    snrs : of tissue at an echo time of 0, the same per voxel in all sequences.
    cnr : least contrast of an arm, in SD of the noise (Rose 1948 asks for 3 to 5).
    least_apart_um : nearer forks count once.

    Returns
    -------
    DataFrame
        dataset, snr, sequence, landmarks.
    """
    rows = []
    for i in range(datasets):
        tree = grow_vessels(1000 * seed + i, scene.size_um, arteries=5, veins=7, least_radius_um=6.0)
        images, arms = _images(tree, scene), _arms(tree)
        for snr in snrs:
            rng = np.random.default_rng([seed, i, 7])
            for name, (image, voxel) in images.items():
                noise = rng.standard_normal((2, *image.shape)) / snr
                seen = _visible(arms, np.hypot(image + noise[0], noise[1]), voxel, cnr / snr)
                count = len(thin_out(arms[seen, 0], least_apart_um))
                rows.append({"dataset": i + 1, "snr": snr, "sequence": name, "landmarks": count})
    return pd.DataFrame(rows)


def _images(tree: VesselTree, scene: Scene) -> dict[str, tuple[Array, float]]:
    """Images without noise and their voxels, by sequence."""
    counts = [round(s / 20) for s in scene.size_um[::-1]]
    painted = paint_vessels(tree, (counts[0], counts[1], counts[2]), 20.0)
    blood = painted.fraction()
    none = np.zeros_like(blood)
    coarse, fine = (
        simulate_mri(none, blood, painted.is_vein, 20, t2star_um=voxel, snr=np.inf) for voxel in (100, 40)
    )
    flight = _time_of_flight(painted.radius_um, blood, painted.is_vein, scene.size_um[2])
    return {"T2w": (coarse.t2w, 100.0), "T2*w": (coarse.t2star, 100.0), "T2*w, fine": (fine.t2star, 40.0),
            "TOF": (flight, 100.0)}  # fmt: skip


def _time_of_flight(radius: NDArray[Any], blood: NDArray[Any], vein: NDArray[Any], slab_um: float) -> Array:
    """Blood that was replaced since the last pulse is bright; still tissue is saturated."""
    speed = np.where(vein, FLOW_MM_S_PER_UM[1], FLOW_MM_S_PER_UM[0]) * radius  # mm/s, which is µm per ms
    fresh = 1 - np.exp(-speed * TOF_TR_MS / slab_um)
    return block_mean(TOF_STATIC + (1 - TOF_STATIC) * fresh * blood, 5)


def _arms(tree: VesselTree) -> Array:
    """Forks and the directions of their three arms: shape (n, 4, 3), the fork first."""
    branches, first, count = np.unique(tree.branches, return_index=True, return_counts=True)
    start = dict(zip(branches.tolist(), first.tolist(), strict=True))
    last = {b: f + c - 1 for b, f, c in zip(branches.tolist(), first.tolist(), count.tolist(), strict=True)}
    children: dict[int, list[int]] = {}
    for branch, parent in enumerate(tree.parents.tolist()):
        if parent >= 0 and branch in start:
            children.setdefault(parent, []).append(branch)
    rows = []
    for parent, two in sorted(children.items()):
        if len(two) == 2:
            segments = [(last[parent], -1.0), (start[two[0]], 1.0), (start[two[1]], 1.0)]
            along = [sign * (tree.ends[k] - tree.starts[k]) for k, sign in segments]
            rows.append([tree.starts[start[two[0]]], *(v / np.linalg.norm(v) for v in along)])
    return np.array(rows).reshape(-1, 4, 3)


def _visible(arms: Array, image: Array, voxel_um: float, least: float) -> NDArray[np.bool_]:
    """Which forks have a voxel on each arm, one and a half voxels out, that differs from the median around it."""
    padded = np.pad(image, [(half, half) for half in _AROUND], mode="edge")
    around = sliding_window_view(padded, [2 * half + 1 for half in _AROUND])
    seen = np.ones(len(arms), bool)
    for k in (1, 2, 3):
        index = np.floor((arms[:, 0] + 1.5 * voxel_um * arms[:, k]) / voxel_um).astype(int)[:, ::-1]
        inside = ((index >= 0) & (index < image.shape)).all(axis=1)
        place = tuple(np.clip(index, 0, np.array(image.shape) - 1).T)
        median = np.median(around[place].reshape(len(arms), -1), axis=1)
        seen &= inside & (np.abs(image[place] - median) >= least)
    return seen
