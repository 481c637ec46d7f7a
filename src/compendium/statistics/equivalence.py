"""Equivalence: two one-sided tests, and the rule "no difference above the margin" that some papers mean by
the word.

The two answer different questions. TOST asks whether the *population mean* difference lies inside the
margins; the maximum-difference rule describes the observed values only, carries no error rate and gets
harder with more values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from compendium.base.validation import as_vector, check_between, check_choice, check_minimum, drop_incomplete
from compendium.statistics.groups import read_groups, refuse_constant
from compendium.statistics.results import Interval


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests.

    Attributes
    ----------
    estimate : float
        Mean difference, in the unit of the data.
    low, high : float
        Margins.
    p_low, p_high, p : float
        One-sided p against "difference ≤ low" and "difference ≥ high"; p is the larger.
    df : float
    interval : Interval
        The (1 − 2α) interval: inside the margins exactly when p < α.
    equivalent : bool
        p < α.
    n, dropped : int
    method : str
    """

    estimate: float
    low: float
    high: float
    p_low: float
    p_high: float
    p: float
    df: float
    interval: Interval
    equivalent: bool
    n: int
    dropped: int
    method: str


def tost_groups(
    first: ArrayLike, second: ArrayLike, *, low: float, high: float, variances: str, alpha: float = 0.05
) -> Equivalence:
    """TOST for two independent groups, difference first − second.

    Parameters
    ----------
    low, high : float
        Margins, low < high, in the unit of the data.
    variances : {"welch", "pooled"}

    Examples
    --------
    >>> first, second = [9.8, 10.1, 10.0, 10.3], [10.0, 10.2, 9.9, 10.1]
    >>> result = tost_groups(first, second, low=-0.5, high=0.5, variances="welch")
    >>> result.equivalent, round(result.p, 4)
    (True, 0.0047)
    """
    check_choice(variances, ("welch", "pooled"), "variances")
    _, (a, b), dropped = read_groups({"first": first, "second": second}, minimum=2)
    refuse_constant((a, b))
    parts = np.array([a.var(ddof=1), b.var(ddof=1)])
    sizes = np.array([len(a), len(b)])
    if variances == "pooled":
        df = float(sizes.sum() - 2)
        spread = float(np.sqrt(((sizes - 1) * parts).sum() / df * (1 / sizes).sum()))
    else:
        share = parts / sizes
        df = float(share.sum() ** 2 / (share**2 / (sizes - 1)).sum())
        spread = float(np.sqrt(share.sum()))
    return _tost(
        float(a.mean() - b.mean()), spread, df, low, high, alpha, int(sizes.sum()), dropped, variances
    )


def tost_paired(
    first: ArrayLike, second: ArrayLike, *, low: float, high: float, alpha: float = 0.05
) -> Equivalence:
    """TOST for pairs, difference first − second; incomplete pairs are dropped.

    Examples
    --------
    >>> result = tost_paired([80, 85, 90, 88], [82, 84, 91, 87], low=-5, high=5)
    >>> result.equivalent, round(result.p, 4)
    (True, 0.004)
    """
    (a, b), dropped = drop_incomplete(first=first, second=second)
    check_minimum(len(a), 2, "complete pairs")
    difference = np.sort(a - b)
    refuse_constant((difference,))
    n = len(difference)
    spread = float(difference.std(ddof=1) / np.sqrt(n))
    return _tost(float(difference.mean()), spread, float(n - 1), low, high, alpha, n, dropped, "paired")


def _tost(
    estimate: float,
    spread: float,
    df: float,
    low: float,
    high: float,
    alpha: float,
    n: int,
    dropped: int,
    name: str,
) -> Equivalence:
    check_between(alpha, 0, 0.5, "alpha", open_ends=True)
    if not low < high:
        raise ValueError(f"Margins must satisfy low < high. Given low={low:g}, high={high:g}.")
    p_low = float(stats.t.sf((estimate - low) / spread, df))
    p_high = float(stats.t.cdf((estimate - high) / spread, df))
    half = float(stats.t.isf(alpha, df)) * spread
    method = f"two one-sided tests, {name}"
    interval = Interval(estimate, estimate - half, estimate + half, 1 - 2 * alpha, method)
    p = max(p_low, p_high)
    return Equivalence(estimate, low, high, p_low, p_high, p, df, interval, p < alpha, n, dropped, method)


@dataclass(frozen=True)
class MaximumDifference:
    """Largest absolute difference, where it is, and whether it stays within the margin (margin included)."""

    largest: float
    index: int
    margin: float
    within: bool
    n: int
    dropped: int


def maximum_difference(
    values: ArrayLike, reference: ArrayLike | float, *, margin: float
) -> MaximumDifference:
    """The rule "stable if no value is more than `margin` from its reference" (schroers2026: 5 percentage
    points).

    Parameters
    ----------
    values : array-like, shape (n,)
    reference : array-like, shape (n,), or float
    margin : float
        In the unit of the values, inclusive.

    Examples
    --------
    >>> maximum_difference([44, 38, 52], [40, 40, 47], margin=5)
    MaximumDifference(largest=5.0, index=2, margin=5, within=True, n=3, dropped=0)
    """
    if not margin >= 0:
        raise ValueError(f"margin must not be negative. Given {margin}.")
    given = as_vector(values, "values")
    base = as_vector(
        np.broadcast_to(reference, len(given)) if np.ndim(reference) == 0 else reference, "reference"
    )
    if len(base) != len(given):
        raise ValueError(
            f"values and reference must have the same length. Given {len(given)} and {len(base)}."
        )
    distance = np.abs(given - base)
    kept = ~np.isnan(distance)
    check_minimum(int(kept.sum()), 1, "complete pairs")
    index = int(np.nanargmax(distance))
    largest = float(distance[index])
    within = largest <= margin * (1 + 1e-12)
    return MaximumDifference(largest, index, margin, within, int(kept.sum()), int((~kept).sum()))
