"""diagnosis, confusion and reads against R (base, psych, car, sandwich); made by diagnosis.R."""

import pytest
from pytest import approx

from compendium.statistics import diagnosis as ours

PAIRS = [(57, 6), (2, 1), (4, 4), (0, 5)]
CLOSED = 1e-12  # closed forms in both: only the last digits of double precision differ
FITTED = 1e-7  # R fits a regression by iteration here


@pytest.fixture(scope="module")
def r(peer):
    return peer("diagnosis")


@pytest.fixture(scope="module")
def counts(r):
    return ours.ConfusionCounts(**r["data"]["counts"])


@pytest.mark.parametrize(("method", "key"), [("wilson", "wilson"), ("clopper-pearson", "clopper")])
def test_proportion_intervals_equal_prop_test_and_binom_test(r, method, key):
    for (count, n), limits in zip([(334, 341), (0, 12), (8, 27)], r[key], strict=True):
        assert list(ours.proportion_interval(count, n, method=method)) == approx(limits, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("which", ["positive", "negative"])
def test_likelihood_ratio_is_the_relative_risk_of_a_log_binomial_regression(r, counts, which):
    got = ours.likelihood_ratio_interval(counts, which)
    assert [got.estimate, *got] == approx(r[f"lr_{which}"], rel=FITTED)


def test_odds_ratio_is_that_of_a_logistic_regression(r, counts):
    got = ours.diagnostic_odds_ratio_interval(counts)
    assert [got.estimate, *got] == approx(r["odds_ratio"], rel=FITTED)


def test_exact_mcnemar_equals_binom_test(r):
    assert [ours.mcnemar_exact(b, c).p for b, c in PAIRS] == approx(r["exact"], rel=CLOSED)


def test_mid_p_equals_its_definition_summed_over_all_splits(r):
    assert [ours.mcnemar_exact(b, c, mid_p=True).p for b, c in PAIRS] == approx(r["mid_p"], rel=1e-9)


@pytest.mark.parametrize(("key", "b", "c", "correct"), [("corrected", 57, 6, True), ("uncorrected", 57, 6, False),
                                                        ("equal", 4, 4, True)])  # fmt: skip
def test_asymptotic_mcnemar_equals_mcnemar_test(r, key, b, c, correct):
    got = ours.mcnemar_asymptotic(b, c, correct)
    assert [got.statistic, got.p] == approx(r[key], rel=CLOSED)


def test_tango_limits_equal_those_of_a_numerical_likelihood(r):
    for (b, c, n), limits in zip(
        [(57, 6, 341), (2, 1, 81), (12, 9, 40), (1, 7, 21)], r["tango"], strict=True
    ):
        got = ours.paired_difference_interval(b, c, n)
        assert list(got) == approx(limits, abs=2e-8)  # R maximises the likelihood numerically


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_kappa_equals_psych_and_its_variance_the_delta_method(r, weights):
    got = ours.cohen_kappa(r["data"]["first"], r["data"]["second"], weights)
    assert got.estimate == approx(r["kappa"][weights]["kappa"], rel=CLOSED)
    variance = ((got.upper - got.estimate) / 1.959963984540054) ** 2
    assert variance == approx(
        r["kappa"][weights]["delta"], rel=1e-7
    )  # R's derivative is a difference quotient
    # psych's variance agrees for the plain kappa only; with weights it is off by up to 0.1 %
    assert variance == approx(r["kappa"][weights]["psych"], rel=1e-9 if weights == "none" else 1e-3)


@pytest.mark.parametrize(("key", "prevalence"), [("low", 0.1), ("high", 0.8)])
def test_predictive_values_equal_the_delta_method_of_car(r, counts, key, prevalence):
    row = ours.prevalence_curve(counts, prevalence).iloc[0]
    for name in ("ppv", "npv"):
        got = [row[name], row[f"{name}_lower"], row[f"{name}_upper"]]
        assert got == approx(r["prevalence"][key][name], rel=1e-9)


def test_clustered_standard_error_equals_sandwich(r):
    got = ours.clustered_proportion_interval(r["data"]["success"], r["data"]["cluster"], method="wald")
    assert (got.estimate - got.lower) / 1.959963984540054 == approx(r["clustered_se"], rel=1e-9)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("diagnosis"), rerun_r("diagnosis"))
