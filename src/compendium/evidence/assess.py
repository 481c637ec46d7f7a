"""One claim against one recorded result: the status, and why."""

from dataclasses import dataclass
from typing import Any

from compendium.evidence.claims import Claim
from compendium.evidence.labels import REPRODUCES, SCORED, uses_published_data
from compendium.evidence.yardstick import Judgement, judge

TENSION_BELOW = 0.05
"""A printed value is in tension when its probability lies below this over the whole stated range of assumptions."""


@dataclass(frozen=True)
class Assessment:
    """A claim's status with everything the reader is shown: our number, its interval, the label, and the reason."""

    claim: Claim
    status: str
    evidence: str
    reason: str
    ours: float | None = None
    interval: tuple[float, float] | None = None
    uses: tuple[str, ...] = ()
    judgement: Judgement | None = None
    route: str | None = None


def assess(claim: Claim, entry: dict[str, Any] | None) -> Assessment:
    """Judge a claim by the result that it points to.

    Parameters
    ----------
    claim : the printed number.
    entry : the recorded result (`value`, `interval`, `evidence`, `uses`, `routes`), or None where there is none.

    Returns
    -------
    Assessment. A result with several routes is judged by each of them; the least favourable one is shown.
    """
    waiting = _without_result(claim, entry)
    if waiting is not None:
        return waiting
    assert entry is not None
    routes = [entry, *entry.get("routes", [])]
    judged = [_assess_route(claim, {**route, "tension": entry.get("tension")}) for route in routes]
    return max(judged, key=lambda a: _SEVERITY[a.status])


_SEVERITY = {
    "not scored": 0,
    "not testable": 1,
    "reproduced": 2,
    "consistent": 3,
    "tension": 4,
    "inconsistent": 5,
}


def _without_result(claim: Claim, entry: dict[str, Any] | None) -> Assessment | None:
    if claim.role == "setting":
        return Assessment(claim, "not scored", "setting", "a setting: used, not tested")
    if claim.role == "context":
        return Assessment(claim, "not scored", claim.evidence, "other people's number, cited for context")
    if claim.waits_for:
        return Assessment(claim, "not scored", claim.evidence, f"waits for {claim.waits_for}")
    if claim.evidence in ("not-obtained", "unavailable") and not _is_obtained(claim, entry):
        return Assessment(claim, "not scored", claim.evidence, claim.needs or "needs data that are not here")
    if claim.result is None:
        return Assessment(
            claim, "not testable", claim.evidence, "an input: nothing else that is printed tests it"
        )
    if entry is None:
        return Assessment(claim, "not testable", claim.evidence, "its result is missing")
    return None


def _is_obtained(claim: Claim, entry: dict[str, Any] | None) -> bool:
    """Tell whether data that were not obtained when the claim was written are here: its result uses them."""
    if claim.evidence != "not-obtained" or entry is None:
        return False
    return entry["evidence"] in SCORED and uses_published_data(entry.get("uses", ()))


def _assess_route(claim: Claim, entry: dict[str, Any]) -> Assessment:
    evidence, value = entry["evidence"], entry["value"]
    interval = (float(entry["interval"][0]), float(entry["interval"][1])) if entry.get("interval") else None
    shown = {
        "ours": value,
        "interval": interval,
        "uses": tuple(entry.get("uses", ())),
        "route": entry.get("label"),
    }

    def verdict(status: str, reason: str, judgement: Judgement | None = None) -> Assessment:
        return Assessment(claim, status, evidence, reason, judgement=judgement, **shown)

    if claim.id in entry.get("uses", ()):
        return verdict("not testable", "the computation uses this very number")
    if evidence == "none":
        return verdict("not testable", "the number does not depend on any source")
    if evidence not in SCORED:
        return verdict("not scored", f'evidence "{evidence}" is never scored')
    if evidence == "simulated" and claim.role != "method":
        return verdict("not scored", "a simulation tests a method, not a cohort's number")
    if value is None:
        return verdict("not testable", "the computation gives no value")
    low, high = interval or (float(value), float(value))
    judgement = judge(claim.interval, low, high, claim.range)
    if judgement.agrees is None:
        return verdict("not testable", judgement.reason, judgement)
    if not judgement.agrees:
        return verdict("inconsistent", f"{judgement.reason}: {judgement.gap:.3g} apart", judgement)
    tension = entry.get("tension")
    if tension and tension["probability"][1] < TENSION_BELOW:
        low_p, high_p = tension["probability"]
        return verdict(
            "tension", f"probability {low_p:.2g} to {high_p:.2g} {tension['assumptions']}", judgement
        )
    return verdict("reproduced" if evidence in REPRODUCES else "consistent", judgement.reason, judgement)
