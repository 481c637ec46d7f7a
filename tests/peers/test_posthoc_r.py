"""Pairs of groups and multiplicity: against base R, rstatix, mvtnorm and numerical integration in R."""

import numpy as np
import pytest

from compendium.statistics.multiplicity import adjust_p
from compendium.statistics.posthoc import (
    dunn_test,
    dunnett_t3_test,
    games_howell_test,
    maximum_modulus_sf,
    tukey_test,
)

NAMES = {"BH": "benjamini-hochberg", "BY": "benjamini-yekutieli"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("posthoc")


def column(pairs, name):
    return np.array([getattr(pair, name) for pair in pairs])


def test_dunn_equals_rstatix_with_opposite_sign(r):
    """rstatix reports the second group minus the first."""
    pairs = dunn_test(r["data"], adjust="bonferroni")
    np.testing.assert_allclose(-column(pairs, "statistic"), r["dunn"]["z"], rtol=1e-10)
    np.testing.assert_allclose(column(pairs, "p"), r["dunn"]["p"], rtol=1e-10)
    np.testing.assert_allclose(column(pairs, "p_adjusted"), r["dunn"]["adjusted"], rtol=1e-10)


def test_tukey_equals_tukeyhsd(r):
    pairs, theirs = tukey_test(r["data"]), r["tukey"]
    np.testing.assert_allclose(-column(pairs, "estimate"), theirs["difference"], rtol=1e-10)
    # scipy and R integrate the studentized range to about 1e-9 absolute
    np.testing.assert_allclose(column(pairs, "p_adjusted"), theirs["p"], atol=2e-9)
    lower = [-pair.interval.upper for pair in pairs]
    np.testing.assert_allclose(lower, theirs["lower"], rtol=1e-5)  # R's qtukey stops at 1e-4 of a quantile


def test_games_howell_equals_r(r):
    pairs, theirs = games_howell_test(r["data"]), r["games_howell"]
    np.testing.assert_allclose(column(pairs, "df"), theirs["df"], rtol=1e-10)
    np.testing.assert_allclose(column(pairs, "p_adjusted"), r["games_howell_p"], atol=2e-7)
    # At df = 2.04 R's ptukey is 8e-6 off in the tail (a 4001 × 3001 point quadrature sides with scipy to 1e-13)
    np.testing.assert_allclose([-p.interval.upper for p in pairs], theirs["lower"], rtol=2e-4)


def test_dunnett_t3_with_fractional_df_equals_quadrature_in_r(r):
    np.testing.assert_allclose(column(dunnett_t3_test(r["data"]), "p_adjusted"), r["dunnett_t3"], rtol=1e-9)


def test_maximum_modulus_equals_r(r):
    grid, exact = r["maximum_modulus"], r["mvtnorm"]
    ours = [maximum_modulus_sf(q, k, df) for q, k, df in zip(grid["q"], grid["k"], grid["df"], strict=True)]
    np.testing.assert_allclose(ours, grid["p"], rtol=1e-9)
    ours = [
        maximum_modulus_sf(q, k, df) for q, k, df in zip(exact["q"], exact["k"], exact["df"], strict=True)
    ]
    np.testing.assert_allclose(ours, exact["p"], atol=1e-6)  # quasi-Monte-Carlo, stated error 1e-7


@pytest.mark.parametrize("method", ["bonferroni", "holm", "hochberg", "hommel", "BH", "BY"])
def test_adjusted_p_equal_r(r, method):
    ours = adjust_p(r["adjust"]["raw"], NAMES.get(method, method)).p
    np.testing.assert_allclose(ours, r["adjust"][method], rtol=1e-12)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("posthoc"))
