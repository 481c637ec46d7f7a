"""How the printed numbers of a study or a chapter stand: results first, descriptive numbers after, the rest apart."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from compendium.evidence.labels import STATUSES
from compendium.site.badges import escape, status_badge

TESTED = STATUSES[:4]
RESULTS, DESCRIPTIVE = "result", "descriptive"
APART = {
    "setting": ("setting", "settings"),
    "context": ("cited number", "cited numbers"),
    "repeat": ("repeat", "repeats"),
    "illustration": ("illustration", "illustrations"),
}
"""Kinds of claims that are listed and never counted, with their names for one and for several."""


def kind_of(claim: dict[str, Any]) -> str:
    """Return what a claim counts as: a result, a descriptive number, or one of those that stand apart.

    >>> kind_of({"role": "method", "repeats": None, "evidence": "internal"})
    'result'
    >>> kind_of({"role": "description", "repeats": "other", "evidence": "internal"})
    'repeat'
    """
    if claim["role"] in ("setting", "context"):
        return claim["role"]
    if claim.get("repeats"):
        return "repeat"
    if claim["evidence"] == "illustration":
        return "illustration"
    return DESCRIPTIVE if claim["role"] == "description" else RESULTS


@dataclass(frozen=True)
class Standing:
    """Counts by status of results and of descriptive numbers, and how many stand apart by kind."""

    results: Counter[str]
    descriptive: Counter[str]
    apart: Counter[str]
    repeats_off: int

    @property
    def counted(self) -> int:
        """Results and descriptive numbers together."""
        return sum(self.results.values()) + sum(self.descriptive.values())

    @property
    def untested(self) -> int:
        """Counted numbers that nothing tests, or not yet."""
        return self.counted - sum(of[status] for of in (self.results, self.descriptive) for status in TESTED)


def standing_of(claims: Iterable[dict[str, Any]]) -> Standing:
    """Count claims; every claim is counted once, in exactly one place."""
    results: Counter[str] = Counter()
    descriptive: Counter[str] = Counter()
    apart: Counter[str] = Counter()
    repeats_off = 0
    for claim in claims:
        kind = kind_of(claim)
        if kind in APART:
            apart[kind] += 1
            repeats_off += kind == "repeat" and claim["status"] in ("tension", "inconsistent")
        else:
            (results if kind == RESULTS else descriptive)[claim["status"]] += 1
    return Standing(results, descriptive, apart, repeats_off)


def standing_badges(standing: Standing, ledger: str = "") -> str:
    """Return the counts as HTML: a line of badges for results, one for descriptive numbers, and what is left.

    Parameters
    ----------
    standing : the counts.
    ledger : address of the page of printed numbers with its query; each badge then leads to the numbers it counts.
    """
    lines = []
    for words, role in (("results", RESULTS), ("descriptive numbers", DESCRIPTIVE)):
        counts = standing.results if role == RESULTS else standing.descriptive
        badges = [
            _linked(status_badge(status, counts[status]), ledger, role, status)
            for status in TESTED
            if counts[status]
        ]
        if badges:
            row = f'<span class="badge-row">{" ".join(badges)}</span>'
            lines.append(f'<span class="standing-line"><span class="quiet">{words}</span> {row}</span>')
    if standing.repeats_off:
        verb = "repeat disagrees" if standing.repeats_off == 1 else "repeats disagree"
        lines.append(f'<span class="quiet standing-line">{standing.repeats_off} {verb} as well</span>')
    if standing.untested:
        lead = f"{standing.untested} more" if lines else f"{standing.untested}"
        lines.append(f'<span class="quiet standing-line">{lead} cannot be tested, or not yet</span>')
    return "".join(lines)


def _linked(badge: str, ledger: str, role: str, status: str) -> str:
    return f'<a href="{escape(f"{ledger}&role={role}&status={status}")}">{badge}</a>' if ledger else badge


def words_of(counts: Counter[str]) -> str:
    """Return tested counts in words, strongest status first.

    >>> words_of(Counter({"inconsistent": 2, "consistent": 7, "not scored": 3}))
    '7 consistent, 2 inconsistent'
    """
    return ", ".join(f"{counts[status]} {status}" for status in TESTED if counts[status]) or "none yet"


def apart_words(apart: Counter[str]) -> str:
    """Return in words what is listed and never counted.

    >>> apart_words(Counter({"setting": 547, "repeat": 1}))
    '547 settings, 1 repeat'
    """
    return ", ".join(
        f"{apart[kind]} {names[apart[kind] != 1]}" for kind, names in APART.items() if apart[kind]
    )
