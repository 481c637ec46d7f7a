"""Shared by the tests of diffusion: planted tissues on the published protocols."""

import numpy as np
import pytest

from compendium.diffusion.models import find_model, model_bounds, predict
from compendium.diffusion.protocols import published_protocols


@pytest.fixture(scope="session")
def protocols():
    """Return the three published protocols."""
    return published_protocols()


@pytest.fixture
def plant():
    """Return a function that draws tissues from the bounds of a model and gives their signals."""

    def draw(model, protocol, n, preset="invivo", sigma=0.0, seed=1, change=None):
        rng = np.random.default_rng(seed)
        bounds = model_bounds(find_model(model), preset, change=change)
        truth = bounds[:, 0] + rng.random((n, len(bounds))) * (bounds[:, 1] - bounds[:, 0])
        truth[:, -1] = 1.0
        clean = predict(find_model(model), truth, protocol)
        noise = sigma * rng.normal(size=(2, *clean.shape))
        return truth, np.hypot(clean + noise[0], noise[1]) if sigma else clean

    return draw
