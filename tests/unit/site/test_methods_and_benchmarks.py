"""The pages "Statistics" and "Speed": made from stored JSON, complete, escaped, and absent data said so."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from compendium.site.benchmarks import benchmarks_page, read_benchmark
from compendium.site.errors import SiteError
from compendium.site.methods import statistics_page

ROOT = Path(__file__).resolve().parents[3]
STATISTICS = ROOT / "data" / "derived" / "statistics" / "agreement.json"
BENCHMARKS = sorted((ROOT / "data" / "derived" / "benchmarks").glob("*.json"))


@pytest.fixture
def empty_project(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path))
    return tmp_path


def cells(page):
    """Text of every table row of a page."""
    return [row.get_text(" ", strip=True) for row in BeautifulSoup(page, "html.parser").find_all("tr")]


def benchmark(**changes):
    stored = {
        "title": "Toy", "about": "*Two* tasks.", "recipe": "python bench.py", "peers": ["R", "other"],
        "ratios": [{"task": "a", "title": "Task <a>", "slower": {"R": 12.34, "other": None}},
                   {"task": "b", "title": "Task b", "slower": {"R": 0.5}}],
        "times": [{"task": "a", "title": "Task <a>", "ours_ms": 2.0, "limit_ms": 5, "peers_ms": {"R": 24.68}, "note": ""},
                  {"task": "b", "title": "Task b", "ours_ms": 9.0, "limit_ms": 5, "peers_ms": {}, "note": "once"}],
        "date": "2026-01-02", "machine": "toy64", "threads": 1, "versions": {"numpy": "2"},
    }  # fmt: skip
    return {**stored, **changes}


def write(project, stored, name="toy.json"):
    path = project / "data" / "derived" / "benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored), encoding="utf-8")
    return path


def test_without_stored_files_the_pages_say_so(empty_project):
    assert "No comparison is stored here." in statistics_page()
    assert "No benchmark is stored here." in benchmarks_page()


def test_statistics_page_lists_every_comparison_and_every_planted_truth():
    stored = json.loads(STATISTICS.read_text(encoding="utf-8"))
    rows = cells(statistics_page())
    for row in stored["comparisons"]:
        shown = [text for text in rows if text.startswith(row["method"]) and row["convention"] in text]
        assert shown, row["method"]
        assert row["version"] in shown[0] and row["known"] in shown[0]
        assert all(
            item["reason"] in shown[0] for item in row["tolerances"] if item["relative"] or item["absolute"]
        )
    for row in stored["planted"]:
        assert any(row["truth"] in text and text.startswith(row["method"]) for text in rows), row["method"]
    heads = len({row["topic"] for row in stored["comparisons"]}) + 1
    assert len(rows) == len(stored["comparisons"]) + len(stored["planted"]) + heads


def test_statistics_page_reads_no_tests(tmp_path, monkeypatch):
    target = tmp_path / STATISTICS.relative_to(ROOT)
    target.parent.mkdir(parents=True)
    shutil.copy(STATISTICS, target)
    before = statistics_page()
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path))
    assert statistics_page() == before


def test_every_stored_benchmark_shows_all_its_rows():
    assert "statistics.json" in {path.name for path in BENCHMARKS}
    page = benchmarks_page()
    rows = cells(page)
    for path in BENCHMARKS:
        stored = read_benchmark(path)
        assert f"## {stored['title']}\n" in page
        for row in stored["ratios"] + stored["times"]:
            assert sum(text.startswith(row["title"]) for text in rows) >= 2, row["title"]


def test_another_benchmark_appears_by_its_file_alone(empty_project):
    write(empty_project, benchmark())
    write(empty_project, benchmark(title="Second"), "second.json")
    page = benchmarks_page()
    assert page.index("## Second") < page.index("## Toy")
    assert "Task &lt;a&gt;" in page and "<em>Two</em>" in page
    assert page.count("1 of 2 limits are met.") == 2
    rows = cells(page)
    assert "Task <a> 12 times as long –" in rows
    assert "Task b 9 5, not met – – once" in rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.pop("recipe"), "toy.json: a benchmark must have all keys. Missing: recipe"),
        (
            lambda b: b["times"].pop(),
            r"ratios and times must list the same tasks. Given \['a', 'b'\] and \['a'\]",
        ),
    ],
)
def test_incomplete_benchmark_stops_the_build(empty_project, change, message):
    stored = benchmark()
    change(stored)
    with pytest.raises(SiteError, match=message):
        read_benchmark(write(empty_project, stored))


def test_invalid_json_stops_the_build(empty_project):
    path = write(empty_project, benchmark())
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SiteError, match="toy.json: a benchmark must be valid JSON"):
        benchmarks_page()


def test_benchmark_of_the_statistics_runs_and_has_the_rows_of_the_stored_one(tmp_path):
    target = tmp_path / "tiny.json"
    script = ROOT / "benchmarks" / "statistics" / "bench.py"
    done = subprocess.run(
        [sys.executable, str(script), "--tiny", "--output", str(target)],
        capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/nonexistent"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    tiny, stored = (
        read_benchmark(target),
        read_benchmark(ROOT / "data" / "derived" / "benchmarks" / "statistics.json"),
    )
    assert tiny["threads"] == 1
    assert [row["task"] for row in tiny["times"]] == [row["task"] for row in stored["times"]]
    assert all(row["ours_ms"] > 0 for row in tiny["times"])
    assert all(row["slower"]["R"] is None for row in tiny["ratios"])  # no R on that path
    assert all(row["slower"]["R"] > 1 for row in stored["ratios"])


@pytest.mark.r
def test_benchmark_times_r_where_it_is_installed(tmp_path):
    if shutil.which("Rscript") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Rscript must be installed. Given none on PATH.")
        pytest.skip("R is not installed")
    script = ROOT / "benchmarks" / "statistics" / "bench.py"
    done = subprocess.run([sys.executable, str(script), "--tiny"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(row["slower"]["R"] > 0 for row in json.loads(done.stdout)["ratios"])
