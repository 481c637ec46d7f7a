"""What printed correlations imply: against simulation, regression on data, and each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from compendium.statistics.grouped_correlation import correlate_by_group, leave_one_out
from compendium.statistics.models import regress_z_scores
from compendium.statistics.multiplicity import adjust_p
from compendium.statistics.printed_correlations import (
    adjust_by_second,
    admitted_third,
    correlation_from_p,
    correlation_p,
    count_below,
    covariance_with_shared,
    difference_error,
    exact_power,
    standard_error,
)


@given(st.floats(0.01, 0.95), st.integers(4, 200), st.sampled_from([1, 2]))
def test_p_and_r_are_inverse(r, n, sides):
    assert correlation_from_p(correlation_p(r, n, sides), n, sides) == pytest.approx(r, abs=1e-6)


def test_p_is_that_of_scipy():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 25))
    r, p = stats.pearsonr(x, y)
    assert correlation_p(r, 25) == pytest.approx(p, rel=1e-10)
    assert correlation_p(r, 25, sides=1) == pytest.approx(p / 2, rel=1e-10)


def test_exact_power_is_what_simulation_finds():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40_000, 25))
    y = 0.4 * x + np.sqrt(1 - 0.16) * rng.normal(size=x.shape)
    dx, dy = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    r = (dx * dy).sum(1) / np.sqrt((dx**2).sum(1) * (dy**2).sum(1))
    found = (np.abs(r) > correlation_from_p(0.05, 25)).mean()
    assert exact_power(0.4, 25) == pytest.approx(found, abs=4 * 0.5 / 200)
    assert exact_power(0.0, 12) == pytest.approx(0.05, abs=1e-6)
    assert exact_power(-0.4, 25) == pytest.approx(exact_power(0.4, 25), abs=1e-9)


def test_a_coefficient_from_three_correlations_is_that_of_a_regression_on_data():
    rng = np.random.default_rng(3)
    x, z, e = rng.normal(size=(3, 40))
    z = 0.7 * x + z
    y = x - 0.5 * z + e
    r = np.corrcoef([y, x, z])
    got = adjust_by_second(r[0, 1], r[0, 2], r[1, 2], 40)
    fit = regress_z_scores(y, {"x": x, "z": z})
    assert got.beta == pytest.approx(fit.beta[0])
    assert (got.standard_error, got.p) == (pytest.approx(fit.standard_error[0]), pytest.approx(fit.p[0]))
    assert got.variance_inflation == pytest.approx(fit.variance_inflation[0])
    assert got.r_squared == pytest.approx(fit.r_squared)


@given(st.floats(-0.95, 0.95), st.floats(-0.95, 0.95))
def test_the_admitted_third_correlation_makes_a_singular_matrix_at_its_ends(a, b):
    for c in admitted_third(a, b):
        smallest = np.linalg.eigvalsh([[1, a, c], [a, 1, b], [c, b, 1]])[0]
        assert abs(smallest) < 1e-9


def test_errors_of_correlations_and_of_their_difference_are_what_simulation_finds():
    rng = np.random.default_rng(4)
    matrix = np.array([[1, 0.8, 0.5], [0.8, 1, 0.3], [0.5, 0.3, 1]])
    draws = rng.multivariate_normal(np.zeros(3), matrix, size=(8000, 60))
    draws -= draws.mean(1, keepdims=True)
    cov = np.einsum("rni,rnj->rij", draws, draws)
    sd = np.sqrt(np.einsum("rii->ri", cov))
    ay, by = (cov[:, i, 2] / sd[:, i] / sd[:, 2] for i in (0, 1))
    assert standard_error(0.5, 60) == pytest.approx(ay.std(), rel=0.04)
    assert covariance_with_shared(0.5, 0.3, 0.8, 60) == pytest.approx(np.cov(ay, by)[0, 1], rel=0.06)
    assert difference_error(0.5, 0.3, 0.8, 60) == pytest.approx((ay - by).std(), rel=0.04)


@pytest.mark.parametrize("method", ["none", "bonferroni", "holm", "benjamini-hochberg"])
def test_counts_are_those_of_the_library(method):
    rng = np.random.default_rng(5)
    for _ in range(5):
        p = rng.uniform(size=9) ** 3
        assert count_below(p, 0.05, method) == int((adjust_p(p, method).p < 0.05).sum())
    with pytest.raises(ValueError, match="method"):
        count_below([0.1], 0.05, "fisher")


def test_groups_whose_means_differ_make_a_pooled_correlation_out_of_nothing():
    rng = np.random.default_rng(6)
    group = np.repeat(["a", "b"], 40)
    shift = np.where(group == "a", 0.0, 5.0)
    got = correlate_by_group(rng.normal(size=80) + shift, rng.normal(size=80) + shift, group)
    assert got.pooled.r > 0.8 and abs(got.within.r) < 0.3 and got.between_share > 0.9
    assert set(got.groups) == {"a", "b"}


def test_a_group_of_two_is_left_out_and_one_group_has_no_within():
    got = correlate_by_group([1, 2, 3, 4, 9, 8], [2, 1, 4, 3, 5, 7], list("aaaabb"))
    assert set(got.groups) == {"a"} and got.within is not None
    alone = correlate_by_group([1, 2, 3, 4], [2, 1, 4, 3], list("aaaa"))
    assert alone.within is None and np.isnan(alone.between_share)


def test_leaving_one_out_equals_recomputing():
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(2, 12))
    expected = [np.corrcoef(np.delete(x, i), np.delete(y, i))[0, 1] for i in range(12)]
    assert leave_one_out(x, y) == pytest.approx(expected)
    with pytest.raises(ValueError, match="at least four pairs. Given 3"):
        leave_one_out([1, 2, 3], [1, 2, 3])
