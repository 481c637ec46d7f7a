"""Blood flow, transit time and Tmax by deconvolution with the arterial input function.

``sSVD`` inverts the causal convolution matrix with a fixed threshold and depends on when the bolus reaches tissue and
artery. ``oSVD`` makes the convolution circular, so that a delay only shifts the result, and raises the threshold voxel by
voxel until the residue oscillates less than a limit (Wu et al., Magn Reson Med 2003;50:164–174). Singular vectors of a
circular matrix are the Fourier modes: truncation is done there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from compendium.perfusion.volume import DENSITY_G_ML, KAPPA_H

SSVD_THRESHOLD = 0.2
"""Share of the largest singular value below which modes are left out (Østergaard et al. 1996)."""
OSCILLATION_LIMIT = 0.035
"""Oscillation index that Wu et al. chose for SNR 20 to 100 (their Table 1)."""
THRESHOLDS = tuple(np.round(np.arange(0.02, 0.96, 0.03), 2).tolist())


class FlowMaps(NamedTuple):
    """Maps of n voxels.

    Attributes
    ----------
    blood_flow, blood_flow_sd : mL per 100 g per minute.
    t_max, t_max_sd : time of the residue's maximum, s; the grid of TR is part of the standard deviation.
    threshold : truncation of each voxel, share of the largest mode.
    """

    blood_flow: NDArray[np.float64]
    blood_flow_sd: NDArray[np.float64]
    t_max: NDArray[np.float64]
    t_max_sd: NDArray[np.float64]
    threshold: NDArray[np.float64]


def deconvolve(
    curves: ArrayLike,
    artery: ArrayLike,
    tr_s: float,
    noise_sd: ArrayLike,
    method: str = "oSVD",
    oscillation: float = OSCILLATION_LIMIT,
    threshold: float = SSVD_THRESHOLD,
    kappa_h: float = KAPPA_H,
    density_g_ml: float = DENSITY_G_ML,
    arterial_fraction: float = 1.0,
) -> FlowMaps:
    """Deconvolve tissue curves.

    Parameters
    ----------
    curves : (n, t), 1/s.
    artery : (t,), 1/s; arterial input function of the same sequence.
    tr_s : s
    noise_sd : (n,) noise of a point, 1/s.
    method : "oSVD" or "sSVD".
    oscillation : limit of the oscillation index (oSVD).
    threshold : share of the largest singular value (sSVD).
    kappa_h, density_g_ml, arterial_fraction : scale, as in `compendium.perfusion.volume.blood_volume`.

    Raises
    ------
    ValueError : an unknown method, lengths that differ, or an arterial input without area.
    """
    values, input_ = np.asarray(curves, dtype=np.float64), np.asarray(artery, dtype=np.float64)
    if values.shape[1] != len(input_):
        raise ValueError(
            f"Curves and artery must have as many volumes. Given {values.shape[1]} and {len(input_)}."
        )
    if not input_.sum() > 0:
        raise ValueError(f"The area of an arterial input must be positive. Given {input_.sum() * tr_s:.3g}.")
    scale = 100 * 60 * kappa_h / density_g_ml * arterial_fraction
    noise = np.asarray(noise_sd, dtype=np.float64)
    if method == "oSVD":
        return _circular(values, input_, tr_s, noise, oscillation, scale)
    if method == "sSVD":
        return _standard(values, input_, tr_s, noise, threshold, scale)
    raise ValueError(f"method must be 'oSVD' or 'sSVD'. Given {method!r}.")


def oscillation_index(residue: ArrayLike) -> NDArray[np.float64]:
    """Mean size of the second difference of a residue over its maximum (Wu et al. 2003, eq. 9).

    Examples
    --------
    >>> oscillation_index([[0, 1, 2, 1, 0, 0]])
    array([0.25])
    """
    k = np.asarray(residue, dtype=np.float64)
    second = np.abs(k[:, 2:] - 2 * k[:, 1:-1] + k[:, :-2]).sum(axis=1)
    peak = k.max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(peak > 0, second / (k.shape[1] * peak), np.inf)


def _circular(
    values: NDArray[np.float64],
    artery: NDArray[np.float64],
    tr: float,
    noise: NDArray[np.float64],
    limit: float,
    scale: float,
) -> FlowMaps:
    n, m = values.shape
    length = 2 * m
    spectrum = np.fft.rfft(artery, length)
    size = np.abs(spectrum) / np.abs(spectrum).max()
    omega = 2 * np.pi * np.arange(len(size)) / (length * tr)
    counts = np.where((np.arange(len(size)) == 0) | (np.arange(len(size)) == length // 2), 1, 2)
    out = FlowMaps(*[np.full(n, np.nan) for _ in range(5)])
    waiting = np.flatnonzero(np.isfinite(values).all(axis=1))
    transformed = np.fft.rfft(values[waiting], length, axis=1)
    for step, level in enumerate(THRESHOLDS):
        if not len(waiting):
            break
        keep = size >= level
        inverse = np.zeros_like(spectrum)
        inverse[keep] = 1 / (spectrum[keep] * tr)
        residue = np.fft.irfft(transformed * inverse, length, axis=1)
        good = oscillation_index(residue) < limit
        if step == len(THRESHOLDS) - 1:
            good[:] = True
        power = counts * np.abs(inverse) ** 2 / length
        _record(
            out,
            waiting[good],
            residue[good],
            noise,
            power.sum(),
            (power * omega**2).sum(),
            tr,
            scale,
            level,
            m,
        )
        waiting, transformed = waiting[~good], transformed[~good]
    return out


def _standard(
    values: NDArray[np.float64],
    artery: NDArray[np.float64],
    tr: float,
    noise: NDArray[np.float64],
    level: float,
    scale: float,
) -> FlowMaps:
    """Causal matrix with linear interpolation of both functions between samples (Østergaard et al. 1996, eq. 10)."""
    n, m = values.shape
    padded = np.concatenate([[0.0], artery, [0.0]])
    kernel = (padded[:-2] + 4 * padded[1:-1] + padded[2:]) / 6
    kernel[-1] = (artery[-2] + 4 * artery[-1]) / 6
    u, s, vt = linalg.svd(tr * linalg.toeplitz(kernel, np.zeros(m)))
    inverse = (vt.T * np.where(s >= level * s[0], 1 / s, 0.0)) @ u.T
    out = FlowMaps(*[np.full(n, np.nan) for _ in range(5)])
    rows = np.flatnonzero(np.isfinite(values).all(axis=1))
    power = float((inverse**2).sum(axis=1).mean())
    slopes = float((np.gradient(inverse, tr, axis=0) ** 2).sum(axis=1).mean())
    _record(out, rows, values[rows] @ inverse.T, noise, power, slopes, tr, scale, level, m)
    return out


def _record(
    out: FlowMaps,
    rows: NDArray[np.intp],
    residue: NDArray[np.float64],
    noise: NDArray[np.float64],
    power: float,
    slopes: float,
    tr: float,
    scale: float,
    level: float,
    volumes: int,
) -> None:
    """Fill in maximum, its time (negative in the second half of a circle: tissue first), and their deviations."""
    if not len(rows):
        return
    length = residue.shape[1]
    at = np.argmax(residue, axis=1)
    k = np.arange(len(rows))
    peak = residue[k, at]
    curvature = (2 * peak - residue[k, (at - 1) % length] - residue[k, (at + 1) % length]) / tr**2
    out.blood_flow[rows] = scale * peak
    out.blood_flow_sd[rows] = scale * np.sqrt(power) * noise[rows]
    out.t_max[rows] = tr * np.where(at >= volumes, at - length, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        jitter = np.where(curvature > 0, np.sqrt(slopes) * noise[rows] / curvature, np.inf)
    out.t_max_sd[rows] = np.sqrt(tr**2 / 12 + np.minimum(jitter, length * tr) ** 2)
    out.threshold[rows] = level
