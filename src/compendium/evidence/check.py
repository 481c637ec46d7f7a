"""The check: claims against results, results against their stored references, pointers against their targets."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from compendium.evidence.assess import Assessment, assess
from compendium.evidence.claims import Claim, Study
from compendium.evidence.findings import quoted_results
from compendium.evidence.labels import (
    NEVER_COMPUTED,
    SCORED,
    STATUSES,
    STRENGTH,
    is_stronger,
    uses_published_data,
)
from compendium.evidence.references import compare_entry, tolerance_of

SCORED_STATUSES = ("reproduced", "consistent", "tension", "inconsistent")
INFERENCE = ("inference", "method")


@dataclass(frozen=True)
class Chapter:
    """What the check knows of a chapter: its stored reference and its results, None when it has not been executed.

    `damage` says how its generated files differ from what was written when it was executed.
    """

    id: str
    reference: dict[str, Any]
    results: dict[str, Any] | None
    damage: str | None = None

    @property
    def has_published_data(self) -> bool:
        """Whether it was executed with data that are fetched or handed in, and are not part of the project."""
        return any((self.results or {}).get("data_read", {}).values())


@dataclass
class Report:
    """The outcome: assessments of claims, entries of references, problems among them that make the check fail."""

    assessments: list[Assessment] = field(default_factory=list)
    references: list[dict[str, Any]] = field(default_factory=list)
    finding_ids: set[str] = field(default_factory=set)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """Entries that do not hold; empty when the check passes."""
        return [r for r in self.references if r["status"] != "holds"]

    @property
    def with_published_data(self) -> bool:
        """Whether a claim is judged by published data, which are here and not part of the project."""
        return any(uses_published_data(a.uses) for a in self.assessments)

    @property
    def totals(self) -> dict[str, int]:
        """Counts of claims by status, of findings, references and problems.

        Settings, cited context and repeated prints of the same quantity are counted apart, not among the claims.
        """
        apart = {
            role: [a for a in self.assessments if a.claim.role == role] for role in ("setting", "context")
        }
        counted = [a for a in self.assessments if is_counted(a.claim)]
        scored = [a for a in counted if a.status in SCORED_STATUSES]
        return {
            **{status: sum(a.status == status for a in counted) for status in STATUSES},
            "claims": len(counted),
            **{f"{role} claims": len(found) for role, found in apart.items()},
            "repeats": sum(a.claim.repeats is not None for a in self.assessments),
            "inference-bearing": sum(a.claim.role in INFERENCE for a in scored),
            "findings": len(self.finding_ids),
            "references": sum("#" in r["id"] for r in self.references),
            "problems": len(self.problems),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the machine format of `compendium check --format json`."""
        return {
            "claims": [_claim_row(a) for a in self.assessments],
            "references": self.references,
            "totals": self.totals,
        }


def is_counted(claim: Claim) -> bool:
    """Tell whether a claim counts: not a setting, not somebody else's number, not the same quantity printed again."""
    return claim.role not in ("setting", "context") and claim.repeats is None


def status_entry(a: Assessment) -> dict[str, str]:
    """Return what is stored of a claim: its status, evidence, role, and what its printed string admits."""
    return {"status": a.status, "evidence": a.evidence, "role": a.claim.role, "admits": str(a.claim.interval)}


def stored_status(a: Assessment, old: dict[str, Any] | None) -> dict[str, Any]:
    """Return what accepting stores of a claim.

    A status by published data stands beside the one without them, under "obtained": each checkout is held against the
    one that it can have.
    """
    if not uses_published_data(a.uses):
        return {**status_entry(a), **({"obtained": old["obtained"]} if old and "obtained" in old else {})}
    without = (
        {k: v for k, v in old.items() if k != "obtained"} if old else status_entry(assess(a.claim, None))
    )
    return {**without, "obtained": status_entry(a)}


def _claim_row(a: Assessment) -> dict[str, Any]:
    c = a.claim
    bounded = a.interval is not None and all(map(math.isfinite, a.interval))
    return {
        "id": c.id, "study": c.study, "where": c.where, "quote": c.quote, "printed": c.printed, "unit": c.unit,
        "ours": a.ours, "interval": list(a.interval) if a.interval and bounded else None, "evidence": shown_evidence(a),
        "status": a.status, "uses": list(a.uses), "result": c.result, "finding": c.finding,
    }  # fmt: skip


def shown_evidence(a: Assessment) -> str | None:
    """Return the evidence of our number, the reason why there is none, or None where there is nothing to label yet."""
    return a.evidence if a.ours is not None or a.evidence in NEVER_COMPUTED else None


