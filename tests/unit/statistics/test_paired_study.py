"""Several readings of the same cases: cells, bounds of clustering, recounted finds, patients resampled."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from compendium.statistics.confusion import ConfusionCounts
from compendium.statistics.paired_study import (
    Cells,
    Pair,
    count_pair,
    mcnemar_at_design_effect,
    mcnemar_with_fewest_clusters,
    most_uneven_sizes,
    recount,
    recounted_accuracies,
    resample_readings,
    stretch_limit,
    tipping_point,
    wilson_coverage,
    wilson_limits,
    with_unread_rest,
)
from compendium.statistics.reads import mcnemar_asymptotic, mcnemar_exact

PRINTED = Pair(Cells(277, 6, 57, 1), Cells(3, 2, 1, 75))


def test_cells_are_counted_without_incomplete_cases():
    reference = [1, 1, 1, 1, 0, 0, 0, 1]
    first = [1, 1, 0, 0, 1, 0, np.nan, np.nan]
    second = [1, 0, 1, 0, 1, 0, 0, 1]
    assert count_pair(reference, first, second) == Pair(Cells(1, 1, 1, 1), Cells(1, 0, 0, 1))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)), max_size=30))
def test_right_and_wrong_add_up_to_the_difference_of_accuracies(rows):
    reference, first, second = np.array(rows, dtype=float).reshape(-1, 3).T
    only_first, only_second, n = count_pair(reference, first, second).right_only("accuracy")
    assert n == len(rows)
    assert only_second - only_first == (second == reference).sum() - (first == reference).sum()


def test_swapping_the_readings_swaps_the_sides():
    swapped = Pair(Cells(277, 57, 6, 1), Cells(3, 1, 2, 75))
    for metric in ("sensitivity", "specificity", "accuracy"):
        a, b, n = PRINTED.right_only(metric)
        assert swapped.right_only(metric) == (b, a, n)
    assert swapped.agreement == PRINTED.agreement == pytest.approx(356 / 422)
    with pytest.raises(ValueError, match='Given "precision"'):
        PRINTED.right_only("precision")


def test_without_clustering_the_bound_is_the_uncorrected_mcnemar_test():
    assert mcnemar_at_design_effect(6, 57, 1) == pytest.approx(
        mcnemar_asymptotic(6, 57, correction=False).p, rel=1e-12
    )
    assert mcnemar_at_design_effect(6, 57, 1.39) > mcnemar_at_design_effect(6, 57, 1)
    assert mcnemar_at_design_effect(0, 0, 2) == 1
    with pytest.raises(ValueError, match="at least 1. Given 0.5"):
        mcnemar_at_design_effect(6, 57, 0.5)


def test_a_limit_is_stretched_by_the_root_and_stops_at_the_bound():
    assert stretch_limit(15, 10, 4, 100) == 5
    assert stretch_limit(-95, -99, 9, 100) == -100


@pytest.mark.parametrize(("count", "n"), [(0, 7), (3, 7), (7, 7), (283, 341)])
def test_wilson_limits_equal_those_of_statsmodels_for_whole_counts(count, n):
    expected = proportion_confint(count, n, 0.1, method="wilson")
    assert np.allclose(wilson_limits(count / n, n, 0.9), expected, rtol=0, atol=1e-12)  # same formula


@given(st.integers(1, 60), st.integers(0, 200))
def test_no_split_of_cases_has_a_larger_sum_of_squares_than_the_most_uneven_one(clusters, extra):
    sizes = most_uneven_sizes(clusters, clusters + extra)
    assert sizes.sum() == clusters + extra and len(sizes) == clusters
    drawn = np.random.default_rng(extra).multinomial(extra, np.full(clusters, 1 / clusters)) + 1
    assert (drawn**2).sum() <= (sizes**2).sum()


def test_coverage_is_kept_without_clustering_and_lost_with_it():
    sizes = np.full(60, 5)
    alone = wilson_coverage(sizes, 0, 0.9, 0.95, seed=1)
    assert abs(alone - 0.95) < 0.02  # the exact coverage of Wilson at n = 300, p = .9 is .945–.957
    assert wilson_coverage(sizes, 1, 0.9, 0.95, seed=1) < 0.75
    assert wilson_coverage(np.ones(60), 1, 0.9, 0.95, seed=1) > 0.9


def test_recounting_moves_cases_from_one_stratum_to_the_other():
    after = recount(PRINTED, 22)
    assert after == Pair(Cells(277, 6, 35, 1), Cells(3, 2, 23, 75))
    assert recount(PRINTED, 500).present.second_only == 0
    mirrored = Pair(Cells(277, 57, 6, 1), Cells(3, 1, 2, 75))
    assert recount(mirrored, 22) == Pair(Cells(277, 35, 6, 1), Cells(3, 23, 2, 75))


def test_the_tipping_point_is_the_first_recount_that_is_not_told_apart():
    k = tipping_point(PRINTED, 22, 0.05)
    ps = [recounted_accuracies(PRINTED, i)[2] for i in range(23)]
    assert k == next(i for i, p in enumerate(ps) if p >= 0.05) and ps[0] == mcnemar_exact(7, 59).p
    assert np.isnan(tipping_point(PRINTED, 3, 0.05))
    assert tipping_point(Pair(Cells(5, 1, 1, 0), Cells(0, 0, 0, 5)), 1, 0.05) == 0


def test_a_rest_that_was_read_negative_raises_specificity_and_hidden_cases_lower_sensitivity():
    counts = ConfusionCounts(tp=283, fp=5, fn=58, tn=76)
    assert with_unread_rest(counts, 0, 0.5)["sensitivity"] == 283 / 341
    free = with_unread_rest(counts, 1581, 0)
    assert free["specificity"] == (76 + 1581) / (81 + 1581) and free["sensitivity"] == 283 / 341
    hidden = with_unread_rest(counts, 1000, 0.1)
    assert hidden["sensitivity"] == 283 / (341 + 100) and hidden["accuracy"] == (283 + 76 + 900) / 1422


def test_resampled_limits_equal_a_plain_bootstrap_over_the_same_patients():
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(8), 4)
    reference = rng.integers(0, 2, 32)
    reads = {name: np.where(rng.random(32) < 0.8, reference, 1 - reference).astype(float) for name in "ab"}
    reads["a"][5] = np.nan
    got = resample_readings(reference, reads, patient, 60, seed=9, confidence=0.9)
    drawn = np.random.default_rng(9).integers(0, 8, (60, 8))
    plain = {name: [] for name in ("a.sensitivity", "b.accuracy", "a-vs-b.specificity")}
    for sample in drawn:
        rows = np.concatenate([np.flatnonzero(patient == p) for p in sample])
        y, a, b = reference[rows], reads["a"][rows], reads["b"][rows]
        read = ~np.isnan(a)
        plain["a.sensitivity"].append(100 * np.mean(a[read & (y == 1)]))
        plain["b.accuracy"].append(100 * np.mean(b == y))
        absent = read & (y == 0)
        plain["a-vs-b.specificity"].append(100 * (np.mean(b[absent] == 0) - np.mean(a[absent] == 0)))
    for name, values in plain.items():
        assert got[name] == pytest.approx(tuple(np.percentile(values, [5, 95])), rel=1e-12)


def test_one_patient_a_reading_that_is_never_wrong_and_an_absent_stratum_have_no_limits():
    got = resample_readings([1, 1, 1], {"a": [1, 0, 1]}, ["p", "p", "p"], 20, seed=1)
    assert np.isnan(got["a.sensitivity"]).all() and np.isnan(got["a.specificity"]).all()
    right = resample_readings([1, 1, 0, 0], {"a": [1, 1, 0, 1]}, list("pqrs"), 50, seed=1)
    assert np.isnan(right["a.sensitivity"]).all() and np.isfinite(right["a.specificity"]).all()


def test_order_within_a_patient_and_the_names_of_patients_do_not_matter():
    rng = np.random.default_rng(1)
    patient = np.sort(rng.integers(0, 9, 40))
    reference, a = rng.integers(0, 2, 40), rng.integers(0, 2, 40).astype(float)
    shuffled = np.lexsort((rng.random(40), patient))
    assert not np.array_equal(shuffled, np.arange(40))
    first = resample_readings(reference, {"a": a}, patient, 50, 2)
    renamed = [f"p{v}" for v in patient[shuffled]]
    assert resample_readings(reference[shuffled], {"a": a[shuffled]}, renamed, 50, 2) == first


@pytest.mark.parametrize(
    ("first", "second", "k", "m"), [(3, 8, 2, 3), (1, 9, 1, 5), (4, 7, 4, 7), (2, 6, 1, 1)]
)
def test_p_with_the_fewest_clusters_is_the_largest_over_all_splits(first, second, k, m):
    def splits(cases, clusters):
        return [s for s in combinations_with_replacement(range(1, cases + 1), clusters) if sum(s) == cases]

    squares = max(sum(v**2 for v in a + b) for a in splits(first, k) for b in splits(second, m))
    largest = 2 * norm.sf(abs(second - first) / np.sqrt(squares))
    assert mcnemar_with_fewest_clusters(first, second, k, m) == pytest.approx(largest, rel=1e-12)


def test_p_with_clusters_of_one_is_mcnemars_and_without_discordance_one():
    plain = mcnemar_asymptotic(6, 57, correction=False).p
    assert mcnemar_with_fewest_clusters(6, 57, 6, 57) == pytest.approx(plain, rel=1e-12)
    assert mcnemar_with_fewest_clusters(6, 57, 3, 20) > plain
    assert mcnemar_with_fewest_clusters(0, 0, 0, 0) == 1
