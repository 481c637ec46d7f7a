"""Correlations: Pearson and Spearman here, comparisons and clustered samples in modules named after them.

Pairs with a missing value are dropped and counted. A constant variable is refused: it has no correlation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_choice, drop_incomplete
from compendium.statistics.correlation_comparison import (
    compare_dependent_correlations,
    fisher_comparison,
    meng_test,
)
from compendium.statistics.correlation_formulas import check_pairs, correlate, fisher_limits, t_p_value
from compendium.statistics.correlation_within import (
    Decomposition,
    decompose_correlation,
    repeated_measures_correlation,
)
from compendium.statistics.results import Correlation

__all__ = [
    "Decomposition",
    "compare_dependent_correlations",
    "decompose_correlation",
    "fisher_comparison",
    "meng_test",
    "pearson",
    "repeated_measures_correlation",
    "spearman",
    "spearman_exact_p",
]

Array = NDArray[np.float64]
EXACT_BY_DEFAULT = 9  # as R's cor.test: the permutation distribution is enumerated up to here
EXACT_LIMIT = 12  # beyond this the enumeration takes seconds


def pearson(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Correlation:
    """Pearson's r with the t test and Fisher's interval, atanh(r) ± z/√(n − 3).

    With three pairs there is no interval (NaN), as in R.

    Raises
    ------
    ValueError
        With fewer than three complete pairs, or a constant variable.

    Examples
    --------
    >>> got = pearson([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    >>> round(got.r, 3), round(got.p, 3), round(got.lower, 3)
    (0.8, 0.104, -0.28)
    """
    a, b, dropped = _pairs(x, y)
    r = correlate(a, b)
    lower, upper = fisher_limits(r, len(a), confidence, 1.0, 3)
    return Correlation(
        r, len(a), lower, upper, t_p_value(r, len(a) - 2), confidence, "Pearson, Fisher, t", dropped
    )


def spearman(
    x: ArrayLike, y: ArrayLike, confidence: float = 0.95, interval: str = "bonett-wright", p: str = "auto"
) -> Correlation:
    """Spearman's ρ (midranks) with a named interval and a named p.

    Parameters
    ----------
    interval : {"bonett-wright", "fieller", "fisher"}
        All are atanh(ρ) ± z·√v. Bonett & Wright (2000): v = (1 + ρ²/2)/(n − 3); Fieller, Hartley & Pearson
        (1957): v = 1.06/(n − 3); Fisher: v = 1/(n − 3), made for Pearson's r and too narrow here, but often
        printed.
    p : {"auto", "exact", "t"}
        The permutation distribution given the midranks (two-sided by |ρ|), or the t approximation with n
        − 2 degrees of freedom. ``"auto"`` is exact up to n = 9 (R's limit; with ties R falls back to t, here
        it stays exact).

    Raises
    ------
    ValueError
        As `pearson`; also for an exact p with more than 12 pairs.

    Examples
    --------
    >>> got = spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    >>> round(got.r, 3), round(got.p, 4), got.method
    (0.8, 0.1333, 'Spearman, bonett-wright, exact p')
    """
    check_choice(interval, ["bonett-wright", "fieller", "fisher"], "interval")
    check_choice(p, ["auto", "exact", "t"], "p")
    a, b, dropped = _pairs(x, y)
    n = len(a)
    ranks_a, ranks_b = stats.rankdata(a), stats.rankdata(b)
    rho = correlate(ranks_a, ranks_b)
    exact = p == "exact" or (p == "auto" and n <= EXACT_BY_DEFAULT)
    value = spearman_exact_p(ranks_a, ranks_b) if exact else t_p_value(rho, n - 2)
    factor = {"bonett-wright": 1 + rho**2 / 2, "fieller": 1.06, "fisher": 1.0}[interval]
    lower, upper = fisher_limits(rho, n, confidence, factor, 3)
    method = f"Spearman, {interval}, {'exact' if exact else 't'} p"
    return Correlation(rho, n, lower, upper, value, confidence, method, dropped)


def spearman_exact_p(x: ArrayLike, y: ArrayLike) -> float:
    """Two-sided exact p of Spearman's ρ: the share of all n! orders with |ρ| at least as large, ties kept.

    The n! orders are not listed: the distribution of Σ rank·rank is built up over subsets.

    Examples
    --------
    >>> spearman_exact_p([1, 2, 3], [1, 2, 3])
    0.3333333333333333
    """
    a, b, _ = _pairs(x, y)
    n = len(a)
    if n > EXACT_LIMIT:
        raise ValueError(f"The exact distribution is computed for at most {EXACT_LIMIT} pairs. Given {n}.")
    ra, rb = (
        np.rint(2 * stats.rankdata(v)).astype(int) for v in (a, b)
    )  # doubled midranks are whole numbers
    top = int(np.sort(ra) @ np.sort(rb)) + 1
    ways: dict[int, Array] = {0: np.zeros(top)}
    ways[0][0] = 1.0
    for i in range(n):
        grown: dict[int, Array] = {}
        for used, counts in ways.items():
            for j in range(n):
                if used >> j & 1:
                    continue
                step = int(ra[i] * rb[j])
                target = grown.setdefault(used | 1 << j, np.zeros(top))
                target[step:] += counts[: top - step]
        ways = grown
    counts = ways[(1 << n) - 1]
    centre = ra.sum() * rb.sum()  # n times the mean of the sum, so that distances stay whole numbers
    distance = np.abs(n * np.arange(top) - centre)
    return float(counts[distance >= abs(n * int(ra @ rb) - centre)].sum() / counts.sum())


def _pairs(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array, int]:
    (a, b), dropped = drop_incomplete(x=x, y=y)
    check_pairs(a, b)
    return a, b, dropped
