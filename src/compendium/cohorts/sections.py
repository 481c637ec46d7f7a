"""A section through balls that do not overlap, with everything known: an illustration, seeded, like no organ."""

from __future__ import annotations

import numpy as np
import pandas as pd

from compendium.diffusion.sectioning import DetectionRule

ZONES = ((15.0, 0.12), (22.0, 0.15))
"""Mean diameter in fresh tissue (µm) and spread of the cells on the left and on the right."""
REACH = 2.5  # SDs at which diameters are cut off


def draw_section(
    rule: DetectionRule, shrinkage: float = 0.0, width_um: float = 1930.0, seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a slide with small cells on its left and large ones on its right.

    Every ball lies in a box of its own, at a random place, and every column of boxes is cut at a random height, so that
    distances of the plane are distributed as for random planes.

    Parameters
    ----------
    rule : DetectionRule
        Which cut cells are outlined; its lengths are those of the slide.
    shrinkage : float
        Linear shrinkage of the tissue before it is cut.
    width_um : float
        Side of the slide.

    Returns
    -------
    slide, fresh : DataFrame
        Outlines (image, x_um, y_um, area_um2), and the cells in fresh tissue: diameter, weight (cells per µm³).
    """
    rng = np.random.default_rng(seed)
    zones = [
        _draw_zone(i * width_um / 2, mean * (1 - shrinkage), cv, width_um, rule, rng)
        for i, (mean, cv) in enumerate(ZONES)
    ]
    slide, fresh = (pd.concat(parts, ignore_index=True) for parts in zip(*zones, strict=True))
    fresh["diameter"] /= 1 - shrinkage
    fresh["weight"] *= (1 - shrinkage) ** 3 / len(ZONES)
    return slide.assign(image="illustration"), fresh


def _draw_zone(
    left: float, mean: float, cv: float, width: float, rule: DetectionRule, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    pitch, t = mean * (1 + REACH * cv), rule.thickness_um
    grid = np.meshgrid(np.arange(width / 2 // pitch), np.arange(width // pitch))
    boxes = np.stack(grid, axis=-1).reshape(-1, 2)
    n = len(boxes)
    d = mean * (1 + cv * np.clip(rng.standard_normal(n), -REACH, REACH))
    free = pitch - d
    plane, middle = (rng.random(n) - 0.5) * (pitch + t), (rng.random(n) - 0.5) * free
    h = np.maximum(np.abs(plane - middle) - t / 2, 0)
    profile = np.sqrt(np.maximum(d**2 - 4 * h**2, 0))
    met = (profile > 0) & (profile >= rule.smallest_um)
    if rule.needs == "nucleus":
        met &= h < rule.nucleus_ratio * d / 2
    centre = (boxes + 0.5) * pitch + (rng.random((n, 2)) - 0.5) * free[:, None] + [left, 0.0]
    seen = pd.DataFrame({"x_um": centre[:, 0], "y_um": centre[:, 1], "area_um2": np.pi / 4 * profile**2})
    return seen[met], pd.DataFrame({"diameter": d, "weight": 1 / (pitch**2 * (pitch + t)) / n})
