"""diagnosis, confusion and reads against R (base, psych, car, sandwich); made by diagnosis.R."""

import pytest

from compendium.statistics import diagnosis as ours

TOPIC = "Diagnosis"
METHODS = {
    "Wilson interval": ("proportion_interval", "no continuity correction", "prop.test"),
    "Clopper–Pearson interval": ("proportion_interval", "exact tails", "binom.test"),
    "Likelihood ratios": (
        "likelihood_ratio_interval", "log interval", "log-binomial regression (glm)"),
    "Diagnostic odds ratio": ("diagnostic_odds_ratio_interval", "log interval", "logistic regression (glm)"),
    "McNemar, exact": ("mcnemar_exact", "binomial, doubled tail", "binom.test"),
    "McNemar, mid-p": ("mcnemar_exact", "half the probability of the observed split", "summed over all splits"),
    "McNemar, asymptotic": ("mcnemar_asymptotic", "with and without Edwards' correction", "mcnemar.test"),
    "Difference of paired proportions": (
        "paired_difference_interval", "Tango 1998, score", "likelihood maximised numerically"),
    "Kappa": ("cohen_kappa", "plain, linear and quadratic weights; large-sample variance", "delta method"),
    "Kappa, psych": (
        "cohen_kappa", "plain, linear and quadratic weights", "psych::cohen.kappa",
        "psych's variance of a weighted kappa is off the delta method by up to 0.1 %"),
    "Predictive values at a prevalence": ("prevalence_curve, predictive_values", "logit limits, delta method", "car::deltaMethod"),
    "Proportion of clustered cases": (
        "clustered_proportion_interval", "Wald, ratio estimator with k/(k − 1)", "sandwich::vcovCL"),
}  # fmt: skip
PAIRS = [(57, 6), (2, 1), (4, 4), (0, 5)]
CLOSED = {"rel": 1e-9, "why": "closed forms in both, tails by another library"}
FITTED = {"rel": 1e-7, "why": "R fits a regression by iteration"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("diagnosis")


@pytest.fixture(scope="module")
def counts(r):
    return ours.ConfusionCounts(**r["data"]["counts"])


@pytest.mark.parametrize(("method", "key", "name"), [
    ("wilson", "wilson", "Wilson interval"), ("clopper-pearson", "clopper", "Clopper–Pearson interval")])  # fmt: skip
def test_proportion_intervals_equal_prop_test_and_binom_test(r, agree, method, key, name):
    got = [
        list(ours.proportion_interval(count, n, method=method)) for count, n in [(334, 341), (0, 12), (8, 27)]
    ]
    agree(name, got, r[key], rel=1e-9, atol=1e-15, why="closed forms in both, tails by another library")


@pytest.mark.parametrize("which", ["positive", "negative"])
def test_likelihood_ratio_is_the_relative_risk_of_a_log_binomial_regression(r, agree, counts, which):
    got = ours.likelihood_ratio_interval(counts, which)
    agree("Likelihood ratios", [got.estimate, *got], r[f"lr_{which}"], **FITTED)


def test_odds_ratio_is_that_of_a_logistic_regression(r, agree, counts):
    got = ours.diagnostic_odds_ratio_interval(counts)
    agree("Diagnostic odds ratio", [got.estimate, *got], r["odds_ratio"], **FITTED)


def test_exact_mcnemar_equals_binom_test(r, agree):
    agree("McNemar, exact", [ours.mcnemar_exact(b, c).p for b, c in PAIRS], r["exact"], **CLOSED)


def test_mid_p_equals_its_definition_summed_over_all_splits(r, agree):
    agree("McNemar, mid-p", [ours.mcnemar_exact(b, c, mid_p=True).p for b, c in PAIRS], r["mid_p"], **CLOSED)


@pytest.mark.parametrize(("key", "b", "c", "correct"), [("corrected", 57, 6, True), ("uncorrected", 57, 6, False),
                                                        ("equal", 4, 4, True)])  # fmt: skip
def test_asymptotic_mcnemar_equals_mcnemar_test(r, agree, key, b, c, correct):
    got = ours.mcnemar_asymptotic(b, c, correct)
    agree("McNemar, asymptotic", [got.statistic, got.p], r[key], **CLOSED)


def test_tango_limits_equal_those_of_a_numerical_likelihood(r, agree):
    cases = [(57, 6, 341), (2, 1, 81), (12, 9, 40), (1, 7, 21)]
    got = [list(ours.paired_difference_interval(b, c, n)) for b, c, n in cases]
    agree(
        "Difference of paired proportions",
        got,
        r["tango"],
        atol=2e-8,
        why="R maximises the likelihood numerically",
    )


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_kappa_equals_psych_and_its_variance_the_delta_method(r, agree, weights):
    got, theirs = ours.cohen_kappa(r["data"]["first"], r["data"]["second"], weights), r["kappa"][weights]
    variance = ((got.upper - got.estimate) / 1.959963984540054) ** 2
    agree("Kappa", variance, theirs["delta"], rel=1e-7, why="R's derivative is a difference quotient")
    agree("Kappa, psych", got.estimate, theirs["kappa"], rel=1e-12, why="summed in another order")
    agree("Kappa, psych", variance, theirs["psych"], rel=1e-9 if weights == "none" else 1e-3,
          why="summed in another order" if weights == "none" else "weighted: see the known disagreement")  # fmt: skip


@pytest.mark.parametrize(("key", "prevalence"), [("low", 0.1), ("high", 0.8)])
def test_predictive_values_equal_the_delta_method_of_car(r, agree, counts, key, prevalence):
    row = ours.prevalence_curve(counts, prevalence).iloc[0]
    for name in ("ppv", "npv"):
        got = [row[name], row[f"{name}_lower"], row[f"{name}_upper"]]
        agree("Predictive values at a prevalence", got, r["prevalence"][key][name], **CLOSED)


def test_clustered_standard_error_equals_sandwich(r, agree):
    got = ours.clustered_proportion_interval(r["data"]["success"], r["data"]["cluster"], method="wald")
    error = (got.estimate - got.lower) / 1.959963984540054
    agree("Proportion of clustered cases", error, r["clustered_se"], **CLOSED)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    # Tango's limits come from optimize inside uniroot
    assert_same(peer("diagnosis"), rerun_r("diagnosis"), rel=1e-6)
