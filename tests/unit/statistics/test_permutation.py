"""Permutation tests: the two-sided rules differ where they should, error rates, order of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compendium.statistics.permutation import permutation_p, permute_groups, permute_pairing, permute_signs


def test_doubled_rule_is_scipys():
    a, b = [3.0, 5, 8, 13, 21], [1.0, 1, 2, 4]
    theirs = stats.permutation_test(
        (a, b), lambda x, y, axis: np.mean(x, axis) - np.mean(y, axis), vectorized=True
    )
    assert permute_groups(a, b, rule="doubled").p == pytest.approx(theirs.pvalue, rel=1e-12)


def test_rules_differ_for_a_skewed_distribution():
    null = [0, 0, 0, 1, 1, 5]
    assert permutation_p(null, 1, rule="absolute", exact=True) == 0.5
    assert permutation_p(null, 0, rule="doubled", exact=True) == 1.0
    assert permutation_p(null, 5, rule="absolute", exact=True) == pytest.approx(1 / 6)
    assert permutation_p(null, 5, rule="doubled", exact=True) == pytest.approx(1 / 3)


def test_random_permutations_count_the_observed_one():
    result = permute_groups(np.arange(20.0), np.arange(20.0) + 100, rule="absolute", resamples=199, seed=4)
    assert not result.exact
    assert result.p == pytest.approx(1 / 200)


def test_same_seed_same_p_and_any_row_order():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=15), rng.normal(0.5, size=14)
    first = permute_groups(a, b, rule="absolute", resamples=500, seed=1)
    assert permute_groups(a[::-1], b[::-1], rule="absolute", resamples=500, seed=1) == first
    x, y = rng.normal(size=12), rng.normal(size=12)
    order = rng.permutation(12)
    first = permute_pairing(x, y, rule="absolute", resamples=300, seed=1)
    again = permute_pairing(x[order], y[order], rule="absolute", resamples=300, seed=1)
    assert again.p == first.p


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=2, max_size=7))
def test_symmetric_distributions_make_the_rules_agree(values):
    zero = [0] * len(values)
    absolute = permute_signs(values, zero, rule="absolute").p
    assert permute_signs(values, zero, rule="doubled").p == pytest.approx(absolute)


def test_level_is_kept():
    rng = np.random.default_rng(8)
    hits = [
        permute_groups(rng.exponential(size=5), rng.exponential(size=5), rule="absolute").p <= 0.05
        for _ in range(300)
    ]
    assert np.mean(hits) < 0.085  # exact level at most .05; SE .0126


def test_all_equal_gives_one_and_constant_correlation_fails():
    assert permute_groups([1, 1], [1, 1, 1], rule="absolute").p == 1
    assert permute_signs([1, 1], [1, 1], rule="doubled").p == 1
    with pytest.raises(ValueError, match="x must vary. Given 3 times 1"):
        permute_pairing([1, 1, 1], [1, 2, 3], rule="absolute")


def test_rule_must_be_named():
    with pytest.raises(ValueError, match="rule must be one of 'absolute', 'doubled', 'greater', 'less'"):
        permute_signs([1, 2], [0, 0], rule="two-sided")


def test_a_single_value_fails():
    with pytest.raises(
        ValueError, match="Group 'second' is too small: at least 2 values are needed. Given 1"
    ):
        permute_groups([1, 2, 3], [4], rule="absolute")


def test_missing_values_are_counted():
    result = permute_pairing([1, 2, 3, None, 5], [2, 1, None, 4, 9], rule="absolute")
    assert (result.n, result.dropped) == (3, 2)
