"""What printed tests imply about numbers that are not printed: sample size, t, differences in SD, the rest of a cohort."""

from __future__ import annotations

from math import atanh, sqrt, tanh

import numpy as np
from scipy import optimize, stats

from compendium.statistics.correlation_comparison import meng_test
from compendium.statistics.printed_correlations import correlation_p


def implied_sample_size(r: float, p: float, most: float = 1e6) -> float:
    """Number of pairs at which a correlation has this p; a real number.

    Raises
    ------
    ValueError
        If no number up to `most` does.

    Examples
    --------
    >>> round(implied_sample_size(0.80, 0.0055), 1)
    10.0
    """
    ends = (3.05, most)
    if not correlation_p(r, ends[0]) > p > correlation_p(r, ends[1]):
        raise ValueError(f"No number of pairs up to {most:g} gives this p. Given r = {r:g}, p = {p:g}.")
    return float(optimize.brentq(lambda n: correlation_p(r, n) - p, *ends))


def correlation_limits(r: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Fisher's interval of a printed correlation.

    Examples
    --------
    >>> tuple(round(v, 2) for v in correlation_limits(0.80, 10))
    (0.34, 0.95)
    """
    half = float(stats.norm.isf((1 - confidence) / 2)) / sqrt(n - 3)
    return tanh(atanh(r) - half), tanh(atanh(r) + half)


def implied_t(p: float, n: float, m: float, df: float | None = None) -> float:
    """Student's t of two groups of n and m with this two-sided p; `df` for another test than Student's.

    Examples
    --------
    >>> round(implied_t(0.011, 13, 8), 2)
    2.82
    """
    return float(stats.t.isf(p / 2, n + m - 2 if df is None else df))


def difference_limits(d: float, n: float, m: float, confidence: float = 0.95) -> tuple[float, float]:
    """Large-sample interval of a difference in SD of two groups (Hedges and Olkin 1985).

    Examples
    --------
    >>> tuple(round(v, 2) for v in difference_limits(1.0, 13, 8))
    (0.07, 1.93)
    """
    half = float(stats.norm.isf((1 - confidence) / 2)) * sqrt(1 / n + 1 / m + d * d / (2 * (n + m)))
    return d - half, d + half


def t_of_the_others(mean: float, sd: float, n: float, part_mean: float, part_sd: float, part: float) -> float:
    """Student's t of the rest of a cohort against a part of it, from the moments of the whole and of the part.

    Examples
    --------
    >>> round(t_of_the_others(61.88, 11.90, 38, 61.1, 12.0, 18), 2)
    0.38
    """
    rest = (n * mean - part * part_mean) / (n - part)
    inside = (n - 1) * sd**2 - part * (part_mean - mean) ** 2 - (n - part) * (rest - mean) ** 2
    return float((rest - part_mean) / sqrt(inside / (n - 2) * (1 / part + 1 / (n - part))))


def compare_unknown_overlap(first: float, second: float, n: float, steps: int = 23) -> tuple[float, float]:
    """Least and most p of the difference of two correlations with one outcome, over all correlations of the predictors.

    Meng's z; the predictors' own correlation is not printed and runs over what the other two admit, short of its ends.

    Examples
    --------
    >>> least, most = compare_unknown_overlap(0.396, 0.244, 140)
    >>> least < 0.001, 0.25 < most < 0.35
    (True, True)
    """
    half = sqrt((1 - first * first) * (1 - second * second))
    shared = first * second + half * np.linspace(-0.99, 0.99, steps)
    p = [meng_test(first, second, float(np.clip(r, -0.999, 0.999)), int(n)).p for r in shared]
    return min(p), max(p)


def chance_of_like_folds(lowest: float, highest: float, n: float, folds: int) -> float:
    """Probability that correlations in folds of n/folds pairs lie as close together as these, if all estimate one.

    Fisher's z with SD 1/√(n/folds − 3), and the distribution of the range.

    Examples
    --------
    >>> round(chance_of_like_folds(0.226, 0.403, 140, 5), 2)
    0.04
    """
    gap = max(atanh(highest) - atanh(lowest), 0.0)
    return float(stats.studentized_range.cdf(gap * sqrt(n / folds - 3), folds, np.inf))
