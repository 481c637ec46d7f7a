"""Rank tests: enumeration, scipy where it is right, ties, zeros, empty and constant groups."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compendium.statistics.ranks import kruskal_wallis, mann_whitney, wilcoxon_signed_rank

small = st.lists(st.integers(0, 6), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(small, small)
def test_exact_mann_whitney_counts_every_relabelling(a, b):
    ranks = stats.rankdata(a + b)
    mean = len(a) * (len(ranks) + 1) / 2
    observed = abs(ranks[: len(a)].sum() - mean)
    sums = [abs(sum(ranks[list(chosen)]) - mean) for chosen in combinations(range(len(ranks)), len(a))]
    p = np.mean([s >= observed - 1e-9 for s in sums])
    assert mann_whitney(a, b, method="exact").p == pytest.approx(p, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=8), st.sampled_from(["wilcoxon", "pratt"]))
def test_exact_wilcoxon_counts_every_sign_pattern(difference, zeros):
    d = np.array(difference, dtype=float)
    if zeros == "wilcoxon":
        d = d[d != 0]
    ranks = stats.rankdata(np.abs(d)) * (d != 0)
    centre, observed = ranks.sum() / 2, ranks[d > 0].sum()
    null = [ranks @ np.array(signs) for signs in product((0, 1), repeat=len(d))]
    p = np.mean([abs(v - centre) >= abs(observed - centre) - 1e-9 for v in null])
    ours = wilcoxon_signed_rank(difference, [0] * len(difference), method="exact", zeros=zeros)
    assert ours.p == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_without_ties_scipy_agrees(alternative):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=13), rng.normal(0.7, size=9)
    ours = mann_whitney(a, b, method="exact", alternative=alternative)
    assert ours.p == pytest.approx(
        stats.mannwhitneyu(a, b, method="exact", alternative=alternative).pvalue, rel=1e-12
    )
    ours = wilcoxon_signed_rank(a[:9], b, method="asymptotic", zeros="wilcoxon", alternative=alternative)
    theirs = stats.wilcoxon(a[:9], b, method="asymptotic", correction=True, alternative=alternative)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-10)


def test_scipys_exact_ignores_ties_and_ours_does_not():
    a, b = [1, 2, 2, 3, 5, 5, 6], [2, 4, 5, 6, 6, 7]
    theirs = stats.mannwhitneyu(a, b, method="exact").pvalue
    assert abs(mann_whitney(a, b, method="exact").p - theirs) > 1e-3


def test_u_of_both_groups_adds_to_the_number_of_pairs():
    a, b = [1, 2, 2, 3], [2, 4, 5]
    total = mann_whitney(a, b, method="exact").statistic + mann_whitney(b, a, method="exact").statistic
    assert total == len(a) * len(b)


def test_one_sided_p_of_the_larger_group_is_unchanged_when_groups_are_exchanged():
    a, b = [1, 2, 2, 3, 9, 9], [2, 4, 5]
    one = mann_whitney(a, b, method="exact", alternative="less").p
    assert one == pytest.approx(mann_whitney(b, a, method="exact", alternative="greater").p, rel=1e-12)


@pytest.mark.parametrize("method", ["exact", "asymptotic", "r"])
def test_all_values_equal_gives_p_one(method):
    assert mann_whitney([2, 2, 2], [2, 2], method=method).p == 1
    assert wilcoxon_signed_rank([3, 3], [3, 3], method=method, zeros="wilcoxon").p == 1
    assert kruskal_wallis([[2, 2], [2], [2, 2, 2]]).p == 1


def test_empty_group_and_no_complete_pair_fail():
    with pytest.raises(ValueError, match="Group 'second' is too small"):
        mann_whitney([1, 2], [], method="exact")
    with pytest.raises(ValueError, match="Too few complete pairs"):
        wilcoxon_signed_rank([1, None], [None, 2], method="exact", zeros="pratt")


def test_method_and_zero_rule_must_be_named():
    with pytest.raises(ValueError, match="method must be one of 'exact', 'asymptotic', 'r'. Given 'auto'"):
        mann_whitney([1], [2], method="auto")
    with pytest.raises(ValueError, match="zeros must be one of"):
        wilcoxon_signed_rank([1], [2], method="exact", zeros="zsplit")


def test_exact_distribution_of_large_groups_is_refused():
    with pytest.raises(ValueError, match="limited to some 200 values. Given 2000"):
        mann_whitney(np.arange(1000), np.arange(1000) + 0.5, method="exact")


def test_hodges_lehmann_recovers_a_planted_shift_and_covers_it():
    rng = np.random.default_rng(5)
    results = [
        mann_whitney(rng.standard_cauchy(12) + 2, rng.standard_cauchy(15), method="exact") for _ in range(400)
    ]
    assert np.median([r.estimate for r in results]) == pytest.approx(2, abs=0.15)
    covered = np.mean([r.interval.lower <= 2 <= r.interval.upper for r in results])
    assert 0.93 < covered < 0.985  # exact and discrete: at least .95 in expectation, SE .011


@given(st.permutations(list(range(8))))
def test_row_order_changes_nothing(order):
    a = np.array([1.5, 2, 2, 3, 9, 4, 7, 7])
    b = np.array([2.5, 1, 2, 2, 8, 4, 5, 9])
    first = wilcoxon_signed_rank(a, b, method="exact", zeros="pratt")
    assert wilcoxon_signed_rank(a[order], b[order], method="exact", zeros="pratt") == first
    assert mann_whitney(a[order], b, method="asymptotic") == mann_whitney(a, b, method="asymptotic")
