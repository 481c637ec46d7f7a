"""Biopsies in patients with a known truth: two levels, a sphere of imaging, a needle that misses.

Every patient has a level; around it the tissue varies from place to place. Imaging averages a sphere at the
*planned* site, the microscope sees a small specimen at the *actual* one. What differs between plan and place is
the targeting error, drawn for every sample, and the brain shift, shared by the samples of a patient.

Tissue within a patient is a Gaussian field with autocorrelation exp(−d²/2ℓ²). Averaging over a sphere of
diameter D is replaced by a Gaussian of equal variance, D²/20 per axis; for D = ℓ the error is below 0.003.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def sphere_variance(diameter_mm: float, length_mm: float) -> float:
    """Variance of the mean over a sphere, of a field with variance 1 and correlation length ℓ.

    Examples
    --------
    >>> round(sphere_variance(5.0, 5.0), 3), sphere_variance(0.0, 5.0)
    (0.867, 1.0)
    """
    return float((1 + 2 * _blur(diameter_mm, length_mm)) ** -1.5)


def sphere_covariance(distance_mm: ArrayLike, diameter_mm: float, length_mm: float) -> Array:
    """Covariance of the mean over a sphere with the field at a point `distance_mm` from its centre.

    Examples
    --------
    >>> sphere_covariance([0.0, 5.0], 5.0, 5.0).round(3)
    array([0.929, 0.577])
    """
    blur = _blur(diameter_mm, length_mm)
    squared = np.asarray(distance_mm, dtype=float) ** 2 / length_mm**2
    return np.asarray((1 + blur) ** -1.5 * np.exp(-squared / (2 * (1 + blur))))


def slope_factor(diameter_mm: float, length_mm: float, error_mm: float) -> float:
    """Expected slope within patients on what imaging shows, over the slope on the tissue itself.

    Above 1 for a sphere without error (a mean varies less than a point); falls with the targeting error.

    Parameters
    ----------
    error_mm : float
        Root mean square distance between plan and place; σ per axis is this over √3.

    Examples
    --------
    >>> [round(slope_factor(5.0, 5.0, error), 2) for error in (0, 4, 8)]
    [1.07, 0.81, 0.44]
    """
    blur, spread = _blur(diameter_mm, length_mm), error_mm**2 / 3 / length_mm**2
    return float((1 + blur + spread) ** -1.5 / sphere_variance(diameter_mm, length_mm))


def simulate_biopsies(
    sizes: ArrayLike, *, slope_within: float = 0.45, slope_between: float = 0.45, icc_x: float = 0.3,
    icc_y: float = 0.3, residual_sd: float = 0.89, targeting_mm: float = 0.0, brain_shift_mm: float = 0.0,
    diameter_mm: float = 5.0, length_mm: float = 5.0, seed: int | list[int] = 1,
) -> pd.DataFrame:  # fmt: skip
    """Draw samples in patients: imaging at the planned site, histology at the actual one.

    Parameters
    ----------
    sizes : array-like of int
        Samples per patient.
    slope_within, slope_between : float
        Change of histology per unit of the tissue's property, between sites of a patient and between patients.
    icc_x, icc_y : float
        Share of the variance that lies between patients: of the tissue's property, and of what histology has on
        top of it. In [0, 1].
    residual_sd : float
        SD of what histology has on top.
    targeting_mm, brain_shift_mm : float
        Root mean square distances; the shift is one vector per patient.
    diameter_mm, length_mm : float
        Sphere of imaging; correlation length of the tissue. Sites of a patient lie far apart.
    seed : int or list of int

    Returns
    -------
    DataFrame
        sample, patient, group ("all"), histology, imaging_map, and truth (the tissue's property at the place
        where the needle was) and distance_mm. The property has mean 0 and variance 1.

    Raises
    ------
    ValueError
        If a share lies outside [0, 1] or a length is negative.

    Examples
    --------
    >>> table = simulate_biopsies([1, 2, 3], seed=2)
    >>> list(table.patient), len(table)
    (['P01', 'P02', 'P02', 'P03', 'P03', 'P03'], 6)
    """
    _check(
        icc_x=icc_x,
        icc_y=icc_y,
        targeting_mm=targeting_mm,
        brain_shift_mm=brain_shift_mm,
        diameter_mm=diameter_mm,
    )
    if not length_mm > 0:
        raise ValueError(f"length_mm must be positive. Given {length_mm}.")
    rng = np.random.default_rng(seed)
    counts = np.asarray(sizes, dtype=int)
    code, k = np.repeat(np.arange(len(counts)), counts), len(counts)
    n = len(code)
    level = np.sqrt(icc_x) * rng.standard_normal(k)[code]
    shift = brain_shift_mm / np.sqrt(3) * rng.standard_normal((k, 3))[code]
    miss = targeting_mm / np.sqrt(3) * rng.standard_normal((n, 3)) + shift
    distance = np.sqrt((miss**2).sum(axis=1))
    seen, place = _field_at(rng, distance, diameter_mm, length_mm, np.sqrt(1 - icc_x))
    noise = np.sqrt(icc_y) * rng.standard_normal(k)[code] + np.sqrt(1 - icc_y) * rng.standard_normal(n)
    histology = slope_between * level + slope_within * place + residual_sd * noise
    return pd.DataFrame(
        {"sample": [f"S{i + 1:02d}" for i in range(n)], "patient": [f"P{i + 1:02d}" for i in code], "group": "all",
         "histology": histology, "imaging_map": level + seen, "truth": level + place, "distance_mm": distance}
    )  # fmt: skip


def _field_at(
    rng: np.random.Generator, distance: Array, diameter: float, length: float, sd: float
) -> tuple[Array, Array]:
    """Mean over the sphere and value at a place at some distance from its centre."""
    variance = sphere_variance(diameter, length)
    slope = sphere_covariance(distance, diameter, length) / variance
    seen = np.sqrt(variance) * rng.standard_normal(len(distance))
    rest = np.sqrt(np.clip(1 - slope**2 * variance, 0, None)) * rng.standard_normal(len(distance))
    return sd * seen, sd * (slope * seen + rest)


def _blur(diameter_mm: float, length_mm: float) -> float:
    """Variance per axis of a uniform ball, (D/2)²/5, in squared correlation lengths."""
    return diameter_mm**2 / 20 / length_mm**2


def _check(**values: float) -> None:
    for name, value in values.items():
        top = 1.0 if name.startswith("icc") else float("inf")
        if not 0 <= value <= top:
            raise ValueError(f"{name} must lie between 0 and {top:g}. Given {value}.")
