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

TOPIC = "Groups"
METHODS = {
    "Dunn": ("dunn_test", "z of mean ranks with tie correction", "rstatix::dunn_test", "rstatix reports the second group minus the first"),
    "Tukey": ("tukey_test", "Tukey–Kramer", "TukeyHSD"),
    "Games–Howell": (
        "games_howell_test", "studentized range, Welch degrees of freedom per pair", "rstatix::games_howell_test",
        "rstatix rounds p to three digits: p is compared with ptukey; at df 2.04 R's ptukey is 8e-6 off in the tail"),
    "Dunnett T3": (
        "dunnett_t3_test", "studentized maximum modulus, fractional degrees of freedom", "integrate",
        "PMCMRplus and scikit-posthocs round the degrees of freedom"),
    "Studentized maximum modulus": ("maximum_modulus_sf, maximum_modulus_quantile", "quadrature over the chi density", "integrate"),
    "Studentized maximum modulus, second peer": (
        "maximum_modulus_sf", "independent multivariate t", "mvtnorm::pmvt"),
    "Adjusted p": ("adjust_p", "Bonferroni, Holm, Hochberg, Hommel, Benjamini–Hochberg, Benjamini–Yekutieli", "p.adjust"),
}  # fmt: skip
NAMES = {"BH": "benjamini-hochberg", "BY": "benjamini-yekutieli"}
CLOSED = {"rel": 1e-10, "why": "the same formulas, summed in another order"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("posthoc")


def column(pairs, name):
    return np.array([getattr(pair, name) for pair in pairs])


def test_dunn_equals_rstatix_with_opposite_sign(r, agree):
    pairs, theirs = dunn_test(r["data"], adjust="bonferroni"), r["dunn"]
    agree("Dunn", -column(pairs, "statistic"), theirs["z"], **CLOSED)
    agree("Dunn", column(pairs, "p"), theirs["p"], **CLOSED)
    agree("Dunn", column(pairs, "p_adjusted"), theirs["adjusted"], **CLOSED)


def test_tukey_equals_tukeyhsd(r, agree):
    pairs, theirs = tukey_test(r["data"]), r["tukey"]
    agree("Tukey", -column(pairs, "estimate"), theirs["difference"], **CLOSED)
    p = column(pairs, "p_adjusted")
    agree("Tukey", p, theirs["p"], atol=2e-9, why="both integrate the studentized range to about 1e-9")
    lower = [-pair.interval.upper for pair in pairs]
    agree("Tukey", lower, theirs["lower"], rel=1e-5, why="R's qtukey stops at 1e-4 of a quantile")


def test_games_howell_equals_r(r, agree):
    pairs, theirs = games_howell_test(r["data"]), r["games_howell"]
    agree("Games–Howell", column(pairs, "df"), theirs["df"], **CLOSED)
    p = column(pairs, "p_adjusted")
    agree(
        "Games–Howell",
        p,
        r["games_howell_p"],
        atol=2e-7,
        why="R's ptukey in the tail at few degrees of freedom",
    )
    # a 4001 × 3001 point quadrature sides with scipy to 1e-13
    lower = [-pair.interval.upper for pair in pairs]
    agree(
        "Games–Howell",
        lower,
        theirs["lower"],
        rel=2e-4,
        why="R's ptukey is 8e-6 off at 2.04 degrees of freedom",
    )


def test_dunnett_t3_with_fractional_df_equals_quadrature_in_r(r, agree):
    got = column(dunnett_t3_test(r["data"]), "p_adjusted")
    agree("Dunnett T3", got, r["dunnett_t3"], rel=1e-9, why="two quadratures")


def test_maximum_modulus_equals_r(r, agree):
    grid, exact = r["maximum_modulus"], r["mvtnorm"]
    for case, name, tolerance in (
        (grid, "Studentized maximum modulus", {"rel": 1e-9, "why": "two quadratures"}),
        (
            exact,
            "Studentized maximum modulus, second peer",
            {"atol": 1e-6, "why": "quasi-Monte-Carlo, stated error 1e-7"},
        ),
    ):
        got = [
            maximum_modulus_sf(q, k, df) for q, k, df in zip(case["q"], case["k"], case["df"], strict=True)
        ]
        agree(name, got, case["p"], **tolerance)


@pytest.mark.parametrize("method", ["bonferroni", "holm", "hochberg", "hommel", "BH", "BY"])
def test_adjusted_p_equal_r(r, agree, method):
    got = adjust_p(r["adjust"]["raw"], NAMES.get(method, method)).p
    agree("Adjusted p", got, r["adjust"][method], rel=1e-12, why="the same products in another order")


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("posthoc"), rel=1e-5)  # pmvt draws random points; qtukey stops at 1e-4
