"""Shared by the tests of the statistics."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    """Return a seeded generator, the same for every test."""
    return np.random.default_rng(20240607)


@pytest.fixture
def cohort(rng):
    """Return x, y and patient of 66 samples in 27 patients, the shape of one of the studies."""
    patient = np.repeat(np.arange(27), [1] * 7 + [2] * 6 + [3] * 9 + [4] * 5)
    x = rng.normal(size=66) + rng.normal(size=27)[patient]
    y = 0.5 * x + rng.normal(size=66) + rng.normal(size=27)[patient]
    return x, y, patient
