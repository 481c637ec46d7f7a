"""What is done with simulated brains: tiles in the layout of an input table, planned biopsies, spheres on two grids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.cohorts.brain import Brain, simulate_brain, take_biopsies, take_slides
from compendium.radiopathomics.normalise import brain_sd, normalise_contrasts, normalise_map
from compendium.radiopathomics.sphere import RULES, rasterise_sphere
from compendium.radiopathomics.tiles import SIDE, feature_names, tile_features

SLIDES = 3
SLIDE_MM = 16.0
GRIDS_MM = {"fine": 1.0, "coarse": 2.0}
Predictor = Callable[[Brain, NDArray[np.intp]], NDArray[np.float64]]


def sphere_volumes(diameter_mm: float, seed: int, count: int = 200) -> pd.DataFrame:
    """Draw one sphere at random positions on grids of 1 and 2 mm, by both rules.

    Returns
    -------
    DataFrame
        grid ("fine", "coarse"), rule ("partial", "centre"), voxels, volume (% of the sphere's).

    Examples
    --------
    >>> table = sphere_volumes(5, seed=1, count=50)
    >>> table.groupby(["grid", "rule"])["volume"].std().round(1).to_dict()[("coarse", "partial")] < 0.5
    True
    """
    rng = np.random.default_rng([seed, 1])
    reach = 2 * int(np.ceil(diameter_mm)) + 4
    rows = []
    for grid, spacing in GRIDS_MM.items():
        for offset in rng.uniform(0, spacing, (count, 3)):
            for rule in RULES:
                centre = reach * spacing / 2 + offset
                made = rasterise_sphere((reach,) * 3, (spacing,) * 3, centre, diameter_mm, rule)
                volume = 100 * made.volume_mm3 / (np.pi / 6 * diameter_mm**3)
                rows.append((grid, rule, len(made.index), volume))
    return pd.DataFrame(rows, columns=["grid", "rule", "voxels", "volume"])


def make_brains(count: int, seed: int) -> list[Brain]:
    """Simulate some brains."""
    return [simulate_brain(f"S{i:02d}", [seed, i]) for i in range(count)]


def stack_contrasts(brains: Sequence[Brain], normalisation: str) -> dict[str, NDArray[np.float32]]:
    """Stack the contrasts of each brain, normalised, by subject."""
    return {b.subject: normalise_contrasts(b.contrasts, b.mask, normalisation) for b in brains}


def cut_tiles(
    brains: Sequence[Brain], stacks: Mapping[str, NDArray[np.float32]], registration_mm: float, seed: int, side: int = SIDE
) -> pd.DataFrame:  # fmt: skip
    """Cut all slides into tiles.

    Returns
    -------
    DataFrame
        A table of kind `roi_features` (roi is the slide) with a further column truth: density where MRI was read. The
        same seed gives the same rows for any `registration_mm`.
    """
    parts = []
    names = [f"feature_{n}" for n in feature_names(side=side)]
    for i, b in enumerate(brains):
        index, table = take_slides(b, SLIDES, registration_mm, [seed, i, 1], side_mm=SLIDE_MM)
        read = pd.DataFrame(tile_features(stacks[b.subject], index, side), columns=names)
        parts.append(table.rename(columns={"sample": "roi"}).assign(subject=b.subject).join(read))
    return pd.concat(parts, ignore_index=True)


def read_biopsies(
    brains: Sequence[Brain], predict: Predictor, targeting_mm: Sequence[float], seed: int,
    diameter_mm: float, count: int = 6,
) -> pd.DataFrame:  # fmt: skip
    """Read a map in the spheres of planned biopsies whose tissue was taken elsewhere.

    Parameters
    ----------
    predict : (brain, voxels) → density of the map there.
    targeting_mm : targeting errors, root mean square; the same places and directions for each.

    Returns
    -------
    DataFrame
        subject, miss (mm), map, sd (of the map over the brain, from every 997th voxel), histology, truth.
    """
    parts = []
    for i, b in enumerate(brains):
        taken = [take_biopsies(b, count, m, [seed, i, 2], diameter_mm) for m in targeting_mm]
        places = taken[0][["x_mm", "y_mm", "z_mm"]].to_numpy() - b.affine[:3, 3]
        shape, spacing = b.density.shape, (b.spacing_mm,) * 3
        balls = [rasterise_sphere(shape, spacing, c, diameter_mm, mask=b.mask) for c in places]
        values = predict(b, np.concatenate([s.index for s in balls]))
        pieces = np.split(values, np.cumsum([len(s.index) for s in balls])[:-1])
        read = [np.average(v, weights=s.weight) for v, s in zip(pieces, balls, strict=True)]
        sd = 1 / normalise_map(np.ones(1), predict(b, np.argwhere(b.mask)[::997]))[0]
        for m, t in zip(targeting_mm, taken, strict=True):
            parts.append(t[["subject", "histology", "truth"]].assign(miss=m, map=read, sd=sd))
    return pd.concat(parts, ignore_index=True)


def healthy_flair(radius_mm: float, seed: int) -> float:
    """Mean FLAIR of the half of a brain without tumour, over the SD in the whole brain, for a tumour of some radius."""
    b = simulate_brain("ruler", [seed, 99], tumour_radius_mm=radius_mm)
    middle = b.mask.shape[0] / 2
    column = np.arange(b.mask.shape[0])[:, None, None]
    left = np.argwhere(b.core)[:, 0].mean() < middle
    healthy = b.mask & ((column > middle + 5) if left else (column < middle - 5))
    return float(b.contrasts["flair"][healthy].mean() / brain_sd(b.contrasts["flair"], b.mask))
