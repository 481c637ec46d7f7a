"""Null distribution of Spearman's ρ: all orders counted for few pairs, an Edgeworth series for many."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import drop_incomplete
from compendium.statistics.correlation_formulas import check_pairs

Array = NDArray[np.float64]
EXACT_LIMIT = 12  # beyond this the counting takes seconds
LARGEST_OF_R = 1290  # R's cor.test takes the t approximation from 1291 pairs on


def spearman_exact_p(x: ArrayLike, y: ArrayLike) -> float:
    """Two-sided exact p of Spearman's ρ: the share of all n! orders with |ρ| at least as large, ties kept.

    The n! orders are not listed: the distribution of Σ rank·rank is built up over subsets.

    Raises
    ------
    ValueError
        With more than 12 complete pairs, fewer than 3, or a constant variable.

    Examples
    --------
    >>> spearman_exact_p([1, 2, 3], [1, 2, 3])
    0.3333333333333333
    """
    (a, b), _ = drop_incomplete(x=x, y=y)
    check_pairs(a, b)
    n = len(a)
    if n > EXACT_LIMIT:
        raise ValueError(f"The exact distribution is computed for at most {EXACT_LIMIT} pairs. Given {n}.")
    # doubled midranks are whole numbers
    ra, rb = (np.rint(2 * stats.rankdata(v)).astype(int) for v in (a, b))
    counts = _count_orders(ra, rb)
    centre = ra.sum() * rb.sum()  # n times the mean of the sum, so that distances stay whole numbers
    distance = np.abs(n * np.arange(len(counts)) - centre)
    return float(counts[distance >= abs(n * int(ra @ rb) - centre)].sum() / counts.sum())


def spearman_edgeworth_p(x: ArrayLike, y: ArrayLike) -> float:
    """Two-sided p of Spearman's ρ by the Edgeworth series of Best & Roberts (1975, AS 89), untied pairs.

    The lower or upper tail of S = Σ(rank difference)², doubled, as R's ``cor.test`` does from 10 pairs on. Far out
    the series leaves [0, 1] and is cut, in R too: p = 0 then means "beyond the series", not certainty.

    Raises
    ------
    ValueError
        With ties (the series is made for untied ranks), fewer than 3 complete pairs, or a constant variable.

    Examples
    --------
    >>> x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    >>> round(spearman_edgeworth_p(x, [2, 1, 4, 3, 7, 5, 6, 11, 8, 9, 10]), 8)
    0.00022532
    """
    (a, b), _ = drop_incomplete(x=x, y=y)
    check_pairs(a, b)
    n = len(a)
    for name, values in (("x", a), ("y", b)):
        if len(np.unique(values)) < n:
            raise ValueError(f"{name} must not be tied for the Edgeworth series. Given ties in {n} values.")
    s = float(np.sum((stats.rankdata(a) - stats.rankdata(b)) ** 2))
    upper = s > (n**3 - n) / 6  # the tail on the side of S; S is even, so that its neighbour is S + 2
    return min(1.0, 2 * _edgeworth_tail(s if upper else s + 2, n, upper))


def _edgeworth_tail(s: float, n: int, upper: bool) -> float:
    """P(S ≥ s) or P(S < s): normal tail of the standardised S (continuity half the step of 2) and the series."""
    b = 1 / n
    x = (6 * (s - 1) * b / (n**2 - 1) - 1) * np.sqrt(n - 1)
    y = x * x
    inner = 0.0879 + 0.0151 * b - y * (0.0072 - 0.0831 * b + y * b * (0.0131 - 4.6e-4 * y))
    series = (
        x
        * b
        * (0.2274 + b * (0.2531 + 0.1745 * b) + y * (-0.0758 + b * (0.1033 + 0.3932 * b) - y * b * inner))
    )
    tail = series * np.exp(-y / 2)
    p = tail + stats.norm.sf(x) if upper else stats.norm.cdf(x) - tail
    return float(np.clip(p, 0, 1))


def _count_orders(ra: NDArray[np.int_], rb: NDArray[np.int_]) -> Array:
    """How many orders of `rb` give each value of Σ ra·rb, by the set of elements already used."""
    n, top = len(ra), int(np.sort(ra) @ np.sort(rb)) + 1
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
    return ways[(1 << n) - 1]
