"""mixed against lme4 and lmerTest; made by mixed.R.

lme4 minimises numerically and lmerTest differentiates numerically: coefficients agree to 1e-7, variances to 1e-6,
degrees of freedom to 1e-5 (relative).
"""

import pandas as pd
import pytest
from pytest import approx

from compendium.statistics.mixed import (
    fit_interaction,
    fit_random_intercept,
    fit_within_between,
    likelihood_ratio_test,
)


@pytest.fixture(scope="module")
def r(peer):
    return peer("mixed")


@pytest.fixture(scope="module")
def data(r):
    return pd.DataFrame({key: r["data"][key] for key in ("x", "y", "flat", "group", "patient")})


def as_list(value):
    return value if isinstance(value, list) else [value]


def assert_equals_lme4(fit, stored, names=None):
    names = names or fit.names
    tests = [fit.test(name) for name in names]
    assert [t.estimate for t in tests] == approx(as_list(stored["coefficients"]), rel=1e-7)
    assert [fit.standard_error(name) for name in names] == approx(as_list(stored["se"]), rel=1e-6)
    assert [t.df for t in tests] == approx(as_list(stored["df"]), rel=1e-5)
    assert [t.p for t in tests] == approx(as_list(stored["p"]), rel=1e-4)
    assert fit.sigma == approx(stored["sigma"], rel=1e-6)
    assert fit.sigma_cluster == approx(stored["sigma_cluster"], rel=1e-6, abs=1e-7)
    assert fit.log_likelihood == approx(stored["log_likelihood"], rel=1e-10)
    assert fit.singular == stored["singular"]


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_sleepstudy_equals_lme4(r, method):
    d = r["data"]
    assert_equals_lme4(
        fit_random_intercept(d["reaction"], {"days": d["days"]}, d["subject"], method), r[f"sleep_{method}"]
    )


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_unbalanced_cohort_equals_lme4(r, data, method):
    assert_equals_lme4(fit_random_intercept(data.y, data[["x"]], data.patient, method), r[method])


def test_model_of_a_mean_equals_lme4(r, data):
    assert_equals_lme4(fit_random_intercept(data.y, {}, data.patient), r["mean_only"])


@pytest.mark.parametrize(("method", "key"), [("reml", "singular"), ("ml", "singular_ml")])
def test_singular_fit_equals_lme4(r, data, method, key):
    fit = fit_random_intercept(data.flat, data[["x"]], data.patient, method)
    assert fit.singular
    assert fit.sigma_cluster == 0
    assert_equals_lme4(fit, r[key])


def test_likelihood_ratio_equals_anova(r, data):
    got = likelihood_ratio_test(data.y, data[["x"]], data.patient, drop="x")
    assert [got.statistic, got.p] == approx(
        [r["likelihood_ratio"]["statistic"], r["likelihood_ratio"]["p"]], rel=1e-8
    )


def test_within_between_model_and_its_contrast_equal_lmertest(r, data):
    fit, gap = fit_within_between(data.y, data.x, data.patient)
    assert_equals_lme4(fit, r["within_between"])
    assert gap.estimate == approx(r["contrast"]["estimate"], rel=1e-7)
    assert gap.df == approx(r["contrast"]["df"], rel=1e-5)
    assert gap.p == approx(r["contrast"]["p"], rel=1e-5)


def test_interaction_equals_lme4(r, data):
    fit, _ = fit_interaction(data.y, data.x, data.group, data.patient)
    assert_equals_lme4(fit, r["interaction"])


def test_interaction_within_clusters_equals_lme4(r, data):
    fit, _ = fit_interaction(data.y, data.x, data.group, data.patient, within=True)
    order = ["intercept", "x", "group", "between", "x:group", "between:group"]
    assert_equals_lme4(fit, r["interaction_within"], order)


def test_what_lme4_refuses_is_refused(r):
    assert "> 1 sampled level" in r["one_cluster"]
    with pytest.raises(ValueError, match="Too few clusters: at least 2 are needed. Given 1"):
        fit_random_intercept(range(9), {"x": [1, 3, 2, 5, 4, 7, 8, 6, 9]}, ["a"] * 9)
    assert "must be < number of observations" in r["all_clusters"]
    with pytest.raises(
        ValueError, match="Some cluster must hold several samples. Given 9 clusters of 9 samples"
    ):
        fit_random_intercept(range(9), {"x": [1, 3, 2, 5, 4, 7, 8, 6, 9]}, range(9))


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("mixed"), rerun_r("mixed"))
