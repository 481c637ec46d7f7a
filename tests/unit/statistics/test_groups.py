"""Means and variances between groups: limits, identities, awkward inputs, simulated error rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.statistics.groups import (
    anova,
    levene_test,
    paired_t_test,
    read_groups,
    t_test,
    welch_anova,
    welch_test,
)

values = st.lists(st.floats(-1e3, 1e3, allow_nan=False).map(lambda v: round(v, 3)), min_size=3, max_size=12)


def test_two_groups_make_f_the_square_of_t():
    a, b = [1.0, 4.0, 2.5, 3.0], [5.0, 6.5, 4.0]
    assert anova([a, b]).statistic == pytest.approx(t_test(a, b).statistic ** 2)
    assert welch_anova([a, b]).p == pytest.approx(welch_test(a, b).p, rel=1e-10)


def test_paired_t_is_the_one_sample_test_of_differences():
    assert paired_t_test([1, 2, 3, 5], [0, 2, 1, 2]).estimate == 1.5


def test_missing_values_are_dropped_and_counted():
    result = t_test([1, 2, None, 4], [3, float("nan"), 9])
    assert (result.sizes, result.dropped, result.n) == ((3, 2), 2, 5)
    pairs = paired_t_test([1, None, 3, 5], [0, 2, None, 2])
    assert (pairs.n, pairs.dropped) == (2, 2)


@pytest.mark.filterwarnings("ignore:Precision loss")  # nearly equal values are drawn too
@given(values, values, st.randoms())
def test_row_order_changes_no_bit(a, b, random):
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return
    shuffled = random.sample(a, len(a)), random.sample(b, len(b))
    assert welch_test(a, b) == welch_test(*shuffled)


def test_exchanging_the_groups_turns_the_sign():
    a, b = [1.0, 4.0, 2.5], [5.0, 6.5, 4.0, 4.4]
    one, other = welch_test(a, b), welch_test(b, a)
    assert (one.statistic, one.p, one.estimate) == pytest.approx((-other.statistic, other.p, -other.estimate))
    assert one.interval.lower == pytest.approx(-other.interval.upper)


@pytest.mark.parametrize("function", [t_test, welch_test])
def test_constant_groups_fail(function):
    with pytest.raises(ValueError, match="within every group is zero. Given means 2, 3"):
        function([2, 2, 2], [3, 3])


@pytest.mark.filterwarnings(
    "ignore:Precision loss"
)  # scipy on the constant group, whose variance is exactly 0
def test_one_constant_group_passes_welch_and_fails_welch_anova():
    assert welch_test([2, 2, 2], [3, 4, 5]).df == pytest.approx(2)
    with pytest.raises(ValueError, match="Group 'a' must vary"):
        welch_anova({"a": [2, 2, 2], "b": [3, 4, 5]})


@pytest.mark.parametrize("function", [anova, welch_anova, lambda g: levene_test(g, center="mean")])
def test_empty_group_is_named(function):
    with pytest.raises(ValueError, match="Group 'b' is too small"):
        function({"a": [1, 2, 3], "b": [None, float("nan")]})


def test_single_group_fails():
    with pytest.raises(ValueError, match="Too few groups: at least 2 are needed. Given 1"):
        anova([[1, 2, 3]])


def test_infinite_value_fails():
    with pytest.raises(ValueError, match="must be finite or missing"):
        read_groups([[1, np.inf], [2, 3]])


def test_levene_needs_a_named_centre_and_some_spread():
    with pytest.raises(ValueError, match="center must be one of 'mean', 'median'"):
        levene_test([[1, 2], [3, 5]], center="trimmed")
    with pytest.raises(ValueError, match="within every group is zero"):
        levene_test([[1, 2], [3, 5]], center="mean")  # two values: both deviations are equal


def test_welch_keeps_its_level_where_student_does_not():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 4, (1500, 5)), rng.normal(0, 1, (1500, 25))
    welch = np.mean([welch_test(x, y).p < 0.05 for x, y in zip(a, b, strict=True)])
    student = np.mean([t_test(x, y).p < 0.05 for x, y in zip(a, b, strict=True)])
    assert 0.035 < welch < 0.065  # binomial SE .0056
    assert student > 0.2
