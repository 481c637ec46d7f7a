"""Planted tissues of the diffusion benchmark: the published protocols, Rician noise, right and wrong priors."""

from __future__ import annotations

import numpy as np

from compendium.diffusion.models import find_model, model_bounds, predict
from compendium.diffusion.protocols import published_protocols

SNR = 30
WRONG_PRIORS = {
    "small cells, 12 ± 2 µm": {"L": (12.0, 2.0)},
    "slow water, D0 1.0 ± 0.1, DE 1.2 ± 0.1": {"D0": (1.0, 0.1), "DEinf": (1.2, 0.1)},
    "few cells, F 0.15 ± 0.05": {"F": (0.15, 0.05)},
}
"""Truths (mean, SD) that the flat prior does not expect; other parameters stay as in the prior."""


def scans():
    """Return (protocol, preset) by name: 20 measurements ex vivo (TE 45 ms), 21 in vivo at 3 T."""
    published = published_protocols()
    exvivo = published["exvivo"]
    return {"ex vivo": (exvivo.select(exvivo.te_ms == 45), "exvivo"), "3 T": (published["3T"], "invivo")}


def tissues(model, protocol, preset, n, seed, sizes=None, wrong=None):
    """Return truth (n, p) with S0 = 1 and Rician signals (n, m); `sizes` limits L, `wrong` replaces draws."""
    rng = np.random.default_rng(seed)
    found = find_model(model)
    bounds = model_bounds(found, preset)
    truth = bounds[:, 0] + rng.random((n, len(bounds))) * (bounds[:, 1] - bounds[:, 0])
    if sizes:
        truth[:, 0] = rng.uniform(*sizes, n)
    for name, (mean, sd) in (wrong or {}).items():
        k = found.parameters.index(name)
        truth[:, k] = np.clip(rng.normal(mean, sd, n), *bounds[k])
    truth[:, -1] = 1.0
    clean = predict(found, truth, protocol)
    noise = rng.normal(size=(2, *clean.shape)) / SNR
    return truth, np.hypot(clean + noise[0], noise[1])
