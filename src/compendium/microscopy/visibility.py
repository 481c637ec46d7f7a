"""Which vessels does MRI show? Contrast, classes and shares by diameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from compendium.base.validation import check_minimum
from compendium.microscopy.diameters import as_mask, check_spacing

Array = NDArray[np.floating[Any]]
CLASSES = ("not visible", "barely visible", "strongly visible")


@dataclass(frozen=True)
class VesselContrast:
    """Contrast of one vessel.

    Attributes
    ----------
    contrast_to_noise : float
        (vessel − background)/SD of the background; negative for dark vessels.
    n_vessel, n_background : int
        Voxels.
    """

    contrast_to_noise: float
    n_vessel: int
    n_background: int


def vessel_contrast(
    image: ArrayLike, vessel: ArrayLike, spacing_um: ArrayLike, *, others: ArrayLike | None = None,
    gap_um: float = 100.0, width_um: float = 200.0,
) -> VesselContrast:  # fmt: skip
    """Contrast of a vessel against a ring around it.

    Parameters
    ----------
    image : array-like, shape (z, y, x) or (y, x)
    vessel : array-like of 0/1, same shape
    spacing_um : array-like
    others : array-like of 0/1, optional
        Other vessels, left out of the ring.
    gap_um, width_um : float
        Where the ring begins and how wide it is; the gap keeps partial-volume voxels and blooming out.

    Examples
    --------
    >>> image = np.random.default_rng(1).normal(100, 5, (40, 40))
    >>> vessel = np.zeros((40, 40), bool)
    >>> vessel[:, 20] = True
    >>> image[vessel] -= 50
    >>> -11 < vessel_contrast(image, vessel, (50, 50)).contrast_to_noise < -9
    True
    """
    values, inside = np.asarray(image, dtype=float), as_mask(vessel, "vessel")
    if values.shape != inside.shape:
        raise ValueError(
            f"image and vessel must have the same shape. Given {values.shape} and {inside.shape}."
        )
    check_minimum(int(inside.sum()), 1, "voxels of the vessel")
    away = ndimage.distance_transform_edt(~inside, sampling=check_spacing(spacing_um, inside.ndim))
    ring = (away > gap_um) & (away <= gap_um + width_um) & np.isfinite(values)
    if others is not None:
        ring &= ~as_mask(others, "others")
    check_minimum(int(ring.sum()), 10, "voxels of background around the vessel")
    noise = float(values[ring].std(ddof=1))
    difference = float(np.nanmean(values[inside]) - values[ring].mean())
    contrast = difference / noise if noise > 0 else float(np.sign(difference)) * float("inf")
    return VesselContrast(contrast, int(inside.sum()), int(ring.sum()))


def classify_visibility(contrast_to_noise: ArrayLike, *, barely: float, strongly: float) -> pd.Categorical:
    """Classes by size of the contrast; the paper's readers used their eyes, so both limits are the caller's.

    Examples
    --------
    >>> list(classify_visibility([0.5, -2.5, 8, np.nan], barely=2, strongly=5))
    ['not visible', 'barely visible', 'strongly visible', nan]
    """
    if not 0 < barely < strongly:
        raise ValueError(f"Limits must satisfy 0 < barely < strongly. Given {barely:g} and {strongly:g}.")
    size = np.abs(np.asarray(contrast_to_noise, dtype=float))
    code = np.where(
        np.isfinite(size) | np.isinf(size), np.searchsorted([barely, strongly], size, side="right"), -1
    )
    return pd.Categorical.from_codes(code.tolist(), categories=list(CLASSES), ordered=True)


def visibility_by_diameter(
    diameter_um: ArrayLike, visibility: Sequence[str] | pd.Categorical, edges_um: Sequence[float]
) -> pd.DataFrame:
    """Vessels of every class in every range of diameters; ranges are [a, b), the last takes its upper edge.

    Returns
    -------
    DataFrame
        Rows ranges (µm), columns the classes and n. Vessels outside the edges are refused: they would vanish.

    Examples
    --------
    >>> visibility_by_diameter([10, 30, 45], ["not visible", "barely visible", "strongly visible"], [0, 30, 60])
                not visible  barely visible  strongly visible  n
    diameter
    0–30                  1               0                 0  1
    30–60                 0               1                 1  2
    """
    size, limits = np.asarray(diameter_um, dtype=float), np.asarray(edges_um, dtype=float)
    if limits.size < 2 or (np.diff(limits) <= 0).any():
        raise ValueError(f"edges_um must rise. Given {list(edges_um)}.")
    given = list(visibility)
    unknown = [v for v in given if v not in CLASSES and not pd.isna(v)]
    if unknown or len(given) != len(size):
        found = repr(unknown[0]) if unknown else f"{len(size)} diameters and {len(given)} classes"
        raise ValueError(
            f"Every vessel needs a diameter and one of {', '.join(map(repr, CLASSES))}. Given {found}."
        )
    labels = pd.Categorical(given, categories=list(CLASSES), ordered=True)
    bad = np.flatnonzero(~((size >= limits[0]) & (size <= limits[-1])))
    if bad.size:
        raise ValueError(
            f"Diameters must lie in [{limits[0]:g}, {limits[-1]:g}] µm. Given {size[bad[0]]:g} in row {bad[0]}."
        )
    code = np.minimum(np.searchsorted(limits, size, side="right") - 1, len(limits) - 2)
    names = [f"{a:g}–{b:g}" for a, b in pairwise(limits)]
    ranges = pd.Categorical.from_codes(code.tolist(), categories=names, ordered=True)
    table = pd.crosstab(ranges, labels, dropna=False).reindex(
        index=names, columns=list(CLASSES), fill_value=0
    )
    table.index.name, table.columns.name = "diameter", None
    return table.assign(n=table.sum(axis=1))


def diameter_bias(measured_um: ArrayLike, truth_um: ArrayLike) -> dict[str, float]:
    """Mean, SD and slope of measured against true diameters of the same vessels.

    Returns
    -------
    dict
        bias (mean of measured − truth), sd (of the differences), lower, upper (bias ± 1.96 sd), slope (of the difference
        against the truth: −1 means that every vessel is measured alike), n.

    Examples
    --------
    >>> got = diameter_bias([50, 60, 70], [30, 40, 50])
    >>> got["bias"], got["slope"], got["n"]
    (20.0, 0.0, 3)
    """
    a, b = np.asarray(measured_um, dtype=float), np.asarray(truth_um, dtype=float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"Diameters come in pairs. Given shapes {a.shape} and {b.shape}.")
    kept = np.isfinite(a) & np.isfinite(b)
    check_minimum(int(kept.sum()), 2, "complete pairs")
    difference, truth = (a - b)[kept], b[kept]
    spread = float(difference.std(ddof=1))
    vary = float(np.sum((truth - truth.mean()) ** 2))
    slope = float(np.sum((truth - truth.mean()) * difference) / vary) if vary > 0 else float("nan")
    bias = float(difference.mean())
    limits = {"lower": bias - 1.96 * spread, "upper": bias + 1.96 * spread}
    return {"bias": bias, "sd": spread, **limits, "slope": slope, "n": int(kept.sum())}
