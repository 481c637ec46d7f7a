"""Adjusted p values: what statsmodels does not do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.statistics.multiplicity import METHODS, adjust_p

ps = st.lists(st.floats(0, 1), min_size=1, max_size=15)


@pytest.mark.parametrize("method", list(METHODS))
def test_missing_p_is_neither_counted_nor_spread(method):
    with_gap = adjust_p([0.01, float("nan"), 0.2, 0.03], method)
    assert with_gap.tests == 3
    assert np.isnan(with_gap.p[1])
    np.testing.assert_allclose(with_gap.p[[0, 2, 3]], adjust_p([0.01, 0.2, 0.03], method).p)


@given(ps, st.sampled_from([m for m in METHODS if m != "none"]), st.randoms())
def test_adjusted_p_are_no_smaller_and_follow_the_rows(p, method, random):
    order = random.sample(range(len(p)), len(p))
    adjusted = adjust_p(p, method).p
    assert (adjusted >= np.array(p) - 1e-12).all()
    np.testing.assert_allclose(adjust_p(np.array(p)[order], method).p, adjusted[order], rtol=1e-9, atol=1e-15)


def test_nothing_to_adjust():
    assert adjust_p([float("nan")], "holm").tests == 0
    assert adjust_p([0.04], "bonferroni").p[0] == 0.04


def test_p_above_one_and_unknown_method_fail():
    with pytest.raises(ValueError, match=r"p_values must lie in \[0, 1\]. Given 1.2 in row 1"):
        adjust_p([0.1, 1.2], "holm")
    with pytest.raises(ValueError, match="method must be one of"):
        adjust_p([0.1], "fdr")
