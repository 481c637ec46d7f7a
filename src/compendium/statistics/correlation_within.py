"""Correlations of clustered samples: within and between clusters, and the repeated-measures correlation.

The names can be imported from `compendium.statistics.correlation` as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_minimum, drop_incomplete
from compendium.statistics.correlation_formulas import check_pairs, correlate, fisher_limits, t_p_value
from compendium.statistics.results import Correlation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Decomposition:
    """Pooled correlation split into a within-cluster and a between-cluster part.

    r = η_x·η_y·r_within + √(1 − η_x²)·√(1 − η_y²)·r_between, where η² is the share of the sum of squares that
    lies within clusters and r_between weights cluster means by cluster size.

    Attributes
    ----------
    pooled, within, between : float
        NaN where a part has no variation.
    within_share_x, within_share_y : float
        Shares η² of the sums of squares.
    df_within, df_between : int
        n − K − 1 and K − 2 for K clusters.
    n, n_clusters, dropped : int
    """

    pooled: float
    within: float
    between: float
    within_share_x: float
    within_share_y: float
    df_within: int
    df_between: int
    n: int
    n_clusters: int
    dropped: int


def decompose_correlation(x: ArrayLike, y: ArrayLike, cluster: ArrayLike) -> Decomposition:
    """Pooled, within-cluster and between-cluster Pearson correlation.

    Examples
    --------
    >>> parts = decompose_correlation([1, 2, 3, 4, 5, 6], [2, 1, 5, 4, 8, 7], list("aabbcc"))
    >>> round(parts.within, 3), round(parts.between, 3)
    (-1.0, 1.0)
    """
    (a, b, label), dropped = drop_incomplete(x=x, y=y, cluster=cluster, labels=["cluster"])
    check_pairs(a, b)
    (da, ma), (db, mb), k = _split(a, b, label)
    total = [float(np.sum((v - v.mean()) ** 2)) for v in (a, b)]
    n = len(a)
    return Decomposition(
        pooled=correlate(a, b), within=correlate(da, db), between=correlate(ma, mb),
        within_share_x=float(da @ da) / total[0], within_share_y=float(db @ db) / total[1],
        df_within=n - k - 1, df_between=k - 2, n=n, n_clusters=k, dropped=dropped,
    )  # fmt: skip


def repeated_measures_correlation(
    x: ArrayLike, y: ArrayLike, cluster: ArrayLike, confidence: float = 0.95
) -> Correlation:
    """Common within-cluster correlation (Bland & Altman 1995; Bakdash & Marusich 2017, "rmcorr").

    Parallel lines with one intercept per cluster; t test and Fisher's interval with n − K − 1 degrees of
    freedom, atanh(r) ± z/√(df − 1); early releases of R's rmcorr took √(df − 3). Clusters of one sample
    change neither r nor df.

    Raises
    ------
    ValueError
        With no variation within clusters or fewer than one degree of freedom.

    Examples
    --------
    >>> got = repeated_measures_correlation([1, 2, 3, 4, 5, 7], [2, 1, 5, 6, 7, 9], list("aaabbb"))
    >>> round(got.r, 3), round(got.p, 3)
    (0.813, 0.094)
    """
    (a, b, label), dropped = drop_incomplete(x=x, y=y, cluster=cluster, labels=["cluster"])
    check_minimum(len(a), 3, "complete rows")
    (da, _), (db, _), k = _split(a, b, label)
    freedom = len(a) - k - 1
    check_minimum(freedom, 1, "degrees of freedom (samples less clusters less 1)")
    for name, within, values in (("x", da, a), ("y", db, b)):
        if float(within @ within) <= 1e-24 * max(float(values @ values), 1e-300):
            raise ValueError(f"{name} must vary within clusters. Given no variation in any of {k} clusters.")
    r = correlate(da, db)
    lower, upper = fisher_limits(r, freedom + 2, confidence, 1.0, 3)
    name = f"repeated measures, {k} clusters, df {freedom}, Fisher, t"
    return Correlation(r, len(a), lower, upper, t_p_value(r, freedom), confidence, name, dropped)


def _split(a: Array, b: Array, label: NDArray[Any]) -> tuple[tuple[Array, Array], tuple[Array, Array], int]:
    """For both variables deviation from the cluster mean and the mean itself; and the number of clusters."""
    names, code = np.unique(label.astype(str), return_inverse=True)
    size = np.bincount(code)
    parts = []
    for values in (a, b):
        mean = (np.bincount(code, values - values.mean()) / size)[code]
        parts.append((values - values.mean() - mean, mean + values.mean()))
    return parts[0], parts[1], len(names)
