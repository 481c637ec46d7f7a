"""Feasibility: every rule against an independent brute-force enumeration, then the printed cases of two papers."""

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, localcontext
from fractions import Fraction
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from compendium.evidence.feasibility import arithmetic, conversions, counts, integers, moments, roc
from compendium.evidence.feasibility.verdict import as_fraction, as_range, judge, meet
from compendium.evidence.yardstick import parse_printed


def printed(text, **options):
    return parse_printed(text, **options)


def samples(n, low, high):
    """Every multiset of n integers in [low, high]: the oracle knows nothing about sums or parity."""
    return np.array(list(combinations_with_replacement(range(low, high + 1), n)))


# ------------------------------------------------------------------------------------------------ GRIM and GRIMMER


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.integers(0, 300), st.integers(0, 2))
def test_grim_finds_exactly_the_sums_that_round_to_the_print(n, units, decimals):
    value = Decimal(units).scaleb(-decimals)
    half = Decimal(5).scaleb(-decimals - 1)
    reach = range(-n, (int(value) + 2) * n)
    oracle = tuple(k for k in reach if abs(Fraction(k, n) - Fraction(value)) <= Fraction(half))
    assert integers.integer_sums(printed(str(value)), n) == oracle


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_grimmer_equals_enumeration_of_all_samples(n):
    """Printed with one decimal; compared for every mean and SD that the scale allows, and for many that it does not."""
    values = samples(n, 0, 5)
    means, sds = values.mean(axis=1), values.std(axis=1, ddof=1)
    for mean_units, sd_units in product(range(0, 50, 3), range(0, 36)):
        mean, sd = (
            (mean_units / 10 - 0.05, mean_units / 10 + 0.05),
            (sd_units / 10 - 0.05, sd_units / 10 + 0.05),
        )
        fits = (np.abs(means - mean_units / 10) <= 0.05 + 1e-9) & (np.abs(sds - sd_units / 10) <= 0.05 + 1e-9)
        ours = integers.check_grimmer(_exact(mean), _exact(sd), n, bounds=(0, 5))
        assert ours.compatible == bool(fits.any()), (n, mean, sd)


def _exact(pair):
    return tuple(round(v, 6) for v in pair)


@pytest.mark.parametrize(("n", "reach"), [(2, 12), (3, 8), (4, 6), (5, 5), (6, 4)])
def test_attainable_sums_of_squares_without_bounds_equal_enumeration(n, reach):
    values = samples(n, -reach, reach)
    totals, squares = values.sum(axis=1), (values**2).sum(axis=1)
    for total in range(n):
        attained = set(squares[totals == total].tolist())
        for square in range(reach * reach):  # beyond it, samples outside the oracle's reach could take part
            found, enumerated = integers._squares_between(n, total, square, square, None)
            assert enumerated
            assert (found is not None) == (square in attained), (n, total, square)


def test_parity_alone_would_pass_what_no_sample_can_do():
    """Two integers with mean 0: sums of squares 0, 2, 8, …; 4 has the right parity and is not among them."""
    assert not integers.check_grimmer(0, (1.99, 2.01), 2).compatible
    assert integers.check_grimmer(0, (1.41, 1.42), 2).compatible


def test_items_refine_the_grain():
    assert not integers.check_grim(printed("3.47"), 20).compatible
    assert integers.check_grim(
        printed("3.47"), 20, items=4
    ).compatible  # 3.475 on a rounding limit of the print
    assert integers.check_grimmer((3.5, 3.5), (0.70, 0.71), 2, items=1).compatible


@pytest.mark.parametrize(("n", "low", "high"), [(2, 0, 40), (3, -9, 9), (4, 0, 9), (5, 0, 6), (6, 0, 4)])
def test_squares_within_bounds_equal_enumeration(n, low, high):
    """With bounds that bind, with bounds that do not, and beyond the largest sum of squares that they allow."""
    values = samples(n, low, high)
    totals, squares = values.sum(axis=1), (values**2).sum(axis=1)
    for total in sorted(set(totals.tolist()))[:: max(1, n - 2)]:
        attained = set(squares[totals == total].tolist())
        assert integers._largest_squares(n, total, low, high) == max(attained)
        for square in range(max(attained) + 5):
            found, enumerated = integers._squares_between(n, total, square, square, (low, high))
            assert enumerated
            assert (found is not None) == (square in attained), (total, square)
    assert integers._largest_squares(n, n * high + 1, low, high) == -1


