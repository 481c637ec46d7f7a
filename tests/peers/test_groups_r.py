"""Groups, equivalence: against base R and car."""

import pytest

from compendium.statistics.equivalence import tost_groups, tost_paired
from compendium.statistics.groups import anova, levene_test, paired_t_test, t_test, welch_anova, welch_test

CLOSED_FORM = 1e-10  # relative; the same formulas, summed in another order, tails by another library


@pytest.fixture(scope="module")
def r(peer):
    return peer("groups")


@pytest.mark.parametrize(
    ("name", "function", "first", "second"),
    [
        ("student", t_test, "a", "b"),
        ("welch", welch_test, "a", "b"),
        ("welch_small", welch_test, "b", "c"),
        ("paired", paired_t_test, "paired_first", "paired_second"),
    ],
)
def test_t_tests_and_intervals_equal_r(r, name, function, first, second):
    ours, theirs = function(r["data"][first], r["data"][second]), r[name]
    assert ours.statistic == pytest.approx(theirs["statistic"], rel=CLOSED_FORM)
    assert ours.df == pytest.approx(theirs["df"], rel=CLOSED_FORM)
    assert ours.p == pytest.approx(theirs["p"], rel=CLOSED_FORM)
    assert tuple(ours.interval) == pytest.approx((theirs["lower"], theirs["upper"]), rel=CLOSED_FORM)


def test_one_sided_welch_equals_r(r):
    assert welch_test(r["data"]["a"], r["data"]["b"], alternative="greater").p == pytest.approx(
        r["greater"], rel=1e-10
    )


@pytest.mark.parametrize(("name", "function"), [("anova", anova), ("welch_anova", welch_anova)])
def test_analyses_of_variance_equal_r(r, name, function):
    ours = function([r["data"][k] for k in "abc"])
    assert ours.statistic == pytest.approx(r[name]["statistic"], rel=CLOSED_FORM)
    assert ours.df == pytest.approx(tuple(r[name]["df"]), rel=CLOSED_FORM)
    assert ours.p == pytest.approx(r[name]["p"], rel=CLOSED_FORM)


@pytest.mark.parametrize("center", ["mean", "median"])
def test_levene_with_named_centre_equals_car(r, center):
    ours, theirs = levene_test([r["data"][k] for k in "abc"], center=center), r[f"levene_{center}"]
    assert ours.statistic == pytest.approx(theirs["F value"], rel=CLOSED_FORM)
    assert ours.p == pytest.approx(theirs["Pr(>F)"], rel=CLOSED_FORM)


def test_two_one_sided_tests_equal_r(r):
    a, b = r["data"]["a"], r["data"]["b"]
    for variances in ("welch", "pooled"):
        ours = tost_groups(a, b, low=-6, high=6, variances=variances)
        assert (ours.p_low, ours.p_high) == pytest.approx(tuple(r[f"tost_{variances}"]), rel=CLOSED_FORM)
    ours = tost_paired(r["data"]["paired_first"], r["data"]["paired_second"], low=-2, high=2)
    assert (ours.p_low, ours.p_high) == pytest.approx(tuple(r["tost_paired"]), rel=CLOSED_FORM)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("groups"))
