"""Printed statistics of any paper, statement by statement: consistent, in tension, or not compatible.

A statement is a kind ("correlation", "mean", "confusion", …) and printed strings by field. Each kind has its checks, made
of `compendium.evidence.feasibility`; every outcome lists the assumptions it holds under. How often errors are found, and
how often sound papers are called into question, is measured by `compendium.evidence.audit_benchmark`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compendium.evidence import audit_numbers, audit_tests
from compendium.evidence.audit_reading import Outcome, Reader, Statement

__all__ = ["KINDS", "Kind", "Outcome", "Statement", "as_row", "audit", "audit_statement"]


@dataclass(frozen=True)
class Kind:
    """A kind of statement: required and optional fields with their meaning, and its checks."""

    required: Mapping[str, str]
    optional: Mapping[str, str]
    check: Callable[["Reader"], list[Outcome]] = field(repr=False)
    about: str = ""


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
        return kind.check(Reader(statement))
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


_P = {"p": "printed p"}
_TESTS = {"tests": "number of tests that p was multiplied by"}
_SIDES = {"sides": "1 if the test is said to be one-sided", **_TESTS}
KINDS: dict[str, Kind] = {
    "percentage": Kind({"percent": "as printed", "total": "denominator"}, {"count": "numerator"},
                       audit_numbers.check_percentage, "a percentage of counts"),
    "percentages": Kind({"counts": "a; b; …", "total": "denominator", "percents": "a; b; …"}, {},
                        audit_numbers.check_percentages, "percentages of one total"),
    "total": Kind({"parts": "a; b; …", "whole": "their printed sum"}, {}, audit_numbers.check_total, "parts and their sum"),
    "mean": Kind({"mean": "as printed"},
                 {"sd": "standard deviation", "n": "values", "minimum": "smallest", "maximum": "largest",
                  "integers": "yes when every value is a whole number"}, audit_numbers.check_mean, "mean ± SD with range"),
    "correlation": Kind({"r": "correlation"}, {"n": "pairs", **_P, **_SIDES}, audit_tests.check_correlation,
                        "a correlation, its n and p"),
    "t": Kind({"t": "statistic", "df": "degrees of freedom", **_P}, _SIDES, audit_tests.check_t, "a t test"),
    "z": Kind({"z": "statistic", **_P}, _SIDES, audit_tests.check_z, "a z test"),
    "F": Kind({"F": "statistic", "df1": "numerator", "df2": "denominator", **_P}, _TESTS, audit_tests.check_f, "an F test"),
    "chi2": Kind({"chi2": "statistic", "df": "degrees of freedom", **_P}, _TESTS, audit_tests.check_chi2, "a χ² test"),
    "interval": Kind({"estimate": "estimate", "lower": "lower limit", "upper": "upper limit"},
                     {**_P, "scale": "difference (no effect: 0) or ratio (no effect: 1)", "df": "of its t quantile",
                      "confidence": "in percent, 95 unless told", **_TESTS}, audit_tests.check_interval,
                     "an estimate with its interval"),
    "auc": Kind({"auc": "AUROC", "positives": "with the condition", "negatives": "without"},
                {"lower": "lower limit", "upper": "upper limit"}, audit_numbers.check_auc, "an AUROC with its interval"),
    "confusion": Kind({"tp": "true positives", "fp": "false positives", "fn": "false negatives", "tn": "true negatives"},
                      dict.fromkeys(audit_numbers.METRICS, "as printed"), audit_numbers.check_confusion,
                      "a 2 × 2 table and its metrics"),
    "groups": Kind({"means": "a; b; …", "pooled_mean": "mean of all", "total": "values in all"},
                   {"sizes": "a; b; …", "sds": "a; b; …", "pooled_sd": "SD of all"}, audit_numbers.check_groups,
                   "means of groups against the mean of all"),
}  # fmt: skip
"""What can be audited."""
