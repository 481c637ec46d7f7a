"""The vascular hysteresis loop and its signed area, the microvascular type indicator (MTI).

Convention: x = (ΔR2 of the spin echo)^(3/2), y = ΔR2* of the gradient echo, MTI = ∮ y dx along time. A clockwise loop is
positive, a counter-clockwise one negative; the unit is s^−2.5. A positive loop means that the gradient echo comes first:
large vessels upstream of the capillaries.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.compiled import compiled
from compendium.perfusion.gamma import GammaFit

POWER = 1.5
CONVENTION = "clockwise positive; x = spin echo to the power 3/2, y = gradient echo; unit s^-2.5"
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(72)


class LoopArea(NamedTuple):
    """Signed loop areas of n voxels.

    Attributes
    ----------
    area : (n,) array, s^−2.5; clockwise positive.
    sd : (n,) array; from the noise of both fits, without the error of the timing.
    per_second : (n,) array, s^−3.5; change of the area when the spin-echo curve is moved later by a second.
        A timing error is common to all voxels of an examination: it is a bias, no noise, and stands apart.
    """

    area: NDArray[np.float64]
    sd: NDArray[np.float64]
    per_second: NDArray[np.float64]


def spin_echo_power(delta_r2: ArrayLike, power: float = POWER) -> NDArray[np.float64]:
    """Power 3/2 of fitted spin-echo curves.

    Raises
    ------
    ValueError : a negative value, as raw curves have: it has no real power 3/2. Fit first, then raise.

    Examples
    --------
    >>> spin_echo_power([0, 4.0])
    array([0., 8.])
    """
    values = np.asarray(delta_r2, dtype=np.float64)
    if (values < 0).any():
        raise ValueError(
            f"A negative ΔR2 has no power {power:g}: fit the curve first. Given {float(np.nanmin(values)):.3g} 1/s."
        )
    return values**power


def signed_loop_area(x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
    """Signed area of closed polygons (shoelace), clockwise positive.

    Parameters
    ----------
    x, y : (..., t); the last point is joined to the first.

    Raises
    ------
    ValueError : the shapes differ.

    Examples
    --------
    Up, right, down, left is clockwise; the reverse path has the opposite sign.

    >>> float(signed_loop_area([0, 0, 2, 2], [0, 1, 1, 0])), float(signed_loop_area([0, 2, 2, 0], [0, 0, 1, 1]))
    (2.0, -2.0)
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"A loop's coordinates must share a shape. Given {a.shape} and {b.shape}.")
    return 0.5 * (b * np.roll(a, -1, axis=-1) - a * np.roll(b, -1, axis=-1)).sum(axis=-1)


def fitted_loop_area(
    gradient: GammaFit, spin: GammaFit, shift_s: float = 0.0, power: float = POWER
) -> LoopArea:
    """Signed area of the loop of two fitted gamma-variates, with its standard deviation and its timing sensitivity.

    The integral ∫ y x′ dt is taken over the fitted curves themselves: neither TR nor the window enters again.

    Parameters
    ----------
    gradient, spin : fits of the same n voxels.
    shift_s : added to the times of the spin-echo curves, s; one number per examination
        (`compendium.perfusion.timing`).
    power : of the spin-echo curve.

    Raises
    ------
    ValueError : different numbers of voxels.
    """
    if len(gradient.ok) != len(spin.ok):
        raise ValueError(f"Both fits must hold the same voxels. Given {len(gradient.ok)} and {len(spin.ok)}.")
    n = len(gradient.ok)
    area, sd, slope = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    _areas(gradient.parameters, spin.parameters, gradient.covariance, spin.covariance,
           gradient.ok & spin.ok, shift_s, power, _NODES, _WEIGHTS, area, sd, slope)  # fmt: skip
    return LoopArea(area, sd, slope)


@compiled
def _curve(t: float, p: Any, shift: float, power: float, out: Any) -> None:  # pragma: no cover - compiled
    """Value, time derivative and derivatives by the four parameters of y(t)^power; zero before the arrival."""
    a = math.exp(p[3])
    s = math.exp(p[2]) * math.sqrt(a)
    d = (t - p[1] - shift) / s
    u = 1 + d
    if u <= 1e-12 or p[0] <= 0:
        for i in range(6):
            out[i] = 0.0
        return
    g = 1 - u + math.log(u)
    f = math.exp(power * (math.log(p[0]) + a * g))
    slope = d * d / u
    out[0] = f
    out[1] = -power * f * a * d / (u * s)
    out[2] = power * f / p[0]
    out[3] = -out[1]
    out[4] = power * f * a * slope
    out[5] = power * f * a * (g + 0.5 * slope)


@compiled
def _end(p: Any, shift: float) -> float:  # pragma: no cover - compiled
    """Time after which a curve is below 1e-9 of its peak."""
    a = math.exp(p[3])
    length = 20.7 / a
    return p[1] + shift + math.exp(p[2]) * math.sqrt(a) * (math.sqrt(2 * length) + 1.5 * length)


@compiled
def _areas(  # pragma: no cover - compiled
    py: Any, px: Any, cy: Any, cx: Any, ok: Any, shift: float, power: float, nodes: Any, weights: Any,
    area: Any, sd: Any, per_second: Any,
) -> None:  # fmt: skip
    y, x = np.empty(6), np.empty(6)
    gy, gx = np.empty(4), np.empty(4)
    for n in range(len(ok)):
        if not ok[n]:
            continue
        start_y = py[n, 1] - math.exp(py[n, 2] + 0.5 * py[n, 3])
        start_x = px[n, 1] - math.exp(px[n, 2] + 0.5 * px[n, 3]) + shift
        start, stop = max(start_y, start_x), min(_end(py[n], 0.0), _end(px[n], shift))
        total = 0.0
        for i in range(4):
            gy[i] = 0.0
            gx[i] = 0.0
        half = 0.5 * (stop - start)
        if half > 0:
            for k in range(len(nodes)):
                t = start + half * (1 + nodes[k])
                w = weights[k] * half
                _curve(t, py[n], 0.0, 1.0, y)
                _curve(t, px[n], shift, power, x)
                total += w * y[0] * x[1]
                for i in range(4):
                    gy[i] += w * y[2 + i] * x[1]
                    gx[i] -= w * y[1] * x[2 + i]
        variance = 0.0
        for i in range(4):
            for j in range(4):
                variance += gy[i] * cy[n, i, j] * gy[j] + gx[i] * cx[n, i, j] * gx[j]
        area[n] = total
        sd[n] = math.sqrt(max(variance, 0.0))
        per_second[n] = gx[1]
