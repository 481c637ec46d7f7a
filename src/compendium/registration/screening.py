"""Looking at landmark pairs after they passed the guards: which transform, which pairs stand out, how many suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between, check_minimum
from compendium.registration.error import held_out_error, leave_one_out_error, residual_error
from compendium.registration.estimate import estimate_landmark_transform
from compendium.registration.guards import LEAST, UnusableLandmarksError, as_pairs

Array = NDArray[np.floating[Any]]
MODES: dict[str, dict[str, Any]] = {
    "affine": {"kind": "affine"},
    "elastic": {"kind": "thin-plate"},
    "rigid": {"kind": "rigid"},
    "similarity": {"kind": "similarity", "scale": "horn"},
    "smoothed": {"kind": "thin-plate", "smoothing": "leave-one-out"},
}
"""Transforms by name: the four that schroers2026 compares (elastic is the exact thin plate), and a smoothed thin plate."""
_TO_SD = 1.4826  # median absolute deviation of a normal distribution to its SD


def compare_transforms(
    fixed: ArrayLike, moving: ArrayLike, modes: Mapping[str, dict[str, Any]] = MODES
) -> tuple[pd.DataFrame, dict[str, Array]]:
    """Make every transform that the pairs allow, and judge it at the landmarks.

    Returns
    -------
    table : DataFrame, one row per mode
        mode; residual, left_out, left_out_x, left_out_y, left_out_z: RMSE in µm, NaN where the pairs do not allow it;
        refused: why not, empty otherwise.
    distances : dict of ndarray, shape (n,)
        Leave-one-out distance of each landmark, for the modes that have one.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> fixed = rng.uniform(0, 1000, (4, 3))
    >>> table, distances = compare_transforms(fixed, fixed + 5)
    >>> table.set_index("mode")["refused"]["elastic"]
    'At least 5 landmark pairs are needed for thin-plate. Given 4.'
    >>> sorted(distances)
    ['rigid', 'similarity']
    """
    x, y = as_pairs(fixed, moving)
    rows, distances = [], {}
    for mode, options in modes.items():
        row: dict[str, Any] = {"mode": mode, "residual": np.nan, "left_out": np.nan, "refused": ""}
        try:
            made = estimate_landmark_transform(x, y, **options)
            row["residual"] = residual_error(made, x, y).rmse_um
            left = leave_one_out_error(x, y, **options)
            distances[mode] = left.distances_um
            row["left_out"] = left.rmse_um
            row |= dict(zip(("left_out_x", "left_out_y", "left_out_z"), left.axis_rmse_um, strict=True))
        except UnusableLandmarksError as problem:
            row["refused"] = str(problem)
        rows.append(row)
    names = ["mode", "residual", "left_out", "left_out_x", "left_out_y", "left_out_z", "refused"]
    return pd.DataFrame(rows).reindex(columns=names), distances


@dataclass(frozen=True, eq=False)
class Screening:
    """Landmarks judged by the transform of all others.

    Attributes
    ----------
    distances_um : ndarray, shape (n,)
        Leave-one-out error of each.
    limit_um : float
        Median plus `factor` times the scaled median absolute deviation of the distances.
    suspects : ndarray of int
        Landmarks beyond the limit, farthest first, counted from 0: clicked elsewhere, exchanged with another, or in a
        place that the others do not determine. To be looked at, not to be dropped by a rule.
    method : str
    """

    distances_um: Array
    limit_um: float
    suspects: NDArray[np.int64]
    method: str


def screen_landmarks(
    fixed: ArrayLike, moving: ArrayLike, kind: str = "affine", *, factor: float = 4.0, **options: Any
) -> Screening:
    """Find landmarks that the others contradict.

    Parameters
    ----------
    fixed, moving : array-like, shape (n, 3), µm
        One more than the transform needs, at least.
    kind : str
        A stiff transform: a thin plate bends towards an exchanged pair.
    factor : float
        Of the scaled median absolute deviation.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> fixed = rng.uniform(0, 1000, (15, 3))
    >>> moving = fixed + rng.normal(0, 10, (15, 3))
    >>> moving[[3, 7]] = moving[[7, 3]]
    >>> sorted(screen_landmarks(fixed, moving).suspects.tolist())
    [3, 7]
    """
    check_between(factor, 0, float("inf"), "factor")
    found = leave_one_out_error(fixed, moving, kind, **options)
    apart = found.distances_um
    middle = float(np.median(apart))
    limit = middle + factor * _TO_SD * float(np.median(np.abs(apart - middle)))
    order = np.argsort(-apart, kind="stable")
    return Screening(apart, limit, order[apart[order] > limit], found.method)


@dataclass(frozen=True)
class ErrorByCount:
    """Held-out error when only some landmarks are used.

    Attributes
    ----------
    counts : tuple of int
    rmse_um : tuple of float
        Over all draws; NaN where no draw determined the transform.
    refused : tuple of int
        Draws that the guards refused.
    repeats, held_out : int
    """

    counts: tuple[int, ...]
    rmse_um: tuple[float, ...]
    refused: tuple[int, ...]
    repeats: int
    held_out: int


def error_by_count(
    fixed: ArrayLike, moving: ArrayLike, kind: str, *, counts: Sequence[int], held_out: int = 3, repeats: int = 60,
    seed: int = 1, **options: Any,
) -> ErrorByCount:  # fmt: skip
    """Draw some landmarks to register with and others to judge by, again and again.

    The error still holds the click of the judged landmark: it falls towards that, not towards 0.

    Parameters
    ----------
    counts : sequence of int
        Landmarks to register with; each at most n − `held_out`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> fixed = rng.uniform(0, 1000, (20, 3))
    >>> found = error_by_count(fixed, fixed + rng.normal(0, 20, (20, 3)), "affine", counts=(5, 15))
    >>> found.rmse_um[0] > found.rmse_um[1]
    True
    """
    x, y = as_pairs(fixed, moving)
    check_minimum(held_out, 1, "held_out")
    check_minimum(repeats, 1, "repeats")
    least = LEAST.get(kind, 3)
    if not counts or min(counts) < least or max(counts) > len(x) - held_out:
        rule = f"counts must lie between {least} and {len(x) - held_out} (landmarks less held_out)"
        raise ValueError(f"{rule}. Given {tuple(counts)}.")
    rng = np.random.default_rng(seed)
    draws = [rng.permutation(len(x)) for _ in range(repeats)]
    errors, refused = [], []
    for count in counts:
        squares, no = [], 0
        for draw in draws:
            used = np.r_[draw[:held_out], draw[held_out : held_out + count]]
            judged = np.arange(len(used)) < held_out
            try:
                found = held_out_error(x[used], y[used], kind, held_out=judged, **options)
                squares.append(found.distances_um**2)
            except UnusableLandmarksError:
                no += 1
        errors.append(float(np.sqrt(np.mean(squares))) if squares else float("nan"))
        refused.append(no)
    return ErrorByCount(tuple(counts), tuple(errors), tuple(refused), repeats, held_out)
