"""Samples that come in clusters (biopsies in patients): bootstrap, permutation, design effect, McNemar.

The patient is what was drawn from the population, so the patient is what is resampled or permuted. The parts
are in `cluster_bootstrap`, `cluster_permutation` and `one_per_cluster`; all names can be imported from here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from compendium.base.validation import check_between, check_binary, check_choice, check_minimum
from compendium.statistics.cluster_bootstrap import (
    Bootstrap,
    cluster_bootstrap,
    cluster_bootstrap_correlation,
    read_clustered,
)
from compendium.statistics.cluster_permutation import (
    cluster_permutation_test,
    within_cluster_permutation_test,
)
from compendium.statistics.one_per_cluster import (
    OnePerCluster,
    one_per_cluster_null,
    one_per_cluster_spearman,
)
from compendium.statistics.results import TestResult

__all__ = [
    "Bootstrap",
    "DesignEffect",
    "OnePerCluster",
    "cluster_bootstrap",
    "cluster_bootstrap_correlation",
    "cluster_permutation_test",
    "clustered_mcnemar",
    "design_effect",
    "one_per_cluster_null",
    "one_per_cluster_spearman",
    "within_cluster_permutation_test",
]


@dataclass(frozen=True)
class DesignEffect:
    """How much clustering inflates the variance of a mean (Kish 1965, with unequal cluster sizes).

    ``mean_size`` is Σnᵢ²/Σnᵢ, ``factor`` 1 + (mean_size − 1)·ICC and ``n_effective`` n/factor.
    """

    factor: float
    n_effective: float
    mean_size: float
    icc: float


def design_effect(sizes: ArrayLike, icc: float) -> DesignEffect:
    """Design effect for a mean over clusters of the given sizes.

    Parameters
    ----------
    sizes : array-like of int
        Samples per cluster.
    icc : float
        Intraclass correlation, in [−1, 1]; negative values are not clipped.

    Examples
    --------
    >>> round(design_effect([1] * 7 + [2] * 6 + [3] * 9 + [4] * 5, icc=0.3).n_effective, 1)
    42.0
    """
    counts = np.asarray(sizes, dtype=float)
    check_minimum(len(counts), 1, "clusters")
    if (counts < 1).any() or (counts != np.round(counts)).any():
        raise ValueError(f"sizes must be whole numbers, 1 or more. Given {sizes!r}.")
    check_between(icc, -1, 1, "icc")
    mean_size = float(np.sum(counts**2) / counts.sum())
    factor = 1 + (mean_size - 1) * icc
    n_effective = float(counts.sum()) / factor if factor > 0 else float("inf")
    return DesignEffect(float(factor), n_effective, mean_size, icc)


def clustered_mcnemar(
    first: ArrayLike, second: ArrayLike, cluster: ArrayLike, method: str = "obuchowski"
) -> TestResult:
    """Two-sided McNemar test of two reads of the same cases when cases come in clusters.

    Parameters
    ----------
    first, second : array-like of 0/1, shape (n,)
    cluster : array-like, shape (n,)
    method : {"obuchowski", "durkalski"}
        With dᵢ = bᵢ − cᵢ in cluster i of K: Obuchowski (1998), (K−1)/K·(Σdᵢ)²/Σdᵢ², every case counts the
        same; or Durkalski et al. (2003), (Σdᵢ/nᵢ)²/Σ(dᵢ/nᵢ)², every cluster counts the same. Both χ² with one
        degree of freedom; with no discordance in any cluster p is 1.

    Returns
    -------
    TestResult
        ``estimate`` is the difference of the two proportions, first − second, weighted as the method weights.

    Examples
    --------
    >>> test = clustered_mcnemar([1, 1, 1, 0, 1, 1], [0, 0, 1, 0, 0, 1], list("aabbcd"))
    >>> round(test.statistic, 4), round(test.p, 4)
    (1.35, 0.2453)
    """
    check_choice(method, ["obuchowski", "durkalski"], "method")
    (x, y), code, k, _ = read_clustered((first, second), cluster)
    a, b = check_binary(x, "first").astype(float), check_binary(y, "second").astype(float)
    gap, size = np.bincount(code, a - b), np.bincount(code)
    weighted = gap if method == "obuchowski" else gap / size
    spread = float(np.sum(weighted**2))
    factor = (k - 1) / k if method == "obuchowski" else 1.0
    statistic = factor * float(weighted.sum()) ** 2 / spread if spread else 0.0
    estimate = float(weighted.sum()) / (len(code) if method == "obuchowski" else k)
    name = {"obuchowski": "Obuchowski 1998", "durkalski": "Durkalski 2003"}[method]
    p = float(stats.chi2.sf(statistic, 1))
    return TestResult(
        statistic, p, 1, len(code), f"clustered McNemar ({name}), {k} clusters", estimate=estimate
    )
