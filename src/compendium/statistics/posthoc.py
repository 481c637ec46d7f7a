"""Pairs of groups after a global test: Dunn, Tukey, Games–Howell, Dunnett T3.

Dunnett T3 is written out because the public implementations (PMCMRplus, scikit-posthocs) round Welch's
degrees of freedom: p = .036 for .024 in tiny groups, and with two groups the result is no longer Welch's t.
Dunn's test is written out because scikit-posthocs returns p only and divides by zero when every value is
equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from compendium.base.validation import check_between
from compendium.statistics.groups import Groups, read_groups, refuse_constant
from compendium.statistics.multiplicity import adjust_p
from compendium.statistics.results import Interval

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """One pair of groups.

    Attributes
    ----------
    first, second : str
    estimate : float
        Difference first − second: of means, or of mean ranks (Dunn).
    statistic : float
        z (Dunn) or t (others).
    df : float or None
    p, p_adjusted : float
        Two-sided, for this pair alone and for all pairs together.
    interval : Interval or None
        Simultaneous interval of the difference of means.
    method : str
    """

    first: str
    second: str
    estimate: float
    statistic: float
    df: float | None
    p: float
    p_adjusted: float
    interval: Interval | None
    method: str


def dunn_test(groups: Groups, *, adjust: str) -> tuple[Comparison, ...]:
    """Dunn's test of mean ranks with tie correction, two-sided.

    Parameters
    ----------
    adjust : str
        A method of `adjust_p`; schroers2026 uses "bonferroni".

    Returns
    -------
    tuple of Comparison
        With every value equal, z = 0 and p = 1.

    Examples
    --------
    >>> pairs = dunn_test({"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]}, adjust="bonferroni")
    >>> [(pair.first, pair.second, round(pair.statistic, 3), round(pair.p_adjusted, 4)) for pair in pairs]
    [('a', 'b', -1.342, 0.5391), ('a', 'c', -2.683, 0.0219), ('b', 'c', -1.342, 0.5391)]
    """
    names, arrays, _ = read_groups(groups)
    ranks = stats.rankdata(np.concatenate(arrays))
    n, sizes = len(ranks), [len(a) for a in arrays]
    means = [part.mean() for part in np.split(ranks, np.cumsum(sizes)[:-1])]
    _, counts = np.unique(ranks, return_counts=True)
    variance = n * (n + 1) / 12 - (counts.astype(float) ** 3 - counts).sum() / (12 * (n - 1))
    pairs = list(combinations(range(len(names)), 2))
    difference = np.array([means[i] - means[j] for i, j in pairs])
    spread = np.sqrt([variance * (1 / sizes[i] + 1 / sizes[j]) for i, j in pairs])
    z = np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 1e-12)
    p = 2 * stats.norm.sf(np.abs(z))
    adjusted = adjust_p(p, adjust).p
    return tuple(
        Comparison(
            names[i],
            names[j],
            float(difference[k]),
            float(z[k]),
            None,
            float(p[k]),
            float(adjusted[k]),
            None,
            f"Dunn, {adjust}",
        )
        for k, (i, j) in enumerate(pairs)
    )


def tukey_test(groups: Groups, *, confidence: float = 0.95) -> tuple[Comparison, ...]:
    """Tukey's honestly significant difference (Tukey–Kramer for unequal sizes), pooled variance.

    Examples
    --------
    >>> pairs = tukey_test({"a": [1, 2, 3], "b": [2, 3, 4], "c": [5, 6, 7]})
    >>> [round(pair.p_adjusted, 4) for pair in pairs]
    [0.4827, 0.0065, 0.0242]
    """
    return _studentized_range(groups, True, confidence)


def games_howell_test(groups: Groups, *, confidence: float = 0.95) -> tuple[Comparison, ...]:
    """Games–Howell: studentized range with Welch's variance and fractional df for each pair.

    Examples
    --------
    >>> pairs = games_howell_test({"a": [1, 2, 3], "b": [2, 3, 4], "c": [5, 6, 10]})
    >>> [round(pair.p_adjusted, 4) for pair in pairs]
    [0.5015, 0.1271, 0.1962]
    """
    return _studentized_range(groups, False, confidence)


def _studentized_range(groups: Groups, pooled: bool, confidence: float) -> tuple[Comparison, ...]:
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    names, arrays, _ = read_groups(groups, minimum=2)
    _refuse_constant_pairs(names, arrays, pooled)
    p_values = stats.tukey_hsd(*arrays, equal_var=pooled).pvalue
    method = "Tukey–Kramer" if pooled else "Games–Howell"
    quantiles: dict[
        float, float
    ] = {}  # scipy's confidence_interval integrates for every cell of the matrix; a pair needs one
    pairs = []
    for i, j in combinations(range(len(names)), 2):
        error, df = _pooled_error(arrays, i, j) if pooled else _welch_error(arrays[i], arrays[j])
        difference = float(arrays[i].mean() - arrays[j].mean())
        if df not in quantiles:
            quantiles[df] = float(stats.studentized_range.ppf(confidence, len(names), df))
        half = quantiles[df] * error / np.sqrt(2)
        interval = Interval(
            difference, float(difference - half), float(difference + half), confidence, method
        )
        t, adjusted = difference / error, float(p_values[i, j])
        p = float(2 * stats.t.sf(abs(t), df))
        pairs.append(Comparison(names[i], names[j], difference, t, df, p, adjusted, interval, method))
    return tuple(pairs)


def dunnett_t3_test(groups: Groups, *, confidence: float = 0.95) -> tuple[Comparison, ...]:
    """Dunnett's T3: Welch's t of each pair against the studentized maximum modulus, df not rounded.

    Source: Dunnett 1980, J Am Stat Assoc 75:796, with k = g(g − 1)/2 pairs of g groups. With two groups
    this is Welch's t test.

    Raises
    ------
    ValueError
        If a group has fewer than two values, or both groups of a pair are constant.

    Examples
    --------
    >>> pairs = dunnett_t3_test({"a": [1, 2, 3], "b": [2, 3, 4], "c": [5, 6, 10]})
    >>> [(round(pair.df, 3), round(pair.p_adjusted, 4)) for pair in pairs]
    [(4.0, 0.5812), (2.56, 0.1474), (2.56, 0.2275)]
    """
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    names, arrays, _ = read_groups(groups, minimum=2)
    _refuse_constant_pairs(names, arrays, False)
    pairs = list(combinations(range(len(names)), 2))
    comparisons = []
    for i, j in pairs:
        error, df = _welch_error(arrays[i], arrays[j])
        difference = float(arrays[i].mean() - arrays[j].mean())
        t, half = difference / error, maximum_modulus_quantile(confidence, len(pairs), df) * error
        interval = Interval(difference, difference - half, difference + half, confidence, "Dunnett T3")
        comparisons.append(
            Comparison(
                names[i],
                names[j],
                difference,
                t,
                df,
                float(2 * stats.t.sf(abs(t), df)),
                maximum_modulus_sf(abs(t), len(pairs), df),
                interval,
                "Dunnett T3, fractional df",
            )
        )
    return tuple(comparisons)


def maximum_modulus_sf(q: float, count: int, df: float) -> float:
    """P(max |t_i| > q) for `count` independent normals over one common χ of `df` degrees of freedom.

    The expectation over s = χ/√df is taken by the trapezoidal rule in log s, which converges faster than
    any power of the step for this integrand; the complement is formed with expm1, so small p keep their
    digits.

    Parameters
    ----------
    q : float
    count : int
        Number of comparisons.
    df : float
        Need not be an integer; ``inf`` gives the normal case.

    Examples
    --------
    >>> round(maximum_modulus_sf(2.228138852, 1, 10.0), 6)      # one comparison: Student's t
    0.05
    >>> round(maximum_modulus_sf(2.9, 3, 7.5), 4)
    0.058
    """
    if not q >= 0 or count < 1 or not df > 0:
        raise ValueError(
            f"The maximum modulus needs q ≥ 0, count ≥ 1, df > 0. Given q={q}, count={count}, df={df}."
        )
    if np.isinf(df):
        return float(-np.expm1(count * np.log1p(-2 * special.ndtr(-q))))
    if count == 1:
        return float(2 * stats.t.sf(q, df))
    low = 0.5 * np.log(stats.chi2.ppf(1e-40, df) / df)
    high = 0.5 * np.log(stats.chi2.isf(1e-25, df) / df)
    u = np.linspace(low, high, 4001)
    log_density = (
        df / 2 * np.log(df / 2) - special.gammaln(df / 2) + np.log(2) + df * u - df / 2 * np.exp(2 * u)
    )
    with np.errstate(divide="ignore"):  # q s = 0: log 0, and expm1(−inf) = −1 is meant
        exceed = -np.expm1(count * np.log1p(-2 * special.ndtr(-q * np.exp(u))))
    return float(min(1.0, (np.exp(log_density) * exceed).sum() * (u[1] - u[0])))


def maximum_modulus_quantile(confidence: float, count: int, df: float) -> float:
    """Critical value: P(max |t_i| ≤ q) = `confidence`.

    Examples
    --------
    >>> round(maximum_modulus_quantile(0.95, 3, 10.0), 3)       # tables of Stoline and Ury 1979: 2.829
    2.829
    """
    single = float(stats.t.isf((1 - confidence) / 2, df))
    upper = float(stats.t.isf((1 - confidence) / 2 / count, df))  # Bonferroni bounds it from above
    if count == 1:
        return single
    return float(
        optimize.brentq(
            lambda q: maximum_modulus_sf(q, count, df) - (1 - confidence),
            single,
            upper * (1 + 1e-9),
            xtol=1e-12,
        )
    )


def _refuse_constant_pairs(names: tuple[str, ...], arrays: tuple[Array, ...], pooled: bool) -> None:
    if pooled:
        refuse_constant(arrays)
        return
    for i, j in combinations(range(len(names)), 2):
        if np.ptp(arrays[i]) == 0 and np.ptp(arrays[j]) == 0:
            raise ValueError(
                f"One group of each pair must vary. Given constant groups {names[i]!r} and {names[j]!r}."
            )


def _welch_error(first: Array, second: Array) -> tuple[float, float]:
    """Standard error of the difference of two means, and its degrees of freedom."""
    a, b = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    df = (a + b) ** 2 / (a**2 / (len(first) - 1) + b**2 / (len(second) - 1))
    return float(np.sqrt(a + b)), float(df)


def _pooled_error(arrays: tuple[Array, ...], i: int, j: int) -> tuple[float, float]:
    df = sum(len(a) - 1 for a in arrays)
    mean_square = sum(((a - a.mean()) ** 2).sum() for a in arrays) / df
    return float(np.sqrt(mean_square * (1 / len(arrays[i]) + 1 / len(arrays[j])))), float(df)
