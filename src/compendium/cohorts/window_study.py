"""What is done with simulated windows: transforms judged in several ways, designs repeated, two raters, awkward pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk  # noqa: N813 - its users call it so
from numpy.typing import ArrayLike, NDArray
from scipy.stats import friedmanchisquare, kruskal

from compendium.cohorts.window import Scene, WindowPair, click_sizes, draw_pair, field_points
from compendium.registration.affine import estimate_affine
from compendium.registration.error import leave_one_out_error, residual_error
from compendium.registration.estimate import Transform, estimate_landmark_transform
from compendium.registration.grid import Grid, as_points
from compendium.registration.guards import UnusableLandmarksError
from compendium.registration.raters import cell_points, draw_rater_cells
from compendium.registration.screening import MODES
from compendium.registration.thin_plate import InverseTransform

Array = NDArray[np.floating[Any]]
FIELD_POINTS = 400


def rms(vectors: ArrayLike) -> float:
    """Root mean square length of vectors, shape (n, 3)."""
    return float(np.sqrt(np.mean(np.sum(np.asarray(vectors) ** 2, axis=1))))


def judge_registrations(
    scene: Scene, datasets: int, seed: int, held_out: int = 5, modes: Mapping[str, dict[str, Any]] = MODES,
    left_out: bool = True, windows: int | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Register datasets by every transform and judge each in four ways.

    Parameters
    ----------
    held_out : further landmarks in each dataset, to judge by.
    left_out : whether to leave each landmark out, which takes longest.
    windows : different vessels; datasets beyond them draw other forks of the same ones. As many as datasets by default.

    Returns
    -------
    DataFrame
        dataset, mode, and in µm: residual (at the landmarks used), left_out (each from all others; NaN unless wanted),
        held_out (at further clicked landmarks), true (over the field, against the known warp, which no one has outside a
        simulation).

    Examples
    --------
    >>> table = judge_registrations(Scene(landmarks=12), 1, seed=1)
    >>> bool(table.set_index("mode").loc["elastic", "residual"] < 1e-6)
    True
    """
    rows = []
    for i in range(datasets):
        vessels = None if windows is None else 1000 * seed + i % windows
        pair = draw_pair(replace(scene, landmarks=scene.landmarks + held_out), [seed, i], vessels=vessels)
        n = scene.landmarks
        x, y = pair.fixed_um[:n], pair.clicked_um[:n]
        field = field_points(scene.size_um, FIELD_POINTS, [seed, i, 9])
        truth = pair.warp.apply(field)
        for mode, options in modes.items():
            made = estimate_landmark_transform(x, y, **options)
            rows.append({
                "dataset": i + 1, "mode": mode, "residual": residual_error(made, x, y).rmse_um,
                "left_out": leave_one_out_error(x, y, **options).rmse_um if left_out else np.nan,
                "held_out": residual_error(made, pair.fixed_um[n:], pair.clicked_um[n:]).rmse_um,
                "true": rms(made.apply(field) - truth),
            })  # fmt: skip
    return pd.DataFrame(rows)


def recover_warps(
    scene: Scene, counts: Sequence[int], clicks: Sequence[float], datasets: int, seed: int,
    modes: Mapping[str, dict[str, Any]] = MODES,
) -> pd.DataFrame:  # fmt: skip
    """True error over the field for numbers of landmarks and click errors; the same datasets for each.

    Parameters
    ----------
    clicks : factors of the scene's click errors; 0 for none.

    Returns
    -------
    DataFrame
        landmarks, clicks, mode, dataset, true (µm).
    """
    rows = []
    for i in range(datasets):
        pair = draw_pair(replace(scene, landmarks=max(counts)), [seed, i])
        field = field_points(scene.size_um, FIELD_POINTS, [seed, i, 9])
        truth = pair.warp.apply(field)
        for n in counts:
            for factor in clicks:
                y = pair.true_um[:n] + factor * (pair.clicked_um - pair.true_um)[:n]
                for mode, options in modes.items():
                    made = estimate_landmark_transform(pair.fixed_um[:n], y, **options)
                    rows.append((n, factor, mode, i + 1, rms(made.apply(field) - truth)))
    return pd.DataFrame(rows, columns=["landmarks", "clicks", "mode", "dataset", "true"])


def repeat_design(scene: Scene, studies: int, datasets: int, seed: int) -> pd.DataFrame:
    """Run studies that compare the four transforms on a few datasets each, by the held-out error.

    Returns
    -------
    DataFrame, one row per study
        lowest (transform with the lowest median), kruskal_p (datasets not paired), friedman_p (paired).
    """
    modes = {name: options for name, options in MODES.items() if name != "smoothed"}
    table = judge_registrations(scene, studies * datasets, seed, modes=modes, left_out=False, windows=12)
    table["study"] = (table["dataset"] - 1) // datasets
    rows = []
    for _, study in table.groupby("study"):
        wide = study.pivot(index="dataset", columns="mode", values="held_out")
        rows.append({"lowest": wide.median().idxmin(), "kruskal_p": kruskal(*wide.T.to_numpy()).pvalue,
                     "friedman_p": friedmanchisquare(*wide.T.to_numpy()).pvalue})  # fmt: skip
    return pd.DataFrame(rows)


