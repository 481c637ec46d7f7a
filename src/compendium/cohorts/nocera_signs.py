"""How often do two correlations of the same samples disagree in sign? Simulations for nocera2025.

A slope and a rank correlation see outliers differently; the correlation of all samples and the mean over draws
of one sample per patient weigh patients differently. Both simulations hold one number where the paper prints it and
give the distribution of the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice
from compendium.statistics.one_per_cluster import one_per_cluster_spearman

Array = NDArray[np.float64]
SHAPES = ("normal", "t5", "t3", "t2", "lognormal")


def simulate_rho_given_r(
    shape: str, left_out: int, r: float, n: int = 32, cohorts: int = 6000, seed: int | list[int] = 1
) -> Array:
    """Spearman's ρ of all samples in cohorts whose least-squares line has exactly Pearson's r.

    Parameters
    ----------
    shape : {"normal", "t5", "t3", "t2", "lognormal"}
        Distribution of x and of the scatter.
    left_out : int
        Samples with the largest scatter that the line leaves out and the ranks keep.
    r : float
        Of the n − left_out samples of the line.

    Examples
    --------
    >>> rho = simulate_rho_given_r("normal", 0, 0.5, cohorts=500)
    >>> bool(0.4 < rho.mean() < 0.5)
    True
    """
    check_choice(shape, SHAPES, "shape")
    rng = np.random.default_rng(seed)
    x, e = _draw(rng, shape, (cohorts, n)), _draw(rng, shape, (cohorts, n))
    order = np.argsort(np.abs(e - np.median(e, axis=1, keepdims=True)), axis=1)
    x, e = np.take_along_axis(x, order, 1), np.take_along_axis(e, order, 1)
    kept = slice(0, n - left_out)
    x = x - x[:, kept].mean(1, keepdims=True)
    e = e - e[:, kept].mean(1, keepdims=True)
    e = e - x * ((e * x)[:, kept].sum(1) / (x * x)[:, kept].sum(1))[:, None]
    x, e = x / x[:, kept].std(1, keepdims=True), e / e[:, kept].std(1, keepdims=True)
    return _row_correlation(_ranks(x), _ranks(r * x + np.sqrt(1 - r * r) * e))


def simulate_iterated_given_rho(
    sizes: ArrayLike, window: tuple[float, float], icc: float, cohorts: int = 25_000, keep: int = 500,
    seed: int | list[int] = 1,
) -> Array:  # fmt: skip
    """Exact means over draws of one sample per patient, in cohorts whose ρ of all samples lies in a window.

    Normal data, the same association within and between patients (the middle of the window).

    Parameters
    ----------
    sizes : array-like of int
        Samples per patient.
    icc : float
        Share of the variance of both variables between patients.
    keep : int
        At most so many cohorts of those inside the window.

    Examples
    --------
    >>> means = simulate_iterated_given_rho([1, 2, 3, 4, 3, 3], (-0.3, -0.1), 0.5, cohorts=500)
    >>> bool(-0.5 < means.mean() < 0.1)
    True
    """
    rng = np.random.default_rng(seed)
    counts = np.asarray(sizes, dtype=int)
    code, k = np.repeat(np.arange(len(counts)), counts), len(counts)
    r = float(np.mean(window))

    def pair(m: int) -> tuple[Array, Array]:
        first = rng.standard_normal((cohorts, m))
        return first, r * first + np.sqrt(1 - r * r) * rng.standard_normal((cohorts, m))

    between, within = pair(k), pair(len(code))
    x, y = (np.sqrt(icc) * b[:, code] + np.sqrt(1 - icc) * w for b, w in zip(between, within, strict=True))
    rho = _row_correlation(_ranks(x), _ranks(y))
    hit = np.flatnonzero((rho >= window[0]) & (rho <= window[1]))[:keep]
    return np.array([one_per_cluster_spearman(x[i], y[i], code).mean for i in hit])


def _draw(rng: np.random.Generator, shape: str, size: tuple[int, int]) -> Array:
    if shape == "normal":
        return rng.standard_normal(size)
    if shape == "lognormal":
        return rng.lognormal(0, 0.6, size)
    return rng.standard_t(int(shape[1:]), size)


def _ranks(values: Array) -> Array:
    return values.argsort(axis=-1).argsort(axis=-1).astype(float)


def _row_correlation(a: Array, b: Array) -> Array:
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    return np.asarray((a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1)))
