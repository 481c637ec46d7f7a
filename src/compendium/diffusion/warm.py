"""Compile all kernels into the cache, so that nobody waits for it at the first fit."""

from __future__ import annotations

import numpy as np

from compendium.diffusion.fitting import fit_cell_size
from compendium.diffusion.models import find_model, predict
from compendium.diffusion.posterior import posterior_cell_size
from compendium.diffusion.protocols import pgse_protocol


def compile_kernels() -> None:
    """Fit one voxel with every compiled function: about half a minute the first time, nothing afterwards."""
    scan = pgse_protocol([0.0, 0.5, 1.0, 1.5, 1.0, 1.5], 10, [0, 20, 20, 20, 40, 40])
    signals = predict(find_model("Diff-in-ex"), np.array([[15.0, 2.0, 2.5, 0.6, 1.0]]), scan)
    fit = fit_cell_size(signals, scan, "Diff-in-ex", sigma=0.05)
    posterior_cell_size(signals, scan, fit, 0.05)
