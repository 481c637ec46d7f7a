"""Correlations: enumeration, planted truth, simulated coverage, awkward columns, invariance."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx
from scipy import stats

from compendium.statistics import correlation as ours

short = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=6).filter(
    lambda rows: len({r[0] for r in rows}) > 1 and len({r[1] for r in rows}) > 1
)


@given(short)
@settings(max_examples=60, deadline=None)
def test_exact_p_equals_listing_all_orders_with_any_ties(rows):
    x, y = np.array(rows, dtype=float).T
    rx, ry = stats.rankdata(x), stats.rankdata(y)
    rho = np.array([np.corrcoef(rx, order)[0, 1] for order in permutations(ry)])
    observed = np.corrcoef(rx, ry)[0, 1]
    assert ours.spearman_exact_p(x, y) == approx(np.mean(np.abs(rho) >= abs(observed) - 1e-9))


@pytest.mark.parametrize("n", [5, 12])
def test_exact_p_of_a_perfect_order_is_two_in_n_factorial(n):
    assert ours.spearman_exact_p(range(n), range(n)) == approx(2 / float(np.prod(np.arange(1.0, n + 1))))


def test_exact_p_approaches_the_t_approximation(rng):
    x, y = rng.normal(size=12), rng.normal(size=12)
    assert ours.spearman(x, y, p="exact").p == approx(ours.spearman(x, y, p="t").p, abs=0.02)


@given(st.integers(0, 9999), st.sampled_from(["pearson", "spearman"]))
@settings(max_examples=40, deadline=None)
def test_sign_order_and_swap(seed, name):
    rng = np.random.default_rng(seed)
    x, y, order = rng.normal(size=15), rng.normal(size=15), rng.permutation(15)
    method = getattr(ours, name)
    got, turned, mixed, swapped = method(x, y), method(x, -y), method(x[order], y[order]), method(y, x)
    assert (turned.r, turned.lower, turned.upper) == approx((-got.r, -got.upper, -got.lower))
    assert (mixed.r, mixed.p, swapped.r) == approx((got.r, got.p, got.r))
    assert -1 <= got.lower <= got.r <= got.upper <= 1


def test_extreme_units_keep_their_correlation():
    x, y = np.array([1.0, 2, 3, 4, 6]), np.array([2.0, 1, 4, 3, 7])
    assert ours.pearson(x * 1e-200, y * 1e180).r == approx(ours.pearson(x, y).r)


def test_incomplete_pairs_are_dropped_and_counted():
    got = ours.spearman([1, 2, None, 4, 5, 6], [2, 1, 3, float("nan"), 6, 5])
    assert (got.n, got.dropped) == (4, 2)


def test_three_pairs_have_no_interval():
    for got in (ours.pearson([1, 2, 3], [1, 3, 2]), ours.spearman([1, 2, 3], [1, 3, 2])):
        assert np.isnan(got.lower)
        assert np.isnan(got.upper)
    assert ours.spearman([1, 2, 3], [1, 3, 2]).p == 1


def test_perfect_line_has_p_zero_and_a_degenerate_interval():
    got = ours.pearson([1, 2, 3, 4], [2, 4, 6, 8])
    assert (got.r, got.p, got.lower, got.upper) == (1, 0, 1, 1)


def test_interval_conventions_are_ordered_and_named(rng):
    x = rng.normal(size=34)
    y = 0.9 * x + rng.normal(size=34)
    got = {name: ours.spearman(x, y, interval=name) for name in ("fisher", "fieller", "bonett-wright")}
    width = {name: c.upper - c.lower for name, c in got.items()}
    assert width["fisher"] < width["fieller"] < width["bonett-wright"]
    assert all(name in c.method for name, c in got.items())


def test_bonett_wright_covers_a_planted_rho_where_fisher_does_not(rng):
    rho_pearson = 0.85
    rho = 6 / np.pi * np.arcsin(rho_pearson / 2)
    hits = np.zeros(2)
    for _ in range(1500):
        x, e = rng.normal(size=(2, 40))
        y = rho_pearson * x + np.sqrt(1 - rho_pearson**2) * e
        for j, name in enumerate(("bonett-wright", "fisher")):
            c = ours.spearman(x, y, interval=name)
            hits[j] += c.lower <= rho <= c.upper
    assert hits[0] / 1500 > 0.935
    assert hits[1] / 1500 < 0.93


def test_printed_interaction_of_two_spearman_correlations():
    # an interaction that one of the papers never tested: ρ .41 of 34 against −.12 of 32
    got = ours.fisher_comparison(0.41, 34, -0.12, 32, kind="spearman")
    assert (round(got.statistic, 2), round(got.p, 3)) == (2.09, 0.037)
    assert got.interval.lower > 0
    assert ours.fisher_comparison(0.3, 20, 0.3, 40).p == 1


def test_fisher_comparison_holds_its_level_and_its_interval_covers(rng):
    p, hit = [], []
    for _ in range(1200):
        r = []
        for n in (20, 35):
            x, e = rng.normal(size=(2, n))
            r.append(np.corrcoef(x, 0.5 * x + np.sqrt(0.75) * e)[0, 1])
        test = ours.fisher_comparison(r[0], 20, r[1], 35)
        p.append(test.p)
        hit.append(0 in test.interval)
    assert 0.035 < np.mean(np.array(p) < 0.05) < 0.07
    assert 0.93 < np.mean(hit) < 0.97


def test_meng_test_holds_its_level(rng):
    cov = np.array([[1, 0.5, 0.5], [0.5, 1, 0.6], [0.5, 0.6, 1]])
    p = [
        ours.compare_dependent_correlations(*rng.multivariate_normal(np.zeros(3), cov, 30).T).p
        for _ in range(1500)
    ]
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.07


def test_signs_are_turned_only_when_asked_for():
    raw, aligned = (
        ours.meng_test(0.41, -0.37, -0.58, 34),
        ours.meng_test(0.41, -0.37, -0.58, 34, signs=(1, -1)),
    )
    assert aligned.statistic == approx(ours.meng_test(0.41, 0.37, 0.58, 34).statistic)
    assert round(aligned.statistic, 2) == 0.27  # the printed z needs aligned signs
    assert raw.statistic > 2.5
    assert "+1 -1" in aligned.method


@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_equal_correlations_and_exchange(r1, r12):
    assume_possible = 1 + 2 * r1 * r1 * r12 - 2 * r1**2 - r12**2 >= 0
    if assume_possible:
        assert ours.meng_test(r1, r1, r12, 30).p == 1
        other = r1 / 2
        if 1 + 2 * r1 * other * r12 - r1**2 - other**2 - r12**2 >= 0:
            forth, back = ours.meng_test(r1, other, r12, 30), ours.meng_test(other, r1, r12, 30)
            assert forth.statistic == approx(-back.statistic)


def test_one_predictor_against_itself_is_no_difference():
    got = ours.meng_test(0.5, 0.5, 1.0, 20)
    assert (got.statistic, got.p) == (0, 1)


def test_decomposition_adds_up_to_the_pooled_correlation(cohort):
    x, y, patient = cohort
    got = ours.decompose_correlation(x, y, patient)
    within = np.sqrt(got.within_share_x * got.within_share_y) * got.within
    between = np.sqrt((1 - got.within_share_x) * (1 - got.within_share_y)) * got.between
    assert within + between == approx(got.pooled)
    assert (got.df_within, got.df_between) == (66 - 27 - 1, 25)


def test_opposite_signs_within_and_between_are_told_apart(rng):
    patient = np.repeat(np.arange(20), 6)
    level = 5 * rng.normal(size=20)[patient]
    x = level + rng.normal(size=120)
    y = 2 * level - x + 0.2 * rng.normal(size=120)
    got = ours.decompose_correlation(x, y, patient)
    assert got.within < -0.9
    assert got.between > 0.9
    assert ours.repeated_measures_correlation(x, y, patient).r == approx(got.within)


def test_clusters_of_one_leave_the_repeated_measures_correlation_unchanged(cohort):
    x, y, patient = cohort
    several = np.bincount(patient)[patient] > 1
    whole = ours.repeated_measures_correlation(x, y, patient)
    part = ours.repeated_measures_correlation(x[several], y[several], patient[several])
    assert (whole.r, whole.p, whole.lower) == approx((part.r, part.p, part.lower))


def test_repeated_measures_interval_covers_a_planted_correlation(rng):
    patient, hits = np.repeat(np.arange(10), 3), 0
    for _ in range(1500):
        u, v = rng.normal(size=(2, 10))
        x, e = rng.normal(size=(2, 30))
        y = 0.6 * x + 0.8 * e
        got = ours.repeated_measures_correlation(x + u[patient], y + v[patient], patient)
        hits += got.lower <= 0.6 <= got.upper
    assert 0.935 < hits / 1500 < 0.965


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ours.pearson([1, 2], [2, 1]), "Too few complete pairs: at least 3 are needed. Given 2"),
    (lambda: ours.pearson([5, 5, 5], [1, 2, 3]), "x must vary for a correlation. Given 5 in all 3 rows"),
    (lambda: ours.spearman([1, 2, 3], [0, 0, 0]), "y must vary for a correlation. Given 0 in all 3 rows"),
    (lambda: ours.pearson([1, 2, np.inf], [1, 2, 3]), "x must be finite or missing. Given inf in row 2"),
    (lambda: ours.pearson([1, 2, 3], [1, 2]), "must have the same length. Given x: 3, y: 2"),
    (lambda: ours.spearman_exact_p(range(13), range(13)), "at most 12 pairs. Given 13"),
    (lambda: ours.spearman([1, 2, 3], [1, 3, 2], interval="bootstrap"), "interval must be one of"),
    (lambda: ours.meng_test(0.9, -0.9, 0.9, 30), "No three variables have these correlations"),
    (lambda: ours.meng_test(0.4, 0.3, 0.1, 30, signs=(1, 0)), r"signs must be two of 1 and -1. Given \(1, 0\)"),
    (lambda: ours.meng_test(1.0, 0.3, 0.3, 30), r"r1 must lie in \(-1, 1\). Given 1"),
    (lambda: ours.fisher_comparison(0.3, 3, 0.2, 30), "Too few pairs in each group: at least 4"),
    (lambda: ours.repeated_measures_correlation([1, 2, 3], [1, 2, 4], list("abc")), "Too few degrees of freedom"),
    (lambda: ours.repeated_measures_correlation([1, 1, 2, 2], [1, 2, 3, 5], list("aabb")), "x must vary within clusters"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_edgeworth_series_is_nearer_to_counting_than_the_t_approximation_is(rng):
    nearer = []
    for _ in range(40):
        x, y = rng.normal(size=10), rng.normal(size=10)
        exact, series, t = (ours.spearman(x, y, p=kind).p for kind in ("exact", "edgeworth", "t"))
        assert series == approx(exact, abs=0.008)
        nearer.append(abs(series - exact) < abs(t - exact))
        assert ours.spearman(-x, y, p="edgeworth").p == approx(series, rel=1e-9)  # the null is symmetric
    assert np.mean(nearer) > 0.6


def test_edgeworth_series_refuses_ties_and_the_rule_of_r_avoids_them():
    x, y = list(range(12)), [0, 1, 1, *range(3, 12)]
    with pytest.raises(
        ValueError, match="y must not be tied for the Edgeworth series. Given ties in 12 values"
    ):
        ours.spearman_edgeworth_p(x, y)
    assert ours.spearman(x, y, p="r").method.endswith("t p")
    assert ours.spearman(x[:5], y[:5], p="auto").method.endswith("exact p")
    assert ours.spearman(x[:5], y[:5], p="r").method.endswith("t p")  # R gives up the exact p with ties
