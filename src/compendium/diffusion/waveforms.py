"""Effective gradient waveforms, piecewise constant: their b-value, and those of PGSE and TRSE sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

GAMMA = 2.6752218744e-4
"""Proton gyromagnetic ratio, rad/(µm·ms·(mT/m)); 2.6752218744e8 rad/(s·T) (CODATA 2018)."""
REFOCUSED = 1e-6  # largest zeroth moment at the echo, as a fraction of the largest on the way


@dataclass(frozen=True)
class Waveform:
    """Shape of an effective gradient (signs after refocusing pulses included).

    Attributes
    ----------
    durations_ms, amplitudes : tuple of float
        Constant pieces; amplitudes are relative to the gradient strength that `gradient_strength` returns.
    time_ms : float
        Diffusion time that enters the extra-cellular ADC (eq. 6): Δ for PGSE, Δ₁₂ + δ₂ for TRSE.
    name : str
    """

    durations_ms: tuple[float, ...]
    amplitudes: tuple[float, ...]
    time_ms: float
    name: str = "waveform"

    def __post_init__(self) -> None:
        durations, amplitudes = np.asarray(self.durations_ms), np.asarray(self.amplitudes)
        if durations.shape != amplitudes.shape or durations.ndim != 1 or not durations.size:
            raise ValueError(
                "A waveform needs one amplitude per duration. "
                f"Given {durations.size} durations and {amplitudes.size} amplitudes."
            )
        if not (np.isfinite(durations).all() and np.isfinite(amplitudes).all() and (durations >= 0).all()):
            raise ValueError(f"Durations must be finite and not negative. Given {durations.min():g} ms.")
        moment = np.cumsum(durations * amplitudes)
        if abs(moment[-1]) > REFOCUSED * np.abs(moment).max():
            raise ValueError(
                "A waveform must be refocused (its integral zero at the echo). "
                f"Given {moment[-1]:.3g} of a largest {np.abs(moment).max():.3g} ms."
            )


def unit_b(waveform: Waveform) -> float:
    """b-value of a waveform at 1 mT/m, ms/µm²: γ²∫(∫g)² exactly, piece by piece.

    Examples
    --------
    >>> round(unit_b(pgse_waveform(10, 30)) * 40**2, 5)  # δ = 10 ms, Δ = 30 ms at 40 mT/m
    0.30536
    """
    d, g = np.asarray(waveform.durations_ms), np.asarray(waveform.amplitudes)
    end = np.cumsum(d * g)
    start = end - d * g
    return float(GAMMA**2 * np.sum(d * (start**2 + start * end + end**2)) / 3)


def gradient_strength(b_ms_um2: ArrayLike, waveform: Waveform) -> Array:
    """Gradient strength in mT/m that gives a b-value (ms/µm²) with this shape."""
    return np.sqrt(np.asarray(b_ms_um2, dtype=np.float64) / unit_b(waveform))


def pgse_waveform(delta_ms: float, separation_ms: float) -> Waveform:
    """Pulsed-gradient spin echo: two lobes of δ ms whose onsets are Δ ms apart (ramps neglected).

    Examples
    --------
    >>> pgse_waveform(10, 30).durations_ms
    (10.0, 20.0, 10.0)
    >>> pgse_waveform(10, 5)
    Traceback (most recent call last):
        ...
    ValueError: The separation Δ must be at least the duration δ > 0. Given δ = 10 ms and Δ = 5 ms.
    """
    if not (0 < delta_ms <= separation_ms):
        raise ValueError(
            "The separation Δ must be at least the duration δ > 0. "
            f"Given δ = {delta_ms:g} ms and Δ = {separation_ms:g} ms."
        )
    pieces = (float(delta_ms), float(separation_ms - delta_ms), float(delta_ms))
    return Waveform(pieces, (1.0, 0.0, -1.0), float(separation_ms), "PGSE")


def trse_waveform(
    durations_ms: ArrayLike, second_onset_ms: float, fourth_onset_ms: float, tolerance_ms: float = 0.2
) -> Waveform:
    """Twice-refocused spin echo with four lobes (Grussu et al. 2025, eq. 12 and Methods).

    Parameters
    ----------
    durations_ms : array-like, shape (4,)
        δ₁, δ₂, δ₃, δ₄. The last lobe is made exactly δ₁ + δ₂ − δ₃, as the b-value of eq. 12 implies;
        a printed δ₄ further away than `tolerance_ms` is refused.
    second_onset_ms, fourth_onset_ms : float
        Δ₁₂ and Δ₁₄; the third lobe follows the second at once.

    Examples
    --------
    >>> shape = trse_waveform([8.9, 17.6, 20.4, 6.0], 17.4, 63.9)
    >>> abs(unit_b(shape) / trse_b([8.9, 17.6, 20.4, 6.0], 17.4, 63.9, 1.0) - 1) < 1e-12
    True
    """
    d1, d2, d3, d4 = (float(v) for v in np.asarray(durations_ms, dtype=np.float64))
    last = d1 + d2 - d3
    gaps = (second_onset_ms - d1, fourth_onset_ms - second_onset_ms - d2 - d3)
    if abs(last - d4) > tolerance_ms or min(*gaps, last) < 0:
        raise ValueError(
            f"TRSE lobes must refocus (δ4 = δ1 + δ2 − δ3 within {tolerance_ms:g} ms) and not overlap. "
            f"Given δ = {d1:g}, {d2:g}, {d3:g}, {d4:g} ms, onsets {second_onset_ms:g} and {fourth_onset_ms:g} ms."
        )
    pieces = (d1, gaps[0], d2, d3, gaps[1], last)
    return Waveform(pieces, (1.0, 0.0, 1.0, -1.0, 0.0, -1.0), second_onset_ms + d2, "TRSE")


def trse_b(durations_ms: ArrayLike, second_onset_ms: float, fourth_onset_ms: float, strength: float) -> float:
    """b-value (ms/µm²) of a twice-refocused spin echo at `strength` mT/m: eq. 12 of Grussu et al. 2025."""
    d1, d2, d3, _ = np.asarray(durations_ms, dtype=np.float64)
    hold = fourth_onset_ms - second_onset_ms - d2 - d3
    terms = d1**2 * (second_onset_ms - d1) + 2 / 3 * (d1 + d2) ** 3 + (d1 + d2 - d3) ** 2 * hold
    return float((GAMMA * strength) ** 2 * terms)


def pgse_b(delta_ms: ArrayLike, separation_ms: ArrayLike, strength: ArrayLike) -> Array:
    """b-value (ms/µm²) of PGSE with rectangular lobes: (γGδ)²(Δ − δ/3) (Stejskal & Tanner 1965)."""
    delta, separation = np.asarray(delta_ms, dtype=np.float64), np.asarray(separation_ms, dtype=np.float64)
    return (GAMMA * np.asarray(strength) * delta) ** 2 * (separation - delta / 3)


def sampled_waveform(
    gradient: ArrayLike, step_ms: float, time_ms: float | None = None
) -> tuple[Waveform, float]:
    """Shape and strength (mT/m) of a sampled effective waveform, a constant per sample.

    Parameters
    ----------
    gradient : array-like, shape (n,)
        Effective gradient in mT/m (the sign changes at refocusing pulses already applied).
    time_ms : float, optional
        Diffusion time for eq. 6; by default the centre-to-centre time of the positive and negative parts.
    """
    g = np.asarray(gradient, dtype=np.float64)
    strength = float(np.abs(g).max()) if g.size else 0.0
    if strength == 0 or not np.isfinite(strength):
        raise ValueError(
            f"A waveform must hold a gradient. Given {g.size} samples, largest {strength:g} mT/m."
        )
    edges = np.flatnonzero(np.diff(g)) + 1  # equal neighbours are one piece
    starts = np.r_[0, edges]
    lengths = np.diff(np.r_[starts, g.size]) * step_ms
    if time_ms is None:
        t = (np.arange(g.size) + 0.5) * step_ms
        up, down = np.clip(g, 0, None), np.clip(-g, 0, None)
        time_ms = float(abs(down @ t / down.sum() - up @ t / up.sum()))
    return Waveform(tuple(lengths), tuple(g[starts] / strength), time_ms), strength
