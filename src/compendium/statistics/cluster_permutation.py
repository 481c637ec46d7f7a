"""Permutation tests that respect clusters: of a property of the cluster, and of association inside clusters.

The names can be imported from `compendium.statistics.clustered` as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_binary, check_choice
from compendium.statistics.cluster_bootstrap import read_clustered
from compendium.statistics.results import TestResult

Array = NDArray[np.float64]


def cluster_permutation_test(
    statistic: Callable[..., float], *arrays: ArrayLike, group: ArrayLike, cluster: ArrayLike,
    n_resamples: int = 9999, seed: int = 1, alternative: str = "two-sided", two_sided: str = "absolute",
) -> TestResult:  # fmt: skip
    """Permutation test of a property of the cluster (treated or not): whole clusters exchange labels.

    Parameters
    ----------
    statistic : callable
        ``statistic(*arrays, group) -> float`` with `group` a boolean array; large values (or large absolute
        values) speak against the null hypothesis.
    group : array-like of 0/1, shape (n,)
        Constant within each cluster.
    n_resamples : int
        All arrangements are enumerated when there are no more than this; then p is exact. Else p is
        (extreme + 1)/(n_resamples + 1).
    alternative : {"two-sided", "greater", "less"}
    two_sided : {"absolute", "double"}
        Count |T| at least as large, or double the smaller tail (scipy's rule).

    Notes ----- Exact when clusters are exchangeable under the null hypothesis; with very unlike cluster sizes
    in the groups, that is an assumption.

    Raises
    ------
    ValueError
        If the group differs within a cluster, or a group holds no cluster.

    Examples
    --------
    >>> gap = lambda v, g: v[g].mean() - v[~g].mean()
    >>> treated, patient = [0, 0, 0, 1, 1, 1], list("aabccd")
    >>> test = cluster_permutation_test(gap, [1, 2, 3, 9, 8, 7], group=treated, cluster=patient)
    >>> round(test.p, 4), test.method
    (0.3333, 'permutation of clusters (all 6, absolute)')
    """
    (*read, label), code, k, _ = read_clustered((*arrays, group), cluster)
    flag = check_binary(label, "group")
    first = np.zeros(k, dtype=bool)
    first[code] = flag
    if (first[code] != flag).any():
        row = int(np.flatnonzero(first[code] != flag)[0])
        raise ValueError(
            f"group must be constant within a cluster. Given both values in the cluster of row {row}."
        )
    if first.all() or not first.any():
        raise ValueError(
            f"Both groups must hold clusters. Given {int(first.sum())} and {int((~first).sum())}."
        )
    exact = comb(k, int(first.sum())) <= n_resamples
    observed = float(statistic(*read, flag))
    arrangements = _arrangements(first, n_resamples, seed, exact)
    values = np.array([statistic(*read, chosen[code]) for chosen in arrangements])
    return _permutation_result(observed, values, exact, alternative, two_sided, len(code), "clusters")


def within_cluster_permutation_test(
    statistic: Callable[..., float], x: ArrayLike, y: ArrayLike, cluster: ArrayLike, n_resamples: int = 9999,
    seed: int = 1, alternative: str = "two-sided", two_sided: str = "absolute",
) -> TestResult:  # fmt: skip
    """Permutation test of association inside clusters: x is shuffled within each cluster, y stays.

    Parameters
    ----------
    statistic : callable
        ``statistic(x, y) -> float``. Differences between clusters are kept in every permutation.

    Examples
    --------
    >>> product = lambda x, y: (x * y).sum()
    >>> test = within_cluster_permutation_test(product, [1, 2, 3, 4], [1, 2, 2, 4], list("aabb"))
    >>> 0 < test.p <= 1, test.n
    (True, 4)
    """
    (a, b), code, _, _ = read_clustered((x, y), cluster)
    rng = np.random.default_rng(seed)
    order = np.argsort(code, kind="stable")
    a, b, code = a[order], b[order], code[order]
    observed = float(statistic(a, b))
    values = np.array([statistic(a[np.lexsort((rng.random(len(a)), code))], b) for _ in range(n_resamples)])
    return _permutation_result(observed, values, False, alternative, two_sided, len(code), "within clusters")


def _arrangements(first: NDArray[np.bool_], n: int, seed: int, exact: bool) -> Iterator[NDArray[np.bool_]]:
    k, chosen = len(first), int(first.sum())
    if exact:
        for subset in combinations(range(k), chosen):
            flag = np.zeros(k, dtype=bool)
            flag[list(subset)] = True
            yield flag
    else:
        rng = np.random.default_rng(seed)
        for _ in range(n):
            yield rng.permutation(first)


def _permutation_result(
    observed: float, values: Array, exact: bool, alternative: str, two_sided: str, n: int, what: str
) -> TestResult:
    check_choice(alternative, ["two-sided", "greater", "less"], "alternative")
    check_choice(two_sided, ["absolute", "double"], "two_sided")
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError("At least one arrangement must give a finite statistic. None does.")
    slack = 1e-12 * max(1.0, abs(observed))  # equal arrangements must not differ by rounding
    extra = 0 if exact else 1
    tails = {
        "greater": np.sum(values >= observed - slack),
        "less": np.sum(values <= observed + slack),
        "absolute": np.sum(np.abs(values) >= abs(observed) - slack),
    }
    share = {name: (int(count) + extra) / (len(values) + extra) for name, count in tails.items()}
    share["double"] = min(1.0, 2 * min(share["greater"], share["less"]))
    p = share[two_sided if alternative == "two-sided" else alternative]
    rule = f", {two_sided}" if alternative == "two-sided" else ""
    kind = f"all {len(values)}" if exact else f"{len(values)} random"
    return TestResult(
        observed, float(p), None, n, f"permutation of {what} ({kind}{rule})", alternative, observed
    )
