"""The one rule for missing values, and messages that name problem, rule and value."""

import numpy as np
import pandas as pd
import pytest

from compendium.base import validation


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, np.nan])
def test_every_kind_of_missing_value_is_dropped_and_counted(missing):
    (x, y), dropped = validation.drop_incomplete(x=[1, missing, 3], y=[4, 5, missing])
    assert (x.tolist(), y.tolist(), dropped) == ([1], [4], 2)


def test_nullable_integers_and_booleans_of_pandas_are_numbers():
    got = validation.as_vector(pd.Series([1, None, 0], dtype="Int64"), "read")
    assert got[[0, 2]].tolist() == [1, 0]
    assert np.isnan(got[1])
    assert validation.as_vector([True, False], "read").tolist() == [1, 0]


def test_missing_labels_drop_their_row():
    (x, label), dropped = validation.drop_incomplete(
        x=[1, 2, 3], cluster=["a", None, np.nan], labels=["cluster"]
    )
    assert (x.tolist(), label.tolist(), dropped) == ([1], ["a"], 2)


def test_integer_labels_with_a_gap_stay_whole():
    (_, label), _ = validation.drop_incomplete(x=[1, 2, 3], cluster=[10, None, 20], labels=["cluster"])
    assert len(set(label)) == 2


def test_empty_arrays_are_complete():
    (x,), dropped = validation.drop_incomplete(x=[])
    assert (len(x), dropped) == (0, 0)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: validation.as_vector(["a", "b"], "score"), "score must hold numbers. Given"),
    (lambda: validation.as_vector([1, np.inf], "score"), "score must be finite or missing. Given inf in row 1"),
    (lambda: validation.as_vector(3.0, "score"), r"score must be one-dimensional. Given shape \(\)"),
    (lambda: validation.as_labels([["a"]], "cluster"), r"cluster must be one-dimensional. Given shape \(1, 1\)"),
    (lambda: validation.check_same_length(x=[1], y=[]), "must have the same length. Given x: 1, y: 0"),
    (lambda: validation.check_binary(np.array([0, 0.5]), "read"), "read must hold 0 and 1 only. Given 0.5 in row 1"),
    (lambda: validation.check_between(float("nan"), 0, 1, "icc"), r"icc must lie in \[0, 1\]. Given nan"),
    (lambda: validation.check_choice("x", ["a"], "method"), "method must be one of 'a'. Given 'x'"),
    (lambda: validation.check_minimum(1, 2, "clusters"), "Too few clusters: at least 2 are needed. Given 1"),
])  # fmt: skip
def test_a_message_names_problem_rule_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
