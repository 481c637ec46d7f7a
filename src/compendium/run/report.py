"""The check of this project: claims, findings and inventory from `data/`, results from `build/`, references beside chapters."""

import json
from pathlib import Path
from typing import Any

from compendium.evidence import check
from compendium.evidence.claims import Study, load_studies
from compendium.evidence.findings import load_findings, load_inventory
from compendium.evidence.references import accepted, load_reference, reference_path
from compendium.run.chapters import Chapter, list_chapters
from compendium.run.store import RunStore, write_atomically


def gather(chapters: list[Chapter] | None = None) -> dict[str, check.Chapter]:
    """Return every chapter with its stored reference and its published results."""
    store = RunStore()
    found = {}
    for chapter in chapters if chapters is not None else list_chapters():
        results = store.read_results(chapter.id)
        sidecar = store.read_provenance(chapter.id)
        damage = store.damage(chapter.id, sidecar) if sidecar else None
        reference = load_reference(reference_path(chapter.path))
        found[chapter.id] = check.Chapter(chapter.id, reference, results, damage)
    return found


def build_report(only: set[str] | None = None, studies: dict[str, Study] | None = None) -> check.Report:
    """Check the whole project, or the chapters in `only`.

    Raises
    ------
    StructureError : a file in `data/` or a stored reference is malformed.
    """
    studies = studies if studies is not None else load_studies()
    return check.run_check(studies, gather(), load_findings(), load_inventory(), only)


def accept(chapter: Chapter) -> tuple[list[str], Path]:
    """Store a chapter's present results and statuses as its reference; return the differences in words and the path.

    Raises
    ------
    FileNotFoundError : the chapter has no finished results.
    """
    studies = load_studies()
    found = gather()[chapter.id]
    if found.results is None:
        raise FileNotFoundError(f"{chapter.id} has no finished results: run it first.")
    report = check.run_check(studies, {chapter.id: found}, load_findings(), (), {chapter.id})
    statuses = {
        a.claim.id: {"status": a.status, "evidence": a.evidence}
        for a in report.assessments
        if a.claim.result and a.claim.result.startswith(f"{chapter.id}#")
    }
    new = accepted(found.results["results"], statuses, found.reference)
    path = reference_path(chapter.path)
    differences = describe_changes(found.reference, new)
    write_atomically(path, json.dumps(new, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return differences, path


def describe_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what accepting would change, a line each: values with old, new and relative difference, then statuses."""
    lines = []
    for name in {**old["results"], **new["results"]}:
        before, after = old["results"].get(name), new["results"].get(name)
        if before is None or after is None:
            lines.append(f"{'+' if before is None else '-'} {name} = {(after or before or {}).get('value')}")
        elif before.get("value") != after.get("value"):
            lines.append(f"~ {name}: {before['value']} → {after['value']}{_relative(before['value'], after['value'])}")
        else:
            for field in ("interval", "unit", "evidence", "uses"):
                if before.get(field) != after.get(field):
                    lines.append(f"~ {name}: {field} {before.get(field)} → {after.get(field)}")
    for claim in {**old["claims"], **new["claims"]}:
        was, now = old["claims"].get(claim), new["claims"].get(claim)
        if was != now:
            lines.append(f"~ {claim}: {_status(was)} → {_status(now)}")
    return lines


def _relative(before: Any, after: Any) -> str:
    if not isinstance(before, (int, float)) or not isinstance(after, (int, float)) or not before:
        return ""
    return f" ({after / before - 1:+.2e})"


def _status(entry: dict[str, Any] | None) -> str:
    return f"{entry['status']} [{entry['evidence']}]" if entry else "none"
