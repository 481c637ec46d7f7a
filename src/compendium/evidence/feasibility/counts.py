"""Whole numbers behind printed means and percentages: group sizes, cluster splits, rounding rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import ceil, floor

from compendium.evidence.feasibility.verdict import (
    Number,
    Range,
    RangeLike,
    Verdict,
    as_fraction,
    as_range,
    meet,
)

RULES = ("half up", "half even", "truncated", "rounded up")


def enumerate_group_sizes(
    means: Sequence[RangeLike],
    pooled: RangeLike,
    total: int,
    *,
    unlabelled: int = 0,
    unlabelled_mean: RangeLike | None = None,
    minimum: int = 1,
) -> Verdict:
    """Group sizes for which the group means give the printed pooled mean.

    Parameters
    ----------
    means : sequence of ranges
    pooled : range
    total : int
        Values in the pooled mean.
    unlabelled : int
        Values in the pooled mean that belong to no group, with a mean inside `unlabelled_mean`.
    minimum : int
        Smallest size of a group.

    Returns
    -------
    Verdict
        ``solutions``: tuples of sizes. ``touching``: True if every solution meets the printed mean only at
        a limit. Solutions that only touch are listed in ``note``.

    Examples
    --------
    >>> enumerate_group_sizes([(1289.5, 1290.5), (1357.5, 1358.5)], (1322.5, 1323.5), 66).solutions
    ((33, 33), (34, 32))
    >>> enumerate_group_sizes([(1289.5, 1290.5), (1357.5, 1358.5)], (1322.5, 1323.5), 66).note
    '2 solutions; only at a rounding limit: (33, 33)'
    """
    if unlabelled and unlabelled_mean is None:
        raise ValueError(f"unlabelled_mean is needed for unlabelled values. Given {unlabelled} of them.")
    ranges, printed = [as_range(m) for m in means], as_range(pooled)
    extra = (
        (unlabelled, as_range(unlabelled_mean))
        if unlabelled_mean is not None
        else (0, (Fraction(0), Fraction(0)))
    )
    solutions, touching = [], []
    for sizes in _compositions(total - extra[0], len(ranges), minimum):
        shares, limit = meet(_weighted(sizes, ranges, extra, total), printed)
        if shares:
            solutions.append(sizes)
            touching += [sizes] if limit else []
    assumptions = [
        f"the pooled mean covers all {total} values",
        "the groups do not overlap",
        f"each group has at least {minimum} value(s)",
    ]
    assumptions.append(f"{unlabelled} values without label" if unlabelled else "every value has a label")
    note = f"{len(solutions)} solutions"
    note += f"; only at a rounding limit: {', '.join(map(str, touching))}" if touching else ""
    shown = (float(printed[0]), float(printed[1]))
    return Verdict(
        bool(solutions),
        "group sizes",
        None,
        shown,
        tuple(solutions),
        bool(solutions) and len(touching) == len(solutions),
        tuple(assumptions),
        note,
    )


def _weighted(sizes: Sequence[int], means: Sequence[Range], extra: tuple[int, Range], total: int) -> Range:
    low, high = (
        (sum((n * m[i] for n, m in zip(sizes, means, strict=True)), Fraction(0)) + extra[0] * extra[1][i])
        / total
        for i in (0, 1)
    )
    return low, high


def _compositions(total: int, parts: int, minimum: int) -> Iterable[tuple[int, ...]]:
    if parts == 1:
        if total >= minimum:
            yield (total,)
        return
    for first in range(minimum, total - minimum * (parts - 1) + 1):
        for rest in _compositions(total - first, parts - 1, minimum):
            yield (first, *rest)


def split_clusters(counts: Mapping[int, int], *, clusters: int, samples: int) -> tuple[dict[int, int], ...]:
    """Ways to choose `clusters` clusters with `samples` samples in all from a table size → number of
    clusters.

    Examples
    --------
    >>> len(split_clusters({1: 7, 2: 6, 3: 9, 4: 5}, clusters=13, samples=34))  # nocera2025
    20
    """
    sizes = sorted(counts)
    found = []
    for chosen in product(*(range(counts[size] + 1) for size in sizes)):
        if sum(chosen) == clusters and sum(c * s for c, s in zip(chosen, sizes, strict=True)) == samples:
            found.append(dict(zip(sizes, chosen, strict=True)))
    return tuple(found)


def percent_units(printed: str) -> tuple[int, int]:
    """A printed percentage as a whole number of its last digit, and its decimals: "18.5" → (185, 1).

    Examples
    --------
    >>> percent_units("18.5"), percent_units("34%")
    ((185, 1), (34, 0))
    """
    text = printed.strip().removesuffix("%").strip()
    whole, _, decimals = text.partition(".")
    if not (whole + decimals).isdigit():
        raise ValueError(f"A printed percentage has digits and at most one point. Given {printed!r}.")
    return int(whole + decimals), len(decimals)


def round_percent(count: int, total: int, decimals: int, rule: str) -> int:
    """Percentage count/total in units of its last printed digit under a rounding rule.

    Examples
    --------
    >>> [round_percent(5, 27, 0, rule) for rule in RULES]
    [19, 19, 18, 19]
    """
    if not 0 <= count <= total or total < 1:
        raise ValueError(f"A percentage needs 0 ≤ count ≤ total and total ≥ 1. Given {count} of {total}.")
    exact = Fraction(count * 100 * 10**decimals, total)
    if rule == "half up":
        return floor(exact + Fraction(1, 2))
    if rule == "half even":
        return round(exact)
    if rule == "truncated":
        return floor(exact)
    if rule == "rounded up":
        return ceil(exact)
    raise ValueError(f"rule must be one of {', '.join(RULES)}. Given {rule!r}.")


def is_nearest(count: int, total: int, units: int, decimals: int) -> bool:
    """Tell whether so many units of the last digit are a nearest value to count/total in percent, ties either way.

    Examples
    --------
    >>> is_nearest(1, 8, 12, 0), is_nearest(1, 8, 13, 0), is_nearest(1, 8, 14, 0)
    (True, True, False)
    """
    return 2 * abs(count * 100 * 10**decimals - units * total) <= total


def counts_for_percent(
    printed: str, total: int, *, rules: Sequence[str] = RULES
) -> dict[int, tuple[str, ...]]:
    """Counts k for which k/total is printed like this, each with the rules under which it is.

    Examples
    --------
    >>> counts_for_percent("34", 52), counts_for_percent("34", 53)
    ({18: ('truncated',)}, {18: ('half up', 'half even', 'rounded up')})
    """
    units, decimals = percent_units(printed)
    scale = 100 * 10**decimals
    low, high = max(0, (units - 1) * total // scale), min(total, ceil((units + 1) * total / scale))
    found = {}
    for count in range(low, high + 1):
        fits = tuple(r for r in rules if round_percent(count, total, decimals, r) == units)
        if fits:
            found[count] = fits
    return found


def totals_for_percents(
    printed: Sequence[str], totals: Iterable[int], *, rule: str = "half up"
) -> tuple[int, ...]:
    """Denominators for which every printed percentage has a count under one rule.

    Examples
    --------
    >>> totals_for_percents(["18.5", "51.9"], range(10, 60))
    (27, 54)
    """
    return tuple(n for n in totals if all(counts_for_percent(p, n, rules=[rule]) for p in printed))


def check_percentages(counts: Sequence[int], total: int, printed: Sequence[str]) -> Verdict:
    """Which rule prints all these percentages of one denominator; also whether they were adjusted to add to
    100.

    ``solutions`` holds the rules that print all of them. Where none of the two ordinary ones does: "ties either way" is
    added if each is a nearest value and only the ties disagree (a program rounds the binary number), "forced to 100" if
    the counts make up the total, the printed values add to exactly 100 and each is the next lower or higher printable
    value.

    Examples
    --------
    >>> check_percentages([5, 8, 14], 27, ["18", "30", "52"]).solutions
    ('forced to 100',)
    >>> check_percentages([5, 22], 27, ["18", "52"]).compatible
    False
    """
    if len(counts) != len(printed):
        raise ValueError(f"Counts and percentages must pair up. Given {len(counts)} and {len(printed)}.")
    read = [percent_units(text) for text in printed]
    pairs = list(zip(counts, read, strict=True))
    fits = [
        rule for rule in RULES if all(round_percent(k, total, d, rule) == units for k, (units, d) in pairs)
    ]
    adjacent = all(
        round_percent(k, total, d, "truncated") <= u <= round_percent(k, total, d, "rounded up")
        for k, (u, d) in pairs
    )
    complete = sum((as_fraction(u) / 10**d for u, d in read), Fraction(0)) == 100 and sum(counts) == total
    ordinary = "half up" in fits or "half even" in fits
    if not ordinary and all(is_nearest(k, total, units, d) for k, (units, d) in pairs):
        fits.append("ties either way")
        ordinary = True
    if adjacent and complete and not ordinary:
        fits.append("forced to 100")
    exact = ", ".join(f"{100 * k / total:.3g}" for k in counts)
    return Verdict(
        bool(fits),
        "percentages",
        None,
        None,
        tuple(fits),
        False,
        (f"denominator {total} throughout", "one rule for all"),
        f"exact values: {exact}",
    )


def check_same_fraction(count: int, total: int, printed: Sequence[str]) -> Verdict:
    """One fraction printed more than once: tell whether a single rule prints it every time.

    Examples
    --------
    >>> check_same_fraction(5, 27, ["18", "19"]).compatible  # nocera2025
    False
    """
    verdict = check_percentages([count] * len(printed), total, printed)
    return Verdict(
        verdict.compatible,
        "one fraction, one rule",
        None,
        None,
        verdict.solutions,
        False,
        verdict.assumptions,
        f"{count}/{total} = {100 * count / total:.4g} %",
    )


def check_total(parts: Sequence[Number], whole: RangeLike) -> Verdict:
    """Parts that should add to a whole; each part may be a range.

    Examples
    --------
    >>> check_total([76, 6], 81).compatible, check_total([76, 5], 81).compatible  # stadlbauer2025
    (False, True)
    """
    ranges, printed = [as_range(p) for p in parts], as_range(whole)
    low, high = (sum((r[i] for r in ranges), Fraction(0)) for i in (0, 1))
    shares, limit = meet((low, high), printed)
    return Verdict(
        shares,
        "parts and whole",
        (float(low), float(high)),
        (float(printed[0]), float(printed[1])),
        (),
        limit,
        ("the parts do not overlap and leave nothing out",),
        f"parts add to {float(low):g} to {float(high):g}, whole {float(printed[0]):g}",
    )
