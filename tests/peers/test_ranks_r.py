"""Rank tests: against wilcox.test, kruskal.test and coin."""

from itertools import pairwise

import pytest

from compendium.statistics.ranks import kruskal_wallis, mann_whitney, wilcoxon_signed_rank

TOPIC = "Ranks"
METHODS = {
    "Mann–Whitney, exact": (
        "mann_whitney, exact_rank_sum_p, hodges_lehmann_shift", "untied; shift and interval of Hodges–Lehmann", "wilcox.test"),
    "Mann–Whitney, exact with ties": (
        "mann_whitney", "conditional on the ties, two-sided by |U − E U|", "coin::wilcox_test", "scipy's exact p ignores ties"),
    "Mann–Whitney, normal": ("mann_whitney", "with and without continuity correction", "wilcox.test"),
    "Mann–Whitney, as R prints it": (
        "mann_whitney", "exact without ties and below 50, else corrected normal", "wilcox.test"),
    "Wilcoxon, exact": (
        "wilcoxon_signed_rank, exact_signed_rank_p, hodges_lehmann_paired", "no zeros, no ties", "wilcox.test"),
    "Wilcoxon, normal": ("wilcoxon_signed_rank", "corrected", "wilcox.test"),
    "Wilcoxon, zeros": (
        "wilcoxon_signed_rank", "zeros dropped (Wilcoxon) or ranked and then dropped (Pratt)", "coin::wilcoxsign_test"),
    "Wilcoxon, as R prints it": ("wilcoxon_signed_rank", "zeros dropped, corrected normal", "wilcox.test"),
    "Kruskal–Wallis": ("kruskal_wallis", "tie correction, χ²", "kruskal.test"),
}  # fmt: skip
COUNTED = {"rel": 1e-12, "why": "exact distributions are counted on both sides"}
NORMAL = {"rel": 1e-10, "why": "the same formula, tails by another library"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("ranks")


def test_exact_mann_whitney_with_shift_and_interval_equals_r(r, agree):
    ours, theirs = mann_whitney(r["data"]["x"], r["data"]["y"], method="exact"), r["mann_whitney"]["exact"]
    got = [ours.statistic, ours.p, ours.estimate, *ours.interval]
    agree(
        "Mann–Whitney, exact",
        got,
        [theirs[k] for k in ("statistic", "p", "estimate", "lower", "upper")],
        **COUNTED,
    )
    greater = mann_whitney(r["data"]["x"], r["data"]["y"], method="exact", alternative="greater")
    agree("Mann–Whitney, exact", greater.p, r["mann_whitney"]["exact_greater"], **COUNTED)


@pytest.mark.parametrize(("name", "continuity"), [("normal", False), ("normal_corrected", True)])
def test_normal_mann_whitney_equals_r(r, agree, name, continuity):
    ours = mann_whitney(r["data"]["x"], r["data"]["y"], method="asymptotic", continuity=continuity)
    agree("Mann–Whitney, normal", ours.p, r["mann_whitney"][name]["p"], **NORMAL)


def test_r_rule_switches_to_the_corrected_normal_when_tied(r, agree):
    x, y, theirs = r["data"]["tied_x"], r["data"]["tied_y"], r["mann_whitney"]
    name = "Mann–Whitney, as R prints it"
    agree(name, mann_whitney(x, y, method="r").p, theirs["tied_default"]["p"], **NORMAL)
    agree(name, mann_whitney(r["data"]["x"], r["data"]["y"], method="r").p, theirs["exact"]["p"], **NORMAL)
    plain = mann_whitney(x, y, method="asymptotic", continuity=False)
    agree("Mann–Whitney, normal", plain.p, theirs["tied_uncorrected"]["p"], **NORMAL)


def test_exact_mann_whitney_with_ties_equals_coin(r, agree):
    x, y, theirs = r["data"]["tied_x"], r["data"]["tied_y"], r["mann_whitney"]
    name = "Mann–Whitney, exact with ties"
    agree(name, mann_whitney(x, y, method="exact").p, theirs["tied_exact"], **COUNTED)
    greater = mann_whitney(x, y, method="exact", alternative="greater").p
    agree(name, greater, theirs["tied_exact_greater"], **COUNTED)


def test_hodges_lehmann_lies_within_one_difference_of_r_when_r_solves_for_a_root(r):
    """R's root of the normal score is not an order statistic; it lies between neighbouring differences."""
    x, y = r["data"]["x"], r["data"]["y"]
    differences = sorted(a - b for a in x for b in y)
    ours = mann_whitney(x, y, method="asymptotic").estimate
    theirs = r["mann_whitney"]["normal_corrected"]["estimate"]
    assert abs(ours - theirs) <= max(b - a for a, b in pairwise(differences))


def test_wilcoxon_without_zeros_equals_r(r, agree):
    first, second = r["data"]["first"], r["data"]["second"]
    ours, theirs = wilcoxon_signed_rank(first, second, method="r", zeros="wilcoxon"), r["wilcoxon"]["exact"]
    got = [ours.statistic, ours.p, ours.estimate, *ours.interval]
    agree(
        "Wilcoxon, exact",
        got,
        [theirs[k] for k in ("statistic", "p", "estimate", "lower", "upper")],
        **COUNTED,
    )
    normal = wilcoxon_signed_rank(first, second, method="asymptotic", zeros="wilcoxon")
    agree("Wilcoxon, normal", normal.p, r["wilcoxon"]["normal_corrected"]["p"], **NORMAL)


@pytest.mark.parametrize("zeros", ["wilcoxon", "pratt"])
def test_wilcoxon_with_zeros_equals_coin(r, agree, zeros):
    first, second = r["data"]["zero_first"], r["data"]["zero_second"]
    exact = wilcoxon_signed_rank(first, second, method="exact", zeros=zeros)
    agree("Wilcoxon, zeros", exact.p, r["wilcoxon"][f"{zeros}_exact"], **COUNTED)
    normal = wilcoxon_signed_rank(first, second, method="asymptotic", zeros=zeros, continuity=False)
    agree("Wilcoxon, zeros", normal.p, r["wilcoxon"][f"{zeros}_normal"], **NORMAL)


def test_r_rule_drops_zeros_and_corrects(r, agree):
    ours = wilcoxon_signed_rank(r["data"]["zero_first"], r["data"]["zero_second"], method="r", zeros="pratt")
    agree("Wilcoxon, as R prints it", ours.p, r["wilcoxon"]["zeros_default"]["p"], **NORMAL)


def test_kruskal_wallis_equals_r(r, agree):
    ours = kruskal_wallis([r["data"]["tied_x"], r["data"]["tied_y"], r["data"]["third"]])
    agree(
        "Kruskal–Wallis", [ours.statistic, ours.p], [r["kruskal"]["statistic"], r["kruskal"]["p"]], **NORMAL
    )


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("ranks"))
