"""Leakage of contrast agent: what it adds to a curve, and the curve without it.

ΔR2*(t) = K1·r(t) − K2·∫₀ᵗ r(τ) e^(−k_ep(t − τ)) dτ, where r is the mean curve of tissue that does not leak. With k_ep = 0
agent only leaves the vessels (unidirectional: Boxerman, Schmainda & Weisskoff, AJNR 2006;27:859–867); with k_ep > 0 it
comes back (bidirectional: Leu et al., AJNR 2016;37:872–878). Corrected = ΔR2* + K2·∫: the plus sign undoes the minus of the
model. K2 > 0 means that T1 shortening lowered the curve, K2 < 0 that T2* of leaked agent raised it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.compiled import compiled
from compendium.perfusion.signals import RelaxationCurves

KEP_SHARES = (0.0, 0.05, 0.15, 0.3, 0.6, 1.0)
"""Starting values of k_ep, as shares of its limit."""
KEP_LIMIT = 0.03
"""Highest k_ep, 1/s. Agent that came back within seconds would look like a slower passage of blood: with a limit
of 0.3 1/s the fit turns differences in transit time into leakage, and blood volumes of the reference object are off by
a third."""


class LeakageFit(NamedTuple):
    """Leakage of n voxels.

    Attributes
    ----------
    corrected : (n, t) curves without leakage, 1/s.
    k1 : (n,) scale of the reference curve.
    k2, k2_sd : (n,) 1/s; the standard deviation is that for the fitted k_ep.
    kep : (n,) 1/s; zero for the unidirectional model.
    """

    corrected: NDArray[np.float64]
    k1: NDArray[np.float64]
    k2: NDArray[np.float64]
    k2_sd: NDArray[np.float64]
    kep: NDArray[np.float64]


def reference_curve(relaxation: RelaxationCurves, last: int = 10, limit: float = 1.0) -> NDArray[np.float64]:
    """Mean curve of the voxels that end where most of the brain ends: those that neither enhance nor darken late.

    Parameters
    ----------
    relaxation : curves of the brain's voxels.
    last : volumes at the end that are averaged.
    limit : robust standard deviations around the median that a voxel may lie.

    Raises
    ------
    ValueError : fewer than ten such voxels with a positive peak.
    """
    curves = relaxation.curves
    late = curves[:, -last:].mean(axis=1)
    whole = np.isfinite(late) & np.isfinite(curves).all(axis=1)
    if whole.any():
        centre = np.median(late[whole])
        spread = max(1.4826 * np.median(np.abs(late[whole] - centre)), 1e-12)
        whole &= np.abs(late - centre) <= limit * spread
    if whole.sum() < 10:
        raise ValueError(
            f"A reference curve needs at least 10 voxels that do not leak. Given {int(whole.sum())}."
        )
    return curves[whole].mean(axis=0)


def leaked_integral(t: ArrayLike, reference: ArrayLike, kep: float = 0.0) -> NDArray[np.float64]:
    """∫₀ᵗ r(τ) e^(−k_ep(t − τ)) dτ for a reference curve that is linear between its points.

    Examples
    --------
    >>> leaked_integral([0, 1, 2], [0, 2, 2])
    array([0., 1., 3.])
    """
    times, values = np.asarray(t, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    out = np.zeros(len(times))
    _integrate(times, values, float(kep), out)
    return out


def correct_leakage(
    t: ArrayLike,
    curves: ArrayLike,
    reference: ArrayLike,
    model: str = "unidirectional",
    used: ArrayLike | None = None,
    kep_limit: float = KEP_LIMIT,
) -> LeakageFit:
    """Fit leakage by least squares over all used volumes and take it out.

    Parameters
    ----------
    t : (t,) s
    curves : (n, t), 1/s
    reference : (t,) mean curve of tissue that does not leak, 1/s.
    model : "unidirectional" or "bidirectional".
    used : (t,) bool; volumes that were not dropped.
    kep_limit : highest k_ep of the bidirectional model, 1/s.

    Raises
    ------
    ValueError : an unknown model, or a reference curve without a bolus.

    Examples
    --------
    >>> t, r = np.arange(8.0), np.array([0, 0, 3, 9, 4, 1, 0.5, 0.2])
    >>> measured = 1.4 * r - 0.05 * leaked_integral(t, r)
    >>> fit = correct_leakage(t, [measured], r)
    >>> bool(np.allclose(fit.corrected[0], 1.4 * r, atol=1e-12)), round(float(fit.k2[0]), 9)
    (True, 0.05)
    """
    if model not in ("unidirectional", "bidirectional"):
        raise ValueError(f"model must be 'unidirectional' or 'bidirectional'. Given {model!r}.")
    times, values = np.asarray(t, dtype=np.float64), np.ascontiguousarray(curves, dtype=np.float64)
    r = np.asarray(reference, dtype=np.float64)
    if not np.isfinite(r).all() or np.ptp(r) <= 0:
        raise ValueError(
            f"A reference curve must show a bolus. Given values from {np.min(r):.3g} to {np.max(r):.3g}."
        )
    keep = np.ones(len(times), dtype=bool) if used is None else np.asarray(used, dtype=bool)
    kep = np.zeros(len(values))
    if model == "bidirectional":
        kep = _start_kep(times, values, r, keep, kep_limit)
        _refine_kep(times, values, r, keep, kep, kep_limit)
    return _take_out(times, values, r, keep, kep)


def _start_kep(
    t: NDArray[np.float64],
    y: NDArray[np.float64],
    r: NDArray[np.float64],
    keep: NDArray[np.bool_],
    limit: float,
) -> NDArray[np.float64]:
    best, kep = np.full(len(y), np.inf), np.zeros(len(y))
    for trial in limit * np.array(KEP_SHARES):
        design = np.stack([r, -leaked_integral(t, r, float(trial))], axis=1)[keep]
        q, _ = np.linalg.qr(design)
        measured = y[:, keep]
        rss = (measured**2).sum(axis=1) - ((measured @ q) ** 2).sum(axis=1)
        better = rss < best
        best[better], kep[better] = rss[better], trial
    return kep


def _take_out(
    t: NDArray[np.float64],
    y: NDArray[np.float64],
    r: NDArray[np.float64],
    keep: NDArray[np.bool_],
    kep: NDArray[np.float64],
) -> LeakageFit:
    n = len(y)
    corrected, out = np.full_like(y, np.nan), np.full((n, 3), np.nan)
    _correct_all(t, y, r, keep, kep, corrected, out)
    return LeakageFit(corrected, out[:, 0], out[:, 1], out[:, 2], kep)


@compiled
def _integrate(t: Any, r: Any, kep: float, out: Any) -> None:  # pragma: no cover - compiled
    out[0] = 0.0
    for k in range(len(t) - 1):
        d = t[k + 1] - t[k]
        x = kep * d
        if x < 1e-4:
            decay = math.exp(-x)
            first = d * (0.5 - x / 3 + x * x / 8)
            second = d * (0.5 - x / 6 + x * x / 24)
        else:
            decay = math.exp(-x)
            total = (1 - decay) / kep
            second = (d - total) / x
            first = total - second
        out[k + 1] = out[k] * decay + r[k] * first + r[k + 1] * second


@compiled
def _linear(
    y: Any, r: Any, z: Any, keep: Any
) -> tuple[float, float, float, float]:  # pragma: no cover - compiled
    rr, rz, zz, ry, zy = 0.0, 0.0, 0.0, 0.0, 0.0
    count = 0
    for k in range(len(y)):
        if keep[k]:
            count += 1
            rr += r[k] * r[k]
            rz -= r[k] * z[k]
            zz += z[k] * z[k]
            ry += r[k] * y[k]
            zy -= z[k] * y[k]
    det = rr * zz - rz * rz
    k1, k2 = (zz * ry - rz * zy) / det, (rr * zy - rz * ry) / det
    rss = 0.0
    for k in range(len(y)):
        if keep[k]:
            e = y[k] - k1 * r[k] + k2 * z[k]
            rss += e * e
    return k1, k2, rss, math.sqrt(rss / max(count - 2, 1) * rr / det)


@compiled
def _correct_all(
    t: Any, y: Any, r: Any, keep: Any, kep: Any, corrected: Any, out: Any
) -> None:  # pragma: no cover
    z = np.empty(len(t))
    last = -1.0
    for n in range(len(y)):
        if kep[n] != last:
            _integrate(t, r, kep[n], z)
            last = kep[n]
        k1, k2, _rss, sd = _linear(y[n], r, z, keep)
        out[n, 0], out[n, 1], out[n, 2] = k1, k2, sd
        for k in range(len(t)):
            corrected[n, k] = y[n, k] + k2 * z[k]


@compiled
def _refine_kep(
    t: Any, y: Any, r: Any, keep: Any, kep: Any, limit: float
) -> None:  # pragma: no cover - compiled
    """Gauss–Newton steps on k_ep, with K1 and K2 solved in between (variable projection)."""
    m = len(t)
    z, ahead, w = np.empty(m), np.empty(m), np.empty(m)
    for n in range(len(y)):
        value = kep[n]
        _integrate(t, r, value, z)
        _a, k2, rss, _s = _linear(y[n], r, z, keep)
        for _ in range(40):
            _integrate(t, r, value + 1e-5, ahead)
            k1, k2, rss, _s = _linear(y[n], r, z, keep)
            for k in range(m):
                w[k] = -k2 * (ahead[k] - z[k]) / 1e-5
            step = _project(y[n], r, z, w, keep, k1, k2)
            if not math.isfinite(step):
                break
            moved = False
            for _half in range(25):
                trial = min(max(value + step, 0.0), limit)
                _integrate(t, r, trial, z)
                _b, _c, new, _s = _linear(y[n], r, z, keep)
                if new < rss:
                    moved = True
                    break
                step *= 0.5
            if not moved:
                _integrate(t, r, value, z)
                break
            change = abs(trial - value)
            value = trial
            if change < 1e-13:
                break
        kep[n] = value


@compiled
def _project(
    y: Any, r: Any, z: Any, w: Any, keep: Any, k1: float, k2: float
) -> float:  # pragma: no cover - compiled
    """Least-squares step along w, once r and z are taken out of it."""
    a, b, _rss, _s = _linear(w, r, z, keep)
    top, bottom = 0.0, 0.0
    for k in range(len(y)):
        if keep[k]:
            rest = w[k] - a * r[k] + b * z[k]
            top += rest * (y[k] - k1 * r[k] + k2 * z[k])
            bottom += rest * rest
    return top / bottom if bottom > 0 else math.nan
