"""Particles per lesion, co-localisation, enhancement and the stability of proportions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from compendium.base.validation import check_binary, check_choice, check_minimum, drop_incomplete
from compendium.microscopy.diameters import as_mask, check_spacing
from compendium.statistics.clustered import Bootstrap, cluster_bootstrap
from compendium.statistics.equivalence import maximum_difference

Array = NDArray[np.floating[Any]]


def clusters_per_lesion(
    mask: ArrayLike, lesions: ArrayLike, spacing_um: ArrayLike, *, min_volume_um3: float = 0.0,
    connectivity: str = "full", cut: str = "split",
) -> pd.DataFrame:  # fmt: skip
    """Number and volume of connected clusters (of cells, of erythrocytes) in every lesion.

    Parameters
    ----------
    mask : array-like of 0/1, shape (z, y, x) or (y, x)
    lesions : array-like of int, same shape
        0 outside, a number per lesion.
    spacing_um : array-like
        Voxel along x, y(, z). In two dimensions "volume" is an area in µm².
    min_volume_um3 : float
        Smaller clusters are left out (noise of the segmentation); the published macros' limit is not known.
    connectivity : {"full", "faces"}
        Whether voxels that share only an edge or a corner touch.
    cut : {"split", "whole"}
        A cluster that crosses lesions is cut at their borders, or counted whole in the lesion that holds most of it
        (with all its voxels, also those outside any lesion).

    Returns
    -------
    DataFrame
        One row per lesion, also those without clusters: lesion, lesion_volume_um3, clusters, cluster_volume_um3,
        largest_um3, fraction.

    Examples
    --------
    >>> mask = np.array([[1, 1, 0, 1, 0, 0]])
    >>> clusters_per_lesion(mask, [[1, 1, 1, 1, 0, 2]], (10, 10))[["lesion", "clusters", "cluster_volume_um3"]].values
    array([[  1.,   2., 300.],
           [  2.,   0.,   0.]])
    """
    check_choice(connectivity, ("full", "faces"), "connectivity")
    check_choice(cut, ("split", "whole"), "cut")
    inside, region = as_mask(mask), np.asarray(lesions)
    if inside.shape != region.shape:
        raise ValueError(
            f"mask and lesions must have the same shape. Given {inside.shape} and {region.shape}."
        )
    if region.dtype.kind not in "iu" or region.min() < 0:
        raise ValueError(
            f"lesions must be whole numbers, 0 or more. Given {region.dtype}, least {region.min()}."
        )
    names = np.unique(region[region > 0])
    check_minimum(len(names), 1, "lesions")
    voxel = float(np.prod(check_spacing(spacing_um, inside.ndim)))
    owner, volumes = _clusters(inside, region, voxel, connectivity, cut)
    owner, volumes = owner[volumes >= min_volume_um3], volumes[volumes >= min_volume_um3]
    rows = []
    for name in names:
        own = volumes[owner == name]
        size = voxel * int((region == name).sum())
        largest = float(own.max()) if own.size else 0.0
        rows.append((int(name), size, len(own), float(own.sum()), largest, float(own.sum()) / size))
    columns = ["lesion", "lesion_volume_um3", "clusters", "cluster_volume_um3", "largest_um3", "fraction"]
    return pd.DataFrame(rows, columns=columns)


def _clusters(
    inside: NDArray[np.bool_], region: NDArray[Any], voxel: float, connectivity: str, cut: str
) -> tuple[NDArray[Any], Array]:
    structure = ndimage.generate_binary_structure(inside.ndim, inside.ndim if connectivity == "full" else 1)
    labels, _ = ndimage.label(inside, structure)
    if cut == "whole":
        pairs, counts = np.unique(
            np.stack([labels[inside & (region > 0)], region[inside & (region > 0)]]),
            axis=1,
            return_counts=True,
        )
        order = np.lexsort((-counts, pairs[0]))  # the lesion with most voxels first; ties to the lower number
        first = order[np.unique(pairs[0][order], return_index=True)[1]]
        sizes = np.bincount(labels.ravel())[pairs[0][first]]
        return pairs[1][first], sizes * voxel
    owners, volumes = [], []
    for name in np.unique(
        region[inside & (region > 0)]
    ):  # connected within the lesion: a cut cluster may fall apart
        parts, count = ndimage.label(inside & (region == name), structure)
        owners += [name] * count
        volumes += list(np.bincount(parts.ravel())[1:] * voxel)
    return np.array(owners, dtype=region.dtype), np.array(volumes, dtype=float)


@dataclass(frozen=True)
class Colocalisation:
    """How well one marker finds the cells of another.

    Attributes
    ----------
    both, marker_only, reference_only : int
        Cells.
    sensitivity : Bootstrap or float
        both/(both + reference_only).
    predictive_value : Bootstrap or float
        both/(both + marker_only): what the paper's wording of "specificity" describes; a specificity would need the
        cells with neither marker.
    n_clusters : int
    """

    both: int
    marker_only: int
    reference_only: int
    sensitivity: Bootstrap
    predictive_value: Bootstrap
    n_clusters: int


def colocalise(
    marker: ArrayLike, reference: ArrayLike, section: ArrayLike, *, n_resamples: int = 2000, seed: int = 1,
    confidence: float = 0.95,
) -> Colocalisation:  # fmt: skip
    """Sensitivity and predictive value of a marker for a reference, cell by cell, resampling whole sections.

    Parameters
    ----------
    marker, reference : array-like of 0/1, shape (cells,)
        Such as nestin and IDH1 p.R132H. Incomplete cells are dropped.
    section : array-like, shape (cells,)
        Section (or animal, or patient): cells of one section share staining and tissue.

    Raises
    ------
    ValueError
        With fewer than two sections, or no cell with the marker or with the reference.

    Examples
    --------
    >>> found = colocalise([1, 1, 1, 0, 1, 1], [1, 1, 0, 1, 1, 1], list("aabbcc"), n_resamples=200)
    >>> found.sensitivity.interval.estimate, found.predictive_value.interval.estimate
    (0.8, 0.8)
    """
    (m, r, code), _ = drop_incomplete(labels=["section"], marker=marker, reference=reference, section=section)
    a, b = check_binary(m, "marker"), check_binary(r, "reference")
    check_minimum(int(a.sum()), 1, "cells with the marker")
    check_minimum(int(b.sum()), 1, "cells with the reference")

    def share_of(first: bool) -> Callable[..., float]:
        def share(one: Array, two: Array) -> float:
            whole = (two if first else one).sum()
            return float((one * two).sum() / whole) if whole else float("nan")

        return share

    boots = [
        cluster_bootstrap(
            share_of(first), a.astype(float), b.astype(float), cluster=code, n_resamples=n_resamples, seed=seed,
            confidence=confidence,
        )
        for first in (True, False)
    ]  # fmt: skip
    counts = (int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()))
    return Colocalisation(*counts, boots[0], boots[1], boots[0].n_clusters)


def percent_signal_enhancement(before: ArrayLike, after: ArrayLike) -> Array:
    """PSE = (after − before)/before · 100 %.

    Parameters
    ----------
    before, after : array-like, same shape
        Signals of one scale. Where `before` is not positive the ratio says nothing: NaN.

    Examples
    --------
    >>> percent_signal_enhancement([100.0, 0.0], [250.0, 3.0])
    array([150.,  nan])
    """
    a, b = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if a.shape != b.shape:
        raise ValueError(f"before and after must have the same shape. Given {a.shape} and {b.shape}.")
    usable = a > 0
    return np.where(usable, 100 * (b - a) / np.where(usable, a, 1), np.nan)


def proportions_stable(counts: pd.DataFrame, *, margin: float = 5.0) -> pd.DataFrame:
    """The rule "no proportion moves by more than `margin` percentage points from the first time point".

    It describes the proportions seen and carries no error rate: with few vessels it fails by chance, and "stable" does
    not mean equivalent. `compendium.statistics.equivalence` has two one-sided tests.

    Parameters
    ----------
    counts : DataFrame
        Rows are time points (the first is the reference), columns categories, values counts.
    margin : float
        Percentage points, inclusive.

    Returns
    -------
    DataFrame
        One row per category: reference (%), largest (points), at (time point), stable, chance (probability that
        sampling alone moves it beyond the margin at some later time point, normal approximation).

    Examples
    --------
    >>> counts = pd.DataFrame({"seen": [40, 43], "unseen": [60, 57]}, index=["day 0", "day 24"])
    >>> proportions_stable(counts)[["largest", "stable"]].round(1).values.tolist()
    [[3.0, True], [3.0, True]]
    """
    check_minimum(len(counts), 2, "time points")
    values = counts.to_numpy(dtype=float)
    if not np.isfinite(values).all() or (values < 0).any() or (values.sum(axis=1) == 0).any():
        raise ValueError("counts must not be missing or negative, with at least one vessel per time point.")
    total = values.sum(axis=1)
    share = 100 * values / total[:, None]
    rows = []
    for column, name in enumerate(counts.columns):
        found = maximum_difference(share[1:, column], float(share[0, column]), margin=margin)
        when = counts.index[1:][found.index]
        chance = _chance_beyond(share[0, column] / 100, total, margin / 100)
        rows.append((name, share[0, column], found.largest, when, found.within, chance))
    return pd.DataFrame(rows, columns=["category", "reference", "largest", "at", "stable", "chance"])


def _chance_beyond(p: float, total: Array, margin: float, draws: int = 20_000) -> float:
    rng = np.random.default_rng(1)
    counts = np.column_stack([rng.binomial(int(n), p, draws) / n for n in total])
    return float((np.abs(counts[:, 1:] - counts[:, :1]).max(axis=1) > margin + 1e-12).mean())
