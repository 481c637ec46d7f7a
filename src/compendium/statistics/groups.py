"""Comparison of means and variances between groups; rank tests are in `ranks`, pairs of groups in `posthoc`.

Groups are given as a mapping (name → values) or as a sequence of arrays.
Missing values are dropped within each group (within each pair for paired tests) and counted in ``dropped``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import as_vector, check_between, check_choice, check_minimum, drop_incomplete
from compendium.statistics.results import Interval, TestResult

Array = NDArray[np.float64]
Groups = Mapping[str, ArrayLike] | Sequence[ArrayLike]
ALTERNATIVES = ("two-sided", "greater", "less")


@dataclass(frozen=True)
class GroupTest(TestResult):
    """A `TestResult` with the group sizes and the number of missing values that were left out."""

    sizes: tuple[int, ...] = ()
    dropped: int = 0


class ReadGroups(NamedTuple):
    """Groups without missing values: names, arrays, number of values dropped."""

    names: tuple[str, ...]
    arrays: tuple[Array, ...]
    dropped: int


def read_groups(groups: Groups, *, minimum: int = 1, at_least: int = 2) -> ReadGroups:
    """Groups without missing values.

    Parameters
    ----------
    groups : mapping of name → values, or sequence of arrays (named "1", "2", …)
    minimum : int
        Smallest number of values that each group must keep.
    at_least : int
        Smallest number of groups.

    Raises
    ------
    ValueError
        If there are too few groups or a group keeps fewer than `minimum` values.

    Examples
    --------
    >>> read_groups({"a": [1, 2], "b": [3, None]}).arrays
    (array([1., 2.]), array([3.]))
    >>> read_groups({"a": [1, 2], "b": []})
    Traceback (most recent call last):
        ...
    ValueError: Group 'b' is too small: at least 1 value is needed. Given 0.
    """
    named = groups if isinstance(groups, Mapping) else {str(i + 1): g for i, g in enumerate(groups)}
    check_minimum(len(named), at_least, "groups")
    arrays, dropped = [], 0
    for name, values in named.items():
        vector = as_vector(values, f"group {name!r}")
        kept = vector[~np.isnan(vector)]
        dropped += len(vector) - len(kept)
        if len(kept) < minimum:
            plural = "value is" if minimum == 1 else "values are"
            raise ValueError(
                f"Group {name!r} is too small: at least {minimum} {plural} needed. Given {len(kept)}."
            )
        arrays.append(np.sort(kept))  # sorted: sums, and so results, do not depend on the order of rows
    return ReadGroups(tuple(str(name) for name in named), tuple(arrays), dropped)


def refuse_constant(arrays: Sequence[Array]) -> None:
    """Refuse groups that are all constant: the variance within groups is zero and no mean test is defined.

    Examples
    --------
    >>> refuse_constant([np.array([1.0, 1.0]), np.array([2.0, 2.0])])
    Traceback (most recent call last):
        ...
    ValueError: Groups must vary: the variance within every group is zero. Given means 1, 2.
    """
    if all(np.ptp(a) <= 1e-12 * max(1.0, float(np.abs(a).max())) for a in arrays):
        means = ", ".join(f"{a.mean():g}" for a in arrays)
        raise ValueError(f"Groups must vary: the variance within every group is zero. Given means {means}.")


def t_test(
    first: ArrayLike, second: ArrayLike, *, alternative: str = "two-sided", confidence: float = 0.95
) -> GroupTest:
    """Student's t test with pooled variance (scipy's and SPSS's default).

    Parameters
    ----------
    first, second : array-like, shape (n1,), (n2,)
    alternative : {"two-sided", "greater", "less"}
        About mean(first) − mean(second).

    Returns
    -------
    GroupTest
        ``estimate`` and ``interval``: difference of means, in the unit of the data.

    Raises
    ------
    ValueError
        If a group has fewer than two values or nothing varies.

    Examples
    --------
    >>> result = t_test([1, 2, 3, 4], [2, 4, 6, 8])
    >>> round(result.statistic, 4), result.df, round(result.p, 4)
    (-1.7321, 6.0, 0.134)
    """
    return _two_sample_t(first, second, True, alternative, confidence)


def welch_test(
    first: ArrayLike, second: ArrayLike, *, alternative: str = "two-sided", confidence: float = 0.95
) -> GroupTest:
    """Welch's t test, unequal variances (R's default). Arguments and errors as in `t_test`.

    Examples
    --------
    >>> result = welch_test([1, 2, 3, 4], [2, 4, 6, 8])
    >>> round(result.df, 4), round(result.p, 4)
    (4.4118, 0.1516)
    """
    return _two_sample_t(first, second, False, alternative, confidence)


def _two_sample_t(
    first: ArrayLike, second: ArrayLike, pooled: bool, alternative: str, confidence: float
) -> GroupTest:
    check_choice(alternative, ALTERNATIVES, "alternative")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    _, (a, b), dropped = read_groups({"first": first, "second": second}, minimum=2)
    refuse_constant((a, b))
    result = stats.ttest_ind(a, b, equal_var=pooled, alternative=alternative)
    limits = result.confidence_interval(confidence)
    name = "Student t, pooled variance" if pooled else "Welch t, Satterthwaite df"
    difference = float(a.mean() - b.mean())
    interval = Interval(difference, float(limits.low), float(limits.high), confidence, name)
    return GroupTest(
        float(result.statistic),
        float(result.pvalue),
        float(result.df),
        len(a) + len(b),
        name,
        alternative,
        difference,
        interval,
        (len(a), len(b)),
        dropped,
    )


def paired_t_test(
    first: ArrayLike, second: ArrayLike, *, alternative: str = "two-sided", confidence: float = 0.95
) -> GroupTest:
    """Paired t test on first − second; incomplete pairs are dropped.

    Raises
    ------
    ValueError
        If fewer than two pairs are complete or all differences are equal.

    Examples
    --------
    >>> round(paired_t_test([5, 6, 9], [4, 4, 4]).p, 4)
    0.1567
    """
    check_choice(alternative, ALTERNATIVES, "alternative")
    (a, b), dropped = drop_incomplete(first=first, second=second)
    check_minimum(len(a), 2, "complete pairs")
    difference = np.sort(a - b)
    refuse_constant((difference,))
    result = stats.ttest_1samp(difference, 0.0, alternative=alternative)
    limits = result.confidence_interval(confidence)
    mean = float(difference.mean())
    interval = Interval(mean, float(limits.low), float(limits.high), confidence, "paired t")
    n = len(difference)
    return GroupTest(
        float(result.statistic),
        float(result.pvalue),
        float(result.df),
        n,
        "paired t",
        alternative,
        mean,
        interval,
        (n, n),
        dropped,
    )


def levene_test(groups: Groups, *, center: str) -> GroupTest:
    """Levene's test of equal variances with a named centre.

    Parameters
    ----------
    center : {"mean", "median"}
        "mean" is Levene 1960 and what SPSS prints; "median" is Brown–Forsythe, the default of scipy and R's
        `car`.

    Raises
    ------
    ValueError
        If a group has fewer than two values or no absolute deviation varies within its group.

    Examples
    --------
    >>> groups = [[1, 2, 3, 9], [2, 2.5, 3, 3.1]]
    >>> round(levene_test(groups, center="mean").p, 4), round(levene_test(groups, center="median").p, 4)
    (0.0619, 0.2466)
    """
    check_choice(center, ("mean", "median"), "center")
    _, arrays, dropped = read_groups(groups, minimum=2)
    middle = np.mean if center == "mean" else np.median
    refuse_constant([np.abs(a - middle(a)) for a in arrays])
    result = stats.levene(*arrays, center=center)
    sizes = tuple(map(len, arrays))
    df = (float(len(sizes) - 1), float(sum(sizes) - len(sizes)))
    return GroupTest(
        float(result.statistic),
        float(result.pvalue),
        df,
        sum(sizes),
        f"Levene, centre {center}",
        sizes=sizes,
        dropped=dropped,
    )


def anova(groups: Groups) -> GroupTest:
    """One-way analysis of variance; ``estimate`` is η² (share of the sum of squares between groups).

    Raises
    ------
    ValueError
        If no group varies, or no degree of freedom is left within groups.

    Examples
    --------
    >>> result = anova({"a": [1, 2, 3], "b": [2, 3, 4], "c": [5, 6, 7]})
    >>> round(result.statistic, 3), result.df, round(result.estimate, 3)
    (13.0, (2.0, 6.0), 0.812)
    """
    _, arrays, dropped = read_groups(groups)
    refuse_constant(arrays)
    sizes = tuple(map(len, arrays))
    df = (float(len(sizes) - 1), float(sum(sizes) - len(sizes)))
    result = stats.f_oneway(*arrays)
    share = df[0] * result.statistic / (df[0] * result.statistic + df[1])
    return GroupTest(
        float(result.statistic),
        float(result.pvalue),
        df,
        sum(sizes),
        "one-way ANOVA",
        estimate=float(share),
        sizes=sizes,
        dropped=dropped,
    )


def welch_anova(groups: Groups) -> GroupTest:
    """Welch's analysis of variance for unequal variances (R: `oneway.test`).

    Raises
    ------
    ValueError
        If a group has fewer than two values or is constant (its weight n/s² would be infinite).

    Examples
    --------
    >>> result = welch_anova({"a": [1, 2, 3], "b": [2, 3, 4], "c": [5, 6, 10]})
    >>> round(result.statistic, 4), round(result.df[1], 4), round(result.p, 4)
    (4.0678, 3.7037, 0.1162)
    """
    names, arrays, dropped = read_groups(groups, minimum=2)
    for name, values in zip(names, arrays, strict=True):
        if np.ptp(values) == 0:
            raise ValueError(
                f"Group {name!r} must vary for Welch's ANOVA. Given {len(values)} times {values[0]:g}."
            )
    result = stats.f_oneway(*arrays, equal_var=False)
    sizes = tuple(map(len, arrays))
    weight = np.array([len(a) / a.var(ddof=1) for a in arrays])
    spread = ((1 - weight / weight.sum()) ** 2 / (np.array(sizes) - 1)).sum()
    k = len(sizes)
    df = (float(k - 1), float((k * k - 1) / (3 * spread)))
    return GroupTest(
        float(result.statistic),
        float(result.pvalue),
        df,
        sum(sizes),
        "Welch ANOVA",
        sizes=sizes,
        dropped=dropped,
    )
