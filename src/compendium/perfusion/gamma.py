"""The gamma-variate of a first pass: its formula, its area, and a fit of many curves at once.

y(t) = y_max · u^a · exp(a(1 − u)) with u = (t − t0)/(t_max − t0) (Madsen, Phys Med Biol 1992;37:1597–1600). It is fitted in
(y_max, t_max, ln w, ln a), where w = (t_max − t0)/√a is the curvature width of the peak: these are far less correlated
than t0 and a. Its p-th power is a gamma-variate too: y_max^p, the same t_max, w/√p, a·p.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln

from compendium.base.compiled import compiled

SHAPE_RANGE = (0.5, 50.0)
"""Shape a: below, the rise has a corner; above, the curve is a Gaussian to within a percent."""


@dataclass(frozen=True)
class GammaFit:
    """Fits of n curves.

    Attributes
    ----------
    parameters : (n, 4) array; y_max (1/s), t_max (s), ln w (w in s), ln a. NaN where nothing could be fitted.
    covariance : (n, 4, 4) array; from the residual variance, the growing noise of a falling signal, and the baseline.
    residual_sd : (n,) array, 1/s.
    ok : (n,) bool; converged, with a peak inside the window.
    """

    parameters: NDArray[np.float64]
    covariance: NDArray[np.float64]
    residual_sd: NDArray[np.float64]
    ok: NDArray[np.bool_]


def gamma_variate(
    t: ArrayLike, y_max: float, t_max: float, width: float, shape: float
) -> NDArray[np.float64]:
    """Value of a gamma-variate at times t.

    Parameters
    ----------
    t : s
    y_max : height of the peak.
    t_max : time of the peak, s.
    width : w, s; the curve is y_max·exp(−(t − t_max)²/2w²) near its peak.
    shape : a.

    Examples
    --------
    >>> gamma_variate([20.0, 24.5], 5.0, 24.5, 4.5 / 3**0.5, 3.0)
    array([0., 5.])
    """
    times = np.asarray(t, dtype=np.float64)
    u = 1 + (times - t_max) / (width * math.sqrt(shape))
    safe = np.where(u > 0, u, 1.0)
    return np.where(u > 0, y_max * np.exp(shape * (1 - safe + np.log(safe))), 0.0)


def gamma_area(fit: GammaFit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area under fitted curves from arrival to infinity, and its standard deviation.

    Area = y_max·w·√a·e^a·Γ(a + 1)/a^(a + 1).
    """
    y, _, log_w, log_a = fit.parameters.T
    a = np.exp(log_a)
    area = y * np.exp(log_w + 0.5 * log_a + a + gammaln(a + 1) - (a + 1) * log_a)
    gradient = np.zeros_like(fit.parameters)
    with np.errstate(divide="ignore", invalid="ignore"):
        gradient[:, 0] = np.where(y > 0, area / y, 0.0)
    gradient[:, 2] = area
    gradient[:, 3] = area * a * (0.5 / a + 1 + digamma(a + 1) - log_a - (a + 1) / a)
    variance = np.einsum("ni,nij,nj->n", gradient, fit.covariance, gradient)
    return area, np.sqrt(np.maximum(variance, 0))


def first_pass_window(mean_curve: ArrayLike, tail: float = 0.35, least_after: int = 3) -> int:
    """One past the last volume of the first pass: where the mean curve has fallen below a share of its peak.

    One window for all voxels of an examination, so that noise does not choose it. It also ends where the curve rises
    again (second pass).

    Examples
    --------
    >>> first_pass_window([0, 0, 1, 5, 9, 8, 6, 4, 3, 2, 2, 3, 2])
    9
    """
    curve = np.asarray(mean_curve, dtype=np.float64)
    peak = int(np.nanargmax(curve))
    stop = peak + 1
    while stop < len(curve) and curve[stop] >= tail * curve[peak] and curve[stop] < curve[stop - 1]:
        stop += 1
    return min(max(stop + 1, peak + 1 + least_after), len(curve))


