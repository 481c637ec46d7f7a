"""Before the cell-size fit: two-pool pre-fit of f_V and T2_T, removal of relaxation, averages, drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.diffusion.engine import Grid, no_tables, noise_floor, run_fit, unit_grid
from compendium.diffusion.models import TWO_POOL
from compendium.diffusion.protocols import Protocol

Array = NDArray[np.float64]

TWO_POOL_BOUNDS: dict[str, tuple[float, float]] = {
    "D_T": (0.2, 3.0), "K_T": (0.0, 5.0), "T2_T": (20.0, 140.0), "D_V": (4.0, 100.0), "T2_V": (150.0, 250.0),
    "f_T": (0.0, 1.0), "S0": (0.5, 20.0),
}  # fmt: skip
"""In vivo: T2_T as printed, the rest the public fitter's defaults; ex vivo T2_T is [5, 80] ms."""
GRID = (5, 3, 6, 3, 2)


@dataclass(frozen=True)
class TwoPoolFit:
    """Vascular–tissue pre-fit; arrays of shape (v,).

    Attributes
    ----------
    f_v : ndarray
        Vascular signal fraction at TE = 0.
    t2_tissue_ms, adc, kurtosis, d_vascular, t2_vascular_ms, s0 : ndarray
        ``s0`` in the unit of the signals, at TE = 0 and b = 0.
    objective, exit_code : ndarray
    """

    f_v: Array
    t2_tissue_ms: Array
    adc: Array
    kurtosis: Array
    d_vascular: Array
    t2_vascular_ms: Array
    s0: Array
    objective: Array
    exit_code: NDArray[np.int64]


def two_pool_signal(
    f_v: ArrayLike, t2_tissue_ms: ArrayLike, adc: ArrayLike, kurtosis: ArrayLike, d_vascular: ArrayLike,
    t2_vascular_ms: ArrayLike, s0: ArrayLike, protocol: Protocol,
) -> Array:  # fmt: skip
    """s₀(f_V·exp(−bD_V − TE/T2_V) + (1 − f_V)·exp(−bD_T + K(bD_T)²/6 − TE/T2_T)), shape (v, m)."""
    fv, t2t, d, k, dv, t2v, s = (
        np.asarray(a, dtype=np.float64)[..., None]
        for a in (f_v, t2_tissue_ms, adc, kurtosis, d_vascular, t2_vascular_ms, s0)
    )
    b, te = protocol.b_ms_um2, protocol.te_ms
    tissue = np.exp(-b * d + k * (b * d) ** 2 / 6 - te / t2t)
    return s * (fv * np.exp(-b * dv - te / t2v) + (1 - fv) * tissue)


def fit_two_pool(
    signals: ArrayLike,
    protocol: Protocol,
    *,
    bounds: dict[str, tuple[float, float]] | None = None,
    sigma: ArrayLike | None = None,
    floor_convention: str = "published",
    nex: float = 1.0,
    starts: int = 3,
) -> TwoPoolFit:
    """Fit the two-pool vascular–tissue model over b and TE (after Jerome et al. 2016, with tissue kurtosis).

    Parameters
    ----------
    signals : array-like, shape (v, m)
    bounds : dict, optional
        Changes to `TWO_POOL_BOUNDS`; S0 is relative to the voxel's largest signal.

    Raises
    ------
    ValueError
        Without at least two echo times: T2 would not be determined.
    """
    if not np.isfinite(protocol.te_ms).all() or len(np.unique(protocol.te_ms)) < 2:
        raise ValueError(
            "The two-pool fit needs an echo time for every measurement and two different ones. "
            f"Given {len(np.unique(protocol.te_ms[np.isfinite(protocol.te_ms)]))} different."
        )
    named = {**TWO_POOL_BOUNDS, **(bounds or {})}
    limits = np.array([named[name] for name in TWO_POOL_BOUNDS])
    span = limits[:, 1] - limits[:, 0]
    unit_first, unit_second = unit_grid(GRID[:3]), unit_grid(GRID[3:])
    d, k, t2 = (limits[:3, 0] + unit_first * span[:3]).T[:, :, None]
    dv, t2v = (limits[3:5, 0] + unit_second * span[3:5]).T[:, :, None]
    b, te = protocol.b_ms_um2, protocol.te_ms
    first = np.exp(-b * d + k * (b * d) ** 2 / 6 - te / t2)
    groups = np.repeat(np.arange(GRID[0]), GRID[1] * GRID[2]).astype(np.int64)
    grid = Grid(unit_first, first, unit_second, np.exp(-b * dv - te / t2v), groups)
    floor = np.zeros(1) if sigma is None else noise_floor(sigma, floor_convention, nex)
    raw = run_fit(TWO_POOL, signals, protocol, limits, grid, no_tables(), floor=floor, starts=starts)
    adc, kurtosis, t2_tissue, d_vascular, t2_vascular, f_t, s0 = raw.values.T
    return TwoPoolFit(
        1 - f_t, t2_tissue, adc, kurtosis, d_vascular, t2_vascular, s0, raw.objective, raw.codes
    )


