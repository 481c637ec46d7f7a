"""Chapter 02 of stadlbauer2025 on tables that its own generator did not make, and with other parameters."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium.run.inputs import InputError
from compendium.statistics.auc import auroc, clustered_auc_interval

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "stadlbauer2025/02"


def users_table(n=90):
    """Ninety examinations of thirty patients: columns in another order, gaps, a marker that is low in disease."""
    i = np.arange(n)
    reference = (i % 3 > 0).astype(int)
    wobble = np.sin(7.3 * i) + 0.6 * np.cos(1.7 * (i // 3))
    return pd.DataFrame({
        "Read_Junior": np.where(wobble + 1.1 * reference > 0.5, 1, 0), "site": "north",
        "marker_adc": (900 - 120 * reference + 90 * np.sin(3.1 * i)).round(1),
        "EXAMINATION": [f"x{k:03d}" for k in i], "marker_rcbv": np.where(i % 17 == 0, "", (wobble + 1.1 * reference).round(3).astype(str)),
        "reference": reference, "patient": [f"p{k // 3}" for k in i],
    })  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(table=None, **parameters):
        if table is not None:
            path = tmp_path / "mine.csv"
            table.to_csv(path, index=False)
            parameters["markers"] = str(path)
        return chapter_run.run_chapter(CHAPTER, tmp_path / "out", monkeypatch, resamples=40, **parameters)

    return start


def test_a_users_table_gives_its_own_areas_with_patients_as_clusters(run):
    table = users_table()
    results = run(table, direction="higher, adc lower", figures=True)
    got, kept = values(results), table[table["marker_rcbv"] != ""]
    score = kept["marker_rcbv"].astype(float)
    assert got["rcbv.auc"] == pytest.approx(auroc(kept["reference"], score))
    assert got["rcbv.auc.lower"] == pytest.approx(
        clustered_auc_interval(kept["reference"], score, kept["patient"]).lower
    )
    assert got["adc.auc"] == pytest.approx(1 - auroc(table["reference"], table["marker_adc"]))
    assert (got["rcbv.missing"], got["table.examinations"], got["table.patients"]) == (6, 90, 30)
    assert "rcbv-by-junior.model.p" in got
    assert {e["evidence"] for n, e in results["results"].items() if n.startswith("rcbv")} == {"user"}


def test_a_table_with_one_marker_and_no_read_runs(run):
    got = values(run(users_table()[["patient", "EXAMINATION", "reference", "marker_adc"]]))
    assert got["adc.auc"] < 0.5, "the direction is not turned round"
    assert not [n for n in got if "-minus-" in n or "-by-" in n]


def test_a_read_with_a_single_subgroup_is_left_out(run):
    table = users_table().assign(Read_Junior=lambda t: np.where(t["reference"] == 1, "1", ""))
    got = values(run(table))
    assert not [n for n in got if "-by-" in n]


def test_a_table_with_one_class_is_refused(run):
    with pytest.raises(InputError, match="must be 1 in at least one examination and 0 in at least one"):
        run(users_table().assign(reference=1))


def test_an_unknown_direction_is_refused(run):
    with pytest.raises(ValueError, match="direction is"):
        run(users_table(), direction="higher, nothing lower")


@pytest.mark.parametrize(
    ("parameter", "moving"),
    [
        ({"seed": 2}, "rcbv.left_out.sensitivity"),
        ({"confidence": 0.8}, "rcbv.auc.lower"),
        ({"direction": "lower"}, "rcbv.auc"),
        ({"grouping": "adc junior"}, "adc-by-junior.model.p"),
    ],
)
def test_a_parameter_moves_its_result(run, parameter, moving):
    first = values(
        run(users_table(), grouping="rcbv junior") if "grouping" in parameter else run(users_table())
    )
    second = values(run(users_table(), **parameter))
    assert first.get(moving) != second[moving]


def test_the_number_of_resamples_moves_the_thresholds(run, tmp_path, monkeypatch):
    first = values(run(users_table()))
    more = chapter_run.run_chapter(
        CHAPTER, tmp_path / "more", monkeypatch, resamples=90, markers=str(tmp_path / "mine.csv")
    )
    assert first["rcbv.left_out.sensitivity"] != values(more)["rcbv.left_out.sensitivity"]


def test_without_a_table_the_illustration_is_drawn_and_nothing_of_it_is_scored(run):
    results = run(cohort_seed=4)
    got = values(results)
    assert round(got["mti.auc"], 3) == 0.987
    assert results["results"]["mti.auc"]["evidence"] == "illustration"
    assert got["mti-by-uperf.model.p"] != values(run(cohort_seed=5))["mti-by-uperf.model.p"]
