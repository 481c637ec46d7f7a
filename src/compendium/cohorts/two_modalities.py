"""A simulated cohort seen by two imaging modalities, in which it is known who sees what.

Every subject has three factors: one that both modalities show, one that only the first shows, one that only the second
shows. A factor is a spatial pattern in a small image of a region; every subject also has a fingerprint, a texture of its
own that has nothing to do with the outcome and is the same in all of its regions; every site has a gain. The second image
may be displaced against the first. How strong all this is was chosen, not measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]
FEATURES = ("mean", "sd", "core", "edge", "p10", "p90")
MODALITIES = ("first", "second")


@dataclass(frozen=True)
class Truth:
    """How the outcome depends on the factors, and what disturbs the images.

    `shared`, `private` are log odds ratios per SD of the factor; `fingerprint` and `noise` standard deviations of a pixel
    (a pattern has a standard deviation of about 1); `site_gain` the spread of gains between two sites; `shift` the SD of
    the displacement of the second image along each axis, in pixels.
    """

    shared: float = 1.0
    private: float = 1.4
    fingerprint: float = 1.5
    noise: float = 2.0
    site_gain: float = 0.15
    shift: float = 0.0


@dataclass(frozen=True)
class TwoModalities:
    """A cohort: images (rows, size, size) of both modalities and what is known of each row."""

    rows: pd.DataFrame  # subject, outcome, group
    first: Array
    second: Array


def simulate_two_modalities(
    subjects: int, regions: int, seed: int, truth: Truth = Truth(), *, size: int = 8
) -> TwoModalities:
    """Draw a cohort with so many regions of each subject; half of the subjects have the outcome, on average.

    Raises
    ------
    ValueError : fewer than six subjects, or no region.

    Examples
    --------
    >>> cohort = simulate_two_modalities(10, 3, seed=1)
    >>> cohort.first.shape, sorted(cohort.rows["outcome"].unique().tolist())
    ((30, 8, 8), [0, 1])
    """
    if subjects < 6 or regions < 1:
        raise ValueError(
            f"A cohort has six subjects and one region at least. Given {subjects} and {regions}."
        )
    rng = np.random.default_rng([seed, 20240])
    patterns = _patterns(size)
    factor = rng.standard_normal((3, subjects))  # shared, private to the first, private to the second
    odds = truth.shared * factor[0] + truth.private * (factor[1] + factor[2])
    outcome = (rng.uniform(size=subjects) < 1 / (1 + np.exp(-odds))).astype(int)
    outcome[np.argmax(odds)], outcome[np.argmin(odds)] = 1, 0  # never one class only
    site = rng.integers(0, 2, subjects)
    rows = pd.DataFrame({
        "subject": [f"P{s + 1:03d}" for s in range(subjects) for _ in range(regions)],
        "outcome": np.repeat(outcome, regions),
        "group": np.repeat(np.where(site == 0, "site A", "site B"), regions),
    })  # fmt: skip
    images = []
    for modality in range(2):
        seen = np.stack([factor[0], factor[1 + modality]])
        shift = truth.shift if modality else 0.0
        images.append(_images(seen, patterns[modality], regions, site, truth, shift, rng))
    return TwoModalities(rows, images[0], images[1])


def _patterns(size: int) -> Array:
    """Patterns (modality, factor, size, size): a core and a rim, a gradient and a blob; each with SD 1."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(x, y)
    core, blob = np.exp(-((radius / (size / 4)) ** 2)), np.exp(-(((x - 1.5) ** 2 + (y + 1.5) ** 2) / 3))
    rim = np.exp(-(((radius - size / 3) / 1.2) ** 2))
    both = [[core, x + 0.0], [rim, blob]]
    return np.array(
        [[(p - p.mean()) / p.std() + (0.5 if i == 0 else 0) for i, p in enumerate(row)] for row in both]
    )


def _images(
    seen: Array, patterns: Array, regions: int, site: NDArray[np.int_], truth: Truth, shift: float,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    subjects, size = seen.shape[1], patterns.shape[-1]
    signal = np.tensordot(seen.T, patterns, 1)
    own = ndimage.gaussian_filter(rng.standard_normal((subjects, size, size)), (0, 0.8, 0.8))
    signal += truth.fingerprint * own / own.std()
    images = np.repeat(signal, regions, axis=0)
    if shift:
        moves = rng.normal(0, shift, (subjects, 2))
        moved = [ndimage.shift(s, m, order=1, mode="nearest") for s, m in zip(signal, moves, strict=True)]
        images = np.repeat(np.array(moved), regions, axis=0)
    gain = (1 + truth.site_gain * np.array([-1, 1]))[np.repeat(site, regions)]
    return gain[:, None, None] * (5 + images + truth.noise * rng.standard_normal(images.shape))


def pixel_table(cohort: TwoModalities) -> pd.DataFrame:
    """One row per region, one column per pixel of each modality (`first_000`, …)."""
    columns = {
        f"{name}_{i:03d}": values
        for name in MODALITIES
        for i, values in enumerate(getattr(cohort, name).reshape(len(cohort.rows), -1).T)
    }
    return pd.concat([cohort.rows, pd.DataFrame(columns)], axis=1)


def feature_table(cohort: TwoModalities) -> pd.DataFrame:
    """One row per region, one column per feature read from each image: mean, SD, core − rim, edges, two percentiles.

    Examples
    --------
    >>> feature_table(simulate_two_modalities(8, 1, seed=1)).columns[3:6].tolist()
    ['first_mean', 'first_sd', 'first_core']
    """
    columns: dict[str, Array] = {}
    for name in MODALITIES:
        image = getattr(cohort, name)
        size = image.shape[-1]
        y, x = np.mgrid[:size, :size] - (size - 1) / 2
        inside = np.hypot(x, y) < size / 4
        flat = image.reshape(len(image), -1)
        edges = np.abs(np.diff(image, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(image, axis=2)).mean(
            axis=(1, 2)
        )
        values = (flat.mean(1), flat.std(1), image[:, inside].mean(1) - image[:, ~inside].mean(1), edges,
                  *np.percentile(flat, [10, 90], axis=1))  # fmt: skip
        columns |= {f"{name}_{feature}": v for feature, v in zip(FEATURES, values, strict=True)}
    return pd.concat([cohort.rows, pd.DataFrame(columns)], axis=1)


def lose_second(table: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The table with the second modality missing in whole subjects, at random, about this share of them."""
    rng = np.random.default_rng([seed, 404])
    names = np.unique(table["subject"])
    lost = names[rng.permutation(len(names))[: round(share * len(names))]]
    kept = table.copy()
    kept.loc[kept["subject"].isin(lost), [c for c in kept if c.startswith("second_")]] = np.nan
    return kept


def draw_outcome(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The table with outcomes dealt again among the subjects by lot: nothing is related to them any more."""
    rng = np.random.default_rng([seed, 7])
    per_subject = table.groupby("subject", sort=True)["outcome"].first()
    dealt = pd.Series(rng.permutation(per_subject.to_numpy()), index=per_subject.index)
    return table.assign(outcome=table["subject"].map(dealt))
