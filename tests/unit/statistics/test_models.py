"""Regression on z-scores and criteria: conventions of statsmodels and R, invariance, collinearity."""

import numpy as np
import pytest
import statsmodels.api as sm

from compendium.statistics.models import (
    gaussian_criteria,
    information_criteria,
    regress_z_scores,
    standardize,
)


def make(n=40, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=n), rng.normal(size=n)
    return 2 * a - b + rng.normal(0, 0.5, n), a, b


def test_one_predictor_makes_beta_the_correlation():
    y, a, _ = make()
    fit = regress_z_scores(y, {"a": a})
    assert fit.beta[0] == pytest.approx(np.corrcoef(y, a)[0, 1], rel=1e-12)
    assert fit.variance_inflation[0] == pytest.approx(1)


def test_units_and_ddof_do_not_matter():
    y, a, b = make()
    first = regress_z_scores(y, {"a": a, "b": b})
    again = regress_z_scores(1e6 * y + 5, {"a": a / 1e3, "b": 7 - b}, ddof=0)
    np.testing.assert_allclose(again.beta, first.beta * [1, -1], rtol=1e-9)
    np.testing.assert_allclose(again.p, first.p, rtol=1e-7)


def test_row_order_does_not_matter():
    y, a, b = make()
    order = np.random.default_rng(1).permutation(len(y))
    first, again = (
        regress_z_scores(y, {"a": a, "b": b}),
        regress_z_scores(y[order], {"a": a[order], "b": b[order]}),
    )
    np.testing.assert_allclose(again.beta, first.beta, rtol=1e-12)


def test_statsmodels_counts_one_parameter_less_than_r():
    y, a, _ = make()
    fit = sm.OLS(y, sm.add_constant(a)).fit()
    plain = gaussian_criteria(fit.ssr, n=len(y), coefficients=2, count_variance=False)
    assert (plain.aic, plain.bic) == pytest.approx((fit.aic, fit.bic), rel=1e-12)
    full = gaussian_criteria(fit.ssr, n=len(y), coefficients=2, count_variance=True)
    assert (full.aic - fit.aic, full.bic - fit.bic) == pytest.approx((2, np.log(len(y))))


def test_small_sample_criterion_without_room_is_infinite():
    assert information_criteria(-3, parameters=5, n=6).aicc == np.inf


def test_missing_rows_are_dropped_before_standardizing():
    y, a, b = make()
    y[3], b[7] = np.nan, np.nan
    keep = ~(np.isnan(y) | np.isnan(b))
    fit = regress_z_scores(y, {"a": a, "b": b})
    assert fit.dropped == 2
    np.testing.assert_allclose(fit.beta, regress_z_scores(y[keep], {"a": a[keep], "b": b[keep]}).beta)


def test_awkward_inputs_fail():
    y, a, _ = make(6)
    with pytest.raises(ValueError, match="linearly independent. Given a, twice with rank 1"):
        regress_z_scores(y, {"a": a, "twice": 2 * a})
    with pytest.raises(ValueError, match="flat must vary to be standardized. Given 6 times 3"):
        regress_z_scores(y, {"flat": np.full(6, 3.0)})
    with pytest.raises(ValueError, match="Too few complete rows: at least 4 are needed. Given 3"):
        regress_z_scores(y[:3], {"a": a[:3], "b": [1, 2, 0]})
    with pytest.raises(ValueError, match="must be positive. Given 0"):
        gaussian_criteria(0, n=5, coefficients=2, count_variance=True)
    assert standardize([1, 3], ddof=0).tolist() == [-1, 1]