def run_check(
    studies: dict[str, Study],
    chapters: dict[str, Chapter],
    findings: dict[str, Any],
    inventory: Iterable[dict[str, Any]] = (),
    only: set[str] | None = None,
    stored: dict[str, dict[str, dict[str, Any]] | None] | None = None,
) -> Report:
    """Check claims and references.

    Parameters
    ----------
    studies : claims by study.
    chapters : chapters by id, with results and references.
    findings : findings by `<study>/<id>`.
    inventory : rows of figures and tables.
    only : chapter ids to restrict the check to; claims that point elsewhere are left out. None checks everything.
    stored : stored status, evidence, role and interval of claims, by study; None for a study without a file.

    Returns
    -------
    Report. It fails (has problems) on a reference or a status that moved, a missing result, a dangling pointer, a unit
    clash, a tolerance without a reason, a change of `uses`, stated evidence that is stronger than derived, and claims that
    changed since a chapter ran.
    """
    shown = {key for key, f in findings.items() if only is None or f["result"].split("#")[0] in only}
    report = Report(finding_ids=shown)
    for study in studies.values():
        for claim in study.claims.values():
            if only is None or _chapter_of(claim) in only:
                _check_claim(report, claim, chapters, findings)
    for chapter in chapters.values():
        if only is None or chapter.id in only:
            _check_chapter(report, chapter, studies)
    _check_statuses(report, stored or {}, only is None)
    if only is None:
        _check_findings(report, findings, studies, chapters)
        _check_inventory(report, inventory, chapters)
    return report


def _chapter_of(claim: Claim) -> str | None:
    return claim.result.split("#")[0] if claim.result else claim.waits_for


def _problem(report: Report, where: str, status: str, message: str) -> None:
    report.references.append({"id": where, "status": status, "message": message})


def _check_claim(
    report: Report, claim: Claim, chapters: dict[str, Chapter], findings: dict[str, Any]
) -> None:
    entry = _find_result(report, claim.id, claim.result, chapters) if claim.result else None
    assessment = assess(claim, entry)
    report.assessments.append(assessment)
    if claim.waits_for in chapters:
        _problem(
            report,
            claim.id,
            "dangling pointer",
            f"waits for {claim.waits_for}, which exists: give its result",
        )
    if claim.finding and f"{claim.study}/{claim.finding}" not in findings:
        _problem(report, claim.id, "dangling pointer", f'finding "{claim.finding}" is not in data/findings')
    if assessment.status in ("inconsistent", "tension") and not claim.finding:
        _problem(
            report,
            claim.id,
            "no finding",
            f"{assessment.status} ({assessment.reason}) and no finding explains it",
        )
    if entry is None:
        return
    if entry.get("unit", "") != claim.unit:
        _problem(
            report,
            claim.id,
            "unit clash",
            f'the claim is in "{claim.unit}", its result in "{entry.get("unit", "")}"',
        )
    for route in [entry, *entry.get("routes", [])]:
        if claim.evidence in STRENGTH and is_stronger(claim.evidence, route["evidence"]):
            message = f'states "{claim.evidence}", its result derives "{route["evidence"]}"'
            _problem(report, claim.id, "evidence too strong", message)


def _find_result(
    report: Report, owner: str, pointer: str, chapters: dict[str, Chapter]
) -> dict[str, Any] | None:
    chapter_id, _, name = pointer.partition("#")
    chapter = chapters.get(chapter_id)
    if chapter is None:
        _problem(report, owner, "dangling pointer", f'"{pointer}": no such chapter')
        return None
    if chapter.results is None:
        _problem(report, owner, "missing result", f'"{pointer}": the chapter has not been executed')
        return None
    entry = chapter.results["results"].get(name)
    if entry is None:
        _problem(report, owner, "dangling pointer", f'"{pointer}": the chapter records no such result')
    return entry


def _check_chapter(report: Report, chapter: Chapter, studies: dict[str, Study]) -> None:
    if chapter.results is None:
        _problem(report, chapter.id, "missing result", "the chapter has not been executed")
        return
    if chapter.damage:
        _problem(report, chapter.id, "changed after the run", chapter.damage)
    _check_claims_read(report, chapter, studies)
    stored, found = chapter.reference["results"], chapter.results["results"]
    for name, entry in found.items():
        if chapter.has_published_data:
            _check_with_data(report, chapter, name, entry)
        else:
            _check_reference(report, chapter, name, entry, stored.get(name))
    for name in stored.keys() - found.keys():
        _problem(
            report, f"{chapter.id}#{name}", "missing result", "a stored reference has no result any more"
        )


def _check_with_data(report: Report, chapter: Chapter, name: str, entry: dict[str, Any]) -> None:
    """With published data, a result is what was accepted with them, or what it is without them, or news."""
    obtained, stored = (chapter.reference.get(part, {}).get(name) for part in ("obtained", "results"))
    known = obtained or stored
    if known is not None and (
        obtained is not None or not compare_entry(entry, known, tolerance_of(chapter.reference, known))
    ):
        _check_reference(report, chapter, name, entry, known)
        return
    message = (
        f"{entry['value']} [{entry['evidence']}]: compendium accept {chapter.id} stores it beside the value without "
        "the data"
    )
    _problem(report, f"{chapter.id}#{name}", "data arrived", message)


