"""Rank tests: against wilcox.test, kruskal.test and coin."""

from itertools import pairwise

import pytest

from compendium.statistics.ranks import kruskal_wallis, mann_whitney, wilcoxon_signed_rank

COUNTED = 1e-12  # relative; exact distributions are counted on both sides


@pytest.fixture(scope="module")
def r(peer):
    return peer("ranks")


def test_exact_mann_whitney_with_shift_and_interval_equals_r(r):
    ours, theirs = mann_whitney(r["data"]["x"], r["data"]["y"], method="exact"), r["mann_whitney"]["exact"]
    assert ours.statistic == theirs["statistic"]
    assert ours.p == pytest.approx(theirs["p"], rel=COUNTED)
    assert ours.estimate == pytest.approx(theirs["estimate"], rel=COUNTED)
    assert tuple(ours.interval) == pytest.approx((theirs["lower"], theirs["upper"]), rel=COUNTED)
    greater = mann_whitney(r["data"]["x"], r["data"]["y"], method="exact", alternative="greater")
    assert greater.p == pytest.approx(r["mann_whitney"]["exact_greater"], rel=COUNTED)


@pytest.mark.parametrize(("name", "continuity"), [("normal", False), ("normal_corrected", True)])
def test_normal_mann_whitney_equals_r(r, name, continuity):
    ours = mann_whitney(r["data"]["x"], r["data"]["y"], method="asymptotic", continuity=continuity)
    assert ours.p == pytest.approx(r["mann_whitney"][name]["p"], rel=1e-10)


def test_r_rule_switches_to_the_corrected_normal_when_tied(r):
    x, y, theirs = r["data"]["tied_x"], r["data"]["tied_y"], r["mann_whitney"]
    assert mann_whitney(x, y, method="r").p == pytest.approx(theirs["tied_default"]["p"], rel=1e-10)
    plain = mann_whitney(x, y, method="asymptotic", continuity=False)
    assert plain.p == pytest.approx(theirs["tied_uncorrected"]["p"], rel=1e-10)
    assert mann_whitney(r["data"]["x"], r["data"]["y"], method="r").p == pytest.approx(
        theirs["exact"]["p"], rel=COUNTED
    )


def test_exact_mann_whitney_with_ties_equals_coin(r):
    x, y, theirs = r["data"]["tied_x"], r["data"]["tied_y"], r["mann_whitney"]
    assert mann_whitney(x, y, method="exact").p == pytest.approx(theirs["tied_exact"], rel=COUNTED)
    greater = mann_whitney(x, y, method="exact", alternative="greater").p
    assert greater == pytest.approx(theirs["tied_exact_greater"], rel=COUNTED)


def test_hodges_lehmann_lies_within_one_difference_of_r_when_r_solves_for_a_root(r):
    """R's root of the normal score is not an order statistic; it lies between neighbouring differences."""
    x, y = r["data"]["x"], r["data"]["y"]
    differences = sorted(a - b for a in x for b in y)
    ours, theirs = (
        mann_whitney(x, y, method="asymptotic").estimate,
        r["mann_whitney"]["normal_corrected"]["estimate"],
    )
    gap = max(b - a for a, b in pairwise(differences))
    assert abs(ours - theirs) <= gap


def test_wilcoxon_without_zeros_equals_r(r):
    first, second = r["data"]["first"], r["data"]["second"]
    ours, theirs = wilcoxon_signed_rank(first, second, method="r", zeros="wilcoxon"), r["wilcoxon"]["exact"]
    assert (ours.statistic, ours.p) == pytest.approx((theirs["statistic"], theirs["p"]), rel=COUNTED)
    assert ours.estimate == pytest.approx(theirs["estimate"], rel=COUNTED)
    assert tuple(ours.interval) == pytest.approx((theirs["lower"], theirs["upper"]), rel=COUNTED)
    normal = wilcoxon_signed_rank(first, second, method="asymptotic", zeros="wilcoxon")
    assert normal.p == pytest.approx(r["wilcoxon"]["normal_corrected"]["p"], rel=1e-10)


@pytest.mark.parametrize("zeros", ["wilcoxon", "pratt"])
def test_wilcoxon_with_zeros_equals_coin(r, zeros):
    first, second = r["data"]["zero_first"], r["data"]["zero_second"]
    exact = wilcoxon_signed_rank(first, second, method="exact", zeros=zeros)
    assert exact.p == pytest.approx(r["wilcoxon"][f"{zeros}_exact"], rel=COUNTED)
    normal = wilcoxon_signed_rank(first, second, method="asymptotic", zeros=zeros, continuity=False)
    assert normal.p == pytest.approx(r["wilcoxon"][f"{zeros}_normal"], rel=1e-10)


def test_r_rule_drops_zeros_and_corrects(r):
    ours = wilcoxon_signed_rank(r["data"]["zero_first"], r["data"]["zero_second"], method="r", zeros="pratt")
    assert ours.p == pytest.approx(r["wilcoxon"]["zeros_default"]["p"], rel=1e-10)


def test_kruskal_wallis_equals_r(r):
    ours = kruskal_wallis([r["data"]["tied_x"], r["data"]["tied_y"], r["data"]["third"]])
    assert (ours.statistic, ours.p) == pytest.approx(
        (r["kruskal"]["statistic"], r["kruskal"]["p"]), rel=1e-10
    )


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("ranks"))
