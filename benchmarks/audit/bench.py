"""Measures the audit engine on simulated papers with planted errors, beside statcheck on the same papers.

    python benchmarks/audit/bench.py [--output FILE] [--first ENGINE] [--tiny]

Writes data/derived/audit/benchmark.json, which the page "The audit engine" shows: false alarms per paper and errors found,
for our engine (with and without what a paper says about its conventions) and for statcheck (`statcheck.R`, beside this file;
without R its part is kept from the file that is there). `--first` stores the engine's measurement as the first one, under a
name that says which engine it was; later runs keep it. `--tiny` measures a few papers only, to show that it runs.
"""

import argparse
import csv
import datetime
import json
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from compendium import paths
from compendium.cohorts.simulated_papers import Paper, write_apa
from compendium.evidence.audit_benchmark import (
    Marks,
    digest_papers,
    make_series,
    mark_found,
    mark_papers,
    summarise,
)

SEED = 20261120
FRESH = {"seed": 20261121, "papers": {"usual": 600, "unusual": 0, "with_errors": 400}}
"""Papers that nobody looked at while the engine was mended after the first measurement."""
SIZES = {"usual": 600, "unusual": 50, "with_errors": 1000}
TINY = {"usual": 4, "unusual": 1, "with_errors": 6}
SAMPLE = {"usual": 25, "unusual": 2, "with_errors": 40}
HERE = Path(__file__).parent
RECIPE = "python benchmarks/audit/bench.py"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output", type=Path, default=paths.root() / "data" / "derived" / "audit" / "benchmark.json"
    )
    parser.add_argument("--first", default="")
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    sizes = TINY if given.tiny else SIZES
    papers = list(make_series(SEED, **sizes))
    before = json.loads(given.output.read_text(encoding="utf8")) if given.output.is_file() else {}
    stored = measure(papers, sizes, before, given.first)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(as_text(stored), encoding="utf8")


def measure(papers: list[Paper], sizes: dict[str, int], before: dict[str, Any], first: str) -> dict[str, Any]:
    """All measurements, as stored."""
    plain = mark_papers(papers, hints=False)
    told = mark_papers(papers, hints=True, known=plain)
    found, version = run_statcheck(papers)
    measured = {k: before[k] for k in ("first", "statcheck") if k in before}
    ours = {"untold": summarise(papers, plain), "told": summarise(papers, told)}
    if found:
        read = mark_found(papers, found)
        measured["statcheck"] = {"version": version, "rates": summarise(papers, read)}
        measured["statcheck"]["rates_where_read"] = summarise(papers, read, read)
        lenient = mark_found(papers, found, "error_zero_allowed")
        measured["statcheck"]["rates_zero_allowed"] = summarise(papers, lenient)
        ours["untold_where_statcheck_reads"] = summarise(papers, plain, read)
        ours["told_where_statcheck_reads"] = summarise(papers, told, read)
    if first:
        kept = {name: rates for name, rates in ours.items() if name.startswith("untold")}
        day = f"{datetime.date.today()}"
        measured["first"] = {"engine": first, "date": day, "sha256": digest_papers(papers), **kept}
    sample = list(make_series(SEED, **SAMPLE))
    return {
        "recipe": RECIPE,
        "seed": SEED,
        "papers": sizes,
        "statements": sum(len(p.items) for p in papers),
        "errors": sum(bool(i.error) for p in papers for i in p.items),
        "sha256": digest_papers(papers),
        "date": f"{datetime.date.today()}",
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        **measured,
        "now": ours,
        "fresh": measure_fresh(TINY if sizes == TINY else FRESH["papers"]),
        "sample": {"papers": SAMPLE, "sha256": digest_papers(sample), "marks": coded(mark_papers(sample))},
    }


def measure_fresh(sizes: dict[str, int]) -> dict[str, Any]:
    """The engine on another series of papers."""
    papers = list(make_series(FRESH["seed"], **sizes))
    rates = summarise(papers, mark_papers(papers, hints=False))
    return {"seed": FRESH["seed"], "papers": sizes, "sha256": digest_papers(papers), "untold": rates}


def as_text(stored: dict[str, Any]) -> str:
    """JSON with a line per share and per row of a table."""
    text = json.dumps(stored, indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", text) + "\n"


def coded(marks: Marks) -> dict[str, str]:
    """Marks of a paper as a word of initials: n(ot compatible), t(ension), c(onsistent), i(nformation)."""
    return {paper: "".join(mark[0] for mark in row) for paper, row in marks.items()}


def run_statcheck(papers: list[Paper]) -> tuple[list[dict[str, str]], str]:
    """What statcheck finds, and its version with R's; nothing without R or the package."""
    if not shutil.which("Rscript"):
        return [], ""
    with tempfile.TemporaryDirectory() as folder:
        texts, found = Path(folder) / "texts.csv", Path(folder) / "found.csv"
        with texts.open("w", newline="", encoding="utf8") as file:
            writer = csv.writer(file)
            writer.writerow(["paper", "text"])
            writer.writerows([p.id, " ".join(write_apa(p))] for p in papers)
        done = subprocess.run(
            ["Rscript", str(HERE / "statcheck.R"), str(texts), str(found)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"statcheck did not run: {done.stderr.strip().splitlines()[-1:]}")
            return [], ""
        with found.open(newline="", encoding="utf8") as file:
            package, *language = done.stdout.split()
            return list(csv.DictReader(file)), f"{package}, R {'.'.join(language)}"


if __name__ == "__main__":
    main()
