"""Tables and figure of the page "The audit engine", from the stored measurements."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compendium.cohorts.simulated_errors import ERRORS
from compendium.evidence.audit import KINDS, Statement, audit
from compendium.evidence.audit_benchmark import share_interval
from compendium.site.badges import escape
from compendium.site.tables import html_table

EXAMPLE = (
    Statement("age", "mean", {"mean": "13.4", "sd": "8.8", "n": "57", "maximum": "100.1"}),
    Statement("hazard", "interval", {"estimate": "2.10", "lower": "1.20", "upper": "3.69", "p": ".009"}),
    Statement("groups", "t", {"t": "2.20", "df": "28", "p": ".018"}),
    Statement("size", "correlation", {"r": "0.41", "p": ".016"}),
    Statement("detected", "percentage", {"percent": "83.0", "count": "283", "total": "341"}),
)
COLOURS = {"called into question": "#0072b2", "not compatible": "#56b4e9", "statcheck": "#d55e00"}


def table_kinds() -> str:
    """What the engine reads: kinds of statements and their fields."""
    rows = [
        [escape(name), escape(kind.about), *(_fields(f) for f in (kind.required, kind.optional))]
        for name, kind in KINDS.items()
    ]
    return html_table(["Kind", "What it is", "Needed", "May be given"], rows, name="inventory")


def _fields(fields: Mapping[str, str]) -> str:
    return (
        ", ".join(f'<code title="{escape(what)}">{escape(name)}</code>' for name, what in fields.items())
        or "–"
    )


def table_example() -> str:
    """A few statements, audited now."""
    rows = []
    for outcome in audit(list(EXAMPLE)):
        printed = "; ".join(f"{k} {v}" for k, v in outcome.statement.values.items())
        words = (
            f"fits only with: {outcome.convention}. {outcome.detail}"
            if outcome.convention
            else outcome.detail
        )
        rows.append(
            [
                escape(printed),
                escape(outcome.check),
                escape(outcome.status),
                escape(words),
                escape("; ".join(outcome.assumptions)),
            ]
        )
    return html_table(["Printed", "Check", "Outcome", "What follows", "Assumptions"], rows, name="inventory")


def share(stored: Sequence[int]) -> str:
    """A share with its interval, in percent; one decimal below ten.

    >>> share([0, 600]), share([589, 600]), share([0, 0])
    ('0 % (0–0.6)', '98 % (97–99)', '–')
    """
    if not stored[1]:
        return "–"
    middle, low, high = (
        f"{v:.0f}" if v >= 10 or v == 0 else f"{v:.1f}" for v in (100 * x for x in share_interval(stored))
    )
    return f"{middle} % ({low}–{high})"


def table_sound(stored: dict[str, Any]) -> str:
    """False alarms per paper, by reader."""
    read, now, other = stored["statcheck"], stored["now"], stored["fresh"]["untold"]
    rows = [
        ("this engine, first measurement", stored["first"]["untold"]),
        ("this engine now", now["untold"]),
        ("this engine now, fresh papers", other),
        ("this engine now, only what statcheck reads", now["untold_where_statcheck_reads"]),
        ("statcheck", read["rates"]),
        ("statcheck, zero allowed", read["rates_zero_allowed"]),
    ]
    cells = []
    for name, rates in rows:
        alarms = rates["false_alarms"]["usual"]
        doubts = share(alarms["papers_in_doubt"]) if name.startswith("this") else "–"
        alarm = f"{alarms['papers'][0]} of {alarms['papers'][1]}: {share(alarms['papers'])}"
        cells.append([escape(name), alarm, doubts, f"{alarms['statements'][0]} of {alarms['statements'][1]}"])
    head = ["Reader", "Papers with a false alarm", "Papers with that or a tension", "Statements"]
    return html_table(head, cells, name="inventory")


def table_conventions(stored: dict[str, Any]) -> str:
    """False alarms per paper, by convention."""
    now, other = stored["now"], stored["statcheck"]["rates_zero_allowed"]["false_alarms"]
    untold, told = now["untold"]["false_alarms"], now["told"]["false_alarms"]
    cells = [
        [escape(name), *(share(v) for v in (untold[name]["papers"], untold[name]["papers_in_doubt"],
                                            told[name]["papers"], told[name]["papers_in_doubt"], other[name]["papers"]))]
        for name in untold if name != "usual"
    ]  # fmt: skip
    head = [
        "Convention",
        "Not compatible",
        "Or in tension",
        "Told: not compatible",
        "Told: or in tension",
        "statcheck",
    ]
    return html_table(head, cells, name="inventory")


def _ordered(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of errors in the order in which kinds and sizes are declared."""
    return sorted(rows, key=lambda row: (list(ERRORS).index(row["error"]), row["size"]))


def _label(row: dict[str, Any]) -> str:
    size = ERRORS[row["error"]].sizes[row["size"] - 1]
    return f"{row['error']}, {size}" if size else row["error"]


