"""A small project on disk, with everything that the site shows, so that the site is tested before and beside the real chapters."""

import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200" width="400" height="200">'
    '<rect width="400" height="200" fill="#fff"/><rect x="40" y="40" width="120" height="140" fill="#3a7ca5"/>'
    '<rect x="220" y="90" width="120" height="90" fill="#b5651d"/></svg>'
)
PACKAGE = '''"""A toy module."""

def rate(events: int, trials: int = 10) -> float:
    """Return events per trial, <not> checked.

    Parameters
    ----------
    events, trials : counts.

    Raises
    ------
    ZeroDivisionError : `trials` is 0.

    >>> rate(1, 4)
    0.25
    """
    return events / trials

def _hidden(): ...
'''
CHAPTER = "stadlbauer2025/01_toy"
PARAMETERS = '\n# %% tags=["parameters"]\nseed: int = 1\n'
TABLE = (
    '<table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>sensitivity</th><th>specificity</th></tr></thead>'
    "<tbody><tr><th>one</th><td>0.98</td><td>0.95</td></tr><tr><th>two</th><td>0.83</td><td>0.94</td></tr></tbody></table>"
)


def make_project(folder: Path) -> Path:
    """Write the project into `folder` and return it; the prose and the configuration are the real ones."""
    shutil.copytree(ROOT / "book", folder / "book")
    for name in ("_config.yml", "CITATION.cff"):
        shutil.copyfile(ROOT / name, folder / name)
    write(folder / "CHANGELOG.md", "# Changes\n\n## 0.1.0\n\n- First.\n")
    write(
        folder / "analysis" / "stadlbauer2025" / "01_toy.py",
        f"# %% [markdown]\n# # A toy chapter\n{PARAMETERS}",
    )
    write(
        folder / "analysis" / "stadlbauer2025" / "02_waiting.py",
        f"# %% [markdown]\n# # A chapter that has not run\n{PARAMETERS}",
    )
    write(folder / "data" / "findings" / "stadlbauer2025.yaml", json.dumps(findings()))
    write(folder / "data" / "inventory.yaml", json.dumps(inventory()))
    write(folder / "src" / "compendium" / "statistics" / "__init__.py", '"""Statistics by topic."""\n')
    write(folder / "src" / "compendium" / "statistics" / "toy.py", PACKAGE)
    add_run(folder / "build", "published")
    return folder


def write(path: Path, text: str) -> None:
    """Write a text file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")


SECRET = "/home/someone/my folder/my <table>.csv"


def add_run(build: Path, run: str, handed_in: bool = True) -> None:
    """Write an executed toy chapter of one run; without `handed_in` it only has another parameter."""
    folder = build / "runs" / run
    written = notebook()
    if run != "published":
        path = SECRET if handed_in else ""
        injected = code(
            f"# Parameters\nseed = 2\nexaminations = {json.dumps(path)}\n", tags=["injected-parameters"]
        )
        written["cells"].insert(2, injected)
        written["metadata"]["papermill"] = {"parameters": {"examinations": path}}
    write(folder / "notebooks" / f"{CHAPTER}.ipynb", json.dumps(written))
    write(folder / "results" / f"{CHAPTER}.json", json.dumps(results()))
    sidecar = {
        "started": "2026-11-20T07:00:00+00:00", "seconds": 3.21, "python": "3.11.2", "packages": {"numpy": "2.4.0", "attrs": "25"},
        "inputs": {"examinations": {"path": SECRET, "sha256": "ab" * 32, "bytes": 120}} if handed_in else {}, "parameters": {"seed": 1 if run == "published" else 2, "examinations": SECRET if handed_in else ""}, "reason": "its source changed",
    }  # fmt: skip
    write(folder / "provenance" / f"{CHAPTER}.json", json.dumps(sidecar))
    for name, text in {
        "fig-bars.svg": SVG,
        "fig-bars.csv": "x,y\n1,2\n",
        "tab-both.csv": "a,b\n1,2\n",
    }.items():
        write(folder / "figures" / CHAPTER / name, text)


def notebook() -> dict[str, Any]:
    """Return an executed notebook as the runner leaves it."""
    figure = {
        "name": "fig-bars",
        "caption": "Two bars with $n = 3$ and *emphasis*.",
        "alt": "Two bars: 140 units and 90 units.",
        "csv": "fig-bars.csv",
    }
    table = {"name": "tab-both", "caption": "Both *methods*.", "csv": "tab-both.csv"}
    return {
        "nbformat": 4, "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "papermill": {"x": 1}},
        "cells": [
            markdown("# A toy chapter about zebrafish\n\nSee [the bars](#fig-bars), the [conventions](../conventions.md), the [findings](../findings.md) and {cite}`stadlbauer2025`.\n"),
            code("seed = 1  # a seed", tags=["parameters"]),
            markdown("## The idea\n\n$$\\mathrm{sensitivity} = \\frac{TP}{TP + FN}$$\n"),
            code("draw_bars()", display({"image/svg+xml": SVG, "text/plain": "<Figure>"}, {"figure": figure}), tags=["hide-input"]),
            code("from compendium.statistics.toy import rate\n\nchapter.derive('accuracy', rate)", tags=["hide-input"]),
            code("shown(1)"),
            code("chapter.say('…')", display({"text/markdown": "Sensitivity was **0.98**, with $p < 0.05$.", "text/plain": "…"}, {})),
            code("show_table()", display({"text/html": TABLE, "text/plain": "…"}, {"table": table})),
            code("frame", {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/html": f"<div>{TABLE}</div>", "text/plain": "…"}}),
            code("print('a' * 200)", {"output_type": "stream", "name": "stdout", "text": "a" * 200 + "\n"}),
        ],
    }  # fmt: skip


def markdown(text: str) -> dict[str, Any]:
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "id": f"m{abs(hash(text)) % 10**6}", "metadata": {}, "source": text}


def code(source: str, *outputs: dict[str, Any], tags: list[str] | None = None) -> dict[str, Any]:
    """Return an executed code cell."""
    metadata = {"tags": tags or [], "papermill": {"duration": 1}}
    return {
        "cell_type": "code",
        "id": f"c{abs(hash(source)) % 10**6}",
        "metadata": metadata,
        "execution_count": 1,
        "source": source,
        "outputs": list(outputs),
    }


def display(data: dict[str, str], marks: dict[str, Any]) -> dict[str, Any]:
    """Return a display output with the recorder's marks."""
    return {"output_type": "display_data", "data": data, "metadata": {"compendium": marks}}


