"""Shuffles within animals, for one animal too: differences between animals carry nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.statistics.clustered import within_cluster_permutation_test

Array = NDArray[np.floating[Any]]


def ranks_within(values: ArrayLike, cluster: ArrayLike, *, scaled: bool = False) -> Array:
    """Centred ranks inside each cluster; `scaled` divides by the size of the cluster plus one (van Elteren's weights).

    Examples
    --------
    >>> ranks_within([3.0, 1, 20, 10], list("aabb")).tolist()
    [0.5, -0.5, 0.5, -0.5]
    """
    x, label = np.asarray(values, dtype=float), np.asarray(cluster)
    out = np.zeros(len(x))
    for name in np.unique(label):
        own = label == name
        ranks = stats.rankdata(x[own])
        out[own] = (ranks - ranks.mean()) / (own.sum() + 1 if scaled else 1)
    return out


def shuffle_within(
    statistic: Callable[[Array, Array], float], x: ArrayLike, ranks: ArrayLike, cluster: ArrayLike, n_resamples: int,
    seed: int, *, silent: float = 0.0, alternative: str = "two-sided",
) -> float:  # fmt: skip
    """p of an association of x with centred ranks, x shuffled inside clusters.

    Parameters
    ----------
    statistic : callable
        ``statistic(x, ranks)``, to which a row with rank 0 and x = `silent` adds nothing: such a row stands for the second
        cluster that the test needs when there is one only.

    Examples
    --------
    >>> x, y = np.arange(8.0), ranks_within(np.arange(8.0), ["a"] * 8)
    >>> shuffle_within(lambda a, b: float(a @ b), x - x.mean(), y, ["a"] * 8, 999, 1) < 0.01
    True
    """
    label = np.asarray(cluster).astype(str)
    a, b = np.append(np.asarray(x, dtype=float), silent), np.append(np.asarray(ranks, dtype=float), 0.0)
    owners = np.append(label, "\x00 no animal")
    return within_cluster_permutation_test(
        statistic, a, b, owners, n_resamples, seed, alternative=alternative
    ).p