def remove_relaxation(
    signals: ArrayLike, te_ms: ArrayLike, s0: ArrayLike, f_v: ArrayLike, t2_tissue_ms: ArrayLike
) -> Array:
    """Signals over s₀(1 − f_V)·exp(−TE/T2_T): what eqs. 2 and 7 leave when both tissue pools share T2.

    Parameters
    ----------
    signals : array-like, shape (v, m)
    te_ms : array-like, shape (m,)
    s0, f_v, t2_tissue_ms : array-like, shape (v,)
        Voxels where the divisor is not positive become NaN.

    Examples
    --------
    >>> remove_relaxation([[50.0]], [60.0], [200.0], [0.0], [60.0]).round(4)
    array([[0.6796]])
    """
    tissue, fv, t2 = (np.asarray(a, dtype=np.float64)[:, None] for a in (s0, f_v, t2_tissue_ms))
    with np.errstate(divide="ignore", invalid="ignore"):
        divisor = tissue * (1 - fv) * np.exp(-np.asarray(te_ms, dtype=np.float64) / t2)
        return np.where(divisor > 0, np.asarray(signals, dtype=np.float64) / divisor, np.nan)


def directional_average(signals: ArrayLike, protocol: Protocol) -> tuple[Array, Protocol, NDArray[np.intp]]:
    """Mean over measurements that share b, shape and TE (the directions of a shell), in order of appearance.

    Returns
    -------
    averaged : ndarray, shape (v, k)
    protocol : Protocol
        Of the k shells.
    counts : ndarray, shape (k,)
        Directions per shell: the effective NEX is this times the signal averages.
    """
    te = np.nan_to_num(protocol.te_ms, nan=-1.0)
    keys = np.round(np.stack([protocol.b_ms_um2, protocol.shape, te], axis=1), 6)
    _, first, member = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    member = rank[np.asarray(member).reshape(-1)]
    counts = np.bincount(member)
    weights = (member == np.arange(len(order))[:, None]) / counts[:, None]
    return np.asarray(signals, dtype=np.float64) @ weights.T, protocol.select(first[order]), counts


def correct_drift(
    signals: ArrayLike,
    reference: ArrayLike,
    protocol: Protocol,
    *,
    t2_ms: float,
    diffusivity: float,
    degree: int = 1,
    largest_weighting: float = 2.0,
) -> tuple[Array, Array]:
    """Divide out a slow drift of the gain, seen in a reference region of free water.

    Parameters
    ----------
    signals : array-like, shape (v, m)
        Measurements in the order of acquisition.
    reference : array-like, shape (m,)
        Mean signal of the reference region.
    t2_ms, diffusivity : float
        T2 (500 ms for the paper's PBS) and diffusivity of the reference: its expected decay is divided out.
    degree : int
        Of the polynomial in the acquisition index.
    largest_weighting : float
        Volumes with b·D above this do not enter: there the reference is noise.

    Returns
    -------
    corrected : ndarray, shape (v, m)
    drift : ndarray, shape (m,)
        Gain relative to the first volume.
    """
    te = np.nan_to_num(protocol.te_ms, nan=0.0)
    decay = protocol.b_ms_um2 * diffusivity + te / t2_ms
    gain = np.asarray(reference, dtype=np.float64) * np.exp(decay)
    use = np.isfinite(gain) & (gain > 0) & (protocol.b_ms_um2 * diffusivity <= largest_weighting)
    if use.sum() <= degree:
        raise ValueError(f"Drift of degree {degree} needs more usable volumes. Given {int(use.sum())}.")
    index = np.arange(len(protocol), dtype=np.float64)
    drift = np.polyval(np.polyfit(index[use], gain[use], degree), index)
    if (drift <= 0).any():
        raise ValueError(f"The fitted drift must stay positive. Given {drift.min():.3g}.")
    drift = drift / drift[0]
    return np.asarray(signals, dtype=np.float64) / drift, drift
