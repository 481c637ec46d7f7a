"""One correlation in several groups: within each, common within all, pooled, and what the groups' means add to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import drop_incomplete
from compendium.statistics.correlation import pearson
from compendium.statistics.correlation_formulas import check_pairs
from compendium.statistics.correlation_within import repeated_measures_correlation
from compendium.statistics.results import Correlation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GroupedCorrelation:
    """A correlation by group.

    Attributes
    ----------
    groups : dict of Correlation
        Within each group; groups of fewer than three pairs, or without variation, are left out.
    within : Correlation or None
        Common within all groups (parallel lines); None for one group or where nothing varies within.
    pooled : Correlation
        Groups ignored.
    between_share : float
        Share of the pooled covariance that the means of the groups make; above 1 when the cases within groups run
        against it, negative when the means run against the pooled correlation. NaN for one group.
    """

    groups: dict[str, Correlation]
    within: Correlation | None
    pooled: Correlation
    between_share: float


def correlate_by_group(
    x: ArrayLike, y: ArrayLike, group: ArrayLike, confidence: float = 0.95
) -> GroupedCorrelation:
    """Pearson's r within groups, common within groups, and pooled.

    Parameters
    ----------
    x, y : array-like, shape (n,)
    group : array-like, shape (n,)
        Labels; rows that lack any of the three are left out.

    Raises
    ------
    ValueError
        With fewer than three complete pairs, or a constant variable.

    Examples
    --------
    >>> got = correlate_by_group([1, 2, 3, 11, 12, 13], [3, 2, 1, 13, 12, 11], list("aaabbb"))
    >>> round(got.groups["a"].r, 2), round(got.within.r, 2), round(got.pooled.r, 2), got.between_share > 1
    (-1.0, -1.0, 0.95, True)
    """
    (a, b, label), _ = drop_incomplete(x=x, y=y, group=group, labels=["group"])
    check_pairs(a, b)
    label = label.astype(str)
    names = list(dict.fromkeys(label))
    parts = {name: (a[label == name], b[label == name]) for name in names}
    usable = {name: pair for name, pair in parts.items() if _varies(*pair)}
    within, share = None, float("nan")
    if len(names) > 1:
        share = sum(_between(a, b, parts.values())) / float(np.sum((a - a.mean()) * (b - b.mean())))
        if usable and len(a) - len(names) - 1 >= 1:
            within = repeated_measures_correlation(a, b, label, confidence)
    groups = {name: pearson(*pair, confidence) for name, pair in usable.items()}
    return GroupedCorrelation(groups, within, pearson(a, b, confidence), share)


def _varies(x: Array, y: Array) -> bool:
    return len(x) >= 3 and len(set(x)) > 1 and len(set(y)) > 1


def _between(x: Array, y: Array, parts: object) -> Iterator[float]:
    for px, py in parts:  # type: ignore[attr-defined]
        yield len(px) * float((px.mean() - x.mean()) * (py.mean() - y.mean()))


def leave_one_out(x: ArrayLike, y: ArrayLike) -> Array:
    """Pearson's r without each case in turn, shape (n,); closed form, no refit.

    Raises
    ------
    ValueError
        With fewer than four pairs or a constant variable.

    Examples
    --------
    >>> leave_one_out([1, 2, 3, 10], [2, 1, 3, 10]).round(2)
    array([1.  , 1.  , 0.98, 0.5 ])
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(a) < 4:
        raise ValueError(f"Leaving one out needs at least four pairs. Given {len(a)}.")
    check_pairs(a, b)
    a, b, n = a - a.mean(), b - b.mean(), len(a)
    weight = n / (n - 1)
    sxy, sxx, syy = (float(u @ v) - weight * u * v for u, v in ((a, b), (a, a), (b, b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sxy / np.sqrt(sxx * syy))
