"""Joining two modalities and filling gaps: planted truth, no leaks, and no imputed value in a test."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from compendium.radiopathomics.folds import Fold, LeakageError, random_folds
from compendium.radiopathomics.fusion import (
    WAYS,
    Joining,
    grouped_folds,
    leave_group_out,
    predict_joined,
    subject_scores,
)
from compendium.radiopathomics.imputation import (
    ImputedValuesError,
    fill_from,
    rank_test_measured,
    refuse_imputed,
)
from compendium.statistics.auc import auroc


def cohort(subjects=40, rows=2, seed=1, first=1.5, second=1.5):
    rng = np.random.default_rng(seed)
    subject = np.repeat([f"s{i:02d}" for i in range(subjects)], rows)
    outcome = np.repeat(np.arange(subjects) % 2, rows)
    x = rng.standard_normal((len(subject), 3))
    z = rng.standard_normal((len(subject), 4))
    x[:, 0] += first * outcome
    z[:, 1] += second * outcome
    return x, z, outcome, subject


def area(scores, outcome, subject):
    found, truth = subject_scores(scores, outcome, subject)
    return auroc(truth, found)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_finds_what_is_planted_in_both(way):
    x, z, y, s = cohort()
    scores = predict_joined(x, z, y, s, grouped_folds(s, y, 5, 1), Joining(way))
    assert np.isfinite(scores).all() and area(scores, y, s) > 0.75


def test_one_modality_alone_does_not_see_the_other():
    x, z, y, s = cohort(first=0.0, second=3.0)
    folds = grouped_folds(s, y, 5, 1)
    assert area(predict_joined(x, z, y, s, folds, Joining("first")), y, s) < 0.7
    assert area(predict_joined(x, z, y, s, folds, Joining("second")), y, s) > 0.9
    other = predict_joined(x, np.zeros_like(z), y, s, folds, Joining("first"))
    assert_allclose(other, predict_joined(x, z, y, s, folds, Joining("first")))


def test_scores_do_not_depend_on_the_unit_of_a_column():
    x, z, y, s = cohort()
    folds = grouped_folds(s, y, 5, 1)
    for way in WAYS:
        plain = predict_joined(x, z, y, s, folds, Joining(way))
        assert_allclose(
            predict_joined(1000 * x + 7, z / 10, y, s, folds, Joining(way)), plain, rtol=1e-8, atol=1e-10
        )


def test_the_tested_subject_teaches_nothing():
    x, z, y, s = cohort()
    fold = grouped_folds(s, y, 5, 1)[0]
    plain = predict_joined(x, z, y, s, [fold], Joining())
    changed = y.copy()
    changed[fold.test] = 1 - changed[fold.test]
    assert_allclose(predict_joined(x, z, changed, s, [fold], Joining())[fold.test], plain[fold.test])
    assert np.isnan(plain[fold.train]).all()


def test_rows_of_a_subject_on_both_sides_are_refused_unless_allowed():
    x, z, y, s = cohort()
    loose = list(random_folds(len(y), 5, 1))
    with pytest.raises(LeakageError, match="never both. Given s"):
        predict_joined(x, z, y, s, loose, Joining())
    assert np.isfinite(predict_joined(x, z, y, s, loose, Joining(), allow_leakage=True)).all()


def test_grouped_folds_part_subjects_and_share_outcomes():
    _, _, y, s = cohort(23, 3)
    folds = grouped_folds(s, y, 4, 3)
    assert sorted(np.concatenate([f.test for f in folds]).tolist()) == list(range(len(y)))
    for fold in folds:
        assert not set(s[fold.train]) & set(s[fold.test])
        assert set(y[fold.test]) == {0, 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grouped_folds(["a", "a"], [0, 1], 2, 1), "one outcome"),
        (lambda: grouped_folds(list("abc"), [0, 1, 1], 2, 1), "Given 2 folds for 1, 2 subjects"),
        (lambda: leave_group_out(["A", "A"]), "two groups at least. Given 1"),
        (lambda: predict_joined([[1.0]], [[1.0]], [0], ["a"], [], Joining("early")), "way"),
        (lambda: predict_joined([[1.0]], [[1.0]], [0], ["a"], [], Joining(missing="zero")), "missing"),
    ],
)
def test_what_cannot_be_joined_fails(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_dropped_rows_get_no_score_and_filled_ones_do():
    x, z, y, s = cohort()
    z[:6] = np.nan
    folds = grouped_folds(s, y, 5, 1)
    dropped = predict_joined(x, z, y, s, folds, Joining("values", missing="drop"))
    assert np.isnan(dropped[:6]).all() and np.isfinite(dropped[6:]).all()
    assert np.isfinite(predict_joined(x, z, y, s, folds, Joining("values"))).all()
    assert np.isfinite(predict_joined(x, z, y, s, folds, Joining("first", missing="drop"))).all()


def test_a_linear_relation_is_filled_in_and_flagged():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((40, 2))
    truth = np.column_stack([3 + 2 * x[:, 0] - x[:, 1], -x[:, 1]])
    y = truth.copy()
    y[5:9, 0] = np.nan
    y[7:12, 1] = np.nan
    got = fill_from(x, y, np.arange(40), penalty=1e-9)
    assert_allclose(got.values, truth, atol=1e-6)
    assert_allclose(got.imputed, np.isnan(y))
    assert_allclose(got.values[~got.imputed], y[~np.isnan(y)])


def test_filling_learns_from_training_rows_only():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((30, 1))
    y[25:] = np.nan
    train = np.arange(20)
    other = y.copy()
    other[20:25] += 100
    assert_allclose(fill_from(x, y, train).values[25:], fill_from(x, other, train).values[25:])


def test_a_strong_penalty_fills_with_the_mean_and_gaps_of_the_source_with_theirs():
    x, y = np.array([[0.0], [1.0], [2.0], [np.nan]]), np.array([[1.0], [2.0], [3.0], [np.nan]])
    assert fill_from(x, y, [0, 1, 2], penalty=1e12).values[3, 0] == pytest.approx(2)
    assert fill_from(x, y, [0, 1, 2], penalty=1e-12).values[3, 0] == pytest.approx(2)


def test_a_column_that_nobody_measured_fails():
    with pytest.raises(ValueError, match="Given none in column 2"):
        fill_from([[1.0], [2.0]], [[1.0, np.nan], [2.0, np.nan]], [0, 1])


def test_imputed_values_are_refused_in_a_test():
    with pytest.raises(ImputedValuesError, match="Given 2 imputed of 3"):
        refuse_imputed([True, True, False], 3)
    with pytest.raises(ImputedValuesError, match="Given 1 imputed of 4"):
        rank_test_measured([1, 2, 3, 4], [0, 0, 1, 1], list("abcd"), imputed=[0, 0, 0, 1])
    refuse_imputed(None, 3)


def test_a_subject_counts_once_however_many_regions_it_has():
    values, outcome = [1, 2, 3, 4, 5, 6.0], [0, 0, 0, 1, 1, 1]
    once = rank_test_measured(values, outcome, list("abcdef"))
    many = rank_test_measured(np.repeat(values, 5), np.repeat(outcome, 5), np.repeat(list("abcdef"), 5))
    assert (once.p, once.auc) == (many.p, many.auc) and once.with_outcome == 3


def test_missing_subjects_are_left_out_and_counted():
    found = rank_test_measured([1, 2, np.nan, 4, 5, np.nan], [0, 0, 0, 1, 1, 1], list("abcdef"))
    assert (found.with_outcome, found.without, found.left_out) == (2, 2, 2)
    with pytest.raises(ValueError, match="measured subjects on each side"):
        rank_test_measured([1, np.nan, 3, 4], [0, 0, 1, 1], list("abcd"))


def test_subject_scores_skip_rows_without_a_score():
    scores, outcome = subject_scores([1, np.nan, 3, np.nan], [0, 0, 1, 1], ["a", "a", "b", "c"])
    assert scores.tolist() == [1, 3] and outcome.tolist() == [0, 1]


def test_whole_groups_are_left_out():
    folds = leave_group_out(["B", "A", "B", "C"])
    assert [f.name for f in folds] == ["A", "B", "C"]
    assert isinstance(folds[0], Fold) and folds[1].test.tolist() == [0, 2]
