"""Compiled search: the coarse grid with amplitudes in closed form, then several refinements per voxel."""

from __future__ import annotations

import numpy as np

from compendium.base.compiled import compiled
from compendium.diffusion.kernels import refine


@compiled
def best_amplitudes(ya, ye, aa, ae, ee, low, high, two):  # type: ignore[no-untyped-def]
    """Non-negative amplitudes (A, B) of A·first + B·second with A + B within bounds, least squares."""
    if not two:
        return min(max(ya / aa, low), high), 0.0
    determinant = aa * ee - ae * ae
    if determinant > 1e-12 * aa * ee:
        a, c = (ya * ee - ye * ae) / determinant, (ye * aa - ya * ae) / determinant
    else:
        a, c = ya / aa, 0.0
    if a < 0.0:
        a, c = 0.0, max(ye / ee, 0.0)
    elif c < 0.0:
        a, c = max(ya / aa, 0.0), 0.0
    total = a + c
    if total > high or total < low:
        edge = high if total > high else low
        curvature = aa - 2.0 * ae + ee
        a = (ya - ye + edge * (ee - ae)) / curvature if curvature > 1e-12 else edge
        a = min(max(a, 0.0), edge)
        c = edge - a
    return a, c


@compiled
def scan_grid(y, floor, pull, weights, low, span, grid, two, groups, scores, picks):  # type: ignore[no-untyped-def]
    """Best grid point of every group (value of the first parameter): its score and its indices."""
    first, second, aa, ae, ee, pull_first, pull_second = grid
    n, p = y.size, low.size
    na, ne = first.shape[0], second.shape[0] if two else 1
    clean = np.empty(n)
    yy = 0.0
    for m in range(n):
        signal = np.sqrt(max(y[m] * y[m] - floor * floor, 0.0))
        clean[m] = weights[m] * signal
        yy += clean[m] * signal
    dots = np.zeros(ne)
    if two:
        for j in range(ne):
            for m in range(n):
                dots[j] += clean[m] * second[j, m]
    scores[:] = np.inf
    s_low, s_high = low[p - 1], low[p - 1] + span[p - 1]
    f_low = low[p - 2] if two else 0.0
    f_span = span[p - 2] if two else 1.0
    for i in range(na):
        ya = 0.0
        for m in range(n):
            ya += clean[m] * first[i, m]
        for j in range(ne):
            a, c = best_amplitudes(ya, dots[j], aa[i], ae[i, j], ee[j], s_low, s_high, two)
            rest = yy - 2 * a * ya - 2 * c * dots[j] + a * a * aa[i] + 2 * a * c * ae[i, j] + c * c * ee[j]
            score = (1.0 - pull) * rest
            if pull > 0.0:
                us = (a + c - s_low) / span[p - 1] - 0.5
                shrink = pull_first[i] + us * us
                if two:
                    uf = (a / (a + c) - f_low) / f_span - 0.5 if a + c > 0 else 0.0
                    shrink += pull_second[j] + uf * uf
                score += pull * shrink / p
            g = groups[i]
            if score < scores[g]:
                scores[g] = score
                picks[g, 0], picks[g, 1] = a, c
                picks[g, 2], picks[g, 3] = i, j


@compiled
def choose_groups(scores, apart, chosen):  # type: ignore[no-untyped-def]
    """The best groups, each at least `apart` from the others; how many were found."""
    count = 0
    for _k in range(chosen.size):
        best = -1
        for g in range(scores.size):
            free = np.isfinite(scores[g])
            for c in range(count):
                if abs(chosen[c] - g) < apart:
                    free = False
            if free and (best < 0 or scores[g] < scores[best]):
                best = g
        if best < 0:
            break
        chosen[count] = best
        count += 1
    return count


@compiled
def fit_voxels(  # type: ignore[no-untyped-def]
    kind, data, within, floors, pull, low, span, protocol, tables, grid, unit_first, unit_second, groups, n_groups,
    starts, limit, tolerance, values, objectives, codes, grid_scores,
):  # fmt: skip
    """Fit every row of `data` (scaled to a maximum of one); NaN rows get code −1."""
    p, n = low.size, data.shape[1]
    two = kind != 0 and kind != 3
    k1, k2 = unit_first.shape[1], unit_second.shape[1]
    space = (
        np.empty(p), np.empty(p), np.empty(p), np.empty((max(tables[2].shape[0], 1), 3)), np.empty(n),
        np.empty((n, p)), np.empty(n), np.empty((n, p)), np.empty((p, p)), np.empty(p), np.empty((p, p)),
    )  # fmt: skip
    scores, picks = np.empty(n_groups), np.empty((n_groups, 4))
    chosen, u, known = np.empty(starts, dtype=np.int64), np.empty(p), np.empty(p)
    for v in range(data.shape[0]):
        y = data[v]
        values[v, :] = np.nan
        objectives[v], grid_scores[v], codes[v] = np.nan, np.nan, -1
        if not np.isfinite(floors[v]) or not np.isfinite(y.sum()):
            continue
        scan_grid(y, floors[v], pull, protocol[4], low, span, grid, two, groups, scores, picks)
        count = choose_groups(scores, 1, chosen)
        best = np.inf
        for s in range(count):
            a, c = picks[chosen[s], 0], picks[chosen[s], 1]
            i, j = int(picks[chosen[s], 2]), int(picks[chosen[s], 3])
            for k in range(k1):
                u[k] = unit_first[i, k]
            if two:
                for k in range(k2):
                    u[k1 + k] = unit_second[j, k]
                share = a / (a + c) if a + c > 0 else 0.5
                u[p - 2] = min(max((share - low[p - 2]) / span[p - 2], 0.02), 0.98)
            u[p - 1] = min(max((a + c - low[p - 1]) / span[p - 1], 0.0), 1.0)
            value, converged = refine(
                kind,
                u,
                y,
                floors[v],
                pull,
                within[v],
                low,
                span,
                protocol,
                tables,
                space,
                known,
                best,
                limit,
                tolerance,
            )
            if value < best:
                best = value
                known[:] = u
                for k in range(p):
                    values[v, k] = low[k] + u[k] * span[k]
                codes[v] = 1 if converged else -1
        objectives[v], grid_scores[v] = best, scores.min() + (1.0 - pull) * within[v]
