"""A random walk in permeable spheres on a cubic lattice as one writes it in NumPy: all walkers at once."""

import numpy as np


def walk_plain(diameter_um, spacing_um, d_in, d_ex, permeability, dt_ms, steps, walkers, seed=1):
    """Integral of the position over time and the share inside; steps that meet a membrane cross it or are dropped."""
    rng = np.random.default_rng(seed)
    radius = diameter_um / 2
    place = rng.uniform(-spacing_um / 2, spacing_um / 2, (walkers, 3))
    length = np.sqrt(6 * dt_ms * np.array([d_ex, d_in]))
    crossing = 4 * permeability * dt_ms / length

    def is_inside(x):
        return ((x - spacing_um * np.round(x / spacing_um)) ** 2).sum(axis=1) < radius**2

    inside = is_inside(place)
    integral = np.zeros_like(place)
    for _ in range(steps):
        direction = rng.normal(size=place.shape)
        direction /= np.linalg.norm(direction, axis=1)[:, None]
        trial = place + length[inside.astype(int)][:, None] * direction
        other = is_inside(trial) != inside
        goes = ~other | (rng.random(walkers) < crossing[inside.astype(int)])
        place[goes] = trial[goes]
        inside ^= other & goes
        integral += dt_ms * place
    return integral, inside.mean()
