"""ROUT: off unless asked, planted outliers, the false alarms its authors report, degenerate scatter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from compendium.statistics.outliers import _false_discovery, rout


def test_nothing_is_flagged_unless_asked_for():
    got = rout([1, 2, 3, 4, 500.0], range(5))
    assert not got.outlier.any()
    assert got.note == "off: no Q given"


def test_planted_outliers_are_found_and_the_line_is_kept(rng):
    x = np.arange(40.0)
    y = 3 + 0.5 * x + rng.normal(size=40)
    y[[5, 20, 33]] += [15, -20, 30]
    got = rout(y, x, q=0.01)
    assert np.flatnonzero(got.outlier).tolist() == [5, 20, 33]
    assert got.converged
    assert got.coefficients == approx([3, 0.5], abs=0.8)
    assert got.rsdr == approx(1, rel=0.4)


def test_normal_scatter_raises_the_false_alarms_its_authors_report(rng):
    # Motulsky & Brown (2006): with Q = 1 % some false outlier in 1-3 % of data sets
    alarms = np.mean(
        [rout(rng.normal(size=n), range(n), q=0.01).outlier.any() for n in (24, 36, 60) for _ in range(250)]
    )
    assert 0.003 < alarms < 0.045


def test_a_single_far_outlier_is_almost_always_found(rng):
    found = 0
    for _ in range(100):
        y = rng.normal(size=30)
        y[7] += 9
        found += rout(y, q=0.01).outlier[7]
    assert found >= 97


@given(st.integers(0, 9999), st.sampled_from([0.001, 0.01, 0.1]))
@settings(max_examples=30, deadline=None)
def test_units_shift_and_order_do_not_matter_and_larger_q_flags_no_fewer(seed, q):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=25), rng.standard_t(1.5, size=25)
    plain = rout(y, x, q=q)
    order = rng.permutation(25)
    moved = rout(1e3 * y[order] - 7e3, 1e-3 * x[order] + 1, q=q)
    if plain.converged and moved.converged:
        assert (moved.outlier == plain.outlier[order]).all()
        assert (rout(y, x, q=min(3 * q, 0.5)).outlier >= plain.outlier).all()


def test_only_the_outer_thirty_per_cent_are_ever_tested():
    assert _false_discovery(np.full(10, 1e6), 8, 0.01).sum() == 4  # ranks 7 to 10 of 10


def test_all_points_beyond_the_first_significant_one_are_outliers():
    flagged = _false_discovery(np.array([0.1] * 18 + [6.0, 6.1]), 18, 0.01)
    assert flagged.nonzero()[0].tolist() == [18, 19]


@pytest.mark.parametrize("interpolation", ["linear", "hazen", "weibull", "higher"])
def test_percentile_definition_is_exposed_and_changes_the_spread(rng, interpolation):
    y = rng.normal(size=17)
    got = rout(y, q=0.01, interpolation=interpolation)
    expected = np.percentile(np.abs(got.residuals), 68.27, method=interpolation) * 17 / 16
    assert got.rsdr == approx(expected, rel=1e-9)
    assert got.interpolation == interpolation


def test_zero_robust_spread_is_reported_and_nothing_flagged():
    got = rout([2, 2, 2, 2, 2, 2, 2, 2, 9], q=0.01)
    assert not got.outlier.any()
    assert got.note == "not tested: the robust spread of the residuals is zero"
    assert rout([3] * 6, q=0.01).rsdr == 0


def test_incomplete_rows_are_never_outliers_and_keep_their_place(rng):
    y = (np.arange(20) + 0.3 * rng.normal(size=20)).tolist()
    y[4], y[9] = None, 90.0
    got = rout(y, range(20), q=0.01)
    assert got.dropped == 1
    assert np.flatnonzero(got.outlier).tolist() == [9]
    assert np.isnan(got.residuals[4])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: rout([1, 2, 3], [1, 2, 3], q=0.01), "Too few complete rows: at least 4 are needed. Given 3"),
    (lambda: rout([1, 2, 3, 4], [1, 1, 1, 1], q=0.01), "x must vary for a straight line. Given 1 in all 4 rows"),
    (lambda: rout([1, 2, 3, 4], q=1), r"q must lie in \(0, 1\). Given 1"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
