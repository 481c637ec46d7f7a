"""Bounds from printed areas against cohorts that attain them, and against simulation."""

import numpy as np
import pytest

from compendium.evidence.feasibility import roc_bounds as rb
from compendium.statistics.auc import auroc, delong_interval
from compendium.statistics.ranks import mann_whitney, wilcoxon_signed_rank


def test_the_least_area_of_the_missed_is_attained_by_perfect_others():
    negatives, missed, found = np.arange(10.0), np.array([2.5, 4.5, 8.5]), np.full(7, 99.0)
    score, truth = np.r_[negatives, missed, found], np.r_[np.zeros(10), np.ones(10)]
    forced = rb.least_auc_of_part(auroc(truth, score), others=7, part=3)
    assert forced == pytest.approx(auroc(np.r_[np.zeros(10), np.ones(3)], np.r_[negatives, missed]))


def test_missed_like_negatives_is_the_case_of_one_half():
    largest = rb.largest_auc_if_part_is_like_negatives(283, 58)
    assert rb.least_auc_of_part(largest, 283, 58) == pytest.approx(0.5)


def test_the_bound_on_false_positives_is_attained():
    true_negatives, false, found, missed = (
        np.zeros(5),
        np.array([2.0, 3.0]),
        np.array([2.5, 4.0, 5.0]),
        np.array([9.0]),
    )
    score = np.r_[true_negatives, false, found, missed]
    auc = auroc(np.r_[np.zeros(7), np.ones(4)], score)
    got = rb.least_auc_against_false_positives(
        auc, found=3, missed=1, false=2, true_negatives=5, missed_auc=1.0
    )
    assert got == pytest.approx(5 / 6)


def test_expected_binormal_error_matches_simulated_delong():
    rng, errors = np.random.default_rng(1), []
    truth = np.r_[np.ones(120), np.zeros(60)]
    for _ in range(200):
        got = delong_interval(truth, rng.normal(size=180) + 1.5 * truth, confidence=0.5)
        errors.append((got.estimate - got.lower) / 0.6745)
    from scipy.stats import norm

    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(
        rb.binormal_error(norm.cdf(1.5 / np.sqrt(2)), 120, 60), rel=0.03
    )


def test_correlation_raises_z_and_no_correlation_is_the_sum_of_variances():
    assert rb.z_of_correlated_areas(0.9, 0.8, 0.03, 0.04, 0.0) == pytest.approx(0.1 / 0.05)
    assert rb.z_of_correlated_areas(0.9, 0.8, 0.03, 0.04, 0.5) > 2


def test_largest_undecided_area_sits_at_the_level_of_the_rank_sum_test():
    area = rb.largest_undecided_auc(7, 77)
    negatives = np.arange(77.0)
    below, above = (mann_whitney(np.full(7, v) + np.linspace(0, 0.1, 7), negatives, method="asymptotic", continuity=False).p
                    for v in (77 * area - 1.6, 77 * area + 0.6))  # fmt: skip
    assert above < 0.05 < below


@pytest.mark.parametrize("n", [1, 4, 9])
def test_smallest_signed_rank_p_is_that_of_pairs_that_all_grow(n):
    first, second = np.zeros(n), np.arange(1.0, n + 1)
    assert rb.smallest_signed_rank_p(n) == pytest.approx(
        wilcoxon_signed_rank(second, first, method="exact", zeros="wilcoxon").p
    )
    normal = wilcoxon_signed_rank(second, first, method="asymptotic", zeros="wilcoxon", continuity=False).p
    assert rb.smallest_signed_rank_p(n, exact=False) == pytest.approx(normal)


def test_hanley_mcneil_error_near_one_is_not_cut():
    assert rb.hanley_mcneil_error(0.999, 20, 20) > 0
