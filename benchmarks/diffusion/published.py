"""The published fitting procedure in plain NumPy and SciPy. Frozen: the benchmark's yardstick, never tuned.

Own words and own code, after Grussu et al. 2025 (Methods) and the behaviour of their public fitter: a grid of
six values per parameter, then `scipy.optimize.minimize(method="trust-constr")` from the best grid point, on
(1 − λ)·mean((y − √(S² + f²))²) + λ·mean((½ − u)²) with λ = 0.001. Signals are divided by their maximum; the
grid search uses f = σ, the optimiser f = σ·√(π/2)·√NEX, as the public fitter does.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import minimize

ROOTS = np.array([
    2.081575977818, 5.940369990572, 9.205840142937, 12.404445021902, 15.579236410387,
    18.742645584775, 21.899696479492, 25.052825280993, 28.203361003952, 31.352091726565,
])  # fmt: skip


def restricted(size, d0, b, delta, separation):
    """Signal of spheres by eq. 4, shape (m,)."""
    radius = size / 2
    alpha2 = (ROOTS / radius)[:, None] ** 2
    rate = alpha2 * d0
    bracket = 2 * delta - (
        2 + np.exp(-rate * (separation - delta)) - 2 * np.exp(-rate * delta)
        - 2 * np.exp(-rate * separation) + np.exp(-rate * (separation + delta))
    ) / rate  # fmt: skip
    series = np.sum(bracket / (alpha2**2 * (ROOTS[:, None] ** 2 - 2)), axis=0)
    return np.exp(-b * 2 / (d0 * delta**2 * (separation - delta / 3)) * series)


def signal(p, model, b, delta, separation):
    """Signal of a model; parameters L, D0[, F, D_E∞[, β]], S0."""
    weighted = b > 0
    out = np.ones_like(b)
    inside = restricted(p[0], p[1], b[weighted], delta[weighted], separation[weighted])
    if model == "Diff-in":
        out[weighted] = inside
    else:
        adc = p[3] + (p[4] / separation[weighted] if model == "Diff-in-exTD" else 0.0)
        out[weighted] = p[2] * inside + (1 - p[2]) * np.exp(-b[weighted] * adc)
    return p[-1] * out


def objective(p, y, model, scan, floor, low, high, pull):
    """The published objective."""
    misfit = np.mean((y - np.sqrt(signal(p, model, *scan) ** 2 + floor**2)) ** 2)
    return (1 - pull) * misfit + pull * np.mean((0.5 - (p - low) / (high - low)) ** 2)


def make_grid(model, scan, low, high, n=6):
    """Parameters and signals of the grid: n values per parameter, ends included."""
    points = np.array(list(product(*(np.linspace(a, z, n) for a, z in zip(low, high, strict=True)))))
    return points, np.array([signal(p, model, *scan) for p in points])


def fit_voxel(y, model, scan, sigma, low, high, grid, nex=1.0, pull=0.001):
    """Fit one voxel; returns parameters (S0 relative to the maximum) and the objective."""
    y_max = y.max()
    y, s = y / y_max, sigma / y_max
    points, signals = grid
    score = (1 - pull) * np.mean((y - np.sqrt(signals**2 + s**2)) ** 2, axis=1)
    score += pull * np.mean((0.5 - (points - low) / (high - low)) ** 2, axis=1)
    start = points[np.argmin(score)]
    floor = s * np.sqrt(np.pi / 2) * np.sqrt(nex)
    arguments = (y, model, scan, floor, low, high, pull)
    found = minimize(
        objective, start, args=arguments, method="trust-constr", bounds=list(zip(low, high, strict=True))
    )
    return found.x, float(found.fun)
