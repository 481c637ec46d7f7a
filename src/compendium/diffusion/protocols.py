"""Diffusion protocols: b-values, gradient shapes and echo times of the measurements of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.diffusion.waveforms import Waveform, gradient_strength, pgse_waveform, trse_waveform

Array = NDArray[np.float64]

UNWEIGHTED = -1
"""Index of the shape of a measurement without diffusion weighting."""
MAX_B_MS_UM2 = 100.0
ALIKE_MS = 1e-4  # timings that differ by less are one shape


@dataclass(frozen=True)
class Protocol:
    """Measurements of a diffusion scan.

    Attributes
    ----------
    b_ms_um2 : ndarray, shape (m,)
    te_ms : ndarray, shape (m,)
        NaN where unknown.
    shapes : tuple of Waveform
        The distinct gradient shapes.
    shape : ndarray of int, shape (m,)
        Which shape a measurement has; `UNWEIGHTED` at b = 0.
    name : str
    """

    b_ms_um2: Array
    te_ms: Array
    shapes: tuple[Waveform, ...]
    shape: NDArray[np.int64]
    name: str = "protocol"

    def __len__(self) -> int:
        return len(self.b_ms_um2)

    @property
    def time_ms(self) -> Array:
        """Diffusion time of eq. 6 for every measurement (infinite at b = 0, where it does not matter)."""
        times = np.array([s.time_ms for s in self.shapes] + [np.inf])
        return times[self.shape]

    @property
    def gradient(self) -> Array:
        """Gradient strength in mT/m for every measurement."""
        out = np.zeros(len(self))
        for index, waveform in enumerate(self.shapes):
            mine = self.shape == index
            out[mine] = gradient_strength(self.b_ms_um2[mine], waveform)
        return out

    def select(self, keep: ArrayLike) -> Protocol:
        """Protocol of some measurements (a boolean mask or indices); shapes that are not used go."""
        index = np.arange(len(self))[np.asarray(keep)]
        if not index.size:
            raise ValueError(f"A protocol must keep a measurement. Given a selection of 0 of {len(self)}.")
        used = [i for i in range(len(self.shapes)) if (self.shape[index] == i).any()]
        renumber = np.full(len(self.shapes) + 1, UNWEIGHTED)
        renumber[used] = np.arange(len(used))
        shapes = tuple(self.shapes[i] for i in used)
        return Protocol(
            self.b_ms_um2[index], self.te_ms[index], shapes, renumber[self.shape[index]], self.name
        )

    def above(self, b_ms_um2: float) -> NDArray[np.bool_]:
        """Mask of the measurements with b strictly above a threshold, as the published strategies select."""
        return self.b_ms_um2 > b_ms_um2 * (1 + 1e-9)


def pgse_protocol(
    b_ms_um2: ArrayLike,
    delta_ms: ArrayLike,
    separation_ms: ArrayLike,
    te_ms: ArrayLike | None = None,
    name: str = "PGSE",
) -> Protocol:
    """Protocol of pulsed-gradient spin echoes.

    Parameters
    ----------
    b_ms_um2, delta_ms, separation_ms, te_ms : array-like, shape (m,)
        Scalars are repeated. Where b = 0 the timings are ignored.

    Raises
    ------
    ValueError
        For negative or implausible b-values, or a δ and Δ that no sequence can have.

    Examples
    --------
    >>> scan = pgse_protocol([0, 1, 2], 10, [0, 15, 30], 45)
    >>> len(scan.shapes), scan.shape, scan.time_ms
    (2, array([-1,  0,  1]), array([inf, 15., 30.]))
    """
    b = _check_b(b_ms_um2)
    delta, separation, te = (
        np.broadcast_to(np.asarray(np.nan if v is None else v, dtype=np.float64), b.shape)
        for v in (delta_ms, separation_ms, te_ms)
    )
    keys: dict[tuple[float, float], int] = {}
    shape = np.full(b.shape, UNWEIGHTED, dtype=np.int64)
    shapes: list[Waveform] = []
    for i in np.flatnonzero(b > 0):
        key = (round(delta[i] / ALIKE_MS), round(separation[i] / ALIKE_MS))
        if key not in keys:
            keys[key] = len(shapes)
            shapes.append(pgse_waveform(float(delta[i]), float(separation[i])))
        shape[i] = keys[key]
    return Protocol(b, np.array(te), tuple(shapes), shape, name)


def shaped_protocol(
    b_ms_um2: ArrayLike,
    shapes: Sequence[Waveform],
    shape: ArrayLike,
    te_ms: ArrayLike | None = None,
    name: str = "waveform",
) -> Protocol:
    """Protocol of arbitrary shapes (TRSE, sampled waveforms); `shape` indexes `shapes` per measurement."""
    b = _check_b(b_ms_um2)
    index = np.broadcast_to(np.asarray(shape, dtype=np.int64), b.shape).copy()
    if index.size and not (index[b > 0].min(initial=0) >= 0 and index.max() < len(shapes)):
        raise ValueError(
            f"shape must index one of {len(shapes)} shapes. Given {index.min()} to {index.max()}."
        )
    index[b == 0] = UNWEIGHTED
    te = np.broadcast_to(np.asarray(np.nan if te_ms is None else te_ms, dtype=np.float64), b.shape)
    return Protocol(b, np.array(te), tuple(shapes), index, name)


def _check_b(b_ms_um2: ArrayLike) -> Array:
    b = np.atleast_1d(np.asarray(b_ms_um2, dtype=np.float64))
    if b.ndim != 1 or not np.isfinite(b).all() or (b < 0).any():
        raise ValueError(f"b-values must be a vector of finite numbers, not negative. Given {b.min():g}.")
    if b.max(initial=0) > MAX_B_MS_UM2:
        raise ValueError(
            f"b-values are in ms/µm² and at most {MAX_B_MS_UM2:g} (1 ms/µm² = 1000 s/mm²). Given {b.max():g}."
        )
    return b


def published_protocols() -> dict[str, Protocol]:
    """The three protocols of Grussu et al. 2025 (Methods): ex vivo 9.4 T, in vivo 3 T (PGSE) and 1.5 T (TRSE)."""
    return {"exvivo": _ex_vivo(), "3T": _three_tesla(), "1.5T": _one_point_five_tesla()}


def _ex_vivo() -> Protocol:
    b = np.linspace(0, 2.8, 10)
    pairs = [(15, 31), (15, 45), (15, 65), (30, 45), (30, 65)]
    separation, te = (np.repeat([pair[i] for pair in pairs], b.size) for i in (0, 1))
    return pgse_protocol(np.tile(b, len(pairs)), 10, separation, te, "ex vivo 9.4 T")


def _three_tesla() -> Protocol:
    b = np.array([0, 50, 100, 400, 900, 1200, 1500]) / 1000
    long_delta = [0.0, 3.9, 5.2, 9.2, 13.0, 15.8, 18.5]
    long_separation = [0.0, 27.8, 29.0, 33.0, 37.0, 39.6, 42.3]
    delta = np.r_[[0.0, 3.9, 5.2, 9.2, 15.0, 18.2, 21.0], long_delta, long_delta]
    separation = np.r_[[0.0, 27.8, 29.0, 33.0, 28.7, 31.8, 34.7], long_separation, long_separation]
    return pgse_protocol(np.tile(b, 3), delta, separation, np.repeat([75, 90, 105], 7), "in vivo 3 T")


def _one_point_five_tesla() -> Protocol:
    b = np.array([0, 50, 100, 400, 900, 1200, 1600]) / 1000
    shapes = [
        trse_waveform([8.9, 17.6, 20.4, 6.0], 17.4, 63.9),
        trse_waveform([13.2, 19.3, 24.8, 7.7], 21.7, 74.2),
        trse_waveform([18.9, 21.0, 30.5, 9.5], 27.5, 87.5),
    ]
    te = np.repeat([93, 105, 120], b.size)
    return shaped_protocol(np.tile(b, 3), shapes, np.repeat([0, 1, 2], b.size), te, "in vivo 1.5 T")


@dataclass(frozen=True)
class BComparison:
    """Stated against recomputed b-values.

    Attributes
    ----------
    stated, recomputed : ndarray, shape (m,)
        ms/µm².
    ratio : ndarray, shape (m,)
        recomputed / stated; NaN at b = 0.
    worst : float
        Largest |ratio − 1|.
    """

    stated: Array
    recomputed: Array
    ratio: Array
    worst: float


def compare_b(protocol: Protocol, gradient: ArrayLike) -> BComparison:
    """Recompute b from the shapes and the gradient strengths (mT/m) and compare with the stated b-values.

    Examples
    --------
    >>> scan = pgse_protocol([1.0, 2.0], 10, 30)
    >>> round(compare_b(scan, scan.gradient * 1.01).worst, 4)
    0.0201
    """
    from compendium.diffusion.waveforms import unit_b

    strength = np.broadcast_to(np.asarray(gradient, dtype=np.float64), protocol.b_ms_um2.shape)
    unit = np.array([unit_b(s) for s in protocol.shapes] + [0.0])
    again = unit[protocol.shape] * strength**2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(protocol.b_ms_um2 > 0, again / protocol.b_ms_um2, np.nan)
    worst = float(np.nanmax(np.abs(ratio - 1), initial=0.0))
    return BComparison(protocol.b_ms_um2, again, ratio, worst)
