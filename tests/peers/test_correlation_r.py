"""correlation against R (base, psych, lm) and printed values of the literature; made by correlation.R."""

import pytest
from pytest import approx

from compendium.statistics import correlation as ours


@pytest.fixture(scope="module")
def r(peer):
    return peer("correlation")


def test_pearson_equals_cor_test(r):
    got = ours.pearson(r["data"]["x"], r["data"]["y"])
    assert [got.r, got.p, got.lower, got.upper] == approx(
        [r["pearson"]["r"], r["pearson"]["p"], *r["pearson"]["ci"]], rel=1e-11
    )


def test_three_pairs_have_p_but_no_interval_as_in_cor_test(r):
    got = ours.pearson([1, 2, 4], [2, 1, 5])
    assert [got.r, got.p] == approx([r["three"]["r"], r["three"]["p"]], rel=1e-12)
    assert got.lower != got.lower
    assert not r["three"]["has_interval"]


@pytest.mark.parametrize("key", ["short", "nine"])
def test_exact_spearman_equals_cor_test(r, key):
    got = ours.spearman(r["data"][key]["a"], r["data"][key]["b"])
    assert got.method.endswith("exact p")
    assert [got.r, got.p] == approx([r[f"exact_{key}"]["r"], r[f"exact_{key}"]["p"]], rel=1e-12)


def test_spearman_t_approximation_equals_cor_test(r):
    got = ours.spearman(r["data"]["x"], r["data"]["y"])
    assert [got.r, got.p] == approx([r["spearman_t"]["r"], r["spearman_t"]["p"]], rel=1e-10)
    tied = ours.spearman(r["data"]["ties"]["a"], r["data"]["ties"]["b"], p="t")
    assert [tied.r, tied.p] == approx([r["tied_t"]["r"], r["tied_t"]["p"]], rel=1e-9)


def test_fisher_comparison_equals_psych(r):
    got = ours.fisher_comparison(0.41, 34, -0.12, 32)
    assert abs(got.statistic) == approx(abs(r["fisher"]["z"]), rel=1e-12)
    assert got.p == approx(r["fisher"]["p"], rel=1e-9)


def test_within_and_between_correlation_equal_psych(r):
    got = ours.decompose_correlation(r["data"]["cx"], r["data"]["cy"], r["data"]["cluster"])
    assert [got.within, got.between] == approx([r["within"], r["between"]], rel=1e-10)


def test_repeated_measures_correlation_equals_parallel_lines(r):
    got = ours.repeated_measures_correlation(r["data"]["cx"], r["data"]["cy"], r["data"]["cluster"])
    assert got.r == approx(r["repeated"]["r"], rel=1e-10)
    assert got.p == approx(r["repeated"]["p"], rel=1e-7)  # p of F against p of t, far in the tail
    assert f"df {r['repeated']['df']}" in got.method


# Printed by May & Hittner (1997): z of Meng's test for n = 50 as the correlation of the two predictors grows
PRINTED = {
    (0.5, 0.2): [1.62, 1.70, 1.80, 1.91, 2.06, 2.24, 2.50, 2.87, 3.50],
    (0.7, 0.4): [2.03, 2.10, 2.20, 2.32, 2.47, 2.66, 2.94, 3.35, 4.05],
}


@pytest.mark.parametrize("pair", PRINTED)
def test_meng_z_equals_printed_values(pair):
    for step, printed in enumerate(PRINTED[pair]):
        got = ours.meng_test(*pair, step / 10, 50).statistic
        assert got == approx(
            printed, abs=0.0051
        )  # one value is 2.2450: printed 2.24, half a unit is the yardstick


def test_meng_z_equals_the_example_of_its_authors_and_of_silver():
    # Meng, Rosenthal & Rubin (1992): z 1.68, one-sided p .047, interval -.129 to 1.671 (1.672 when carried on)
    got = ours.meng_test(0.63, -0.03, -0.19, 15)
    assert (round(got.statistic, 2), round(got.p / 2, 3), round(got.interval.lower, 3)) == (
        1.68,
        0.047,
        -0.129,
    )
    assert got.interval.upper == approx(1.671, abs=0.0011)
    silver = ours.meng_test(0.3, 0.4, 0.5, 100)  # Silver, Hittner & May (2006)
    assert (round(silver.statistic, 4), round(silver.p, 4)) == (-1.0707, 0.2843)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("correlation"), rerun_r("correlation"))
