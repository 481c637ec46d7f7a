"""Bootstrap of whole clusters: any statistic by copying rows, correlations by weighting them.

The names can be imported from `compendium.statistics.clustered` as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.parallel import parallel_map
from compendium.base.validation import check_between, check_choice, check_minimum, drop_incomplete
from compendium.statistics.results import Interval

Array = NDArray[np.float64]
_DRAWS_PER_TASK = 250
_CELLS_PER_BLOCK = 2_000_000  # replicates × samples held at once: 16 MB per array


@dataclass(frozen=True)
class Bootstrap:
    """Result of a cluster bootstrap.

    Attributes
    ----------
    interval : Interval
        Estimate from the sample itself, limits from the replicates.
    replicates : ndarray, shape (n_resamples,)
        NaN where the statistic is undefined in a resample.
    undefined : int
        How many replicates are NaN; they are left out of the limits.
    n_clusters, n, dropped : int
    """

    interval: Interval
    replicates: Array
    undefined: int
    n_clusters: int
    n: int
    dropped: int

    @property
    def standard_error(self) -> float:
        """Standard deviation of the defined replicates."""
        return float(np.nanstd(self.replicates, ddof=1))


def cluster_bootstrap(
    statistic: Callable[..., float], *arrays: ArrayLike, cluster: ArrayLike, n_resamples: int = 2000,
    seed: int = 1, method: str = "percentile", confidence: float = 0.95, jobs: int = 1, scheduler: str | None = None,
) -> Bootstrap:  # fmt: skip
    """Interval of any statistic by resampling whole clusters with replacement.

    Parameters
    ----------
    statistic : callable
        ``statistic(*arrays) -> float`` on the rows of a resample; NaN marks "undefined here".
    *arrays : array-like, shape (n,)
        Rows that are incomplete in any array or in `cluster` are dropped first.
    cluster : array-like, shape (n,)
    n_resamples, seed : int
    method : {"percentile", "bca"}
        Quantiles of the replicates (linear interpolation), or bias-corrected and accelerated with the
        jackknife over clusters (Efron 1987).
    jobs, scheduler
        Processes, or a Dask scheduler (`compendium.base.parallel.parallel_map`); the statistic must then be importable.
        The resamples are drawn beforehand: where they are evaluated does not change a bit.

    Returns
    -------
    Bootstrap

    Raises
    ------
    ValueError
        With fewer than two clusters: resampling one cluster always gives the same sample.

    Examples
    --------
    >>> boot = cluster_bootstrap(np.mean, [1, 2, 5, 6, 3, 4], cluster=list("aabbcc"), n_resamples=500)
    >>> boot.interval.estimate, boot.interval.lower, boot.interval.upper
    (3.5, 2.1666666666666665, 5.5)
    """
    read, code, k, dropped = read_clustered(arrays, cluster)
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(k + 1))
    members = [order[starts[i] : starts[i + 1]] for i in range(k)]

    evaluate = partial(_evaluate, statistic, read, members)
    draws = np.random.default_rng(seed).integers(0, k, size=(n_resamples, k))
    tasks = (
        [draws] if jobs == 1 and not scheduler else np.array_split(draws, -(-n_resamples // _DRAWS_PER_TASK))
    )
    replicates = np.concatenate(list(parallel_map(evaluate, tasks, jobs, scheduler)))
    estimate = float(statistic(*read))
    left_out = np.array([])
    if method == "bca":
        left_out = evaluate(np.array([np.delete(np.arange(k), i) for i in range(k)]))
    return _bootstrap(
        estimate, replicates, left_out, method, confidence, (k, len(code), dropped), "cluster bootstrap"
    )


def _evaluate(
    statistic: Callable[..., float],
    read: tuple[Array, ...],
    members: list[NDArray[np.intp]],
    draws: NDArray[np.intp],
) -> Array:
    """Evaluate a statistic on the rows of drawn clusters, a row of `draws` each."""
    rows = (np.concatenate([members[i] for i in draw]) for draw in draws)
    return np.array([float(statistic(*(array[chosen] for array in read))) for chosen in rows])


def cluster_bootstrap_correlation(
    x: ArrayLike, y: ArrayLike, cluster: ArrayLike, kind: str = "spearman", n_resamples: int = 10_000,
    seed: int = 1, method: str = "percentile", confidence: float = 0.95,
) -> Bootstrap:  # fmt: skip
    """Cluster bootstrap of a correlation, without copying samples: cluster counts become weights.

    A resample is a vector of counts per cluster. Midranks of the resample follow from it by one matrix
    product, so that ties (also those made by drawing a patient twice) are ranked exactly as in the copied
    sample.

    Parameters
    ----------
    x, y, cluster : array-like, shape (n,)
    kind : {"spearman", "pearson"}
    n_resamples, seed, method, confidence
        As in `cluster_bootstrap`, which gives the same replicates for the same seed.

    Examples
    --------
    >>> x, y = [1, 2, 5, 6, 3, 4], [2, 1, 6, 4, 3, 5]
    >>> boot = cluster_bootstrap_correlation(x, y, list("aabbcc"), n_resamples=500)
    >>> round(boot.interval.estimate, 4), boot.undefined
    (0.7714, 0)
    """
    check_choice(kind, ["spearman", "pearson"], "kind")
    (a, b), code, k, dropped = read_clustered((x, y), cluster)
    draws = np.random.default_rng(seed).integers(0, k, size=(n_resamples, k))
    counts = np.bincount((draws + k * np.arange(n_resamples)[:, None]).ravel(), minlength=n_resamples * k)
    correlate = correlation_from_counts(a, b, code, kind)
    replicates = correlate(counts.reshape(n_resamples, k))
    estimate = float(correlate(np.ones((1, k)))[0])
    left_out = correlate(1 - np.eye(k)) if method == "bca" else np.array([])
    sizes = (k, len(code), dropped)
    return _bootstrap(estimate, replicates, left_out, method, confidence, sizes, f"cluster bootstrap, {kind}")


def correlation_from_counts(
    x: Array, y: Array, code: NDArray[np.intp], kind: str
) -> Callable[[ArrayLike], Array]:
    """Function from counts per cluster, shape (resamples, clusters), to the correlation of each resample.

    Examples
    --------
    >>> x, y, code = np.array([1.0, 2, 3]), np.array([1.0, 3, 2]), np.array([0, 1, 2])
    >>> correlate = correlation_from_counts(x, y, code, "spearman")
    >>> correlate([[1, 1, 1], [2, 1, 0], [3, 0, 0]]).round(3)
    array([0.5, 1. , nan])
    """
    k, n = int(code.max()) + 1, len(x)
    member = np.zeros((k, n))
    member[code, np.arange(n)] = 1
    moments = (_pearson_moments if kind == "pearson" else _rank_moments)(x, y, member)

    def correlate(counts: ArrayLike) -> Array:
        weights = np.asarray(counts, dtype=float)
        block = max(1, _CELLS_PER_BLOCK // n)
        return np.concatenate(
            [_ratio(*moments(weights[i : i + block])) for i in range(0, len(weights), block)]
        )

    return correlate


def read_clustered(
    arrays: tuple[ArrayLike, ...], cluster: ArrayLike
) -> tuple[tuple[Array, ...], NDArray[np.intp], int, int]:
    """Complete rows, cluster codes from 0, number of clusters (two at least) and of dropped rows.

    Examples
    --------
    >>> arrays, code, clusters, dropped = read_clustered(([5, 6, None, 8],), list("baab"))
    >>> code, clusters, dropped
    (array([1, 0, 1]), 2, 1)
    """
    named: dict[str, Any] = {f"array {i + 1}": array for i, array in enumerate(arrays)}
    (*read, label), dropped = drop_incomplete(labels=["cluster"], **named, cluster=cluster)
    names, code = np.unique(label.astype(str), return_inverse=True)
    check_minimum(len(names), 2, "clusters")
    return tuple(read), code, len(names), dropped


def _pearson_moments(x: Array, y: Array, member: Array) -> Callable[[Array], tuple[Array, Array, Array]]:
    a, b = x - x.mean(), y - y.mean()
    sums = member @ np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], axis=1)
    tiny = 1e-13 * np.array([np.sum(a * a), np.sum(b * b)])

    def moments(weights: Array) -> tuple[Array, Array, Array]:
        n, sx, sy, sxx, syy, sxy = (weights @ sums).T
        vx, vy = sxx - sx**2 / n, syy - sy**2 / n
        return sxy - sx * sy / n, np.where(vx > tiny[0], vx, 0), np.where(vy > tiny[1], vy, 0)

    return moments


def _rank_moments(x: Array, y: Array, member: Array) -> Callable[[Array], tuple[Array, Array, Array]]:
    above = [
        member @ (np.sign(v[None, :] - v[:, None])) for v in (x, y)
    ]  # per cluster: below minus above sample i

    def moments(weights: Array) -> tuple[Array, Array, Array]:
        w = weights @ member
        a, b = (weights @ table for table in above)  # twice the midrank less its mean: no centring needed
        wa = w * a
        return np.einsum("ij,ij->i", wa, b), np.einsum("ij,ij->i", wa, a), np.einsum("ij,ij,ij->i", w, b, b)

    return moments


def _ratio(cross: Array, first: Array, second: Array) -> Array:
    product = first * second
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(product > 0, np.clip(cross / np.sqrt(product), -1, 1), np.nan)


def _bootstrap(
    estimate: float, replicates: Array, left_out: Array, method: str, confidence: float,
    sizes: tuple[int, int, int], name: str,
) -> Bootstrap:  # fmt: skip
    check_choice(method, ["percentile", "bca"], "method")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    defined = replicates[np.isfinite(replicates)]
    levels = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "bca" and len(defined):
        levels = _bca_levels(levels, estimate, defined, left_out[np.isfinite(left_out)])
    usable = len(defined) > 0 and np.isfinite(levels).all()
    lower, upper = np.quantile(defined, levels) if usable else (np.nan, np.nan)
    k, n, dropped = sizes
    label = f"{name}, {method}, {len(replicates)} resamples of {k} clusters"
    interval = Interval(estimate, float(lower), float(upper), confidence, label)
    return Bootstrap(interval, replicates, len(replicates) - len(defined), k, n, dropped)


def _bca_levels(levels: Array, estimate: float, replicates: Array, left_out: Array) -> Array:
    share = (np.sum(replicates < estimate) + 0.5 * np.sum(replicates == estimate)) / len(replicates)
    bias = stats.norm.ppf(share)
    gap = left_out.mean() - left_out if len(left_out) else np.zeros(1)
    spread = float(np.sum(gap**2))
    acceleration = float(np.sum(gap**3)) / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + stats.norm.ppf(levels)
    return np.asarray(stats.norm.cdf(bias + z / (1 - acceleration * z)))
