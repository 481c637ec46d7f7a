"""Posterior mean, standard deviation and interval of cell size and its companions under a flat prior.

The prior is uniform over the bounds of the fit; the likelihood is the offset Gaussian with known σ. A lower
objective is not a better estimate: where the data say little, the maximum sits on a bound, and the posterior
says so by its width. What it gains rests on the prior: report it under wrong priors too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between
from compendium.diffusion.engine import merge_repeats, merge_signals, unit_grid
from compendium.diffusion.fitting import CellSizeFit
from compendium.diffusion.models import Model, hindered_signal, predict
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.quadrature import posterior_voxels
from compendium.diffusion.spheres import restricted_signal

Array = NDArray[np.float64]

CELLS = {"L": 32, "D0": 8, "DEinf": 8, "beta": 3}
"""Cells of the quadrature grid per parameter; F has `INNER` nodes where its conditional posterior lies."""
CELLS_ONE = {"L": 128, "D0": 24}
"""The same for Diff-in, whose posterior is narrow and whose grid is cheap."""
INNER = 8
FRACTION_BINS = 100
_PLACE = {"L": 1, "D0": 3, "DEinf": 5, "beta": 7, "F": 9, "S0": 11, "density": 13}


@dataclass(frozen=True)
class Posterior:
    """Posterior summaries of voxels.

    Attributes
    ----------
    mean, sd : dict of ndarray, shape (v,)
        By parameter, with ``density`` (cells/mm³; for Diff-in per unit of S0: divide by the reference S0).
    interval : dict of ndarray, shape (v, 2)
        Equal-tailed, of L and (with two compartments) F.
    prior_sd : dict of float
        Standard deviation of the flat prior.
    level : float
    model : Model
    convention : str
    """

    mean: dict[str, Array]
    sd: dict[str, Array]
    interval: dict[str, Array]
    prior_sd: dict[str, float]
    level: float
    model: Model
    convention: str


def posterior_cell_size(
    signals: ArrayLike,
    protocol: Protocol,
    fit: CellSizeFit,
    sigma: ArrayLike,
    *,
    level: float = 0.95,
    cells: dict[str, int] | None = None,
) -> Posterior:
    """Posterior of the parameters of a fitted model by quadrature over its bounds.

    Parameters
    ----------
    signals : array-like, shape (v, m)
        The signals that were fitted.
    fit : CellSizeFit
        Its model, bounds and noise floor are taken; its parameters only say where the floor is linearised.
    sigma : array-like, shape (v,) or scalar
        Noise standard deviation of the likelihood.
    level : float
        Probability of the intervals.
    cells : dict, optional
        `CELLS` or, for Diff-in, `CELLS_ONE`.

    Raises
    ------
    ValueError
        If σ is not positive: a posterior needs the noise.
    """
    check_between(level, 0, 1, "level", open_ends=True)
    data = np.asarray(signals, dtype=np.float64)
    noise = np.broadcast_to(np.asarray(sigma, dtype=np.float64), (len(data),)).copy()
    if not (noise[np.isfinite(noise)] > 0).all():
        raise ValueError(f"sigma must be positive: a posterior needs the noise. Given {np.nanmin(noise):g}.")
    model, bounds = fit.model, fit.bounds
    sizes = cells or (CELLS if model.has_extra else CELLS_ONE)
    merged = merge_repeats(protocol, with_te=False)
    short = protocol.select(merged.first)
    first_values, first, second_values, second = _grids(model, short, bounds, sizes)
    scale = data.max(axis=1) if data.size else np.zeros(0)
    nodes, node_weights = np.polynomial.legendre.leggauss(INNER)
    moments = np.empty((len(data), 15))
    size_mass = np.zeros((len(data), len(first)))
    fraction_mass = np.zeros((len(data), FRACTION_BINS))
    f_low, f_high = bounds[-2] if model.has_extra else (0.0, 1.0)
    grids = [np.ascontiguousarray(a) for a in (first, first_values, second, second_values)]
    predicted = np.ascontiguousarray(predict(model, fit.parameters, short))
    posterior_voxels(
        bool(model.has_extra), merge_signals(data, merged), predicted, np.ascontiguousarray(fit.floor), noise,
        merged.share * len(protocol), bounds[-1, 0] * scale, bounds[-1, 1] * scale, float(f_low), float(f_high),
        grids[0], grids[1], grids[2], grids[3], nodes, node_weights, moments, size_mass, fraction_mass,
    )  # fmt: skip
    return _summarise(model, bounds, sizes, moments, size_mass, fraction_mass, level)


def _grids(
    model: Model, protocol: Protocol, bounds: Array, sizes: dict[str, int]
) -> tuple[Array, Array, Array, Array]:
    span = bounds[:, 1] - bounds[:, 0]
    inside = bounds[:2, 0] + unit_grid([sizes["L"], sizes["D0"]]) * span[:2]
    first = restricted_signal(inside[:, 0], inside[:, 1], protocol)
    if not model.has_extra:
        return inside, first, np.zeros((1, 1)), np.zeros((1, len(protocol)))
    names = model.parameters[2:-2]
    where = slice(2, 2 + len(names))
    outside = bounds[where, 0] + unit_grid([sizes[name] for name in names]) * span[where]
    beta = outside[:, 1] if len(names) == 2 else np.zeros(len(outside))
    return inside, first, outside, hindered_signal(outside[:, 0], beta, protocol)


def _summarise(
    model: Model, bounds: Array, sizes: dict[str, int], moments: Array, size_mass: Array,
    fraction_mass: Array, level: float,
) -> Posterior:  # fmt: skip
    names = [*model.parameters, "density"]
    mean = {name: moments[:, _PLACE[name]] for name in names}
    sd = {}
    for row, name in enumerate(names):
        variance = moments[:, _PLACE[name] + 1] - mean[name] ** 2
        if name in sizes:  # a cell stands for all values in it
            variance = variance + ((bounds[row, 1] - bounds[row, 0]) / sizes[name]) ** 2 / 12
        sd[name] = np.sqrt(np.clip(variance, 0, None))
    by_size = size_mass.reshape(len(moments), sizes["L"], sizes["D0"]).sum(axis=2)
    interval = {"L": _equal_tails(by_size, bounds[0], level)}
    if model.has_extra:
        interval["F"] = _equal_tails(fraction_mass, np.array([0.0, 1.0]), level)
    spans = bounds[:, 1] - bounds[:, 0]
    prior = {n: float(s / np.sqrt(12)) for n, s in zip(model.parameters, spans, strict=True) if n != "S0"}
    return Posterior(
        mean, sd, interval, prior, level, model, "flat prior over the bounds; offset Gaussian, σ known"
    )


def _equal_tails(mass: Array, limits: Array, level: float) -> Array:
    """Quantiles of piecewise uniform masses on equal cells, shape (v, 2)."""
    out = np.full((len(mass), 2), np.nan)
    edges = np.linspace(limits[0], limits[1], mass.shape[1] + 1)
    for v in np.flatnonzero(mass.sum(axis=1) > 0):
        cumulative = np.r_[0.0, np.cumsum(mass[v])] / mass[v].sum()
        out[v] = np.interp([(1 - level) / 2, (1 + level) / 2], cumulative, edges)
    return out


def prior_dominated(posterior: Posterior, name: str = "L", share: float = 0.8) -> NDArray[np.bool_]:
    """Voxels whose posterior SD is more than a share of the prior's: the data say little there.

    Parameters
    ----------
    share : float
        0.8 keeps voxels in which the data took away at least a fifth of the prior's width.
    """
    return posterior.sd[name] > share * posterior.prior_sd[name]
