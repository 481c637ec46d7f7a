"""What the compiled fits are fed with: protocol arrays, the table of restricted diffusion, grids and scaling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between, check_choice
from compendium.diffusion.models import TWO_POOL
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.search import fit_voxels
from compendium.diffusion.spheres import N_ROOTS, reduced_adc

Array = NDArray[np.float64]

TABLE_NODES = 256
"""Nodes of H over ln(D₀/R²): cubic Hermite interpolation is then exact to 1e-9 (relative)."""
NOISE_FLOORS = ("published", "rician", "sigma", "none")


@dataclass(frozen=True)
class Grid:
    """A coarse grid: unit coordinates and signals of the first compartment and, if any, of the second."""

    unit_first: Array
    first: Array
    unit_second: Array
    second: Array
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class RawFit:
    """Result of the compiled fit: physical parameters, objective on scaled data, exit codes, scale."""

    values: Array
    objective: Array
    codes: NDArray[np.int64]
    grid_objective: Array
    scale: Array
    floor: Array


def noise_floor(sigma: ArrayLike, convention: str = "published", nex: float = 1.0) -> Array:
    """Floor f of the offset-Gaussian expectation √(S² + f²) from the noise standard deviation.

    Parameters
    ----------
    sigma : array-like
        Standard deviation of the noise in the image that is fitted.
    convention : {"published", "rician", "sigma", "none"}
        ``"published"``: σ·√(π/2)·√NEX (the public fitter: mean of Rayleigh noise of each average);
        ``"rician"``: σ·√(π/2); ``"sigma"``: σ (Panagiotaki 2012; the public fitter's grid search);
        ``"none"``: 0 (Gaussian noise).
    nex : float
        Magnitude images that were averaged.

    Examples
    --------
    >>> noise_floor(0.1, "published", nex=4).round(4)
    np.float64(0.2507)
    """
    check_choice(convention, NOISE_FLOORS, "noise_floor")
    check_between(nex, 1, 1e6, "nex")
    factor = {"published": np.sqrt(np.pi / 2 * nex), "rician": np.sqrt(np.pi / 2), "sigma": 1.0, "none": 0.0}
    return np.asarray(sigma, dtype=np.float64) * factor[convention]


def protocol_arrays(protocol: Protocol) -> tuple[Any, ...]:
    """b, TE, 1/t and shape index, as the kernels take them."""
    inverse = 1.0 / protocol.time_ms
    te = np.nan_to_num(protocol.te_ms, nan=0.0)
    return (protocol.b_ms_um2.copy(), te, inverse, protocol.shape.astype(np.int64))


def sphere_tables(
    protocol: Protocol, bounds: Array, nodes: int = TABLE_NODES, n_roots: int = N_ROOTS
) -> tuple[Any, ...]:
    """Start, step, H and dH/d(ln x) over the ln(D₀/R²) that the bounds of L and D₀ (rows 0 and 1) allow."""
    (size_low, size_high), (d_low, d_high) = bounds[0], bounds[1]
    start, stop = np.log(4 * d_low / size_high**2), np.log(4 * d_high / size_low**2)
    u = np.linspace(start, stop, nodes)
    pairs = [reduced_adc(np.exp(u), shape, n_roots) for shape in protocol.shapes]
    if not pairs:
        return (start, u[1] - u[0], np.zeros((0, nodes)), np.zeros((0, nodes)))
    return (start, u[1] - u[0], np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs]))


def no_tables() -> tuple[Any, ...]:
    """Placeholder for signals without spheres."""
    return (0.0, 1.0, np.zeros((0, 2)), np.zeros((0, 2)))


def unit_grid(sizes: Sequence[int]) -> Array:
    """Centres of equal cells of the unit box, first coordinate slowest, shape (n, k).

    Examples
    --------
    >>> unit_grid([2, 1])
    array([[0.25, 0.5 ],
           [0.75, 0.5 ]])
    """
    axes = [(np.arange(n) + 0.5) / n for n in sizes]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(sizes))


@dataclass(frozen=True)
class Merged:
    """Measurements that every model predicts alike: their first, their members, averaging matrix and shares."""

    first: NDArray[np.int64]
    member: NDArray[np.int64]
    average: Array
    share: Array


def merge_repeats(protocol: Protocol, with_te: bool) -> Merged:
    """Measurements with equal b and shape (and TE): a fit to their weighted means is the same fit, faster.

    Examples
    --------
    >>> from compendium.diffusion.protocols import pgse_protocol
    >>> merge_repeats(pgse_protocol([0, 1, 1], 10, 30), with_te=False).share.round(2)
    array([0.33, 0.67])
    """
    te = np.nan_to_num(protocol.te_ms, nan=0.0) if with_te else np.zeros(len(protocol))
    keys = np.round(np.stack([protocol.shape, protocol.b_ms_um2, te], axis=1), 9)
    _, first, member = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    member = np.asarray(member).reshape(-1)
    counts = np.bincount(member)
    average = (member == np.arange(len(first))[:, None]) / counts[:, None]
    return Merged(first, member, average, counts / len(protocol))


def merge_signals(signals: Array, merged: Merged) -> Array:
    """Means over repeated measurements, row by row (no matrix product: a row's bits depend on that row only)."""
    return np.ascontiguousarray(np.einsum("vm,km->vk", signals, merged.average))


def run_fit(
    kind: int,
    signals: ArrayLike,
    protocol: Protocol,
    bounds: Array,
    grid: Grid,
    tables: tuple[Any, ...],
    *,
    floor: ArrayLike = 0.0,
    pull: float = 0.0,
    starts: int = 3,
    max_iterations: int = 500,
    tolerance: float = 1e-10,
) -> RawFit:
    """Fit voxels by coarse grid and refinement; S0 is bounded relative to each voxel's largest signal.

    Parameters
    ----------
    signals : array-like, shape (v, m)
        Rows with a value that is missing, or without a positive one, get code −1 and NaN.
    floor : array-like, shape (v,) or scalar
        Noise floor, in the unit of the signals.
    """
    data = np.ascontiguousarray(signals, dtype=np.float64)
    if data.ndim != 2 or data.shape[1] != len(protocol):
        raise ValueError(
            f"signals must have one column per measurement ({len(protocol)}). Given shape {data.shape}."
        )
    check_between(pull, 0, 1, "pull")
    if starts < 1:
        raise ValueError(f"starts must be at least 1. Given {starts}.")
    n_voxels, p = data.shape[0], len(bounds)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = data.max(axis=1) if data.size else np.zeros(0)
        scale = np.where((scale > 0) & np.isfinite(scale), scale, np.nan)
        scaled = data / scale[:, None]
        floors = np.broadcast_to(np.asarray(floor, dtype=np.float64), (n_voxels,)) / scale
    merged = merge_repeats(protocol, with_te=kind == TWO_POOL)
    means = merge_signals(scaled, merged)
    within = np.mean((scaled - means[:, merged.member]) ** 2, axis=1)
    grid = Grid(
        np.ascontiguousarray(grid.unit_first),
        np.ascontiguousarray(grid.first[:, merged.first]),
        np.ascontiguousarray(grid.unit_second),
        np.ascontiguousarray(grid.second[:, merged.first]),
        grid.groups,
    )
    arrays = tuple(np.ascontiguousarray(a[merged.first]) for a in protocol_arrays(protocol))
    values, objective = np.empty((n_voxels, p)), np.empty(n_voxels)
    codes, grid_scores = np.empty(n_voxels, dtype=np.int64), np.empty(n_voxels)
    low, span = bounds[:, 0].copy(), bounds[:, 1] - bounds[:, 0]
    shrink = [np.sum((0.5 - u) ** 2, axis=1) for u in (grid.unit_first, grid.unit_second)]
    weighted = grid.first * merged.share
    gram = (
        grid.first, grid.second, np.sum(weighted * grid.first, axis=1), np.ascontiguousarray(weighted @ grid.second.T),
        np.sum(merged.share * grid.second**2, axis=1), shrink[0], shrink[1],
    )  # fmt: skip
    fit_voxels(
        kind, means, within, floors, float(pull), low, span, (*arrays, merged.share), tables, gram,
        grid.unit_first, grid.unit_second, grid.groups, int(grid.groups.max()) + 1, int(starts),
        int(max_iterations), float(tolerance), values, objective, codes, grid_scores,
    )  # fmt: skip
    values[:, -1] *= scale
    return RawFit(values, objective, codes, grid_scores, scale, floors * scale)
