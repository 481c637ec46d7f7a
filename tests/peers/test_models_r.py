"""Regression on z-scores, criteria, grouped cross-validation: against lm, AIC and BIC."""

import pytest

from compendium.statistics.models import regress_z_scores
from compendium.statistics.polynomials import cross_validate_polynomial

TOPIC = "Models"
METHODS = {
    "Regression on z-scores": ("regress_z_scores, standardize", "outcome and predictors standardised; t limits", "lm, confint"),
    "Variance inflation": ("regress_z_scores", "1/(1 − R²) of each predictor on the others", "car::vif"),
    "AIC and BIC": (
        "information_criteria, gaussian_criteria", "the error variance counts as a parameter", "AIC, BIC, logLik",
        "statsmodels leaves the variance out: AIC 2 lower, BIC ln n lower"),
    "Polynomial, grouped cross-validation": (
        "cross_validate_polynomial, polynomial_terms", "whole groups left out; scaled on the training part or not", "lm, predict"),
}  # fmt: skip
QUADRATIC = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
SOLVED = {"rel": 1e-9, "why": "the same least squares, solved by another decomposition"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("models")


@pytest.fixture(scope="module")
def fit(r):
    data = r["data"]
    return regress_z_scores(data["map"], {"size": data["size"], "fraction": data["fraction"]})


def test_regression_on_z_scores_equals_lm(r, agree, fit):
    theirs = r["regression"]
    for name in ("beta", "standard_error", "t", "p", "lower", "upper", "r_squared"):
        agree("Regression on z-scores", getattr(fit, name), theirs[name], **SOLVED)
    agree("Variance inflation", fit.variance_inflation, theirs["vif"], **SOLVED)


def test_criteria_count_the_variance_as_r_does(r, agree, fit):
    assert fit.criteria.parameters == 4
    ours = [getattr(fit.criteria, name) for name in ("aic", "bic", "log_likelihood")]
    agree("AIC and BIC", ours, [r["regression"][name] for name in ("aic", "bic", "log_likelihood")], **SOLVED)


@pytest.mark.parametrize("scale", ["training", "none"])
def test_grouped_cross_validation_equals_lm(r, agree, scale):
    data = r["data"]
    ours = cross_validate_polynomial(data["map"], data["size"], data["fraction"], exponents=QUADRATIC,
                                     groups=data["group"], folds=5, seed=3, scale=scale)  # fmt: skip
    wide = {"rel": 1e-8, "why": "a quadratic fitted to 20 points is ill-conditioned"}
    agree("Polynomial, grouped cross-validation", ours.predicted, r["cross_validation"]["predicted"], **wide)
    agree("Polynomial, grouped cross-validation", ours.r, r["cross_validation"]["r"], **wide)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("models"))
