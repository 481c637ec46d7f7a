"""Compiled loops of the fits: signals with derivatives, a coarse grid, and a box-constrained refinement.

Every signal here is S0·first or S0·(F·first + (1 − F)·second), so a grid over the other parameters has
amplitudes in closed form. The refinement is Levenberg–Marquardt in unit space (parameters scaled to their
bounds) with projection onto the box. One voxel at a time: no result depends on its neighbours.
"""

from __future__ import annotations

import numpy as np

from compendium.base.compiled import compiled

SAME_BASIN = 0.02
"""Distance in unit space within which two starts are taken to run to the same optimum."""


@compiled
def sphere_exponents(size, d0, start, step, table, slope, out):  # type: ignore[no-untyped-def]
    """R²H and its derivatives by L and D0 for every shape, from the table of H over ln(D0/R²)."""
    radius = 0.5 * size
    place = (np.log(d0 / (radius * radius)) - start) / step
    last = table.shape[1] - 2
    i = int(place)
    i = 0 if i < 0 else (last if i > last else i)
    t = place - i
    s = 1.0 - t
    for k in range(table.shape[0]):
        y0, y1 = table[k, i], table[k, i + 1]
        m0, m1 = slope[k, i] * step, slope[k, i + 1] * step
        h = s * s * ((1 + 2 * t) * y0 + t * m0) + t * t * ((3 - 2 * t) * y1 - s * m1)
        dh = (6 * t * s * (y1 - y0) + s * (1 - 3 * t) * m0 + t * (3 * t - 2) * m1) / step
        out[k, 0] = radius * radius * h
        out[k, 1] = radius * (h - dh)
        out[k, 2] = radius * radius * dh / d0


@compiled
def evaluate(kind, p, b, te, inverse_time, shape, start, step, table, slope, work, signal, jacobian):  # type: ignore[no-untyped-def]
    """Signal and its derivatives by the parameters, for the kinds of `compendium.diffusion.models`."""
    n = b.size
    if kind <= 2:
        sphere_exponents(p[0], p[1], start, step, table, slope, work)
    for m in range(n):
        bm, k = b[m], shape[m]
        if kind <= 2:
            if k < 0:
                first, g0, g1 = 1.0, 0.0, 0.0
            else:
                first = np.exp(-bm * work[k, 0])
                g0, g1 = -bm * work[k, 1] * first, -bm * work[k, 2] * first
        else:
            x = bm * p[0]
            exponent = -x + p[1] * x * x / 6.0
            if kind == 4:
                exponent -= te[m] / p[2]
            first = np.exp(exponent)
            g0, g1 = first * (-bm + p[1] * x * bm / 3.0), first * x * x / 6.0
        if kind == 0 or kind == 3:
            s0 = p[2]
            signal[m] = s0 * first
            jacobian[m, 0], jacobian[m, 1], jacobian[m, 2] = s0 * g0, s0 * g1, first
            continue
        if kind == 1:
            s0, f = p[4], p[3]
            second = 1.0 if k < 0 else np.exp(-bm * p[2])
            outer = s0 * (1.0 - f) * second
            jacobian[m, 2] = -bm * outer
            last = 3
        elif kind == 2:
            s0, f = p[5], p[4]
            second = 1.0 if k < 0 else np.exp(-bm * (p[2] + p[3] * inverse_time[m]))
            outer = s0 * (1.0 - f) * second
            jacobian[m, 2], jacobian[m, 3] = -bm * outer, -bm * inverse_time[m] * outer
            last = 4
        else:
            s0, f = p[6], p[5]
            second = np.exp(-bm * p[3] - te[m] / p[4])
            outer = s0 * (1.0 - f) * second
            jacobian[m, 2] = s0 * f * first * te[m] / (p[2] * p[2])
            jacobian[m, 3], jacobian[m, 4] = -bm * outer, outer * te[m] / (p[4] * p[4])
            last = 5
        jacobian[m, 0], jacobian[m, 1] = s0 * f * g0, s0 * f * g1
        jacobian[m, last] = s0 * (first - second)
        mixed = f * first + (1.0 - f) * second
        jacobian[m, last + 1] = mixed
        signal[m] = s0 * mixed


@compiled
def objective_of(u, y, floor, pull, weights, within, signal):  # type: ignore[no-untyped-def]
    """(1 − λ)·mean((y − √(S² + floor²))²) + λ·mean((½ − u)²): the published objective.

    Repeated measurements are merged to their mean: weights are shares, `within` the mean square about the means.
    """
    total = within
    for m in range(y.size):
        r = y[m] - np.sqrt(signal[m] * signal[m] + floor * floor)
        total += weights[m] * r * r
    shrink = 0.0
    for i in range(u.size):
        shrink += (0.5 - u[i]) * (0.5 - u[i])
    return (1.0 - pull) * total + pull * shrink / u.size


