"""Chapter 01 of grussu2025: a protocol of one's own goes through, and every parameter moves what it should."""

import importlib.util
import json
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "grussu2025/01"
SMALL = {"sizes": "12, 20", "fractions": "0.6", "snr_levels": "50", "draws": 5}
SCHEME = """# largest b first, repeats and b = 0 in between: b (s/mm2), delta (ms), Delta (ms), TE (ms)
2000, 0, 1000, 500, 2000, 1000, 0, 1500
12    0  12    12   12    12    0  12
50    0  25    25   25    50    0  50
80    80 80    80   80    80    80 80
"""
IN_SECONDS = {"SmallDelta": 0.012, "LargeDelta": 0.025, "EchoTime": 0.08}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()

    def start(**parameters):
        return chapter_run.run_chapter(CHAPTER, tmp_path_factory.mktemp("out"), patch, **(SMALL | parameters))

    with threadpool_limits(1):  # as the runner sets it: small matrices are slower with more threads
        yield start
    patch.undo()


@pytest.fixture(scope="module")
def default(run):
    return run()


@pytest.fixture(scope="module")
def scheme(tmp_path_factory):
    path = tmp_path_factory.mktemp("scan") / "scan.txt"
    path.write_text(SCHEME)
    return path


def test_a_protocol_of_ones_own_goes_through(run, scheme):
    results = run(protocol=str(scheme))
    assert {e["evidence"] for e in results["results"].values()} == {"user"}
    got = values(results)
    assert got["protocol.yours.shapes"] == 2 and got["protocol.yours.longest"] == 50
    assert got["precision.measurements_per_parameter"] == pytest.approx(5 / 3)
    assert got["residuals.cases"] == 5 and got["residuals.none.truth_rms"] < 1e-4
    assert "bound.printed" not in got and "protocol.3t.shapes" not in got


def test_the_order_of_measurements_makes_no_difference(run, scheme, tmp_path):
    rows = [line.replace(",", " ").split() for line in SCHEME.splitlines()[1:]]
    (tmp_path / "turned.txt").write_text("\n".join(" ".join(reversed(r)) for r in rows))
    a, b = values(run(protocol=str(scheme))), values(run(protocol=str(tmp_path / "turned.txt")))
    for name in (
        "bound.yours.largest",
        "phase.yours.worst",
        "precision.snr50.crb_size",
        "residuals.exchange.contrast",
    ):
        assert a[name] == pytest.approx(b[name], rel=1e-5)


def test_timings_in_seconds_beside_a_bval_are_read_as_such_and_one_time_shows_no_contrast(run, tmp_path):
    (tmp_path / "dwi.bval").write_text("0 2000 1000 500 1500\n")
    (tmp_path / "dwi.json").write_text(json.dumps(IN_SECONDS))
    got = values(run(protocol=str(tmp_path / "dwi.bval")))
    assert got["protocol.yours.longest"] == pytest.approx(25)
    assert "residuals.exchange.contrast" not in got and "kurtosis.largest.adc" in got


def test_a_protocol_without_high_b_values_is_refused_in_words(run, tmp_path):
    (tmp_path / "low.txt").write_text("0 100 400\n0 10 10\n0 30 30\n")
    with pytest.raises(ValueError, match="must exceed 900"):
        run(protocol=str(tmp_path / "low.txt"))


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("seed", 2, "precision.snr50.rmse"),
        ("which", "exvivo", "precision.snr50.crb_size"),
        ("model", "Diff-in-ex", "precision.snr50.crb_size"),
        ("measurements", "whole", "precision.snr50.crb_size"),
        ("whole_b", 400.0, "residuals.exchange.contrast"),
        ("high_b", 500.0, "precision.snr50.crb_size"),
        ("sizes", "14, 28", "kurtosis.largest.adc"),
        ("fractions", "0.3", "precision.snr50.crb_size"),
        ("d0", 1.5, "phase.3t.worst"),
        ("de_inf", 1.9, "residuals.exchange.contrast"),
        ("draws", 8, "precision.snr50.rmse"),
        ("amplitude", "published", "precision.snr50.rmse"),
        ("permeability", 50.0, "residuals.exchange.contrast"),
    ],
)
def test_a_parameter_moves_its_result(run, default, parameter, value, moves):
    assert values(run(**{parameter: value}))[moves] != values(default)[moves]


def test_time_dependence_moves_the_precision_of_the_model_that_has_it(run):
    one, two = (values(run(model="Diff-in-exTD", measurements="whole", beta=b)) for b in (2.0, 6.0))
    assert one["precision.snr50.crb_size"] != two["precision.snr50.crb_size"]


def test_levels_of_noise_name_their_results_and_less_noise_is_better(run):
    got = values(run(snr_levels="30, 90"))
    assert got["precision.snr90.crb_size"] < got["precision.snr30.crb_size"]
    assert got["precision.snr90.prior_share"] < got["precision.snr30.prior_share"]


@pytest.mark.parametrize(
    ("parameter", "value"), [("which", "7T"), ("measurements", "some"), ("permeability", 0.0)]
)
def test_a_parameter_that_cannot_be_is_refused(run, parameter, value):
    with pytest.raises(ValueError, match="Given"):
        run(**{parameter: value})
