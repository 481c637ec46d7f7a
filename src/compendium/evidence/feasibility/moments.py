"""Means and standard deviations against extremes, bounds, groups and subsets.

Sources: Samuelson 1968, J Am Stat Assoc 63:1522 (extremes); Bhatia and Davis 2000, Am Math Mon 107:353
(bounds).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import product
from math import sqrt

from compendium.evidence.feasibility.verdict import Range, RangeLike, Verdict, as_range, judge


def least_sum_of_squares(mean: Range, n: int, extremes: Sequence[Range]) -> Fraction:
    """Smallest Σ(x − mean)² of n values that hold the extremes, over all values inside the printed intervals.

    The k extremes deviate as printed; the others share the opposite deviation equally.

    Raises
    ------
    ValueError
        If there are not more values than extremes.

    Examples
    --------
    >>> mean = (Fraction(2), Fraction(2))
    >>> least_sum_of_squares(mean, 4, [(Fraction(5), Fraction(5))])  # 5 and three times 1
    Fraction(12, 1)
    """
    k = len(extremes)
    if n <= k:
        raise ValueError(f"n must exceed the number of extremes. Given n={n} and {k} extremes.")
    nearest = [min(max((mean[0] + mean[1]) / 2, low), high) for low, high in extremes]
    centre = min(max(sum(nearest, Fraction(0)) / k, mean[0]), mean[1])
    deviations = [e - centre for e in nearest]
    return sum((d * d for d in deviations), Fraction(0)) + sum(deviations, Fraction(0)) ** 2 / (n - k)


def check_extremes(
    mean: RangeLike,
    sd: RangeLike,
    n: int,
    *,
    minimum: RangeLike | None = None,
    maximum: RangeLike | None = None,
    ddof: int = 1,
) -> Verdict:
    """Samuelson's inequality: the SD that a minimum and/or maximum among n values requires.

    Examples
    --------
    >>> check_extremes((13.35, 13.45), (8.75, 8.85), 55, maximum=(100.05, 100.15)).compatible
    False
    """
    extremes = [as_range(e) for e in (minimum, maximum) if e is not None]
    if not extremes:
        raise ValueError("At least one of minimum and maximum is needed. Given none.")
    printed = as_range(sd)
    least = sqrt(least_sum_of_squares(as_range(mean), n, extremes) / (n - ddof))
    return judge(
        "Samuelson",
        (least, float("inf")),
        (float(printed[0]), float(printed[1])),
        (f"mean, SD and extremes describe the same {n} values", f"SD with denominator n − {ddof}"),
        f"n = {n} needs an SD of at least {least:.4g}; printed at most {float(printed[1]):g}",
    )


def smallest_size_for_extremes(
    mean: RangeLike,
    sd: RangeLike,
    *,
    minimum: RangeLike | None = None,
    maximum: RangeLike | None = None,
    ddof: int = 1,
    limit: int = 100_000,
) -> int | None:
    """Smallest n for which the extremes fit the SD; None if none up to `limit` does.

    Examples
    --------
    >>> smallest_size_for_extremes((13.35, 13.45), (8.75, 8.85), maximum=(100.05, 100.15))
    98
    """
    count = sum(e is not None for e in (minimum, maximum))
    low, high = count + 1, limit

    def fits(n: int) -> bool:
        return check_extremes(mean, sd, n, minimum=minimum, maximum=maximum, ddof=ddof).compatible

    if not fits(high):
        return None
    while low < high:  # the SD that is required falls with n
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle + 1, high)
    return low


def check_bounded_sd(
    mean: RangeLike, sd: RangeLike, *, low: RangeLike, high: RangeLike, n: int, ddof: int = 1
) -> Verdict:
    """Bhatia–Davis: values between `low` and `high` with this mean have SD² ≤ (high − mean)(mean −
    low)·n/(n − ddof).

    Examples
    --------
    >>> check_bounded_sd((0.95, 0.95), (0.3, 0.3), low=0, high=1, n=20).compatible
    False
    """
    (a, b), printed = as_range(mean), as_range(sd)
    bottom, top = as_range(low)[0], as_range(high)[1]
    if a > top or b < bottom:
        raise ValueError(f"The mean must lie between the bounds. Given {float(a):g} to {float(b):g}.")
    best = min(max((bottom + top) / 2, a), b)
    largest = sqrt(max(Fraction(0), (top - best) * (best - bottom)) * Fraction(n, n - ddof))
    return judge(
        "Bhatia–Davis",
        (0.0, largest),
        (float(printed[0]), float(printed[1])),
        (f"all values between {float(bottom):g} and {float(top):g}", f"n = {n}", f"denominator n − {ddof}"),
    )


Moments = tuple[int, RangeLike, RangeLike]


def pooled_mean(groups: Iterable[tuple[int, RangeLike]]) -> Range:
    """Mean of all values from group sizes and means.

    Examples
    --------
    >>> tuple(map(float, pooled_mean([(34, (1289.5, 1290.5)), (32, (1357.5, 1358.5))])))[0]
    1322.469696969697
    """
    read = [(n, as_range(mean)) for n, mean in groups]
    total = sum(n for n, _ in read)
    low, high = (sum((n * mean[i] for n, mean in read), Fraction(0)) / total for i in (0, 1))
    return low, high


def pooled_sd(groups: Iterable[Moments], *, ddof: int = 1) -> tuple[float, float]:
    """Range of the SD of all values from group sizes, means and SDs.

    Examples
    --------
    >>> tuple(round(s, 4) for s in pooled_sd([(2, 0.5, 0.5 ** 0.5), (2, 2.5, 0.5 ** 0.5)]))       # 0, 1, 2, 3
    (1.291, 1.291)
    """
    read = [(n, as_range(mean), as_range(sd)) for n, mean, sd in groups]
    total = sum(n for n, _, _ in read)
    within = [sum(((n - ddof) * sd[i] ** 2 for n, _, sd in read), Fraction(0)) for i in (0, 1)]
    between = _between_range([n for n, _, _ in read], [mean for _, mean, _ in read])
    low, high = (sqrt((w + b) / (total - ddof)) for w, b in zip(within, between, strict=True))
    return low, high


def _between_range(sizes: list[int], means: list[Range]) -> tuple[Fraction, Fraction]:
    """Smallest and largest Σ n(m − M)²: convex, so largest at a corner, smallest with all m towards one M."""

    def between(values: Sequence[Fraction]) -> Fraction:
        centre = sum((n * v for n, v in zip(sizes, values, strict=True)), Fraction(0)) / sum(sizes)
        return sum((n * (v - centre) ** 2 for n, v in zip(sizes, values, strict=True)), Fraction(0))

    largest = max(between(corner) for corner in product(*means))
    low, high = min(m[0] for m in means), max(m[1] for m in means)
    for _ in range(80):  # the pull of the clamped means on M changes sign once
        middle = (low + high) / 2
        pull = sum(n * (min(max(middle, m[0]), m[1]) - middle) for n, m in zip(sizes, means, strict=True))
        low, high = (middle, high) if pull > 0 else (low, middle)
    return between([min(max(high, m[0]), m[1]) for m in means]), largest


def check_pooled(
    groups: Sequence[Moments], mean: RangeLike, sd: RangeLike | None = None, *, ddof: int = 1
) -> Verdict:
    """Pooled mean (and SD) against those of the groups.

    Examples
    --------
    >>> check_pooled([(10, (4.5, 5.5), (1, 1)), (10, (8.5, 9.5), (1, 1))], (7, 7), (1.0, 1.2)).compatible
    False
    """
    assumptions = ("the groups make up all values", f"SD with denominator n − {ddof}")
    first = judge("pooled mean", pooled_mean((n, m) for n, m, _ in groups), as_range(mean), assumptions)
    if sd is None or not first.compatible:
        return first
    printed = as_range(sd)
    return judge(
        "pooled SD", pooled_sd(groups, ddof=ddof), (float(printed[0]), float(printed[1])), assumptions
    )


def check_pooled_rms(groups: Sequence[tuple[int, RangeLike]], whole: RangeLike) -> Verdict:
    """Root mean square of all values (an RMSE) against those of the groups: whole² · N = Σ n · rms².

    Examples
    --------
    >>> check_pooled_rms([(33, (1502.5, 1503.5)), (32, (3155.5, 3156.5))], (1973.5, 1974.5)).note
    'implied 2459.29 to 2460.23, printed 1973.5 to 1974.5'
    """
    read = [(n, as_range(value)) for n, value in groups]
    total, printed = sum(n for n, _ in read), as_range(whole)
    low, high = (sqrt(sum((n * v[i] ** 2 for n, v in read), Fraction(0)) / total) for i in (0, 1))
    return judge(
        "pooled root mean square",
        (low, high),
        (float(printed[0]), float(printed[1])),
        ("the groups make up all values", "all are root mean squares of the same quantity, not centred"),
    )


def largest_subset_rms(
    mean: RangeLike,
    sd: RangeLike,
    n: int,
    *,
    subset: int,
    others: Sequence[tuple[int, RangeLike]] = (),
    ddof: int = 1,
) -> float:
    """Largest root mean square of `subset` of n values with this mean and SD, others being known.

    Σx² of all n values is (n − ddof)·SD² + n·mean²; the squares of disjoint other subsets are taken off,
    and what is left is at most the subset's.

    Parameters
    ----------
    others : sequence of (size, rms)
        Disjoint from the subset.

    Examples
    --------
    >>> round(largest_subset_rms(1533, 1451.6, 66, subset=32, others=[(33, 1503)]))  # nocera2025
    2607
    """
    (a, b), (_, spread) = as_range(mean), as_range(sd)
    if subset + sum(size for size, _ in others) > n:
        raise ValueError(
            f"Subset and others must not exceed n = {n}. Given {subset} and {[s for s, _ in others]}."
        )
    total = (n - ddof) * spread**2 + n * max(a * a, b * b)
    known = sum((size * as_range(rms)[0] ** 2 for size, rms in others), Fraction(0))
    return sqrt(max(Fraction(0), total - known) / subset)
