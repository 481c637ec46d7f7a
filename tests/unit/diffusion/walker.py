"""A small random walker in a sphere, plain NumPy: the truth that no formula of the package had a hand in."""

import numpy as np

GAMMA = 2.6752218744e-4  # rad/(µm·ms·(mT/m))


def walk_sphere(
    diameter_um, diffusivity, durations_ms, amplitudes, strength, walkers=20_000, dt=0.02, seed=1
):
    """Signal and its standard error; steps that leave the sphere are reflected radially."""
    rng = np.random.default_rng(seed)
    radius = diameter_um / 2
    direction = rng.normal(size=(walkers, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    place = radius * rng.random(walkers)[:, None] ** (1 / 3) * direction
    step = np.sqrt(2 * diffusivity * dt)
    phase = np.zeros(walkers)
    for duration, amplitude in zip(durations_ms, amplitudes, strict=True):
        for _ in range(round(duration / dt)):
            before = place[:, 2].copy()
            place = place + step * rng.normal(size=place.shape)
            far = np.linalg.norm(place, axis=1)
            out = far > radius
            place[out] *= ((2 * radius - far[out]) / far[out])[:, None]
            phase += GAMMA * amplitude * strength * dt * 0.5 * (before + place[:, 2])
    cosine = np.cos(phase)
    return cosine.mean(), cosine.std(ddof=1) / np.sqrt(walkers)
