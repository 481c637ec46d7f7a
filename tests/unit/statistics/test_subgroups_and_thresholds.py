"""Subgroups of a read, thresholds under resampling, and times known as intervals."""

import numpy as np
import pandas as pd
import pytest

from compendium.statistics.detection_times import (
    doubling_time,
    implied_lead,
    pair_volumes,
    simulate_observed_lead,
    sort_finds,
)
from compendium.statistics.groups import welch_test
from compendium.statistics.interval_censored import interval_censored_curve, quantile_bounds
from compendium.statistics.roc import best_thresholds
from compendium.statistics.subgroups import compare_subgroups, diagnostic_subgroups, group_values
from compendium.statistics.thresholds import threshold_stability, youden_threshold


def test_a_missing_read_belongs_to_no_subgroup():
    read = pd.Series([1, 0, pd.NA, 0], dtype="Int64")
    assert diagnostic_subgroups([1, 1, 1, 0], read).tolist() == ["TP", "FN", "", "TN"]


def test_true_positive_alone_needs_every_other_read_negative():
    others = np.array([[0, 0], [0, 1], [np.nan, 0]])
    assert diagnostic_subgroups([1, 1, 1], [1, 1, 1], others).tolist() == ["TP alone", "TP", "TP"]


def test_small_subgroups_are_left_out_and_missing_values_do_not_count():
    assert list(group_values([1, np.nan, 2, 3], ["TP", "TP", "TN", "TN"])) == ["TN"]


def test_two_subgroups_give_welchs_t():
    groups = {"TP": [4.0, 5, 9, 7], "TN": [1.0, 2, 4]}
    row = compare_subgroups(groups).iloc[0]
    assert row["p"] == pytest.approx(welch_test(groups["TP"], groups["TN"]).p, rel=1e-6)


def test_equal_means_can_go_with_unequal_ranks():
    row = compare_subgroups({"TP": [3.0, 3, 3.1, 2.9], "TN": [1.0, 1, 1, 9]}).iloc[0]
    assert row["difference"] == pytest.approx(0) and row["probability"] == 0.75


def test_youden_threshold_agrees_with_the_curve():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 80)
    score = (truth + rng.normal(size=80)).round(1)
    best = best_thresholds(truth, score)
    cut, sensitivity, specificity = youden_threshold(score[truth == 1], score[truth == 0])
    assert (
        cut in best["threshold"].round(9).to_list() or round(cut, 9) in best["threshold"].round(9).to_list()
    )
    assert sensitivity + specificity - 1 == pytest.approx(best["youden"].iloc[0])


def test_a_clear_gap_holds_the_threshold_and_noise_does_not():
    truth, cluster = np.tile([0, 1], 40), np.repeat(np.arange(40), 2)
    rng = np.random.default_rng(1)
    clear = threshold_stability(truth, 10 * truth + rng.uniform(0, 1, 80), cluster, n_resamples=60)
    noise = threshold_stability(truth, rng.uniform(0, 10, 80), cluster, n_resamples=60)
    assert clear["threshold"].std() < 0.2 < noise["threshold"].std()
    assert clear["left_out_sensitivity"].mean() == 1
    gap = noise[["chosen_sensitivity", "chosen_specificity"]].sum(axis=1) - noise[
        ["left_out_sensitivity", "left_out_specificity"]
    ].sum(axis=1)
    assert gap.mean() > 0.1, "a threshold chosen on noise looks better than it is"


def test_direction_mirrors_the_threshold():
    truth, score = [0, 0, 0, 1, 1, 1], np.array([1.0, 2, 3, 4, 5, 6])
    up = threshold_stability(truth, score, list("abcdef"), n_resamples=30)
    down = threshold_stability(truth, -score, list("abcdef"), direction="lower", n_resamples=30)
    assert np.allclose(up["threshold"], -down["threshold"], equal_nan=True)


def test_thresholds_need_two_clusters():
    with pytest.raises(ValueError, match="clusters"):
        threshold_stability([0, 1], [1, 2], ["a", "a"])


def test_known_times_give_the_empirical_distribution():
    curve = interval_censored_curve([1, 2, 2, 5], [1, 2, 2, 5])
    assert curve["upper"].to_list() == [1, 2, 5] and curve["mass"].round(6).to_list() == [0.25, 0.5, 0.25]


def test_right_censored_times_give_kaplan_meier():
    curve = interval_censored_curve([1, 2, 3, 4, 5], [1, np.nan, 3, np.inf, 5])
    survival = [0.8, 0.8 * 2 / 3, 0.0]  # at 1, 3 and 5, by hand
    assert (1 - curve["cumulative"]).to_numpy() == pytest.approx(survival, abs=1e-6)


def test_planted_waits_lie_within_the_bounds_of_the_median():
    rng = np.random.default_rng(2)
    waits, visits = rng.exponential(100, 400), np.sort(rng.uniform(0, 400, (400, 6)), axis=1)
    lower = np.where(visits <= waits[:, None], visits, 0).max(axis=1)
    upper = np.where(visits > waits[:, None], visits, np.inf).min(axis=1)
    low, high = quantile_bounds(interval_censored_curve(lower, upper))
    assert low - 20 < 100 * np.log(2) < high + 20


def test_an_interval_that_runs_backwards_is_refused():
    with pytest.raises(ValueError, match=r"lower must not exceed upper. Given \(3, 2\]"):
        interval_censored_curve([1, 3], [2, 2])


def test_no_intervals_are_refused():
    with pytest.raises(ValueError, match="intervals"):
        interval_censored_curve([], [])


@pytest.mark.parametrize("lead", [10, 50, 90])
def test_an_observed_lead_is_the_time_between_visits_whatever_the_true_one(lead):
    mean, share = simulate_observed_lead(lead, (100, 100))
    assert mean == pytest.approx(100)
    assert implied_lead(share, 1, 100) == pytest.approx(lead, abs=3)


def test_a_lead_longer_than_the_time_between_visits_shows():
    mean, share = simulate_observed_lead(300, (100, 100))
    assert mean == pytest.approx(300, abs=2) and share == 1


def test_visits_must_take_time():
    with pytest.raises(ValueError, match="visit_days must run upwards from above 0. Given 0 to 5"):
        simulate_observed_lead(10, (0, 5))


def test_finds_are_sorted_with_and_without_a_last_negative_visit():
    day = pd.to_datetime
    frame = pd.DataFrame({"date_first": day(["2020-01-01"] * 2), "date_later": day(["2020-03-01", None])})
    assert sort_finds(frame)["least"].to_list() == [0, 0]
    seen = sort_finds(frame.assign(date_negative=day(["2020-02-01", "2020-05-30"])))
    assert seen["least"].to_list() == [31, 150] and seen["most"].to_list() == [60, np.inf]


def test_planted_growth_comes_back_and_zero_volumes_are_left_out():
    finds = pd.DataFrame({
        "kind": ["confirmed"] * 3 + ["together"], "days": [50.0, 100, 10, 0],
        "volume_first": [1.0, 3, 0, 4], "volume_later": [2.0, 12, 5, 4],
    })  # fmt: skip
    paired = pair_volumes(finds)
    assert [doubling_time(r) for r in paired["rate"]] == pytest.approx([50, 50])
    assert len(pair_volumes(finds, smallest=2.0)) == 1


@pytest.mark.parametrize("rate", [0.0, -0.1, float("nan")])
def test_nothing_that_does_not_grow_has_a_doubling_time(rate):
    assert np.isnan(doubling_time(rate))
