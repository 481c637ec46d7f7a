"""Spearman correlation of one sample per patient, averaged over all ways to draw it.

The mean over draws uses every sample, so it varies less than a single draw: its p value comes from the
distribution of the *mean* under independence, which depends on the intraclass correlations, and never from
the table for one draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_between, check_choice, check_minimum, drop_incomplete

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OnePerCluster:
    """Mean Spearman correlation over draws of one sample per cluster.

    Attributes
    ----------
    mean : float
    draws : ndarray
        The single draws; empty for the closed form.
    n_clusters, n, dropped : int
    method : str
    """

    mean: float
    draws: Array
    n_clusters: int
    n: int
    dropped: int
    method: str


def one_per_cluster_spearman(
    x: ArrayLike, y: ArrayLike, cluster: ArrayLike, method: str = "closed", n_draws: int = 1000, seed: int = 1
) -> OnePerCluster:
    """Spearman correlation of one sample per cluster, its mean in closed form or by repeated draws.

    Parameters
    ----------
    x, y, cluster : array-like, shape (n,)
        Incomplete rows are dropped.
    method : {"closed", "draws"}
        ``"closed"`` is the exact mean over all possible draws. It needs values that are not tied between
        clusters (with ties the denominator changes from draw to draw); ``"draws"`` handles ties by midranks.
        A draw in which one variable is constant is left out.

    Raises
    ------
    ValueError
        With fewer than three clusters, or for ``"closed"`` with ties between clusters.

    Examples
    --------
    >>> x, y, patient = [1, 2, 5, 6, 3, 4], [2, 1, 6, 4, 3, 5], list("aabbcc")
    >>> round(one_per_cluster_spearman(x, y, patient).mean, 4)
    0.875
    """
    check_choice(method, ["closed", "draws"], "method")
    (a, b, label), dropped = drop_incomplete(x=x, y=y, cluster=cluster, labels=["cluster"])
    names, code = np.unique(label.astype(str), return_inverse=True)
    k = len(names)
    check_minimum(k, 3, "clusters")
    if method == "draws":
        draws = _draw(a, b, code, k, n_draws, seed)
        return OnePerCluster(
            float(np.nanmean(draws)), draws, k, len(a), dropped, f"mean of {n_draws} draws of one per cluster"
        )
    for name, values in (("x", a), ("y", b)):
        _check_no_ties(values, code, name)
    mean = float(_mean_over_draws(a[None], b[None], code, k)[0])
    return OnePerCluster(
        mean, np.array([]), k, len(a), dropped, "exact mean over all draws of one per cluster"
    )


def one_per_cluster_null(
    sizes: ArrayLike, icc_x: float, icc_y: float, n_simulations: int = 2000, seed: int = 1
) -> Array:
    """Distribution of the mean over draws when x and y are independent, each correlated within clusters.

    Normal random-intercept data with the given intraclass correlations; each simulated mean is the closed
    form.

    Parameters
    ----------
    sizes : array-like of int
        Samples per cluster.
    icc_x, icc_y : float
        Intraclass correlations in [0, 1). They are not known from printed results: show a range.

    Returns
    -------
    ndarray, shape (n_simulations,)

    Examples
    --------
    >>> null = one_per_cluster_null([1, 2, 3, 4, 3, 2], icc_x=0.5, icc_y=0.5, n_simulations=500)
    >>> bool(abs(null.mean()) < 0.1), bool(null.std() < 1 / np.sqrt(5))
    (True, True)
    """
    counts = np.asarray(sizes, dtype=int)
    check_minimum(len(counts), 3, "clusters")
    for name, icc in (("icc_x", icc_x), ("icc_y", icc_y)):
        check_between(icc, 0, 0.999999, name)
    code, k = np.repeat(np.arange(len(counts)), counts), len(counts)
    rng = np.random.default_rng(seed)

    def variable(icc: float, m: int) -> Array:
        between = rng.standard_normal((m, k))[:, code]
        return np.sqrt(icc) * between + np.sqrt(1 - icc) * rng.standard_normal((m, len(code)))

    block = max(1, 1_000_000 // len(code) ** 2)
    means = []
    for start in range(0, n_simulations, block):
        m = min(block, n_simulations - start)
        means.append(_mean_over_draws(variable(icc_x, m), variable(icc_y, m), code, k))
    return np.concatenate(means)


def _mean_over_draws(x: Array, y: Array, code: NDArray[np.intp], k: int) -> Array:
    """Exact mean of Spearman's ρ over draws, for rows of x and y of shape (m, n).

    Twice a centred rank is a sum of signs over the other clusters. In the product of the ranks of x and y the
    two signs belong to different clusters (drawn independently: means multiply) or to the same one (mean of
    products).
    """
    n = len(code)
    size = np.bincount(code, minlength=k)
    average = np.zeros((n, k))
    average[np.arange(n), code] = 1 / size[code]
    elsewhere = code[:, None] != code[None, :]
    sx = np.sign(x[:, :, None] - x[:, None, :]) * elsewhere
    sy = np.sign(y[:, :, None] - y[:, None, :]) * elsewhere
    fx, fy, fxy = sx @ average, sy @ average, (sx * sy) @ average
    product = fx.sum(2) * fy.sum(2) - np.einsum("mik,mik->mi", fx, fy) + fxy.sum(2)
    return (product / size[code]).sum(1) / 4 * 12 / (k**3 - k)


def _draw(x: Array, y: Array, code: NDArray[np.intp], k: int, n_draws: int, seed: int) -> Array:
    size = np.bincount(code, minlength=k)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    rng = np.random.default_rng(seed)
    chosen = np.argsort(code, kind="stable")[start + (rng.random((n_draws, k)) * size).astype(np.intp)]
    a, b = (_centred_ranks(v, v[chosen], code) for v in (x, y))
    cross, first, second = (np.einsum("ij,ij->i", p, q) for p, q in ((a, b), (a, a), (b, b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(first * second > 0, cross / np.sqrt(first * second), np.nan)


def _centred_ranks(values: Array, drawn: Array, code: NDArray[np.intp]) -> Array:
    k = drawn.shape[1]
    if _tied_between(values, code) is None:
        ranks = np.empty_like(drawn)
        np.put_along_axis(ranks, np.argsort(drawn, axis=1), np.arange(1.0, k + 1)[None, :], axis=1)
    else:
        ranks = stats.rankdata(drawn, axis=1)
    return ranks - (k + 1) / 2


def _tied_between(values: Array, code: NDArray[np.intp]) -> float | None:
    """A value that occurs in more than one cluster, if there is any."""
    order = np.argsort(values, kind="stable")
    v, c = values[order], code[order]
    same = (v[1:] == v[:-1]) & (c[1:] != c[:-1])
    return float(v[1:][same][0]) if same.any() else None


def _check_no_ties(values: Array, code: NDArray[np.intp], name: str) -> None:
    tied = _tied_between(values, code)
    if tied is not None:
        raise ValueError(
            f"Without method='draws', {name} must not be tied between clusters. Given {tied:g} in two."
        )
