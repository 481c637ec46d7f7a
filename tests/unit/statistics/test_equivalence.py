"""Equivalence: the two questions differ, error rate at the margin, statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from compendium.statistics.equivalence import maximum_difference, tost_groups, tost_paired


def test_tost_equals_statsmodels():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 12), rng.normal(0.2, 2, 9)
    for ours, theirs in (("pooled", "pooled"), ("welch", "unequal")):
        p = ttost_ind(a, b, -1.5, 1.5, usevar=theirs)[0]
        assert tost_groups(a, b, low=-1.5, high=1.5, variances=ours).p == pytest.approx(p, rel=1e-10)
    assert tost_paired(a[:9], b, low=-3, high=3).p == pytest.approx(
        ttost_paired(a[:9], b, -3, 3)[0], rel=1e-10
    )


def test_interval_inside_the_margins_is_the_same_as_p_below_alpha():
    rng = np.random.default_rng(1)
    for _ in range(200):
        result = tost_paired(rng.normal(0, 2, 8), rng.normal(0, 2, 8), low=-2, high=2)
        inside = result.low < result.interval.lower and result.interval.upper < result.high
        assert inside == result.equivalent


def test_level_at_the_margin():
    rng = np.random.default_rng(2)
    hits = [tost_paired(rng.normal(1, 1, 20), np.zeros(20), low=-1, high=1).equivalent for _ in range(1500)]
    assert np.mean(hits) == pytest.approx(0.05, abs=0.017)  # three SE


def test_rule_of_maximum_difference_can_fail_where_tost_holds():
    before = np.full(40, 50.0)
    after = before + np.tile([0.5, -0.5], 20)
    after[7] += 6
    assert tost_paired(after, before, low=-5, high=5).equivalent
    rule = maximum_difference(after, before, margin=5)
    assert (rule.within, rule.index, rule.largest) == (False, 7, 5.5)


def test_margin_is_included_and_missing_pairs_are_counted():
    result = maximum_difference([45.0, None, 50.0], [40.0, 40.0, 50.0], margin=5)
    assert result.within
    assert (result.n, result.dropped) == (2, 1)


def test_awkward_inputs_fail():
    with pytest.raises(ValueError, match="low < high. Given low=1, high=-1"):
        tost_paired([1, 2, 4], [1, 1, 1], low=1, high=-1)
    with pytest.raises(ValueError, match="must vary"):
        tost_paired([1, 2, 3], [0, 1, 2], low=-1, high=1)
    with pytest.raises(ValueError, match="Too few complete pairs"):
        maximum_difference([None], [1], margin=5)
    with pytest.raises(ValueError, match="margin must not be negative"):
        maximum_difference([1], [1], margin=-1)
    with pytest.raises(ValueError, match="same length"):
        maximum_difference([1, 2], [1], margin=1)
