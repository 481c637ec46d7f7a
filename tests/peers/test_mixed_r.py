"""mixed against lme4 and lmerTest; made by mixed.R.

lme4 minimises numerically and lmerTest differentiates numerically: coefficients agree to 1e-7, variances to 1e-6,
degrees of freedom to 1e-5 (relative).
"""

import pandas as pd
import pytest

from compendium.statistics.mixed import (
    fit_interaction,
    fit_random_intercept,
    fit_within_between,
    likelihood_ratio_test,
)

TOPIC = "Clustered data"
METHODS = {
    "Random intercept, REML": (
        "fit_random_intercept", "profiled likelihood; Satterthwaite degrees of freedom", "lmerTest::lmer"),
    "Random intercept, ML": ("fit_random_intercept", "profiled likelihood; Satterthwaite degrees of freedom", "lmerTest::lmer"),
    "Random intercept, singular": (
        "fit_random_intercept", "no variance between clusters: least squares, and said so", "lmerTest::lmer",
        "statsmodels' MixedLM stops elsewhere"),
    "Likelihood ratio": ("likelihood_ratio_test", "ML, χ²", "lme4::anova"),
    "Within–between model": ("fit_within_between", "cluster mean and deviation as two predictors; contrast of the slopes", "lmerTest::contest1D"),
    "Interaction": ("fit_interaction", "slopes of two groups, pooled or within clusters", "lmerTest::lmer"),
}  # fmt: skip
DIFFERENTIATED = "lme4 minimises and lmerTest differentiates numerically"


@pytest.fixture(scope="module")
def r(peer):
    return peer("mixed")


@pytest.fixture(scope="module")
def data(r):
    return pd.DataFrame({key: r["data"][key] for key in ("x", "y", "flat", "group", "patient")})


def as_list(value):
    return value if isinstance(value, list) else [value]


@pytest.fixture
def equals_lme4(agree):
    def compare(method, fit, stored, names=None):
        names = names or fit.names
        tests, theirs = [fit.test(name) for name in names], {k: as_list(v) for k, v in stored.items()}
        for got, key, rel in (
            ([t.estimate for t in tests], "coefficients", 1e-7),
            ([fit.standard_error(name) for name in names], "se", 1e-6),
            ([t.df for t in tests], "df", 1e-5),
            ([t.p for t in tests], "p", 1e-4),
            ([fit.sigma], "sigma", 1e-6),
            ([fit.log_likelihood], "log_likelihood", 1e-10),
        ):
            agree(method, got, theirs[key], rel=rel, why=DIFFERENTIATED)
        agree(method, [fit.sigma_cluster], theirs["sigma_cluster"], rel=1e-6, atol=1e-7, why=DIFFERENTIATED)
        assert fit.singular == stored["singular"]

    return compare


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_sleepstudy_equals_lme4(r, equals_lme4, method):
    d = r["data"]
    fit = fit_random_intercept(d["reaction"], {"days": d["days"]}, d["subject"], method)
    equals_lme4(f"Random intercept, {method.upper()}", fit, r[f"sleep_{method}"])


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_unbalanced_cohort_equals_lme4(r, data, equals_lme4, method):
    fit = fit_random_intercept(data.y, data[["x"]], data.patient, method)
    equals_lme4(f"Random intercept, {method.upper()}", fit, r[method])


def test_model_of_a_mean_equals_lme4(r, data, equals_lme4):
    equals_lme4("Random intercept, REML", fit_random_intercept(data.y, {}, data.patient), r["mean_only"])


@pytest.mark.parametrize(("method", "key"), [("reml", "singular"), ("ml", "singular_ml")])
def test_singular_fit_equals_lme4(r, data, equals_lme4, method, key):
    fit = fit_random_intercept(data.flat, data[["x"]], data.patient, method)
    assert fit.singular
    assert fit.sigma_cluster == 0
    equals_lme4("Random intercept, singular", fit, r[key])


def test_likelihood_ratio_equals_anova(r, data, agree):
    got, theirs = likelihood_ratio_test(data.y, data[["x"]], data.patient, drop="x"), r["likelihood_ratio"]
    agree(
        "Likelihood ratio",
        [got.statistic, got.p],
        [theirs["statistic"], theirs["p"]],
        rel=1e-8,
        why=DIFFERENTIATED,
    )


def test_within_between_model_and_its_contrast_equal_lmertest(r, data, agree, equals_lme4):
    fit, gap = fit_within_between(data.y, data.x, data.patient)
    equals_lme4("Within–between model", fit, r["within_between"])
    for name, rel in (("estimate", 1e-7), ("df", 1e-5), ("p", 1e-5)):
        agree("Within–between model", getattr(gap, name), r["contrast"][name], rel=rel, why=DIFFERENTIATED)


def test_interaction_equals_lme4(r, data, equals_lme4):
    fit, _ = fit_interaction(data.y, data.x, data.group, data.patient)
    equals_lme4("Interaction", fit, r["interaction"])


def test_interaction_within_clusters_equals_lme4(r, data, equals_lme4):
    fit, _ = fit_interaction(data.y, data.x, data.group, data.patient, within=True)
    order = ["intercept", "x", "group", "between", "x:group", "between:group"]
    equals_lme4("Interaction", fit, r["interaction_within"], order)


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
    # bobyqa and numerical derivatives end elsewhere in the sixth digit with another lme4; singular variances in the ninth decimal
    assert_same(peer("mixed"), rerun_r("mixed"), rel=1e-4, atol=1e-7)
