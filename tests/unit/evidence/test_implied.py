"""Numbers implied by printed tests return the numbers that the tests were made from."""

import numpy as np
import pytest
from scipy import stats

from compendium.evidence.feasibility.implied import (
    chance_of_like_folds,
    compare_unknown_overlap,
    correlation_limits,
    difference_limits,
    implied_sample_size,
    implied_t,
    t_of_the_others,
)
from compendium.statistics.correlation import meng_test, pearson
from compendium.statistics.printed_correlations import correlation_from_p, correlation_p


@pytest.mark.parametrize("n", [5, 10, 140])
def test_p_of_correlation_is_that_of_the_data_and_goes_back(n):
    x, y = np.random.default_rng(n).standard_normal((2, n))
    found = pearson(x, y)
    p = correlation_p(found.r, n)
    assert p == pytest.approx(found.p) and correlation_from_p(p, n) == pytest.approx(abs(found.r))
    assert implied_sample_size(found.r, p) == pytest.approx(n)
    assert correlation_limits(found.r, n) == pytest.approx((found.lower, found.upper))


def test_no_sample_size_fails():
    with pytest.raises(ValueError, match="No number of pairs"):
        implied_sample_size(0.5, 0.9999)


def test_t_and_difference_are_those_of_the_data():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal(13), rng.standard_normal(8) + 1
    got = stats.ttest_ind(a, b)
    t = implied_t(got.pvalue, 13, 8)
    assert t == pytest.approx(abs(got.statistic))
    lower, upper = difference_limits(t * np.sqrt(1 / 13 + 1 / 8), 13, 8)
    assert lower < t * np.sqrt(1 / 13 + 1 / 8) < upper
    assert implied_t(0.011, 13, 8, df=7) > implied_t(0.011, 13, 8)


def test_the_others_are_recovered_from_the_whole_and_a_part():
    x = np.random.default_rng(5).standard_normal(38) * 12 + 60
    got = t_of_the_others(x.mean(), x.std(ddof=1), 38, x[:18].mean(), x[:18].std(ddof=1), 18)
    assert got == pytest.approx(stats.ttest_ind(x[18:], x[:18]).statistic)


def test_the_range_over_unknown_overlap_holds_every_known_one():
    least, most = compare_unknown_overlap(0.5, 0.3, 40)
    for shared in (-0.3, 0.0, 0.4, 0.8):
        assert least - 1e-9 <= meng_test(0.5, 0.3, shared, 40).p <= most + 1e-9


def test_folds_are_as_alike_as_chance_says():
    rng = np.random.default_rng(6)
    z = rng.standard_normal((20_000, 5))
    share = float((np.ptp(z, axis=1) < (np.arctanh(0.4) - np.arctanh(0.2)) * 5).mean())
    assert chance_of_like_folds(0.2, 0.4, 140, 5) == pytest.approx(share, abs=0.01)
    assert chance_of_like_folds(0.3, 0.3, 140, 5) == 0
