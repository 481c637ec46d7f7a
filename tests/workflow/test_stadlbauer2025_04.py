"""Chapter 04 of stadlbauer2025: every parameter at a second value moves what it should, and the evidence is simulated."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "stadlbauer2025/04"
SMALL = {"voxels": 120, "examinations": 4, "snr_levels": "60", "sizes": "1, 20"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()

    def start(**parameters):
        return chapter_run.run_chapter(CHAPTER, tmp_path_factory.mktemp("out"), patch, **(SMALL | parameters))

    yield start
    patch.undo()


@pytest.fixture(scope="module")
def default(run):
    return run()


def test_every_number_is_simulated(default):
    assert {e["evidence"] for e in default["results"].values()} == {"simulated"}


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("seed", 2, "recovery.cbv_error"),
        ("voxels", 60, "recovery.cbv_error"),
        ("tr_s", 2.2, "timing.arteriolar.turns_at"),
        ("te_ge_ms", 30.0, "recovery.cbv_error"),
        ("te_se_ms", 60.0, "recovery.ucbv_error"),
        ("volumes", 50, "leakage.none.cbv_bias"),
        ("snr_ge", 30.0, "recovery.cbv_error"),
        ("snr_se", 20.0, "recovery.ucbv_error"),
        ("late_se_s", -0.9, "alignment.shift"),
        ("examinations", 8, "timing.alignment_sd"),
        ("leakage", "bidirectional", "recovery.cbv_error"),
    ],
)
def test_a_parameter_moves_its_result(run, default, parameter, value, moves):
    assert values(run(**{parameter: value}))[moves] != values(default)[moves]


def test_levels_and_sizes_name_their_results(run):
    got = values(run(snr_levels="40, 90", sizes="2, 7"))
    assert {
        "recovery.snr40.cbv_error",
        "recovery.snr90.cbv_bias",
        "sign.venular.2",
        "sign.venular.7.aligned",
    } <= set(got)
    assert got["recovery.snr40.cbv_error"] > got["recovery.snr90.cbv_error"]


def test_a_noisier_scan_has_larger_errors_and_worse_signs(run):
    noisy, quiet = values(run(snr_ge=30.0, snr_se=20.0)), values(run(snr_ge=200.0, snr_se=150.0))
    assert noisy["recovery.cbv_error"] > 2 * quiet["recovery.cbv_error"]
    assert noisy["sign.arteriolar.1"] < quiet["sign.arteriolar.1"]
