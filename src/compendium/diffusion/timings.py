"""What to do when a header gives b and TE but not δ and Δ: the timings a PGSE sequence can have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compendium.diffusion.waveforms import pgse_b

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TimingBracket:
    """Range of δ and Δ that is compatible with an echo time, a b-value and a gradient system.

    Attributes
    ----------
    delta_ms, separation_ms : tuple of float
        Lowest and highest value.
    candidates : ndarray, shape (n, 2)
        (δ, Δ) across the feasible set, shortest δ first: fit with each and take the spread.
    typical : tuple of float
        The densest packing at the full gradient: what vendors choose for the shortest TE.
    assumption : str
    """

    delta_ms: tuple[float, float]
    separation_ms: tuple[float, float]
    candidates: Array
    typical: tuple[float, float]
    assumption: str


def bracket_timings(
    te_ms: float,
    b_ms_um2: float,
    gradient_max: float,
    refocusing_ms: float,
    readout_ms: float,
    excitation_ms: float = 2.0,
    n: int = 5,
) -> TimingBracket:
    """Bracket δ and Δ of a single-refocused PGSE sequence from TE, the highest b and the gradient limit.

    The lobes stand on either side of the refocusing pulse at TE/2: the first after the excitation, the
    second before the part of the readout that precedes the echo. Ramps are neglected.

    Parameters
    ----------
    te_ms, b_ms_um2 : float
        Echo time and highest b-value that share the timing.
    gradient_max : float
        Largest gradient along the diffusion direction, mT/m (×√2 or ×√3 for combined axes).
    refocusing_ms : float
        Time between the lobes for the refocusing pulse and its crushers.
    readout_ms : float
        Readout before the echo (about half the EPI train, less with partial Fourier).
    excitation_ms : float
        Centre of the excitation to the earliest start of the first lobe.
    n : int
        Number of candidates.

    Raises
    ------
    ValueError
        If no timing reaches the b-value.

    Examples
    --------
    >>> got = bracket_timings(75, 1.5, 50, refocusing_ms=8, readout_ms=15)
    >>> [round(v, 1) for v in (*got.delta_ms, *got.separation_ms)]
    [14.8, 18.5, 30.7, 43.2]
    """
    first_end = te_ms / 2 - refocusing_ms / 2
    second_start = te_ms / 2 + refocusing_ms / 2
    longest = min(first_end - excitation_ms, te_ms - readout_ms - second_start)
    latest = te_ms - readout_ms - excitation_ms  # start of the first lobe to end of the second
    if longest <= 0:
        raise ValueError(
            "The echo time must leave room for both lobes. "
            f"Given TE = {te_ms:g} ms with {refocusing_ms:g} ms of refocusing and {readout_ms:g} ms of readout."
        )
    reach = float(pgse_b(longest, latest - longest, gradient_max))
    if reach < b_ms_um2:
        raise ValueError(
            f"Some timing must reach the b-value: TE = {te_ms:g} ms and {gradient_max:g} mT/m give at most "
            f"{reach:.3g} ms/µm². Given {b_ms_um2:g}."
        )
    shortest = _shortest_delta(b_ms_um2, gradient_max, latest, longest)
    pairs = []
    for delta in np.linspace(shortest, longest, n):
        far = latest - delta
        near = max(delta + refocusing_ms, _needed_separation(b_ms_um2, gradient_max, delta))
        pairs += [(delta, far), (delta, min(near, far))]
    candidates = np.unique(np.round(pairs, 6), axis=0)
    spans = [(float(c.min()), float(c.max())) for c in candidates.T]
    note = (
        f"single-refocused PGSE, rectangular lobes, G ≤ {gradient_max:g} mT/m, refocusing {refocusing_ms:g} ms, "
        f"readout before the echo {readout_ms:g} ms, excitation {excitation_ms:g} ms"
    )
    typical = (shortest, latest - shortest)
    return TimingBracket(spans[0], spans[1], candidates, typical, note)


def _needed_separation(b: float, gradient: float, delta: float) -> float:
    """Δ at which a δ reaches b at full gradient."""
    unit = float(pgse_b(delta, 1 + delta / 3, gradient))  # (γGδ)² times 1 ms
    return b / unit + delta / 3


def _shortest_delta(b: float, gradient: float, latest: float, longest: float) -> float:
    """Smallest δ that reaches b with the largest Δ it leaves room for, by bisection."""
    low, high = 0.0, longest
    for _ in range(60):
        middle = (low + high) / 2
        if float(pgse_b(middle, latest - middle, gradient)) >= b:
            high = middle
        else:
            low = middle
    return high
