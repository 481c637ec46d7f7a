"""Compiled random walk in spheres on a lattice: one walker after the other, each with its own random numbers.

A step has a fixed length and a random direction. Walkers are traced along it: they reflect specularly at a
membrane or cross it, the rest of the step scaled to the other side's length. Places are relative to the centre
of the sphere whose cell (nearest centre) holds the walker, so only one sphere is ever in question.
"""

from __future__ import annotations

import math

import numpy as np

from compendium.base.compiled import compiled

BOUNCES = 200
"""Events within one step after which the rest of the step is dropped."""


@compiled
def mix_bits(x):  # type: ignore[no-untyped-def]
    """Scramble 64 bits (SplitMix64, Steele et al. 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled
def next_bits(s0, s1):  # type: ignore[no-untyped-def]
    """64 random bits and the next state (xoroshiro128++, Blackman & Vigna 2021)."""
    out = s0 + s1
    out = ((out << np.uint64(17)) | (out >> np.uint64(47))) + s0
    s1 = s1 ^ s0
    s0 = ((s0 << np.uint64(49)) | (s0 >> np.uint64(15))) ^ s1 ^ (s1 << np.uint64(21))
    s1 = (s1 << np.uint64(28)) | (s1 >> np.uint64(36))
    return out, s0, s1


@compiled
def draw_uniform(s0, s1):  # type: ignore[no-untyped-def]
    """A number in [0, 1)."""
    out, s0, s1 = next_bits(s0, s1)
    return np.float64(np.int64(out >> np.uint64(11))) * 1.1102230246251565e-16, s0, s1


@compiled
def draw_direction(s0, s1):  # type: ignore[no-untyped-def]
    """A uniform direction (Marsaglia 1972): two 32-bit numbers of one draw, until they lie in the circle."""
    while True:
        out, s0, s1 = next_bits(s0, s1)
        a = np.float64(np.int64(out) >> np.int64(32)) * 4.656612873077393e-10
        b = np.float64(np.int64(out << np.uint64(32)) >> np.int64(32)) * 4.656612873077393e-10
        s = a * a + b * b
        if s < 1.0:
            break
    root = 2.0 * math.sqrt(1.0 - s)
    return a * root, b * root, 1.0 - 2.0 * s, s0, s1


@compiled
def leaves_cell(x, y, z, half, fcc):  # type: ignore[no-untyped-def]
    """Whether a place is nearer to another sphere's centre; without branches, which would be mispredicted."""
    x, y, z = abs(x), abs(y), abs(z)
    if fcc:
        return (x + y > half) | (x + z > half) | (y + z > half)
    return (x > half) | (y > half) | (z > half)


@compiled
def plane_distance(place, along, half):  # type: ignore[no-untyped-def]
    """Way to the plane at ±half that lies ahead, for a coordinate and its rate."""
    return (math.copysign(half, along) - place) / along if along != 0.0 else np.inf


@compiled
def find_face(x, y, z, ux, uy, uz, half, fcc):  # type: ignore[no-untyped-def]
    """Distance along a direction to the cell's surface, and the vector to the centre behind it."""
    if not fcc:
        tx, ty, tz = plane_distance(x, ux, half), plane_distance(y, uy, half), plane_distance(z, uz, half)
        t = min(tx, ty, tz)
        cx = math.copysign(2.0 * half, ux) if t == tx else 0.0
        cy = math.copysign(2.0 * half, uy) if t == ty and t != tx else 0.0
        cz = math.copysign(2.0 * half, uz) if t != tx and t != ty else 0.0
        return max(t, 0.0), cx, cy, cz
    t, cx, cy, cz = np.inf, 0.0, 0.0, 0.0
    for sign in (1.0, -1.0):
        d = plane_distance(x + sign * y, ux + sign * uy, half)
        if d < t:
            c = math.copysign(half, ux + sign * uy)
            t, cx, cy, cz = d, c, sign * c, 0.0
        d = plane_distance(x + sign * z, ux + sign * uz, half)
        if d < t:
            c = math.copysign(half, ux + sign * uz)
            t, cx, cy, cz = d, c, 0.0, sign * c
        d = plane_distance(y + sign * z, uy + sign * uz, half)
        if d < t:
            c = math.copysign(half, uy + sign * uz)
            t, cx, cy, cz = d, 0.0, c, sign * c
    return max(t, 0.0), cx, cy, cz


