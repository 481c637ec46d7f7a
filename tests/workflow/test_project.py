"""The project itself: a changed printed digit, a user's table of ten thousand examinations, bad tables, plain papermill."""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "stadlbauer2025/01_detection"


class Project:
    """A copy of the project's data and chapters with a build folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.build = root, root / "build"
        for name in ("data", "analysis", "book"):
            shutil.copytree(ROOT / name, root / name)
        for name in ("_config.yml", "CHANGELOG.md"):
            shutil.copy(ROOT / name, root / name)

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COMPENDIUM")}
        return {**kept, "PYTHONPATH": str(ROOT / "src"), "COMPENDIUM_ROOT": str(self.root)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "compendium", *arguments]
        return subprocess.run(
            command, env=self.environment(), cwd=self.root, capture_output=True, text=True, timeout=240
        )

    def claims(self) -> dict[str, dict]:
        report = json.loads(self.run("check", CHAPTER, "--format", "json").stdout)
        return {row["id"].split("/")[1]: row for row in report["claims"]}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    found = Project(tmp_path_factory.mktemp("project"))
    done = found.run("run", CHAPTER)
    assert done.returncode == 0, done.stderr
    return found


@pytest.mark.xdist_group("project")
def test_the_chapter_agrees_with_its_stored_reference(project):
    done = project.run("check", CHAPTER)
    assert done.returncode == 0, done.stdout
    assert "0 problems" in done.stdout


@pytest.mark.xdist_group("project")
def test_283_for_284_makes_the_right_claims_inconsistent(project):
    before = project.claims()
    path = project.root / "data" / "claims" / "stadlbauer2025.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count('printed: "283"') == 1
    path.write_text(text.replace('printed: "283"', 'printed: "284"'), encoding="utf-8")
    try:
        assert project.run("run", CHAPTER).returncode == 0
        after = project.claims()
        done = project.run("check", CHAPTER)
    finally:
        path.write_text(text, encoding="utf-8")
        project.run("run", CHAPTER)
    changed = {name for name in after if after[name]["status"] != before[name]["status"]}
    assert changed >= {"cmri-tp", "recurrence-examinations", "n-suspicious"}
    assert all(after[name]["status"] == "inconsistent" for name in changed)
    assert after["uperf-tp"]["status"] == "consistent" and after["uperf-accuracy"]["status"] == "consistent"
    assert done.returncode == 1 and "status changed: stadlbauer2025/cmri-tp" in done.stdout


def write_examinations(path: Path, count: int, seed: int = 5) -> None:
    """Write a table as a hospital would export it: other order, quotes, semicolons, three readers, gaps."""
    random.seed(seed)
    with path.open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.writer(handle, delimiter=";", quoting=csv.QUOTE_ALL)
        writer.writerow(
            ["examination", "read_reader B", "Reference", "comment", "patient", "read_reader A", "read_ai"]
        )
        for i in range(count):
            truth = int(random.random() < 0.4)
            right = [truth if random.random() < p else 1 - truth for p in (0.8, 0.9, 0.7)]
            shown = ["" if random.random() < 0.03 else r for r in right]
            writer.writerow(
                [f"E{i}", shown[0], truth, "a; b", f"P{random.randrange(count // 4)}", shown[1], shown[2]]
            )


@pytest.mark.xdist_group("project")
def test_ten_thousand_examinations_from_elsewhere_run_in_under_a_minute(project, tmp_path):
    table = tmp_path / "export 2026.csv"
    write_examinations(table, 10_000)
    began = time.monotonic()
    done = project.run("run", CHAPTER, "-i", f"examinations={table}", "--name", "my-cohort")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 60
    page = project.build / "my-site"
    assert list(page.rglob("01_detection.html"))
    stored = json.loads((project.build / "runs/my-cohort/results" / f"{CHAPTER}.json").read_text())["results"]
    with table.open(encoding="utf-8-sig") as handle:
        rows = [r for r in csv.DictReader(handle, delimiter=";") if r["read_reader A"]]
    hits = [r["read_reader A"] == "1" for r in rows if r["Reference"] == "1"]
    assert stored["reader_a.sensitivity"]["value"] == pytest.approx(100 * sum(hits) / len(hits), rel=1e-12)
    assert all(entry["evidence"] in ("user", "none") for entry in stored.values())


@pytest.mark.xdist_group("project")
@pytest.mark.parametrize("reads", [1, 4])
def test_one_read_suffices_and_four_are_compared_in_pairs(project, tmp_path, reads):
    table = tmp_path / "reads.csv"
    random.seed(reads)
    names = [f"read_r{i}" for i in range(reads)]
    lines = [",".join([*names, "reference", "patient", "examination"])]
    for i in range(120):
        truth = i % 3 == 0
        lines.append(
            ",".join(
                [
                    *[str(int(truth ^ (random.random() < 0.2))) for _ in names],
                    str(int(truth)),
                    f"P{i // 2}",
                    f"E{i}",
                ]
            )
        )
    table.write_text("\n".join(lines), encoding="utf-8")
    done = project.run("run", CHAPTER, "-i", f"examinations={table}", "--name", f"reads-{reads}")
    assert done.returncode == 0, done.stderr
    stored = json.loads((project.build / f"runs/reads-{reads}/results" / f"{CHAPTER}.json").read_text())[
        "results"
    ]
    assert {f"r{i}.sensitivity" for i in range(reads)} <= set(stored)


GOOD = "patient,examination,reference,read_a\nP1,E1,1,1\nP1,E2,0,0\nP2,E3,1,0\nP3,E4,0,1\n"
BAD = {
    "an unknown word": (GOOD.replace("E2,0,0", "E2,maybe,0"), ["row 3", "reference", "maybe"]),
    "a number that is no flag": (GOOD.replace("E2,0,0", "E2,0,2"), ["row 3", "read_a", "2"]),
    "a fraction": (GOOD.replace("E2,0,0", "E2,0,0.5"), ["row 3", "read_a", "0.5"]),
    "a missing reference": (GOOD.replace("E2,0,0", "E2,,0"), ["row 3", "reference"]),
    "a missing patient": (GOOD.replace("P2,", ","), ["row 4", "patient"]),
    "an examination twice": (GOOD.replace("E2", "E1"), ["row 3", "examination", "E1"]),
    "a missing column": (GOOD.replace("reference", "truth"), ["reference"]),
    "no read": (GOOD.replace("read_a", "reader"), ["read_"]),
    "a ragged row": (GOOD.replace("P2,E3,1,0", "P2,E3,1"), ["row 4"]),
    "a long row": (GOOD.replace("P2,E3,1,0", "P2,E3,1,0,9"), ["row 4"]),
    "a header twice": (GOOD.replace("patient,examination", "patient,patient"), ["patient"]),
    "nothing": ("", ["empty"]),
    "no rows": (GOOD.splitlines()[0] + "\n", ["row"]),
    "one class only": (GOOD.replace("E2,0", "E2,1").replace("E4,0", "E4,1"), ["reference"]),
    "a web page": ("<!DOCTYPE html><html><body>404</body></html>", ["web page"]),
    "an unclosed quote": (GOOD.replace("P2,", '"P2,'), ["quote"]),
    "a bad date": (GOOD.replace("read_a\n", "read_a,date\n").replace("1,1\n", "1,1,31.12.2024\n").replace("0,0\n", "0,0,\n").replace("1,0\n", "1,0,\n").replace("0,1\n", "0,1,\n"), ["row 2", "date", "31.12.2024"]),
    "an empty read": ("patient,examination,reference,read_a\nP1,E1,1,\nP1,E2,0,\n", ["read_a"]),
    "bytes": (b"PK\x03\x04 a workbook", ["Excel"]),
    "a zero byte": (GOOD.encode().replace(b"P2", b"P\x002"), ["NUL"]),
    "compressed bytes": (b"\x1f\x8b\x08 gz", ["gzip"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_table_gets_one_line(project_listing, tmp_path, kind):
    content, fragments = BAD[kind]
    table = tmp_path / "mine.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = project_listing("run", CHAPTER, "-i", f"examinations={table}", "--name", "bad")
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and "mine.csv" in lines[0]
    for fragment in fragments:
        assert fragment.lower() in lines[0].lower(), lines[0]


@pytest.fixture(scope="module")
def project_listing(tmp_path_factory):
    """The command line on the project itself, with an empty build folder."""
    build = tmp_path_factory.mktemp("build")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COMPENDIUM_BUILD": str(build)}
        command = [sys.executable, "-m", "compendium", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    yield run
    assert not (build / "runs").exists()


def test_the_template_is_read_as_a_table_without_rows(project_listing, tmp_path):
    table = tmp_path / "template.csv"
    assert project_listing("list", CHAPTER, "--template", "examinations", "-o", str(table)).returncode == 0
    done = project_listing("run", CHAPTER, "-i", f"examinations={table}", "--name", "empty")
    assert done.returncode == 2 and "row" in done.stderr
    assert project_listing("list", CHAPTER, "--template", "examinations", "-o", str(table)).returncode == 2


def test_a_missing_file_and_a_folder_are_named(project_listing, tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        done = project_listing("run", CHAPTER, "-i", f"examinations={path}", "--name", "bad")
        assert (
            done.returncode == 2 and path.name in done.stderr and len(done.stderr.strip().splitlines()) == 1
        )


@pytest.mark.xdist_group("project")
def test_plain_papermill_works_on_the_chapter(project, tmp_path):
    notebook = tmp_path / "01.ipynb"
    run = {"check": True, "capture_output": True, "env": project.environment(), "cwd": tmp_path}
    source = project.root / "analysis" / f"{CHAPTER}.py"
    subprocess.run(
        [sys.executable, "-m", "jupytext", "--to", "ipynb", "-o", str(notebook), str(source)], **run
    )
    subprocess.run(
        [sys.executable, "-m", "papermill", str(notebook), "out.ipynb", "-p", "resamples", "200"], **run
    )
    plain = json.loads((project.build / "plain" / CHAPTER / "results.json").read_text())["results"]
    published = json.loads((project.build / "runs/published/results" / f"{CHAPTER}.json").read_text())[
        "results"
    ]
    assert plain["uperf.accuracy"] == published["uperf.accuracy"]


@pytest.mark.xdist_group("project")
def test_the_readme_shows_the_verdicts_of_the_check(project):
    """The table in README.md is the one that `accept` would write now."""
    shutil.copy(ROOT / "README.md", project.root)
    code = (
        "from compendium.run.report import build_report; from compendium.site.readme import with_verdicts; from pathlib import Path; import sys; "
        "text = Path('README.md').read_text(encoding='utf-8'); assert '| Stadlbauer' in text; "
        "sys.exit(0 if with_verdicts(text, build_report()) == text else 1)"
    )
    assert project.run("run").returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=project.environment(),
        cwd=project.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, "README.md is out of date: run `compendium accept` of a chapter"
