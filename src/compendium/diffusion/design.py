"""Is a protocol enough? Cramér–Rao bounds and posterior widths of cell size and fraction, before scanning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.diffusion.engine import noise_floor
from compendium.diffusion.fitting import fit_cell_size
from compendium.diffusion.models import Model, find_model, model_bounds, predict
from compendium.diffusion.posterior import posterior_cell_size
from compendium.diffusion.protocols import Protocol

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Information:
    """Fisher information of a model at a tissue.

    Attributes
    ----------
    matrix : ndarray, shape (p, p)
        In physical units, offset Gaussian.
    sd : dict of float
        Cramér–Rao bound of each parameter's standard deviation; infinite where the data do not determine it.
    rank : int
    """

    matrix: Array
    sd: dict[str, float]
    rank: int


def sensitivities(model: Model, parameters: ArrayLike, protocol: Protocol, step: float = 1e-5) -> Array:
    """Derivatives of the signal by the parameters (central differences), shape (m, p)."""
    p = np.asarray(parameters, dtype=np.float64)
    moves = np.diag(np.maximum(np.abs(p), 1e-2) * step)
    up, down = predict(model, p + moves, protocol), predict(model, p - moves, protocol)
    return ((up - down) / (2 * np.diag(moves)[:, None])).T


def fisher_information(
    model: Model, parameters: ArrayLike, protocol: Protocol, sigma: float, floor: float = 0.0
) -> Information:
    """Fisher information and Cramér–Rao bounds at a tissue.

    Parameters
    ----------
    parameters : array-like, shape (p,)
        In the order of ``model.parameters``.
    sigma, floor : float
        Noise standard deviation and noise floor, in the unit of the signal.
    """
    signal = predict(model, parameters, protocol)
    slope = sensitivities(model, parameters, protocol)
    slope = slope * (signal / np.sqrt(signal**2 + floor**2))[:, None] / sigma
    bounds = model_bounds(model)
    span = bounds[:, 1] - bounds[:, 0]
    scaled = slope * span
    _u, s, vt = np.linalg.svd(scaled, full_matrices=False)
    keep = s > 1e-9 * s[0]
    rank = int(keep.sum())
    variance = np.sum((vt[keep] / s[keep, None]) ** 2, axis=0)
    if rank < len(span):  # a parameter with any weight in the null space is not determined
        inside = np.sum(vt[keep] ** 2, axis=0)
        variance = np.where(inside < 1 - 1e-6, np.inf, variance)
    sd = np.sqrt(variance) * span
    return Information(slope.T @ slope, dict(zip(model.parameters, map(float, sd), strict=True)), rank)


def assess_protocol(
    protocol: Protocol,
    model: str = "Diff-in",
    *,
    sizes_um: Sequence[float] = (10, 15, 20, 25, 30),
    fractions: Sequence[float] = (0.3, 0.6, 0.9),
    snr: Sequence[float] = (20, 50, 100),
    d0: float = 2.0,
    de_inf: float = 2.4,
    beta: float = 2.0,
    preset: str = "invivo",
    floor_convention: str = "published",
    draws: int = 50,
    seed: int = 1,
    s0_bounds: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Expected precision of vCS and F over tissues and SNR, for a protocol alone.

    Parameters
    ----------
    snr : sequence of float
        S0 over σ at b = 0 and the echo time of the scan.
    draws : int
        Noise draws per tissue for the posterior width (Rician noise).

    Returns
    -------
    DataFrame
        A row per tissue and SNR: size_um, fraction, snr, crb_size, crb_fraction (infinite if undetermined),
        posterior_size_sd, posterior_size_rmse, posterior_fraction_sd, prior_share (posterior over prior SD of
        vCS: near 1 the data say nothing) and measurements per parameter.
    """
    found = find_model(model)
    bounds = model_bounds(found, preset, s0_bounds)
    rng = np.random.default_rng(seed)
    rows = []
    for size, fraction, ratio in product(sizes_um, fractions, snr):
        known = {"L": size, "D0": d0, "DEinf": de_inf, "beta": beta, "F": fraction, "S0": 1.0}
        if not found.has_extra:
            known["S0"] = fraction  # eq. 7: the amplitude is the fraction
        truth = np.array([known[name] for name in found.parameters])
        sigma = 1.0 / ratio
        floor = float(noise_floor(sigma, floor_convention))
        bound = fisher_information(found, truth, protocol, sigma, floor).sd
        clean = predict(found, truth, protocol)
        noise = sigma * rng.normal(size=(2, draws, len(clean)))
        noisy = np.hypot(clean + noise[0], noise[1])
        fit = fit_cell_size(
            noisy, protocol, model, sigma=sigma, bounds=bounds, floor_convention=floor_convention
        )
        got = posterior_cell_size(noisy, protocol, fit, sigma)
        share = "F" if found.has_extra else "S0"
        rows.append({
            "size_um": size, "fraction": fraction, "snr": ratio,
            "crb_size": bound["L"], "crb_fraction": bound[share],
            "posterior_size_sd": float(np.nanmean(got.sd["L"])),
            "posterior_size_rmse": float(np.sqrt(np.nanmean((got.mean["L"] - size) ** 2))),
            "posterior_fraction_sd": float(np.nanmean(got.sd[share])),
            "prior_share": float(np.nanmean(got.sd["L"]) / got.prior_sd["L"]),
            "measurements_per_parameter": len(protocol) / len(truth),
        })  # fmt: skip
    return pd.DataFrame(rows)