def found_series(stored: dict[str, Any]) -> list[tuple[str, dict[str, Sequence[int]]]]:
    """Shares of errors found by reader, for the figure."""
    theirs = {(r["error"], r["size"]): r for r in stored["statcheck"]["rates"]["found"]}
    return [
        (_label(row), {"called into question": row["questioned"], "not compatible": row["excluded"],
                       "statcheck": theirs[row["error"], row["size"]]["excluded"]})
        for row in _ordered(stored["now"]["untold"]["found"])
    ]  # fmt: skip


def table_errors(stored: dict[str, Any]) -> str:
    """Errors found by kind and size."""
    first = {(r["error"], r["size"]): r for r in stored["first"]["untold"]["found"]}
    theirs = {(r["error"], r["size"]): r for r in stored["statcheck"]["rates"]["found"]}
    cells = []
    for row in _ordered(stored["now"]["untold"]["found"]):
        key = (row["error"], row["size"])
        cells.append([
            escape(_label(row)), str(row["read"][1]), share(row["excluded"]), share(row["questioned"]),
            share(first[key]["questioned"]), share(theirs[key]["excluded"]),
        ])  # fmt: skip
    head = [
        "Error",
        "Planted",
        "Not compatible",
        "Called into question",
        "First measurement",
        "statcheck, of all",
    ]
    return html_table(head, cells, name="inventory")


def table_where_read(stored: dict[str, Any]) -> str:
    """Errors found in statements that statcheck read."""
    theirs = {(r["error"], r["size"]): r for r in stored["statcheck"]["rates_where_read"]["found"]}
    cells = [
        [escape(_label(row)), str(row["read"][1]), share(row["excluded"]), share(row["questioned"]),
         share(theirs[row["error"], row["size"]]["excluded"])]
        for row in _ordered(stored["now"]["untold_where_statcheck_reads"]["found"])
    ]  # fmt: skip
    whole = stored["now"]["untold_where_statcheck_reads"]["found_in_all"][0]
    other = stored["statcheck"]["rates_where_read"]["found_in_all"][0]
    cells.append(
        [
            "all",
            str(whole["read"][1]),
            share(whole["excluded"]),
            share(whole["questioned"]),
            share(other["excluded"]),
        ]
    )
    return html_table(
        ["Error", "Planted", "Not compatible", "Called into question", "statcheck"], cells, name="inventory"
    )


def table_by_statement(rates: dict[str, Any]) -> str:
    """Errors found by kind of statement."""
    totals: dict[str, Counter[str]] = {}
    for row in rates["found_by_statement"]:
        count = totals.setdefault(row["statement"], Counter())
        count.update(
            {"of": row["read"][1], "excluded": row["excluded"][0], "questioned": row["questioned"][0]}
        )
    rows = [
        [
            escape(KINDS[kind].about),
            str(c["of"]),
            share([c["excluded"], c["of"]]),
            share([c["questioned"], c["of"]]),
        ]
        for kind, c in sorted(totals.items(), key=lambda pair: list(KINDS).index(pair[0]))
    ]
    return html_table(["Where", "Errors", "Not compatible", "Called into question"], rows, name="inventory")


def figure_found(series: list[tuple[str, dict[str, Sequence[int]]]]) -> str:
    """Draw shares with their intervals as an SVG: a row per error, a mark per reader.

    Parameters
    ----------
    series : (label, shares by reader) from top to bottom; a share is a count and what it is a part of.
    """
    left, width, step, top = 230, 640, 30, 46
    height = top + step * len(series) + 44

    def x(value: float) -> float:
        return round(left + (width - left - 20) * value, 1)

    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        line = f'y1="{top - 8}" y2="{height - 36}" stroke="currentColor" stroke-opacity=".2"'
        parts.append(f'<line x1="{x(tick)}" x2="{x(tick)}" {line}/>')
        parts.append(f'<text x="{x(tick)}" y="{height - 18}" text-anchor="middle">{100 * tick:g} %</text>')
    for i, (label, shares) in enumerate(series):
        y = top + step * i + step / 2
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
        for j, (name, stored) in enumerate(shares.items()):
            middle, low, high = share_interval(stored)
            at, colour = y + 6 * (j - 1), COLOURS[name]
            span = (
                f'<line x1="{x(low)}" x2="{x(high)}" y1="{at}" y2="{at}" stroke="{colour}" stroke-width="2"/>'
            )
            parts.append(f'{span}<circle cx="{x(middle)}" cy="{at}" r="3.5" fill="{colour}"/>')
    for j, (name, colour) in enumerate(COLOURS.items()):
        at = left + 150 * j
        parts.append(
            f'<circle cx="{at}" cy="16" r="4" fill="{colour}"/><text x="{at + 10}" y="20">{escape(name)}</text>'
        )
    words = "Share of planted errors found, by error and size: " + "; ".join(
        f"{label} {_percent(s['called into question'])}, statcheck {_percent(s['statcheck'])}"
        for label, s in series
    )
    style = 'font-family="inherit" font-size="13" fill="currentColor" style="max-width:100%;height:auto"'
    box = f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}"'
    return (
        f"<figure><svg {box} {style}>{''.join(parts)}</svg><figcaption>Share of planted errors that were found, with "
        "Wilson’s intervals. statcheck over all errors, also in statements that it does not read.</figcaption></figure>"
    )


def _percent(stored: Sequence[int]) -> str:
    return f"{100 * share_interval(stored)[0]:.0f} %"
