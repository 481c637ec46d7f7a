"""auc and roc against pROC; made by auc.R."""

import numpy as np
import pytest

from compendium.statistics import auc as ours

TOPIC = "Areas under ROC curves"
METHODS = {
    "AUROC and DeLong interval": (
        "auroc, delong_interval", "direction fixed beforehand; ties count one half; limits cut at 0 and 1", "pROC::ci.auc"),
    "Paired DeLong test": ("delong_test", "two scores of the same cases; p = 1 for identical scores", "pROC::roc.test"),
    "Unpaired DeLong test": (
        "delong_test_unpaired", "different cases; Student's t with Welch–Satterthwaite degrees of freedom", "pROC::roc.test"),
    "Partial AUROC": ("partial_auc", "range of specificity or sensitivity; plain or rescaled (McClish)", "pROC::auc"),
    "Thresholds": (
        "roc_curve, best_thresholds", "midpoints between observed values; Youden or closest to the corner; all ties returned",
        "pROC::coords"),
    "Clustered AUROC": ("clustered_auc_interval", "Obuchowski 1997", "written out", "R's value is summed case by case"),
    "Clustered AUROC, two scores": (
        "clustered_auc_test", "Obuchowski 1997, paired", "written out", "R's value is summed case by case"),
    "Hanley–McNeil": ("hanley_mcneil_interval", "Hanley & McNeil 1982, exponential model", "written out"),
}  # fmt: skip
Z = 1.959963984540054
CLOSED = {"rel": 1e-11, "why": "the same sums in another order"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("auc")


@pytest.mark.parametrize(
    ("key", "truth", "score", "direction"),
    [("s100b", "truth", "s100b", "higher"), ("ndka", "truth", "ndka", "higher"), ("lower", "truth", "s100b", "lower"),
     ("tied", "tied_truth", "tied", "higher")],
)  # fmt: skip
def test_area_and_delong_interval_equal_proc_with_and_without_ties(r, agree, key, truth, score, direction):
    got = ours.delong_interval(r["data"][truth], r["data"][score], direction)
    agree("AUROC and DeLong interval", [got.estimate, *got], [r[key]["auc"], *r[key]["ci"]], **CLOSED)
    area = ours.auroc(r["data"][truth], r["data"][score], direction)
    agree("AUROC and DeLong interval", area, r[key]["auc"], **CLOSED)


def test_paired_delong_equals_roc_test(r, agree):
    got = ours.delong_test(r["data"]["truth"], r["data"]["s100b"], r["data"]["ndka"])
    agree("Paired DeLong test", [got.statistic, got.p], [r["paired"]["z"], r["paired"]["p"]], **CLOSED)


def test_identical_scores_have_p_one_as_in_proc(r, agree):
    got = ours.delong_test(r["data"]["truth"], r["data"]["s100b"], r["data"]["s100b"])
    agree("Paired DeLong test", [got.statistic, got.p], [r["identical"]["z"], r["identical"]["p"]])
    assert (got.statistic, got.p) == (0, 1)


def test_unpaired_delong_equals_roc_test(r, agree):
    truth, first, second = (r["data"][key] for key in ("truth", "s100b", "ndka"))
    got, theirs = ours.delong_test_unpaired(truth[:60], first[:60], truth[60:], second[60:]), r["unpaired"]
    agree(
        "Unpaired DeLong test",
        [got.statistic, got.df, got.p],
        [theirs["d"], theirs["df"], theirs["p"]],
        **CLOSED,
    )


@pytest.mark.parametrize(("key", "low", "high", "focus", "corrected"), [
    ("spec", 0.8, 1, "specificity", False), ("spec_correct", 0.8, 1, "specificity", True),
    ("sens", 0.75, 0.95, "sensitivity", False), ("sens_correct", 0.75, 0.95, "sensitivity", True),
])  # fmt: skip
def test_partial_areas_equal_proc(r, agree, key, low, high, focus, corrected):
    got = ours.partial_auc(r["data"]["truth"], r["data"]["s100b"], low, high, focus, corrected=corrected)
    agree("Partial AUROC", got, r["partial"][key], **CLOSED)


@pytest.mark.parametrize(("key", "truth", "score", "criterion"), [
    ("youden", "truth", "s100b", "youden"), ("closest", "truth", "s100b", "closest"),
    ("youden_tied", "tied_truth", "tied", "youden"),
])  # fmt: skip
def test_best_thresholds_equal_coords(r, agree, key, truth, score, criterion):
    got = ours.best_thresholds(r["data"][truth], r["data"][score], criterion=criterion)
    for name in ("threshold", "sensitivity", "specificity"):
        agree("Thresholds", got[name].to_list(), np.atleast_1d(r[key][name]), **CLOSED)


def test_midpoint_thresholds_equal_proc(r, agree):
    got = ours.roc_curve(r["data"]["tied_truth"], r["data"]["tied"])
    agree("Thresholds", got.threshold.to_list()[1:-1], r["thresholds"], **CLOSED)


@pytest.mark.parametrize(("key", "score"), [("clustered", "s100b"), ("clustered_ndka", "ndka")])
def test_clustered_area_equals_obuchowski_summed_case_by_case(r, agree, key, score):
    got = ours.clustered_auc_interval(r["data"]["truth"], r["data"][score], r["data"]["cluster"])
    variance = ((got.estimate - got.lower) / Z) ** 2
    agree("Clustered AUROC", [got.estimate, variance], [r[key]["auc"], r[key]["variance"]], **CLOSED)


def test_difference_of_clustered_areas_equals_obuchowski_summed_case_by_case(r, agree):
    d, theirs = r["data"], r["clustered_difference"]
    got = ours.clustered_auc_test(d["truth"], d["s100b"], d["ndka"], d["cluster"])
    ours_z = [got.estimate, got.statistic]
    agree(
        "Clustered AUROC, two scores",
        ours_z,
        [theirs["auc"], theirs["auc"] / theirs["variance"] ** 0.5],
        **CLOSED,
    )


@pytest.mark.parametrize(("key", "area", "m", "n"), [("a", 0.893, 51, 58), ("b", 0.987, 341, 81)])
def test_hanley_mcneil_error_equals_its_formula_in_r(r, agree, key, area, m, n):
    got = ours.hanley_mcneil_interval(area, m, n)
    agree("Hanley–McNeil", (area - got.lower) / Z, r["hanley"][key], **CLOSED)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("auc"), rerun_r("auc"))
