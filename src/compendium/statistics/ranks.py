"""Rank tests: every test states its method, correction and zero rule; none is chosen silently.

R's own switching rule is available by name (``method="r"``), so that "what R prints" can be written out.
Missing values are dropped within each group (within each pair for paired tests) and counted in ``dropped``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_choice, check_minimum, drop_incomplete
from compendium.statistics.groups import ALTERNATIVES, Groups, GroupTest, read_groups
from compendium.statistics.rank_distributions import (
    exact_rank_sum_p,
    exact_signed_rank_p,
    hodges_lehmann_paired,
    hodges_lehmann_shift,
)

Array = NDArray[np.float64]


def mann_whitney(
    first: ArrayLike,
    second: ArrayLike,
    *,
    method: str,
    continuity: bool = True,
    alternative: str = "two-sided",
    confidence: float = 0.95,
) -> GroupTest:
    """Mann–Whitney U (Wilcoxon rank sum) with the Hodges–Lehmann shift.

    Parameters
    ----------
    method : {"exact", "asymptotic", "r"}
        ``"exact"``: permutation distribution of the midranks, valid with ties (R: `coin`, not `wilcox.test`).
        ``"asymptotic"``: normal with tie correction. ``"r"``: the rule of R's `wilcox.test`: exact if both
        groups have fewer than 50 values and nothing is tied, else asymptotic with continuity correction.
        (scipy's ``"auto"`` switches elsewhere, and its ``"exact"`` ignores ties.)
    continuity : bool
        Half-unit correction, used by ``"asymptotic"`` only.
    alternative : {"two-sided", "greater", "less"}
        "greater": `first` tends to be larger. Exact two-sided p: P(|U − E U| ≥ |u − E U|).

    Returns
    -------
    GroupTest
        ``statistic``: U of `first` (R's W). ``estimate``: median of all n1·n2 differences first − second (R
        prints a root of the normal score instead when it is not exact; that root lies within one difference).
        With every value equal, p = 1: the permutation distribution has one point.

    Examples
    --------
    >>> result = mann_whitney([1.1, 2.2, 3.3], [2.5, 4.4, 5.5, 6.6], method="exact")
    >>> result.statistic, round(result.p, 4), round(result.estimate, 3)
    (1.0, 0.1143, -2.75)
    """
    check_choice(method, ("exact", "asymptotic", "r"), "method")
    check_choice(alternative, ALTERNATIVES, "alternative")
    _, (a, b), dropped = read_groups({"first": first, "second": second})
    ranks = stats.rankdata(np.concatenate([a, b]))
    tied = len(np.unique(ranks)) < len(ranks)
    exact = method == "exact" or (method == "r" and not tied and max(len(a), len(b)) < 50)
    corrected = continuity or method == "r"
    u = float(ranks[: len(a)].sum() - len(a) * (len(a) + 1) / 2)
    if exact:
        p, name = exact_rank_sum_p(ranks, len(a), alternative), "Mann–Whitney, exact" + " with ties" * tied
    else:
        p = _asymptotic_rank_sum_p(a, b, corrected, alternative)
        name = "Mann–Whitney, normal, " + (
            "continuity corrected" if corrected else "no continuity correction"
        )
    interval = hodges_lehmann_shift(a, b, exact=exact, confidence=confidence)
    return GroupTest(
        u, p, None, len(ranks), name, alternative, interval.estimate, interval, (len(a), len(b)), dropped
    )


def _asymptotic_rank_sum_p(a: Array, b: Array, continuity: bool, alternative: str) -> float:
    if np.ptp(np.concatenate([a, b])) == 0:
        return 1.0
    result = stats.mannwhitneyu(a, b, use_continuity=continuity, alternative=alternative, method="asymptotic")
    return min(1.0, float(result.pvalue))


def wilcoxon_signed_rank(
    first: ArrayLike,
    second: ArrayLike,
    *,
    method: str,
    zeros: str,
    continuity: bool = True,
    alternative: str = "two-sided",
    confidence: float = 0.95,
) -> GroupTest:
    """Wilcoxon signed-rank test on first − second with the Hodges–Lehmann pseudomedian.

    Parameters
    ----------
    method : {"exact", "asymptotic", "r"}
        ``"exact"``: all sign changes of the midranks, valid with ties and zeros. ``"r"``: R's rule: exact
        if n < 50 without ties or zeros, else normal with continuity correction and zeros dropped.
    zeros : {"wilcoxon", "pratt"}
        Differences of zero are dropped before ranking, or ranked and then dropped.

    Returns
    -------
    GroupTest
        ``statistic``: V, the sum of the positive ranks. ``n``: complete pairs. ``estimate``: median of the
        Walsh averages of *all* differences. With all pairs equal, p = 1.

    Examples
    --------
    >>> result = wilcoxon_signed_rank([5, 7, 3, 9], [4, 4, 5, 5], method="exact", zeros="wilcoxon")
    >>> result.statistic, result.p, result.estimate
    (8.0, 0.375, 1.5)
    """
    check_choice(method, ("exact", "asymptotic", "r"), "method")
    check_choice(zeros, ("wilcoxon", "pratt"), "zeros")
    check_choice(alternative, ALTERNATIVES, "alternative")
    (a, b), dropped = drop_incomplete(first=first, second=second)
    check_minimum(len(a), 1, "complete pairs")
    difference = np.sort(a - b)
    nonzero, ranks = _signed_ranks(difference, "wilcoxon" if method == "r" else zeros)
    clean = len(nonzero) == len(difference) and len(np.unique(ranks)) == len(ranks)
    exact = method == "exact" or (method == "r" and clean and len(difference) < 50)
    corrected = continuity or method == "r"
    v = float(ranks[nonzero > 0].sum())
    if exact:
        p, name = exact_signed_rank_p(ranks, v, alternative), "exact"
    else:
        p, name = (
            _normal_signed_rank_p(ranks, v, corrected, alternative),
            "normal" + ", continuity" * corrected,
        )
    interval = hodges_lehmann_paired(difference, exact=exact, confidence=confidence)
    n = len(difference)
    return GroupTest(
        v,
        p,
        None,
        n,
        f"Wilcoxon signed rank, {name}, zeros by {zeros if method != 'r' else 'wilcoxon'}",
        alternative,
        interval.estimate,
        interval,
        (n, n),
        dropped,
    )


def _signed_ranks(difference: Array, zeros: str) -> tuple[Array, Array]:
    """Non-zero differences and the ranks of their magnitudes under the zero rule."""
    keep = difference != 0
    if zeros == "wilcoxon":
        return difference[keep], stats.rankdata(np.abs(difference[keep]))
    return difference[keep], stats.rankdata(np.abs(difference))[keep]


def _normal_signed_rank_p(ranks: Array, v: float, continuity: bool, alternative: str) -> float:
    spread = np.sqrt((ranks**2).sum()) / 2
    if spread == 0:
        return 1.0
    shift = v - ranks.sum() / 2
    half = 0.5 if continuity else 0.0
    if alternative == "two-sided":
        return float(min(1.0, 2 * stats.norm.sf((abs(shift) - half) / spread)))
    side = 1.0 if alternative == "greater" else -1.0
    return float(stats.norm.sf((side * shift - half) / spread))


def kruskal_wallis(groups: Groups) -> GroupTest:
    """Kruskal–Wallis H with tie correction, χ² approximation; p = 1 when every value is equal (scipy raises).

    Examples
    --------
    >>> result = kruskal_wallis({"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]})
    >>> round(result.statistic, 3), result.df, round(result.p, 4)
    (7.2, 2.0, 0.0273)
    """
    _, arrays, dropped = read_groups(groups)
    sizes, df = tuple(map(len, arrays)), float(len(arrays) - 1)
    h, p = (0.0, 1.0) if np.ptp(np.concatenate(arrays)) == 0 else stats.kruskal(*arrays)
    return GroupTest(float(h), float(p), df, sum(sizes), "Kruskal–Wallis, χ²", sizes=sizes, dropped=dropped)
