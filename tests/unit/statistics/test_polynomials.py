"""Grouped cross-validation: no group is split, no leakage, planted surfaces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold

from compendium.statistics.polynomials import (
    FULL_CUBIC,
    GRUSSU_EQ_17,
    assign_group_folds,
    cross_validate_polynomial,
    polynomial_terms,
)


@given(st.lists(st.integers(0, 9), min_size=10, max_size=60), st.integers(2, 4), st.integers(0, 5))
def test_groups_are_never_split_and_every_fold_is_used(groups, folds, seed):
    if len(set(groups)) < folds:
        return
    fold = assign_group_folds(groups, folds, seed=seed)
    assert all(len(set(fold[np.array(groups) == g])) == 1 for g in set(groups))
    assert set(fold) == set(range(folds))


def test_folds_follow_the_rows():
    groups = np.array(list("aabbbcddee"))
    order = np.random.default_rng(0).permutation(len(groups))
    folds = assign_group_folds(groups, 3, seed=2)
    assert set(folds) == {0, 1, 2}
    np.testing.assert_array_equal(assign_group_folds(groups[order], 3, seed=2), folds[order])


def test_predictions_equal_scikit_learn_on_the_same_folds():
    rng = np.random.default_rng(4)
    x, y, groups = rng.normal(size=40), rng.normal(size=40), np.repeat(np.arange(10), 4)
    t = x + x * y + rng.normal(0, 0.1, 40)
    ours = cross_validate_polynomial(t, x, y, exponents=FULL_CUBIC, groups=groups, folds=5, seed=1)
    assert len(set(ours.fold)) == GroupKFold(5).get_n_splits()
    design, predicted = polynomial_terms(x, y, FULL_CUBIC), np.empty(40)
    for k in range(5):
        train = ours.fold != k
        model = LinearRegression(fit_intercept=False).fit(design[train], t[train])
        predicted[~train] = model.predict(design[~train])
    np.testing.assert_allclose(ours.predicted, predicted, rtol=1e-8)


def test_splitting_groups_finds_a_signal_that_is_not_there():
    """Rows of one patient share both x and outcome; folds of rows remember patients, folds of patients cannot."""
    rng = np.random.default_rng(5)
    patients = np.repeat(np.arange(12), 8)
    x, y = rng.normal(size=12)[patients], rng.normal(size=12)[patients]
    t = rng.normal(size=12)[patients] + rng.normal(0, 0.2, 96)
    x, y = x + rng.normal(0, 0.05, 96), y + rng.normal(0, 0.05, 96)
    rows = cross_validate_polynomial(t, x, y, exponents=FULL_CUBIC, groups=None, folds=5, seed=1)
    grouped = cross_validate_polynomial(t, x, y, exponents=FULL_CUBIC, groups=patients, folds=4, seed=1)
    assert rows.r > 0.8
    assert grouped.r_squared < 0


def test_pure_noise_has_no_skill():
    rng = np.random.default_rng(6)
    result = cross_validate_polynomial(rng.normal(size=140), rng.normal(size=140), rng.normal(size=140),
                                       exponents=GRUSSU_EQ_17, groups=np.arange(140) // 4, folds=5, seed=0)  # fmt: skip
    assert result.parameters == 7
    assert result.r_squared < 0.05


def test_row_order_does_not_matter():
    rng = np.random.default_rng(7)
    x, y, t, groups = (
        rng.normal(size=30),
        rng.normal(size=30),
        rng.normal(size=30),
        np.repeat(list("abcdef"), 5),
    )
    order = rng.permutation(30)
    options = {"exponents": ((0, 0), (1, 0), (0, 1)), "folds": 3, "seed": 1}
    first = cross_validate_polynomial(t, x, y, groups=groups, **options)
    again = cross_validate_polynomial(t[order], x[order], y[order], groups=groups[order], **options)
    np.testing.assert_allclose(again.predicted, first.predicted[order], rtol=1e-9)


def test_awkward_inputs_fail():
    x = np.arange(8.0)
    with pytest.raises(ValueError, match="between 2 and the number of groups"):
        cross_validate_polynomial(x, x, x, exponents=((0, 0),), groups=["a"] * 8, folds=2, seed=0)
    with pytest.raises(
        ValueError, match="Polynomial columns must be linearly independent. Given 3 of rank 2"
    ):
        cross_validate_polynomial(x, x, x, exponents=((0, 0), (1, 0), (0, 1)), groups=None, folds=2, seed=0)
    with pytest.raises(ValueError, match="Too few training rows"):
        cross_validate_polynomial(x, x, x**2, exponents=FULL_CUBIC, groups=None, folds=4, seed=0)


def test_missing_rows_and_patients_without_label_are_dropped():
    x = np.arange(12.0)
    t = 2 * x
    t[3] = np.nan
    groups = [None, *"aabbccddeef"]
    result = cross_validate_polynomial(
        t, x, x % 3, exponents=((0, 0), (1, 0)), groups=groups, folds=3, seed=0
    )
    assert (result.n, result.dropped) == (10, 2)
