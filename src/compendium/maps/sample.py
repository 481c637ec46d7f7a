"""Voxels of a diffusion image as rows, for work on a sample of them: read slice by slice, normalised, noise found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compendium.diffusion.fitting import fit_cell_size, residuals
from compendium.diffusion.models import find_model, model_bounds, wide_s0
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.relaxation import fit_two_pool, remove_relaxation
from compendium.io.nifti import check_same_space, inspect_image, read_slab
from compendium.io.table_text import TableError

Array = NDArray[np.float64]

DARK = 0.2
"""Without a mask: voxels below this share of the slice's 98 % quantile of mean signal are background."""
T2_BOUNDS_MS = {"exvivo": (5.0, 80.0), "invivo": (20.0, 140.0)}
LEAST_NOISE = 1e-4  # of S0: rounding of noise-free images


def read_voxels(
    image: Path, n_measurements: int, mask: Path | None = None
) -> tuple[NDArray[np.int64], Array, tuple[int, ...]]:
    """Places (v, 3) and signals (v, m) of voxels inside a mask (> 0) that are finite and not all zero.

    Raises
    ------
    TableError
        Another number of measurements, another grid, or no voxel.
    """
    info = inspect_image(image, 4)
    if info.shape[3] != n_measurements:
        raise TableError(image, f"must have {n_measurements} volumes, like its protocol", str(info.shape[3]))
    if mask is not None:
        check_same_space(info, inspect_image(mask, 3))
    places, signals = [], []
    for z in range(info.shape[2]):
        data = read_slab(image, z, z + 1)[:, :, 0]
        bright = np.nan_to_num(data.mean(axis=2))
        inside = bright > DARK * np.quantile(bright, 0.98)
        if mask is not None:
            inside = read_slab(mask, z, z + 1)[:, :, 0] > 0
        inside = inside & np.isfinite(data).all(axis=2) & (data.max(axis=2) > 0)
        places.append(np.column_stack([np.argwhere(inside), np.full(int(inside.sum()), z)]))
        signals.append(data[inside])
    if not sum(map(len, signals)):
        raise TableError(mask or image, "must leave a voxel that is bright and finite", "none")
    return np.vstack(places), np.vstack(signals), info.shape[:3]


def normalise_signals(
    signals: Array, protocol: Protocol, fitted: NDArray[np.bool_], preset: str = "invivo"
) -> tuple[Array, Array]:
    """Signals over S0, shape (v, m), and the blood fraction, shape (v,).

    With two or more echo times, and measurements below the threshold of `fitted`, relaxation and blood come from
    the two-pool fit and are removed; otherwise S0 is the mean of the least weighted measurements, the blood
    fraction zero.
    """
    te = protocol.te_ms
    if np.isfinite(te).all() and np.unique(te).size > 1 and not fitted.all():
        pools = fit_two_pool(signals, protocol, bounds={"T2_T": T2_BOUNDS_MS[preset]})
        return remove_relaxation(signals, te, pools.s0, pools.f_v, pools.t2_tissue_ms), pools.f_v
    lowest = protocol.b_ms_um2 <= protocol.b_ms_um2.min() * (1 + 1e-9)
    return signals / signals[:, lowest].mean(axis=1, keepdims=True), np.zeros(len(signals))


def residual_noise(signals: Array, protocol: Protocol, preset: str = "invivo") -> float:
    """Noise standard deviation from what Diff-in-ex (Diff-in where measurements are few) leaves; median over voxels."""
    name = "Diff-in-ex" if len(protocol) > len(find_model("Diff-in-ex").parameters) else "Diff-in"
    model = find_model(name)
    bounds = model_bounds(model, preset, wide_s0(protocol.b_ms_um2, model))
    rest = residuals(fit_cell_size(signals, protocol, name, bounds=bounds), signals, protocol)
    spare = max(1, len(protocol) - len(model.parameters))
    return max(float(np.sqrt(np.nanmedian(np.sum(rest**2, axis=1)) / spare)), LEAST_NOISE)
