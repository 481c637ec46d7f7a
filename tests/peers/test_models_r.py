"""Regression on z-scores, criteria, grouped cross-validation: against lm, AIC and BIC."""

import numpy as np
import pytest

from compendium.statistics.models import regress_z_scores
from compendium.statistics.polynomials import cross_validate_polynomial

QUADRATIC = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))


@pytest.fixture(scope="module")
def r(peer):
    return peer("models")


def test_regression_on_z_scores_equals_lm(r):
    data, theirs = r["data"], r["regression"]
    ours = regress_z_scores(data["map"], {"size": data["size"], "fraction": data["fraction"]})
    for name in ("beta", "standard_error", "t", "p", "lower", "upper"):
        np.testing.assert_allclose(getattr(ours, name), theirs[name], rtol=1e-9)
    np.testing.assert_allclose(ours.variance_inflation, theirs["vif"], rtol=1e-9)
    assert ours.r_squared == pytest.approx(theirs["r_squared"], rel=1e-10)


def test_criteria_count_the_variance_as_r_does(r):
    data, theirs = r["data"], r["regression"]
    criteria = regress_z_scores(data["map"], {"size": data["size"], "fraction": data["fraction"]}).criteria
    assert criteria.parameters == 4
    ours = (criteria.aic, criteria.bic, criteria.log_likelihood)
    assert ours == pytest.approx((theirs["aic"], theirs["bic"], theirs["log_likelihood"]), rel=1e-10)


@pytest.mark.parametrize("scale", ["training", "none"])
def test_grouped_cross_validation_equals_lm(r, scale):
    data = r["data"]
    ours = cross_validate_polynomial(data["map"], data["size"], data["fraction"], exponents=QUADRATIC,
                                     groups=data["group"], folds=5, seed=3, scale=scale)  # fmt: skip
    np.testing.assert_allclose(ours.predicted, r["cross_validation"]["predicted"], rtol=1e-8)
    assert ours.r == pytest.approx(r["cross_validation"]["r"], rel=1e-8)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("models"))
