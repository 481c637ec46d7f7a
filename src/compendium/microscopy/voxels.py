"""Voxels as a table: normalisation on normal-appearing grey matter, extraction, bins, masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice
from compendium.microscopy.volume_fraction import as_stack

Array = NDArray[np.floating[Any]]
NORMAL_LABEL = 3  # normal-appearing grey matter in macro 6; the text does not say it
VESSEL_BINS = (0, 0.05, 0.25, 0.5, 0.75, 1.0)  # schroers2026, Fig 2C
GLIOMA_BINS = (0, 0, 0.05, 0.25, 0.5, 0.75, 1.0)  # Fig 4J–L: exactly none, then (0, 5] %, …
GROWTH_BINS = (-2.0, 1.0, 4.0, 7.0)  # % per day, Fig 4P


@dataclass(frozen=True, eq=False)
class Normalised:
    """A volume in standard deviations of its reference tissue.

    Attributes
    ----------
    volume : ndarray
        (intensity − mean)/sd. Over the reference voxels its mean is 0 and its SD 1 by construction: a test of another
        group of voxels against these uses the group that made the scale.
    mean, sd : float
        Population mean and SD (division by n) of the reference voxels.
    n : int
        Reference voxels.
    """

    volume: Array
    mean: float
    sd: float
    n: int


def normalise_on_reference(volume: ArrayLike, labels: ArrayLike, label: int = NORMAL_LABEL) -> Normalised:
    """z-normalise a volume on the voxels of one label, such as normal-appearing grey matter.

    Parameters
    ----------
    volume, labels : array-like, same shape
        Voxels that are missing (NaN) in the volume are left out.
    label : int

    Raises
    ------
    ValueError
        If fewer than two voxels carry the label, or all have one value.

    Examples
    --------
    >>> made = normalise_on_reference([1.0, 3.0, 7.0], [3, 3, 1])
    >>> made.volume, made.sd
    (array([-1.,  1.,  5.]), 1.0)
    """
    values, mask = np.asarray(volume, dtype=float), np.asarray(labels)
    _same_shape(volume=values, labels=mask)
    inside = values[(mask == label) & np.isfinite(values)]
    if inside.size < 2:
        found = sorted(set(np.unique(mask).tolist()))[:8]
        raise ValueError(
            f"At least two voxels must carry label {label}. Given {inside.size}; labels present: {found}."
        )
    mean, sd = float(inside.mean()), float(inside.std())
    if not sd > 1e-12 * max(abs(mean), 1e-300):
        raise ValueError(
            f"Intensities under label {label} must vary. Given {inside.size} voxels of {mean:g}."
        )
    return Normalised((values - mean) / sd, mean, sd, int(inside.size))


def extract_voxels(
    channels: Mapping[str, ArrayLike], mask: ArrayLike, *, dataset: str = "", keep_missing: bool = False
) -> pd.DataFrame:
    """One row for every voxel with mask > 0, in the order z, x, y of the published macro.

    Parameters
    ----------
    channels : mapping of name to array, shape (z, y, x)
        Such as density, t2w, t1post.
    mask : array-like, shape (z, y, x)
        Its value becomes the column ``label``.
    dataset : str
        Becomes a column.
    keep_missing : bool
        Keep voxels without a value in some channel (outside a field of view).

    Returns
    -------
    DataFrame
        dataset, z, y, x (from 0), label, one column per channel.

    Examples
    --------
    >>> extract_voxels({"t2w": [[[1.0, 2.0]]]}, [[[0, 3]]], dataset="a").to_dict("records")
    [{'dataset': 'a', 'z': 0, 'y': 0, 'x': 1, 'label': 3, 't2w': 2.0}]
    """
    region = as_stack(mask, "mask")
    read = {name: as_stack(values, name) for name, values in channels.items()}
    _same_shape(mask=region, **read)
    clash = set(read) & {"dataset", "z", "y", "x", "label"}
    if clash:
        raise ValueError(f"Channels must not be named like the columns of the place. Given {sorted(clash)}.")
    z, x, y = np.nonzero(region.transpose(0, 2, 1) > 0)
    frame = pd.DataFrame({"dataset": dataset, "z": z, "y": y, "x": x, "label": region[z, y, x].astype(int)})
    for name, values in read.items():
        frame[name] = values[z, y, x].astype(float)
    return frame if keep_missing else frame.dropna().reset_index(drop=True)


def bin_density(density: ArrayLike, edges: Sequence[float], *, none: str = "none") -> pd.Categorical:
    """Ordered category of each density.

    Parameters
    ----------
    density : array-like, shape (n,)
        Fractions. Missing values stay missing; values beyond the edges are refused.
    edges : sequence of float
        Rising. Classes are (a, b]; the first takes its lower edge too. An edge given twice makes a class of that exact
        value: `GLIOMA_BINS` begins with 0, 0, a class "without" (its name is `none`).

    Examples
    --------
    >>> list(bin_density([0, 0.05, 0.06, 1], GLIOMA_BINS))
    ['none', '0–5', '5–25', '75–100']
    >>> list(bin_density([0, 0.05, 0.06, 1], VESSEL_BINS))
    ['0–5', '0–5', '5–25', '75–100']
    """
    values, limits = np.asarray(density, dtype=float), np.asarray(edges, dtype=float)
    exact = len(limits) > 1 and limits[0] == limits[1]
    inner = limits[1:] if exact else limits
    if len(inner) < 2 or (np.diff(inner) <= 0).any():
        raise ValueError(f"edges must rise (the first may be given twice). Given {list(edges)}.")
    known = np.isfinite(values)
    bad = np.flatnonzero(known & ((values < inner[0]) | (values > inner[-1])))
    if bad.size:
        raise ValueError(
            f"Densities must lie in [{inner[0]:g}, {inner[-1]:g}]. Given {values[bad[0]]:g} in row {bad[0]}."
        )
    names = [f"{100 * a:g}–{100 * b:g}" for a, b in pairwise(inner)]
    code = np.searchsorted(inner, values, side="left") - 1
    code = np.maximum(code, 0)
    if exact:
        names, code = [none, *names], np.where(values == inner[0], 0, code + 1)
    return pd.Categorical.from_codes(np.where(known, code, -1).tolist(), categories=names, ordered=True)


def merge_masks(masks: Sequence[ArrayLike], *, labels: str = "drop") -> NDArray[np.int64]:
    """Voxels inside the masks of every time point.

    Parameters
    ----------
    masks : sequence of array-like, same shape
        Inside means > 0.
    labels : {"drop", "first", "agree"}
        "drop": 0 or 1, as the published macro, which loses the categories. "first": the label of the first mask.
        "agree": only voxels whose label is the same in all masks.

    Examples
    --------
    >>> merge_masks([[0, 1, 3, 3], [1, 1, 1, 3]])
    array([0, 1, 1, 1])
    >>> merge_masks([[0, 1, 3, 3], [1, 1, 1, 3]], labels="agree")
    array([0, 1, 0, 3])
    """
    check_choice(labels, ("drop", "first", "agree"), "labels")
    if not masks:
        raise ValueError("At least one mask is needed. Given 0.")
    read = [np.asarray(mask) for mask in masks]
    _same_shape(**{f"mask {i + 1}": mask for i, mask in enumerate(read)})
    inside = np.logical_and.reduce([mask > 0 for mask in read])
    if labels == "drop":
        return inside.astype(np.int64)
    if labels == "agree":
        inside &= np.logical_and.reduce([mask == read[0] for mask in read])
    return np.where(inside, read[0], 0).astype(np.int64)


def change_per_day(first: ArrayLike, second: ArrayLike, days: float, *, percent: bool = False) -> Array:
    """Difference per day, second − first, in the unit of the values (times 100 for fractions with `percent`).

    The fastest growth that an interval can show is 100 %/days from an empty voxel: 7.1 %/day in 14 days, 5.6 in 18.
    Pairs with different intervals therefore fill the highest bin unequally.

    Examples
    --------
    >>> change_per_day([0.0, 0.2], [1.0, 0.2], 14, percent=True).round(2)
    array([7.14, 0.  ])
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    _same_shape(first=a, second=b)
    if not 0 < days < np.inf:
        raise ValueError(f"days must be positive. Given {days}.")
    return (100.0 if percent else 1.0) * (b - a) / days