def test_grimmer_of_wide_scales_is_enumerated_where_the_scale_does_not_bind():
    near = integers.check_grimmer(printed("499.5"), printed("12.3"), 30, bounds=(0, 1000))
    assert near.compatible
    assert not any("parity" in line for line in near.assumptions)
    few = integers.check_grimmer((0, 0), (400, 401), 3)  # three integers, no scale: searched one by one
    total, squares = few.solutions[0]
    assert few.compatible and not any("parity" in line for line in few.assumptions)
    assert 400 <= math.sqrt((squares - total**2 / 3) / 2) <= 401
    # two integers with mean 0 are x and −x: an SD of 300.5 to 300.6 needs x² = 45 150 to 45 180, and 212² = 44 944, 213² = 45 369
    assert not integers.check_grimmer((0, 0), (300.5, 300.6), 2).compatible


def test_grimmer_says_when_it_could_not_enumerate():
    wide = integers.check_grimmer(printed("100.0"), printed("250.0"), 30, bounds=(0, 1000))
    assert any("parity and limits" in line for line in wide.assumptions)
    # but it never passes what the scale forbids: 30 values in 0–1000 with mean 100 have an SD below 305.2
    beyond = integers.check_grimmer(printed("100.0"), printed("305.5"), 30, bounds=(0, 1000))
    assert not beyond.compatible
    with pytest.raises(ValueError, match="n − ddof ≥ 1. Given n=1"):
        integers.check_grimmer(1, 0, 1)


# ---------------------------------------------------------------------------------------------------- moment bounds


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=3, max_size=12))
def test_no_sample_contradicts_its_own_moments(sample):
    x = np.array(sample).round(3)
    mean, sd, n = x.mean(), x.std(ddof=1), len(x)
    near = lambda v: (v - 1e-9, v + 1e-9)  # noqa: E731
    extremes = {"minimum": near(x.min()), "maximum": near(x.max())}
    assert moments.check_extremes(near(mean), near(sd), n, **extremes).compatible
    assert moments.check_bounded_sd(
        near(mean), (max(0, sd - 1e-9), sd + 1e-9), low=-100, high=100, n=n
    ).compatible
    first, second = x[: n // 2 + 1], x[n // 2 + 1 :]
    groups = [
        (len(g), near(g.mean()), near(g.std(ddof=1) if len(g) > 1 else 0.0))
        for g in (first, second)
        if len(g)
    ]
    assert moments.check_pooled(groups, near(mean), near(sd)).compatible
    rms = moments.largest_subset_rms(near(mean), near(sd), n, subset=len(first))
    assert np.sqrt((first**2).mean()) <= rms + 1e-6


def test_samuelson_bound_is_attained():
    """One extreme and n − 1 equal values."""
    x = np.array([10.0] + [1.0] * 9)
    implied = moments.check_extremes(x.mean(), x.std(ddof=1) + 1e-9, 10, maximum=10).implied
    assert implied[0] == pytest.approx(x.std(ddof=1), rel=1e-9)
    both = np.array([10.0, -4.0] + [2.0] * 6)
    bound = moments.check_extremes(both.mean(), 5, 8, minimum=-4, maximum=10).implied[0]
    rest = (8 * both.mean() - 6) / 6  # six equal values that keep the mean
    assert bound == pytest.approx(np.std([10, -4] + [rest] * 6, ddof=1))


def test_bhatia_davis_bound_is_attained_by_two_point_samples():
    x = np.array([0.0] * 3 + [5.0] * 7)
    assert moments.check_bounded_sd(3.5, 1, low=0, high=5, n=10).implied[1] == pytest.approx(x.std(ddof=1))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 9), st.floats(-5, 5), st.floats(0, 2), st.floats(0, 3), st.floats(0, 1)),
                min_size=2, max_size=3))  # fmt: skip
