"""Chapter 04 of grussu2025 with other parameters: each of them moves what it should, and only the paper's cells judge."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from compendium import paths
from compendium.cohorts import grussu_selection as selection

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
CHAPTER = "grussu2025/04"
SMALL = {"walkers": 60, "resamples": 40}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        results = chapter_run.run_chapter(
            CHAPTER, tmp_path_factory.mktemp("base"), patch, paper=True, **SMALL
        )
    return results


def test_every_prediction_has_its_result_and_every_figure_its_words(base):
    stated = yaml.safe_load(
        (paths.root() / "data" / "predictions" / "grussu2025-04.yaml").read_text(encoding="utf-8")
    )
    assert stated["chapter"] == base["chapter"]
    for one in stated["predictions"]:
        entry = base["results"][one["result"]]
        assert entry["evidence"] == "simulated", one["id"]
        assert one["range"][0] <= one["range"][1]
    assert set(base["figures"]) == {"fig-substrates", "fig-check", "fig-tcs", "fig-adc"}
    assert {"tab-tcs", "tab-hfc", "tab-bic", "tab-ranks", "tab-predictions"} <= set(base["tables"])
    assert base["results"]["design.tissues"]["value"] == 1600


def thin_libraries(folder, dense=False):
    """Every seventh tissue: what the parameters move does not need them all."""
    out = {}
    for key, one in selection.read_libraries(folder, dense).items():
        rows = slice(None, None, 7)
        tissues = one.tissues[rows].reset_index(drop=True)
        out[key] = replace(one, tissues=tissues, signals=one.signals[rows], errors=one.errors[rows])
    return out


def run_thin(folder, patch, **parameters):
    thin = thin_libraries(paths.root() / "data" / "derived" / "grussu2025")
    patch.setattr(selection, "read_libraries", lambda *_: thin)
    return chapter_run.run_chapter(CHAPTER, folder, patch, **{**SMALL, **parameters})["results"]


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return run_thin(tmp_path_factory.mktemp("usual"), patch)


@pytest.mark.parametrize(
    "change, moves",
    [
        ({"snr": 100.0}, "tcs.low.mean"),
        ({"seed": 2}, "tcs.low.mean"),
        ({"convention": "public"}, "tcs.low.mean"),
        ({"floor": "none"}, "tcs.low.mean"),
        ({"fraction": 0.2}, "adc.large_cells"),
        ({"walkers": 90}, "adc.large_cells"),
        ({"resamples": 41}, "stability.mean_rank"),
    ],
)
def test_a_parameter_moves_its_result(usual, tmp_path, monkeypatch, change, moves):
    got = run_thin(tmp_path, monkeypatch, **change)
    assert "statements.hold" not in got
    assert got[moves]["value"] != usual[moves]["value"]
    if "snr" in change:
        assert got[moves]["value"] > usual[moves]["value"]
