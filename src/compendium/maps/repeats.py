"""Test–retest summary of maps of repeated scans: within-subject SD, CV and repeatability coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from compendium.io.nifti import check_same_space, inspect_image
from compendium.statistics.reliability import Repeatability, repeatability


def region_means(scans: Sequence[tuple[str, str | Path, str | Path]]) -> pd.DataFrame:
    """Mean, median and voxel count of a map in a mask, per scan.

    Parameters
    ----------
    scans : sequence of (subject, map, mask)
        A subject appears once per repeated scan; maps of a subject need no common space.

    Returns
    -------
    DataFrame
        subject, scan (running number within the subject), mean, median, voxels.
    """
    rows: list[dict[str, object]] = []
    seen: dict[str, int] = {}
    for subject, image, mask in scans:
        check_same_space(inspect_image(image, 3), inspect_image(mask, 3))
        values = np.asarray(nib.load(image).dataobj, dtype=np.float64)  # type: ignore[attr-defined]
        inside = np.squeeze(np.asarray(nib.load(mask).dataobj)) > 0  # type: ignore[attr-defined]
        chosen = np.squeeze(values)[inside]
        chosen = chosen[np.isfinite(chosen)]
        seen[subject] = seen.get(subject, 0) + 1
        middle = (float(chosen.mean()), float(np.median(chosen))) if chosen.size else (np.nan, np.nan)
        rows.append(
            {
                "subject": subject,
                "scan": seen[subject],
                "mean": middle[0],
                "median": middle[1],
                "voxels": chosen.size,
            }
        )
    return pd.DataFrame(rows)


def summarise_repeats(
    scans: Sequence[tuple[str, str | Path, str | Path]], statistic: str = "mean", cv: str = "rms"
) -> Repeatability:
    """Repeatability of a map's mean or median in a region over repeated scans."""
    table = region_means(scans)
    return repeatability(table[statistic], table["subject"].tolist(), cv=cv)
