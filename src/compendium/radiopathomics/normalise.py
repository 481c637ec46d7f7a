"""Division by the standard deviation over the brain, and what it is applied to.

Nocera et al. (2025, Methods) divide the *map* by its SD over the brain, patient by patient, and print cells/mm². A map
divided by its SD has no unit, so both cannot be meant of one number. The reading that keeps the unit divides the
contrasts that have none before the forest sees them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from compendium.base.validation import check_choice

NORMALISATIONS = ("images", "none", "map")
WITH_UNIT = ("adc",)
"""Contrasts that have a physical unit and are never divided."""


def brain_sd(volume: NDArray[np.floating], mask: NDArray[np.bool_]) -> float:
    """Standard deviation (n − 1) of a volume over the voxels of a brain mask; the lesion is part of the brain.

    Raises
    ------
    ValueError
        The mask has another shape, or the volume does not vary in it.

    Examples
    --------
    >>> volume = np.array([[[1.0, 3.0, 99.0]]])
    >>> round(brain_sd(volume, volume < 50), 3)
    1.414
    """
    if volume.shape != mask.shape:
        raise ValueError(f"Volume and mask must share a shape. Given {volume.shape} and {mask.shape}.")
    values = np.asarray(volume[mask.astype(bool)], dtype=float)
    values = values[np.isfinite(values)]
    sd = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    if not sd > 0:
        raise ValueError(f"A volume must vary inside the mask. Given {len(values)} voxels with SD {sd:g}.")
    return sd


def normalise_contrasts(
    contrasts: Mapping[str, NDArray[np.floating]], mask: NDArray[np.bool_], normalisation: str = "images"
) -> NDArray[np.float32]:
    """Stack contrasts, those without a unit divided by their SD over the brain.

    Parameters
    ----------
    contrasts : name → volume, in the order of the features.
    mask : brain.
    normalisation : {"images", "none", "map"}
        Only "images" divides here; "map" divides the finished map (`normalise_map`).

    Returns
    -------
    array (contrasts, x, y, z), float32

    Examples
    --------
    >>> volume = np.array([[[1.0, 3.0]]])
    >>> normalise_contrasts({"t1": volume, "adc": volume}, volume > 0).ravel().round(3)
    array([0.707, 2.121, 1.   , 3.   ], dtype=float32)
    """
    check_choice(normalisation, NORMALISATIONS, "normalisation")
    divide = normalisation == "images"
    return np.stack(
        [
            np.asarray(v / brain_sd(v, mask) if divide and name not in WITH_UNIT else v, dtype=np.float32)
            for name, v in contrasts.items()
        ]
    )


def normalise_map(values: NDArray[np.floating], over_brain: NDArray[np.floating]) -> NDArray[np.float64]:
    """Values of a map divided by the SD (n − 1) of the map over the brain: a number without unit.

    Examples
    --------
    >>> normalise_map(np.array([1200.0, 1500.0]), np.array([1000.0, 1300.0, 1600.0]))
    array([4., 5.])
    """
    sd = float(np.nanstd(over_brain, ddof=1))
    if not sd > 0:
        raise ValueError(f"A map must vary over the brain to be divided by its SD. Given SD {sd:g}.")
    return np.asarray(values, dtype=float) / sd
