"""Run a chapter as a named run would: without its cells about the paper, with other parameters or a table."""

import json

import jupytext
import matplotlib as mpl
import matplotlib.pyplot as plt

from compendium import paths
from compendium.run.chapters import find_chapter


def run_chapter(
    chapter: str, folder, monkeypatch, paper: bool = False, figures: bool = False, **parameters
) -> dict:
    """Execute the code cells in this process and return the saved results; figures are drawn, written on request."""
    found = find_chapter(chapter)
    unknown = set(parameters) - set(found.parameters) - set(found.inputs)
    assert not unknown, f"no such parameter: {unknown}"
    monkeypatch.setenv("COMPENDIUM_RESULTS", str(folder))
    mpl.use("Agg")
    if not figures:
        monkeypatch.setattr("compendium.run.results.save_figure", lambda figure, *_: plt.close(figure) or "")
    names: dict = {"__name__": "chapter"}
    for cell in jupytext.read(paths.root() / "analysis" / f"{found.id}.py").cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or ("paper" in tags and not paper):
            continue
        exec(compile(cell.source, found.id, "exec"), names)
        if "parameters" in tags:
            names.update(parameters)
    plt.close("all")
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def values(results: dict) -> dict:
    """Results by name, values only."""
    return {name: entry["value"] for name, entry in results["results"].items()}
