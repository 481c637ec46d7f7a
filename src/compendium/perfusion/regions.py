"""Markers of regions: means over voxels with the uncertainty that averaging takes away, and the one that it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROW_MARKERS = ("cbv", "ucbv", "mti")


@dataclass(frozen=True)
class RegionMean:
    """A marker's mean over a region.

    Attributes
    ----------
    mean : unit of the map.
    sd : standard deviation over the voxels.
    noise_sd : of the mean, from the voxels' own standard deviations as if independent.
    common_sd : of the mean, from what all voxels share (the shift of the injections, for MTI); averaging leaves it.
    voxels, missing : with and without a value.
    """

    mean: float
    sd: float
    noise_sd: float
    common_sd: float
    voxels: int
    missing: int


def region_mean(
    maps: Mapping[str, NDArray[np.float64]], name: str, inside: ArrayLike, shift_sd_s: float = 0.0
) -> RegionMean:
    """Average a marker over a region; voxels without a value are left out and counted.

    Parameters
    ----------
    maps : (n,) arrays by name, as `compendium.perfusion.markers.estimate_markers` returns them.
    name : the marker.
    inside : (n,) bool
    shift_sd_s : standard deviation of the shift of the injections, s.

    Raises
    ------
    ValueError : the region is empty.

    Examples
    --------
    >>> maps = {"cbv": np.array([2.0, 4.0, np.nan]), "cbv_sd": np.array([0.3, 0.4, np.nan])}
    >>> found = region_mean(maps, "cbv", [True, True, True])
    >>> found.mean, round(found.noise_sd, 3), found.voxels, found.missing
    (3.0, 0.25, 2, 1)
    """
    chosen = np.asarray(inside, dtype=bool)
    if not chosen.any():
        raise ValueError("A region must hold at least one voxel. Given none.")
    values = maps[name][chosen]
    given = np.isfinite(values)
    count = int(given.sum())
    if not count:
        return RegionMean(np.nan, np.nan, np.nan, np.nan, 0, int(chosen.sum()))
    noise = maps[f"{name}_sd"][chosen][given] if f"{name}_sd" in maps else np.zeros(count)
    common = 0.0
    if name == "mti" and "mti_per_second" in maps:
        common = abs(float(np.nanmean(maps["mti_per_second"][chosen]))) * shift_sd_s
    return RegionMean(
        float(values[given].mean()),
        float(values[given].std(ddof=1)) if count > 1 else np.nan,
        float(np.sqrt((noise**2).sum()) / count),
        common,
        count,
        int(chosen.sum()) - count,
    )


def examination_row(
    maps: Mapping[str, NDArray[np.float64]],
    lesion: ArrayLike,
    normal: ArrayLike | None,
    patient: str,
    examination: str,
    reference: int,
) -> dict[str, str | int | float]:
    """One row of a table of kind `markers`: the marker means of a lesion, and of normal tissue where it is given.

    Parameters
    ----------
    maps : (n,) arrays by name.
    lesion, normal : (n,) bool
    patient, examination : identifiers.
    reference : 1 with the condition, 0 without.
    """
    row: dict[str, str | int | float] = {
        "patient": patient,
        "examination": examination,
        "reference": reference,
    }
    for name in ROW_MARKERS:
        row[f"marker_{name}"] = region_mean(maps, name, lesion).mean
    if normal is not None:
        for name in ROW_MARKERS:
            row[f"normal_{name}"] = region_mean(maps, name, normal).mean
    return row
