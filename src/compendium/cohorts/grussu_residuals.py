"""What signal models leave over: on tissue whose membranes leak, and where the phase in spheres is not Gaussian."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import expm

from compendium.diffusion.exact import exact_signal
from compendium.diffusion.fitting import fit_cell_size
from compendium.diffusion.models import MODELS, model_bounds, predict, wide_s0
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.spheres import restricted_signal

Array = NDArray[np.float64]

STARTS = 6
KEYS = ["protocol", "model"]


def exchanging_signal(
    protocol: Protocol,
    size_um: float,
    fraction: float,
    permeability_um_s: float,
    d0: float = 2.0,
    de_inf: float = 2.4,
) -> Array:
    """Signal of leaking spheres and their surroundings, without noise, shape (m,); 1 at b = 0.

    Parameters
    ----------
    size_um, fraction : float
        Diameter, and share of the water inside spheres, in (0, 1).
    permeability_um_s : float
        κ; water leaves a sphere at the rate 6κ/L.
    d0, de_inf : float
        Diffusivities inside and outside, µm²/ms.

    Notes
    -----
    The Kärger model (Kärger 1985): both pools lose signal at a constant rate over the diffusion time of eq. 6
    (`Protocol.time_ms`) while they exchange, and the loss inside is that of an impermeable sphere (Gaussian
    phase). It stands for exchange in kind, not in size: membranes that leak also change the loss inside.

    Examples
    --------
    >>> from compendium.diffusion.protocols import pgse_protocol
    >>> exchanging_signal(pgse_protocol([0, 1.5, 1.5], 10, 30), 16, 0.5, 0).round(4)
    array([1.    , 0.3285, 0.3285])
    """
    inside = np.log(np.maximum(restricted_signal(size_um, d0, protocol), 1e-12))
    rate = 6e-3 * permeability_um_s / size_um
    back = rate * fraction / (1 - fraction)
    turnover = np.array([[-rate, back], [rate, -back]])
    out = np.ones(len(protocol))
    for i in np.flatnonzero(protocol.b_ms_um2 > 0):
        loss = np.diag([inside[i], -protocol.b_ms_um2[i] * de_inf])
        out[i] = (expm(loss + turnover * protocol.time_ms[i]) @ [fraction, 1 - fraction]).sum()
    return out


def fit_residuals(
    name: str,
    strategies: dict[str, Protocol],
    permeability_um_s: float,
    sizes_um: Sequence[float] = (12, 16, 22),
    fraction: float = 0.5,
    preset: str = "invivo",
    d0: float = 2.0,
    de_inf: float = 2.4,
) -> pd.DataFrame:
    """Residuals (prediction less signal) of the five models on leaking tissue.

    Parameters
    ----------
    strategies : dict of Protocol
        The measurements that are fitted, by name of the strategy.

    Returns
    -------
    DataFrame
        A row per strategy, model, tissue and measurement: protocol, model, strategy, permeability, size, b,
        time, signal, residual.
    """
    parts = []
    for strategy, scan in strategies.items():
        truth = np.array(
            [exchanging_signal(scan, s, fraction, permeability_um_s, d0, de_inf) for s in sizes_um]
        )
        for model in MODELS.values():
            limits = model_bounds(model, preset, wide_s0(scan.b_ms_um2, model))
            fit = fit_cell_size(truth, scan, model.name, bounds=limits, starts=STARTS)
            rest = predict(model, fit.parameters, scan) - truth
            parts.append(pd.DataFrame({
                "protocol": name, "model": model.name, "strategy": strategy,
                "permeability": permeability_um_s, "size": np.repeat(np.asarray(sizes_um, float), len(scan)),
                "b": np.tile(scan.b_ms_um2, len(sizes_um)), "time": np.tile(scan.time_ms, len(sizes_um)),
                "signal": truth.ravel(), "residual": rest.ravel(),
            }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def time_contrast(residuals: pd.DataFrame) -> pd.Series:
    """Residual at the longest less that at the shortest time of a b-value, mean over b-values and tissues.

    Returns
    -------
    Series by protocol and model; empty where no b-value was measured at two times.
    """
    ends = residuals.sort_values("time", kind="stable").groupby([*KEYS, "b", "size"])
    table = ends["residual"].agg(["first", "last"]).join(ends["time"].agg(["min", "max"]))
    table = table[table["max"] > table["min"] * 1.001]
    return (table["last"] - table["first"]).groupby(KEYS).mean()


def residual_rms(residuals: pd.DataFrame) -> pd.Series:
    """Root mean square residual by protocol and model."""
    return np.sqrt((residuals["residual"] ** 2).groupby([residuals[k] for k in KEYS]).mean())


def phase_errors(
    protocols: dict[str, Protocol], sizes_um: Sequence[float] = tuple(range(8, 41, 4)), d0: float = 2.0
) -> pd.DataFrame:
    """Signal in spheres by the Gaussian phase formula and exactly, a row per protocol, size and weighted measurement.

    Returns
    -------
    DataFrame
        protocol, size, b, time, gaussian, exact, error (gaussian − exact).
    """
    parts = []
    for name, scan in protocols.items():
        for size in sizes_um:
            pair = {"gaussian": restricted_signal(size, d0, scan), "exact": exact_signal(size, d0, scan)}
            columns = {
                "protocol": name,
                "size": float(size),
                "b": scan.b_ms_um2,
                "time": scan.time_ms,
                **pair,
            }
            parts.append(pd.DataFrame(columns)[scan.b_ms_um2 > 0])
    return pd.concat(parts, ignore_index=True).assign(error=lambda t: t["gaussian"] - t["exact"])