def _check_reference(
    report: Report, chapter: Chapter, name: str, entry: dict[str, Any], stored: dict[str, Any] | None
) -> None:
    where = f"{chapter.id}#{name}"
    if stored is None:
        _problem(report, where, "no reference", f"not accepted yet: compendium accept {chapter.id}")
        return
    tolerance = tolerance_of(chapter.reference, stored)
    if not str(tolerance.get("reason", "")).strip():
        _problem(
            report, where, "tolerance without a reason", f"tolerance {tolerance or stored.get('tolerance')!r}"
        )
    differences = compare_entry(entry, stored, tolerance)
    if differences:
        _problem(report, where, "moved", "; ".join(differences))
    else:
        report.references.append({"id": where, "status": "holds"})


def _check_claims_read(report: Report, chapter: Chapter, studies: dict[str, Study]) -> None:
    """Results belong to the claims they were computed from; claims that changed since need a new run."""
    for claim_id, content in (chapter.results or {}).get("claims_read", {}).items():
        study = studies.get(claim_id.split("/")[0])
        claim = study.claims.get(claim_id) if study else None
        if claim is None:
            _problem(
                report, claim_id, "dangling pointer", f"{chapter.id} reads this claim, which does not exist"
            )
        elif claim.content != content:
            message = f"{chapter.id} was executed with {content[0]} {content[1]}: run it again"
            _problem(report, claim_id, "changed since run", message)


def _check_statuses(report: Report, stored: dict[str, dict[str, dict[str, Any]] | None], whole: bool) -> None:
    """Every claim has the stored status, evidence, role and interval; a change of any of them has to be accepted."""
    for study in sorted({a.claim.study for a in report.assessments}):
        old = stored.get(study)
        now = {a.claim.id: a for a in report.assessments if a.claim.study == study}
        if old is None:
            _problem(
                report,
                study,
                "no reference",
                f"statuses of its claims are not accepted yet: compendium accept {study}",
            )
            continue
        for claim_id, assessment in now.items():
            _compare_status(report, claim_id, old.get(claim_id), assessment)
        for claim_id in (old.keys() - now.keys()) if whole else ():
            _problem(report, claim_id, "missing claim", "a stored status has no claim any more")


def _compare_status(report: Report, claim_id: str, old: dict[str, Any] | None, a: Assessment) -> None:
    now = status_entry(a)
    if old is not None and uses_published_data(a.uses):
        if "obtained" not in old:
            change = f'"{old.get("status")}" → "{a.status}" [{a.evidence}] ({a.reason})'
            message = (
                f"{change}: compendium accept {a.claim.study} stores it beside the status without the data"
            )
            _problem(report, claim_id, "data arrived", message)
            return
        old = old["obtained"]
    if old is None:
        _problem(
            report,
            claim_id,
            "no reference",
            f"status {a.status} is not accepted: compendium accept {a.claim.study}",
        )
        return
    changes = [f'{k} "{old.get(k)}" → "{now[k]}"' for k in now if old.get(k) != now[k]]
    if changes:
        _problem(report, claim_id, "status changed", f"{'; '.join(changes)} ({a.reason})")


def _check_findings(
    report: Report, findings: dict[str, Any], studies: dict[str, Study], chapters: dict[str, Chapter]
) -> None:
    for key, finding in findings.items():
        _find_result(report, f"finding {key}", finding["result"], chapters)
        for name in quoted_results(finding):
            pointer = f"{finding['result'].split('#')[0]}#{name}"
            _find_result(report, f"finding {key}", pointer, chapters)
        for place in finding["places"]:
            name = place.get("claim")
            if (
                name
                and f"{finding['study']}/{name}"
                not in studies.get(finding["study"], Study("", {}, {})).claims
            ):
                _problem(report, f"finding {key}", "dangling pointer", f'claim "{name}" does not exist')


def _check_inventory(
    report: Report, inventory: Iterable[dict[str, Any]], chapters: dict[str, Chapter]
) -> None:
    for item in inventory:
        where = f"inventory {item['study']} {item['item']}"
        if item.get("waits_for") in chapters:
            _problem(
                report,
                where,
                "dangling pointer",
                f"waits for {item['waits_for']}, which exists: name its figure",
            )
        if not item["figure"]:
            continue
        chapter_id, _, name = item["figure"].partition("#")
        chapter = chapters.get(chapter_id)
        if chapter is None or chapter.results is None:
            _problem(report, where, "missing result", f'"{item["figure"]}": the chapter has no results')
        elif name not in chapter.results["figures"] and name not in chapter.results["tables"]:
            _problem(
                report,
                where,
                "dangling pointer",
                f'"{item["figure"]}": the chapter draws no such figure or table',
            )


def scored_count(report: Report) -> int:
    """Return how many claims carry a score."""
    return sum(a.status in SCORED_STATUSES and a.evidence in SCORED for a in report.assessments)
