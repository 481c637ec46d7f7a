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
from compendium.statistics.spearman_null import LARGEST_OF_R, spearman_edgeworth_p, spearman_exact_p

__all__ = [
    "Decomposition",
    "compare_dependent_correlations",
    "decompose_correlation",
    "fisher_comparison",
    "meng_test",
    "pearson",
    "repeated_measures_correlation",
    "spearman",
    "spearman_edgeworth_p",
    "spearman_exact_p",
]

Array = NDArray[np.float64]
EXACT_BY_DEFAULT = 9  # as R's cor.test: the permutation distribution is enumerated up to here


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
    p : {"auto", "exact", "t", "edgeworth", "r"}
        The permutation distribution given the midranks (two-sided by |ρ|); the t approximation with n − 2
        degrees of freedom; the Edgeworth series of Best & Roberts (1975, AS 89), for untied pairs.
        ``"auto"`` is exact up to n = 9, with ties too, and t beyond. ``"r"`` prints what R's ``cor.test``
        prints: exact up to n = 9, AS 89 from 10 to 1290, t with any tie or from 1291 on.

    Raises
    ------
    ValueError
        As `pearson`; also for an exact p with more than 12 pairs, and for ``"edgeworth"`` with ties.

    Examples
    --------
    >>> got = spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    >>> round(got.r, 3), round(got.p, 4), got.method
    (0.8, 0.1333, 'Spearman, bonett-wright, exact p')
    """
    check_choice(interval, ["bonett-wright", "fieller", "fisher"], "interval")
    check_choice(p, ["auto", "exact", "t", "edgeworth", "r"], "p")
    a, b, dropped = _pairs(x, y)
    n = len(a)
    ranks_a, ranks_b = stats.rankdata(a), stats.rankdata(b)
    rho = correlate(ranks_a, ranks_b)
    chosen = _choose_p(p, n, tied=len(np.unique(a)) < n or len(np.unique(b)) < n)
    exact_or_series = {"exact": spearman_exact_p, "edgeworth": spearman_edgeworth_p}
    value = exact_or_series[chosen](a, b) if chosen in exact_or_series else t_p_value(rho, n - 2)
    factor = {"bonett-wright": 1 + rho**2 / 2, "fieller": 1.06, "fisher": 1.0}[interval]
    lower, upper = fisher_limits(rho, n, confidence, factor, 3)
    method = f"Spearman, {interval}, {chosen} p"
    return Correlation(rho, n, lower, upper, value, confidence, method, dropped)


def _choose_p(p: str, n: int, *, tied: bool) -> str:
    """Name of the p that a switching rule arrives at."""
    if p == "auto":
        return "exact" if n <= EXACT_BY_DEFAULT else "t"
    if p == "r":
        if tied or n > LARGEST_OF_R:
            return "t"
        return "exact" if n <= EXACT_BY_DEFAULT else "edgeworth"
    return p


def _pairs(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array, int]:
    (a, b), dropped = drop_incomplete(x=x, y=y)
    check_pairs(a, b)
    return a, b, dropped
