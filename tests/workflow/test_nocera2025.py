"""Chapters 01 and 02 of nocera2025 on tables that their own generator did not make, and with other parameters."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compendium.run.inputs import InputError
from compendium.statistics.correlation import spearman
from compendium.statistics.mixed import fit_within_between

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
COHORT, CELLS = "nocera2025/01", "nocera2025/02"
BASE: dict = {}  # results of the default parameters, run once


def users_table(patients=16, groups=("primary", "after therapy")):
    """Forty samples of sixteen patients, written by hand: renamed columns in another order, gaps, another unit."""
    i = np.arange(patients * 5 // 2)
    owner = np.repeat(np.arange(patients), np.where(np.arange(patients) % 2, 2, 3))[: len(i)]
    cells = 1000 + 60 * (owner % 5) + 240 * np.sin(2.1 * i) + 90 * np.cos(0.7 * i * i)
    adc = 1.4 - 0.0004 * cells + 0.1 * np.cos(1.3 * i)
    cells[21] += 4000  # one sample that fits no line
    return pd.DataFrame({
        "Imaging_T2": np.where(i % 9 == 4, "", (80 + 0.01 * cells + 9 * np.sin(3.3 * i)).round(2).astype(str)),
        "Histology": np.where(i % 13 == 7, "", cells.round(1).astype(str)), "remark": "x",
        "imaging_adc": adc.round(4), "GROUP": [groups[k % len(groups)] for k in owner],
        "Sample": [f"t-{k}" for k in i], "Patient": [f"{k:03d}" for k in owner],
        "grade": np.where(owner % 4 == 0, 2, 4), "enhancement": np.where(i % 3 == 0, 0, 1),
    })  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(chapter, table=None, **parameters):
        if table is not None:
            path = tmp_path / "mine.csv"
            table.to_csv(path, index=False)
            parameters["samples"] = str(path)
        quick = {"permutations": 99} if chapter == COHORT else {"resamples": 60, "draws": 60}
        return chapter_run.run_chapter(chapter, tmp_path / "out", monkeypatch, **{**quick, **parameters})

    return start


def clean(table, imaging):
    frame = table.rename(columns=str.lower).replace("", np.nan).dropna(subset=["histology", imaging])
    return frame.astype({"histology": float, imaging: float})


def test_slopes_and_correlations_are_those_of_the_users_table(run):
    table = users_table()
    results = run(CELLS, table, figures=True)
    got, kept = values(results), clean(table, "imaging_t2")
    fit, _ = fit_within_between(kept["histology"], kept["imaging_t2"], kept["patient"])
    assert got["t2.whole.table.within"] == pytest.approx(fit.coefficients[1])
    assert got["t2.whole.table.between"] == pytest.approx(fit.coefficients[2])
    assert got["t2.whole.table.pooled"] == pytest.approx(
        stats.linregress(kept["imaging_t2"], kept["histology"]).slope
    )
    assert got["adc.g1.table.rho_samples"] == pytest.approx(
        spearman(
            *(
                clean(table, "imaging_adc").query("group == 'after therapy'")[c]
                for c in ("imaging_adc", "histology")
            )
        ).r
    )
    assert {"interaction.t2.1.slope.p", "interaction.adc.1.rank_correlation.p", "meng.t2.adc.whole.p"} <= set(
        got
    )
    assert {
        e["evidence"] for n, e in results["results"].items() if n.startswith(("t2", "adc", "interaction"))
    } == {"user"}


def test_one_group_of_single_samples_gives_what_it_can(run):
    table = (
        users_table(groups=("all",))
        .drop_duplicates("Patient")
        .drop(columns=["Imaging_T2", "grade", "enhancement"])
    )
    got = values(run(CELLS, table))
    assert got["adc.whole.table.within"] is None and got["adc.whole.table.rho"] is not None
    assert not [n for n in got if n.startswith(("interaction", "meng", "agreement", "adc.g1"))]


def test_errors_in_cells_need_a_predictor_in_cells(run):
    table = users_table().rename(columns={"Imaging_T2": "imaging_map"})
    assert not [n for n in values(run(CELLS, table)) if n.startswith("agreement")]
    got = values(run(CELLS, table, comparable="map"))
    kept = clean(table, "imaging_map")
    assert got["agreement.map.whole.bias"] == pytest.approx((kept["imaging_map"] - kept["histology"]).mean())
    assert got["agreement.map.whole.skill"] < 0


@pytest.mark.parametrize(
    ("parameter", "moving"),
    [
        ({"seed": 2}, "adc.whole.table.rho.lower"),
        ({"resamples": 90}, "adc.whole.table.rho.lower"),
        ({"draws": 90}, "adc.whole.table.iterated"),
        ({"confidence": 0.8}, "adc.whole.table.within.lower"),
        ({"rout_q": 0.0}, "adc.whole.printed_way.flagged"),
        ({"falling": ""}, "meng.t2.adc.whole.z"),
        ({"icc": 0.0}, "grid.coverage.samples_rho.w0.b0.mm0"),
        ({"expected_r": 0.3}, "plan.power"),
        ({"targeting_mm": 8.0}, "plan.attenuation"),
        ({"length_mm": 10.0}, "plan.attenuation"),
    ],
)
def test_every_parameter_moves_its_result(run, parameter, moving):
    base = BASE.setdefault(CELLS, {}) or BASE[CELLS].update(values(run(CELLS, users_table()))) or BASE[CELLS]
    assert values(run(CELLS, users_table(), **parameter))[moving] != base[moving]


@pytest.mark.parametrize("chapter", [COHORT, CELLS])
def test_the_illustration_follows_its_seed(run, chapter):
    name = "describe.adc.mean" if chapter == COHORT else "adc.whole.table.within"
    assert values(run(chapter))[name] != values(run(chapter, cohort_seed=4))[name]


def test_the_users_cohort_is_described_and_compared_by_patients(run):
    table = users_table()
    results = run(COHORT, table, figures=True)
    got = values(results)
    assert (got["table.samples"], got["table.patients"]) == (40, 16)
    assert got["describe.t2.mean"] == pytest.approx(
        pd.to_numeric(table["Imaging_T2"], errors="coerce").mean()
    )
    assert {
        "test.histology.group.p_patients",
        "test.t2.grade.p_samples",
        "test.adc.enhancement.difference",
    } <= set(got)
    assert not [n for n in got if n.startswith(("pct", "groups", "moments", "illustration"))]


def test_one_group_without_labels_compares_nothing(run):
    got = values(run(COHORT, users_table(groups=("all",)).drop(columns=["grade", "enhancement"])))
    assert not [n for n in got if n.startswith("test.")]


@pytest.mark.parametrize(
    ("parameter", "moving"),
    [
        ({"seed": 2}, "test.adc.group.p_patients"),
        ({"permutations": 60}, "test.adc.group.p_patients"),
        ({"confidence": 0.8}, "test.adc.group.lower"),
        ({"high_grade": 4}, "test.adc.grade.difference"),
    ],
)
def test_every_parameter_of_the_cohort_moves_its_result(run, parameter, moving):
    table = users_table()
    table.loc[table["Patient"].isin(["001", "002"]), "grade"] = 3
    base = BASE.setdefault(COHORT, {}) or BASE[COHORT].update(values(run(COHORT, table))) or BASE[COHORT]
    assert values(run(COHORT, table, **parameter))[moving] != base[moving]


def test_the_predictor_of_the_figure_must_be_there(run):
    run(COHORT, users_table(), predictor="adc")
    with pytest.raises(ValueError, match="predictor must be one of t2, adc. Given cpm"):
        run(COHORT, users_table(), predictor="cpm")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(Sample="same"), "Sample must be unique"),
        (
            lambda t: t.assign(GROUP=[f"g{k % 3}" for k in range(len(t))]),
            "must be the same in all samples of a patient",
        ),
        (lambda t: t.assign(imaging_adc=5.0), "must vary"),
        (
            lambda t: t.assign(imaging_adc=np.where(np.arange(len(t)) == 3, 1100, t["imaging_adc"])),
            "must be in one unit",
        ),
        (lambda t: t.assign(Patient="one", GROUP="all"), "in at least three patients"),
        (lambda t: t.drop(columns=["Histology"]), "the column histology must be there"),
        (lambda t: t.assign(grade=7), "must lie between 1 and 4"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(run, change, message):
    with pytest.raises(InputError) as refused:
        run(CELLS, change(users_table()))
    assert message.replace("Sample ", "") in str(refused.value) and "\n" not in str(refused.value)
