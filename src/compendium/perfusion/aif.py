"""The arterial input function: found among the voxels of a sequence, or taken from a given mask.

Voxels are scored by peak/(FWHM · time to peak); the best are clustered by their smoothed first passes, scaled alike.
The cluster with the
best mean score is the artery. Clustering curves of *unit area* instead picks partial-volume voxels, which have the same
shape and less height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.vq import ClusterError, kmeans2

from compendium.perfusion.signals import RelaxationCurves

SECONDS_CLUSTERED = 20.0
"""Time after the baseline over which curves are clustered: the first pass. Later points add noise alone."""


@dataclass(frozen=True)
class ArterialInput:
    """Arterial input function of one sequence.

    Attributes
    ----------
    curve : (t,) array, 1/s; mean over the voxels.
    voxels : (k,) indices of the voxels among those handed in.
    method : "clusters and peak score" or "given mask".
    excluded : voxels left out because their signal fell to the noise floor.
    """

    curve: NDArray[np.float64]
    voxels: NDArray[np.intp]
    method: str
    excluded: int


class CurveShape(NamedTuple):
    """Shape of n curves: peak (1/s), time to peak after `start` (s), full width at half maximum (s)."""

    peak: NDArray[np.float64]
    time_to_peak: NDArray[np.float64]
    width: NDArray[np.float64]


def smooth_curves(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth over time with weights 1-2-1; the ends stay."""
    smooth = curves.copy()
    smooth[:, 1:-1] = (curves[:, :-2] + 2 * curves[:, 1:-1] + curves[:, 2:]) / 4
    return smooth


def describe_curves(curves: ArrayLike, tr_s: float, start: int) -> CurveShape:
    """Measure peak, time to peak and width of curves after light smoothing (1-2-1).

    Parameters
    ----------
    curves : (n, t), 1/s.
    tr_s : s
    start : volume from which time to peak counts (the end of the baseline).

    Examples
    --------
    >>> shape = describe_curves([[0, 0, 0, 0, 4, 8, 4, 0, 0, 0]], tr_s=2.0, start=3)
    >>> [round(float(v[0]), 3) for v in shape]
    [6.0, 4.0, 5.333]
    """
    values = np.asarray(curves, dtype=np.float64)
    smooth = smooth_curves(values)
    smooth[:, :start] = np.minimum(smooth[:, :start], 0)
    at = np.argmax(np.nan_to_num(smooth, nan=-np.inf), axis=1)
    rows = np.arange(len(smooth))
    peak = smooth[rows, at]
    half = 0.5 * peak
    columns = np.arange(smooth.shape[1])
    below = ~(smooth >= half[:, None])
    left = np.where(below & (columns < at[:, None]), columns, -1).max(axis=1)
    right = np.where(below & (columns > at[:, None]), columns, smooth.shape[1]).min(axis=1)
    width = (right - left).astype(np.float64)
    for side, inner in ((left, left + 1), (right, right - 1)):
        valid = (side >= 0) & (side < smooth.shape[1]) & (peak > 0)
        low, high = smooth[rows, np.clip(side, 0, len(columns) - 1)], smooth[rows, inner]
        with np.errstate(divide="ignore", invalid="ignore"):
            width -= np.where(valid, np.clip((half - low) / (high - low), 0, 1), 0.0)
    return CurveShape(peak, np.maximum(at - start, 1) * tr_s, np.maximum(width, 1.0) * tr_s)


def find_arterial_input(
    relaxation: RelaxationCurves,
    tr_s: float,
    start: int,
    candidates: int = 200,
    clusters: int = 5,
    voxels: int = 20,
    seed: int = 1,
) -> ArterialInput:
    """Find arterial voxels by score and clusters and average them.

    Parameters
    ----------
    relaxation : curves of the brain's voxels.
    tr_s : s
    start : end of the baseline, in volumes.
    candidates : voxels with the best scores that are clustered.
    clusters : number of clusters (k-means on the curves, seeded).
    voxels : most voxels that are averaged, by score.
    seed : of the clustering.

    Raises
    ------
    ValueError : fewer than ten usable voxels.
    """
    curves = relaxation.curves
    shape = describe_curves(curves, tr_s, start)
    usable = np.isfinite(curves).all(axis=1) & (shape.peak > 5 * relaxation.baseline_sd)
    floor = usable & relaxation.below_floor
    usable &= ~relaxation.below_floor
    if usable.sum() < 10:
        raise ValueError(
            f"An arterial input needs at least 10 voxels with a clear bolus above the noise floor. "
            f"Given {int(usable.sum())} of {len(curves)}."
        )
    score = np.where(usable, shape.peak / (shape.width * shape.time_to_peak), -np.inf)
    best = np.argsort(-score, kind="stable")[: min(candidates, int(usable.sum()))]
    first_pass = smooth_curves(curves[best])[:, start : start + max(int(SECONDS_CLUSTERED / tr_s), 6)]
    chosen = _best_cluster(first_pass, score[best], clusters, seed)
    artery = best[chosen][:voxels]
    return ArterialInput(curves[artery].mean(axis=0), artery, "clusters and peak score", int(floor.sum()))


def given_arterial_input(relaxation: RelaxationCurves, mask: ArrayLike) -> ArterialInput:
    """Average the voxels of a given mask; it wins over any search.

    Raises
    ------
    ValueError : the mask has another length, or holds no voxel with signal.
    """
    inside = np.asarray(mask, dtype=bool)
    if inside.shape != (len(relaxation.curves),):
        raise ValueError(
            f"An arterial mask must match the voxels. Given {inside.shape}, {len(relaxation.curves)} voxels."
        )
    found = np.flatnonzero(inside & np.isfinite(relaxation.curves).all(axis=1))
    if not len(found):
        raise ValueError(
            f"An arterial mask must hold a voxel with signal. Given {int(inside.sum())} voxels, none with."
        )
    excluded = int(relaxation.below_floor[found].sum())
    return ArterialInput(relaxation.curves[found].mean(axis=0), found, "given mask", excluded)


def _best_cluster(
    curves: NDArray[np.float64], score: NDArray[np.float64], clusters: int, seed: int
) -> NDArray[np.intp]:
    """Members, best score first, of the cluster of three or more curves with the best mean score."""
    for number in range(min(clusters, max(len(curves) // 5, 1)), 1, -1):
        try:
            _, label = kmeans2(curves / curves.max(), number, minit="++", seed=seed, missing="raise")
        except ClusterError:
            continue
        means = {k: score[label == k].mean() for k in range(number) if (label == k).sum() >= 3}
        if means:
            return np.flatnonzero(label == max(means, key=lambda k: means[k]))
    return np.arange(min(3, len(curves)))
