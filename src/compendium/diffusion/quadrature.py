"""Compiled posterior moments by quadrature: shapes on a grid, both amplitudes integrated for each."""

from __future__ import annotations

import math

import numpy as np

from compendium.base.compiled import compiled

FAR = 28.0
"""Rise of χ² above the best fit beyond which a grid point is left out: a weight below 1e-6."""
WIDE = 3.5  # half range of the inner quadrature in conditional standard deviations of F


@compiled
def normal_share(low, high):  # type: ignore[no-untyped-def]
    """Probability of a standard normal between two limits."""
    if low < -6.0 and high > 6.0:
        return 1.0
    return 0.5 * (math.erf(high * 0.7071067811865476) - math.erf(low * 0.7071067811865476))


@compiled
def fraction_range(ya, ye, aa, ae, ee, low, high):  # type: ignore[no-untyped-def]
    """Where the conditional posterior of F lies, and the lowest χ² (less yy) over F and S0 ≥ 0."""
    determinant = aa * ee - ae * ae
    if determinant <= 1e-10 * aa * ee:
        return low, high, -max(ya * ya / aa, ye * ye / ee)
    a, c = (ya * ee - ye * ae) / determinant, (ye * aa - ya * ae) / determinant
    total = a + c
    best = -(a * ya + c * ye)
    if total <= 0.0:
        return low, high, -max(max(ya, 0.0) ** 2 / aa, max(ye, 0.0) ** 2 / ee)
    if a < 0.0:
        best = -(max(ye, 0.0) ** 2) / ee
    elif c < 0.0:
        best = -(max(ya, 0.0) ** 2) / aa
    centre = a / total
    variance = (c * c * ee + 2.0 * a * c * ae + a * a * aa) / (determinant * total**4)
    half = WIDE * math.sqrt(variance)
    if centre < low:
        half += low - centre
    elif centre > high:
        half += centre - high
    return max(low, centre - half), min(high, centre + half), best


@compiled
def add_point(part, i, j, first_values, second_values, two, sums, sizes):  # type: ignore[no-untyped-def]
    """Add the inner integrals (w, F, F², S0, S0² with its variance) of a grid point to the moments.

    Moments: [w, L, L², D0, D0², E, E², β, β², F, F², S0, S0², density, density²].
    """
    weight, size, d0 = part[0], first_values[i, 0], first_values[i, 1]
    sums[0] += weight
    sums[1] += weight * size
    sums[2] += weight * size * size
    sums[3] += weight * d0
    sums[4] += weight * d0 * d0
    sizes[i] += weight
    for k in range(4):
        sums[9 + k] += part[1 + k]
    if two:
        for k in range(second_values.shape[1]):
            value = second_values[j, k]
            sums[5 + 2 * k] += weight * value
            sums[6 + 2 * k] += weight * value * value
    cells = 1e9 / (size * size * size)
    sums[13] += cells * (part[1] if two else part[3])
    sums[14] += cells * cells * (part[2] if two else part[4])


@compiled
def posterior_voxels(  # type: ignore[no-untyped-def]
    two, data, predicted, floors, sigmas, counts, s0_low, s0_high, f_low, f_high, first, first_values, second,
    second_values, nodes, node_weights, moments, size_mass, fraction_mass,
):  # fmt: skip
    """Posterior moments and marginal masses of every row; rows that cannot be used stay NaN.

    The offset-Gaussian likelihood is linearised in the signal at `predicted` (the best fit): exact without a
    noise floor.
    """
    n, na, ne = data.shape[1], first.shape[0], second.shape[0] if two else 1
    weights, pulled = np.empty(n), np.empty(n)
    dots, squares = np.empty(ne), np.empty(ne)
    weighted, bins = np.empty(n), fraction_mass.shape[1]
    sums, part = np.empty(15), np.empty(5)
    for v in range(data.shape[0]):
        moments[v, :] = np.nan
        if not (
            np.isfinite(floors[v]) and sigmas[v] > 0.0 and np.isfinite(predicted[v].sum() + data[v].sum())
        ):
            continue
        yy, reference = 0.0, 0.0
        for m in range(n):
            s = predicted[v, m]
            expected = math.sqrt(s * s + floors[v] * floors[v])
            factor = s / expected if expected > 0.0 else 1.0
            rest = data[v, m] - expected
            precision = counts[m] / (sigmas[v] * sigmas[v])
            reference += precision * rest * rest
            weights[m] = precision * factor * factor
            pulled[m] = precision * factor * (factor * s + rest)
            yy += precision * (factor * s + rest) ** 2
        for j in range(ne if two else 0):
            dots[j], squares[j] = 0.0, 0.0
            for m in range(n):
                dots[j] += pulled[m] * second[j, m]
                squares[j] += weights[m] * second[j, m] * second[j, m]
        sums[:] = 0.0
        low, high = s0_low[v], s0_high[v]
        for i in range(na):
            ya, aa = 0.0, 0.0
            for m in range(n):
                weighted[m] = weights[m] * first[i, m]
                ya += pulled[m] * first[i, m]
                aa += weighted[m] * first[i, m]
            for j in range(ne):
                if not two:
                    s0 = ya / aa
                    rise = yy - ya * s0 - reference
                    if rise > FAR:
                        continue
                    root = math.sqrt(aa)
                    mass = math.exp(-0.5 * rise) / root * normal_share((low - s0) * root, (high - s0) * root)
                    s0 = min(max(s0, low), high)
                    part[0], part[1], part[2] = mass, 0.0, 0.0
                    part[3], part[4] = mass * s0, mass * (s0 * s0 + 1.0 / aa)
                    add_point(part, i, j, first_values, second_values, two, sums, size_mass[v])
                    continue
                ae = 0.0
                for m in range(n):
                    ae += weighted[m] * second[j, m]
                start, stop, best = fraction_range(ya, dots[j], aa, ae, squares[j], f_low, f_high)
                if yy + best - reference > FAR or stop <= start:
                    continue
                half = 0.5 * (stop - start)
                part[:] = 0.0
                for q in range(nodes.size):
                    f = start + half * (1.0 + nodes[q])
                    g = 1.0 - f
                    d = f * f * aa + 2.0 * f * g * ae + g * g * squares[j]
                    s0 = (f * ya + g * dots[j]) / d
                    rise = yy - d * s0 * s0 - reference
                    if rise > FAR or s0 < 0.0:
                        continue
                    root = math.sqrt(d)
                    share = normal_share((low - s0) * root, (high - s0) * root)
                    mass = half * node_weights[q] * math.exp(-0.5 * rise) / root * share
                    s0 = min(max(s0, low), high)
                    part[0] += mass
                    part[1] += mass * f
                    part[2] += mass * f * f
                    part[3] += mass * s0
                    part[4] += mass * (s0 * s0 + 1.0 / d)
                    fraction_mass[v, min(int(f * bins), bins - 1)] += mass
                add_point(part, i, j, first_values, second_values, two, sums, size_mass[v])
        if sums[0] > 0.0:
            moments[v, 0] = sums[0]
            for k in range(1, 15):
                moments[v, k] = sums[k] / sums[0]
