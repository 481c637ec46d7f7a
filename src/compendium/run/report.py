"""The check of this project: what `data/` says, what `build/` holds, the references beside the chapters."""

import json
from pathlib import Path
from typing import Any

from compendium import paths
from compendium.evidence import check
from compendium.evidence.claims import Study, load_studies
from compendium.evidence.findings import load_findings, load_inventory
from compendium.evidence.references import (
    accepted,
    claims_reference_path,
    load_claims_reference,
    load_reference,
    reference_path,
)
from compendium.run.author_data import describe_changes
from compendium.run.chapters import Chapter, RequestError, list_chapters
from compendium.run.store import RunStore, write_atomically


def gather(chapters: list[Chapter] | None = None) -> dict[str, check.Chapter]:
    """Return chapters (all by default) with their stored references and published results."""
    store = RunStore()
    found = {}
    for chapter in chapters if chapters is not None else list_chapters():
        results = store.read_results(chapter.id)
        sidecar = store.read_provenance(chapter.id)
        damage = store.damage(chapter.id, sidecar) if sidecar else None
        damage = damage or describe_changes((results or {}).get("data_read", {}))
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
    analysis = paths.root() / "analysis"
    stored = {study: load_claims_reference(claims_reference_path(analysis, study)) for study in studies}
    return check.run_check(studies, gather(), load_findings(), load_inventory(), only, stored)


def accept(study: str, chapters: list[Chapter]) -> tuple[list[str], list[Path]]:
    """Store present results and statuses as references; return the differences in words and the paths written.

    Parameters
    ----------
    study : whose claims' statuses are stored.
    chapters : chapters of that study whose results are stored; claims of its other chapters keep their statuses.

    Raises
    ------
    RequestError : a chapter has no finished results.
    """
    differences: list[str] = []
    written: list[Path] = []
    for chapter in chapters:
        found = gather([chapter])[chapter.id]
        if found.results is None:
            raise RequestError(f"{chapter.id} has no finished results: run it first.")
        new = accepted(found.results["results"], found.reference, found.has_published_data)
        for part in ("results", "obtained"):
            differences += describe_results(found.reference.get(part, {}), new.get(part, {}))
        written.append(reference_path(chapter.path))
        _write(written[-1], new)
    changed, path = _accept_statuses(study, {c.id for c in chapters})
    return differences + changed, [*written, path]


def _accept_statuses(study: str, chapter_ids: set[str]) -> tuple[list[str], Path]:
    path = claims_reference_path(paths.root() / "analysis", study)
    old = load_claims_reference(path) or {}
    new = {}
    for a in build_report().assessments:
        if a.claim.study != study:
            continue
        elsewhere = a.claim.result is not None and a.claim.result.split("#")[0] not in chapter_ids
        known = old.get(a.claim.id)
        new[a.claim.id] = known if elsewhere and known else check.stored_status(a, known)
    changes = [
        f"~ {claim}: {_status(old.get(claim))} → {_status(new.get(claim))}"
        for claim in {**old, **new}
        if old.get(claim) != new.get(claim)
    ]
    _write(path, new)
    return changes, path


def _write(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def describe_results(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what accepting would change, a line each: values with old, new and relative difference."""
    lines = []
    for name in {**old, **new}:
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            lines.append(f"{'+' if before is None else '-'} {name} = {(after or before or {}).get('value')}")
        elif before.get("value") != after.get("value"):
            change = _relative(before["value"], after["value"])
            lines.append(f"~ {name}: {before['value']} → {after['value']}{change}")
        else:
            for field in ("interval", "unit", "evidence", "uses"):
                if before.get(field) != after.get(field):
                    lines.append(f"~ {name}: {field} {before.get(field)} → {after.get(field)}")
    return lines


def _relative(before: Any, after: Any) -> str:
    if not isinstance(before, (int, float)) or not isinstance(after, (int, float)) or not before:
        return ""
    return f" ({after / before - 1:+.2e})"


def _status(entry: dict[str, Any] | None) -> str:
    if not entry:
        return "none"
    words = f"{entry['status']} [{entry['evidence']}, {entry['role']}, {entry['admits']}]"
    return words + (f", with the data {_status(entry['obtained'])}" if "obtained" in entry else "")
