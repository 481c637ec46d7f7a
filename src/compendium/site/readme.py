"""The verdict table of the README: the counts of the index, as Markdown."""

from typing import Any

from compendium import paths
from compendium.evidence.check import Report
from compendium.evidence.findings import load_findings
from compendium.io.yaml_lines import load_yaml
from compendium.site.standing import standing_of, words_of

START = "<!-- verdicts: computed; `run.py accept CHAPTER` writes this table -->\n"
END = "<!-- end of verdicts -->"


def refresh_readme(report: Report) -> None:
    """Write the verdict table of a report into the README, where it has a place for it."""
    path = paths.root() / "README.md"
    if path.exists():
        text = path.read_text(encoding="utf-8")
        new = with_verdicts(text, report)
        if new != text:
            path.write_text(new, encoding="utf-8")


def with_verdicts(text: str, report: Report) -> str:
    """Return a README whose verdict table is that of a report; unchanged when it has no markers."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    return f"{before}{start}{verdict_table(report)}{end}{after}" if end else text


def verdict_table(report: Report) -> str:
    """Return the table of studies: their questions, how their printed numbers came out, findings."""
    claims = [_row(a) for a in report.assessments]
    weights = {key: finding["weight"] for key, finding in load_findings().items()}
    lines = ["| study | question | printed numbers, computed again | findings |", "|---|---|---|---|"]
    for study, entry in load_yaml(paths.root() / "book" / "studies.yml").items():
        found = [w for key, w in weights.items() if key.startswith(f"{study}/")]
        kinds = [(found.count("substantive"), "substantive"), (found.count("note"), "noted")]
        findings = ", ".join(f"{n} {kind}" for n, kind in kinds if n) or "–"
        counts = _counts([c for c in claims if c["study"] == study])
        lines.append(f"| {entry['short']} | {entry['question']} | {counts} | {findings} |")
    return "\n".join(lines) + "\n"


def _row(a: Any) -> dict[str, Any]:
    claim = a.claim
    return {
        "study": claim.study, "role": claim.role, "repeats": claim.repeats, "evidence": a.evidence, "status": a.status,
    }  # fmt: skip


def _counts(claims: list[dict[str, Any]]) -> str:
    """Return results first, then descriptive numbers, then how many are untested."""
    standing = standing_of(claims)
    named = (("results", standing.results), ("descriptive numbers", standing.descriptive))
    parts = [
        f"{name}: {words_of(counts)}"
        for name, counts in named
        if words_of(counts) != words_of(type(counts)())
    ]
    if standing.untested:
        lead = f"{standing.untested} more" if parts else str(standing.untested)
        parts.append(f"{lead} cannot be tested, or not yet")
    return "; ".join(parts) or "prints no results of its own"
