"""What the site shows: studies, executed chapters with results, findings, inventory and the check report."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compendium import paths
from compendium.evidence.findings import fill
from compendium.evidence.labels import NEVER_COMPUTED
from compendium.evidence.yardstick import parse_printed
from compendium.io.yaml_lines import load_yaml
from compendium.site.errors import SiteError
from compendium.site.links import called_functions, result_cells

PUBLISHED = "published"
CHAPTER_FILE = "[0-9][0-9]_*"
TYPED = ("role", "repeats", "needs", "waits_for", "note")


@dataclass(frozen=True)
class StudyEntry:
    """One paper: its slug, how it is called, what it asks, and where it was published."""

    slug: str
    short: str
    question: str
    title: str = ""
    journal: str = ""
    doi: str = ""
    topic: str = ""


@dataclass(frozen=True)
class ChapterEntry:
    """One chapter of one run. `notebook` is None when the chapter has a source but has not been executed.

    `cells` says which code cell records a result; `calls` what the chapter imports from the package.
    """

    id: str
    study: str
    title: str
    page: str
    run: str
    notebook: Path | None
    figures: Path
    results: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, int] = field(default_factory=dict)
    calls: dict[str, list[str]] = field(default_factory=dict)

    @property
    def of_user(self) -> bool:
        """True when something was handed in for the run; a run may also only change parameters."""
        return bool(self.results.get("inputs") or self.provenance.get("inputs"))


@dataclass(frozen=True)
class Content:
    """Everything that pages are written from; `published` holds what named runs are laid beside."""

    studies: dict[str, StudyEntry]
    chapters: list[ChapterEntry]
    claims: list[dict[str, Any]]
    references: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    inventory: list[dict[str, Any]]
    named: bool = False
    published: list[ChapterEntry] = field(default_factory=list)

    def chapter(self, identifier: str) -> ChapterEntry | None:
        """Return the chapter with this id, or None."""
        return next((chapter for chapter in self.chapters if chapter.id == identifier), None)

    def result(self, pointer: str | None) -> dict[str, Any] | None:
        """Return the recorded result that `chapter#name` points to, or None."""
        identifier, _, name = (pointer or "").partition("#")
        chapter = self.chapter(identifier)
        return chapter.results.get("results", {}).get(name) if chapter else None

    def finding(self, study: str, name: str | None) -> dict[str, Any] | None:
        """Return the finding of a study with this id, or None."""
        known = (f for f in self.findings if f["study"] == study and f["id"] == name)
        return next(known, None)

    def of_study(self, study: str) -> list[ChapterEntry]:
        """Return the chapters of a study in the order of their numbers."""
        return [chapter for chapter in self.chapters if chapter.study == study]


def read_content(report: dict[str, Any] | None, named: bool = False, run: str = PUBLISHED) -> Content:
    """Read everything the pages need from `data/`, `book/studies.yml` and `build/runs/`."""
    report = report or {}
    claims = _complete(report.get("claims", []))
    studies = _read_studies()
    if named:
        chapters = [chapter for name in named_runs() for chapter in _executed(name, f"{name}/")]
        several = {identifier for identifier, n in Counter(c.id for c in chapters).items() if n > 1}
        beside = _executed(PUBLISHED, f"{PUBLISHED}/", several)
        return Content(studies, chapters, [], [], [], [], named=True, published=beside)
    chapters = _with_sources(_executed(run, ""), run)
    return Content(
        studies, chapters, claims, report.get("references", []), _read_findings(chapters), _read_inventory()
    )


def named_runs() -> list[str]:
    """Return the names of the runs on a person's own data."""
    folder = paths.build() / "runs"
    found = [path.name for path in folder.glob("*") if path.is_dir()] if folder.is_dir() else []
    return sorted(
        name for name in found if name != PUBLISHED and any((folder / name / "notebooks").glob("*/*.ipynb"))
    )


def _executed(run: str, prefix: str, only: set[str] | None = None) -> list[ChapterEntry]:
    folder = paths.build() / "runs" / run
    chapters = []
    for notebook in sorted((folder / "notebooks").glob(f"*/{CHAPTER_FILE}.ipynb")):
        study, stem = notebook.parent.name, notebook.stem
        if only is not None and f"{study}/{stem}" not in only:
            continue
        results = _read_json(folder / "results" / study / f"{stem}.json")
        provenance = _read_json(folder / "provenance" / study / f"{stem}.json")
        written = _read_json(notebook).get("cells", [])
        title = results.get("title") or _heading(written) or stem[3:].replace("_", " ").capitalize()
        figures = folder / "figures" / study / stem
        page = f"{prefix}{study}/{stem}"
        found = ChapterEntry(
            f"{study}/{stem}", study, title, page, run, notebook, figures, results, provenance
        )
        cells = result_cells(written, results.get("results", {}))
        chapters.append(replace(found, cells=cells, calls=called_functions(written)))
    return chapters


