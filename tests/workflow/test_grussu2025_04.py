"""Chapter 04 of grussu2025 with other parameters: each of them moves what it should, and only the paper's cells judge."""

import importlib.util
from pathlib import Path

import pytest
import yaml

from compendium import paths

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
CHAPTER = "grussu2025/04"
SMALL = {"walkers": 60, "resamples": 40}


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(paper=False, **parameters):
        return chapter_run.run_chapter(
            CHAPTER, tmp_path / "out", monkeypatch, paper=paper, **{**SMALL, **parameters}
        )

    return start


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


@pytest.mark.parametrize(
    "change, moves",
    [
        ({"snr": 100.0}, "library.error_over_noise"),
        ({"seed": 2}, "adc.small_cells"),
        ({"convention": "public"}, "hfc.first"),
        ({"floor": "none"}, "stability.lowest_first"),
        ({"fraction": 0.2}, "adc.large_cells"),
        ({"walkers": 90}, "adc.large_cells"),
        ({"resamples": 41}, "stability.lowest_first"),
    ],
)
def test_a_parameter_moves_its_result(run, base, change, moves):
    got = run(**change)["results"]
    assert "statements.hold" not in got
    assert got[moves]["value"] != base["results"][moves]["value"]
