"""Audit checks of numbers that describe: percentages, sums, means and their range, areas, 2 × 2 tables, groups."""

from collections.abc import Callable
from typing import Any

from compendium.evidence.audit_reading import Outcome, Reader, information
from compendium.evidence.audit_tests import Fit, check_inside, first_fit
from compendium.evidence.feasibility import counts, integers, moments, roc
from compendium.evidence.feasibility.verdict import Verdict
from compendium.evidence.yardstick import parse_printed

NEAREST = ("half up", "half even", "ties either way")
"""Rounding that needs no word: to the nearest value."""
LARGEST_SCALE = 10
"""Scales up to this width are enumerated with their ends; wider ones only by parity and spread."""


def _outside(read: Reader, numbers: list[int], total: int) -> list[Outcome]:
    """An outcome if a count exceeds its total."""
    if max(numbers) <= total:
        return []
    note = f"{max(numbers)} of {total}"
    return [
        read.outcome(
            Verdict(
                False, "count and total", None, None, (), False, ("a part of the total is counted",), note
            )
        )
    ]


def check_percentage(read: Reader) -> list[Outcome]:
    """A percentage and its counts; without the numerator, the counts that fit."""
    total, printed = read.whole("total"), read.text("percent").removesuffix("%").strip()
    if "count" in read:
        if over := _outside(read, [read.whole("count")], total):
            return over
        return [read.outcome(counts.check_percentages([read.whole("count")], total, [printed]), NEAREST)]
    fitting = counts.counts_for_percent(printed, total)
    units, decimals = counts.percent_units(printed)
    usual = tuple(k for k in fitting if counts.is_nearest(k, total, units, decimals))
    status = "information" if usual else ("tension" if fitting else "not compatible")
    shown = usual or tuple(fitting)
    detail = f"counts of {total} that are printed like this: {', '.join(map(str, shown)) or 'none'}"
    rule = "" if usual or not fitting else ", ".join(next(iter(fitting.values())))
    assumed = (f"denominator {total}",)
    return [
        Outcome(read.statement, "counts for a percentage", status, detail, None, None, rule, shown, assumed)
    ]


def check_percentages(read: Reader) -> list[Outcome]:
    """Percentages of one total."""
    numbers, total = [int(k) for k in read.items("counts")], read.whole("total")
    over = _outside(read, numbers, total)
    return over or [read.outcome(counts.check_percentages(numbers, total, read.items("percents")), NEAREST)]


def check_total(read: Reader) -> list[Outcome]:
    """Parts and their sum."""
    return [
        read.outcome(counts.check_total(read.items("parts"), parse_printed(read.text("whole"), exact=True)))
    ]


def check_mean(read: Reader) -> list[Outcome]:
    """A mean with SD, n and range: order, spread for these extremes, and whole numbers."""
    mean, n = read.interval("mean"), read.whole("n") if "n" in read else None
    ends: dict[str, Any] = {e: read.interval(e) for e in ("minimum", "maximum") if e in read}
    found = _order(read, mean, ends)
    if found:
        return found
    if ends and "sd" in read:
        found += _spread(read, mean, ends, n)
    if n and _says_yes(read, "integers"):
        found += _whole_numbers(read, mean, ends, n)
    return found or [information(read, "moments", "nothing to check without extremes, or integers and n", ())]


def _order(read: Reader, mean: Any, ends: dict[str, Any]) -> list[Outcome]:
    """An outcome if minimum, mean and maximum do not stand in this order."""
    row = [v for v in (ends.get("minimum"), mean, ends.get("maximum")) if v is not None]
    rising = all(row[i].lower <= row[j].upper for i in range(len(row)) for j in range(i + 1, len(row)))
    assumed = ("mean and extremes describe the same values",)
    note = ", ".join(v.text for v in row)
    verdict = Verdict(rising, "order of minimum, mean and maximum", None, None, (), False, assumed, note)
    return [] if rising else [read.outcome(verdict)]


def _either_denominator(read: Reader, check: Callable[[int], Verdict]) -> Outcome:
    """A check with the SD's denominator n − 1, or n where only that fits."""
    tries: list[Fit] = [("", lambda: check(1)), ("SD with denominator n", lambda: check(0))]
    return first_fit(read, tries)