@compiled
def trace_step(x, y, z, ox, oy, oz, ux, uy, uz, inside, s0, s1, radius, half, fcc, lengths, crossing):  # type: ignore[no-untyped-def]
    """Follow one step with its reflections, crossings and changes of cell; `rest` is the part still to go.

    A sphere lies within its cell and both are convex, so a walker that meets the sphere of its cell does so
    before it could leave the cell.
    """
    rest, r2 = 1.0, radius * radius
    for _ in range(BOUNCES):
        full = lengths[0] if inside else lengths[1]
        left = rest * full
        along = x * ux + y * uy + z * uz
        root = along * along - (x * x + y * y + z * z - r2)
        hit = np.inf
        if inside:
            hit = max(-along + math.sqrt(max(root, 0.0)), 0.0)
        elif along < 0.0 and root > 0.0:
            hit = max(-along - math.sqrt(root), 0.0)
        if hit >= left:
            nx, ny, nz = x + left * ux, y + left * uy, z + left * uz
            if inside or not leaves_cell(nx, ny, nz, half, fcc):
                return nx, ny, nz, ox, oy, oz, inside, s0, s1
            t, cx, cy, cz = find_face(x, y, z, ux, uy, uz, half, fcc)
            x, y, z = x + t * ux - cx, y + t * uy - cy, z + t * uz - cz
            ox, oy, oz = ox + cx, oy + cy, oz + cz
            rest -= t / full
            continue
        x, y, z = x + hit * ux, y + hit * uy, z + hit * uz
        rest -= hit / full
        p = crossing[0] if inside else crossing[1]
        if p > 0.0:
            u, s0, s1 = draw_uniform(s0, s1)
            if u < p:
                inside = not inside
                continue
        twice = 2.0 * (x * ux + y * uy + z * uz) / r2
        ux, uy, uz = ux - twice * x, uy - twice * y, uz - twice * z
    return x, y, z, ox, oy, oz, inside, s0, s1


@compiled
def seed_place(inside, radius, half, fcc, s0, s1):  # type: ignore[no-untyped-def]
    """A uniform place inside a sphere, or in its cell outside it."""
    reach = radius if inside else half
    while True:
        a, s0, s1 = draw_uniform(s0, s1)
        b, s0, s1 = draw_uniform(s0, s1)
        c, s0, s1 = draw_uniform(s0, s1)
        x, y, z = (2 * a - 1) * reach, (2 * b - 1) * reach, (2 * c - 1) * reach
        r2 = x * x + y * y + z * z
        if inside and r2 < radius * radius:
            break
        if not inside and r2 > radius * radius and not leaves_cell(x, y, z, half, fcc):
            break
    return x, y, z, s0, s1


@compiled
def walk(  # type: ignore[no-untyped-def]
    first, last, start_inside, seed, radius, half, fcc, steps, dt, lengths, crossing, weights, keep,
    moments, squares, sides,
):  # fmt: skip
    """Walk walkers `first` to `last` (exclusive) through all intervals.

    Parameters
    ----------
    steps, dt : (k,)
        Number and length (ms) of the equal steps in each interval.
    lengths, crossing : (k, 2)
        Step length (µm) and crossing probability, inside and outside.
    weights : (w, k)
        Gradient amplitude of each shape in each interval.
    keep : (k,)
        Row of `squares` and `sides` that the end of an interval fills, or −1.
    moments : (last − first, w, 3), out
        ∫ g(t)·x(t) dt per unit of gradient strength.
    squares, sides : (last − first, r), out
        Squared displacement, and 1 inside or 0 outside.
    """
    r2_sphere = radius * radius
    part = np.empty(3)
    for walker in range(first, last):
        row = walker - first
        key = mix_bits(np.uint64(seed) + mix_bits(np.uint64(2 * walker + (1 if start_inside else 0))))
        s0, s1 = mix_bits(key), mix_bits(key ^ np.uint64(0xD1B54A32D192ED03))
        inside = start_inside
        x, y, z, s0, s1 = seed_place(inside, radius, half, fcc, s0, s1)
        x0, y0, z0 = x, y, z
        ox, oy, oz = 0.0, 0.0, 0.0
        for w in range(weights.shape[0]):
            moments[row, w, 0], moments[row, w, 1], moments[row, w, 2] = 0.0, 0.0, 0.0
        for k in range(steps.size):
            long_in, long_ex = lengths[k, 0], lengths[k, 1]
            length = long_in if inside else long_ex
            sx, sy, sz = 0.5 * (x + ox), 0.5 * (y + oy), 0.5 * (z + oz)
            for _ in range(steps[k]):
                ux, uy, uz, s0, s1 = draw_direction(s0, s1)
                nx, ny, nz = x + length * ux, y + length * uy, z + length * uz
                r2 = nx * nx + ny * ny + nz * nz
                if inside:
                    plain = r2 < r2_sphere
                else:
                    along = x * ux + y * uy + z * uz
                    meets = along * along > x * x + y * y + z * z - r2_sphere
                    meets &= (along < 0.0) & ((r2 < r2_sphere) | (-along < length))
                    plain = not (meets | leaves_cell(nx, ny, nz, half, fcc))
                if plain:
                    x, y, z = nx, ny, nz
                else:
                    x, y, z, ox, oy, oz, inside, s0, s1 = trace_step(
                        x, y, z, ox, oy, oz, ux, uy, uz, inside, s0, s1, radius, half, fcc, lengths[k], crossing[k]
                    )  # fmt: skip
                    length = long_in if inside else long_ex
                sx, sy, sz = sx + x + ox, sy + y + oy, sz + z + oz
            part[0] = (sx - 0.5 * (x + ox)) * dt[k]
            part[1] = (sy - 0.5 * (y + oy)) * dt[k]
            part[2] = (sz - 0.5 * (z + oz)) * dt[k]
            for w in range(weights.shape[0]):
                if weights[w, k] != 0.0:
                    for axis in range(3):
                        moments[row, w, axis] += weights[w, k] * part[axis]
            if keep[k] >= 0:
                dx, dy, dz = x + ox - x0, y + oy - y0, z + oz - z0
                squares[row, keep[k]] = dx * dx + dy * dy + dz * dz
                sides[row, keep[k]] = 1.0 if inside else 0.0
