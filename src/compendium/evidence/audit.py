"""Printed statistics of any paper, statement by statement: consistent, in tension, or not compatible.

A statement is a kind ("correlation", "mean", "confusion", …) and printed strings by field. Each kind has its checks, made
of `compendium.evidence.feasibility`; every outcome lists the assumptions it holds under.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compendium.evidence.feasibility import conversions, counts, integers, moments, roc
from compendium.evidence.feasibility.verdict import Verdict
from compendium.evidence.yardstick import PrintedInterval, parse_printed

LARGEST_N = 5000
"""Unprinted sample sizes are looked for up to here."""
SHOWN_SOLUTIONS = 12


@dataclass(frozen=True)
class Statement:
    """Printed numbers that belong together: an id, a place in the paper, a kind, and strings by field."""

    id: str
    kind: str
    values: Mapping[str, Any]
    where: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one check of a statement gives.

    `status` is "consistent", "tension" (it fits only under a less usual convention, named in `convention`), "not
    compatible" (under the assumptions listed), or "information" (nothing is tested, but something follows).
    """

    statement: Statement
    check: str
    status: str
    detail: str
    implied: tuple[float, float] | None = None
    printed: tuple[float, float] | None = None
    convention: str = ""
    solutions: tuple[Any, ...] = ()
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of statement: required and optional fields with their meaning, and its checks."""

    required: Mapping[str, str]
    optional: Mapping[str, str]
    check: Callable[["_Reader"], list[Outcome]] = field(repr=False)
    about: str = ""


class _Reader:
    """The fields of a statement as intervals, integers or lists, with errors that name statement and field."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement

    def __contains__(self, name: str) -> bool:
        return name in self.statement.values

    def text(self, name: str) -> str:
        return str(self.statement.values[name]).strip()

    def interval(self, name: str) -> PrintedInterval:
        try:
            return parse_printed(self.text(name))
        except ValueError as error:
            raise self.error(name, str(error)) from None

    def whole(self, name: str) -> int:
        text = self.text(name).replace(",", "")
        if not text.isdigit():
            raise self.error(name, f'A count is a whole number. Given "{self.text(name)}".')
        return int(text)

    def items(self, name: str) -> list[str]:
        value = self.statement.values[name]
        items = value if isinstance(value, list) else str(value).split(";")
        return [str(item).strip() for item in items]

    def error(self, name: str, message: str) -> ValueError:
        return ValueError(f'statement "{self.statement.id}", {name}: {message}')

    def outcome(self, verdict: Verdict, usual: tuple[Any, ...] | None = None) -> Outcome:
        """Turn a verdict into an outcome; solutions outside `usual` make it a tension, their name the convention."""
        status = "consistent" if verdict.compatible else "not compatible"
        convention = ""
        if verdict.compatible and usual is not None and not set(usual) & set(verdict.solutions):
            status, convention = "tension", ", ".join(map(str, verdict.solutions))
        detail = "; ".join(
            filter(None, [verdict.note, "meets only at a rounding limit" if verdict.touching else ""])
        )
        return Outcome(
            self.statement,
            verdict.check,
            status,
            detail,
            verdict.implied,
            verdict.printed,
            convention,
            tuple(verdict.solutions[:SHOWN_SOLUTIONS]),
            verdict.assumptions,
        )


def audit_statement(statement: Statement) -> list[Outcome]:
    """Check one statement.

    Raises
    ------
    ValueError : unknown kind or field, a missing field, or a string that is not a printed number; names the statement.

    Examples
    --------
    >>> found = audit_statement(Statement("a", "correlation", {"r": "0.41", "n": "34", "p": ".016"}))
    >>> [(o.check, o.status) for o in found]
    [('p from r', 'consistent')]
    """
    if statement.kind not in KINDS:
        raise ValueError(
            f'statement "{statement.id}": kind must be one of {", ".join(KINDS)}. Given "{statement.kind}".'
        )
    kind = KINDS[statement.kind]
    known = {**kind.required, **kind.optional}
    for name in statement.values:
        if name not in known:
            raise ValueError(
                f'statement "{statement.id}": {statement.kind} has the fields {", ".join(known)}. Given "{name}".'
            )
    for name in kind.required:
        if name not in statement.values:
            raise ValueError(
                f'statement "{statement.id}": {statement.kind} needs {name} ({kind.required[name]}).'
            )
    try:
        return kind.check(_Reader(statement))
    except ValueError as error:
        message = str(error)
        prefix = f'statement "{statement.id}"'
        raise ValueError(message if message.startswith(prefix) else f"{prefix}: {message}") from None


def audit(statements: list[Statement]) -> list[Outcome]:
    """Check all statements, in order."""
    return [outcome for statement in statements for outcome in audit_statement(statement)]


