"""Agreement and reliability: planted variances, printed examples, awkward tables, invariance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from compendium.statistics import agreement as ours


def test_three_meanings_of_rmse_are_ordered(rng):
    x = rng.normal(10, 2, 40)
    y = 3 + 1.5 * x + rng.normal(size=40)
    raw, centred, calibrated = (ours.rmse(x, y, v) for v in ("difference", "centred", "calibrated"))
    assert raw > centred > calibrated
    assert calibrated <= y.std()
    assert raw**2 == approx(centred**2 + (x - y).mean() ** 2)
    assert ours.rmse(x, y, "calibrated", "df") == approx(calibrated * np.sqrt(40 / 38))


def test_rmse_of_raw_difference_may_exceed_the_spread_of_the_reference():
    assert ours.rmse([10, 11, 12], [0, 1, 2]) == 10


def test_concordance_of_equal_and_of_shifted_measurements():
    x = np.arange(6.0)
    assert ours.concordance(x, x).estimate == 1
    assert ours.concordance(x, -x + 5).estimate == approx(-1)
    assert ours.concordance(x, x + 100).estimate < 0.001


@given(st.integers(0, 9999))
def test_concordance_never_exceeds_pearson_and_is_symmetric(seed):
    x, y = np.random.default_rng(seed).normal(size=(2, 12))
    got, back = ours.concordance(x, y), ours.concordance(y, x)
    assert abs(got.estimate) <= abs(np.corrcoef(x, y)[0, 1]) + 1e-12
    assert got.estimate == approx(back.estimate)
    assert tuple(got) == approx(tuple(back))


def test_concordance_interval_covers_a_planted_value(rng):
    r, shift, ratio = 0.8, 0.4, 1.2
    truth = 2 * r * ratio / (1 + ratio**2 + shift**2)
    hits = 0
    for _ in range(1500):
        x, e = rng.normal(size=(2, 40))
        y = shift + ratio * (r * x + np.sqrt(1 - r**2) * e)
        hits += truth in ours.concordance(x, y)
    assert 0.93 < hits / 1500 < 0.965


def test_limits_of_agreement_cover_the_share_they_promise(rng):
    inside = []
    for _ in range(300):
        a = rng.normal(size=60)
        got = ours.bland_altman(a, a + 1 + rng.normal(size=60))
        low, high = got.lower.estimate, got.upper.estimate
        fresh = 1 + rng.normal(size=200)
        inside.append(np.mean((fresh > low) & (fresh < high)))
    assert np.mean(inside) == approx(0.945, abs=0.01)


@pytest.mark.parametrize("method", ["1986", "1999"])
def test_interval_of_a_limit_covers_the_planted_limit(rng, method):
    hits = 0
    for _ in range(1500):
        got = ours.bland_altman(np.zeros(30), rng.normal(size=30), method=method)
        hits += 1.96 in got.upper
    assert 0.93 < hits / 1500 < 0.975


def test_repeated_pairs_do_not_narrow_the_limits_but_their_clusters_are_seen(rng):
    subject = np.repeat(np.arange(300), 4)
    gap = 2 * rng.normal(size=300)[subject] + rng.normal(size=1200)
    got = ours.bland_altman(np.zeros(1200), gap, subject)
    assert got.sd**2 == approx(5, rel=0.2)
    assert got.sd**2 == approx(got.sd_between**2 + got.sd_within**2)
    assert (got.n, got.n_clusters) == (1200, 300)
    plain = ours.bland_altman(np.zeros(1200), gap)
    assert got.bias.upper - got.bias.lower > 1.5 * (plain.bias.upper - plain.bias.lower)


def test_clusters_of_one_pair_are_plain_bland_altman():
    a, b = [1, 2, 3, 4, 5], [1.5, 2.0, 3.5, 4.5, 5.0]
    plain, clustered = ours.bland_altman(a, b), ours.bland_altman(a, b, cluster=range(5))
    assert tuple(clustered.upper) == approx(tuple(plain.upper))
    assert np.isnan(clustered.sd_within)


def test_identical_methods_have_no_spread():
    got = ours.bland_altman([1, 2, 3], [1, 2, 3])
    assert (got.bias.estimate, got.sd, got.upper.upper) == (0, 0, 0)


def test_regression_limits_recover_a_spread_that_grows(rng):
    mean = rng.uniform(10, 100, 4000)
    gap = 1 + 0.05 * mean + (0.02 * mean) * rng.normal(size=4000)
    line = ours.bland_altman_regression(mean - gap / 2, mean + gap / 2)
    centre, low, high = line.limits([50.0])
    assert centre[0] == approx(3.5, abs=0.1)
    assert high[0] - centre[0] == approx(1.96 * 1.0, rel=0.05)
    assert centre[0] - low[0] == approx(high[0] - centre[0])


def test_icc_recovers_planted_variances_and_ignores_a_rater_shift_only_for_consistency(rng):
    table = 2 * rng.normal(size=(400, 1)) + rng.normal(size=(400, 3)) + np.array([[0.0, 2.0, -2.0]])
    consistency, agreement = (ours.intraclass_correlation(table, f).estimate for f in ("3,1", "2,1"))
    assert consistency == approx(0.8, abs=0.04)
    assert agreement == approx(4 / (4 + 1 + 4), abs=0.06)
    shifted = ours.intraclass_correlation(table + np.array([[0, 9, 0]]), "3,1").estimate
    assert shifted == approx(consistency)


def test_icc_of_perfect_agreement_is_one():
    table = np.repeat(np.arange(5.0)[:, None], 3, axis=1)
    for form in ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k"):
        got = ours.intraclass_correlation(table, form)
        assert (got.estimate, got.lower, got.upper) == (1, 1, 1), form


def test_icc_drops_subjects_with_a_missing_rating_and_ignores_their_order(rng):
    table = rng.normal(size=(8, 3)).tolist()
    table[2][1] = None
    got = ours.intraclass_correlation(table)
    assert "7 subjects, 3 raters, 1 dropped" in got.method
    mixed = ours.intraclass_correlation([table[i] for i in (5, 3, 0, 1, 7, 6, 4)])
    assert (got.estimate, *got) == approx((mixed.estimate, *mixed))


def test_one_way_icc_with_equal_sizes_is_the_first_form(rng):
    table = rng.normal(size=(9, 4)) + rng.normal(size=(9, 1))
    got = ours.icc_oneway(table.ravel(), np.repeat(np.arange(9), 4))
    form = ours.intraclass_correlation(table, "1,1")
    assert (got.estimate, *got) == approx((form.estimate, *form))


def test_repeatability_recovers_planted_values(rng):
    subject = np.repeat(np.arange(300), 2)
    level = rng.uniform(50, 150, 300)[subject]
    constant = ours.repeatability(level + 5 * rng.normal(size=600), subject)
    assert constant.sd.estimate == approx(5, rel=0.1)
    assert constant.coefficient.estimate == approx(1.959964 * np.sqrt(2) * constant.sd.estimate)
    relative = level * np.exp(0.08 * rng.normal(size=600))
    for cv in ("rms", "log"):
        assert ours.repeatability(relative, subject, cv=cv).cv == approx(0.08, rel=0.12)


def test_repeatability_coefficient_bounds_95_per_cent_of_differences(rng):
    first, second = 3 * rng.normal(size=(2, 20_000))
    pairs = np.column_stack([first, second]).ravel() + 1000
    got = ours.repeatability(pairs, np.repeat(np.arange(20_000), 2))
    assert np.mean(np.abs(first - second) < got.coefficient.estimate) == approx(0.95, abs=0.005)


def test_units_scale_repeatability_and_leave_cv(rng):
    values, subject = rng.uniform(1, 2, 12), np.repeat(np.arange(6), 2)
    plain, scaled = ours.repeatability(values, subject), ours.repeatability(1000 * values, subject)
    assert scaled.sd.estimate == approx(1000 * plain.sd.estimate)
    assert scaled.cv == approx(plain.cv)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ours.rmse([], []), "Too few complete pairs: at least 1 are needed. Given 0"),
    (lambda: ours.rmse([1, 1], [1, 2], "calibrated"), "Too few complete pairs: at least 3"),
    (lambda: ours.rmse([1, 1, 1], [1, 2, 3], "calibrated"), "measured must vary to be calibrated. Given 1 in all 3"),
    (lambda: ours.rmse([1], [2], "relative"), "variant must be one of 'difference', 'centred', 'calibrated'"),
    (lambda: ours.concordance([2, 2, 2], [2, 2, 2]), "x and y must vary. Given 2 throughout"),
    (lambda: ours.bland_altman([1], [2]), "Too few complete pairs: at least 2"),
    (lambda: ours.bland_altman([1, 2, 3], [2, 2, 2], ["a", "a", "a"]), "Too few clusters"),
    (lambda: ours.bland_altman_regression([1, 2, 3], [3, 2, 1]), "The means of the pairs must vary. Given 2 in all 3"),
    (lambda: ours.intraclass_correlation([[1, 1], [1, 1]]), "ratings must vary. Given 1 throughout"),
    (lambda: ours.intraclass_correlation([[1], [2]]), "Too few raters: at least 2"),
    (lambda: ours.intraclass_correlation([1, 2]), "one row per subject and one column per rater"),
    (lambda: ours.intraclass_correlation([[1, 2], [2, 3]], "4,1"), "form must be one of"),
    (lambda: ours.icc_oneway([1, 2, 3], ["a", "b", "c"]), "Too few repeated samples"),
    (lambda: ours.repeatability([1, 2, 3], ["a", "b", "c"]), "Too few repeated measurements"),
    (lambda: ours.repeatability([0, 2], ["a", "a"]), "values must be positive for the rms coefficient of variation"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
