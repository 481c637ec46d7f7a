"""Voxels of several animals, with the animal as the unit: means by bin, slopes, and the test over voxels beside them.

Neighbouring voxels repeat each other, and thousands of them come from a few animals. An interval over animals is wide
with four of them; that is what four animals say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_between
from compendium.statistics.groups import anova
from compendium.statistics.posthoc import tukey_test
from compendium.statistics.results import Interval

Array = NDArray[np.floating[Any]]


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean of animals with its t interval; limits are NaN with fewer than two.

    Examples
    --------
    >>> made = mean_interval([1, 2, 3, np.nan])
    >>> made.estimate, round(made.lower, 2), round(made.upper, 2)
    (2.0, -0.48, 4.48)
    """
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    given = np.asarray(values, dtype=float)
    kept = given[np.isfinite(given)]
    n = len(kept)
    mean = float(kept.mean()) if n else float("nan")
    half = (
        float(stats.t.isf((1 - confidence) / 2, n - 1) * kept.std(ddof=1) / np.sqrt(n))
        if n > 1
        else float("nan")
    )
    return Interval(mean, mean - half, mean + half, confidence, f"t over {n} animals")


def animal_means(frame: pd.DataFrame, value: str, group: str, *, least: int = 5) -> pd.DataFrame:
    """Mean of each animal's voxels in each bin; NaN with fewer than `least` voxels.

    Parameters
    ----------
    frame : DataFrame
        With the columns animal, `value`, `group` (ordered categories).

    Returns
    -------
    DataFrame
        A row per animal, a column per bin.

    Examples
    --------
    >>> frame = pd.DataFrame({"animal": list("aabb"), "bin": list("xyxy"), "v": [1.0, 2, 3, 6]})
    >>> animal_means(frame, "v", "bin", least=1).to_numpy()
    array([[1., 2.],
           [3., 6.]])
    """
    _check_columns(frame, ("animal", value, group))
    grouped = frame.groupby(["animal", group], observed=False)[value]
    means = grouped.mean().where(grouped.count() >= least)
    return means.unstack(group)


def compare_bins(means: pd.DataFrame, reference: Any, confidence: float = 0.95) -> pd.DataFrame:
    """Difference of every bin from a reference bin within animals.

    Parameters
    ----------
    means : DataFrame
        From `animal_means`.
    reference : name of a bin

    Returns
    -------
    DataFrame
        bin, animals, difference, lower, upper. No stars: with four animals the smallest p of a sign test is 1/8.

    Examples
    --------
    >>> means = pd.DataFrame({"none": [0.0, 0], "full": [1.0, 3]})
    >>> compare_bins(means, "none")[["bin", "animals", "difference"]].values.tolist()
    [['full', 2, 2.0]]
    """
    if reference not in means.columns:
        raise ValueError(
            f"The reference must be a bin ({', '.join(map(str, means.columns))}). Given {reference!r}."
        )
    rows = []
    for name in means.columns:
        if name == reference:
            continue
        difference = means[name] - means[reference]
        made = mean_interval(difference, confidence)
        rows.append((name, int(difference.notna().sum()), made.estimate, made.lower, made.upper))
    return pd.DataFrame(rows, columns=["bin", "animals", "difference", "lower", "upper"])


def animal_slopes(
    frame: pd.DataFrame, y: str, x: str, *, adjust: Sequence[str] = (), least: int = 20
) -> pd.Series:
    """Least-squares slope of y on x within each animal, with covariates; NaN where an animal cannot give one.

    Parameters
    ----------
    frame : DataFrame
        With the columns animal, y, x and `adjust`. Incomplete rows are dropped.
    adjust : sequence of str
        Covariates. A column of text becomes indicators.
    least : int
        Fewest voxels of an animal.

    Examples
    --------
    >>> frame = pd.DataFrame({"animal": "a", "x": [0.0, 1, 2, 3], "c": [1.0, 0, 0, 1], "y": [5.0, 2, 4, 11]})
    >>> animal_slopes(frame, "y", "x", adjust=["c"], least=4).round(6).to_dict()
    {'a': 2.0}
    """
    _check_columns(frame, ("animal", y, x, *adjust))
    found = {}
    for animal, own in frame.groupby("animal"):
        rows = own[[y, x, *adjust]].dropna()
        design = pd.get_dummies(rows[[x, *adjust]], drop_first=True, dtype=float)
        matrix = np.column_stack([np.ones(len(rows)), design.to_numpy(dtype=float)])
        moves = (
            len(rows) >= max(least, matrix.shape[1] + 1) and np.linalg.matrix_rank(matrix) == matrix.shape[1]
        )
        found[animal] = (
            float(np.linalg.lstsq(matrix, rows[y].to_numpy(dtype=float), rcond=None)[0][1])
            if moves
            else np.nan
        )
    return pd.Series(found, dtype=float, name="slope")


@dataclass(frozen=True)
class VoxelTests:
    """Tests that take every voxel as independent, as printed studies do.

    Attributes
    ----------
    f, p : float
        One-way ANOVA.
    df : (float, float)
    pairs : DataFrame
        Tukey's HSD: first, second, difference, lower, upper, p.
    voxels : int
    """

    f: float
    p: float
    df: tuple[float, float]
    pairs: pd.DataFrame
    voxels: int


def voxel_tests(frame: pd.DataFrame, value: str, group: str) -> VoxelTests:
    """ANOVA and Tukey's HSD over voxels; bins with fewer than two voxels are left out.

    With fewer than two bins, or bins in which nothing varies, there is no test: not-a-number, and no pairs.

    Examples
    --------
    >>> frame = pd.DataFrame({"bin": list("xxxyyy"), "v": [1.0, 2, 3, 2, 3, 4]})
    >>> made = voxel_tests(frame, "v", "bin")
    >>> round(made.f, 3), made.df, made.voxels
    (1.5, (1.0, 4.0), 6)
    """
    _check_columns(frame, (value, group))
    groups = {
        str(k): v[value].dropna().to_numpy()
        for k, v in frame.groupby(group, observed=True)
        if v[value].notna().sum() > 1
    }
    columns = ["first", "second", "difference", "lower", "upper", "p"]
    voxels = sum(map(len, groups.values()))
    if len(groups) < 2 or not any(np.ptp(v) > 0 for v in groups.values()):
        nothing = float("nan")
        return VoxelTests(nothing, nothing, (nothing, nothing), pd.DataFrame(columns=columns), voxels)
    made = anova(groups)
    rows = [
        (c.first, c.second, c.estimate, *(c.interval or (np.nan, np.nan)), c.p_adjusted)
        for c in tukey_test(groups)
    ]
    df = made.df if isinstance(made.df, tuple) else (float("nan"), float("nan"))
    pairs = pd.DataFrame(rows, columns=columns)
    return VoxelTests(made.statistic, made.p, (float(df[0]), float(df[1])), pairs, voxels)


def _check_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in frame]
    if missing:
        raise ValueError(
            f"The table must have the columns {', '.join(missing)}. Given {', '.join(map(str, frame))}."
        )