@compiled
def normal_equations(u, y, floor, pull, weights, signal, jacobian, span, matrix, gradient):  # type: ignore[no-untyped-def]
    """Gauss–Newton matrix and half gradient of the objective in unit space."""
    n, p = y.size, u.size
    for i in range(p):
        gradient[i] = pull / p * (u[i] - 0.5)
        for j in range(i + 1):
            matrix[i, j] = 0.0
        matrix[i, i] = pull / p
    for m in range(n):
        s = signal[m]
        expected = np.sqrt(s * s + floor * floor)
        factor = s / expected if expected > 0 else 1.0
        r = y[m] - expected
        weight = (1.0 - pull) * weights[m]
        for i in range(p):
            gi = weight * factor * jacobian[m, i] * span[i]
            gradient[i] -= gi * r
            for j in range(i + 1):
                matrix[i, j] += gi * factor * jacobian[m, j] * span[j]


@compiled
def damped_step(matrix, gradient, u, damping, factor, move):  # type: ignore[no-untyped-def]
    """Step of the damped equations among the parameters that are not held at a bound; False if singular."""
    p = u.size
    for i in range(p):
        held = (u[i] <= 0.0 and gradient[i] > 0.0) or (u[i] >= 1.0 and gradient[i] < 0.0)
        for j in range(i + 1):
            factor[i, j] = matrix[i, j]
        move[i] = -gradient[i]
        factor[i, i] = matrix[i, i] * (1.0 + damping) + 1e-14
        if held:
            move[i] = 0.0
            factor[i, i] = -1.0
    for i in range(p):
        held_i = factor[i, i] == -1.0
        for j in range(i):
            if held_i or factor[j, j] == 0.0:
                factor[i, j] = 0.0
                continue
            value = factor[i, j]
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            factor[i, j] = value / factor[j, j]
        if held_i:
            factor[i, i] = 0.0
            continue
        value = factor[i, i]
        for k in range(i):
            value -= factor[i, k] * factor[i, k]
        if value <= 0.0:
            return False
        factor[i, i] = np.sqrt(value)
    for i in range(p):
        if factor[i, i] == 0.0:
            move[i] = 0.0
            continue
        for k in range(i):
            move[i] -= factor[i, k] * move[k]
        move[i] /= factor[i, i]
    for i in range(p - 1, -1, -1):
        if factor[i, i] == 0.0:
            continue
        for k in range(i + 1, p):
            move[i] -= factor[k, i] * move[k]
        move[i] /= factor[i, i]
    return True


@compiled
def refine(  # type: ignore[no-untyped-def]
    kind, u, y, floor, pull, within, low, span, protocol, tables, space, known, known_value, limit, tolerance
):  # fmt: skip
    """Refine `u` in place; return the objective and whether it converged.

    A start that comes within `SAME_BASIN` of the `known` optimum without being better is on its way there and
    is given up.
    """
    b, te, inverse_time, shape, weights = protocol
    start, step, table, slope = tables
    p, trial, move, work, signal, jacobian, other, other_jacobian, matrix, gradient, factor = space
    n = u.size
    for i in range(n):
        p[i] = low[i] + u[i] * span[i]
    evaluate(kind, p, b, te, inverse_time, shape, start, step, table, slope, work, signal, jacobian)
    value = objective_of(u, y, floor, pull, weights, within, signal)
    damping, converged = 1e-3, False
    normal_equations(u, y, floor, pull, weights, signal, jacobian, span, matrix, gradient)
    for _ in range(limit):
        if not damped_step(matrix, gradient, u, damping, factor, move):
            damping = max(10.0 * damping, 1e-8)
            if damping > 1e12:
                break
            continue
        longest = 0.0
        for i in range(n):
            trial[i] = min(max(u[i] + move[i], 0.0), 1.0)
            longest = max(longest, abs(trial[i] - u[i]))
            p[i] = low[i] + trial[i] * span[i]
        if longest < 1e-9:
            converged = True
            break
        evaluate(kind, p, b, te, inverse_time, shape, start, step, table, slope, work, other, other_jacobian)
        new = objective_of(trial, y, floor, pull, weights, within, other)
        if new < value:
            gain = value - new
            value = new
            u[:] = trial
            signal, other = other, signal
            jacobian, other_jacobian = other_jacobian, jacobian
            if gain <= tolerance * value and (damping <= 1e-2 or longest < 1e-5):
                converged = True
                break
            if value > known_value:
                apart = 0.0
                for i in range(n):
                    apart = max(apart, abs(u[i] - known[i]))
                if apart < SAME_BASIN:
                    break
            damping = max(0.2 * damping, 1e-9)
            normal_equations(u, y, floor, pull, weights, signal, jacobian, span, matrix, gradient)
        else:
            if new - value <= 1e-15 * value or damping > 1e8:
                converged = True
                break
            damping *= 8.0
    return value, converged
