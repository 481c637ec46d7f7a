"""The check of this project: what `data/` says, what `build/` holds, the references beside the chapters."""

import json
from pathlib import Path
from typing import Any

from compendium import paths
from compendium.evidence import check
from compendium.evidence.claims import Study, load_studies
from compendium.evidence.findings import load_findings, load_inventory
from compendium.evidence.references import accepted, load_reference, reference_path
from compendium.io.yaml_lines import load_yaml
from compendium.run.chapters import Chapter, list_chapters
from compendium.run.store import RunStore, write_atomically

README_START = "<!-- verdicts: computed; `run.py accept CHAPTER` writes this table -->\n"
README_END = "<!-- end of verdicts -->"


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
    refresh_readme(build_report())
    return differences, path


def refresh_readme(report: check.Report) -> None:
    """Write the verdict table into the README; nothing happens where there is no place for it."""
    path = paths.root() / "README.md"
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    new = with_verdicts(text, report)
    if new != text:
        write_atomically(path, new)


def with_verdicts(text: str, report: check.Report) -> str:
    """Return a README whose verdict table is that of a report; unchanged when it has no markers."""
    before, start, rest = text.partition(README_START)
    _, end, after = rest.partition(README_END)
    return f"{before}{start}{verdict_table(report)}{end}{after}" if end else text


def verdict_table(report: check.Report) -> str:
    """Return the table of studies: what was scored, how it came out, findings; Markdown, computed from a report."""
    questions = load_yaml(paths.root() / "book" / "studies.yml")
    weights = {key: finding["weight"] for key, finding in load_findings().items()}
    lines = ["| study | question | printed numbers checked | findings |", "|---|---|---|---|"]
    for study, entry in questions.items():
        counts = dict.fromkeys(check.SCORED_STATUSES, 0)
        for a in report.assessments:
            if a.claim.study == study and a.status in counts:
                counts[a.status] += 1
        checked = ", ".join(f"{n} {status}" for status, n in counts.items() if n) or "none yet"
        found = [w for key, w in weights.items() if key.startswith(f"{study}/")]
        kinds = [(found.count("substantive"), "substantive"), (found.count("note"), "noted")]
        findings = ", ".join(f"{n} {kind}" for n, kind in kinds if n) or "–"
        lines.append(f"| {entry['short']} | {entry['question']} | {checked} | {findings} |")
    return "\n".join(lines) + "\n"


def describe_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what accepting would change, a line each: values with old, new and relative difference, then statuses."""
    lines = []
    for name in {**old["results"], **new["results"]}:
        before, after = old["results"].get(name), new["results"].get(name)
        if before is None or after is None:
            lines.append(f"{'+' if before is None else '-'} {name} = {(after or before or {}).get('value')}")
        elif before.get("value") != after.get("value"):
            lines.append(
                f"~ {name}: {before['value']} → {after['value']}{_relative(before['value'], after['value'])}"
            )
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
