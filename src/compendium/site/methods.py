"""The page "Statistics": each method beside the software that it was compared with, and the truths that were planted.

The page is made from ``data/derived/statistics/agreement.json``, which the tests of ``tests/peers`` write.
"""

import json
from typing import Any

from compendium import paths
from compendium.site.badges import escape, format_number, raw
from compendium.site.errors import SiteError
from compendium.site.tables import html_table

STORED = ("data", "derived", "statistics", "agreement.json")
TOPICS = (
    "Correlation", "Agreement and reliability", "Clustered data", "Groups", "Ranks", "Diagnosis", "Areas under ROC curves",
    "Models", "Outliers", "Times between visits", "Design", "Printed numbers",
)  # fmt: skip
INTRODUCTION = """# Statistics

The functions in [compendium.statistics](api/statistics.md), each with the convention that it follows and what it was
compared with. None of the numbers below is typed: the tests write them, and fail when they no longer hold.

**Largest difference** is the largest found over all values compared: relative to the other software's value where the
tolerance is relative, and absolute where it says so. A difference near 10⁻¹⁵ is the last digit of the computer's
arithmetic. A tolerance is never wider than its reason, which stands beside it. "Written out" means that no package
offers the method: R then computes the definition, by another road than ours.
"""
PLANTED = """## Planted truths

Where no software gives the value, or where agreement would not show that a method is right, the truth was planted:
enumerated completely, or simulated with a known answer. Each row is a test.
"""


def statistics_page() -> str:
    """Return the page of methods, their conventions, peers and differences."""
    stored = _read()
    if not stored:
        return f"{INTRODUCTION}\nNo comparison is stored here.\n"
    text = [INTRODUCTION]
    for topic in _topics(stored["comparisons"]):
        rows = [_comparison(row) for row in stored["comparisons"] if row["topic"] == topic]
        head = ["Method", "Convention", "Compared with", "Largest difference", "Tolerance, and why"]
        text.append(f"## {topic}\n{raw(html_table(head, rows, name='inventory methods'))}")
    rows = [
        _planted(row)
        for topic in _topics(stored["planted"])
        for row in stored["planted"]
        if row["topic"] == topic
    ]
    text.append(f"{PLANTED}{raw(html_table(['Method', 'Truth', 'Test'], rows, name='inventory methods'))}")
    text.append(f"\nThe comparisons are made again by `{stored['recipe']}`.\n")
    return "\n".join(text)


def _read() -> dict[str, Any]:
    path = paths.root().joinpath(*STORED)
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise SiteError(f"{path.name}: the stored comparisons must be valid JSON. {error}") from None


def _topics(rows: list[dict[str, Any]]) -> list[str]:
    """Topics that occur, in the order of the page; unknown ones last."""
    found = {row["topic"] for row in rows}
    return [topic for topic in TOPICS if topic in found] + sorted(found - set(TOPICS))


def _comparison(row: dict[str, Any]) -> list[str]:
    peer = escape(row["peer"].replace("printed: ", "printed in "))
    version = f'<span class="quiet">{escape(row["version"])}</span>' if row["version"] else ""
    known = f'<span class="quiet">Known: {escape(row["known"])}.</span>' if row["known"] else ""
    return [
        f"{escape(row['method'])}<br>{_names(row['functions'])}",
        f"{escape(row['convention'])}. {known}",
        f"{peer} {version}",
        _difference(row),
        _tolerances(row["tolerances"]),
    ]


def _names(functions: list[str]) -> str:
    broken = (
        escape(name).replace("_", "_<wbr>") for name in functions
    )  # long names may break at their joints
    return "<br>".join(f"<code>{name}</code>" for name in broken)


def _difference(row: dict[str, Any]) -> str:
    relative = any(item["relative"] for item in row["tolerances"])
    absolute = any(item["absolute"] and not item["relative"] for item in row["tolerances"])
    parts = [_power(row["largest_relative"])] if relative else []
    parts += [f"{_power(row['largest_absolute'])} absolute"] if absolute else []
    shown = "; ".join(parts) if any((row["largest_relative"], row["largest_absolute"])) and parts else "none"
    values = f"{row['values']} value" + ("" if row["values"] == 1 else "s")
    return f'<span class="num">{shown}</span><br><span class="quiet">{values}</span>'


def _tolerances(tolerances: list[dict[str, Any]]) -> str:
    """The widest tolerance for each reason, relative and absolute apart."""
    reasons: dict[str, dict[str, float]] = {}
    for item in tolerances:
        widest = reasons.setdefault(item["reason"], {"relative": 0.0, "absolute": 0.0})
        for kind in widest:
            widest[kind] = max(widest[kind], item[kind])
    lines = []
    for reason, widest in reasons.items():
        bounds = [_power(widest["relative"])] if widest["relative"] else []
        bounds += [f"{_power(widest['absolute'])} absolute"] if widest["absolute"] else []
        if bounds:
            lines.append(f"{' or '.join(bounds)}: {escape(reason)}")
    return "<br>".join(lines) or "none: equal to the last digit"


def _power(value: float) -> str:
    """A bound or difference as few digits as it has.

    >>> _power(1e-9), _power(0.005), _power(4e-15)
    ('10<sup>−9</sup>', '0.005', '4 × 10<sup>−15</sup>')
    """
    if value == 0:
        return "0"
    if value >= 1e-3:
        return format_number(float(f"{value:.2g}"))
    mantissa, exponent = f"{value:.1e}".split("e")
    power = f"10<sup>−{abs(int(exponent))}</sup>"
    return power if mantissa == "1.0" else f"{mantissa.removesuffix('.0')} × {power}"


def _planted(row: dict[str, Any]) -> list[str]:
    test = row["test"].partition("::")[2].removeprefix("test_").replace("_", " ")
    return [f"{escape(row['method'])}<br>{_names(row['functions'])}", escape(row["truth"]), escape(test)]
