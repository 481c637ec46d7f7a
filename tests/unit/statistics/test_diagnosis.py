"""Diagnosis: printed tables, awkward tables, invariants, and simulated coverage where R has no function."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from compendium.statistics import diagnosis as d

cells = st.integers(0, 400)


def test_metrics_of_a_table_worked_by_hand():
    m = d.diagnostic_metrics(d.ConfusionCounts(tp=8, fp=1, fn=2, tn=9))
    assert (m.sensitivity, m.specificity, m.accuracy) == (0.8, 0.9, 0.85)
    assert (m.ppv, m.precision, m.npv, m.prevalence) == (8 / 9, 8 / 9, 9 / 11, 0.5)
    assert (m.f1, m.dor, m.youden) == approx((16 / 19, 36, 0.7))
    assert (m.lr_positive, m.lr_negative) == approx((8, 2 / 9))
    assert m.mcc == approx((72 - 2) / np.sqrt(9 * 10 * 10 * 11))


@given(tp=cells, fp=cells, fn=cells, tn=cells)
def test_turning_read_and_reference_round_exchanges_the_metrics(tp, fp, fn, tn):
    m = d.diagnostic_metrics(d.ConfusionCounts(tp, fp, fn, tn))
    turned = d.diagnostic_metrics(d.ConfusionCounts(tn, fn, fp, tp))
    assert turned.sensitivity == approx(m.specificity, nan_ok=True)
    assert turned.ppv == approx(m.npv, nan_ok=True)
    assert turned.mcc == approx(m.mcc, nan_ok=True)


@pytest.mark.parametrize(("counts", "nan"), [
    (d.ConfusionCounts(0, 3, 0, 5), ["sensitivity", "lr_negative", "mcc"]),
    (d.ConfusionCounts(4, 0, 2, 0), ["specificity", "mcc", "youden"]),
    (d.ConfusionCounts(0, 0, 0, 0), ["accuracy", "prevalence", "f1", "ppv", "npv", "dor"]),
])  # fmt: skip
def test_an_empty_group_gives_nan_and_never_zero(counts, nan):
    metrics = d.diagnostic_metrics(counts)
    for name in nan:
        assert np.isnan(getattr(metrics, name)), name


def test_a_perfect_read_has_infinite_ratios_and_unbounded_intervals():
    counts = d.ConfusionCounts(tp=20, fp=0, fn=0, tn=30)
    metrics = d.diagnostic_metrics(counts)
    assert metrics.dor == metrics.lr_positive == float("inf")
    got = d.diagnostic_odds_ratio_interval(counts)
    assert (got.lower, got.upper) == (0, float("inf"))
    halved = d.diagnostic_odds_ratio_interval(counts, add_half=True)
    assert halved.estimate == approx(20.5 * 30.5 / 0.25)
    assert 1 < halved.lower < halved.estimate < halved.upper


def test_counting_drops_rows_with_missing_reference_or_read():
    read = pd.Series([1, None, 0, 1, 0], dtype="Int64")
    assert d.confusion_counts([1, 1, 0, 0, None], read) == d.ConfusionCounts(1, 1, 0, 1, dropped=2)


def test_counting_does_not_depend_on_the_order_of_rows(rng):
    truth, read = rng.integers(0, 2, 50), rng.integers(0, 2, 50)
    order = rng.permutation(50)
    assert d.confusion_counts(truth, read) == d.confusion_counts(truth[order], read[order])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: d.ConfusionCounts(-1, 0, 0, 0), "tp must be a whole number of cases, 0 or more. Given -1"),
    (lambda: d.ConfusionCounts(1, 0.5, 0, 0), "fp must be a whole number of cases, 0 or more. Given 0.5"),
    (lambda: d.confusion_counts([0, 2], [0, 1]), "reference must hold 0 and 1 only. Given 2 in row 1"),
    (lambda: d.proportion_interval(1, 0), "Too few cases"),
    (lambda: d.proportion_interval(3, 2), r"count must lie in \[0, 2\]. Given 3"),
    (lambda: d.proportion_interval(1, 2, method="wald"), "method must be one of 'wilson', 'clopper-pearson'"),
    (lambda: d.proportion_interval(1, 2, confidence=95), r"confidence must lie in \(0, 1\). Given 95"),
    (lambda: d.mcnemar_exact(-1, 2), "b must be a whole number of pairs, 0 or more. Given -1"),
    (lambda: d.paired_difference_interval(5, 6, 10), "Discordant pairs cannot exceed all pairs"),
    (lambda: d.paired_difference_interval(1, 2, 10, method="newcombe"), "both must be given for 'newcombe'"),
    (lambda: d.predictive_values(0.9, 0.8, 80.8), r"prevalence must be a fraction in \[0, 1\]. Given 80.8"),
    (lambda: d.reading_rules([[1, 0]], "2-of-3"), "rule must be 'or', 'and', k or 'k-of-2'"),
    (lambda: d.reading_rules([[1, 0]], 3), "Given 3"),
    (lambda: d.clustered_proportion_interval([1, 0], ["a", "a"]), "Too few clusters"),
])  # fmt: skip
def test_bad_input_is_refused_with_problem_rule_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(n=st.integers(1, 60), data=st.data(), method=st.sampled_from(["wilson", "clopper-pearson"]))
def test_proportion_intervals_hold_the_estimate_and_mirror(n, data, method):
    count = data.draw(st.integers(0, n))
    got, mirror = (
        d.proportion_interval(count, n, method=method),
        d.proportion_interval(n - count, n, method=method),
    )
    assert 0 <= got.lower <= got.estimate <= got.upper <= 1
    assert (got.lower, got.upper) == approx((1 - mirror.upper, 1 - mirror.lower), abs=1e-9)


@given(b=st.integers(0, 25), c=st.integers(0, 25), rest=st.integers(1, 40))
def test_tango_interval_mirrors_and_agrees_with_the_score_test(b, c, rest):
    n = b + c + rest
    got, mirror = d.paired_difference_interval(b, c, n), d.paired_difference_interval(c, b, n)
    assert (got.lower, got.upper) == approx((-mirror.upper, -mirror.lower), abs=1e-9)
    assert -1 <= got.lower < got.estimate < got.upper <= 1
    z = (
        abs(b - c) / np.sqrt(b + c) if b + c else 0.0
    )  # at zero the score test is McNemar's without correction
    if abs(z - 1.959964) > 1e-3:
        assert (0 in got) == (z < 1.959964)


def test_newcombe_interval_equals_his_printed_example():
    # Newcombe (1998), table II, method 10: a = 36, b = 12, c = 2, d = 0
    got = d.paired_difference_interval(12, 2, 50, method="newcombe", both=36)
    assert (round(got.lower, 4), round(got.upper, 4)) == (0.0569, 0.3404)


def test_wald_and_bonett_price_intervals_by_hand():
    got = d.paired_difference_interval(7, 1, 21, method="bonett-price")
    p1, p2, n = 8 / 23, 2 / 23, 23
    half = 1.959963984540054 * np.sqrt((p1 + p2 - (p1 - p2) ** 2) / n)
    assert (got.lower, got.upper) == approx((p1 - p2 - half, p1 - p2 + half))
    assert got.estimate == approx(6 / 21)
    assert d.paired_difference_interval(0, 0, 10, method="wald").upper == 0  # why Wald is not the default
    z2 = 1.959963984540054**2
    assert d.paired_difference_interval(0, 0, 10).upper == approx(
        z2 / (10 + z2)
    )  # Tango (1998) for no discordance


def test_tango_covers_a_planted_difference(rng):
    draws = rng.multinomial(60, [0.15, 0.05, 0.8], size=1500)
    hit = [0.1 in d.paired_difference_interval(int(b), int(c), 60) for b, c, _ in draws]
    assert 0.93 < np.mean(hit) < 0.975


@pytest.mark.parametrize("mid_p", [True, False])
def test_mcnemar_without_discordant_pairs_has_p_one(mid_p):
    assert d.mcnemar_exact(0, 0, mid_p).p == 1
    assert d.mcnemar_asymptotic(0, 0).p == 1


@given(b=st.integers(0, 80), c=st.integers(0, 80))
def test_mcnemar_does_not_depend_on_which_read_comes_first(b, c):
    assert d.mcnemar_exact(b, c).p == approx(d.mcnemar_exact(c, b).p)
    assert 0 < d.mcnemar_exact(b, c, mid_p=True).p <= d.mcnemar_exact(b, c).p <= 1


def test_kappa_of_one_shared_category_is_undefined():
    assert np.isnan(d.cohen_kappa([1, 1, 1], [1, 1, 1]).estimate)


def test_kappa_of_perfect_agreement_is_one_and_of_chance_zero(rng):
    assert d.cohen_kappa([0, 1, 2, 1], [0, 1, 2, 1]).estimate == 1
    kappa = d.cohen_kappa(rng.integers(0, 2, 4000), rng.integers(0, 2, 4000))
    assert 0 in kappa
    assert abs(kappa.estimate) < 0.06


def test_reading_rules_from_the_paired_table_of_two_reads():
    present, absent = d.PairedReads(277, 6, 57, 1), d.PairedReads(3, 2, 1, 75)
    assert d.combine_paired_reads(present, "or") == (340, 1)
    assert d.combine_paired_reads(present, "and") == (277, 64)
    assert d.combine_paired_reads(absent, "or")[1] / 81 == approx(0.926, abs=5e-4)
    assert d.combine_paired_reads(absent, "and")[1] / 81 == approx(0.963, abs=5e-4)


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=1, max_size=20))
def test_reading_rules_are_nested(reads):
    any_, two, all_ = (d.reading_rules(reads, rule) for rule in ("or", 2, "and"))
    assert (any_ >= two).all()
    assert (two >= all_).all()
    assert (d.reading_rules(reads, "1-of-3") == any_).all()


def test_a_missing_read_makes_the_combined_read_missing_even_when_decided():
    assert np.isnan(d.reading_rules([[1, None]], "or")[0])


def test_paired_table_agrees_with_reading_rules(rng):
    first, second = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    table = d.paired_reads(first, second)
    combined = d.reading_rules(np.column_stack([first, second]), "or")
    assert d.combine_paired_reads(table, "or")[0] == combined.sum()


def test_predictive_values_at_the_prevalence_of_the_table_are_those_of_the_table():
    counts = d.ConfusionCounts(90, 20, 10, 80)
    m = d.diagnostic_metrics(counts)
    ppv, npv = d.predictive_values(m.sensitivity, m.specificity, [m.prevalence, 0, 1])
    assert (ppv[0], npv[0]) == approx((m.ppv, m.npv))
    assert (ppv[1], npv[1], ppv[2], npv[2]) == (0, 1, 1, 0)


def test_prevalence_curve_with_an_empty_cell_says_it_knows_nothing():
    row = d.prevalence_curve(d.ConfusionCounts(10, 0, 2, 9), [0.3]).iloc[0]
    assert (row.ppv, row.ppv_lower, row.ppv_upper) == (1, 0, 1)


def test_clusters_of_one_give_the_binomial_variance_but_for_its_divisor():
    success = [1, 0, 1, 1, 0, 1, 1, 1]
    got = d.clustered_proportion_interval(success, range(8), method="wald")
    assert got.upper == 1  # cut
    assert (got.estimate - got.lower) / 1.959963984540054 == approx(np.sqrt(0.75 * 0.25 / 7))


def test_repeating_every_case_does_not_narrow_a_clustered_interval():
    success, cluster = np.array([1, 0, 1, 1, 0, 1, 1, 1]), np.arange(8)
    for method in ("logit", "wald"):
        once = d.clustered_proportion_interval(success, cluster, method=method)
        thrice = d.clustered_proportion_interval(np.tile(success, 3), np.tile(cluster, 3), method=method)
        assert tuple(once) == approx(tuple(thrice))


def test_clustered_interval_of_all_successes_is_unknown_but_wilson_is_not():
    assert np.isnan(d.clustered_proportion_interval([1, 1, 1], ["a", "b", "c"]).lower)
    assert d.clustered_proportion_interval([1, 1, 1], ["a", "b", "c"], method="wilson-effective").lower < 0.5


def test_clustered_interval_covers_where_the_binomial_one_does_not(rng):
    p, clusters, size, rho = 0.7, 40, 6, 0.4
    a, b = p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho
    hits = {"clustered": 0, "binomial": 0}
    label = np.repeat(np.arange(clusters), size)
    for _ in range(400):
        success = rng.random(clusters * size) < np.repeat(rng.beta(a, b, clusters), size)
        hits["clustered"] += p in d.clustered_proportion_interval(success, label)
        hits["binomial"] += p in d.proportion_interval(int(success.sum()), len(success))
    assert hits["clustered"] / 400 > 0.91
    assert hits["binomial"] / 400 < 0.8


def test_clustered_sensitivity_and_specificity_use_their_own_cases():
    truth, read = [1, 1, 0, 0, 1, 0], [1, 0, 0, 1, 1, 0]
    sensitivity, specificity = d.clustered_sensitivity_specificity(truth, read, list("aabbcc"))
    assert (sensitivity.estimate, specificity.estimate) == approx((2 / 3, 2 / 3))
