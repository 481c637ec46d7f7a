"""Exact distributions of rank statistics, with ties, and the Hodges–Lehmann estimates that belong to them.

The distributions are counted, not sampled: subsets (rank sum) or sign patterns (signed rank) are enumerated
by a sum over integers, with ranks doubled so that midranks stay integers (Streitberg and Röhmel 1986, shift
algorithm).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from compendium.statistics.results import Interval

Array = NDArray[np.float64]
LARGEST_TABLE = 5e8  # additions; beyond it the exact distribution costs seconds and the normal one is as good
LARGEST_PAIRS = 25_000_000  # pairwise differences held in memory (200 MB)


def rank_sum_distribution(ranks: Array, size: int) -> tuple[NDArray[np.int64], Array]:
    """Support (sums of doubled ranks) and probabilities of the rank sum of `size` out of ``len(ranks)``
    values.

    Examples
    --------
    >>> support, probability = rank_sum_distribution(np.array([1.0, 2.0, 3.0]), 1)
    >>> support[probability > 0], probability[probability > 0]
    (array([2, 4, 6]), array([0.33333333, 0.33333333, 0.33333333]))
    """
    doubled = np.rint(2 * ranks).astype(np.int64)
    total = int(np.sort(doubled)[::-1][:size].sum())
    if len(doubled) * size * total > LARGEST_TABLE:
        raise ValueError(
            f"The exact rank-sum distribution is limited to some 200 values. Given {len(doubled)}."
        )
    ways = np.zeros((size + 1, total + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        if rank <= total:
            ways[1:, rank:] += ways[:-1, : total + 1 - rank].copy()
    return np.arange(total + 1), ways[size] / ways[size].sum()


def signed_rank_distribution(ranks: Array) -> tuple[NDArray[np.int64], Array]:
    """Support (sums of doubled ranks) and probabilities of the positive rank sum under random signs.

    Examples
    --------
    >>> signed_rank_distribution(np.array([1.0, 2.0]))[1]  # doubled sums 0 to 6
    array([0.25, 0.  , 0.25, 0.  , 0.25, 0.  , 0.25])
    """
    doubled = np.rint(2 * ranks).astype(np.int64)
    total = int(doubled.sum())
    if len(doubled) * total > LARGEST_TABLE:
        raise ValueError(
            f"The exact signed-rank distribution is limited to some 500 pairs. Given {len(doubled)}."
        )
    probability = np.zeros(total + 1)
    probability[0] = 1.0
    for rank in doubled:
        shifted = np.zeros_like(probability)
        shifted[rank:] = probability[: total + 1 - rank]
        probability = (probability + shifted) / 2
    return np.arange(total + 1), probability


def tail_probability(support: NDArray[np.int64], probability: Array, value: int, alternative: str) -> float:
    """P(T ≥ t), P(T ≤ t), or P(|T − E T| ≥ |t − E T|).

    Examples
    --------
    >>> tail_probability(np.arange(3), np.array([0.25, 0.5, 0.25]), 2, "two-sided")
    0.5
    """
    if alternative == "greater":
        chosen = support >= value
    elif alternative == "less":
        chosen = support <= value
    else:
        mean = float((support * probability).sum())
        chosen = np.abs(support - mean) >= abs(value - mean) - 1e-7
    return float(min(1.0, probability[chosen].sum()))


def exact_rank_sum_p(ranks: Array, size: int, alternative: str) -> float:
    """Exact p of the rank sum of the first `size` ranks, conditional on the ties.

    Examples
    --------
    >>> round(exact_rank_sum_p(np.array([1.0, 2.0, 3.0, 4.0]), 2, "two-sided"), 4)
    0.3333
    """
    small = min(size, len(ranks) - size)
    flip = small != size
    observed = round(2 * (ranks[size:].sum() if flip else ranks[:size].sum()))
    side = {"greater": "less", "less": "greater"}.get(alternative, alternative) if flip else alternative
    return tail_probability(*rank_sum_distribution(ranks, small), observed, side)


def exact_signed_rank_p(ranks: Array, v: float, alternative: str) -> float:
    """Exact p of the positive rank sum `v` under all sign changes; 1 when no difference is left.

    Examples
    --------
    >>> exact_signed_rank_p(np.array([1.0, 2.0, 3.0]), 6.0, "two-sided")
    0.25
    """
    if len(ranks) == 0:
        return 1.0
    return tail_probability(*signed_rank_distribution(ranks), round(2 * v), alternative)


def hodges_lehmann_shift(first: Array, second: Array, *, exact: bool, confidence: float) -> Interval:
    """Median of all differences first − second with its distribution-free interval.

    `exact` takes the order statistics from the exact distribution without ties (as R does); else from the
    normal approximation with tie correction.

    Raises
    ------
    ValueError
        If n1·n2 exceeds 25 million differences.

    Examples
    --------
    >>> hodges_lehmann_shift(np.array([1.0, 2, 3, 4]), np.array([5.0, 6, 7, 9]), exact=True, confidence=0.95)
    Interval(estimate=-4.0, lower=-8.0, upper=-1.0, confidence=0.95, method='Hodges–Lehmann shift, exact')
    """
    m, n = len(first), len(second)
    if m * n > LARGEST_PAIRS:
        raise ValueError(f"Hodges–Lehmann is limited to {LARGEST_PAIRS} differences. Given {m} × {n} values.")
    differences = np.sort(np.subtract.outer(first, second).ravel())
    if exact:
        k = _lower_index(*rank_sum_distribution(np.arange(1.0, m + n + 1), min(m, n)), confidence)
    else:
        _, counts = np.unique(np.concatenate([first, second]), return_counts=True)
        total = m + n
        ties = (counts.astype(float) ** 3 - counts).sum() / max(total * (total - 1), 1)
        k = _normal_index(m * n, np.sqrt(m * n / 12 * (total + 1 - ties)), confidence)
    return _order_statistic_interval(differences, k, confidence, "Hodges–Lehmann shift", exact)


def hodges_lehmann_paired(difference: Array, *, exact: bool, confidence: float) -> Interval:
    """Pseudomedian: median of the Walsh averages of all differences (zeros included), with its interval.

    Examples
    --------
    >>> hodges_lehmann_paired(np.array([1.0, 2, 3, 4, 5, 6]), exact=True, confidence=0.95).upper
    6.0
    """
    n = len(difference)
    if n * n > LARGEST_PAIRS:
        raise ValueError(f"Hodges–Lehmann is limited to {LARGEST_PAIRS} averages. Given {n} pairs.")
    i, j = np.triu_indices(n)
    walsh = np.sort((difference[i] + difference[j]) / 2)
    if exact:
        k = _lower_index(*signed_rank_distribution(np.arange(1.0, n + 1)), confidence)
    else:
        k = _normal_index(len(walsh), np.sqrt(n * (n + 1) * (2 * n + 1) / 24), confidence)
    return _order_statistic_interval(walsh, k, confidence, "Hodges–Lehmann pseudomedian", exact)


def _lower_index(support: NDArray[np.int64], probability: Array, confidence: float) -> int:
    """Number of the lower order statistic, from 1, by an exact distribution (doubled support, no ties)."""
    values = probability[support[probability > 0][0] :: 2]
    quantile = int(np.searchsorted(np.cumsum(values), (1 - confidence) / 2 * (1 - 1e-12)))
    return max(quantile, 1)


def _normal_index(count: int, spread: float, confidence: float) -> int:
    return max(int(np.floor(count / 2 - stats.norm.isf((1 - confidence) / 2) * spread)), 1)


def _order_statistic_interval(values: Array, k: int, confidence: float, name: str, exact: bool) -> Interval:
    method = f"{name}, {'exact' if exact else 'normal'}"
    return Interval(float(np.median(values)), float(values[k - 1]), float(values[-k]), confidence, method)
