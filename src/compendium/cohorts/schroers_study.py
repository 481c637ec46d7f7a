"""Studies on simulated voxels: tests without a relation, the bin that defines z, orders of processing, alignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage, stats

from compendium.cohorts.schroers_voxels import COOLED, TumourModel, scan_cohort
from compendium.microscopy.animals import animal_slopes
from compendium.microscopy.volume_fraction import (
    FULL_SCALE,
    GROUP,
    THRESHOLD,
    fraction_per_voxel,
    group_bounds,
    volume_fraction,
)
from compendium.microscopy.voxels import GLIOMA_BINS, bin_density
from compendium.registration.grid import Grid
from compendium.registration.longitudinal import align_integer, align_subvoxel

Array = NDArray[np.floating[Any]]
NULL_SHAPE = (7, 16, 16)
SLICE_UM, PIXEL_UM = 100 / GROUP, 10.0


def _smooth(rng: np.random.Generator, shape: Sequence[int], width: float | Sequence[float]) -> Array:
    field = ndimage.gaussian_filter(rng.standard_normal(shape), width, mode="wrap")
    return np.asarray((field - field.mean()) / field.std())


def null_cohorts(
    count: int, animals: int, seed: int, *, width: float = 1.5, noise: float = 0.5
) -> pd.DataFrame:
    """Cohorts whose signal has nothing to do with density, tested over voxels and over animals.

    Parameters
    ----------
    count, animals, seed : int
    width : correlation of signal and of density, in voxels.
    noise : SD of independent noise, where the smooth signal has 1.

    Returns
    -------
    DataFrame
        A row per cohort: voxel_p (ANOVA over bins), animal_p (t test of the animals' slopes), and over its animals the
        scatter of the mean of the densest third: scatter_defining (against the reference voxels that define z),
        scatter_half (z from one half of the box, difference from the reference voxels of the other half).
    """
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        parts, defining, half = [], [], []
        for animal in range(animals):
            field = _smooth(rng, NULL_SHAPE, width)
            signal = _smooth(rng, NULL_SHAPE, width) + noise * rng.standard_normal(NULL_SHAPE)
            density = np.where(field < 0, 0, stats.norm.cdf(field) * 2 - 1)
            normal = density == 0
            z = (signal - signal[normal].mean()) / signal[normal].std()
            parts.append(pd.DataFrame({"animal": animal, "density": density.ravel(), "z": z.ravel()}))
            left = np.arange(NULL_SHAPE[2]) < NULL_SHAPE[2] // 2
            one, other = normal & left, normal & ~left
            dense = density > 0.5
            defining.append(float(z[dense].mean()))
            half.append(float((signal[dense].mean() - signal[other].mean()) / signal[one].std()))
        frame = pd.concat(parts, ignore_index=True)
        codes = bin_density(frame["density"], GLIOMA_BINS).codes
        groups = [frame["z"].to_numpy()[codes == code] for code in range(len(GLIOMA_BINS) - 1)]
        slopes = animal_slopes(frame, "z", "density")
        voxel_p = float(stats.f_oneway(*[g for g in groups if len(g) > 1]).pvalue)
        animal_p = float(stats.ttest_1samp(slopes, 0).pvalue)
        rows.append((voxel_p, animal_p, np.std(defining, ddof=1), np.std(half, ddof=1)))
    return pd.DataFrame(rows, columns=["voxel_p", "animal_p", "scatter_defining", "scatter_half"])


def make_probabilities(
    seed: int, slices: int = 241, pixels: int = 120
) -> tuple[NDArray[np.bool_], NDArray[np.uint16]]:
    """A stack of true tumour (processes of some 10 µm in a gradient), and its probability map from 0 to 65535.

    The map is blurred by 9 µm in depth and half a pixel in the plane (SD), with a little noise; its half stands at the
    true border.

    Returns
    -------
    truth, probability : ndarray, shape (slices, pixels, pixels)
        Slices of 3.03 µm, pixels of 10 µm.
    """
    rng = np.random.default_rng(seed)
    shape = (slices, pixels, pixels)
    fine = _smooth(rng, shape, (4 / SLICE_UM, 0.8, 0.8))
    patches = _smooth(rng, shape, (60 / SLICE_UM, 8, 8))
    ramp = np.linspace(-3.2, 2.2, pixels)[None, None, :]
    truth = fine + patches + ramp > 0
    blurred = ndimage.gaussian_filter(truth.astype(np.float32), (9 / SLICE_UM, 0.5, 0.5), mode="nearest")
    noisy = np.clip(blurred + 0.03 * rng.standard_normal(shape), 0, 1)
    return truth, np.round(noisy * FULL_SCALE).astype(np.uint16)


def compare_orders(
    truth: NDArray[np.bool_], probability: NDArray[Any], *, threshold: float = THRESHOLD, size: int = GROUP,
    voxel_um: float = 100.0,
) -> pd.DataFrame:  # fmt: skip
    """Density per MRI voxel by every order of threshold, grouping and scaling that is in print, against the truth.

    Returns
    -------
    DataFrame
        way, mean (density), bias (against the truth), moved (share of voxels in another bin), empty (share of voxels with
        none), empty_excess (against the truth).
    """
    block = round(voxel_um / PIXEL_UM)
    whole = len(group_bounds(len(truth), size, "drop"))
    mean_truth = np.stack([truth[a:b].mean(axis=0) for a, b in group_bounds(len(truth), size, "drop")])
    known = fraction_per_voxel(mean_truth, (block, block))
    ways = {
        "truth": known,
        "threshold, then mean (macros)": _fraction(probability, "macro", threshold, size, block, "mean"),
        "mean, then threshold (text)": _fraction(probability, "text", threshold, size, block, "mean"),
        "threshold at one half, then mean": _fraction(
            probability, "macro", FULL_SCALE / 2, size, block, "mean"
        ),
        "macros, bilinear without averaging": _fraction(
            probability, "macro", threshold, size, block, "bilinear"
        ),
    }
    bins = bin_density(known.ravel(), GLIOMA_BINS).codes
    rows = []
    for name, found in ways.items():
        own = found[:whole].ravel()
        moved = float(np.mean(bin_density(own, GLIOMA_BINS).codes != bins))
        rows.append((name, float(own.mean()), float(own.mean() - known.mean()), moved, float(np.mean(own == 0)),
                     float(np.mean(own == 0) - np.mean(known == 0))))  # fmt: skip
    return pd.DataFrame(rows, columns=["way", "mean", "bias", "moved", "empty", "empty_excess"])


def _fraction(probability: Any, order: str, threshold: float, size: int, block: int, method: str) -> Array:
    made = volume_fraction(probability, order=order, threshold=threshold, size=size, last="drop")
    return fraction_per_voxel(made, (block, block), method=method)


def last_groups(counts: Sequence[int], size: int = GROUP) -> pd.DataFrame:
    """What becomes of the last slices under each rule.

    Returns
    -------
    DataFrame
        slices; for each rule (macro, short, drop) the number of groups and the slices in the last one; padded: slices after
        the step that appends empty ones.

    Examples
    --------
    >>> last_groups([231, 247]).to_numpy().tolist()
    [[231, 7, 33, 7, 33, 7, 33, 264], [247, 7, 49, 8, 16, 7, 33, 264]]
    """
    rows = []
    for n in counts:
        row: dict[str, int] = {"slices": n}
        for rule in ("macro", "short", "drop"):
            bounds = group_bounds(n, size, rule)
            row |= {f"{rule} groups": len(bounds), f"{rule} last": bounds[-1][1] - bounds[-1][0]}
        rows.append(row | {"padded": n + size - n % size})
    return pd.DataFrame(rows)


def registration_cost(
    model: TumourModel,
    errors_um: Sequence[float],
    animals: int,
    days: Sequence[float],
    seed: int,
    value: str = "t2w",
) -> pd.DataFrame:
    """Correlation of density and signal within data sets, over registration errors.

    Returns
    -------
    DataFrame
        error_um, r (mean over data sets), ratio (to the first error given, which should be 0), slope (mean over animals).
    """
    rows = []
    for error in errors_um:
        frame = scan_cohort(model, COOLED, animals, days, seed, registration_um=float(error))
        r = (
            frame.groupby("dataset")
            .apply(lambda own: own["density"].corr(own[value]), include_groups=False)
            .mean()
        )
        rows.append((float(error), float(r), float(animal_slopes(frame, value, "density").mean())))
    made = pd.DataFrame(rows, columns=["error_um", "r", "slope"])
    return made.assign(ratio=made["r"] / made["r"].iloc[0])


def alignment_study(
    count: int, clicks_um: float, landmarks: int, seed: int, voxel_um: float = 100.0
) -> pd.DataFrame:
    """Time points displaced at random against the first one, aligned by whole voxels and below a voxel.

    The displacement is any shift of up to two voxels along each axis; nothing grows. Landmarks are clicked with an error in
    both images.

    Returns
    -------
    DataFrame
        A row per time point: integer_um and subvoxel_um (root mean square of what is left along x, y, z, taken in a box of
        3 × 3 × 0.7 mm), integer_sd and subvoxel_sd (SD of the density change that a smooth tumour shows though it
        does not grow).
    """
    rng = np.random.default_rng(seed)
    grid = Grid((7, 30, 30), (voxel_um,) * 3)
    where = grid.voxel_centres()
    centre = where.mean(axis=0)

    def density(points: Array) -> Array:
        return 1 / (1 + np.exp((np.linalg.norm((points - centre) * [1, 1, 1.5], axis=1) - 700) / 65))

    rows = []
    for _ in range(count):
        shift = rng.uniform(-2, 2, 3) * voxel_um
        points = where[rng.choice(len(where), landmarks, replace=False)]
        fixed, moving = (
            points + clicks_um * rng.standard_normal(points.shape),
            points + shift + clicks_um * rng.standard_normal(points.shape),
        )
        out = []
        for transform in (
            align_integer(fixed, moving, grid).transform,
            align_subvoxel(fixed, moving, rotate=False).transform,
        ):
            left = transform.apply(where) - (where + shift)
            out.append(
                (
                    float(np.sqrt(np.mean(np.sum(left**2, axis=1)))),
                    float(np.std(density(where + left) - density(where))),
                )
            )
        rows.append((out[0][0], out[1][0], out[0][1], out[1][1]))
    return pd.DataFrame(rows, columns=["integer_um", "subvoxel_um", "integer_sd", "subvoxel_sd"])
