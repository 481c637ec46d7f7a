"""Chapter 02 of bischof2024 on tables that its own simulation did not make, and with other parameters."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium.run.inputs import InputError, validate

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "bischof2024/02"


def users_table(subjects=32, rows=2, groups=2, lost=0.25):
    """PET shows the outcome, MRI does not; columns out of order, one that belongs to nothing, gaps in PET."""
    rng = np.random.default_rng(4)
    made = []
    for s in range(subjects):
        outcome = int(s % 3 == 0)
        for _ in range(rows):
            made.append({
                "Second suv max": np.nan if s < lost * subjects else 4 + 2.5 * outcome + rng.standard_normal(),
                "outcome": outcome, "second_volume": rng.lognormal(), "operator": "B", "group": f"scanner {s % groups}",
                "first_adc_mean": 1100 + 150 * rng.standard_normal(), "subject": f"pat {s}",
                "first_fa": rng.uniform(0, 1),
            })  # fmt: skip
    return pd.DataFrame(made)


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(table=None, **parameters):
        if table is not None:
            path = tmp_path / "mine.csv"
            table.to_csv(path, index=False)
            parameters["regions"] = str(path)
        return chapter_run.run_chapter(
            CHAPTER, tmp_path / "out", monkeypatch, **{"cohorts": 2, "repeats": 50, **parameters}
        )

    return start


def test_the_modality_that_knows_is_found_and_gaps_are_counted(run):
    results = run(users_table(), figures=True)
    got = values(results)
    assert (got["table.rows"], got["table.subjects"], got["table.with_outcome"], got["table.groups"]) == (
        64,
        32,
        11,
        2,
    )
    assert (got["table.imputed"], got["table.gap_rows"], got["table.gap_subjects"]) == (16, 16, 8)
    assert got["complete.subjects"] == 24
    assert got["auc.second"] > 0.8 > 0.7 > got["auc.first"]
    assert got["auc.second.lower"] < got["auc.second"] <= got["auc.second.upper"]
    assert got["complete.gain"] > 0.2 and got["tests.least_p"] < 0.01
    assert results["results"]["auc.embedding"]["evidence"] == "user"
    assert not any(k.startswith(("study", "null", "shift", "imputed", "predictions")) for k in got)


def test_one_group_and_one_row_per_subject_are_said(run):
    got = values(run(users_table(rows=1, groups=1, lost=0.0)))
    assert "within.new" not in got and got["table.imputed"] == 0


def test_an_outcome_that_follows_the_group_is_not_transported(run):
    table = users_table(lost=0.0)
    site = table["subject"].str.split().str[1].astype(int) % 2
    table["second_volume"] = np.where(site == 1, -1, 1) * (table["outcome"] * 8.0) + site
    table["Second suv max"] = np.random.default_rng(1).standard_normal(len(table))
    got = values(run(table))
    assert got["within.known"] > got["within.new"] + 0.2


@pytest.mark.parametrize(
    ("parameter", "value", "result"),
    [("seed", 2, "auc.embedding"), ("folds", 3, "auc.embedding"), ("penalty", 30.0, "auc.values"), ("components", 1, "auc.embedding"),
     ("subjects", 40, "table.rows"), ("regions_each", 2, "table.rows"), ("lost", 0.5, "table.imputed")],
)  # fmt: skip
def test_each_parameter_moves_what_it_should(run, parameter, value, result):
    before = values(run())[result]
    after = values(run(**{parameter: value}))[result]
    assert before != after


def test_parameters_of_the_simulated_comparisons_move_them(tmp_path, monkeypatch):
    def paper(**parameters):
        settings = {"cohorts": 2, "repeats": 60, "subjects": 30, **parameters}
        return values(chapter_run.run_chapter(CHAPTER, tmp_path / "out", monkeypatch, paper=True, **settings))

    base, more = paper(), paper(cohorts=3, repeats=90, shift_px=4.0)
    assert base["gain.private"] != more["gain.private"]
    assert base["imputed.rejected"] != more["imputed.rejected"]
    assert base["shift.raw_loss"] != more["shift.raw_loss"]
    assert base["predictions.held"] + base["predictions.failed"] == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.assign(outcome=[1, *t["outcome"][1:-1], 1 - t["outcome"].iloc[-2]]),
            "same in all rows of a subject",
        ),
        (lambda t: t.assign(outcome=0), "subjects with either outcome"),
        (lambda t: t.assign(second_volume=np.nan), "must vary"),
        (lambda t: t.drop(columns=["first_fa", "first_adc_mean"]), "first_"),
        (lambda t: t.assign(group=[None, *t["group"][1:]]), "group"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_in_a_line(tmp_path, change, message):
    path = tmp_path / "bad.csv"
    change(users_table(lost=0.0)).to_csv(path, index=False)
    with pytest.raises(InputError, match=message) as refusal:
        validate(path, "two_modalities")
    assert "\n" not in str(refusal.value)