def test_pooled_sd_range_holds_every_point_of_the_box_and_touches_its_ends(rows):
    groups = [(n, (m, m + w), (s, s + v)) for n, m, w, s, v in rows]
    low, high = moments.pooled_sd(groups)
    rng = np.random.default_rng(0)
    total, seen = sum(n for n, *_ in rows), []
    corners = np.array(list(product((0, 1), repeat=2 * len(rows)))).reshape(-1, 2, len(rows))
    for ends in (*corners, *rng.random((150, 2, len(rows)))):
        mean = [m + w * u for (_, m, w, _, _), u in zip(rows, ends[0], strict=True)]
        sd = [s + v * u for (_, _, _, s, v), u in zip(rows, ends[1], strict=True)]
        centre = sum(n * m for (n, *_), m in zip(rows, mean, strict=True)) / total
        ss = sum((n - 1) * s**2 + n * (m - centre) ** 2 for (n, *_), m, s in zip(rows, mean, sd, strict=True))
        seen.append(math.sqrt(ss / (total - 1)))
    assert low - 1e-9 <= min(seen)
    assert max(seen) <= high + 1e-9
    assert high == pytest.approx(max(seen), rel=1e-9, abs=1e-9)  # a corner of the box
    within = sum((n - 1) * s**2 for n, _, _, s, _ in rows)
    towards = []
    for common in np.linspace(-5, 8, 1301):  # at the lower end all means lie as near to one value as they can
        mean = np.array([min(max(common, m), m + w) for _, m, w, _, _ in rows])
        sizes = np.array([n for n, *_ in rows])
        towards.append(np.sum(sizes * (mean - sizes @ mean / total) ** 2))
    assert low <= math.sqrt((within + min(towards)) / (total - 1)) + 1e-9
    assert low**2 == pytest.approx((within + min(towards)) / (total - 1), abs=0.02)


# ------------------------------------------------------------------------------------------- counts and percentages


def oracle_sizes(means, pooled, total):
    """Half-open decimal rounding instead of intervals: try every pair of group means on a fine grid of the prints."""
    found = set()
    for n in range(1, total):
        ends = [(n * a + (total - n) * b) / Fraction(total) for a in means[0] for b in means[1]]
        if max(ends) >= pooled[0] and min(ends) <= pooled[1]:
            found.add((n, total - n))
    return found


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(2, 40))
def test_group_sizes_equal_enumeration(a, b, pooled, total):
    half = Fraction(1, 2)
    ranges = [(Fraction(v) - half, Fraction(v) + half) for v in (a, b, pooled)]
    verdict = counts.enumerate_group_sizes(ranges[:2], ranges[2], total)
    assert set(verdict.solutions) == oracle_sizes(ranges[:2], ranges[2], total)


def test_three_groups_hold_the_true_sizes():
    rng = np.random.default_rng(1)
    parts = [rng.normal(m, 3, n) for m, n in ((10, 4), (20, 7), (33, 5))]
    means = [printed(f"{p.mean():.1f}") for p in parts]
    verdict = counts.enumerate_group_sizes(means, printed(f"{np.concatenate(parts).mean():.1f}"), 16)
    assert (4, 7, 5) in verdict.solutions


RULES = {
    "half up": ROUND_HALF_UP,
    "half even": ROUND_HALF_EVEN,
    "truncated": ROUND_DOWN,
    "rounded up": ROUND_UP,
}


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 250), st.data(), st.integers(0, 2), st.sampled_from(list(RULES)))
def test_percentages_equal_decimal_rounding(total, data, decimals, rule):
    count = data.draw(st.integers(0, total))
    with localcontext() as context:  # ties of count/total end after few digits: 60 make the oracle exact
        context.prec = 60
        exact = Decimal(count) * 100 / Decimal(total)
        text = str(exact.quantize(Decimal(1).scaleb(-decimals), RULES[rule]))
    units, _ = counts.percent_units(text)
    assert counts.round_percent(count, total, decimals, rule) == units
    assert rule in counts.counts_for_percent(text, total)[count]


