"""Fits of the five models to diffusion signals, voxel by voxel: maximum likelihood or the published pull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.diffusion.engine import Grid, noise_floor, run_fit, sphere_tables, unit_grid
from compendium.diffusion.models import Model, find_model, hindered_signal, model_bounds, predict
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.spheres import restricted_signal

Array = NDArray[np.float64]

PUBLISHED_PULL = 0.001
"""Weight λ of the public fitter's pull to the middle of every bound (its default; not named in the paper)."""
GRID = {"L": 10, "D0": 5, "DEinf": 6, "beta": 3}
"""Cells of the coarse grid per parameter; F and S0 have closed forms there."""
AT_BOUND = 1e-3  # fraction of the span within which a parameter counts as at its bound


@dataclass(frozen=True)
class CellSizeFit:
    """Fitted parameters of voxels and what the fit was.

    Attributes
    ----------
    model : Model
    parameters : ndarray, shape (v, p)
        In the order of ``model.parameters``; NaN where nothing could be fitted.
    objective : ndarray, shape (v,)
        (1 − λ)·mean((y − √(S² + floor²))²) + λ·mean((½ − u)²), on signals over their maximum.
    exit_code : ndarray of int, shape (v,)
        1 converged, −1 not (or missing measurements).
    bounds : ndarray, shape (p, 2)
        S0 relative to the largest signal of the voxel.
    at_bound : ndarray of bool, shape (v, p)
    floor : ndarray, shape (v,)
        Noise floor, in the unit of the signals.
    convention : str
        Noise floor, pull and starts in words.
    """

    model: Model
    parameters: Array
    objective: Array
    exit_code: NDArray[np.int64]
    bounds: Array
    at_bound: NDArray[np.bool_]
    floor: Array
    convention: str

    def __getitem__(self, name: str) -> Array:
        """Values of a parameter, shape (v,)."""
        return self.parameters[:, self.model.parameters.index(name)]


def fit_cell_size(
    signals: ArrayLike,
    protocol: Protocol,
    model: str = "Diff-in",
    *,
    sigma: ArrayLike | None = None,
    bounds: Array | None = None,
    pull: float = 0.0,
    floor_convention: str = "published",
    nex: float = 1.0,
    starts: int = 3,
    grid: dict[str, int] | None = None,
    max_iterations: int = 500,
    tolerance: float = 1e-10,
) -> CellSizeFit:
    """Fit one of the five models by coarse grid and several refinements.

    Parameters
    ----------
    signals : array-like, shape (v, m)
        Magnitudes, relaxation and vascular weighting removed (`compendium.diffusion.relaxation`).
    sigma : array-like, shape (v,) or scalar, optional
        Noise standard deviation; without it there is no noise floor.
    bounds : ndarray, shape (p, 2), optional
        `model_bounds`; S0 relative to the largest signal.
    pull : float
        λ of the objective; 0 is maximum likelihood, `PUBLISHED_PULL` the public fitter's default.
    floor_convention, nex
        `compendium.diffusion.engine.noise_floor`.
    starts : int
        Refinements per voxel, from the best grid points with different L.

    Examples
    --------
    >>> from compendium.diffusion.protocols import pgse_protocol
    >>> scan = pgse_protocol([0, 0.5, 1, 2, 0.5, 1, 2], 10, [0, 15, 15, 15, 40, 40, 40])
    >>> truth = [[14.0, 1.5, 2.4, 0.6, 1.0]]
    >>> fit = fit_cell_size(predict(find_model("Diff-in-ex"), truth, scan), scan, "Diff-in-ex")
    >>> fit.parameters.round(2)
    array([[14. ,  1.5,  2.4,  0.6,  1. ]])
    """
    found = find_model(model)
    limits = model_bounds(found) if bounds is None else np.asarray(bounds, dtype=np.float64)
    floor = np.zeros(1) if sigma is None else noise_floor(sigma, floor_convention, nex)
    raw = run_fit(
        found.kind, signals, protocol, limits, sphere_grid(found, protocol, limits, grid or GRID),
        sphere_tables(protocol, limits), floor=floor, pull=pull, starts=starts,
        max_iterations=max_iterations, tolerance=tolerance,
    )  # fmt: skip
    named = "no noise floor" if sigma is None else f"noise floor: {floor_convention}, NEX {nex:g}"
    kind = "maximum likelihood" if pull == 0 else f"pull λ = {pull:g}"
    unit = raw.values.copy()
    unit[:, -1] /= raw.scale
    unit = (unit - limits[:, 0]) / (limits[:, 1] - limits[:, 0])
    with np.errstate(invalid="ignore"):
        at_bound = (unit < AT_BOUND) | (unit > 1 - AT_BOUND)
    convention = f"offset Gaussian; {named}; {kind}; {starts} starts"
    return CellSizeFit(found, raw.values, raw.objective, raw.codes, limits, at_bound, raw.floor, convention)