def growth_table(
    frame: pd.DataFrame, *, density: str = "density", values: Sequence[str] = ()
) -> pd.DataFrame:
    """Change per day of density and of other columns between consecutive time points, voxel by voxel.

    Parameters
    ----------
    frame : DataFrame
        Columns ``animal``, ``day``, ``z``, ``y``, ``x``, `density` (fraction) and `values`. A voxel counts for an
        interval when it is present at both ends.
    values : sequence of str

    Returns
    -------
    DataFrame
        animal, z, y, x, day, days (length of the interval), density (at its beginning: the covariate), growth (% of the
        voxel per day), for each value its level at the beginning and ``<value>_per_day``, and ceiling (the fastest
        growth that the interval and the baseline allow, % per day).

    Examples
    --------
    >>> frame = pd.DataFrame({"animal": "m", "day": [0, 14], "z": 0, "y": 0, "x": 0, "density": [0.3, 0.72]})
    >>> growth_table(frame)[["days", "growth", "ceiling"]].round(2).to_dict("records")
    [{'days': 14, 'growth': 3.0, 'ceiling': 5.0}]
    """
    place = ["animal", "z", "y", "x"]
    wanted = [density, *values]
    missing = [name for name in (*place, "day", *wanted) if name not in frame]
    if missing:
        raise ValueError(
            f"The table must have the columns {', '.join(missing)}. Given {', '.join(map(str, frame))}."
        )
    repeated = frame.duplicated([*place, "day"])
    if repeated.any():
        row = frame.loc[repeated, [*place, "day"]].iloc[0].to_dict()
        raise ValueError(f"A voxel must occur once per day. Given twice: {row}.")
    visits = frame.groupby("animal")["day"].unique()
    parts = []
    for animal, days in visits.items():
        own = frame[frame["animal"] == animal].set_index(place)
        for start, end in pairwise(sorted(days)):
            one, two = (own[own["day"] == day][wanted] for day in (start, end))
            both = one.join(two.add_suffix("_later"), how="inner").dropna()
            out = pd.DataFrame({"day": start, "days": end - start, density: both[density]}, index=both.index)
            length = float(end - start)
            out["growth"] = change_per_day(both[density], both[f"{density}_later"], length, percent=True)
            for name in values:
                out[name] = both[name]
                out[f"{name}_per_day"] = change_per_day(both[name], both[f"{name}_later"], length)
            out["ceiling"] = 100 * (1 - both[density]) / length
            parts.append(out.reset_index())
    if not parts:
        raise ValueError("At least one animal must have two time points. Given none.")
    return pd.concat(parts, ignore_index=True)


def _same_shape(**arrays: NDArray[Any]) -> None:
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        given = ", ".join(f"{name}: {shape}" for name, shape in shapes.items())
        raise ValueError(f"Arrays must have the same shape. Given {given}.")