def test_counts_for_percent_lists_every_count():
    for total, units in product(range(1, 45), range(0, 101, 7)):
        found = counts.counts_for_percent(str(units), total)
        oracle = {
            k
            for k in range(total + 1)
            if any(counts.round_percent(k, total, 0, r) == units for r in counts.RULES)
        }
        assert set(found) == oracle


def test_forced_to_hundred_needs_the_whole_column():
    assert counts.check_percentages([1, 1, 1], 3, ["33", "33", "34"]).solutions == ("forced to 100",)
    assert counts.check_percentages([1, 1, 1], 3, ["33", "33", "33"]).solutions == (
        "half up",
        "half even",
        "truncated",
    )
    assert not counts.check_percentages([1, 1], 3, ["33", "34"]).compatible
    assert not counts.check_percentages([1, 1, 1], 3, ["32", "33", "35"]).compatible


# ------------------------------------------------------------------------------------------------- p and statistics


@settings(max_examples=60, deadline=None)
@given(st.floats(-8, 8), st.integers(1, 200))
def test_p_of_the_unrounded_statistic_lies_in_the_range(t, df):
    low, high = conversions.p_range("t", (t - 0.005, t + 0.005), df)
    assert low - 1e-12 <= 2 * stats.t.sf(abs(t), df) <= high + 1e-12


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["t", "z", "F", "chi2", "r"]), st.floats(1e-6, 0.99))
def test_statistic_from_p_is_the_inverse_of_p_from_statistic(kind, p):
    df = {"t": 12, "z": None, "F": (3, 20), "chi2": 4, "r": 25}[kind]
    low, high = conversions.statistic_range(kind, (p, p), df)
    assert low == high
    assert conversions.p_range(kind, (low, low), df)[0] == pytest.approx(p, rel=1e-8)


def test_f_with_one_df_is_the_square_of_t():
    assert conversions.p_range("F", (4.0, 9.0), (1, 17)) == pytest.approx(
        conversions.p_range("t", (2.0, 3.0), 17)
    )


def test_range_of_statistic_that_holds_zero_reaches_p_one():
    assert conversions.p_range("r", (-0.005, 0.005), 30)[1] == 1.0


def test_one_sided_p_is_recognised():
    assert conversions.check_p("z", (1.95, 1.97), None, (0.0245, 0.0255)).solutions == (1,)
    verdict = conversions.check_p("t", (2.0, 2.1), 20, (0.2, 0.3))
    assert not verdict.compatible
    assert "no correction for several tests" in verdict.assumptions


def test_bounds_like_less_than_are_understood():
    assert conversions.check_p("t", (5.0, 5.1), 20, printed("<.001")).compatible
    assert not conversions.check_p("t", (2.0, 2.1), 20, printed("<.001")).compatible


