"""agreement and reliability against R (psych, base) and printed values; made by agreement.R."""

import numpy as np
import pytest
from pytest import approx

from compendium.statistics import agreement as ours

TOPIC = "Agreement and reliability"
METHODS = {
    "Six forms of ICC": (
        "intraclass_correlation", "Shrout & Fleiss 1979, F intervals (form 2: Satterthwaite); never clipped at 0", "psych::ICC"),
    "One-way ICC of unequal clusters": ("icc_oneway", "mean size n₀ of the analysis of variance", "lm, anova"),
    "Limits of agreement": (
        "bland_altman", "Bland & Altman 1986: bias ± multiplier·SD, t interval of the bias", "t.test"),
    "Limits of agreement, printed example": (
        "bland_altman", "Bland & Altman 1986, multiplier 2", "printed: Bland & Altman 1986",
        "the paper computed with its rounded mean and SD"),
    "Limits that change with the size": ("bland_altman_regression", "Bland & Altman 1999: lines for bias and spread", "lm"),
    "Limits of repeated pairs": (
        "bland_altman", "Bland & Altman 1999: components between and within subjects", "lm, anova"),
    "Test–retest": (
        "repeatability", "within-subject SD with χ² limits; CV from logarithms", "lm"),
    "Concordance": (
        "concordance", "Lin 1989, moments with denominator n", "written out",
        "R's value is the meaning of the coefficient, summed over all pairs"),
    "RMSE": ("rmse", "three meanings: difference, centred, calibrated; divisor n or n − 2", "lm, mean"),
}  # fmt: skip
FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")
SUMS = "the same formula, summed in another order"


@pytest.fixture(scope="module")
def r(peer):
    return peer("agreement")


@pytest.mark.parametrize(("table", "key"), [("shrout", "icc"), ("noise", "icc_noise")])
def test_six_forms_of_icc_equal_psych(r, agree, table, key):
    for form, (estimate, lower, upper) in zip(FORMS, r[key], strict=True):
        got = ours.intraclass_correlation(r["data"][table], form)
        agree("Six forms of ICC", got.estimate, estimate, rel=1e-9, why=SUMS)
        agree("Six forms of ICC", list(got), [lower, upper], rel=1e-7, why="F quantiles of two libraries")


def test_icc_of_noise_is_negative_and_not_clipped(r):
    assert ours.intraclass_correlation(r["data"]["noise"], "1,1").estimate == approx(r["icc_noise"][0][0])
    assert r["icc_noise"][0][0] < 0


def test_one_way_icc_of_unequal_clusters_equals_r(r, agree):
    got = ours.icc_oneway(r["data"]["value"], r["data"]["subject"])
    agree("One-way ICC of unequal clusters", [got.estimate, *got], r["oneway"], rel=1e-9, why=SUMS)


def test_bland_altman_equals_t_test_and_the_printed_limits_of_1986(r, agree):
    got = ours.bland_altman(r["data"]["wright"], r["data"]["mini"], method="1986", multiplier=2)
    theirs = [r["bias"]["estimate"], *r["bias"]["ci"], r["bias"]["sd"]]
    agree("Limits of agreement", [got.bias.estimate, *got.bias, got.sd], theirs, rel=1e-11, why=SUMS)
    # printed for Wright less mini: mean -2.1, SD 38.8, limits -79.7 and 75.5; standard error of a limit 16.3
    name = "Limits of agreement, printed example"
    agree(name, got.sd, 38.8, atol=0.05, why="half a unit of the printed digit")
    limits = [-got.upper.estimate, -got.lower.estimate]
    agree(
        name,
        limits,
        [-79.7, 75.5],
        atol=0.15,
        why="half a unit of the rounded mean and twice half a unit of the rounded SD",
    )
    error = (got.upper.upper - got.upper.estimate) / 2.119905
    agree(name, error, 16.3, atol=0.06, why="half a unit of the printed digit, computed from rounded numbers")


def test_bland_altman_regression_equals_lm(r, agree):
    got = ours.bland_altman_regression(r["data"]["wright"], r["data"]["mini"])
    lines = [got.intercept, got.slope, got.spread_intercept, got.spread_slope]
    theirs = [*r["regression"]["line"], *r["regression"]["spread"]]
    agree("Limits that change with the size", lines, theirs, rel=1e-9, why=SUMS)


def test_bland_altman_of_repeated_pairs_equals_variance_components(r, agree):
    got = ours.bland_altman(r["data"]["value"], r["data"]["other"], r["data"]["subject"])
    theirs = [r["nested"]["sd"], r["nested"]["within"]]
    agree("Limits of repeated pairs", [got.sd, got.sd_within], theirs, rel=1e-10, why=SUMS)


def test_within_subject_sd_and_limits_equal_lm(r, agree):
    got = ours.repeatability(r["data"]["value"], r["data"]["subject"], cv="log")
    theirs = [r["within"], *r["within_ci"], r["log_cv"]]
    agree("Test–retest", [got.sd.estimate, *got.sd, got.cv], theirs, rel=1e-10, why=SUMS)


def test_concordance_equals_its_meaning_over_all_pairs(r, agree):
    got = ours.concordance(r["data"]["wright"], r["data"]["mini"])
    agree("Concordance", got.estimate, r["concordance"], rel=1e-12, why=SUMS)


def test_three_meanings_of_rmse_equal_r(r, agree):
    mini, wright = np.array(r["data"]["mini"]), np.array(r["data"]["wright"])
    got = [ours.rmse(mini, wright, v) for v in ("difference", "centred", "calibrated")]
    agree("RMSE", [*got, ours.rmse(mini, wright, "calibrated", "df")], r["rmse"], rel=1e-11, why=SUMS)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("agreement"), rerun_r("agreement"))
