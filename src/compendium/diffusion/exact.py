"""Restricted diffusion in spheres without the Gaussian phase approximation: the matrix formalism.

The Bloch–Torrey equation in the basis of the sphere's Laplacian eigenfunctions (Grebenkov 2007, Rev Mod Phys
79:1077; Callaghan 1997): under a constant gradient the magnetisation evolves by exp(−(D/R²·Λ + iγGR·B)t).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import spherical_jn

from compendium.diffusion.protocols import Protocol
from compendium.diffusion.waveforms import GAMMA, Waveform

Array = NDArray[np.float64]

HIGHEST_ROOT = 18.0
"""Eigenvalues up to this root enter, 45 modes: twice as many move no signal of the published protocols by 1e-5."""


@cache
def _modes(highest: float) -> tuple[Array, Array]:
    """Eigenvalues Λ, shape (n,), and the matrix B of the coordinate along the gradient, in units of R."""
    order, root = [0], [0.0]
    for degree in range(int(highest) + 1):
        found = _derivative_roots(degree, highest)
        order += [degree] * len(found)
        root += found
    sequence = np.argsort(root, kind="stable")
    l, value = np.array(order)[sequence], np.array(root)[sequence] ** 2  # noqa: E741 - degree of the harmonic
    with np.errstate(divide="ignore", invalid="ignore"):
        norm = np.sqrt((2 * l + 1) * value / (value - l * (l + 1)))
        norm[0] = np.sqrt(1.5)
        sums, difference = value[:, None] + value, value[:, None] - value
        cross = l[:, None] * (l + 1) + l * (l[:, None] + 1)
        weight = (l[:, None] + l + 1) / ((2 * l[:, None] + 1) * (2 * l + 1))
        matrix = weight * np.outer(norm, norm) * (sums - cross + 1) / difference**2
    matrix[np.abs(l[:, None] - l) != 1] = 0.0
    return value, matrix


def _derivative_roots(degree: int, highest: float) -> list[float]:
    """Positive roots of j_l'(x) = 0 up to `highest`."""
    derivative = lambda x: spherical_jn(degree, x, derivative=True)  # noqa: E731
    x = np.linspace(max(0.5 * degree, 0.5), highest + 0.2, int(40 * highest))
    y = derivative(x)
    change = np.flatnonzero(np.sign(y[:-1]) * np.sign(y[1:]) < 0)
    found = [brentq(derivative, x[i], x[i + 1], xtol=1e-13) for i in change]
    return [r for r in found if r <= highest]


def exact_sphere(
    diameter_um: float,
    diffusivity: float,
    waveform: Waveform,
    strength: float,
    highest_root: float = HIGHEST_ROOT,
) -> float:
    """Signal of an impermeable sphere for a shape at a gradient strength (mT/m), exact up to truncation.

    Parameters
    ----------
    diameter_um, diffusivity : float
        µm and µm²/ms.
    highest_root : float
        Modes with larger roots are left out.

    Examples
    --------
    >>> from compendium.diffusion.waveforms import gradient_strength, pgse_waveform
    >>> shape = pgse_waveform(10, 30)
    >>> round(exact_sphere(16, 2, shape, float(gradient_strength(2.8, shape))), 4)
    0.3968
    """
    eigenvalue, position = _modes(float(highest_root))
    radius = diameter_um / 2
    rate = diffusivity / radius**2 * eigenvalue
    phase = GAMMA * radius * position
    state = np.zeros(len(eigenvalue), dtype=complex)
    state[0] = 1.0
    cached: dict[tuple[float, float], NDArray[np.complex128]] = {}
    for duration, amplitude in zip(waveform.durations_ms, waveform.amplitudes, strict=True):
        if amplitude == 0:
            state = np.exp(-rate * duration) * state
            continue
        key = (duration, amplitude)
        if key not in cached:
            if (duration, -amplitude) in cached:
                cached[key] = cached[(duration, -amplitude)].conj()
            else:
                cached[key] = expm(-duration * (np.diag(rate) + 1j * amplitude * strength * phase))
        state = cached[key] @ state
    return float(state[0].real)


def exact_signal(
    diameter_um: float, diffusivity: float, protocol: Protocol, highest_root: float = HIGHEST_ROOT
) -> Array:
    """Signal of spheres for a protocol, matrix formalism, shape (m,); 1 at b = 0."""
    out, strength = np.ones(len(protocol)), protocol.gradient
    known: dict[tuple[int, float], float] = {}
    for i in np.flatnonzero(protocol.shape >= 0):
        key = (int(protocol.shape[i]), round(float(strength[i]), 9))
        if key not in known:
            known[key] = exact_sphere(diameter_um, diffusivity, protocol.shapes[key[0]], key[1], highest_root)
        out[i] = known[key]
    return out
