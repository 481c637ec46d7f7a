"""Chapter 03 of nocera2025 on tables that its own simulation did not make, and with other parameters."""

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
CHAPTER = "nocera2025/03"


def users_table(per_region=1):
    """Seven subjects, four regions each; ADC carries the count, perfusion nothing; columns out of order."""
    rng = np.random.default_rng(11)
    rows = []
    for s in range(7):
        for r in range(4):
            adc = rng.uniform(700, 1500)
            for _ in range(per_region):
                rows.append({
                    "Feature CBV mean": rng.standard_normal(), "histology": 5000 - 2.5 * adc + 60 * rng.standard_normal(),
                    "scanner": "B", "feature_adc_mean": adc + 5 * rng.standard_normal(), "roi": f"q{s}.{r}",
                    "subject": f"pat {s}", "feature_adc_sd": rng.uniform(0, 1),
                })  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(table=None, **parameters):
        if table is not None:
            path = tmp_path / "mine.csv"
            table.to_csv(path, index=False)
            parameters["features"] = str(path)
        return chapter_run.run_chapter(
            CHAPTER,
            tmp_path / "out",
            monkeypatch,
            **{"trees": 12, "resamples": 50, "min_leaf": 1, **parameters},
        )

    return start


def test_planted_relation_is_found_and_credited_to_the_contrast_that_carries_it(run):
    results = run(users_table(), figures=True)
    got = values(results)
    assert (got["table.rows"], got["table.regions"], got["table.subjects"], got["table.dropped"]) == (
        28,
        28,
        7,
        0,
    )
    assert got["loso.skill"] > 0.6 and got["loso.correlation"] > 0.8
    assert got["contrasts.adc.rmse"] < 0.6 * got["contrasts.cbv.rmse"]
    assert "split.samples.rmse" not in got  # a row is a sample here
    assert results["results"]["split.subject.rmse"]["evidence"] == "user"
    assert not any(k.startswith(("registration", "targeting", "normalisation", "predictions")) for k in got)


def test_the_constant_is_the_mean_of_the_other_subjects(run):
    table = users_table()
    got = values(run(table))
    others = [table[table["subject"] != s]["histology"].mean() for s in table["subject"]]
    assert got["loso.constant"] == pytest.approx(np.sqrt(np.mean((table["histology"] - others) ** 2)))


def test_several_tiles_per_region_are_split_in_three_ways(run):
    table = users_table(per_region=5)
    got = values(run(table))
    assert got["table.regions"] == 28 and got["table.rows"] == 140
    assert got["split.rows.rmse"] < got["split.subject.rmse"] and "split.samples_over_subject" in got


def test_missing_values_are_left_out_and_counted(run):
    table = users_table()
    table.loc[[0, 5], "feature_adc_mean"] = np.nan
    table.loc[9, "histology"] = np.nan
    got = values(run(table))
    assert (got["table.rows"], got["table.dropped"]) == (25, 3)


def test_one_feature_and_three_subjects_suffice(run):
    table = users_table()[["subject", "roi", "histology", "feature_adc_mean"]].head(12)
    assert values(run(table))["table.subjects"] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.head(8), "at least three subjects"),
        (
            lambda t: t.drop(columns=["feature_adc_mean", "feature_adc_sd", "Feature CBV mean"]),
            "feature_<name>",
        ),
        (lambda t: t.assign(histology="many"), "number"),
        (lambda t: t.assign(histology=-3), "between"),
        (lambda t: t.assign(histology=2000), "must vary in complete rows"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "bad.csv"
    change(users_table()).to_csv(path, index=False)
    with pytest.raises(InputError, match=message) as caught:
        validate(path, "roi_features")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(roi="a"), "unique"),
        (lambda t: t.assign(subject=["../../x", "b", "c", "d"]), "names files"),
        (lambda t: t.assign(x_mm=[1, None, 3, 4]), "x_mm"),
        (lambda t: t.assign(subject="one"), "at least three subjects"),
        (lambda t: t.assign(diameter_mm=0), "between"),
    ],
)
def test_tables_of_places_that_cannot_be_used_are_refused(tmp_path, change, message):
    path = tmp_path / "rois.csv"
    good = pd.DataFrame({"roi": list("abcd"), "subject": list("pqrr"), "histology": [1, 2, 3, None], "x_mm": 1.0,
                         "y_mm": 2.0, "z_mm": [-3.5] * 4, "diameter_mm": [5, None, 4, 5]})  # fmt: skip
    good.to_csv(path, index=False)
    assert len(validate(path, "rois")) == 4
    change(good).to_csv(path, index=False)
    with pytest.raises(InputError, match=message):
        validate(path, "rois")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("base")
        return values(chapter_run.run_chapter(CHAPTER, folder, patch, paper=True, **SMALL))


SMALL = {"subjects": 4, "trees": 4, "resamples": 20}


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("registration_mm", 4.0, "split.subject.rmse"),
        ("targeting_mm", 4.0, "targeting.worst.correlation"),
        ("tile", 3, "split.subject.rmse"),
        ("normalisation", "none", "map.correlation"),
        ("subjects", 5, "table.rows"),
    ],
)
def test_each_parameter_of_the_simulation_moves_what_it_should(
    base, tmp_path, monkeypatch, parameter, value, moves
):
    got = values(
        chapter_run.run_chapter(CHAPTER, tmp_path, monkeypatch, paper=True, **{**SMALL, parameter: value})
    )
    assert got[moves] != base[moves]
    assert {k: got[k] for k in got if k.startswith("sphere")} == {
        k: base[k] for k in base if k.startswith("sphere")
    }


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("seed", 2, "split.subject.rmse"),
        ("trees", 31, "split.subject.rmse"),
        ("min_leaf", 6, "split.subject.rmse"),
        ("resamples", 90, "split.subject.rmse.lower"),
        ("diameter_mm", 8.0, "sphere.coarse.voxels_most"),
    ],
)
def test_each_parameter_of_a_users_run_moves_what_it_should(run, parameter, value, moves):
    assert values(run(users_table(), **{parameter: value}))[moves] != values(run(users_table()))[moves]


@pytest.mark.parametrize(("parameter", "value", "message"), [
    ("normalisation", "map", 'normalisation is "images" or "none"'), ("subjects", 2, "subjects: 3"),
    ("trees", 0, "1 or more"), ("tile", 4, "odd number"),
])  # fmt: skip
def test_parameters_out_of_range_are_refused(run, tmp_path, monkeypatch, parameter, value, message):
    with pytest.raises(ValueError, match=message):
        chapter_run.run_chapter(
            CHAPTER, tmp_path / "out", monkeypatch, paper=True, **{**SMALL, parameter: value}
        )
