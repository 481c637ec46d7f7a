"""Restricted diffusion in impermeable spheres under the Gaussian phase approximation.

For spheres the exponent of any gradient shape is b·R²·H(D₀/R²): one dimensionless function of one variable
per shape. `restricted_adc` computes it from the waveform; `restricted_adc_pgse` is the closed form that papers
print (eq. 4 of Grussu et al. 2025; Balinov et al. 1993).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import spherical_jn

from compendium.diffusion.protocols import Protocol
from compendium.diffusion.waveforms import GAMMA, Waveform, unit_b

Array = NDArray[np.float64]

N_ROOTS = 10
"""Terms of the series: 10 give a relative error of the ADC below 4.2e-5 within the published bounds."""


@cache
def _roots(n: int) -> tuple[float, ...]:
    derivative = lambda x: spherical_jn(1, x, derivative=True)  # noqa: E731
    return tuple(brentq(derivative, (m + 0.5) * np.pi, (m + 1) * np.pi, xtol=1e-14) for m in range(n))


def sphere_roots(n: int = N_ROOTS) -> Array:
    """Roots of x·J'₃⸝₂(x) − ½J₃⸝₂(x) = 0, the same as j₁'(x) = 0 (spherical Bessel function).

    Examples
    --------
    >>> sphere_roots(3).round(4)
    array([2.0816, 5.9404, 9.2058])
    """
    return np.array(_roots(n))


def restricted_adc_pgse(
    diameter_um: ArrayLike,
    diffusivity: ArrayLike,
    delta_ms: ArrayLike,
    separation_ms: ArrayLike,
    n_roots: int = N_ROOTS,
) -> Array:
    """ADC (µm²/ms) inside a sphere for PGSE: eq. 4 of Grussu et al. 2025, arguments broadcast.

    Examples
    --------
    >>> round(float(restricted_adc_pgse(40, 2.6, 10, 15)), 3)  # the reason of the 1.75 bound
    1.745
    """
    size, d0, delta, separation = np.broadcast_arrays(
        *(
            np.asarray(v, dtype=np.float64)[..., None]
            for v in (diameter_um, diffusivity, delta_ms, separation_ms)
        )
    )
    mu = sphere_roots(n_roots)
    alpha2 = (mu / (size / 2)) ** 2
    rate = alpha2 * d0
    bracket = (
        2 * delta
        - (
            2
            + np.exp(-rate * (separation - delta))
            - 2 * np.exp(-rate * delta)
            - 2 * np.exp(-rate * separation)
            + np.exp(-rate * (separation + delta))
        )
        / rate
    )
    series = np.sum(alpha2**-2 / (mu**2 - 2) * bracket, axis=-1)
    d, s = delta[..., 0], separation[..., 0]
    return 2 / (d0[..., 0] * d**2 * (s - d / 3)) * series


def reduced_adc(x: ArrayLike, waveform: Waveform, n_roots: int = N_ROOTS) -> tuple[Array, Array]:
    """H(x) and dH/d(ln x) of a shape, where ADC = R²·H(D₀/R²).

    Parameters
    ----------
    x : array-like
        D₀/R² in 1/ms.

    Notes
    -----
    H = Σ_m 1/(μ²(μ² − 2)) ∬ g(t)g(t') exp(−μ²x|t − t'|) dt dt' / ∫(∫g)²; the double integral of a piecewise
    constant g is a recursion over its pieces.
    """
    x = np.asarray(x, dtype=np.float64)
    mu2 = sphere_roots(n_roots) ** 2
    rate = np.multiply.outer(x, mu2)
    total, slope = _correlation(rate, waveform)
    norm = unit_b(waveform) / GAMMA**2 * mu2 * (mu2 - 2)
    return np.sum(total / norm, axis=-1), np.sum(rate * slope / norm, axis=-1)


def _correlation(rate: Array, waveform: Waveform) -> tuple[Array, Array]:
    """∬ g g' exp(−k|t − t'|) and its derivative by k."""
    total, slope = np.zeros_like(rate), np.zeros_like(rate)
    state, dstate = (
        np.zeros_like(rate),
        np.zeros_like(rate),
    )  # ∫ g(t') exp(−k(t − t')) dt' up to now, and d/dk
    for d, g in zip(waveform.durations_ms, waveform.amplitudes, strict=True):
        z = rate * d
        decay = np.exp(-z)
        piece = -np.expm1(-z) / rate
        dpiece = (d * decay - piece) / rate
        self_term = 2 * _smooth(z) * d * d
        dself = 2 * _dsmooth(z) * d**3
        total += g * g * self_term + 2 * g * state * piece
        slope += g * g * dself + 2 * g * (dstate * piece + state * dpiece)
        dstate = decay * (dstate - d * state) + g * dpiece
        state = decay * state + g * piece
    return total, slope


def _smooth(z: Array) -> Array:
    """(z − 1 + exp(−z))/z², exact for small z too."""
    small = z < 1e-3
    safe = np.where(small, 1.0, z)
    return np.where(small, 0.5 - z / 6 + z * z / 24, (safe + np.expm1(-safe)) / safe**2)


def _dsmooth(z: Array) -> Array:
    small = z < 1e-2
    safe = np.where(small, 1.0, z)
    value = (2 - safe - (2 + safe) * np.exp(-safe)) / safe**3
    return np.where(small, -1 / 6 + z / 12 - z * z / 40 + z**3 / 180, value)


def restricted_adc(
    diameter_um: ArrayLike, diffusivity: ArrayLike, waveform: Waveform, n_roots: int = N_ROOTS
) -> Array:
    """ADC (µm²/ms) inside a sphere for any shape, Gaussian phase; diameter and diffusivity broadcast.

    Examples
    --------
    >>> from compendium.diffusion.waveforms import pgse_waveform
    >>> bool(abs(restricted_adc(16, 2, pgse_waveform(10, 30)) / restricted_adc_pgse(16, 2, 10, 30) - 1) < 1e-12)
    True
    """
    radius = np.asarray(diameter_um, dtype=np.float64) / 2
    value, _ = reduced_adc(np.asarray(diffusivity) / radius**2, waveform, n_roots)
    return radius**2 * value


def restricted_signal(
    diameter_um: ArrayLike, diffusivity: ArrayLike, protocol: Protocol, n_roots: int = N_ROOTS
) -> Array:
    """Signal of spheres for a protocol, Gaussian phase (eq. 3), shape (..., m); 1 at b = 0."""
    size, d0 = np.broadcast_arrays(
        np.asarray(diameter_um, dtype=np.float64), np.asarray(diffusivity, dtype=np.float64)
    )
    out = np.ones((*size.shape, len(protocol)))
    for index, waveform in enumerate(protocol.shapes):
        mine = protocol.shape == index
        adc = restricted_adc(size, d0, waveform, n_roots)
        out[..., mine] = np.exp(-np.multiply.outer(adc, protocol.b_ms_um2[mine]))
    return out
