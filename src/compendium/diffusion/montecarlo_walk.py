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
    """Whether a place is nearer to another sphere's centre."""
    x, y, z = abs(x), abs(y), abs(z)
    if fcc:
        return x + y > half or x + z > half or y + z > half
    return x > half or y > half or z > half


@compiled
def find_face(x, y, z, ux, uy, uz, neighbours):  # type: ignore[no-untyped-def]
    """Distance along a direction to the cell's surface, and which neighbour is behind it."""
    best, which = np.inf, 0
    for j in range(neighbours.shape[0]):
        cx, cy, cz = neighbours[j, 0], neighbours[j, 1], neighbours[j, 2]
        along = ux * cx + uy * cy + uz * cz
        if along > 0.0:
            t = (0.5 * (cx * cx + cy * cy + cz * cz) - (x * cx + y * cy + z * cz)) / along
            if t < best:
                best, which = t, j
    return max(best, 0.0), which


@compiled
def trace_step(x, y, z, ox, oy, oz, ux, uy, uz, inside, s0, s1, radius, lengths, crossing, neighbours):  # type: ignore[no-untyped-def]
    """Follow one step with its reflections, crossings and changes of cell; `rest` is the part still to go."""
    rest, r2 = 1.0, radius * radius
    for _ in range(BOUNCES):
        full = lengths[0] if inside else lengths[1]
        left = rest * full
        along = x * ux + y * uy + z * uz
        c = x * x + y * y + z * z - r2
        hit, face, which = np.inf, np.inf, 0
        if inside:
            hit = max(-along + math.sqrt(max(along * along - c, 0.0)), 0.0)
        else:
            if along < 0.0 and along * along > c:
                hit = max(-along - math.sqrt(along * along - c), 0.0)
            face, which = find_face(x, y, z, ux, uy, uz, neighbours)
        t = min(hit, face, left)
        x, y, z = x + t * ux, y + t * uy, z + t * uz
        if left <= hit and left <= face:
            break
        rest -= t / full
        if face < hit:
            x, y, z = x - neighbours[which, 0], y - neighbours[which, 1], z - neighbours[which, 2]
            ox, oy, oz = ox + neighbours[which, 0], oy + neighbours[which, 1], oz + neighbours[which, 2]
            continue
        p = crossing[0] if inside else crossing[1]
        if p > 0.0:
            u, s0, s1 = draw_uniform(s0, s1)
            if u < p:
                inside = not inside
                continue
        twice = 2.0 * (x * ux + y * uy + z * uz) / (x * x + y * y + z * z)
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
    first, last, start_inside, seed, radius, half, fcc, neighbours, steps, dt, lengths, crossing, weights,
    keep, moments, squares, sides,
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
    moments : (n, w, 3), out
        ∫ g(t)·x(t) dt per unit of gradient strength.
    squares, sides : (n, r), out
        Squared displacement, and 1 inside or 0 outside.
    """
    r2_sphere = radius * radius
    part = np.empty(3)
    for walker in range(first, last):
        key = mix_bits(np.uint64(seed) + mix_bits(np.uint64(2 * walker + (1 if start_inside else 0))))
        s0, s1 = mix_bits(key), mix_bits(key ^ np.uint64(0xD1B54A32D192ED03))
        inside = start_inside
        x, y, z, s0, s1 = seed_place(inside, radius, half, fcc, s0, s1)
        x0, y0, z0 = x, y, z
        ox, oy, oz = 0.0, 0.0, 0.0
        for w in range(weights.shape[0]):
            moments[walker, w, 0], moments[walker, w, 1], moments[walker, w, 2] = 0.0, 0.0, 0.0
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
                    plain = not leaves_cell(nx, ny, nz, half, fcc)
                    along = x * ux + y * uy + z * uz
                    if plain and along < 0.0:
                        c = x * x + y * y + z * z - r2_sphere
                        plain = along * along <= c or (r2 > r2_sphere and -along > length)
                if plain:
                    x, y, z = nx, ny, nz
                else:
                    x, y, z, ox, oy, oz, inside, s0, s1 = trace_step(
                        x, y, z, ox, oy, oz, ux, uy, uz, inside, s0, s1, radius, lengths[k], crossing[k], neighbours
                    )  # fmt: skip
                    length = long_in if inside else long_ex
                sx, sy, sz = sx + x + ox, sy + y + oy, sz + z + oz
            part[0] = (sx - 0.5 * (x + ox)) * dt[k]
            part[1] = (sy - 0.5 * (y + oy)) * dt[k]
            part[2] = (sz - 0.5 * (z + oz)) * dt[k]
            for w in range(weights.shape[0]):
                if weights[w, k] != 0.0:
                    for axis in range(3):
                        moments[walker, w, axis] += weights[w, k] * part[axis]
            if keep[k] >= 0:
                dx, dy, dz = x + ox - x0, y + oy - y0, z + oz - z0
                squares[walker, keep[k]] = dx * dx + dy * dy + dz * dz
                sides[walker, keep[k]] = 1.0 if inside else 0.0