def fit_gamma_variates(
    t: ArrayLike,
    curves: ArrayLike,
    window: tuple[int, int],
    used: ArrayLike | None = None,
    te_ms: float = 0.0,
    baseline_points: int = 0,
    iterations: int = 80,
) -> GammaFit:
    """Fit a gamma-variate to every curve by Levenberg–Marquardt steps with the exact Jacobian.

    Parameters
    ----------
    t : (t,) times, s.
    curves : (n, t) changes in relaxation rate, 1/s.
    window : first and one past the last volume that is fitted. Points before the arrival belong in it: they hold t0,
        and their scatter is the noise that the covariance rests on.
    used : (t,) bool; volumes that are not used are left out.
    te_ms : echo time, ms. The noise of ΔR2 grows as the signal falls, by e^(TE·ΔR2): the covariance allows for it.
    baseline_points : volumes of S_BL, whose error moves the whole curve; 0 leaves it out of the covariance.
    iterations : most steps.

    Returns
    -------
    GammaFit. Curves with missing values or without a positive peak get NaN and ``ok`` False.

    Raises
    ------
    ValueError : fewer than six used volumes in the window.

    Examples
    --------
    >>> t = 1.74 * np.arange(40)
    >>> fit = fit_gamma_variates(t, [gamma_variate(t, 8, 24.5, 2.6, 3)], (0, 25))
    >>> fit.parameters[0, :2].round(6), bool(fit.ok[0])
    (array([ 8. , 24.5]), True)
    """
    times, values = np.asarray(t, dtype=np.float64), np.ascontiguousarray(curves, dtype=np.float64)
    keep = np.zeros(len(times), dtype=bool)
    keep[window[0] : window[1]] = True
    if used is not None:
        keep &= np.asarray(used, dtype=bool)
    if keep.sum() < 6:
        raise ValueError(f"A gamma-variate needs at least 6 volumes in its window. Given {int(keep.sum())}.")
    n = len(values)
    parameters, covariance = np.full((n, 4), np.nan), np.full((n, 4, 4), np.nan)
    residual_sd, ok = np.full(n, np.nan), np.zeros(n, dtype=np.bool_)
    low, high = math.log(SHAPE_RANGE[0]), math.log(SHAPE_RANGE[1])
    share = 1 / baseline_points if baseline_points else 0.0
    _fit_all(times[keep], np.ascontiguousarray(values[:, keep]), low, high, iterations, te_ms / 1000, share,
             parameters, covariance, residual_sd, ok)  # fmt: skip
    return GammaFit(parameters, covariance, residual_sd, ok)


@compiled
def _fit_all(  # pragma: no cover - compiled
    t: Any,
    y: Any,
    low: float,
    high: float,
    steps: int,
    te: float,
    share: float,
    out: Any,
    cov: Any,
    sd: Any,
    ok: Any,
) -> None:
    m = len(t)
    jac, res, trial = np.empty((m, 4)), np.empty(m), np.empty(4)
    normal, factor, grad, step = np.empty((4, 4)), np.empty((4, 4)), np.empty(4), np.empty(4)
    for n in range(len(y)):
        p = out[n]
        if not _start(t, y[n], p):
            continue
        cost = _model(t, y[n], p, res, jac)
        damping, done, last = 1e-3, False, 1.0
        for _ in range(steps):
            for i in range(4):
                grad[i] = 0.0
                for j in range(i + 1):
                    total = 0.0
                    for k in range(m):
                        total += jac[k, i] * jac[k, j]
                    normal[i, j] = total
                    normal[j, i] = total
                for k in range(m):
                    grad[i] += jac[k, i] * res[k]
            if (p[3] <= low and grad[3] < 0) or (p[3] >= high and grad[3] > 0):  # held at its bound
                for i in range(4):
                    normal[i, 3] = normal[3, i] = 0.0
                normal[3, 3] = 1.0
                grad[3] = 0.0
            better = False
            for _retry in range(12):
                for i in range(4):
                    for j in range(4):
                        factor[i, j] = normal[i, j]
                    factor[i, i] += damping * (normal[i, i] + 1e-12)
                if not _solve(factor, grad, step):
                    damping *= 10
                    continue
                _move(p, step, trial, low, high, t)
                new = _cost(t, y[n], trial)
                if new < cost:
                    better = True
                    break
                damping *= 4
            if not better:
                done = True
                break
            last = (cost - new) / cost
            small = last <= 1e-9
            for i in range(4):
                p[i] = trial[i]
            cost = _model(t, y[n], p, res, jac)
            damping = max(damping / 8, 1e-12)
            if small or cost < 1e-26 * (1.0 + p[0] * p[0]):
                done = True
                break
        sd[n] = math.sqrt(cost / (m - 4)) if m > 4 else 0.0
        _covary(t, p, jac, normal, factor, grad, step, te, share, sd[n] * sd[n], cov[n])
        ok[n] = (done or last < 1e-3) and p[0] > 0 and t[0] < p[1] < t[-1]


@compiled
def _start(t: Any, y: Any, p: Any) -> bool:  # pragma: no cover - compiled
    m = len(t)
    best, at, area = 0.0, -1, 0.0
    for k in range(m):
        if not math.isfinite(y[k]):
            return False
        smooth = (y[max(k - 1, 0)] + 2 * y[k] + y[min(k + 1, m - 1)]) / 4
        if smooth > best:
            best, at = smooth, k
        if k > 0:
            area += 0.5 * (max(y[k], 0.0) + max(y[k - 1], 0.0)) * (t[k] - t[k - 1])
    if at < 0:
        return False
    gap = (t[-1] - t[0]) / (m - 1)
    p[0] = max(y[at], best)
    p[1] = min(max(t[at], t[0] + gap), t[-1] - gap)
    p[2] = math.log(min(max(area / (2.6 * p[0]), 0.6 * gap), 8 * gap))
    p[3] = math.log(3.0)
    return True


