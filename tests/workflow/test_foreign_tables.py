"""Tables that are awkward and admitted: chapters end, and say "not estimable" where nothing can be estimated.

Every table is written here with numpy, by no generator of the project. What each of them once found stands beside it.
"""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium.run.inputs import InputError

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a chapter on a table; values of its results, and every text that it showed."""
    said: list[str] = []
    show = "compendium.run.results.show"
    monkeypatch.setattr(
        show, lambda data, about: said.append(f"{data['text/plain']}\n{about.get('compendium', '')}")
    )

    def start(chapter, name, table, **parameters):
        path = tmp_path / f"{name}.csv"
        table.to_csv(path, index=False)
        said.clear()
        folder = tmp_path / "out"
        results = chapter_run.run_chapter(chapter, folder, monkeypatch, **{name: str(path)}, **parameters)
        return chapter_run.values(results), "\n".join(said)

    return start


def same(first, second):
    """Whether two sets of results hold the same numbers, whatever the order of the tables."""
    assert set(first) == set(second)
    for name, value in first.items():
        assert value == second[name] or value == pytest.approx(second[name], rel=1e-6, abs=1e-9), name
    return True


def examinations(n, patients, seed=1, right=(0.9, 0.8)):
    """Readings that are right with a given probability."""
    rng = np.random.default_rng(seed)
    reference = np.arange(n) % 2
    table = pd.DataFrame({
        "patient": rng.integers(0, patients, n), "examination": np.arange(n), "reference": reference,
    })  # fmt: skip
    for name, p in zip("ab", right, strict=False):
        table[f"read_{name}"] = np.where(rng.random(n) < p, reference, 1 - reference)
    return table


def samples(n, patients, seed=1):
    """Samples with one imaging column and two groups."""
    rng = np.random.default_rng(seed)
    patient = np.arange(n) % patients
    histology = np.exp(rng.normal(7, 0.4, n)).round()
    return pd.DataFrame({
        "sample": np.arange(n), "patient": patient, "group": np.where(patient % 2, "α", "ß"),
        "histology": histology, "imaging_z": histology * rng.normal(1, 0.3, n),
    })  # fmt: skip


def detections(first, later, **columns):
    """Finds on the days after a common start."""
    start = pd.Timestamp("2020-01-01")
    days = [None if d is None else (start + pd.Timedelta(days=d)).strftime("%Y-%m-%d") for d in later]
    n = len(later)
    return pd.DataFrame({
        "patient": np.arange(n), "date_first": "2020-01-01", "date_later": days, "volume_first": first,
        "volume_later": 2.0,
    }).assign(**columns)  # fmt: skip


class TestReadings:
    CHAPTER = "stadlbauer2025/01"

    def test_one_patient_has_no_interval_over_patients(self, run):
        # was: a sensitivity of 90.9 % (90.9–90.9), patients resampled
        got, _ = run(self.CHAPTER, "examinations", examinations(30, 1), resamples=60)
        assert got["table.patients"] == 1 and got["a.sensitivity"] is not None
        assert got["a.sensitivity.patients_lower"] is None
        assert (
            got["a-vs-b.accuracy.difference.patients_lower"] is None
            and got["a-vs-b.accuracy.p_patients"] is None
        )

    def test_a_reading_that_is_never_wrong_has_wilsons_interval_only(self, run):
        # was: 100.0 % (100.0–100.0) with two examinations
        table = examinations(2, 1).assign(read_a=lambda t: t["reference"], patient=[1, 2])[
            ["read_a", "examination", "reference", "patient"]
        ]
        got, said = run(self.CHAPTER, "examinations", table, resamples=60)
        assert got["a.sensitivity"] == 100 and 0 < got["a.sensitivity.lower"] < 50
        assert got["a.sensitivity.patients_lower"] is None and "not estimable–not estimable" in said

    def test_readings_that_never_meet_are_not_compared(self, run):
        # was: McNemar's p = 1 without any pair, and examinations called left out that both readings use
        table = examinations(24, 12).astype({"read_a": "Int64", "read_b": "Int64"})
        table.loc[:11, "read_a"] = pd.NA
        table.loc[12:, "read_b"] = pd.NA
        got, said = run(self.CHAPTER, "examinations", table, resamples=60)
        keys = [k for k in got if k.startswith("a-vs-b.") and (k.endswith(("p_exact", "worst_p", ".p")))]
        assert len(keys) >= 4 and all(got[k] is None for k in keys)
        assert "0 have every reading" in said and got["a.unread"] == 12

    def test_order_and_names_of_rows_change_no_number(self, run):
        table = examinations(60, 20)
        table["patient"] = np.sort(table["patient"])
        first, _ = run(self.CHAPTER, "examinations", table, resamples=60)
        renamed = table.assign(patient="größe " + table["patient"].astype(str))
        columns = ["read_a", "read_b", "patient", "reference", "examination"]
        assert same(first, run(self.CHAPTER, "examinations", renamed[columns], resamples=60)[0])


def markers(reference, patient, **columns):
    """Marker values with their reference."""
    n = len(reference)
    return pd.DataFrame({"patient": patient, "examination": np.arange(n), "reference": reference, **columns})


class TestMarkers:
    CHAPTER = "stadlbauer2025/02"

    def test_whole_separation_and_constants_have_no_interval(self, run):
        # was: area 1.000 (1.000–1.000) with four examinations; the constant ended the chapter
        table = markers([1, 1, 1, 0, 0, 0], list("abcdef"), marker_m=[5, 6, 7, 1, 2, 3], marker_c=7,
                        read_q=[1, 1, 1, 0, 0, 1])  # fmt: skip
        got, _ = run(self.CHAPTER, "markers", table, resamples=20)
        assert got["m.auc"] == 1 and got["c.auc"] == 0.5
        assert all(got[f"{n}.auc.{end}"] is None for n in "mc" for end in ("lower", "delong_upper"))

    @pytest.mark.parametrize("patient", [list("aabb"), list("aaaa")])
    def test_too_few_patients_for_either_group(self, run, patient):
        # was: refused in the middle of the chapter
        got, _ = run(
            self.CHAPTER, "markers", markers([1, 1, 0, 0], patient, marker_m=[5, 2, 1, 3.0]), resamples=20
        )
        assert got["m.auc"] == 0.75 and got["m.auc.lower"] is None and got["m.best.threshold.upper"] is None


class TestDetections:
    CHAPTER = "stadlbauer2025/03"

    def test_no_volume_above_zero_shows_no_growth(self, run):
        # was: "0 tumours have both volumes", and an empty figure
        got, said = run(self.CHAPTER, "detections", detections(0.0, [30, 60, 90, 0]), resamples=20)
        assert got["growth.pairs"] == 0 and got["growth.doubling"] is None and got["wait.mean"] == 60
        assert "0 tumours" not in said and "Left out with a volume of zero" in said

    def test_never_confirmed_finds_have_no_wait_and_no_infinite_day(self, run):
        # was: half had turned "between 0 and inf days", and a lead of 137 days because all came early
        got, said = run(self.CHAPTER, "detections", detections(1.0, [None, None]), resamples=20)
        assert got["share.early"] == 100 and got["share.implied_lead"] is None and got["wait.mean"] is None
        assert "inf" not in said.replace("infer", "") and "nan" not in said

    def test_visits_that_exclude_an_early_turn_are_not_said_to_allow_it(self, run):
        table = detections(1.0, [40, 60, 80])
        _, said = run(
            self.CHAPTER, "detections", table.assign(date_negative=table["date_later"]), resamples=20
        )
        assert "cannot exclude" not in said and "still negative so long" in said

    def test_more_finds_than_bars_are_all_counted(self, run):
        # was: the curve of days seen held the eighty soonest finds only
        rng = np.random.default_rng(1)
        table = detections(1.0, rng.integers(1, 400, 300).tolist())
        got, said = run(self.CHAPTER, "detections", table, resamples=20)
        assert got["table.confirmed"] == 300 and "80 of 300 finds" in said
        assert same(got, run(self.CHAPTER, "detections", table.iloc[:, ::-1], resamples=20)[0])


class TestSamples:
    SMALL = {"resamples": 40, "draws": 20}

    def test_three_samples_on_a_line(self, run):
        # was: division by zero, then a p of rounding noise, and shares of variance of one that nothing had shown
        table = pd.DataFrame({
            "sample": [1, 2, 3], "patient": [1, 2, 3], "group": list("abc"), "histology": [1, 2, 3],
            "imaging_z": [1, 2, 3],
        })  # fmt: skip
        got, said = run("nocera2025/02", "samples", table, **self.SMALL)
        assert got["z.whole.table.pooled"] == 1 and got["z.whole.table.pooled.p"] is None
        assert got["z.whole.table.rho"] == 1 and got["z.whole.table.rho.lower"] is None
        assert got["plan.icc_imaging"] is None and got["plan.power"] is None and "worst case" in said
        assert "nan" not in said.replace("NaN", "")

    def test_twenty_groups_are_drawn_in_part_and_tested_in_whole(self, run):
        # was: out of letters for the panels, and figures of a metre and a half
        table = samples(40, 40).assign(group=lambda t: "g" + (t["patient"] % 20).astype(str))
        got, said = run("nocera2025/01", "samples", table, permutations=19)
        assert "Only the first groups are drawn" in said
        assert sum(name.startswith("test.histology.") and name.endswith(".difference") for name in got) == 20

    def test_a_users_histology_is_not_called_cell_density(self, run):
        _, said = run("nocera2025/01", "samples", samples(12, 6), permutations=19)
        assert "the imaging column z" in said and "Cell density" not in said

    def test_order_of_columns_changes_no_number(self, run):
        table = samples(24, 8)
        first, _ = run("nocera2025/02", "samples", table, **self.SMALL)
        assert same(first, run("nocera2025/02", "samples", table[list(table)[::-1]], **self.SMALL)[0])


def test_features_must_be_complete_in_three_subjects_and_histology_must_vary(run):
    # was: accepted, and refused in the middle of the chapter
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"roi": np.arange(9), "subject": np.arange(9) % 3, "histology": rng.random(9),
                          "feature_a": rng.random(9), "feature_b": rng.random(9)})  # fmt: skip
    with pytest.raises(
        InputError, match=r"feature_b: must be complete beside histology in at least three subjects"
    ):
        run(
            "nocera2025/03",
            "features",
            table.assign(feature_b=table["feature_b"].where(table["subject"] > 0)),
        )
    with pytest.raises(InputError, match=r"histology: must vary in complete rows"):
        run("nocera2025/03", "features", table.assign(histology=5.0))


class TestCells:
    SMALL = {"resamples": 20, "cuts": 2000}

    def test_cells_far_apart_on_a_slide_cost_no_memory(self, run):
        # was: a row for each of millions of empty patches
        rng = np.random.default_rng(1)
        table = pd.DataFrame({"x_um": rng.random(60) * 9e5, "y_um": rng.random(60) * 9e5, "area_um2": 200.0})
        got, said = run("grussu2025/03", "cells", table, **self.SMALL)
        assert got["patches.n"] == 0 and got["seen.patch_size"] is None and got["seen.size.lower"] is None
        assert got["seen.size"] == pytest.approx(math.sqrt(800 / math.pi)) and "nan" not in said.replace(
            "NaN", ""
        )

    def test_one_outline_is_refused_before_anything_runs(self, run):
        with pytest.raises(
            InputError, match=r"area_um2: must stand beside both positions in at least two rows"
        ):
            run(
                "grussu2025/03",
                "cells",
                pd.DataFrame({"x_um": [1], "y_um": [1], "area_um2": [200]}),
                **self.SMALL,
            )
