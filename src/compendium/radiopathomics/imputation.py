"""Missing values of one modality filled in from the other, flagged, and refused where p-values are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_minimum

Array = NDArray[np.float64]


class ImputedValuesError(ValueError):
    """Values that were filled in were handed to a test as if they had been measured."""


@dataclass(frozen=True)
class Filled:
    """A table without gaps: `values` (rows, columns) and `imputed`, true where a value was filled in."""

    values: Array
    imputed: NDArray[np.bool_]


def fill_from(source: ArrayLike, target: ArrayLike, train: ArrayLike, *, penalty: float = 1.0) -> Filled:
    """Fill gaps of one modality by ridge regression on the other, learned on training rows only.

    Gaps of the source itself, and of the target where nothing can be learned, become the mean of the training rows.

    Parameters
    ----------
    source : array, shape (rows, p), of the modality that predicts.
    target : array, shape (rows, q), with NaN where values are missing.
    train : indices of rows to learn from; the outcome is never used.
    penalty : of each standardised source column, per training row times p.

    Returns
    -------
    Filled, of the target.

    Raises
    ------
    ValueError : a target column without any measured training row.

    Examples
    --------
    >>> x = np.arange(6.0)[:, None]
    >>> y = np.array([[0.0], [2.0], [4.0], [6.0], [8.0], [np.nan]])
    >>> got = fill_from(x, y, [0, 1, 2, 3, 4], penalty=1e-9)
    >>> round(float(got.values[5, 0]), 3), got.imputed[:, 0].tolist()
    (10.0, [False, False, False, False, False, True])
    """
    x, y = np.array(source, dtype=float), np.array(target, dtype=float)
    rows = np.asarray(train)
    gaps = np.isnan(y)
    empty = np.flatnonzero(gaps[rows].all(axis=0))
    if len(empty):
        raise ValueError(f"Every column needs a measured training row. Given none in column {empty[0] + 1}.")
    x = _filled_with_mean(x, rows)
    centre, spread = x[rows].mean(axis=0), x[rows].std(axis=0)
    x = (x - centre) / np.where(spread > 0, spread, 1)
    filled = y.copy()
    for pattern in np.unique(gaps, axis=1).T:  # columns with the same gaps share one solution
        columns = np.flatnonzero((gaps == pattern[:, None]).all(axis=0))
        if not pattern.any():
            continue
        known = rows[~pattern[rows]]
        middle, mean = x[known].mean(axis=0), y[np.ix_(known, columns)].mean(axis=0)
        a = x[known] - middle
        ridge = penalty * x.shape[1] * np.eye(x.shape[1])
        slope = np.linalg.solve(a.T @ a + ridge, a.T @ (y[np.ix_(known, columns)] - mean))
        missing = np.flatnonzero(pattern)
        filled[np.ix_(missing, columns)] = mean + (x[missing] - middle) @ slope
    return Filled(filled, gaps)


def _filled_with_mean(values: Array, rows: NDArray[np.intp]) -> Array:
    """Gaps filled with the mean of the training rows; zero where a column has none."""
    known = ~np.isnan(values[rows])
    count = np.maximum(known.sum(axis=0), 1)
    return np.where(np.isnan(values), np.nansum(values[rows], axis=0) / count, values)


@dataclass(frozen=True)
class RankTest:
    """Rank-sum test of subjects with against without an outcome, on measured values only."""

    auc: float
    p: float
    with_outcome: int
    without: int
    left_out: int
    method: str = "Mann–Whitney on subject means, two-sided, asymptotic with tie correction"


def rank_test_measured(
    values: ArrayLike, outcome: ArrayLike, subject: ArrayLike, imputed: ArrayLike | None = None
) -> RankTest:
    """Test one column against the outcome, a subject counting once by the mean of its measured values.

    Parameters
    ----------
    values : array, shape (rows,); NaN is left out and its subjects are counted.
    imputed : flags of values that were filled in.

    Raises
    ------
    ImputedValuesError : an imputed value is among the values; hand in the column before it was filled.
    ValueError : fewer than two subjects on one side.

    Examples
    --------
    >>> found = rank_test_measured([1, 2, 3, 4, 5, np.nan], [0, 0, 0, 1, 1, 1], list("abcdef"))
    >>> found.auc, found.with_outcome, found.left_out
    (1.0, 2, 1)
    >>> rank_test_measured([1.0, 2.0], [0, 1], ["a", "b"], imputed=[False, True])
    Traceback (most recent call last):
    ...
    compendium.radiopathomics.imputation.ImputedValuesError: A p-value is made of measured values. Given 1 imputed of 2.
    """
    v, y, label = np.asarray(values, dtype=float), np.asarray(outcome), np.asarray(subject)
    refuse_imputed(imputed, len(v))
    measured = ~np.isnan(v)
    names, code = np.unique(label[measured], return_inverse=True)
    means = np.bincount(code, v[measured]) / np.maximum(np.bincount(code), 1)
    classes = np.bincount(code, y[measured] > 0) / np.maximum(np.bincount(code), 1) > 0.5
    high, low = means[classes], means[~classes]
    check_minimum(min(len(high), len(low)), 2, "measured subjects on each side")
    found = stats.mannwhitneyu(high, low, alternative="two-sided", method="asymptotic")
    left_out = len(np.unique(label)) - len(names)
    return RankTest(
        float(found.statistic) / (len(high) * len(low)), float(found.pvalue), len(high), len(low), left_out
    )


def refuse_imputed(imputed: ArrayLike | None, count: int) -> None:
    """Refuse values of which some are flagged as filled in.

    Raises
    ------
    ImputedValuesError : any flag is set.
    """
    flags = 0 if imputed is None else int(np.count_nonzero(imputed))
    if flags:
        raise ImputedValuesError(f"A p-value is made of measured values. Given {flags} imputed of {count}.")