def results() -> dict[str, Any]:
    """Return the results file of the toy chapter."""
    value = {
        "value": 97.3934,
        "interval": [97.39, 97.4],
        "unit": "%",
        "evidence": "internal",
        "uses": ["stadlbauer2025/tp"],
        "about": "accuracy from the four counts",
    }
    return {
        "chapter": CHAPTER, "title": "A toy chapter about zebrafish", "parameters": {"seed": 1}, "inputs": {}, "results": {"accuracy": value},
        "figures": {"fig-bars": {"caption": "Two bars with $n = 3$.", "alt": "Two bars: 140 units and 90 units."}}, "tables": {"tab-both": {}},
    }  # fmt: skip


def claim(
    name: str, status: str, evidence: str | None = "internal", role: str = "inference", **more: Any
) -> dict[str, Any]:
    """Return a claim as the check report lists it."""
    base = {
        "id": f"stadlbauer2025/{name}", "study": "stadlbauer2025", "where": "Results", "quote": "accuracy <97.4%", "printed": "97.4", "unit": "%",
        "ours": 97.3934, "interval": [97.39, 97.4], "evidence": evidence, "status": status, "uses": [], "result": f"{CHAPTER}#accuracy",
        "finding": None, "role": role, "waits_for": None, "repeats": None,
    }  # fmt: skip
    return {**base, **more}


def report() -> dict[str, Any]:
    """Return a check report with every status and every kind of claim."""
    nothing = {"result": None, "ours": None, "interval": None}
    claims = [
        claim("accuracy", "consistent"), claim("reproduced", "reproduced", "author-data"), claim("tense", "tension"),
        claim("false", "inconsistent", finding="six-or-five"),
        claim("miscounted", "inconsistent", role="description", where="Table 1", printed="3", unit="patients"),
        claim("untestable", "not testable", None, "description", **nothing),
        claim("field", "not scored", "setting", "setting", **nothing, unit="T", where="Methods"),
        claim("cited", "not scored", "setting", "context", **nothing, where="Discussion"),
        claim("again", "consistent", where="Abstract", printed="97", repeats="accuracy"),
        claim("drawn", "not scored", "illustration"),
        claim("later", "not scored", "not-obtained", **nothing),
        claim("waiting", "not scored", None, waits_for="stadlbauer2025/02_waiting", **nothing),
    ]  # fmt: skip
    return {"claims": claims, "references": [{"id": f"{CHAPTER}#accuracy", "status": "holds"}], "totals": {}}


def findings() -> dict[str, Any]:
    """Return one substantive finding and one note."""
    places = [
        {"where": "Results", "quote": "3 and 3 make six", "claim": "false"},
        {"where": "Discussion", "quote": "five of them"},
    ]
    benign = [{"explanation": "One was counted twice.", "outcome": "Leaves a difference of 1."}]
    base = {
        "places": places,
        "assumptions": ["both count *examinations*"],
        "benign": benign,
        "changes": "It would be {accuracy:.1f} %.",
        "supplement_read": False,
        "result": f"{CHAPTER}#accuracy",
    }
    return {
        "study": "stadlbauer2025",
        "findings": [
            {"id": "small", "title": "A small one", "weight": "note", **base},
            {
                "id": "six-or-five",
                "title": "Six in one place, five in another",
                "weight": "substantive",
                **base,
            },
        ],
    }


def inventory() -> dict[str, Any]:
    """Return one drawn figure, one drawn table and one that only shows images."""
    return {"items": [
        {"study": "stadlbauer2025", "item": "Fig 1", "shows": "two bars", "figure": f"{CHAPTER}#fig-bars", "drawn_from": "printed counts"},
        {"study": "stadlbauer2025", "item": "Table 1", "shows": "both methods", "figure": f"{CHAPTER}#tab-both", "drawn_from": "printed counts"},
        {"study": "stadlbauer2025", "item": "Fig 2", "shows": "a scan", "figure": None, "reason": "image-only"},
        {"study": "stadlbauer2025", "item": "Fig 4", "shows": "volumes", "figure": None, "reason": "waits", "waits_for": "stadlbauer2025/03_growth"},
    ]}  # fmt: skip