def as_row(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain values for JSON."""
    return {
        "id": outcome.statement.id,
        "where": outcome.statement.where,
        "kind": outcome.statement.kind,
        "values": dict(outcome.statement.values),
        "check": outcome.check,
        "status": outcome.status,
        "convention": outcome.convention,
        "detail": outcome.detail,
        "implied": _finite(outcome.implied),
        "printed": _finite(outcome.printed),
        "solutions": [list(s) if isinstance(s, tuple) else s for s in outcome.solutions],
        "assumptions": list(outcome.assumptions),
    }


def _finite(pair: tuple[float, float] | None) -> list[float | None] | None:
    return None if pair is None else [v if math.isfinite(v) else None for v in pair]


def _percentage(read: _Reader) -> list[Outcome]:
    total, printed = read.whole("total"), read.text("percent").removesuffix("%").strip()
    fitting = counts.counts_for_percent(printed, total)
    if "count" not in read:
        usual = tuple(k for k, rules in fitting.items() if "half up" in rules or "half even" in rules)
        status = "information" if usual else ("tension" if fitting else "not compatible")
        shown = usual or tuple(fitting)
        detail = f"counts of {total} that are printed like this: {', '.join(map(str, shown)) or 'none'}"
        rule = "" if usual or not fitting else ", ".join(next(iter(fitting.values())))
        assumed = (f"denominator {total}",)
        return [
            Outcome(
                read.statement, "counts for a percentage", status, detail, None, None, rule, shown, assumed
            )
        ]
    verdict = counts.check_percentages([read.whole("count")], total, [printed])
    return [read.outcome(verdict, usual=("half up", "half even"))]


def _percentages(read: _Reader) -> list[Outcome]:
    numbers = [int(k) for k in read.items("counts")]
    verdict = counts.check_percentages(numbers, read.whole("total"), read.items("percents"))
    return [read.outcome(verdict, usual=("half up", "half even"))]


def _total(read: _Reader) -> list[Outcome]:
    return [
        read.outcome(counts.check_total(read.items("parts"), parse_printed(read.text("whole"), exact=True)))
    ]


def _mean(read: _Reader) -> list[Outcome]:
    found, mean = [], read.interval("mean")
    n = read.whole("n") if "n" in read else None
    ends: dict[str, Any] = {e: read.interval(e) for e in ("minimum", "maximum") if e in read}
    if ends and "sd" in read and n:
        found.append(read.outcome(moments.check_extremes(mean, read.interval("sd"), n, **ends)))
    elif ends and "sd" in read:
        least = moments.smallest_size_for_extremes(mean, read.interval("sd"), **ends)
        found.append(_information(read, "smallest n for the extremes", f"n is at least {least}", (least,)))
    if n and _says_yes(read, "integers"):
        found.append(read.outcome(integers.check_grim(mean, n)))
        if "sd" in read and found[-1].status == "consistent":
            found.append(read.outcome(integers.check_grimmer(mean, read.interval("sd"), n)))
    return found or [
        _information(read, "moments", "nothing to check without extremes, or integers and n", ())
    ]


def _says_yes(read: _Reader, name: str) -> bool:
    return name in read and read.text(name).lower() in ("yes", "true", "1")


def _information(read: _Reader, check: str, detail: str, solutions: tuple[Any, ...]) -> Outcome:
    return Outcome(read.statement, check, "information", detail, solutions=solutions)


def _correlation(read: _Reader) -> list[Outcome]:
    r, p = read.interval("r"), read.interval("p") if "p" in read else None
    if p is None:
        low, high = conversions.p_range("r", r, read.whole("n")) if "n" in read else (0.0, 1.0)
        return [_information(read, "p from r", f"two-sided p between {low:.3g} and {high:.3g}", (low, high))]
    if "n" in read:
        return [read.outcome(conversions.check_p("r", r, read.whole("n"), p), usual=(2,))]
    sizes = conversions.sizes_for_p("r", r, p, range(3, LARGEST_N))
    return [read.outcome(sizes)]


def _statistic(kind: str) -> Callable[[_Reader], list[Outcome]]:
    def check(read: _Reader) -> list[Outcome]:
        df: Any = None
        if kind == "F":
            df = (read.interval("df1"), read.interval("df2"))
        elif kind != "z":
            df = read.interval("df") if "." in read.text("df") else read.whole("df")
        usual = (1,) if kind in ("F", "chi2") else (2,)
        return [
            read.outcome(conversions.check_p(kind, read.interval(kind), df, read.interval("p")), usual=usual)
        ]

    return check


def _interval(read: _Reader) -> list[Outcome]:
    estimate, lower, upper = (read.interval(name) for name in ("estimate", "lower", "upper"))
    inside = lower.lower <= estimate.upper and estimate.lower <= upper.upper
    order = Verdict(
        inside,
        "estimate inside its interval",
        None,
        None,
        (),
        False,
        ("the interval belongs to the estimate",),
    )
    found = [read.outcome(order)]
    if "p" in read and inside:
        found.append(read.outcome(conversions.check_interval_p(estimate, lower, upper, read.interval("p"))))
    return found


def _auc(read: _Reader) -> list[Outcome]:
    auc, sizes = read.interval("auc"), (read.whole("positives"), read.whole("negatives"))
    found = [read.outcome(roc.check_auc_grain(auc, *sizes))]
    if "lower" in read and "upper" in read:
        found.append(
            read.outcome(roc.check_auc_interval(auc, read.interval("lower"), read.interval("upper"), *sizes))
        )
    return found


_METRICS: dict[str, Callable[[int, int, int, int], tuple[int, int]]] = {
    "sensitivity": lambda tp, fp, fn, tn: (tp, tp + fn),
    "specificity": lambda tp, fp, fn, tn: (tn, tn + fp),
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),
    "npv": lambda tp, fp, fn, tn: (tn, tn + fn),
    "accuracy": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
    "f1": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),
}


def _confusion(read: _Reader) -> list[Outcome]:
    cells = [read.whole(name) for name in ("tp", "fp", "fn", "tn")]
    found = []
    for name, parts in _METRICS.items():
        if name not in read:
            continue
        part, whole = parts(*cells)
        printed = read.text(name).removesuffix("%").strip()
        as_share = "%" not in read.text(name) and read.interval(name).upper <= 1
        verdict = counts.check_percentages([part], whole, [_as_percent(printed) if as_share else printed])
        outcome = read.outcome(verdict, usual=("half up", "half even"))
        found.append(Outcome(**{**vars(outcome), "check": name}))
    if not found:
        raise ValueError(f"confusion needs at least one of {', '.join(_METRICS)}.")
    return found


def _as_percent(share: str) -> str:
    """Move the point of a printed share two places: ".83" → "83", "0.979" → "97.9"."""
    whole, _, decimals = share.partition(".")
    digits = f"{whole or '0'}{decimals:0<2}"
    cut = len(whole or "0") + 2
    return f"{int(digits[:cut])}" + (f".{digits[cut:]}" if len(decimals) > 2 else "")


def _groups(read: _Reader) -> list[Outcome]:
    means, pooled, total = (
        [parse_printed(m) for m in read.items("means")],
        read.interval("pooled_mean"),
        read.whole("total"),
    )
    if "sizes" not in read:
        return [read.outcome(counts.enumerate_group_sizes(means, pooled, total))]
    sizes = [int(n) for n in read.items("sizes")]
    found = [read.outcome(counts.check_total(sizes, total))]
    if "sds" in read and "pooled_sd" in read:
        sds = [parse_printed(s) for s in read.items("sds")]
        groups = list(zip(sizes, means, sds, strict=True))
        found.append(read.outcome(moments.check_pooled(groups, pooled, read.interval("pooled_sd"))))
    else:
        zero = [(n, m, (0, 0)) for n, m in zip(sizes, means, strict=True)]
        found.append(read.outcome(moments.check_pooled(zero, pooled)))
    return found


_P = {"p": "printed p"}
KINDS: dict[str, Kind] = {
    "percentage": Kind({"percent": "as printed", "total": "denominator"}, {"count": "numerator"}, _percentage,
                       "a percentage of counts"),
    "percentages": Kind({"counts": "a; b; …", "total": "denominator", "percents": "a; b; …"}, {}, _percentages,
                        "percentages of one total"),
    "total": Kind({"parts": "a; b; …", "whole": "their printed sum"}, {}, _total, "parts and their sum"),
    "mean": Kind({"mean": "as printed"},
                 {"sd": "standard deviation", "n": "values", "minimum": "smallest", "maximum": "largest",
                  "integers": "yes when every value is a whole number"}, _mean, "mean ± SD with range"),
    "correlation": Kind({"r": "correlation"}, {"n": "pairs", **_P}, _correlation, "a correlation, its n and p"),
    "t": Kind({"t": "statistic", "df": "degrees of freedom", **_P}, {}, _statistic("t"), "a t test"),
    "z": Kind({"z": "statistic", **_P}, {}, _statistic("z"), "a z test"),
    "F": Kind({"F": "statistic", "df1": "numerator", "df2": "denominator", **_P}, {}, _statistic("F"), "an F test"),
    "chi2": Kind({"chi2": "statistic", "df": "degrees of freedom", **_P}, {}, _statistic("chi2"), "a χ² test"),
    "interval": Kind({"estimate": "estimate", "lower": "lower limit", "upper": "upper limit"}, _P, _interval,
                     "an estimate with its 95 % interval"),
    "auc": Kind({"auc": "AUROC", "positives": "with the condition", "negatives": "without"},
                {"lower": "lower limit", "upper": "upper limit"}, _auc, "an AUROC with its interval"),
    "confusion": Kind({"tp": "true positives", "fp": "false positives", "fn": "false negatives", "tn": "true negatives"},
                      dict.fromkeys(_METRICS, "as printed"), _confusion, "a 2 × 2 table and its metrics"),
    "groups": Kind({"means": "a; b; …", "pooled_mean": "mean of all", "total": "values in all"},
                   {"sizes": "a; b; …", "sds": "a; b; …", "pooled_sd": "SD of all"}, _groups,
                   "means of groups against the mean of all"),
}  # fmt: skip
"""What can be audited."""