def sphere_grid(model: Model, protocol: Protocol, bounds: Array, sizes: dict[str, int]) -> Grid:
    """Coarse grid of a model: cells of (L, D0) and, with a second compartment, of (D_E∞[, β])."""
    span = bounds[:, 1] - bounds[:, 0]
    unit_first = unit_grid([sizes["L"], sizes["D0"]])
    inside = bounds[:2, 0] + unit_first * span[:2]
    first = restricted_signal(inside[:, 0], inside[:, 1], protocol)
    groups = np.repeat(np.arange(sizes["L"]), sizes["D0"]).astype(np.int64)
    if not model.has_extra:
        return Grid(unit_first, first, np.zeros((1, 1)), np.zeros((1, len(protocol))), groups)
    names = model.parameters[2:-2]
    unit_second = unit_grid([sizes[name] for name in names])
    outside = bounds[2 : 2 + len(names), 0] + unit_second * span[2 : 2 + len(names)]
    beta = outside[:, 1] if len(names) == 2 else np.zeros(len(outside))
    return Grid(unit_first, first, unit_second, hindered_signal(outside[:, 0], beta, protocol), groups)


def objective_value(fit: CellSizeFit, signals: ArrayLike, protocol: Protocol, pull: float = 0.0) -> Array:
    """Recompute the objective of given parameters with the series of eq. 4 instead of the table, shape (v,)."""
    data = np.asarray(signals, dtype=np.float64)
    scale = data.max(axis=1)
    expected = np.sqrt(predict(fit.model, fit.parameters, protocol) ** 2 + fit.floor[:, None] ** 2)
    misfit = np.mean(((data - expected) / scale[:, None]) ** 2, axis=1)
    values = fit.parameters.copy()
    values[:, -1] /= scale
    unit = (values - fit.bounds[:, 0]) / (fit.bounds[:, 1] - fit.bounds[:, 0])
    return (1 - pull) * misfit + pull * np.mean((0.5 - unit) ** 2, axis=1)


def residuals(fit: CellSizeFit, signals: ArrayLike, protocol: Protocol) -> Array:
    """Predicted less measured signal (the sign of the published figures), shape (v, m)."""
    expected = np.sqrt(predict(fit.model, fit.parameters, protocol) ** 2 + fit.floor[:, None] ** 2)
    return expected - np.asarray(signals, dtype=np.float64)


def intracellular_fraction(fit: CellSizeFit, s0_reference: ArrayLike | None = None) -> Array:
    """F of a fit: fitted, or for Diff-in S0/S0_reference clipped to [0, 1]; NaN without a reference."""
    if fit.model.has_extra:
        return fit["F"]
    if s0_reference is None:
        return np.full(len(fit.parameters), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = fit["S0"] / np.asarray(s0_reference, dtype=np.float64)
    return np.where(np.isfinite(ratio), np.clip(ratio, 0, 1), np.nan)


def cell_density(fraction: ArrayLike, diameter_um: ArrayLike, power: int = 3) -> Array:
    """Cells per mm³ (eq. 9: F/vCS³) or, with `power` 2, per mm² (F/vCS²).

    Examples
    --------
    >>> round(float(cell_density(0.5, 20)))
    62500
    """
    return np.asarray(fraction) / np.asarray(diameter_um, dtype=np.float64) ** power * 1e3**power


@dataclass(frozen=True)
class TimingSpread:
    """Cell size of voxels under several timings that a protocol may have had.

    Attributes
    ----------
    sizes : ndarray, shape (n, v)
    lower, upper, typical : ndarray, shape (v,)
    candidates : ndarray, shape (n, 2)
    """

    sizes: Array
    lower: Array
    upper: Array
    typical: Array
    candidates: Array


def fit_over_timings(
    signals: ArrayLike,
    protocols: Sequence[Protocol],
    candidates: ArrayLike,
    model: str = "Diff-in",
    **options: object,
) -> TimingSpread:
    """Fit with every candidate timing (`bracket_timings`): the spread is what unknown δ and Δ cost in L."""
    sizes = np.array([fit_cell_size(signals, p, model, **options)["L"] for p in protocols])  # type: ignore[arg-type]
    return TimingSpread(
        sizes,
        sizes.min(axis=0),
        sizes.max(axis=0),
        np.median(sizes, axis=0),
        np.asarray(candidates, dtype=float),
    )
