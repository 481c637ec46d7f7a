"""Random-intercept model: brute-force likelihood, invariances, boundary, simulated error rates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx
from scipy import stats

from compendium.statistics.mixed import (
    fit_interaction,
    fit_random_intercept,
    fit_within_between,
    likelihood_ratio_test,
)


def restricted_log_likelihood(y, design, label, variance, between, reml):
    """Straight from the n × n covariance matrix."""
    cov = variance * np.eye(len(y)) + between * (label[:, None] == label[None, :])
    inverse = np.linalg.inv(cov)
    beta = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ y)
    rest = y - design @ beta
    value = rest @ inverse @ rest + np.linalg.slogdet(cov)[1]
    n = len(y)
    if reml:
        value += np.linalg.slogdet(design.T @ inverse @ design)[1]
        n -= design.shape[1]
    return -(value + n * np.log(2 * np.pi)) / 2


@pytest.mark.parametrize("method", ["reml", "ml"])
def test_likelihood_equals_that_of_the_full_covariance_and_is_its_maximum(cohort, method):
    x, y, patient = cohort
    fit = fit_random_intercept(y, {"x": x}, patient, method)
    design = np.column_stack([np.ones(66), x])
    args = (y, design, patient)
    best = restricted_log_likelihood(*args, fit.sigma**2, fit.sigma_cluster**2, method == "reml")
    assert fit.log_likelihood == approx(best, rel=1e-12)
    for a, b in ((1.01, 1), (0.99, 1), (1, 1.02), (1, 0.98)):
        near = restricted_log_likelihood(*args, a * fit.sigma**2, b * fit.sigma_cluster**2, method == "reml")
        assert near < best


@given(st.integers(0, 10_000), st.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_no_grid_point_has_a_higher_likelihood(seed, spread):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(6), rng.integers(1, 5, 6))
    label = np.append(label, 0)
    x = rng.normal(size=len(label))
    y = spread * rng.normal(size=6)[label] + rng.normal(size=len(label))
    fit = fit_random_intercept(y, {"x": x}, label)
    design = np.column_stack([np.ones(len(y)), x])
    for ratio in np.concatenate([[0], np.geomspace(1e-4, 1e4, 30)]):
        inverse = np.linalg.inv(np.eye(len(y)) + ratio * (label[:, None] == label))
        beta = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ y)
        variance = (y - design @ beta) @ inverse @ (y - design @ beta) / (len(y) - 2)
        other = restricted_log_likelihood(y, design, label, variance, ratio * variance, True)
        assert other <= fit.log_likelihood + 1e-8


def test_balanced_data_give_the_analysis_of_variance(rng):
    label = np.repeat(np.arange(10), 4)
    y = rng.normal(size=40) + 2 * rng.normal(size=10)[label]
    fit = fit_random_intercept(y, {}, label)
    means = y.reshape(10, 4).mean(1)
    within = y.reshape(10, 4).var(axis=1, ddof=1).mean()
    assert fit.sigma**2 == approx(within, rel=1e-9)
    assert fit.sigma_cluster**2 == approx(means.var(ddof=1) - within / 4, rel=1e-9)
    test = fit.test("intercept")
    assert test.df == approx(9, rel=1e-8)
    assert test.p == approx(stats.ttest_1samp(means, 0).pvalue, rel=1e-8)


def test_singular_fit_is_least_squares_and_says_so(rng):
    label = np.repeat(np.arange(8), 3)
    noise = rng.normal(size=24)
    y = noise - np.bincount(label, noise)[label] / 3
    x = rng.normal(size=24)
    fit = fit_random_intercept(y, {"x": x}, label)
    line = stats.linregress(x, y)
    assert (fit.singular, fit.sigma_cluster, fit.icc) == (True, 0, 0)
    assert fit.test("x").estimate == approx(line.slope)
    assert fit.test("x").p == approx(line.pvalue)
    assert fit.test("x").df == 22


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0), (1e3, 5e5), (1, -1e6)])
def test_units_of_predictor_and_outcome_do_not_change_the_test(cohort, scale, offset):
    x, y, patient = cohort
    plain = fit_random_intercept(y, {"x": x}, patient)
    moved = fit_random_intercept(1e-3 * y + 7, {"x": scale * x + offset}, patient)
    assert moved.test("x").statistic == approx(plain.test("x").statistic, rel=1e-6)
    assert moved.test("x").df == approx(plain.test("x").df, rel=1e-5)
    assert moved.icc == approx(plain.icc, rel=1e-6)


def test_row_order_and_labels_do_not_matter(cohort, rng):
    x, y, patient = cohort
    order = rng.permutation(66)
    plain = fit_random_intercept(y, {"x": x}, patient)
    names = np.array([f"patient {i}" for i in patient])
    mixed = fit_random_intercept(y[order], {"x": x[order]}, names[order])
    assert mixed.coefficients == approx(plain.coefficients, rel=1e-9)
    assert mixed.test("x").df == approx(plain.test("x").df, rel=1e-6)


def test_incomplete_rows_are_dropped_and_counted(cohort):
    x, y, patient = cohort
    frame = pd.DataFrame({"x": x}).astype(object)
    frame.loc[4, "x"] = None
    fit = fit_random_intercept(y, frame, patient)
    assert (fit.n, fit.dropped) == (65, 1)
    assert fit.test("x").p == approx(
        fit_random_intercept(np.delete(y, 4), {"x": np.delete(x, 4)}, np.delete(patient, 4)).test("x").p
    )


def test_wald_is_the_normal_limit_and_more_liberal(cohort):
    x, y, patient = cohort
    fit = fit_random_intercept(y, {"x": x}, patient)
    wald, satterthwaite = fit.test("x", df="wald"), fit.test("x")
    assert wald.statistic == satterthwaite.statistic
    assert wald.df is None
    assert wald.p < satterthwaite.p
    assert wald.interval.lower > satterthwaite.interval.lower


def test_null_value_of_a_slope(cohort):
    x, y, patient = cohort
    fit = fit_random_intercept(y, {"x": x}, patient)
    shifted = fit_random_intercept(y - x, {"x": x}, patient)
    assert fit.test("x", null=1).p == approx(shifted.test("x").p)


def test_within_and_between_slopes_are_told_apart(rng):
    patient = np.repeat(np.arange(80), 3)
    level = rng.normal(size=80)[patient]
    x = level + rng.normal(size=240)
    y = (x - level) - 0.5 * level + 0.3 * rng.normal(size=80)[patient] + rng.normal(size=240)
    fit, gap = fit_within_between(y, x, patient)
    within, between = fit.test("within"), fit.test("between")
    assert 1 in within.interval
    assert between.estimate < 0.3  # the mean of three x lies between level and x: its slope is blended, too
    assert gap.p < 1e-4
    assert between.df < 80 < within.df
    pooled = fit_random_intercept(y, {"x": x}, patient).test("x").estimate
    assert between.estimate < pooled < within.estimate  # a random intercept alone blends both


def test_interaction_recovers_planted_slopes(rng):
    patient = np.repeat(np.arange(40), 5)
    group = (patient % 2).astype(float)
    x = rng.normal(size=200)
    y = x + 1.5 * group * x + rng.normal(size=40)[patient] + 0.5 * rng.normal(size=200)
    fit, test = fit_interaction(y, x, group, patient)
    assert 1.5 in test.interval
    assert fit.test({"x": 1, "x:group": 1}).estimate == approx(2.5, abs=0.25)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_satterthwaite_holds_its_level_where_a_plain_regression_does_not(rng, spread):
    # a predictor of the patient, 27 patients of 66 samples: the hardest case
    patient = np.repeat(np.arange(27), [1] * 7 + [2] * 6 + [3] * 9 + [4] * 5)
    rejected = np.zeros(2)
    for _ in range(500):
        x = rng.normal(size=27)[patient]
        y = spread * rng.normal(size=27)[patient] + rng.normal(size=66)
        fit = fit_random_intercept(y, {"x": x}, patient)
        rejected += [fit.test("x").p < 0.05, stats.linregress(x, y).pvalue < 0.05]
    assert 0.02 <= rejected[0] / 500 <= 0.08
    if spread:
        assert rejected[1] / 500 > 0.1


def test_likelihood_ratio_counts_all_dropped_predictors(cohort):
    x, y, patient = cohort
    data = {"x": x, "square": x**2}
    assert likelihood_ratio_test(y, data, patient, drop=["x", "square"]).df == 2
    with pytest.raises(ValueError, match="Predictors are x, square. Given 'z'"):
        likelihood_ratio_test(y, data, patient, drop="z")


X, PATIENT = [1.0, 2, 3, 4, 5, 6], list("aabbcc")


@pytest.mark.parametrize(("call", "message"), [
    (lambda: fit_random_intercept(X, {"x": X}, ["a"] * 6), "Too few clusters: at least 2 are needed. Given 1"),
    (lambda: fit_random_intercept(X, {"x": [1, 5, 2, 4, 3, 6]}, range(6)), "Some cluster must hold several samples"),
    (lambda: fit_random_intercept([1, 5, 2, 4, 3, 6], {"x": [2] * 6}, PATIENT), "A predictor must not be constant"),
    (lambda: fit_random_intercept([1, 5, 2, 4, 3, 6], {"x": X, "twice": [2 * v for v in X]}, PATIENT), "Given 'twice'"),
    (lambda: fit_random_intercept(X, {"x": X}, PATIENT), "y must vary around the fitted values. Given an exact fit"),
    (lambda: fit_random_intercept([4] * 6, {}, PATIENT), "Given an exact fit"),
    (lambda: fit_random_intercept([1, 1, 5, 5, 2, 2], {}, PATIENT), "y must vary within clusters"),
    (lambda: fit_random_intercept([1, 2, 4], {"x": [1, 3, 2], "z": [1, 0, 0]}, list("aab")), "Too few samples"),
    (lambda: fit_random_intercept(X, {}, PATIENT, intercept=False), "The model needs an intercept or a predictor"),
    (lambda: fit_random_intercept(X, {}, PATIENT, method="em"), "method must be one of 'reml', 'ml'. Given 'em'"),
    (lambda: fit_interaction(X, X, [0, 1, 2, 0, 1, 0], PATIENT), "group must hold 0 and 1 only"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_coefficient_is_refused(cohort):
    x, y, patient = cohort
    with pytest.raises(ValueError, match="Coefficients are intercept, x. Given 'slope'"):
        fit_random_intercept(y, {"x": x}, patient).test("slope")