def find_swaps(scene: Scene, trials: int, seed: int) -> tuple[float, float]:
    """Exchange two labels in each dataset and leave each landmark out of an affine transform.

    Returns
    -------
    found, refused : float
        Share of datasets in which the exchanged pairs have the two largest errors; share that the guards refuse outright.
    """
    found = refused = 0
    for i in range(trials):
        pair = draw_pair(scene, [seed, i])
        one, two = np.random.default_rng([seed, i, 6]).choice(len(pair.fixed_um), 2, replace=False)
        swapped = pair.clicked_um.copy()
        swapped[[one, two]] = swapped[[two, one]]
        try:
            apart = leave_one_out_error(pair.fixed_um, swapped, "affine").distances_um
            found += set(np.argsort(-apart)[:2].tolist()) == {int(one), int(two)}
        except UnusableLandmarksError:
            refused += 1
    return found / trials, refused / trials


def compare_raters(
    scene: Scene, datasets: int, shared: Sequence[float], seed: int, mode: str = "elastic", slices: int = 7
) -> pd.DataFrame:
    """Two raters register the same datasets; a cell in each of 3 × 2 regions of the moving image is followed by both.

    Parameters
    ----------
    shared : correlations of the two raters' click errors: the same fork taken for another, a common distortion.

    Returns
    -------
    DataFrame, one row per cell
        dataset, shared, column, row, slice, x_1, y_1, z_1 and x_2, y_2, z_2 (where the raters put it), apart, apart_read
        (with the depth read in whole slices), error_1, error_2 (against the truth); µm.
    """
    grid = Grid.of((slices, 250, 250), (scene.size_um[0] / 250, scene.size_um[1] / 250, scene.size_um[2] / slices),
                   (0, 0, scene.size_um[2] / slices / 2))  # fmt: skip
    step = np.array(grid.spacing_um)
    parts = []
    for i in range(datasets):
        pair = draw_pair(scene, [seed, i])
        cells = draw_rater_cells(1000 * seed + i, slices=slices)
        points = cell_points(cells, grid)
        truth = InverseTransform(pair.warp, 1e-4, "truth").apply(points)
        rng = np.random.default_rng([seed, i, 5])
        common, *own = (rng.standard_normal(pair.fixed_um.shape) * click_sizes(scene) for _ in range(3))
        for share in shared:
            clicked = [pair.true_um + np.sqrt(share) * common + np.sqrt(1 - share) * one for one in own]
            first, second = (
                estimate_landmark_transform(y, pair.fixed_um, **MODES[mode]).apply(points) for y in clicked
            )
            read = [np.floor(place / step + 0.5) * step for place in (first, second)]
            frame = pd.DataFrame(cells, columns=["column", "row", "slice"])
            frame[["x_1", "y_1", "z_1"]], frame[["x_2", "y_2", "z_2"]] = first, second
            frame = frame.assign(
                dataset=i + 1, shared=share, apart=np.linalg.norm(first - second, axis=1),
                apart_read=np.linalg.norm(read[0] - read[1], axis=1),
                error_1=np.linalg.norm(first - truth, axis=1), error_2=np.linalg.norm(second - truth, axis=1),
            )  # fmt: skip
            parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def mean_rmse(cells: pd.DataFrame, columns: Sequence[str]) -> float:
    """Mean over datasets of the root mean square of some columns, as the study averages."""
    squares = (cells[list(columns)] ** 2).mean(axis=1)
    return float(np.sqrt(squares.groupby(cells["dataset"]).mean()).mean())


def free_form_map(
    fixed: ArrayLike, moving: ArrayLike, points: ArrayLike, size_um: Sequence[float], controls: int = 6
) -> Array:
    """Where a free-form deformation (cubic B-splines on a grid of controls, by ITK) brings points, shape (n, 3).

    The affine part is taken out first: a coarse grid of splines has none of its own.
    """
    x, y = as_points(fixed), as_points(moving)
    linear = estimate_affine(x, y)
    frame = sitk.Image([40, 40, 12], sitk.sitkUInt8)
    frame.SetSpacing([1.35 * s / n for s, n in zip(size_um, (40, 40, 12), strict=True)])
    frame.SetOrigin([-0.15 * s for s in size_um])
    left = x + (y - linear.apply(x))
    made = sitk.LandmarkBasedTransformInitializer(
        sitk.BSplineTransform(3), x.ravel().tolist(), left.ravel().tolist(), referenceImage=frame,
        numberOfControlPoints=controls,
    )  # fmt: skip
    where = as_points(points)
    moved = np.array([made.TransformPoint(p) for p in where.tolist()])
    return linear.apply(where) + moved - where


def awkward_landmarks(pair: WindowPair) -> dict[str, tuple[Array, Array, str]]:
    """Sets of landmarks that no transform should be made from, each with the transform that was asked for."""
    x, y = pair.fixed_um, pair.clicked_um
    flat = x * [1, 1, 0] + [0, 0, 300]
    twice = np.r_[x[:8], x[:1]], np.r_[y[:8], y[:1]]
    conflict = np.r_[x[:8], x[:1]], np.r_[y[:8], y[:1] + np.array([250, 0, 0])]
    line = np.linspace([0, 0, 300], [2000, 0, 300], 6)
    return {
        "all in one slice": (flat, flat + 20, "affine"),
        "on one line": (line, line + 5, "rigid"),
        "four pairs": (x[:4], y[:4], "thin-plate"),
        "one fork clicked twice": (*twice, "thin-plate"),
        "one fork, two places": (*conflict, "thin-plate"),
        "left and right exchanged": (x, y * [-1, 1, 1], "rigid"),
    }


def map_difference(
    one: Transform, other: Transform, size_um: tuple[float, float, float], seed: int = 1
) -> float:
    """Root mean square distance of two maps over a field, µm."""
    points = field_points(size_um, 2000, seed)
    return rms(one.apply(points) - other.apply(points))
