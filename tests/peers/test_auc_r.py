"""auc and roc against pROC; made by auc.R."""

import numpy as np
import pytest
from pytest import approx

from compendium.statistics import auc as ours

Z = 1.959963984540054
CLOSED = 1e-11  # the same sums in another order


@pytest.fixture(scope="module")
def r(peer):
    return peer("auc")


@pytest.mark.parametrize(("key", "score", "direction"), [("s100b", "s100b", "higher"), ("ndka", "ndka", "higher"),
                                                         ("lower", "s100b", "lower")])  # fmt: skip
def test_area_and_delong_interval_equal_proc(r, key, score, direction):
    got = ours.delong_interval(r["data"]["truth"], r["data"][score], direction)
    assert [got.estimate, *got] == approx([r[key]["auc"], *r[key]["ci"]], rel=CLOSED)


def test_tied_scores_equal_proc(r):
    got = ours.delong_interval(r["data"]["tied_truth"], r["data"]["tied"])
    assert [got.estimate, *got] == approx([r["tied"]["auc"], *r["tied"]["ci"]], rel=CLOSED)


def test_paired_delong_equals_roc_test(r):
    got = ours.delong_test(r["data"]["truth"], r["data"]["s100b"], r["data"]["ndka"])
    assert [got.statistic, got.p] == approx([r["paired"]["z"], r["paired"]["p"]], rel=1e-10)


def test_identical_scores_have_p_one_as_in_proc(r):
    got = ours.delong_test(r["data"]["truth"], r["data"]["s100b"], r["data"]["s100b"])
    assert (got.statistic, got.p) == (r["identical"]["z"], r["identical"]["p"]) == (0, 1)


@pytest.mark.parametrize(("key", "low", "high", "focus", "corrected"), [
    ("spec", 0.8, 1, "specificity", False), ("spec_correct", 0.8, 1, "specificity", True),
    ("sens", 0.75, 0.95, "sensitivity", False), ("sens_correct", 0.75, 0.95, "sensitivity", True),
])  # fmt: skip
def test_partial_areas_equal_proc(r, key, low, high, focus, corrected):
    got = ours.partial_auc(r["data"]["truth"], r["data"]["s100b"], low, high, focus, corrected=corrected)
    assert got == approx(r["partial"][key], rel=CLOSED)


@pytest.mark.parametrize(("key", "truth", "score", "criterion"), [
    ("youden", "truth", "s100b", "youden"), ("closest", "truth", "s100b", "closest"),
    ("youden_tied", "tied_truth", "tied", "youden"),
])  # fmt: skip
def test_best_thresholds_equal_coords(r, key, truth, score, criterion):
    got = ours.best_thresholds(r["data"][truth], r["data"][score], criterion=criterion)
    for name in ("threshold", "sensitivity", "specificity"):
        assert got[name].to_list() == approx(np.atleast_1d(r[key][name]).tolist(), rel=CLOSED)


def test_midpoint_thresholds_equal_proc(r):
    got = ours.roc_curve(r["data"]["tied_truth"], r["data"]["tied"])
    assert got.threshold.to_list()[1:-1] == approx(r["thresholds"])


@pytest.mark.parametrize(("key", "score"), [("clustered", "s100b"), ("clustered_ndka", "ndka")])
def test_clustered_area_equals_obuchowski_summed_case_by_case(r, key, score):
    got = ours.clustered_auc_interval(r["data"]["truth"], r["data"][score], r["data"]["cluster"])
    assert got.estimate == approx(r[key]["auc"], rel=CLOSED)
    assert ((got.estimate - got.lower) / Z) ** 2 == approx(r[key]["variance"], rel=CLOSED)


@pytest.mark.parametrize(("key", "area", "m", "n"), [("a", 0.893, 51, 58), ("b", 0.987, 341, 81)])
def test_hanley_mcneil_error_equals_its_formula_in_r(r, key, area, m, n):
    got = ours.hanley_mcneil_interval(area, m, n)
    assert (area - got.lower) / Z == approx(r["hanley"][key], rel=1e-12)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("auc"), rerun_r("auc"))
