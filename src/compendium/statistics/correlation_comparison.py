"""Comparisons of two correlations, of independent groups (Fisher) or of the same cases (Meng).

The names can be imported from `compendium.statistics.correlation` as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from compendium.base.validation import check_between, check_choice, check_minimum, drop_incomplete
from compendium.statistics.correlation_formulas import check_spread, correlate, fisher_limits
from compendium.statistics.results import Interval, TestResult


def fisher_comparison(
    r1: float, n1: int, r2: float, n2: int, kind: str = "pearson", confidence: float = 0.95
) -> TestResult:
    """Two-sided test that correlations of two independent groups are equal (Fisher's z).

    Parameters
    ----------
    kind : {"pearson", "spearman"}
        Variance of each atanh: 1/(n − 3), or 1.06/(n − 3) (Fieller). Clustered samples make both too small.

    Returns
    -------
    TestResult
        ``estimate`` is r1 − r2 with Zou's (2007) interval, made from the limits of the two correlations.

    Examples
    --------
    >>> test = fisher_comparison(0.41, 34, -0.12, 32, kind="spearman")
    >>> round(test.statistic, 2), round(test.p, 3)
    (2.09, 0.037)
    """
    check_choice(kind, ["pearson", "spearman"], "kind")
    for name, r in (("r1", r1), ("r2", r2)):
        check_between(r, -1, 1, name, open_ends=True)
    check_minimum(min(n1, n2), 4, "pairs in each group")
    factor = 1.0 if kind == "pearson" else 1.06
    z = float((np.arctanh(r1) - np.arctanh(r2)) / np.sqrt(factor / (n1 - 3) + factor / (n2 - 3)))
    l1, u1 = fisher_limits(r1, n1, confidence, factor, 3)
    l2, u2 = fisher_limits(r2, n2, confidence, factor, 3)
    gap = r1 - r2
    lower, upper = gap - np.hypot(r1 - l1, u2 - r2), gap + np.hypot(u1 - r1, r2 - l2)
    name = f"Fisher z, {kind} variance"
    interval = Interval(gap, float(lower), float(upper), confidence, f"Zou 2007, {kind} variance")
    return TestResult(
        z, float(2 * stats.norm.sf(abs(z))), None, n1 + n2, name, estimate=gap, interval=interval
    )


def meng_test(
    r1: float, r2: float, r12: float, n: int, signs: tuple[int, int] = (1, 1), confidence: float = 0.95
) -> TestResult:
    """Two-sided test of two correlations with the same variable (Meng, Rosenthal & Rubin 1992).

    Parameters
    ----------
    r1, r2 : float
        Correlations of the two predictors with the outcome.
    r12 : float
        Correlation of the two predictors with each other.
    n : int
        Cases, the same for all three correlations.
    signs : pair of 1 or −1
        Direction of each predictor: (1, −1) turns the second one round, so that a marker that falls where
        another rises is compared by strength. r12 is turned accordingly. Nothing is turned unless asked for.

    Returns
    -------
    TestResult
        ``statistic`` z, ``estimate`` and ``interval`` the difference atanh(r1) − atanh(r2) after turning.

    Raises
    ------
    ValueError
        If no three variables can have these correlations.

    Examples
    --------
    >>> test = meng_test(0.63, -0.03, -0.19, n=15)
    >>> round(test.statistic, 2), round(test.interval.lower, 3), round(test.interval.upper, 3)
    (1.68, -0.129, 1.672)
    """
    if set(signs) - {1, -1} or len(signs) != 2:
        raise ValueError(f"signs must be two of 1 and -1. Given {signs}.")
    check_minimum(n, 4, "cases")
    for name, r in (("r1", r1), ("r2", r2)):
        check_between(r, -1, 1, name, open_ends=True)
    check_between(r12, -1, 1, "r12")
    if 1 + 2 * r1 * r2 * r12 - r1**2 - r2**2 - r12**2 < -1e-12:
        raise ValueError(
            f"No three variables have these correlations. Given r1 = {r1}, r2 = {r2}, r12 = {r12}."
        )
    a, b, c = signs[0] * r1, signs[1] * r2, signs[0] * signs[1] * r12
    mean_square = (a**2 + b**2) / 2
    f = min((1 - c) / (2 * (1 - mean_square)), 1.0)
    h = (1 - f * mean_square) / (1 - mean_square)
    gap = float(np.arctanh(a) - np.arctanh(b))
    se = float(np.sqrt(2 * (1 - c) * h / (n - 3)))
    z = gap / se if se > 0 else (0.0 if gap == 0 else float(np.copysign(np.inf, gap)))
    half = float(stats.norm.isf((1 - confidence) / 2)) * se
    name = f"Meng z, signs {signs[0]:+d} {signs[1]:+d}"
    interval = Interval(gap, gap - half, gap + half, confidence, f"{name}, difference of atanh")
    return TestResult(z, float(2 * stats.norm.sf(abs(z))), None, n, name, estimate=gap, interval=interval)


def compare_dependent_correlations(
    outcome: ArrayLike, first: ArrayLike, second: ArrayLike, signs: tuple[int, int] = (1, 1),
    kind: str = "pearson", confidence: float = 0.95,
) -> TestResult:  # fmt: skip
    """`meng_test` from data; cases with any of the three values missing are dropped from all correlations.

    Parameters
    ----------
    kind : {"pearson", "spearman"}
        With ranks the test is an approximation that is in wide use, not a theorem.

    Examples
    --------
    >>> outcome, rises, falls = [1, 2, 3, 4, 5], [1, 3, 2, 4, 5], [5, 3, 4, 1, 2]
    >>> test = compare_dependent_correlations(outcome, rises, falls, signs=(1, -1))
    >>> round(test.estimate, 3), test.n
    (0.374, 5)
    """
    check_choice(kind, ["pearson", "spearman"], "kind")
    (y, a, b), _ = drop_incomplete(outcome=outcome, first=first, second=second)
    check_minimum(len(y), 4, "complete cases")
    if kind == "spearman":
        y, a, b = stats.rankdata(y), stats.rankdata(a), stats.rankdata(b)
    for name, values in (("outcome", y), ("first", a), ("second", b)):
        check_spread(values, name)
    return meng_test(correlate(y, a), correlate(y, b), correlate(a, b), len(y), signs, confidence)