def test_fractional_df_are_searched_between_their_limits():
    low, high = conversions.p_range("t", 2.5, (3.5, 9.5))
    assert (low, high) == pytest.approx((2 * stats.t.sf(2.5, 9.5), 2 * stats.t.sf(2.5, 3.5)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conversions.p_range("W", 1, 3), "kind must be one of t, z, F, chi2, r. Given 'W'"),
        (lambda: conversions.p_range("t", 1, 0), "must be positive. Given 0"),
        (lambda: conversions.t_from_r(0.5, 2), "n above 2"),
        (lambda: conversions.check_interval_p(1, (0, 1), (0.9, 2), 0.05), "must have a width after rounding"),
        (lambda: as_range((2, 1)), "runs upwards. Given 2 to 1"),
        (lambda: as_fraction(float("inf")), "finite bounds. Given inf"),
        (lambda: arithmetic.divide(1, (-1, 1)), "must not hold zero. Given -1 to 1"),
        (lambda: counts.percent_units("about 3"), "Given 'about 3'"),
        (lambda: counts.round_percent(4, 3, 0, "half up"), "Given 4 of 3"),
        (lambda: counts.enumerate_group_sizes([1, 2], 1, 5, unlabelled=2), "unlabelled_mean is needed"),
        (lambda: moments.check_extremes(1, 1, 5), "At least one of minimum and maximum"),
        (lambda: moments.check_extremes(1, 1, 1, maximum=2), "n must exceed the number of extremes"),
        (lambda: moments.check_bounded_sd(9, 1, low=0, high=5, n=4), "must lie between the bounds"),
        (lambda: moments.largest_subset_rms(1, 1, 5, subset=4, others=[(2, 1)]), "must not exceed n = 5"),
        (lambda: roc.remaining_auc(0.99, [(10, 0.5)], 5), "No AUROC of the remaining 5 fits"),
    ],
)
def test_impossible_requests_fail(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --------------------------------------------------------------------------------------------------- interval rules


@given(*[st.tuples(st.integers(-50, 50), st.integers(0, 30), st.floats(0, 1)) for _ in range(2)])
def test_interval_arithmetic_holds_every_result(first, second):
    (a, w, u), (b, v, t) = first, second
    x, y = Fraction(a) + Fraction(u) * w, Fraction(b) + Fraction(t) * v
    one, other = (a, a + w), (b, b + v)
    for operation, value in (
        (arithmetic.add, x + y),
        (arithmetic.subtract, x - y),
        (arithmetic.multiply, x * y),
    ):
        low, high = operation(one, other)
        assert low <= value <= high
    low, high = arithmetic.square(one)
    assert low <= x * x <= high
    if not b <= 0 <= b + v:
        low, high = arithmetic.divide(one, other)
        assert low <= x / y <= high


def test_corners_are_exact_for_monotone_functions_and_a_grid_is_needed_otherwise():
    assert arithmetic.range_over_box(lambda a, b: a / b, [(1, 2), (4, 5)]) == (0.2, 0.5)
    hump = [lambda x: x * (1 - x), [(0, 1)]]
    assert arithmetic.range_over_box(*hump)[1] == 0
    assert arithmetic.range_over_box(*hump, points=11)[1] == 0.25


def test_touching_is_told_apart_from_overlap():
    assert judge("x", (0, 1), (1, 2), ()).touching
    assert not judge("x", (0, 1), (0.5, 2), ()).touching
    assert not judge("x", (0, 1), (1, 1), ()).touching  # an exact number has no rounding limit
    assert meet((0, 1), (1.1, 2)) == (False, False)


# --------------------------------------------------------------------------------------------------------- AUROC


def test_grain_of_an_auc_equals_enumeration_of_all_rankings():
    positives, negatives = 2, 3
    attained = {
        round(roc_auc_score([1] * positives + [0] * negatives, scores), 12)
        for scores in product(range(3), repeat=positives + negatives)
    }
    for units in range(0, 101):
        value = (units / 100 - 0.005, units / 100 + 0.005)
        oracle = any(value[0] - 1e-9 <= a <= value[1] + 1e-9 for a in attained)
        assert roc.check_auc_grain(_exact(value), positives, negatives).compatible == oracle


def test_subgroup_auc_is_the_weighted_remainder():
    rng = np.random.default_rng(2)
    easy, hard, negative = rng.normal(2, 1, 20), rng.normal(0.5, 1, 8), rng.normal(0, 1, 30)
    auc = lambda p: roc_auc_score([1] * len(p) + [0] * 30, np.r_[p, negative])  # noqa: E731
    low, high = roc.remaining_auc(auc(np.r_[easy, hard]), [(20, auc(easy))], 8)
    assert low == pytest.approx(auc(hard))
    assert high == pytest.approx(auc(hard))


def test_no_simulated_auc_exceeds_the_largest_error():
    rng = np.random.default_rng(3)
    positive = np.where(rng.random((2000, 40)) < 0.9, 1.0, -1.0)  # two-point scores: the extreme case
    auc = (positive > 0).mean(axis=1)  # negatives all at zero
    assert auc.std() <= 1.05 * roc.largest_auc_error(0.9, 40, 200)
    assert auc.std() >= 0.9 * roc.largest_auc_error(0.9, 40, 200)  # and the bound is attained


def test_interval_wider_than_any_distribution_allows_is_excluded():
    assert not roc.check_auc_interval((0.985, 0.995), (0.895, 0.905), (0.995, 1.0), 60, 60).compatible


# -------------------------------------------------------------------------------------- printed cases: nocera2025


def test_nocera_group_sizes_follow_from_printed_means():
    pooled = printed("1323")
    naive = counts.enumerate_group_sizes([printed("1290"), printed("1358")], pooled, 66)
    assert naive.solutions == ((33, 33), (34, 32))
    assert "(33, 33)" in naive.note  # only at exactly 1323.5
    assert not naive.touching
    assert counts.enumerate_group_sizes([printed("1358"), printed("1195")], pooled, 66).solutions == (
        (52, 14),
    )
    assert counts.enumerate_group_sizes([printed("1432"), printed("1243")], pooled, 66).solutions == (
        (28, 38),
    )


def test_nocera_idh_split_is_not_unique_once_samples_lack_a_label():
    """With unlabelled samples of mean 1000 to 1700, 8 and 16 splits fit: 28/38 holds only if all 66 are labelled."""
    means, pooled = [printed("1432"), printed("1243")], printed("1323")
    found = [
        len(
            counts.enumerate_group_sizes(
                means, pooled, 66, unlabelled=u, unlabelled_mean=(1000, 1700)
            ).solutions
        )
        for u in (2, 4)
    ]
    assert found == [8, 16]


def test_nocera_cluster_splits():
    assert len(counts.split_clusters({1: 7, 2: 6, 3: 9, 4: 5}, clusters=13, samples=34)) == 20


def test_nocera_outliers_left_out_of_the_printed_p():
    root = lambda low, high: (math.sqrt(low), math.sqrt(high))  # noqa: E731
    assert conversions.sizes_for_p("r", root(0.195, 0.205), printed("0.009"), range(10, 67)).solutions == (
        32,
        33,
        34,
    )
    assert conversions.sizes_for_p("r", root(0.215, 0.225), printed("0.007"), range(10, 67)).solutions == (
        31,
        32,
        33,
    )


def test_nocera_rmse_of_recurrent_samples_exceeds_every_bound():
    spread = lambda r: math.sqrt(1461**2 + 324.4**2 - 2 * r * 1461 * 324.4)  # noqa: E731
    bounds = [
        moments.largest_subset_rms(1533, spread(0.14), 66, subset=32, others=[(33, 1503)]),
        moments.largest_subset_rms(1533, spread(-1), 66, subset=32, others=[(33, 1503)]),
        moments.largest_subset_rms(1533, spread(0.14), 66, subset=32),
    ]
    assert [round(b) for b in bounds] == [2607, 2999, 3021]
    assert max(bounds) < 3155.5
    whole = moments.check_pooled_rms([(34, printed("1503")), (32, printed("3156"))], printed("1974"))
    assert not whole.compatible
    assert whole.implied[0] == pytest.approx(2448, abs=1)


def test_nocera_percentages():
    assert not counts.check_same_fraction(5, 27, ["18", "19"]).compatible
    assert not counts.check_same_fraction(14, 27, ["51", "52"]).compatible
    assert counts.counts_for_percent("34", 52) == {18: ("truncated",)}
    assert (
        "half up" in counts.counts_for_percent("34", 53)[18]
    )  # another edition of the classification: n = 53


# --------------------------------------------------------------------------------- printed cases: stadlbauer2025


def test_stadlbauer_early_volume():
    mean, sd, largest = printed("13.4"), printed("8.8"), printed("100.1")
    assert moments.smallest_size_for_extremes(mean, sd, maximum=largest) == 98
    assert moments.smallest_size_for_extremes(13.4, 8.8, maximum=100.1) == 100  # without rounding
    needed = [moments.check_extremes(mean, sd, n, maximum=largest).implied[0] for n in (57, 55, 35)]
    assert [round(s, 1) for s in needed] == [11.7, 11.9, 15.1]
    # the printed minimum is evidence too: with it, rounding no longer brings the size below 100
    assert moments.smallest_size_for_extremes(mean, sd, minimum=printed("0.2"), maximum=largest) == 100


def test_stadlbauer_false_positives():
    assert not counts.check_total([76, 6], 81).compatible
    assert counts.check_total([76, 5], 81).compatible
    assert list(counts.counts_for_percent("93.8", 81)) == [76]
    assert list(counts.counts_for_percent("93.8", 82)) == []  # 76 of 82 is 92.7, 77 of 82 is 93.9


def test_stadlbauer_auc_intervals_are_symmetric_and_within_the_largest_error():
    rows = {"0.987": ("0.976", "0.999", 0.00587), "0.982": ("0.965", "0.998", 0.00842),
            "0.941": ("0.918", "0.965", 0.01199)}  # fmt: skip
    for auc, (low, high, error) in rows.items():
        verdict = roc.check_auc_interval(printed(auc), printed(low), printed(high), 341, 81)
        assert verdict.compatible
        assert verdict.solutions == ("symmetric",)
        assert sum(verdict.implied) / 2 == pytest.approx(error, abs=1e-5)


def test_stadlbauer_auc_of_the_missed_recurrences():
    low, _ = roc.remaining_auc((0.941, 0.941), [(283, (0.0, 1.0))], 58)
    assert low == pytest.approx(0.653, abs=5e-4)
    assert roc.rank_sum_p_from_auc(low, 58, 81) == pytest.approx(0.002, abs=5e-4)
    assert pytest.approx(0.915, abs=5e-4) == (283 + 58 * 0.5) / 341


# ------------------------------------------------------------------------------------ what the cases above do not reach


@given(
    st.integers(2, 60),
    st.sampled_from(["half up", "half even", "truncated"]),
    st.lists(st.integers(0, 60), min_size=1, max_size=4),
)
def test_denominator_that_was_used_is_among_those_that_fit(total, rule, numerators):
    shown = [counts.round_percent(min(k, total), total, 1, rule) for k in numerators]
    text = [f"{units // 10}.{units % 10}" for units in shown]
    fits = counts.totals_for_percents(text, range(1, 61), rule=rule)
    assert total in fits
    assert all(
        any(counts.round_percent(k, n, 1, rule) == units for k in range(n + 1))
        for n in fits
        for units in shown
    )


@given(st.floats(-0.999, 0.999), st.integers(3, 500))
def test_r_and_t_are_inverse(r, n):
    assert conversions.r_from_t(conversions.t_from_r(r, n), n - 2) == pytest.approx(r, abs=1e-12)


@pytest.mark.parametrize("df", [None, 7])
def test_standard_error_of_an_interval_holds_the_one_it_was_made_from(df):
    quantile = stats.norm.isf(0.025) if df is None else stats.t.isf(0.025, df)
    for error in (0.013, 0.2, 1.7):
        low, high = (printed(f"{1 + side * quantile * error:.2f}") for side in (-1, 1))
        a, b = conversions.standard_error_from_interval(low, high, df=df)
        assert a <= error <= b
        assert b - a <= 0.02 / quantile + 1e-12  # half a unit at each of the two ends, twice


@pytest.mark.parametrize("extremes", [[(9, 9)], [(0, 0), (9, 9)]])
def test_least_sum_of_squares_is_not_undercut_by_any_sample(extremes):
    """Samples of integers and halves with mean 4 that hold the extremes."""
    need = [e[0] for e in extremes]
    least = float(moments.least_sum_of_squares(as_range(4), 5, [as_range(e) for e in extremes]))
    others = np.array(list(product(np.arange(0, 9.5, 0.5), repeat=5 - len(need))))
    sample = np.hstack([np.tile(need, (len(others), 1)), others])
    sample = sample[sample.sum(axis=1) == 20]
    assert len(sample)
    found = ((sample - 4) ** 2).sum(axis=1).min()
    assert least - 1e-9 <= found <= least + 1


@given(st.integers(1, 400), st.data(), st.integers(0, 2))
def test_a_nearest_value_is_one_that_rounding_half_either_way_can_give(total, data, decimals):
    count = data.draw(st.integers(0, total))
    exact = Fraction(100 * count * 10**decimals, total)
    low, high = math.ceil(exact - Fraction(1, 2)), math.floor(exact + Fraction(1, 2))
    for units in range(max(low - 2, 0), high + 3):
        assert counts.is_nearest(count, total, units, decimals) == (low <= units <= high)
