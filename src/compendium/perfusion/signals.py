"""From signal to the change in transverse relaxation rate: which points are the baseline, and what is lost.

ΔR2(t) = −ln(S(t)/S_BL)/TE, per second; R2* for gradient echoes, R2 for spin echoes. S_BL is the mean signal before
the bolus arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOOR_RATIO = 0.15
"""S/S_BL below which a curve is flagged: at SNR 20 the noise floor (1.25 σ) bends ΔR2 there by some percent."""
CLIP_RATIO = 0.005
"""Lowest S/S_BL that is converted: a point of no signal has no logarithm."""


@dataclass(frozen=True)
class Baseline:
    """Volumes before the bolus: ``first <= index < stop``, counted from zero."""

    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first


@dataclass(frozen=True)
class RelaxationCurves:
    """Changes in relaxation rate of some voxels.

    Attributes
    ----------
    curves : (n, t) array, 1/s; NaN where a voxel has no signal.
    used : (t,) bool; False at dropped volumes, whose values are interpolated.
    baseline_sd : (n,) array, 1/s; standard deviation before the bolus, that is noise.
    baseline_signal : (n,) array; S_BL.
    below_floor : (n,) bool; the signal fell so low that noise bends the curve.
    """

    curves: NDArray[np.float64]
    used: NDArray[np.bool_]
    baseline_sd: NDArray[np.float64]
    baseline_signal: NDArray[np.float64]
    below_floor: NDArray[np.bool_]


def check_timing(tr_s: float, *te_ms: float) -> None:
    """Refuse a TR in milliseconds and echo times in seconds.

    Examples
    --------
    >>> check_timing(1740, 22)
    Traceback (most recent call last):
        ...
    ValueError: TR must be in seconds, between 0.1 and 10. Given 1740 (milliseconds? 1.74 s).
    """
    if not 0.1 <= tr_s <= 10:
        hint = f" (milliseconds? {tr_s / 1000:g} s)" if 100 <= tr_s <= 10_000 else ""
        raise ValueError(f"TR must be in seconds, between 0.1 and 10. Given {tr_s:g}{hint}.")
    for te in te_ms:
        if not 1 <= te <= 500:
            hint = f" (seconds? {te * 1000:g} ms)" if 0.001 <= te < 0.5 else ""
            raise ValueError(f"An echo time must be in milliseconds, between 1 and 500. Given {te:g}{hint}.")


def check_series(name: str, signal: ArrayLike, volumes: int | None = None) -> NDArray[np.float64]:
    """Return voxels × volumes as floats.

    Raises
    ------
    ValueError : not two-dimensional, fewer than ten volumes, another number of volumes than expected, infinite values.
    """
    array = np.asarray(signal, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name} must be voxels × volumes. Given shape {array.shape}.")
    if array.shape[1] < 10:
        raise ValueError(f"{name} must have at least 10 volumes. Given {array.shape[1]}.")
    if volumes is not None and array.shape[1] != volumes:
        raise ValueError(f"{name} must have {volumes} volumes. Given {array.shape[1]}.")
    if np.isinf(array).any():
        raise ValueError(f"{name} must be finite or missing. Given an infinite value.")
    return array


def find_baseline(
    mean_signal: ArrayLike, skip: int = 1, fraction: float = 0.03, margin: int = 1, minimum: int = 4
) -> Baseline:
    """Find the volumes before the bolus on the mean signal of a brain.

    From the deepest point back to the last one whose drop is below a fraction of the deepest drop.

    Parameters
    ----------
    mean_signal : (t,)
    skip : volumes left out at the start, before the steady state.
    fraction : of the deepest drop, which counts as arrival.
    margin : further volumes left out before the arrival: arteries come before the mean of a brain.
    minimum : fewest volumes of a baseline.

    Raises
    ------
    ValueError : fewer volumes than `minimum` before the bolus, or no bolus at all.

    Examples
    --------
    >>> find_baseline([90, 100, 100, 100, 100, 100, 99, 80, 60, 80, 95, 97])
    Baseline(first=1, stop=6)
    """
    signal = np.asarray(mean_signal, dtype=np.float64)
    if not np.isfinite(signal).all():
        raise ValueError("The mean signal must be finite in every volume. Given missing values.")
    lowest = skip + int(np.argmin(signal[skip:]))
    before = signal[skip : max(lowest, skip + 1)]
    level = float(np.median(before[: max(len(before) - 2, 1)]))
    drop = level - signal[lowest]
    if drop <= 0.01 * level:
        raise ValueError(
            f"A bolus must lower the mean signal by more than 1 %. Given {100 * drop / level if level else 0:.2f} %."
        )
    arrival = lowest
    while arrival > skip and signal[arrival - 1] < level - fraction * drop:
        arrival -= 1
    stop = arrival - margin
    if stop - skip < minimum:
        raise ValueError(
            f"A baseline needs at least {minimum} volumes before the bolus. Given {max(stop - skip, 0)}: "
            f"the bolus arrives in volume {arrival} (counted from 0), the first {skip} left out."
        )
    return Baseline(skip, stop)


def to_relaxation(
    signal: ArrayLike,
    te_ms: float,
    baseline: Baseline,
    dropped: Sequence[int] = (),
    floor_ratio: float = FLOOR_RATIO,
) -> RelaxationCurves:
    """Convert signal to the change in transverse relaxation rate.

    Parameters
    ----------
    signal : (n, t), any unit. Voxels without signal or with missing values give NaN.
    te_ms : echo time, ms.
    baseline : volumes of S_BL.
    dropped : volumes that are left out (motion, spikes), counted from 0; their values are interpolated over time.
    floor_ratio : S/S_BL below which `below_floor` is set.

    Raises
    ------
    ValueError : a dropped volume does not exist, or fewer than three baseline volumes remain.

    Examples
    --------
    >>> s = 100 * np.exp(-0.022 * np.array([[0, 0, 0, 0, 0, 0, 0, 10, 5, 0]]))
    >>> to_relaxation(s, 22, Baseline(0, 6)).curves[0, 7:9].round(9)
    array([10.,  5.])
    """
    values = check_series("A signal", signal)
    volumes = values.shape[1]
    used = np.ones(volumes, dtype=bool)
    for index in dropped:
        if not 0 <= index < volumes:
            raise ValueError(f"A dropped volume must lie in 0 to {volumes - 1}. Given {index}.")
        used[index] = False
    rest = np.flatnonzero(used[baseline.first : baseline.stop]) + baseline.first
    if len(rest) < 3:
        raise ValueError(f"A baseline needs at least 3 volumes that are not dropped. Given {len(rest)}.")
    level = values[:, rest].mean(axis=1)
    bad = ~np.isfinite(values).all(axis=1) | ~(level > 0)
    level = np.where(bad, np.nan, level)
    with np.errstate(invalid="ignore"):
        ratio = values / level[:, None]
        below = np.nan_to_num(ratio[:, used].min(axis=1), nan=0.0) < floor_ratio
        curves = -np.log(np.maximum(ratio, CLIP_RATIO)) / (te_ms / 1000)
    curves[bad] = np.nan
    fill_dropped(curves, used)
    sd = curves[:, rest].std(axis=1, ddof=1)
    return RelaxationCurves(curves, used, sd, level, below & ~bad)


def fill_dropped(curves: NDArray[np.float64], used: NDArray[np.bool_]) -> None:
    """Interpolate dropped volumes over time, in place; before the first used one the curve takes its value."""
    kept = np.flatnonzero(used)
    for index in np.flatnonzero(~used):
        after = int(np.searchsorted(kept, index))
        low, high = kept[max(after - 1, 0)], kept[min(after, len(kept) - 1)]
        weight = 0.0 if high == low else float(np.clip((index - low) / (high - low), 0, 1))
        curves[:, index] = (1 - weight) * curves[:, low] + weight * curves[:, high]
