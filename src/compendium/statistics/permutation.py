"""Permutation tests with a named two-sided rule.

Libraries differ in what "two-sided" means: scipy doubles the smaller tail, most texts and R's `coin` count
|T − centre| at least as large as observed. The rules agree only for symmetric distributions, so the rule is
an argument. Permutations of clusters are in `clustered`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb, factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_choice, check_minimum, drop_incomplete
from compendium.statistics.groups import read_groups
from compendium.statistics.results import TestResult

Array = NDArray[np.float64]
RULES = ("absolute", "doubled", "greater", "less")


@dataclass(frozen=True)
class PermutationTest(TestResult):
    """A `TestResult` with the number of permutations, whether they were all of them, and values dropped."""

    permutations: int = 0
    exact: bool = False
    dropped: int = 0


def difference_of_means(a: Array, b: Array, axis: int = -1) -> Array:
    """Mean of `a` minus mean of `b` along `axis`, the default statistic.

    Examples
    --------
    >>> float(difference_of_means(np.array([1.0, 3.0]), np.array([5.0])))
    -3.0
    """
    return np.mean(a, axis=axis) - np.mean(b, axis=axis)


def permutation_p(null: ArrayLike, observed: float, *, rule: str, exact: bool, center: float = 0.0) -> float:
    """p value of `observed` in a permutation distribution.

    Parameters
    ----------
    null : array-like
        Statistic under each permutation.
    rule : {"absolute", "doubled", "greater", "less"}
        "absolute": |T − center| ≥ |t − center|. "doubled": twice the smaller one-sided p, at most 1 (scipy).
    exact : bool
        True if `null` holds every permutation, the observed one included: p = count / N. Else (count + 1) /
        (N + 1).

    Examples
    --------
    >>> null = [-3, -1, 0, 1, 1, 2]
    >>> rules = ("absolute", "doubled", "greater")
    >>> [round(permutation_p(null, 2, rule=rule, exact=True), 3) for rule in rules]
    [0.333, 0.333, 0.167]
    """
    check_choice(rule, RULES, "rule")
    values = np.asarray(null, dtype=float)
    slack = 1e-10 * max(
        1.0, abs(observed), float(np.abs(values).max())
    )  # equal statistics differ by rounding only
    extra = 0 if exact else 1

    def share(chosen: NDArray[np.bool_]) -> float:
        return (int(chosen.sum()) + extra) / (len(values) + extra)

    if rule == "absolute":
        return share(np.abs(values - center) >= abs(observed - center) - slack)
    greater, less = share(values >= observed - slack), share(values <= observed + slack)
    return {"greater": greater, "less": less, "doubled": min(1.0, 2 * min(greater, less))}[rule]


def permute_groups(
    first: ArrayLike,
    second: ArrayLike,
    *,
    rule: str,
    resamples: int = 9999,
    seed: int = 0,
    statistic: Callable[..., Array] = difference_of_means,
    center: float = 0.0,
) -> PermutationTest:
    """Two independent groups: labels are exchanged.

    Parameters
    ----------
    resamples : int
        All permutations are used when there are no more than this many.
    statistic : callable
        ``statistic(a, b, axis)``.
    center : float
        Value about which "absolute" measures; 0 for differences.

    Examples
    --------
    >>> result = permute_groups([1, 2, 3, 4], [5, 6, 7, 9], rule="absolute")
    >>> round(result.p, 4), result.permutations, result.exact
    (0.0286, 70, True)
    """
    _, (a, b), dropped = read_groups({"first": first, "second": second}, minimum=2)
    return _permute((a, b), statistic, "independent", rule, resamples, seed, center, dropped)


def permute_signs(
    first: ArrayLike, second: ArrayLike, *, rule: str, resamples: int = 9999, seed: int = 0
) -> PermutationTest:
    """Paired values: the sign of each difference is exchanged; statistic: mean difference.

    Examples
    --------
    >>> permute_signs([5, 7, 3, 9], [4, 4, 5, 5], rule="absolute").p
    0.375
    """
    (a, b), dropped = drop_incomplete(first=first, second=second)
    check_minimum(len(a), 2, "complete pairs")
    difference = np.sort(a - b)
    return _permute((difference,), _mean, "samples", rule, resamples, seed, 0.0, dropped)


def permute_pairing(
    x: ArrayLike, y: ArrayLike, *, rule: str, resamples: int = 9999, seed: int = 0, ranked: bool = False
) -> PermutationTest:
    """Correlation: which y belongs to which x is exchanged; Pearson's r, or Spearman's ρ with
    ``ranked=True``.

    Raises
    ------
    ValueError
        If fewer than three pairs are complete or one variable is constant.

    Examples
    --------
    >>> result = permute_pairing([1, 2, 3, 4], [1, 3, 2, 4], rule="absolute", ranked=True)
    >>> round(result.statistic, 2), round(result.p, 4), result.permutations
    (0.8, 0.3333, 24)
    """
    (a, b), dropped = drop_incomplete(x=x, y=y)
    check_minimum(len(a), 3, "complete pairs")
    for name, values in (("x", a), ("y", b)):
        if np.ptp(values) == 0:
            raise ValueError(f"{name} must vary. Given {len(values)} times {values[0]:g}.")
    if ranked:
        a, b = stats.rankdata(a), stats.rankdata(b)
    order = np.lexsort((b, a))
    a, b = ((v[order] - v.mean()) / (v.std() * np.sqrt(len(v))) for v in (a, b))

    def correlation(moved: Array, axis: int = -1) -> Array:
        return (moved * b).sum(axis=axis)

    return _permute((a,), correlation, "pairings", rule, resamples, seed, 0.0, dropped)


def _mean(values: Array, axis: int = -1) -> Array:
    return np.mean(values, axis=axis)


def _permute(
    data: tuple[Array, ...],
    statistic: Callable[..., Array],
    kind: str,
    rule: str,
    resamples: int,
    seed: int,
    center: float,
    dropped: int,
) -> PermutationTest:
    check_choice(rule, RULES, "rule")
    check_minimum(resamples, 1, "resamples")
    result = stats.permutation_test(
        data,
        statistic,
        permutation_type=kind,
        n_resamples=resamples,
        vectorized=True,
        batch=2000,
        rng=np.random.default_rng(seed),
    )
    exact = _count(data, kind) <= resamples
    observed = float(result.statistic)
    p = permutation_p(result.null_distribution, observed, rule=rule, exact=exact, center=center)
    name = f"permutation ({kind}), {'all' if exact else 'random'}, rule {rule}"
    return PermutationTest(
        observed,
        p,
        None,
        sum(map(len, data)),
        name,
        rule if rule in ("greater", "less") else "two-sided",
        observed,
        None,
        len(result.null_distribution),
        exact,
        dropped,
    )


def _count(data: tuple[Array, ...], kind: str) -> int:
    n = sum(map(len, data))
    return {"samples": 2**n, "independent": comb(n, len(data[0])), "pairings": factorial(n)}[kind]