@compiled
def _model(t: Any, y: Any, p: Any, res: Any, jac: Any) -> float:  # pragma: no cover - compiled
    a = math.exp(p[3])
    s = math.exp(p[2]) * math.sqrt(a)
    cost = 0.0
    for k in range(len(t)):
        d = (t[k] - p[1]) / s
        u = 1 + d
        if u <= 0:
            f = 0.0
            jac[k, 0] = jac[k, 1] = jac[k, 2] = jac[k, 3] = 0.0
        else:
            g = 1 - u + math.log(u)
            e = math.exp(a * g)
            f = p[0] * e
            slope = d * d / u
            jac[k, 0] = e
            jac[k, 1] = f * a * d / (u * s)
            jac[k, 2] = f * a * slope
            jac[k, 3] = f * a * (g + 0.5 * slope)
        res[k] = y[k] - f
        cost += res[k] * res[k]
    return cost


@compiled
def _cost(t: Any, y: Any, p: Any) -> float:  # pragma: no cover - compiled
    a = math.exp(p[3])
    s = math.exp(p[2]) * math.sqrt(a)
    cost = 0.0
    for k in range(len(t)):
        u = 1 + (t[k] - p[1]) / s
        f = 0.0
        if u > 0:
            f = p[0] * math.exp(a * (1 - u + math.log(u)))
        cost += (y[k] - f) * (y[k] - f)
    return cost


@compiled
def _move(
    p: Any, step: Any, trial: Any, low: float, high: float, t: Any
) -> None:  # pragma: no cover - compiled
    gap = (t[-1] - t[0]) / (len(t) - 1)
    trial[0] = max(p[0] + step[0], 0.0)
    trial[1] = min(max(p[1] + max(min(step[1], 4 * gap), -4 * gap), t[0]), t[-1])
    trial[2] = min(max(p[2] + max(min(step[2], 1.0), -1.0), math.log(0.3 * gap)), math.log(t[-1] - t[0]))
    trial[3] = min(max(p[3] + max(min(step[3], 1.5), -1.5), low), high)


@compiled
def _solve(a: Any, b: Any, x: Any) -> bool:  # pragma: no cover - compiled
    """Solve a·x = b by Cholesky in place; False when a is not positive definite."""
    for j in range(4):
        total = a[j, j]
        for k in range(j):
            total -= a[j, k] * a[j, k]
        if not total > 0:
            return False
        a[j, j] = math.sqrt(total)
        for i in range(j + 1, 4):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            a[i, j] = total / a[j, j]
    for i in range(4):
        total = b[i]
        for k in range(i):
            total -= a[i, k] * x[k]
        x[i] = total / a[i, i]
    for i in range(3, -1, -1):
        total = x[i]
        for k in range(i + 1, 4):
            total -= a[k, i] * x[k]
        x[i] = total / a[i, i]
    return True


@compiled
def _covary(  # pragma: no cover - compiled
    t: Any, p: Any, jac: Any, normal: Any, factor: Any, unit: Any, column: Any, te: float, share: float,
    variance: float, out: Any,
) -> None:  # fmt: skip
    """Covariance H⁻¹·M·H⁻¹: H = JᵀJ, M = Σ v JJᵀ + (Jᵀ1)(Jᵀ1)ᵀ/n_BL with the relative noise variance v of each point."""
    m = len(jac)
    inverse, middle, half, total = np.empty((4, 4)), np.zeros((4, 4)), np.empty((4, 4)), np.zeros(4)
    mean_v = 0.0
    for i in range(4):
        for j in range(4):
            normal[i, j] = 0.0
    for k in range(m):
        v = math.exp(2 * te * p[0] * jac[k, 0])
        mean_v += v / m
        for i in range(4):
            total[i] += jac[k, i]
            for j in range(4):
                normal[i, j] += jac[k, i] * jac[k, j]
                middle[i, j] += v * jac[k, i] * jac[k, j]
    for c in range(4):
        for i in range(4):
            unit[i] = 1.0 if i == c else 0.0
            for j in range(4):
                factor[i, j] = normal[i, j]
            factor[i, i] += 1e-9 * normal[i, i] + 1e-15
        if not _solve(factor, unit, column):
            return
        for i in range(4):
            inverse[i, c] = column[i]
    for i in range(4):
        for j in range(4):
            half[i, j] = 0.0
            for k in range(4):
                half[i, j] += inverse[i, k] * (middle[k, j] + share * total[k] * total[j])
    for i in range(4):
        for j in range(4):
            sum_ = 0.0
            for k in range(4):
                sum_ += half[i, k] * inverse[k, j]
            out[i, j] = variance / mean_v * sum_
