"""Signals and displacements of water in permeable spheres, by random walks.

The walk is traced once; the signal of any b-value, direction or shape follows from the stored first moments
∫ g(t)·x(t) dt, so the cost does not depend on the number of b-values. Walkers start inside and outside in
proportion to the volumes, but at least a quarter on either side; their means are weighted by the volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.parallel import parallel_map
from compendium.base.validation import check_choice
from compendium.diffusion.montecarlo_tissue import ACCURACY, Tissue, crossing_probabilities, largest_step
from compendium.diffusion.montecarlo_walk import walk
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.waveforms import GAMMA, Waveform

Array = NDArray[np.float64]

STARTS = ("everywhere", "inside", "outside")
SAME_TIME = 1e-9  # ms
WALKERS_PER_TASK = 500  # a second or so of a core for a usual protocol


@dataclass(frozen=True)
class SimulatedSignal:
    """Signal of a tissue for a protocol.

    Attributes
    ----------
    signal, error : ndarray, shape (m,)
        Mean over walkers and the three axes, 1 at b = 0, and its standard error.
    inside, outside : ndarray, shape (m,)
        Signal of the walkers that started there; NaN if none did.
    steps : int
        Walker-steps that were traced.
    dt_ms : float
        Longest step.
    """

    signal: Array
    error: Array
    inside: Array
    outside: Array
    steps: int
    dt_ms: float


@dataclass(frozen=True)
class SimulatedDisplacement:
    """Displacements of walkers over time.

    Attributes
    ----------
    times_ms : ndarray, shape (t,)
    adc, adc_error : ndarray, shape (t,)
        ⟨|r(t) − r(0)|²⟩/(6t) in µm²/ms and its standard error.
    inside_share, inside_error : ndarray, shape (t,)
        Share of walkers that are inside a sphere, and its standard error.
    """

    times_ms: Array
    adc: Array
    adc_error: Array
    inside_share: Array
    inside_error: Array


@dataclass(frozen=True)
class _Plan:
    """Intervals between switches of any gradient: what the compiled walk takes."""

    steps: NDArray[np.int64]
    dt: Array
    weights: Array
    keep: NDArray[np.int64]


@dataclass(frozen=True)
class _Spread:
    """Where walkers are traced: threads of this process, or processes, or a cluster."""

    threads: int = 1
    jobs: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1. Given {self.threads}.")


@dataclass(frozen=True)
class _Walked:
    moments: Array
    squares: Array
    sides: Array


def simulate_signals(
    tissue: Tissue,
    protocols: Sequence[Protocol],
    walkers: int = 10_000,
    seed: int = 1,
    *,
    start: str = "everywhere",
    accuracy: float = ACCURACY,
    threads: int = 1,
    jobs: int = 1,
    scheduler: str | None = None,
) -> tuple[SimulatedSignal, ...]:
    """Signals of a tissue for several protocols from the same walks.

    Parameters
    ----------
    walkers : int
        All of them, inside and outside (or one of both with ``start="inside"`` or ``"outside"``).
        A walker's path depends on the seed, its number and its start only: the same bits in any number of threads,
        processes (`jobs`) or workers of a Dask cluster (`scheduler`, see `compendium.base.parallel.parallel_map`).
    accuracy : float
        Step length over the pore size: `compendium.diffusion.montecarlo_tissue.largest_step`.

    Returns
    -------
    tuple of SimulatedSignal
        One per protocol. The signal is the mean of three orthogonal gradient directions.

    Raises
    ------
    ValueError
        With fewer than eight walkers, no thread, or an unknown start.

    Examples
    --------
    >>> from compendium.diffusion.protocols import pgse_protocol
    >>> tissue = Tissue(16, 0.4, 2.0, 2.0)
    >>> (got,) = simulate_signals(tissue, [pgse_protocol([0, 1.0], 10, 30)], walkers=2000, start="inside")
    >>> bool(abs(got.signal[1] - 0.7294) < 4 * got.error[1])  # the matrix formalism: 0.7294
    True
    """
    shapes = tuple(shape for protocol in protocols for shape in protocol.shapes)
    spread = _Spread(threads, jobs, scheduler)
    plan = _plan(tissue, shapes, (), accuracy)
    runs = {
        side: _run(tissue, plan, n, seed, side, spread) for side, n in _allot(tissue, walkers, start).items()
    }
    out, offset = [], 0
    for protocol in protocols:
        moments = {side: r.moments[:, offset : offset + len(protocol.shapes)] for side, r in runs.items()}
        offset += len(protocol.shapes)
        out.append(_signal(tissue, protocol, moments, plan, walkers))
    return tuple(out)


def simulate_signal(
    tissue: Tissue, protocol: Protocol, walkers: int = 10_000, seed: int = 1, **options: object
) -> SimulatedSignal:
    """Signal of a tissue for one protocol; options as in `simulate_signals`."""
    return simulate_signals(tissue, [protocol], walkers, seed, **options)[0]  # type: ignore[arg-type]


def simulate_displacement(
    tissue: Tissue,
    times_ms: ArrayLike,
    walkers: int = 10_000,
    seed: int = 1,
    *,
    start: str = "inside",
    accuracy: float = ACCURACY,
    threads: int = 1,
    jobs: int = 1,
    scheduler: str | None = None,
) -> SimulatedDisplacement:
    """Apparent diffusion coefficient ⟨r²⟩/6t and share inside over time.

    Parameters
    ----------
    times_ms : array-like, shape (t,)
        Increasing, above 0.

    Examples
    --------
    >>> got = simulate_displacement(Tissue(16, 0.4, 2.0, 2.0), [1000.0], walkers=500)
    >>> bool(abs(got.adc[0] - 1.2 * 8**2 / 6000) < 4 * got.adc_error[0])  # impermeable: ⟨r²⟩ → 6/5·R²
    True
    """
    times = np.atleast_1d(np.asarray(times_ms, dtype=np.float64))
    if times.ndim != 1 or not times.size or not (np.diff(np.r_[0.0, times]) > 0).all():
        raise ValueError(f"times_ms must increase from above 0. Given {np.array2string(times, threshold=4)}.")
    spread = _Spread(threads, jobs, scheduler)
    plan = _plan(tissue, (), tuple(times), accuracy)
    runs = {
        side: _run(tissue, plan, n, seed, side, spread) for side, n in _allot(tissue, walkers, start).items()
    }
    share = _shares(tissue, set(runs))
    mean, error = _combine({s: (r.squares, share[s]) for s, r in runs.items()})
    inside, inside_error = _combine({s: (r.sides, share[s]) for s, r in runs.items()})
    return SimulatedDisplacement(times, mean / (6 * times), error / (6 * times), inside, inside_error)


def _allot(tissue: Tissue, walkers: int, start: str) -> dict[bool, int]:
    """Walkers by whether they start inside."""
    check_choice(start, STARTS, "start")
    if walkers < 8:
        raise ValueError(f"walkers must be at least 8. Given {walkers}.")
    if start == "everywhere":
        within = round(walkers * float(np.clip(tissue.fraction, 0.25, 0.75)))
        return {True: within, False: walkers - within}
    return {start == "inside": walkers}


def _shares(tissue: Tissue, sides: set[bool]) -> dict[bool, float]:
    """Volume that walkers of a start stand for."""
    return {True: tissue.fraction, False: 1 - tissue.fraction} if len(sides) == 2 else {sides.pop(): 1.0}


def _plan(tissue: Tissue, shapes: Sequence[Waveform], times: Sequence[float], accuracy: float) -> _Plan:
    """Split time at every switch of a gradient and every time to keep, then into equal steps."""
    ends = [np.cumsum(shape.durations_ms) for shape in shapes]
    edges = np.unique(np.round(np.concatenate([[0.0], *ends, list(times)]), 9))
    edges = edges[np.r_[True, np.diff(edges) > SAME_TIME]]
    spans = np.diff(edges)
    steps = np.maximum(np.ceil(spans / largest_step(tissue, accuracy) - 1e-9), 1).astype(np.int64)
    middle = (edges[:-1] + edges[1:]) / 2
    weights = np.zeros((len(shapes), len(spans)))
    for row, (shape, end) in enumerate(zip(shapes, ends, strict=True)):
        piece = np.searchsorted(end, middle)
        on = piece < len(end)
        weights[row, on] = np.asarray(shape.amplitudes)[piece[on]]
    keep = np.full(len(spans), -1, dtype=np.int64)
    for row, time in enumerate(times):
        keep[np.argmin(np.abs(edges[1:] - time))] = row
    return _Plan(steps, spans / steps, weights, keep)


def _run(tissue: Tissue, plan: _Plan, walkers: int, seed: int, inside: bool, spread: _Spread) -> _Walked:
    """Trace walkers of one start, in contiguous ranges, by threads or elsewhere; put together in their order."""
    trace = partial(_trace, tissue, plan, seed, inside)
    if spread.jobs > 1 or spread.scheduler:
        edges = [*range(0, walkers, WALKERS_PER_TASK), walkers]
        parts = list(parallel_map(trace, pairwise(edges), spread.jobs, spread.scheduler))
    elif spread.threads == 1:
        return trace((0, walkers))
    else:  # more ranges than threads: even ends
        edges = np.linspace(0, walkers, 4 * spread.threads + 1).astype(int).tolist()
        with ThreadPoolExecutor(spread.threads) as pool:
            parts = list(pool.map(trace, pairwise(edges)))
    return _Walked(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("moments", "squares", "sides"))
    )


def _trace(tissue: Tissue, plan: _Plan, seed: int, inside: bool, limits: tuple[int, int]) -> _Walked:
    """Trace the walkers of a range."""
    n, kept = limits[1] - limits[0], int((plan.keep >= 0).sum())
    lengths = np.sqrt(6 * plan.dt[:, None] * [tissue.d_in, tissue.d_ex])
    crossing = np.stack(crossing_probabilities(tissue, plan.dt), axis=1)
    out = _Walked(np.empty((n, len(plan.weights), 3)), np.empty((n, kept)), np.empty((n, kept)))
    walk(
        *limits, inside, np.uint64(seed), tissue.radius_um, tissue.cell_half, tissue.lattice == "fcc",
        plan.steps, plan.dt, lengths, np.ascontiguousarray(crossing), plan.weights, plan.keep,
        out.moments, out.squares, out.sides,
    )  # fmt: skip
    return out


def _signal(
    tissue: Tissue, protocol: Protocol, moments: dict[bool, Array], plan: _Plan, walkers: int
) -> SimulatedSignal:
    share = _shares(tissue, set(moments))
    strength = GAMMA * protocol.gradient
    cosines = {}
    for side, moment in moments.items():
        values = np.ones((len(moment), len(protocol)))
        for i in np.flatnonzero(protocol.shape >= 0):
            values[:, i] = np.cos(strength[i] * moment[:, protocol.shape[i]]).mean(axis=1)
        cosines[side] = values
    mean, error = _combine({side: (values, share[side]) for side, values in cosines.items()})
    nothing = np.full(len(protocol), np.nan)
    inside, outside = (cosines[s].mean(axis=0) if s in cosines else nothing for s in (True, False))
    steps = int(plan.steps.sum()) * walkers
    return SimulatedSignal(mean, error, inside, outside, steps, float(plan.dt.max()))


def _combine(samples: dict[bool, tuple[Array, float]]) -> tuple[Array, Array]:
    """Stratified mean and its standard error over walkers (rows)."""
    mean = sum(share * values.mean(axis=0) for values, share in samples.values())
    variance = sum(share**2 * values.var(axis=0, ddof=1) / len(values) for values, share in samples.values())
    return np.asarray(mean), np.sqrt(np.asarray(variance))
