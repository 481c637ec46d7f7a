"""Blood volume from areas, and maps relative to normal white matter.

v_b = 100 · (κ_H/ρ) · f_a · ∫tissue / ∫artery, in mL per 100 g. κ_H = (1 − Hct_a)/(1 − Hct_c) for the smaller haematocrit of
capillaries, ρ the density of brain, f_a the share of the arterial curve that one would see in pure blood with the
relaxivity of tissue. f_a is 1 where nothing is known: the scale of the map is then arbitrary, and ratios are not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

KAPPA_H = (1 - 0.45) / (1 - 0.25)
"""Haematocrit factor with Hct 0.45 in arteries and 0.25 in capillaries (Rempp et al., Radiology 1994;193:637–641)."""
DENSITY_G_ML = 1.04
"""Density of brain tissue (the same)."""


class Estimate(NamedTuple):
    """A map's values and their standard deviations, (n,)."""

    value: NDArray[np.float64]
    sd: NDArray[np.float64]


def blood_volume(
    tissue_area: ArrayLike,
    tissue_sd: ArrayLike,
    arterial_area: float,
    arterial_sd: float = 0.0,
    kappa_h: float = KAPPA_H,
    density_g_ml: float = DENSITY_G_ML,
    arterial_fraction: float = 1.0,
) -> Estimate:
    """Blood volume by areas, mL per 100 g.

    Parameters
    ----------
    tissue_area, tissue_sd : (n,) areas under the curves of voxels and their standard deviations, unit 1.
    arterial_area, arterial_sd : area under the arterial input function of the same sequence, and its standard
        deviation. Its relative error is common to the map; it is not part of `sd`.
    kappa_h, density_g_ml, arterial_fraction : see the module.

    Raises
    ------
    ValueError : the arterial area is not positive.

    Examples
    --------
    >>> blood_volume([4.0], [0.1], 100.0, kappa_h=1.04).value
    array([4.])
    """
    if not arterial_area > 0:
        raise ValueError(f"The area of an arterial input must be positive. Given {arterial_area:.3g}.")
    scale = 100 * kappa_h / density_g_ml * arterial_fraction / arterial_area
    return Estimate(
        scale * np.asarray(tissue_area, dtype=np.float64), scale * np.asarray(tissue_sd, dtype=np.float64)
    )


def window_area(
    t: ArrayLike,
    curves: ArrayLike,
    baseline_sd: ArrayLike,
    baseline_points: int,
    start: int,
    stop: int | None = None,
) -> Estimate:
    """Area by the trapezoidal rule over a window, with its standard deviation.

    The error of the baseline counts over the whole window, so that a long window is noisier than a first pass.

    Parameters
    ----------
    t : (t,) s
    curves : (n, t), 1/s
    baseline_sd : (n,) noise of a point, 1/s.
    baseline_points : volumes that S_BL was averaged over.
    start, stop : first and one past the last volume of the window.

    Examples
    --------
    >>> window_area([0, 1, 2, 3], [[0, 2, 2, 0]], [0.0], 5, 0).value
    array([4.])
    """
    times, values = (
        np.asarray(t, dtype=np.float64)[start:stop],
        np.asarray(curves, dtype=np.float64)[:, start:stop],
    )
    weights = np.zeros(len(times))
    weights[:-1] += 0.5 * np.diff(times)
    weights[1:] += 0.5 * np.diff(times)
    noise = np.sqrt((weights**2).sum() + weights.sum() ** 2 / baseline_points)
    return Estimate(values @ weights, noise * np.asarray(baseline_sd, dtype=np.float64))


def normalise_to_reference(
    value: ArrayLike, sd: ArrayLike, inside: ArrayLike
) -> tuple[Estimate, float, float]:
    """Divide a map by its mean over a reference region (normal-appearing white matter).

    Parameters
    ----------
    value, sd : (n,) map and standard deviations.
    inside : (n,) bool; the region.

    Returns
    -------
    (Estimate, float, float): relative map; mean of the region and its standard error. The standard deviations of the
    relative map contain both.

    Raises
    ------
    ValueError : fewer than five voxels with a value, or a mean that is not positive.

    Examples
    --------
    >>> relative, level, _ = normalise_to_reference([4.0, 2, 2, 2, 2, 2], [0.0] * 6, [0, 1, 1, 1, 1, 1])
    >>> float(relative.value[0]), level
    (2.0, 2.0)
    """
    values, noise = np.asarray(value, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    region = values[np.asarray(inside, dtype=bool) & np.isfinite(values)]
    if len(region) < 5:
        raise ValueError(f"A reference region needs at least 5 voxels with a value. Given {len(region)}.")
    level, error = float(region.mean()), float(region.std(ddof=1) / np.sqrt(len(region)))
    if level <= 0:
        raise ValueError(f"The mean of a reference region must be positive. Given {level:.3g}.")
    relative = values / level
    return Estimate(relative, np.sqrt((noise / level) ** 2 + (relative * error / level) ** 2)), level, error
