"""What the site shows: studies, executed chapters with results, findings, inventory and the check report."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from compendium import paths
from compendium.site.errors import SiteError

PUBLISHED = "published"
CHAPTER_FILE = "[0-9][0-9]_*"


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
    """One chapter of one run. `notebook` is None when the chapter has a source but has not been executed."""

    id: str
    study: str
    title: str
    page: str
    run: str
    notebook: Path | None
    figures: Path
    results: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """Everything that pages are written from."""

    studies: dict[str, StudyEntry]
    chapters: list[ChapterEntry]
    claims: list[dict[str, Any]]
    references: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    inventory: list[dict[str, Any]]
    named: bool = False

    def chapter(self, identifier: str) -> ChapterEntry | None:
        """Return the chapter with this id, or None."""
        return next((chapter for chapter in self.chapters if chapter.id == identifier), None)

    def result(self, pointer: str | None) -> dict[str, Any] | None:
        """Return the recorded result that `chapter#name` points to, or None."""
        identifier, _, name = (pointer or "").partition("#")
        chapter = self.chapter(identifier)
        return chapter.results.get("results", {}).get(name) if chapter else None

    def of_study(self, study: str) -> list[ChapterEntry]:
        """Return the chapters of a study in the order of their numbers."""
        return [chapter for chapter in self.chapters if chapter.study == study]


def read_content(report: dict[str, Any] | None, named: bool = False, run: str = PUBLISHED) -> Content:
    """Read everything the pages need from `data/`, `book/studies.yml` and `build/runs/`."""
    report = report or {}
    claims = _with_roles(report.get("claims", []))
    studies = _read_studies()
    if named:
        chapters = [chapter for name in named_runs() for chapter in _executed(name, f"{name}/")]
        return Content(studies, chapters, [], [], [], [], named=True)
    chapters = _with_sources(_executed(run, ""), run)
    return Content(
        studies, chapters, claims, report.get("references", []), _read_findings(), _read_inventory()
    )


def named_runs() -> list[str]:
    """Return the names of the runs on a person's own data."""
    folder = paths.build() / "runs"
    found = [path.name for path in folder.glob("*") if path.is_dir()] if folder.is_dir() else []
    return sorted(
        name for name in found if name != PUBLISHED and any((folder / name / "notebooks").glob("*/*.ipynb"))
    )


def _executed(run: str, prefix: str) -> list[ChapterEntry]:
    folder = paths.build() / "runs" / run
    chapters = []
    for notebook in sorted((folder / "notebooks").glob(f"*/{CHAPTER_FILE}.ipynb")):
        study, stem = notebook.parent.name, notebook.stem
        results = _read_json(folder / "results" / study / f"{stem}.json")
        provenance = _read_json(folder / "provenance" / study / f"{stem}.json")
        title = results.get("title") or _heading(notebook) or stem[3:].replace("_", " ").capitalize()
        figures = folder / "figures" / study / stem
        page = f"{prefix}{study}/{stem}"
        chapters.append(
            ChapterEntry(f"{study}/{stem}", study, title, page, run, notebook, figures, results, provenance)
        )
    return chapters


def _heading(notebook: Path) -> str | None:
    for cell in _read_json(notebook).get("cells", []):
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
    return yaml.safe_load(path.read_text(encoding="utf8")) if path.is_file() else None


def _read_studies() -> dict[str, StudyEntry]:
    entries = _read_yaml(paths.root() / "book" / "studies.yml") or {}
    studies = {slug: StudyEntry(slug=slug, **entry) for slug, entry in entries.items()}
    for path in sorted((paths.root() / "data" / "claims").glob("*.yaml")):
        if path.stem not in studies:
            paper = (_read_yaml(path) or {}).get("paper", {})
            known = {key: paper.get(key, "") for key in ("title", "journal", "doi")}
            studies[path.stem] = StudyEntry(path.stem, paper.get("short", path.stem), "", **known)
    return studies


def _with_roles(claims: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if all("role" in claim for claim in claims):
        return claims
    roles: dict[str, str] = {}
    for path in sorted((paths.root() / "data" / "claims").glob("*.yaml")):
        for claim in (_read_yaml(path) or {}).get("claims", []):
            roles[f"{path.stem}/{claim['id']}"] = claim.get("role", "inference")
    return [{**claim, "role": claim.get("role") or roles.get(claim["id"], "inference")} for claim in claims]


def _read_findings() -> list[dict[str, Any]]:
    found = []
    for path in sorted((paths.root() / "data" / "findings").glob("*.yaml")):
        data = _read_yaml(path) or {}
        found += [{**finding, "study": data.get("study", path.stem)} for finding in data.get("findings", [])]
    return found


def _read_inventory() -> list[dict[str, Any]]:
    return (_read_yaml(paths.root() / "data" / "inventory.yaml") or {}).get("items", [])
