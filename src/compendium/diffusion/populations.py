"""Cells in space behind the outlines of a section: what a detection rule shows of a population, and the reverse.

Sizes, area fraction and number pass through the same plane, so one declared rule gives a factor for each. The
population is lognormal, which outlines alone cannot test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from compendium.base.validation import check_between
from compendium.diffusion.histology import volume_weighted_size
from compendium.diffusion.sectioning import DetectionRule, cut_cells

Array = NDArray[np.float64]

SPREADS = np.linspace(0, 0.6, 13)
"""Spreads of diameter (SD over mean) among which a population is sought."""


@dataclass(frozen=True)
class SeenThrough:
    """What a section shows of a population under a rule.

    Attributes
    ----------
    size, fraction : float
        Volume-weighted size (eq. 11 of Grussu et al. 2025) and area fraction, seen over true.
    depth_um : float
        Detected cells per area over cells per volume.
    share : float
        Detected among cut cells.
    """

    size: float
    fraction: float
    depth_um: float
    share: float


def lognormal_diameters(mean_um: float, spread: float, n: int = 20_000) -> Array:
    """Diameters of a lognormal population at `n` evenly spaced probabilities.

    Examples
    --------
    >>> lognormal_diameters(18.0, 0.0, 2)
    array([18., 18.])
    >>> sizes = lognormal_diameters(18.0, 0.3)
    >>> round(float(sizes.mean()), 1), round(float(sizes.std() / sizes.mean()), 2)
    (18.0, 0.3)
    """
    check_between(spread, 0, 2, "spread")
    s = np.sqrt(np.log1p(spread**2))
    return np.asarray(mean_um * np.exp(s * norm.ppf((np.arange(n) + 0.5) / n) - s**2 / 2), dtype=np.float64)


def seen_through(diameter_um: ArrayLike, rule: DetectionRule, n: int = 40_000, seed: int = 1) -> SeenThrough:
    """Simulate `n` cuts of a population and compare what is detected with what is there.

    Examples
    --------
    >>> got = seen_through([20.0], DetectionRule("any profile"))  # Delesse; depth is the mean diameter
    >>> round(got.fraction, 2), round(got.depth_um, 1), round(1 / got.size, 2)
    (1.0, 20.0, 1.08)
    """
    size = np.asarray(diameter_um, dtype=np.float64).ravel()
    seen, share = cut_cells(size, rule, n, seed)
    if not len(seen):
        raise ValueError(f"The rule must detect some of the cut cells. Given none of {n}.")
    depth = float(np.mean(size + rule.thickness_um)) * share
    area = depth * float(np.mean(seen**2)) * 1.5 / float(np.mean(size**3))
    return SeenThrough(volume_weighted_size(seen) / volume_weighted_size(size), area, depth, share)


def match_population(
    mean_um: float, spread: float, rule: DetectionRule, n: int = 10_000, seed: int = 1
) -> tuple[float, float]:
    """Mean and spread of the lognormal cells whose outlines have this mean and this spread under a rule.

    Returns
    -------
    mean_um, spread : float
        The spread is held within `SPREADS`: a value at either end says that the rule does not explain the outlines.

    Raises
    ------
    ValueError
        The rule misses outlines of the size that was seen on average.
    """
    if rule.smallest_um >= mean_um:
        raise ValueError(
            f"smallest_um must lie below the mean of the outlines, {mean_um:g} µm. Given {rule.smallest_um:g}."
        )
    means, seen_spreads = [], []
    for candidate in SPREADS:
        mean, seen = mean_um, np.zeros(0)
        for _ in range(5):
            seen, _share = cut_cells(lognormal_diameters(mean, float(candidate), 2000), rule, n, seed)
            mean *= mean_um / float(seen.mean())
        means.append(mean)
        seen_spreads.append(float(seen.std() / seen.mean()))
    rising = np.maximum.accumulate(seen_spreads)
    return float(np.interp(spread, rising, means)), float(np.interp(spread, rising, SPREADS))
