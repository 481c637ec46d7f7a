"""What is asked of a table of lesions, of marked cells and of pieces of tumour, knowing that they sit in subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.proportion import proportion_confint

from compendium.base.validation import check_between
from compendium.microscopy.shuffling import ranks_within, shuffle_within
from compendium.statistics.clustered import design_effect
from compendium.statistics.diagnosis import clustered_proportion_interval, proportion_interval
from compendium.statistics.ranks import mann_whitney
from compendium.statistics.results import Interval

Array = NDArray[np.floating[Any]]
MEASURES = {
    "cell_volume_um3": "Volume of tumour cell clusters (µm³)",
    "cell_clusters": "Tumour cell clusters",
    "erythrocyte_volume_um3": "Volume of erythrocyte clusters (µm³)",
    "erythrocyte_clusters": "Erythrocyte clusters",
}


def share_at_icc(count: int, sizes: Sequence[int], icc: float, confidence: float = 0.95) -> Interval:
    """Interval of a share of lesions for a stated intraclass correlation: Wilson's at the effective number of lesions.

    For a count that is printed without the lesions' subjects, so that the correlation cannot be estimated.

    Parameters
    ----------
    count : int
        Lesions with the property.
    sizes : sequence of int
        Lesions per subject; with one subject nothing is known about others, and the limits are NaN.
    icc : float
        In [0, 1).

    Examples
    --------
    >>> a, b = (share_at_icc(8, [3] * 7 + [2] * 3, icc) for icc in (0.0, 0.3))
    >>> [round(v, 3) for v in (a.lower, a.upper, b.lower, b.upper)]
    [0.159, 0.485, 0.136, 0.529]
    """
    check_between(icc, 0, 0.999, "icc")
    n = sum(sizes)
    share, name = count / n, f"wilson at an ICC of {icc:g}"
    if len(sizes) < 2:
        return Interval(share, float("nan"), float("nan"), confidence, name)
    effective = design_effect(sizes, icc).n_effective
    lower, upper = proportion_confint(share * effective, effective, alpha=1 - confidence, method="wilson")
    return Interval(share, float(lower), float(upper), confidence, name)


def shares_by_group(table: pd.DataFrame, flag: str, confidence: float = 0.95) -> pd.DataFrame:
    """Share of lesions with a flag, by group, as if lesions were independent and with lesions inside subjects.

    Parameters
    ----------
    table : DataFrame
        subject, the flag (0/1, missing left out), and group if there are several.

    Returns
    -------
    DataFrame
        group, subjects, lesions, count, share, lower, upper (lesions inside subjects; NaN with one subject),
        lower_plain, upper_plain (Clopper–Pearson), in percent.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": list("aabbc"), "dark": [1, 1, 0, 0, 1]})
    >>> shares_by_group(table, "dark")[["group", "subjects", "lesions", "count", "share"]].values.tolist()
    [['all', 3, 5, 3, 60.0]]
    """
    used = table[table[flag].notna()]
    groups = used.groupby("group", sort=False) if "group" in used else [("all", used)]
    rows = []
    for name, own in groups:
        hits = own[flag].astype(int)
        plain = proportion_interval(int(hits.sum()), len(own), confidence, "clopper-pearson")
        low = high = float("nan")
        if own["subject"].nunique() > 1:
            low, high = clustered_proportion_interval(hits, own["subject"], confidence, "wilson-effective")
        rows.append((name, own["subject"].nunique(), len(own), int(hits.sum()), *(100 * v for v in (
            float(hits.mean()), low, high, plain.lower, plain.upper))))  # fmt: skip
    columns = [
        "group",
        "subjects",
        "lesions",
        "count",
        "share",
        "lower",
        "upper",
        "lower_plain",
        "upper_plain",
    ]
    return pd.DataFrame(rows, columns=columns)


def compare_lesions(
    table: pd.DataFrame, measures: Sequence[str], n_resamples: int, seed: int
) -> pd.DataFrame:
    """Dark against other lesions: Mann–Whitney over all lesions (as printed), and shuffled within subjects.

    Returns
    -------
    DataFrame
        measure, n_other, n_dark, median_other, median_dark, p_lesions, p_within; NaN where a test cannot be made.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": list("aaabbb"), "dark": [0, 1, 0, 1, 0, 1], "x": [1, 9, 2, 8, 3, 7]})
    >>> compare_lesions(table, ["x"], 99, 1)[["n_dark", "median_dark", "median_other"]].values.tolist()
    [[3.0, 8.0, 2.0]]
    """
    rows = []
    for measure in measures:
        used = table[table[measure].notna()]
        dark = used["dark"].to_numpy(bool)
        values = used[measure].to_numpy(float)
        row: dict[str, Any] = {"measure": measure, "n_other": int((~dark).sum()), "n_dark": int(dark.sum())}
        row |= {"median_other": _median(values[~dark]), "median_dark": _median(values[dark])}
        row |= {"p_lesions": float("nan"), "p_within": float("nan")}
        if dark.any() and not dark.all() and np.ptp(values) > 0:
            row["p_lesions"] = mann_whitney(values[dark], values[~dark], method="r").p
            row["p_within"] = within_subject_p(values, dark, used["subject"], n_resamples, seed)
        rows.append(row)
    return pd.DataFrame(rows)


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def within_subject_p(
    values: ArrayLike, flag: ArrayLike, subject: ArrayLike, n_resamples: int, seed: int
) -> float:
    """Two-sided p of a difference in ranks, lesions shuffled within subjects; NaN where no subject has both kinds.

    Examples
    --------
    >>> within_subject_p([1, 2, 3, 4], [0, 1, 0, 1], list("aabb"), 99, 1) > 0.05
    True
    """
    label = np.asarray(subject).astype(str)
    ranks = ranks_within(values, label, scaled=True)
    mark = np.asarray(flag, dtype=float)
    signs = mark - np.array([mark[label == name].mean() for name in label])
    if not (signs != 0).any() or not (ranks != 0).any():
        return float("nan")
    return shuffle_within(lambda a, b: float(a @ b), signs, ranks, label, n_resamples, seed)


def zone_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Mean fraction in core and infiltration zone of every subject that has both, and their difference.

    Examples
    --------
    >>> zone = ["core", "infiltration", "core"]
    >>> table = pd.DataFrame({"subject": list("aab"), "zone": zone, "fraction": [0.3, 0.1, 0.2]})
    >>> zone_differences(table)["difference"].round(3).tolist()
    [0.2]
    """
    wide = table.groupby(["subject", "zone"], sort=False)["fraction"].mean().unstack()
    for zone in ("core", "infiltration"):
        if zone not in wide:
            wide[zone] = np.nan
    both = wide[["core", "infiltration"]].dropna().reset_index()
    both.columns.name = None
    return both.assign(difference=both["core"] - both["infiltration"])


def counts_that_round_to(share: float, half_unit: float, totals: Sequence[int]) -> list[tuple[int, int]]:
    """Counts (k, n) whose percentage prints as this share.

    Examples
    --------
    >>> counts_that_round_to(18.5, 0.05, range(1, 28))
    [(5, 27)]
    """
    return [
        (k, n) for n in totals for k in range(n + 1) if abs(100 * k / n - share) <= half_unit * (1 + 1e-9)
    ]


def nearest_share(share: float, totals: Sequence[int]) -> tuple[float, int, int]:
    """The count among these totals whose percentage comes nearest: (distance in percentage points, k, n).

    Examples
    --------
    >>> nearest_share(18.5, range(1, 27))
    (0.25, 3, 16)
    """
    best = min((abs(100 * k / n - share), n, k) for n in totals for k in range(n + 1))
    return best[0], best[2], best[1]