def _heading(cells: list[dict[str, Any]]) -> str | None:
    for cell in cells:
        heading = (
            re.search(r"^# (.+)$", "".join(cell["source"]), re.MULTILINE)
            if cell["cell_type"] == "markdown"
            else None
        )
        if heading:
            return heading.group(1).strip()
    return None


def _with_sources(executed: list[ChapterEntry], run: str) -> list[ChapterEntry]:
    known = {chapter.id: chapter for chapter in executed}
    for source in sorted((paths.root() / "analysis").glob(f"*/{CHAPTER_FILE}.py")):
        identifier = f"{source.parent.name}/{source.stem}"
        if identifier not in known:
            heading = re.search(r"^# # (.+)$", source.read_text(encoding="utf8"), re.MULTILINE)
            title = heading.group(1).strip() if heading else source.stem
            known[identifier] = ChapterEntry(
                identifier, source.parent.name, title, identifier, run, None, source.parent
            )
    return [known[identifier] for identifier in sorted(known)]


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise SiteError(f"{path.name}: a file of the run must be valid JSON. {error}") from None


def _read_yaml(path: Path) -> Any:
    return load_yaml(path) if path.is_file() else None


def _read_studies() -> dict[str, StudyEntry]:
    entries = _read_yaml(paths.root() / "book" / "studies.yml") or {}
    studies = {slug: StudyEntry(slug=slug, **entry) for slug, entry in entries.items()}
    for path in sorted((paths.root() / "data" / "claims").glob("*.yaml")):
        if path.stem not in studies:
            paper = (_read_yaml(path) or {}).get("paper", {})
            known = {key: paper.get(key, "") for key in ("title", "journal", "doi")}
            studies[path.stem] = StudyEntry(path.stem, paper.get("short", path.stem), "", **known)
    return studies


def _complete(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each claim of the report what was typed with it, the values its digits admit, and what stands for ours."""
    typed: dict[str, dict[str, Any]] = {}
    for path in sorted((paths.root() / "data" / "claims").glob("*.yaml")) if claims else []:
        for claim in (load_yaml(path) or {}).get("claims", []):
            typed[f"{path.stem}/{claim['id']}"] = claim
    return [_completed(claim, typed.get(claim["id"], {})) for claim in claims]


def _completed(claim: dict[str, Any], typed: dict[str, Any]) -> dict[str, Any]:
    known = {key: claim.get(key) or typed.get(key) for key in TYPED}
    whole = {**claim, **known, "role": known["role"] or "inference"}
    try:
        admitted = parse_printed(claim["printed"], bool(typed.get("exact")), typed.get("half_unit")).bounds()
    except ValueError:
        admitted = None
    return {**whole, "admitted": admitted, "basis": _basis(whole, typed.get("evidence") or claim["evidence"])}


def _basis(claim: dict[str, Any], typed: str | None) -> str:
    """Return the evidence of our number, or a word for why there is none."""
    if claim.get("ours") is not None and claim["evidence"]:
        return claim["evidence"]
    if claim["role"] == "setting" or typed in NEVER_COMPUTED:
        return typed if typed in NEVER_COMPUTED else "setting"
    if claim["role"] == "context":
        return "cited"
    if claim["waits_for"]:
        return "waits"
    return "no value" if claim.get("result") else "input"


def _read_findings(chapters: list[ChapterEntry]) -> list[dict[str, Any]]:
    results = {chapter.id: chapter.results.get("results", {}) for chapter in chapters}
    found = []
    for path in sorted((paths.root() / "data" / "findings").glob("*.yaml")):
        data = _read_yaml(path) or {}
        for finding in data.get("findings", []):
            known = results.get(finding["result"].split("#")[0], {})
            found.append({**_filled(finding, known), "study": data.get("study", path.stem)})
    return found


def _filled(finding: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """Return a finding whose texts quote the results of its chapter."""
    texts = {key: _quote(finding[key], results) for key in ("title", "changes")}
    assumptions = [_quote(text, results) for text in finding["assumptions"]]
    benign = [{key: _quote(text, results) for key, text in tried.items()} for tried in finding["benign"]]
    return {**finding, **texts, "assumptions": assumptions, "benign": benign}


def _quote(text: str, results: dict[str, Any]) -> str:
    """Fill a finding's text; where its chapter has not been executed, the fields become dots and the page still stands."""
    try:
        return fill(text, results)
    except KeyError:
        return re.sub(r"\{[\w.]+(:[^{}]*)?\}", "…", text)


def _read_inventory() -> list[dict[str, Any]]:
    return (_read_yaml(paths.root() / "data" / "inventory.yaml") or {}).get("items", [])
