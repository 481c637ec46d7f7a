"""Estimate, interval and p: exact corners, no false verdict on intervals that were computed, and both scales."""

from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compendium.evidence.feasibility.intervals import (
    check_centred,
    check_centred_p,
    interval_corners,
    interval_scales,
    p_from_interval,
)
from compendium.evidence.yardstick import parse_printed


def printed(*values, decimals=2):
    return [parse_printed(f"{v:.{decimals}f}") for v in values]


@settings(max_examples=60, deadline=None)
@given(st.floats(-30, 30), st.floats(0.2, 10), st.integers(4, 80), st.integers(1, 2))
def test_a_difference_printed_from_data_is_never_called_incompatible(m, se, df, decimals):
    h = stats.t.isf(0.025, df) * se
    p = 2 * stats.t.sf(abs(m / se), df)
    estimate, lower, upper = printed(m, m - h, m + h, decimals=decimals)
    assert "difference" in check_centred(estimate, lower, upper).solutions
    told = check_centred_p(estimate, lower, upper, parse_printed(f"{p:.3f}"), scales=("difference",), df=df)
    untold = check_centred_p(estimate, lower, upper, parse_printed(f"{p:.3f}"))
    assert told.compatible and untold.compatible


@settings(max_examples=60, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(0.1, 0.8))
def test_a_ratio_printed_from_data_is_never_called_incompatible(m, se):
    h = 1.959964 * se
    estimate, lower, upper = printed(exp(m), exp(m - h), exp(m + h))
    assert "ratio" in interval_scales(estimate, lower, upper)
    p = parse_printed(f"{2 * stats.norm.sf(abs(m / se)):.3f}")
    assert check_centred_p(estimate, lower, upper, p, scales=("ratio",), df=inf).compatible


def test_corners_hold_every_admissible_pair_and_no_more():
    box = (1.95, 2.05), (0.95, 1.05), (2.95, 3.05)
    corners = np.array(interval_corners(*box))
    rng = np.random.default_rng(1)
    m, h = rng.uniform(1.9, 2.1, 20000), rng.uniform(0.85, 1.15, 20000)
    inside = (abs(m - 2) <= 0.05) & (abs(m - h - 1) <= 0.05) & (abs(m + h - 3) <= 0.05)
    ratio = (m / h)[inside]
    assert (
        (corners[:, 0] / corners[:, 1]).min()
        <= ratio.min()
        < ratio.max()
        <= (corners[:, 0] / corners[:, 1]).max()
    )
    assert (corners[:, 0] / corners[:, 1]).max() == pytest.approx(ratio.max(), rel=0.01)


def test_the_estimate_ties_the_limits_so_that_p_is_narrower_than_by_free_corners():
    estimate, lower, upper = printed(2.0, 1.0, 3.0, decimals=1)
    tied = p_from_interval(interval_corners(estimate, lower, upper))
    free = tuple(2 * stats.norm.sf(m / (w / (2 * 1.959964))) for m, w in ((2.05, 1.9), (1.95, 2.1)))
    assert free[0] < tied[0] < tied[1] < free[1]


def test_p_is_one_in_twenty_where_the_interval_ends_at_no_effect_for_any_df():
    for df in (3, 10, inf):
        assert p_from_interval([(1.0, 1.0)], df=df) == pytest.approx((0.05, 0.05))


def test_an_interval_over_no_effect_admits_p_of_one():
    assert p_from_interval([(-0.1, 1.0), (0.1, 1.0)])[1] == 1.0


@pytest.mark.parametrize(
    ("numbers", "scales"),
    [((2.10, 1.20, 3.69), ("ratio",)), ((2.0, 1.0, 3.0), ("difference",)), ((2.0, 1.0, 3.6), ()), ((-1.0, -2.0, 0.0), ("difference",)),
     ((1.01, 1.00, 1.02), ("difference", "ratio"))],
)  # fmt: skip
def test_the_scale_follows_from_the_middle(numbers, scales):
    assert interval_scales(*printed(*numbers)) == scales


def test_a_confidence_of_ninety_percent_moves_p():
    h = stats.norm.isf(0.05) * 0.5
    numbers = printed(1.0, 1 - h, 1 + h)
    p = parse_printed(f"{2 * stats.norm.sf(2):.3f}")
    assert check_centred_p(*numbers, p, confidence=0.9, df=inf).compatible
    assert not check_centred_p(*numbers, p, df=inf).compatible


def test_a_limit_of_zero_of_a_ratio_admits_any_width():
    estimate, lower, upper = printed(0.05, 0.00, 0.90)
    assert "ratio" in interval_scales(estimate, lower, upper)
    assert log(0.9 / 0.05) < max(h for _, h in interval_corners(estimate, lower, upper, scale="ratio"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: interval_corners((1, 1), (0, 0), (2, 2), scale="odds"),
            "scale must be one of difference, ratio",
        ),
        (lambda: interval_corners((1, 1), (-2, -1), (2, 2), scale="ratio"), "above zero"),
        (lambda: check_centred_p((1, 1), (0, 0), (5, 5), (0, 1)), "must be in the middle"),
    ],
)
def test_what_cannot_be_checked_fails(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_smallest_admissible_df_is_not_hidden_by_the_normal():
    found = check_centred_p(*printed(5.0, -1.1, 11.1, decimals=1), parse_printed(".09"))
    assert found.compatible and found.solutions[0][1] < 30
    assert sqrt(found.solutions[0][1]) > 1
