"""Areas under ROC curves: invariants, brute force, awkward scores, planted truth under clustering."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx
from scipy.stats import norm
from sklearn import metrics

from compendium.statistics import auc as ours

two_classes = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=4, max_size=40).filter(
    lambda rows: 2 <= sum(r[0] for r in rows) <= len(rows) - 2
)


@given(two_classes)
def test_area_equals_counting_all_pairs_and_mirrors(rows):
    truth, score = np.array(rows).T
    up, down = score[truth == 1][:, None], score[truth == 0][None, :]
    area = ours.auroc(truth, score)
    assert area == approx(np.mean((up > down) + 0.5 * (up == down)))
    assert ours.auroc(truth, -score) == approx(1 - area)
    assert ours.auroc(truth, score, "lower") == approx(1 - area)
    assert ours.partial_auc(truth, score, 0, 1) == approx(area)
    assert ours.partial_auc(truth, score, 0, 1, "sensitivity") == approx(area)


@given(two_classes, st.floats(0, 0.9))
def test_partial_areas_add_up(rows, cut):
    truth, score = np.array(rows).T
    cut = max(cut, 0.05)
    for focus in ("specificity", "sensitivity"):
        parts = [ours.partial_auc(truth, score, a, b, focus) for a, b in ((0, cut), (cut, 1))]
        assert sum(parts) == approx(ours.auroc(truth, score))


@given(two_classes)
def test_delong_variance_equals_its_double_sum(rows):
    truth, score = np.array(rows).T
    up, down = score[truth == 1], score[truth == 0]
    beat = (up[:, None] > down) + 0.5 * (up[:, None] == down)
    variance = beat.mean(1).var(ddof=1) / len(up) + beat.mean(0).var(ddof=1) / len(down)
    got = ours.delong_interval(truth, score)
    assert got.lower == approx(max(0, got.estimate - 1.959963984540054 * np.sqrt(variance)), abs=1e-12)


@given(two_classes)
def test_clusters_of_one_give_delong(rows):
    truth, score = np.array(rows).T
    plain, clustered = (
        ours.delong_interval(truth, score),
        ours.clustered_auc_interval(truth, score, range(len(truth))),
    )
    assert tuple(clustered) == approx(tuple(plain))


def test_curve_holds_the_operating_points_of_scikit_learn(rng):
    truth, score = rng.integers(0, 2, 80), rng.integers(0, 15, 80)
    fpr, tpr, cuts = metrics.roc_curve(truth, score, drop_intermediate=False)
    got = ours.roc_curve(truth, score, at="observed")[::-1]
    assert got.threshold.to_list() == approx(cuts.tolist())
    assert got.sensitivity.to_list() == approx(tpr.tolist())
    assert (1 - got.specificity).to_list() == approx(fpr.tolist())


def test_threshold_of_a_low_marker_is_in_the_unit_of_the_score():
    best = ours.best_thresholds([1, 1, 0, 0], [1.0, 2.0, 3.0, 4.0], direction="lower")
    assert best.threshold.to_list() == [2.5]
    observed = ours.best_thresholds([1, 1, 0, 0], [1.0, 2.0, 3.0, 4.0], direction="lower", at="observed")
    assert observed.threshold.to_list() == [2.0]  # positive at or below


def test_tied_thresholds_are_all_returned():
    assert len(ours.best_thresholds([0, 1, 0, 1], [1, 2, 3, 4])) == 2
    assert len(ours.best_thresholds([0, 1, 0, 1], [5, 5, 5, 5])) == 2  # constant score: both ends


def test_direction_is_never_turned_round():
    assert ours.auroc([1, 1, 0, 0], [1, 2, 3, 4]) == 0


def test_constant_score_has_area_one_half_and_no_spread():
    got = ours.delong_interval([0, 1, 0, 1], [3, 3, 3, 3])
    assert (got.lower, got.estimate, got.upper) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("scale", ["plain", "logit"])
def test_perfect_separation_stays_inside_the_unit_interval(scale):
    got = ours.delong_interval([0, 0, 1, 1], [1, 2, 3, 4], scale=scale)
    assert (got.lower, got.estimate, got.upper) == (1, 1, 1)


def test_logit_limits_stay_inside_where_plain_ones_are_cut(rng):
    truth = np.repeat([0, 1], 15)
    score = rng.normal(2.5 * truth)
    plain, logit = (ours.delong_interval(truth, score, scale=s) for s in ("plain", "logit"))
    assert plain.upper == 1
    assert logit.lower < plain.estimate < logit.upper < 1


def test_paired_test_drops_cases_missing_in_either_score():
    truth, a = [0, 0, 0, 1, 1, 1, 1], [1, 2, 4, 3, 5, 6, 9]
    b = [2, 1, 3, 3, 1, 4, None]
    assert ours.delong_test(truth, a, b) == ours.delong_test(truth[:-1], a[:-1], b[:-1])


def test_paired_test_with_opposite_directions_equals_turning_one_score():
    truth, a, b = [0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], [6, 5, 3, 4, 1, 2]
    turned = ours.delong_test(truth, a, [-v for v in b])
    assert ours.delong_test(truth, a, b, ("higher", "lower")) == turned
    assert ours.delong_test(truth, a, b).estimate == approx(
        turned.estimate + 2 * ours.auroc(truth, [-v for v in b]) - 1
    )


def test_a_difference_without_variance_has_no_p():
    got = ours.delong_test([0, 0, 1, 1], [1, 2, 3, 4], [7, 7, 7, 7])
    assert got.estimate == 0.5
    assert np.isnan(got.p)


def test_monotone_rescaling_and_row_order_change_nothing(rng):
    truth, score, label = rng.integers(0, 2, 60), rng.normal(size=60), rng.integers(0, 12, 60)
    order = rng.permutation(60)
    got = ours.clustered_auc_interval(truth, score, label)
    again = ours.clustered_auc_interval(truth[order], np.exp(score[order]), label[order])
    assert (got.estimate, *got) == approx((again.estimate, *again))


def test_repeating_every_case_does_not_narrow_the_clustered_interval(rng):
    truth, score, label = rng.integers(0, 2, 40), rng.normal(size=40), np.arange(40) // 2
    once = ours.clustered_auc_interval(truth, score, label)
    twice = ours.clustered_auc_interval(np.tile(truth, 2), np.tile(score, 2), np.tile(label, 2))
    assert tuple(once) == approx(tuple(twice))
    plain = ours.delong_interval(np.tile(truth, 2), np.tile(score, 2))
    assert plain.upper - plain.lower < 0.75 * (twice.upper - twice.lower)


def test_clustered_interval_covers_where_delong_does_not(rng):
    # 50 patients of 6 cases with a shared effect in the score; planted area from the normal model
    patient = np.repeat(np.arange(50), 6)
    truth = np.repeat(np.tile([0, 1], 25), 6)
    area = norm.cdf(1 / np.sqrt(2 * (1 + 2)))
    hits = np.zeros(2)
    for _ in range(300):
        score = truth + rng.normal(size=300) + np.sqrt(2) * rng.normal(size=50)[patient]
        hits += [
            area in ours.clustered_auc_interval(truth, score, patient),
            area in ours.delong_interval(truth, score),
        ]
    assert hits[0] / 300 > 0.9
    assert 0.4 < hits[1] / 300 < 0.75


def test_clustered_paired_test_holds_its_level(rng):
    patient, truth = np.repeat(np.arange(40), 4), np.tile([0, 1, 1, 0], 40)
    p = []
    for _ in range(300):
        shared = rng.normal(size=40)[patient] * (1 + truth)
        a, b = (truth + shared + rng.normal(size=160) for _ in range(2))
        p.append(ours.clustered_auc_test(truth, a, b, patient).p)
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ours.auroc([1, 1], [1, 2]), "Both classes must hold cases. Given 2 with, 0 without condition"),
    (lambda: ours.auroc([0, 1], [1, 2], "auto"), "direction must be one of 'higher', 'lower'. Given 'auto'"),
    (lambda: ours.delong_interval([0, 1, 1], [1, 2, 3]), "Too few cases in each class: at least 2 are needed. Given 1"),
    (lambda: ours.hanley_mcneil_interval(1.2, 5, 5), r"auc must lie in \[0, 1\]. Given 1.2"),
    (lambda: ours.partial_auc([0, 1], [1, 2], 0.5, 0.2), r"high must lie in \(low, 1\]. Given low = 0.5, high = 0.2"),
    (lambda: ours.clustered_auc_interval([0, 1, 1], [1, 2, 3], ["a", "a", "a"]), "clusters with cases of each class"),
    (lambda: ours.roc_curve([0, 1], [1, 2], at="median"), "at must be one of 'midpoint', 'observed'"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_hanley_mcneil_interval_stays_in_the_unit_interval():
    assert ours.hanley_mcneil_interval(1.0, 20, 20).lower == 1
    assert ours.hanley_mcneil_interval(0.99, 4, 4).upper == 1


@pytest.mark.parametrize("sizes", [(40, 40, 40, 40), (12, 60, 50, 15)])
def test_unpaired_test_holds_its_level(rng, sizes):
    p = []
    for _ in range(400):
        first, second = (
            (np.repeat([1, 0], [m, n]), rng.normal(np.repeat([1.0, 0.0], [m, n])))
            for m, n in (sizes[:2], sizes[2:])
        )
        p.append(ours.delong_test_unpaired(*first, *second).p)
    assert 0.025 < np.mean(np.array(p) < 0.05) < 0.085


def test_unpaired_test_turns_its_sign_and_has_the_normal_limit(rng):
    truth = rng.integers(0, 2, 300)
    first, second = rng.normal(truth), rng.normal(0.3 * truth)
    there = ours.delong_test_unpaired(truth, first, truth, second)
    back = ours.delong_test_unpaired(truth, second, truth, first)
    assert (back.estimate, back.statistic) == approx((-there.estimate, -there.statistic))
    assert back.p == approx(there.p)
    normal = ours.delong_test_unpaired(truth, first, truth, second, distribution="normal")
    assert normal.p == approx(2 * norm.sf(abs(there.statistic)))
    assert normal.df is None
    mirrored = ours.delong_test_unpaired(truth, -first, truth, second, direction=("lower", "higher"))
    assert mirrored.p == approx(there.p)


def test_unpaired_test_of_separated_scores_has_no_p_and_of_equal_ones_p_one():
    truth = [0, 0, 1, 1]
    apart = ours.delong_test_unpaired(truth, [1, 2, 3, 4], truth, [4, 3, 2, 1])
    assert np.isnan(apart.p)
    same = ours.delong_test_unpaired(truth, [1, 2, 3, 4], truth, [1, 2, 3, 4])
    assert (same.estimate, same.p) == (0, 1)
    with pytest.raises(ValueError, match="Too few cases in each class: at least 2 are needed. Given 1"):
        ours.delong_test_unpaired([0, 0, 1], [1, 2, 3], truth, [1, 2, 3, 4])
    with pytest.raises(ValueError, match="distribution must be one of"):
        ours.delong_test_unpaired(truth, [1, 2, 3, 4], truth, [1, 2, 3, 4], distribution="z")