def _spread(read: Reader, mean: Any, ends: dict[str, Any], n: int | None) -> list[Outcome]:
    sd = read.interval("sd")
    if n is None:
        least = moments.smallest_size_for_extremes(mean, sd, **ends)
        return [information(read, "smallest n for the extremes", f"n is at least {least}", (least,))]
    if n <= len(ends):
        raise read.error("n", f"n must exceed the number of extremes. Given n={n} and {len(ends)} extremes.")
    found = [_either_denominator(read, lambda d: moments.check_extremes(mean, sd, n, **ends, ddof=d))]
    if len(ends) == 2:
        low, high = ends["minimum"], ends["maximum"]
        bounded = _either_denominator(
            read, lambda d: moments.check_bounded_sd(mean, sd, low=low, high=high, n=n, ddof=d)
        )
        found.append(bounded)
    return found


def _whole_numbers(read: Reader, mean: Any, ends: dict[str, Any], n: int) -> list[Outcome]:
    found = [read.outcome(integers.check_grim(mean, n))]
    if "sd" not in read or found[0].status != "consistent":
        return found
    plain = [read.text(e).lstrip("-−") for e in ("minimum", "maximum") if e in read]
    bounds = None
    if len(plain) == 2 and all(text.isdigit() for text in plain):
        low, high = (round(ends[e].centre) for e in ("minimum", "maximum"))
        bounds = (low, high) if 0 <= high - low <= LARGEST_SCALE else None
    sd = read.interval("sd")
    return [
        *found,
        _either_denominator(read, lambda d: integers.check_grimmer(mean, sd, n, ddof=d, bounds=bounds)),
    ]


def _says_yes(read: Reader, name: str) -> bool:
    return name in read and read.text(name).lower() in ("yes", "true", "1")


def check_auc(read: Reader) -> list[Outcome]:
    """An AUROC, its grain, and its interval."""
    auc, sizes = read.interval("auc"), (read.whole("positives"), read.whole("negatives"))
    found = [read.outcome(roc.check_auc_grain(auc, *sizes))]
    if "lower" in read and "upper" in read:
        lower, upper = read.interval("lower"), read.interval("upper")
        found.append(check_inside(read, auc, lower, upper))
        if found[-1].status == "consistent":
            found.append(read.outcome(roc.check_auc_interval(auc, lower, upper, *sizes)))
    return found


METRICS: dict[str, Callable[[int, int, int, int], tuple[int, int]]] = {
    "sensitivity": lambda tp, fp, fn, tn: (tp, tp + fn),
    "specificity": lambda tp, fp, fn, tn: (tn, tn + fp),
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),
    "npv": lambda tp, fp, fn, tn: (tn, tn + fn),
    "accuracy": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
    "f1": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),
}


def check_confusion(read: Reader) -> list[Outcome]:
    """A 2 × 2 table and its metrics."""
    cells = [read.whole(name) for name in ("tp", "fp", "fn", "tn")]
    found = []
    for name, parts in METRICS.items():
        if name not in read:
            continue
        part, whole = parts(*cells)
        printed = read.text(name).removesuffix("%").strip()
        as_share = "%" not in read.text(name) and read.interval(name).centre <= 1
        verdict = counts.check_percentages([part], whole, [_as_percent(printed) if as_share else printed])
        outcome = read.outcome(verdict, NEAREST)
        found.append(Outcome(**{**vars(outcome), "check": name}))
    if not found:
        raise ValueError(f"confusion needs at least one of {', '.join(METRICS)}.")
    return found


def _as_percent(share: str) -> str:
    """Move the point of a printed share two places: ".83" → "83", "0.979" → "97.9"."""
    whole, _, decimals = share.partition(".")
    digits = f"{whole or '0'}{decimals:0<2}"
    cut = len(whole or "0") + 2
    return f"{int(digits[:cut])}" + (f".{digits[cut:]}" if len(decimals) > 2 else "")


def check_groups(read: Reader) -> list[Outcome]:
    """Means of groups against the mean of all; without sizes, the sizes that fit."""
    means = [parse_printed(m) for m in read.items("means")]
    pooled, total = read.interval("pooled_mean"), read.whole("total")
    if "sizes" not in read:
        return [read.outcome(counts.enumerate_group_sizes(means, pooled, total))]
    sizes = [int(n) for n in read.items("sizes")]
    found = [read.outcome(counts.check_total(sizes, total))]
    if "sds" in read and "pooled_sd" in read:
        sds, whole = [parse_printed(s) for s in read.items("sds")], read.interval("pooled_sd")
        groups = list(zip(sizes, means, sds, strict=True))
        found.append(_either_denominator(read, lambda d: moments.check_pooled(groups, pooled, whole, ddof=d)))
    else:
        zero = [(n, m, (0, 0)) for n, m in zip(sizes, means, strict=True)]
        found.append(read.outcome(moments.check_pooled(zero, pooled)))
    return found
