"""Chapter 03 of stadlbauer2025 on tables that its own generator did not make, and with other parameters."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium.run.inputs import InputError

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "stadlbauer2025/03"
DAYS = np.array([30, 60, 90, 120, 45, 75, 100, 200, 10, 150])


def users_table():
    """Ten confirmed finds that double in 50 days, three never confirmed, four found together; columns out of order."""
    start = pd.Timestamp("2020-02-01") + pd.to_timedelta(np.arange(17) * 13, unit="D")
    first = np.linspace(1, 9, 17).round(2)
    later = [*(first[:10] * 2 ** (DAYS / 50)).round(6), None, None, None, *first[13:]]
    days = [*DAYS, None, None, None, 0, 0, 0, 0]
    return pd.DataFrame({
        "volume_later": later, "Date First": start.strftime("%Y-%m-%d"), "scanner": "B",
        "date_later": (start + pd.to_timedelta(days, unit="D")).strftime("%Y-%m-%d"),
        "patient": [f"q{i // 2}" for i in range(17)], "volume_first": first,
    })  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(table=None, **parameters):
        if table is not None:
            path = tmp_path / "mine.csv"
            table.to_csv(path, index=False)
            parameters["detections"] = str(path)
        return chapter_run.run_chapter(
            CHAPTER, tmp_path / "out", monkeypatch, **{"resamples": 60, **parameters}
        )

    return start


def test_planted_doubling_time_and_waits_come_back(run):
    results = run(users_table(), figures=True)
    got = values(results)
    assert (got["table.confirmed"], got["table.unconfirmed"], got["table.together"]) == (10, 3, 4)
    assert got["growth.doubling"] == pytest.approx(50, abs=1e-3)
    assert got["wait.mean"] == pytest.approx(DAYS.mean())
    assert got["growth.median_ratio"] == pytest.approx(2 ** (np.median(DAYS) / 50), rel=1e-5)
    assert got["share.early"] == pytest.approx(100 * 13 / 17)
    assert (got["wait.turned_median.least"], got["wait.turned_median.most"]) == (0, 10)
    assert results["results"]["wait.mean"]["evidence"] == "user"


def test_a_last_negative_visit_narrows_the_wait(run):
    table = users_table()
    first = pd.to_datetime(table["Date First"])
    table["date_negative"] = (
        first + pd.to_timedelta([*(DAYS - 5), 40, 40, 40, None, None, None, None], unit="D")
    ).dt.strftime("%Y-%m-%d")
    got = values(run(table))
    assert got["wait.mean_least"] == pytest.approx(DAYS.mean() - 5)
    assert got["wait.turned_median.least"] >= 40


def test_one_confirmed_find_without_volumes_still_runs(run):
    table = users_table().iloc[[0, 10, 13]].assign(volume_later=np.nan)
    got = values(run(table))
    assert got["growth.pairs"] == 0 and got["growth.doubling"] is None and got["wait.mean"] == 30


def test_no_confirmed_find_still_runs(run):
    got = values(run(users_table().iloc[10:13]))
    assert got["table.confirmed"] == 0 and got["wait.mean"] is None


def test_all_found_together_still_runs(run):
    got = values(run(users_table().iloc[13:]))
    assert got["share.early"] == 0 and got["wait.turned_median.least"] is None


def test_shrinking_tumours_are_counted_and_have_no_doubling_time(run):
    table = users_table()
    table["volume_first"], table["volume_later"] = table["volume_later"], table["volume_first"]
    got = values(run(table))
    assert got["growth.shrank"] == 10 and got["growth.doubling"] is None


def test_dates_out_of_order_are_refused(run):
    table = users_table()
    table.loc[0, "date_later"] = "2019-01-01"
    with pytest.raises(InputError, match="must not lie before date_first"):
        run(table)


@pytest.mark.parametrize(
    ("parameter", "moving"),
    [
        ({"seed": 2}, "planted.short.share"),
        ({"resamples": 90}, "wait.mean.lower"),
        ({"confidence": 0.8}, "wait.mean.lower"),
        ({"visit_least": 1.0}, "planted.long.observed"),
        ({"visit_most": 12.0}, "share.implied_lead"),
        ({"smallest": 4.0}, "growth.pairs"),
    ],
)
def test_a_parameter_moves_its_result(run, parameter, moving):
    assert values(run(users_table()))[moving] != values(run(users_table(), **parameter))[moving]


def test_without_a_table_the_illustration_is_drawn_and_follows_its_seed(run):
    results = run()
    got = values(results)
    assert results["results"]["wait.mean"]["evidence"] == "illustration"
    assert round(got["wait.mean"]) == 137
    assert got["growth.median_ratio"] != values(run(cohort_seed=2))["growth.median_ratio"]
