"""Two reads of the same cases: McNemar, paired differences, kappa, and rules that combine reads.

In a paired table `b` counts the cases that only the first read calls positive (or right), `c` those of the
second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from compendium.base.validation import (
    check_between,
    check_binary,
    check_choice,
    check_minimum,
    drop_incomplete,
)
from compendium.statistics.results import Interval, TestResult


@dataclass(frozen=True)
class PairedReads:
    """Cases called positive by both reads, by the first only, by the second only, by neither."""

    both: int
    first_only: int
    second_only: int
    neither: int
    dropped: int = 0

    @property
    def n(self) -> int:
        """All cases."""
        return self.both + self.first_only + self.second_only + self.neither


def paired_reads(first: ArrayLike, second: ArrayLike) -> PairedReads:
    """Cross-tabulate two reads of the same cases; cases with a missing read are dropped and counted.

    Examples
    --------
    >>> paired_reads([1, 1, 0, 0], [1, 0, 0, None])
    PairedReads(both=1, first_only=1, second_only=0, neither=1, dropped=1)
    """
    (x, y), dropped = drop_incomplete(first=first, second=second)
    a, b = check_binary(x, "first"), check_binary(y, "second")
    both, first_only, second_only, neither = (int(cell.sum()) for cell in (a & b, a & ~b, ~a & b, ~a & ~b))
    return PairedReads(both, first_only, second_only, neither, dropped)


def combine_paired_reads(table: PairedReads, rule: str) -> tuple[int, int]:
    """Positive and negative cases when two reads are combined by ``"or"`` or ``"and"``.

    Examples
    --------
    >>> combine_paired_reads(PairedReads(277, 6, 57, 1), "or")
    (340, 1)
    """
    check_choice(rule, ["or", "and"], "rule")
    positive = table.both if rule == "and" else table.n - table.neither
    return positive, table.n - positive


def mcnemar_exact(b: int, c: int, mid_p: bool = False) -> TestResult:
    """Two-sided McNemar test from the discordant pairs, exact (binomial) or mid-p.

    With no discordant pair p is 1. The mid-p value counts splits as uneven as the observed one by half
    (Fagerland, Lydersen & Laake 2013).

    Parameters
    ----------
    b, c : int
        Discordant pairs in either direction. The pairs must be independent; for several per patient see
        `compendium.statistics.clustered.clustered_mcnemar`.

    Returns
    -------
    TestResult
        ``statistic`` is min(b, c), ``n`` the number of discordant pairs, ``estimate`` the odds b/c.

    Examples
    --------
    >>> f"{mcnemar_exact(57, 6).p:.1e}", mcnemar_exact(0, 0).p
    ('1.6e-11', 1.0)
    """
    b, c = _discordant(b, c)
    n = b + c
    p = float(stats.binomtest(b, n).pvalue) if n else 1.0
    if (
        mid_p and n
    ):  # half the probability of all splits as uneven as the observed one: two of them unless b = c
        p -= float(stats.binom.pmf(b, n, 0.5)) * (0.5 if b == c else 1.0)
    estimate = b / c if c else (float("inf") if b else float("nan"))
    return TestResult(min(b, c), p, None, n, f"McNemar {'mid-p' if mid_p else 'exact'}", estimate=estimate)


def mcnemar_asymptotic(b: int, c: int, correction: bool = True) -> TestResult:
    """McNemar's χ² with one degree of freedom, with Edwards' continuity correction unless switched off.

    R's ``mcnemar.test`` has the same default; with no discordant pair it returns NaN where p is 1 here.

    Examples
    --------
    >>> round(mcnemar_asymptotic(10, 2).statistic, 4)
    4.0833
    """
    b, c = _discordant(b, c)
    gap = max(abs(b - c) - (1 if correction and b != c else 0), 0)
    statistic = gap**2 / (b + c) if b + c else 0.0
    method = f"McNemar χ² {'with' if correction else 'without'} continuity correction"
    return TestResult(statistic, float(stats.chi2.sf(statistic, 1)), 1, b + c, method)


def paired_difference_interval(
    b: int, c: int, n: int, confidence: float = 0.95, method: str = "tango", both: int | None = None
) -> Interval:
    """Interval of the difference (b − c)/n of two proportions seen in the same n cases.

    Parameters
    ----------
    b, c, n : int
        Pairs positive by the first read only, by the second only, and all pairs.
    method : {"tango", "wald", "bonett-price", "newcombe"}
        Score interval of Tango (1998); Wald; Wald after adding 1 to b and c and 2 to n (Bonett & Price 2012);
        Newcombe's (1998) method 10, from Wilson limits of the two margins and their correlation.
    both : int, optional
        Pairs positive by both reads; only ``"newcombe"`` needs it.

    Returns
    -------
    Interval
        Fractions in [−1, 1].

    Examples
    --------
    >>> got = paired_difference_interval(57, 6, 341)
    >>> round(got.estimate, 4), round(got.lower, 4), round(got.upper, 4)
    (0.1496, 0.1088, 0.1951)
    """
    b, c = _discordant(b, c)
    check_minimum(n, 1, "pairs")
    if b + c > n:
        raise ValueError(f"Discordant pairs cannot exceed all pairs. Given b = {b}, c = {c}, n = {n}.")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    check_choice(method, ["tango", "wald", "bonett-price", "newcombe"], "method")
    z, estimate = float(stats.norm.isf((1 - confidence) / 2)), (b - c) / n
    if method == "tango":
        lower, upper = _tango_limit(b, c, n, z), -_tango_limit(c, b, n, z)
    elif method == "newcombe":
        lower, upper = _newcombe_limits(b, c, n, confidence, both)
    else:
        extra = 1 if method == "bonett-price" else 0
        p1, p2 = (b + extra) / (n + 2 * extra), (c + extra) / (n + 2 * extra)
        half = z * np.sqrt((p1 + p2 - (p1 - p2) ** 2) / (n + 2 * extra))
        lower, upper = max(p1 - p2 - half, -1.0), min(p1 - p2 + half, 1.0)
    return Interval(estimate, float(lower), float(upper), confidence, method)


def cohen_kappa(
    first: ArrayLike, second: ArrayLike, weights: str = "none", confidence: float = 0.95
) -> Interval:
    """Cohen's kappa of two raters with the large-sample interval of Fleiss, Cohen & Everitt (1969).

    Parameters
    ----------
    first, second : array-like, shape (n,)
        Categories as numbers; their order matters with weights. Incomplete pairs are dropped.
    weights : {"none", "linear", "quadratic"}

    Returns
    -------
    Interval
        NaN throughout when both raters use one and the same category only: agreement by chance is then
        certain.

    Examples
    --------
    >>> kappa = cohen_kappa([1, 1, 0, 0, 1, 0], [1, 1, 0, 1, 1, 0])
    >>> round(kappa.estimate, 3), round(kappa.lower, 3)
    (0.667, 0.104)
    """
    check_choice(weights, ["none", "linear", "quadratic"], "weights")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    (x, y), _ = drop_incomplete(first=first, second=second)
    check_minimum(len(x), 1, "complete pairs")
    categories, code = np.unique(np.concatenate([x, y]), return_inverse=True)
    k = len(categories)
    name = f"Fleiss–Cohen–Everitt, weights {weights}, n = {len(x)}"
    if k < 2:
        return Interval(float("nan"), float("nan"), float("nan"), confidence, name)
    table = np.bincount(code[: len(x)] * k + code[len(x) :], minlength=k * k).reshape(k, k)
    wt = {"none": None, "linear": "linear", "quadratic": "quadratic"}[weights]
    # statsmodels takes roots of variances that round below zero
    with np.errstate(invalid="ignore", divide="ignore"):
        result = cohens_kappa(table, wt=wt)
    half = float(stats.norm.isf((1 - confidence) / 2)) * float(np.sqrt(max(result.var_kappa, 0.0)))
    kappa = float(result.kappa)
    return Interval(kappa, max(kappa - half, -1.0), min(kappa + half, 1.0), confidence, name)


def reading_rules(reads: ArrayLike, rule: str | int = "or") -> NDArray[np.float64]:
    """Combine several reads of each case into one.

    Parameters
    ----------
    reads : array-like of 0/1, shape (n, m)
        One column per read. A row with a missing read gives a missing combined read (NaN), even where the
        other reads would decide: the rule is applied to complete rows only.
    rule : "or", "and", int k, or "k-of-m"
        Positive if any, all, or at least k of the m reads are positive.

    Returns
    -------
    ndarray, shape (n,)
        0, 1 or NaN.

    Examples
    --------
    >>> reading_rules([[1, 0, 0], [1, 1, 0], [0, None, 0]], "2-of-3")
    array([ 0.,  1., nan])
    """
    table = np.asarray(reads, dtype=object)
    if table.ndim != 2:
        raise ValueError(
            f"reads must have one row per case and one column per read. Given shape {table.shape}."
        )
    columns = [np.array([np.nan if _is_missing(v) else float(v) for v in column]) for column in table.T]
    values = np.stack(columns, axis=1) if columns else np.empty((len(table), 0))
    needed = _needed(rule, values.shape[1])
    missing = np.isnan(values).any(axis=1)
    check_binary(values[~missing].ravel(), "reads")
    positive = np.where(missing, 0, np.nansum(values, axis=1)) >= needed
    return np.where(missing, np.nan, positive.astype(float))


def _needed(rule: str | int, m: int) -> int:
    check_minimum(m, 1, "reads")
    if rule == "or":
        return 1
    if rule == "and":
        return m
    parts = re.fullmatch(r"\s*(\d+)\s*(?:-of-\s*(\d+)\s*)?", str(rule))
    if parts is None or (parts[2] is not None and int(parts[2]) != m) or not 1 <= int(parts[1]) <= m:
        raise ValueError(f"rule must be 'or', 'and', k or 'k-of-{m}' with k from 1 to {m}. Given {rule!r}.")
    return int(parts[1])


def _is_missing(value: object) -> bool:
    return bool(pd.isna(value))


def _discordant(b: int, c: int) -> tuple[int, int]:
    for name, value in (("b", b), ("c", c)):
        if not value >= 0 or value != int(value):
            raise ValueError(f"{name} must be a whole number of pairs, 0 or more. Given {value!r}.")
    return int(b), int(c)


def _tango_limit(b: int, c: int, n: int, z: float) -> float:
    """Lower limit: the smallest difference that the score test does not reject from below."""

    def score(delta: float) -> float:
        linear = -b - c + (2 * n - b + c) * delta
        constant = -c * delta * (1 - delta)
        q = (np.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        gap = b - c - n * delta
        return gap - z * np.sqrt(max(variance, 0.0))

    if b - c == -n:
        return -1.0
    top = (
        b - c
    ) / n - 1e-12  # not the estimate itself: with b = c = 0 its variance is 0 and it would pass for a root
    return float(optimize.brentq(score, -1 + 1e-15, top, xtol=1e-15, rtol=1e-14))


def _newcombe_limits(b: int, c: int, n: int, confidence: float, both: int | None) -> tuple[float, float]:
    if both is None or not 0 <= both <= n - b - c:
        raise ValueError(
            f"both must be given for 'newcombe', from 0 to n − b − c = {n - b - c}. Given {both}."
        )
    first, second, neither = both + b, both + c, n - both - b - c
    p1, p2 = first / n, second / n
    l1, u1 = proportion_confint(first, n, alpha=1 - confidence, method="wilson")
    l2, u2 = proportion_confint(second, n, alpha=1 - confidence, method="wilson")
    margins = first * (n - first) * second * (n - second)
    cross = float(both * neither - b * c)
    if cross > n / 2:  # Newcombe's continuity adjustment of phi
        cross = cross - n / 2
    elif cross >= 0:
        cross = 0.0
    phi = cross / np.sqrt(margins) if margins else 0.0
    low = np.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    high = np.sqrt((p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2)
    return p1 - p2 - low, p1 - p2 + high
