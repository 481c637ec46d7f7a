"""Apparent diffusion and excess kurtosis: s = s₀·exp(−b·ADC + K(b·ADC)²/6) (eq. 10; Jensen et al. 2005)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.diffusion.engine import Grid, no_tables, noise_floor, run_fit, unit_grid
from compendium.diffusion.models import KURTOSIS
from compendium.diffusion.protocols import UNWEIGHTED, Protocol

Array = NDArray[np.float64]

PUBLISHED_BOUNDS = {"ADC": (0.1, 3.0), "K": (0.0, 5.0), "S0": (0.5, 5.0)}
"""Bounds of the public fitter (µm²/ms, 1, over the largest signal)."""
GRID = (8, 5)


@dataclass(frozen=True)
class KurtosisFit:
    """ADC (µm²/ms), excess kurtosis, S0, each of shape (v,); objective on scaled signals; exit codes 1, −1."""

    adc: Array
    kurtosis: Array
    s0: Array
    objective: Array
    exit_code: NDArray[np.int64]
    floor: Array
    convention: str


def kurtosis_signal(adc: ArrayLike, kurtosis: ArrayLike, s0: ArrayLike, b_ms_um2: ArrayLike) -> Array:
    """Signal of eq. 10, shape (..., m).

    Examples
    --------
    >>> kurtosis_signal(1.0, 0.6, 1.0, [0.0, 1.0]).round(4)
    array([1.    , 0.4066])
    """
    x = np.asarray(adc, dtype=np.float64)[..., None] * np.asarray(b_ms_um2, dtype=np.float64)
    k = np.asarray(kurtosis, dtype=np.float64)[..., None]
    return np.asarray(s0, dtype=np.float64)[..., None] * np.exp(-x + k * x**2 / 6)


def fit_kurtosis(
    signals: ArrayLike,
    b_ms_um2: ArrayLike,
    *,
    sigma: ArrayLike | None = None,
    bounds: dict[str, tuple[float, float]] | None = None,
    floor_convention: str = "published",
    nex: float = 1.0,
    starts: int = 1,
) -> KurtosisFit:
    """Fit eq. 10 by non-linear least squares, with a noise floor if σ is given.

    Parameters
    ----------
    signals : array-like, shape (v, m)
    b_ms_um2 : array-like, shape (m,)
        At least two different values above 0 and three in all.

    Raises
    ------
    ValueError
        With fewer than three different b-values: ADC, K and S0 would not be determined.

    Examples
    --------
    >>> b = [0, 0.5, 1.0, 1.5]
    >>> fit = fit_kurtosis(kurtosis_signal([1.2], [0.8], [100.0], b), b)
    >>> fit.adc.round(4), fit.kurtosis.round(4), fit.s0.round(2)
    (array([1.2]), array([0.8]), array([100.]))
    """
    b = np.asarray(b_ms_um2, dtype=np.float64)
    different = len(np.unique(np.round(b, 6)))
    if different < 3:
        raise ValueError(f"Kurtosis needs at least three different b-values. Given {different}.")
    named = {**PUBLISHED_BOUNDS, **(bounds or {})}
    limits = np.array([named[name] for name in ("ADC", "K", "S0")])
    protocol = Protocol(b, np.full(b.shape, np.nan), (), np.full(b.shape, UNWEIGHTED), "kurtosis")
    unit = unit_grid(GRID)
    points = limits[:2, 0] + unit * (limits[:2, 1] - limits[:2, 0])
    first = kurtosis_signal(points[:, 0], points[:, 1], np.ones(len(points)), b)
    groups = np.repeat(np.arange(GRID[0]), GRID[1]).astype(np.int64)
    grid = Grid(unit, first, np.zeros((1, 1)), np.zeros((1, b.size)), groups)
    floor = np.zeros(1) if sigma is None else noise_floor(sigma, floor_convention, nex)
    raw = run_fit(KURTOSIS, signals, protocol, limits, grid, no_tables(), floor=floor, starts=starts)
    words = "no noise floor" if sigma is None else f"noise floor: {floor_convention}, NEX {nex:g}"
    adc, kurtosis, s0 = raw.values.T
    return KurtosisFit(
        adc, kurtosis, s0, raw.objective, raw.codes, raw.floor, f"non-linear least squares; {words}"
    )
