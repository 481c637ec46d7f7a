"""Illustration tables for schroers2026 (lesions, cells, zones), and two studies of intervals and tests for lesions.

The tables have the printed counts; how lesions lie in subjects, every volume and every fraction are invented. Nothing that
follows from them is evidence. The studies draw lesions whose truth is known and ask how often a method errs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.microscopy.lesion_tables import within_subject_p
from compendium.statistics.diagnosis import clustered_proportion_interval, proportion_interval
from compendium.statistics.ranks import mann_whitney

Array = NDArray[np.floating[Any]]


def spread_sizes(lesions: int, subjects: int) -> list[int]:
    """Lesions per subject, falling gently from the first; every subject has one at least, and the sum is exact.

    Examples
    --------
    >>> spread_sizes(27, 10)
    [4, 4, 4, 3, 3, 2, 2, 2, 2, 1]
    """
    weight = np.arange(subjects, 0, -1) ** 1.2
    extra = weight / weight.sum() * (lesions - subjects)
    sizes = 1 + np.floor(extra).astype(int)
    order = np.argsort(-(extra % 1), kind="stable")
    sizes[order[: lesions - int(sizes.sum())]] += 1
    return [int(s) for s in sizes]


def illustrate_appearance(groups: Sequence[tuple[str, int, int, int, int]], seed: int = 1) -> pd.DataFrame:
    """Lesions of Fig 3K: (group, subjects, lesions, of them isointense, vessel-like among the dark ones).

    Examples
    --------
    >>> table = illustrate_appearance([("mouse", 1, 17, 5, 0), ("patient", 10, 27, 8, 5)])
    >>> len(table), int((table["dark"] == 0).sum()), int(table["vessel_like"].sum())
    (44, 13, 5)
    """
    rng = np.random.default_rng(seed)
    tables = []
    for group, subjects, lesions, isointense, vessel_like in groups:
        sizes = spread_sizes(lesions, subjects)
        subject = np.repeat([f"{group[:1].upper()}{i + 1:02d}" for i in range(subjects)], sizes)
        leaning = np.repeat(rng.normal(size=subjects), sizes) * 0.8 + rng.normal(size=lesions)
        dark = np.ones(lesions, int)
        dark[np.argsort(leaning, kind="stable")[:isointense]] = 0
        like = np.zeros(lesions, int)
        like[rng.permutation(np.flatnonzero(dark))[:vessel_like]] = 1
        names = [f"L{i + 1:02d}" for i in range(lesions)]
        tables.append(pd.DataFrame({
            "group": group, "subject": subject, "lesion": names, "dark": dark, "vessel_like": like,
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def illustrate_clusters(negative: int, positive: int, mice: int, seed: int = 1) -> pd.DataFrame:
    """Lesions of Fig 3E–H: more and larger clusters of tumour cells and erythrocytes where T2* is dark.

    Examples
    --------
    >>> illustrate_clusters(20, 16, 3)["dark"].value_counts().tolist()
    [20, 16]
    """
    rng = np.random.default_rng(seed)
    dark = np.repeat([0, 1], [negative, positive])
    n = len(dark)
    mouse = rng.permutation(np.arange(n) % mice)
    level = rng.normal(0, 0.3, mice)[mouse] + 1.0 * dark
    size = rng.normal(0, 0.7, n)
    cells = 1 + rng.poisson(np.exp(1.6 + level + 0.5 * size))
    red = rng.poisson(np.exp(1.2 + 1.2 * level + 0.4 * size))
    return pd.DataFrame({
        "subject": [f"M{m + 1}" for m in mouse], "lesion": [f"L{i + 1:02d}" for i in range(n)], "dark": dark,
        "cell_volume_um3": (cells * np.exp(rng.normal(8.6, 0.5, n))).round(0), "cell_clusters": cells,
        "erythrocyte_volume_um3": (red * np.exp(rng.normal(6.4, 0.4, n))).round(0), "erythrocyte_clusters": red,
    })  # fmt: skip


def illustrate_cells(
    both: int, marker_only: int, reference_only: int, sections: int, seed: int = 1
) -> pd.DataFrame:
    """Cells of Figures S7E and S8C, in sections that stain unlike one another.

    Examples
    --------
    >>> len(illustrate_cells(47, 3, 0, 5))
    50
    """
    rng = np.random.default_rng(seed)
    kinds = np.repeat([0, 1, 2], [both, marker_only, reference_only])
    section = rng.integers(sections, size=len(kinds))
    shuffled = np.argsort(kinds + rng.normal(0, 1.2, len(kinds)), kind="stable")
    section[shuffled] = np.sort(section)  # some sections hold more of one kind
    return pd.DataFrame({
        "section": [f"S{s + 1}" for s in section], "marker": (kinds < 2).astype(int),
        "reference": (kinds != 1).astype(int),
    })  # fmt: skip


def illustrate_zones(patients: int, pieces: int = 6, seed: int = 1) -> pd.DataFrame:
    """Fractions of Fig 6E: patients unlike one another, more in the core than in the infiltration zone.

    Examples
    --------
    >>> illustrate_zones(3).groupby(["subject", "zone"]).size().unique().tolist()
    [6]
    """
    rng = np.random.default_rng(seed)
    rows = []
    for i, level in enumerate(np.geomspace(0.06, 0.35, patients)):
        for zone, factor in (("core", 1.0), ("infiltration", 0.4)):
            for _ in range(pieces):
                value = level * factor * np.exp(rng.normal(0, 0.35))
                rows.append((f"P{i + 1}", zone, round(float(np.clip(value, 0, 1)), 4)))
    return pd.DataFrame(rows, columns=["subject", "zone", "fraction"])


def study_coverage(
    sizes: Sequence[int], share: float, iccs: Sequence[float], *, draws: int, seed: int
) -> pd.DataFrame:
    """How often intervals of a share hold the truth when lesions sit in subjects (beta-binomial).

    Parameters
    ----------
    sizes : sequence of int
        Lesions per subject.
    share : float
        True share.
    iccs : sequence of float
        Correlation of two lesions of a subject.

    Returns
    -------
    DataFrame
        icc, and coverage in percent of "exact" (Clopper–Pearson, lesions as independent) and "subjects" (Wilson's at the
        effective number that the table itself shows).

    Examples
    --------
    >>> study_coverage([3] * 9, 0.3, [0.0], draws=50, seed=1).columns.tolist()
    ['icc', 'exact', 'subjects']
    """
    rng = np.random.default_rng(seed)
    count = np.asarray(sizes)
    label = np.repeat(np.arange(len(count)), count)
    exact = [
        proportion_interval(k, int(count.sum()), 0.95, "clopper-pearson") for k in range(count.sum() + 1)
    ]
    rows = []
    for icc in iccs:
        hits = np.zeros(2)
        for _ in range(draws):
            p = np.full(len(count), share)
            if icc > 0:
                total = 1 / icc - 1
                p = rng.beta(share * total, (1 - share) * total, len(count))
            x = rng.binomial(count, p)
            flags = (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)) < np.repeat(
                x, count
            )
            own = clustered_proportion_interval(flags.astype(int), label, 0.95, "wilson-effective")
            hits += (share in exact[int(x.sum())], share in own)
        rows.append((icc, *(100 * hits / draws)))
    return pd.DataFrame(rows, columns=["icc", "exact", "subjects"])


def study_false_positives(
    lesions: int,
    mice: int,
    *,
    share: float,
    icc: float,
    mouse_sd: float,
    draws: int,
    n_resamples: int,
    seed: int,
) -> pd.DataFrame:
    """How often two tests find a difference between dark and other lesions where there is none.

    Mice differ in the size of their lesions (`mouse_sd`, in SD within mice, log scale) and in their share of dark lesions
    (`icc`); within a mouse the two have nothing to do with each other.

    Returns
    -------
    DataFrame
        One row: lesions and within (percent of draws with p < 0.05), draws (with both kinds of lesions).
    """
    rng = np.random.default_rng(seed)
    mouse = np.arange(lesions) % mice
    total = 1 / icc - 1
    found = np.zeros(2)
    used = 0
    for i in range(draws):
        dark = rng.random(lesions) < rng.beta(share * total, (1 - share) * total, mice)[mouse]
        size = rng.normal(0, mouse_sd, mice)[mouse] + rng.normal(size=lesions)
        if dark.sum() in (0, lesions):
            continue
        p = within_subject_p(size, dark, mouse, n_resamples, seed + i)
        used += 1
        found += (mann_whitney(size[dark], size[~dark], method="asymptotic").p < 0.05, p < 0.05)
    return pd.DataFrame([(*(100 * found / used), used)], columns=["lesions", "within", "draws"])
