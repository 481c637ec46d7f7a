"""Single voxels and a slice of known tissue, measured with a protocol: what the fits of chapter 02 are tested on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.diffusion.models import find_model, predict
from compendium.diffusion.protocols import Protocol

Array = NDArray[np.float64]

TISSUE = {"L": (9.0, 32.0), "D0": (1.0, 2.6), "DEinf": (1.2, 2.6), "beta": (0.0, 10.0), "F": (0.2, 0.9)}
"""Range of the parameters: µm, µm²/ms, µm²/ms, µm², 1."""
GENERAL = "Diff-in-exTD"
SIZES_UM, CELL_FRACTIONS = (14.0, 24.0), (0.7, 0.45)  # inner and outer region of the slice
BLOOD, BLOOD_ADC, BLOOD_T2_MS = 0.1, 30.0, 200.0


def draw_tissues(n: int, rng: np.random.Generator, **limits: tuple[float, float]) -> pd.DataFrame:
    """Tissues with independent parameters, uniform within `TISSUE` or other limits; S0 is 1.

    Examples
    --------
    >>> t = draw_tissues(50, np.random.default_rng(1), L=(8, 10))
    >>> bool(t["L"].between(8, 10).all()), list(t)
    (True, ['L', 'D0', 'DEinf', 'beta', 'F', 'S0'])
    """
    ranges = {**TISSUE, **limits}
    return pd.DataFrame({k: rng.uniform(*v, n) for k, v in ranges.items()}).assign(S0=1.0)


def model_parameters(tissue: pd.DataFrame, name: str = GENERAL) -> Array:
    """Parameters of a model that describes the tissues; the amplitude of Diff-in is the fraction (eq. 7)."""
    model = find_model(name)
    known = tissue if model.has_extra else tissue.assign(S0=tissue["F"])
    return known[list(model.parameters)].to_numpy(dtype=np.float64)


def measure_tissues(
    tissue: pd.DataFrame, protocol: Protocol, rng: np.random.Generator, sigma: float, name: str = GENERAL
) -> Array:
    """Magnitudes with Rician noise, relaxation and blood removed, shape (tissues, m).

    Parameters
    ----------
    name : str
        Model that makes the signals: `GENERAL` has time-dependent diffusion outside the cells.
    """
    clean = predict(find_model(name), model_parameters(tissue, name), protocol)
    return np.asarray(
        np.hypot(clean + sigma * rng.normal(size=clean.shape), sigma * rng.normal(size=clean.shape))
    )


def two_region_slice(
    protocol: Protocol, snr: float, seed: int, t2_ms: float = 70.0, side: int = 28
) -> tuple[NDArray[np.int64], Array, tuple[int, int, int]]:
    """A round slice with relaxation and blood: small, dense cells inside, large ones around.

    Parameters
    ----------
    snr : float
        Largest signal over the noise.
    t2_ms : float
        T2 of the tissue.

    Returns
    -------
    places : ndarray, shape (v, 3)
    signals : ndarray, shape (v, m)
    shape : tuple of int
    """
    x, y = np.indices((side, side))
    radius = np.hypot(x - side / 2 + 0.5, y - side / 2 + 0.5)
    places = np.argwhere(radius < side / 2)
    inner = (radius < side / 4)[radius < side / 2]
    size, fraction = np.where(inner, SIZES_UM[0], SIZES_UM[1]), np.where(inner, *CELL_FRACTIONS)
    tissue = pd.DataFrame({"L": size, "D0": 1.8, "DEinf": 2.2, "beta": 3.0, "F": fraction, "S0": 1.0})
    te = np.nan_to_num(protocol.te_ms, nan=0.0)
    dry = predict(find_model(GENERAL), model_parameters(tissue), protocol)
    blood = BLOOD * np.exp(-te / BLOOD_T2_MS - BLOOD_ADC * protocol.b_ms_um2)
    clean = 500 * (blood + (1 - BLOOD) * np.exp(-te / t2_ms) * dry)
    noise = clean.max() / snr * np.random.default_rng(seed).normal(size=(2, *clean.shape))
    flat = np.column_stack([places, np.zeros(len(places), dtype=np.int64)])
    return flat, np.hypot(clean + noise[0], noise[1]), (side, side, 1)
