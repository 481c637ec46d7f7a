"""Groups, equivalence: against base R and car."""

import pytest

from compendium.statistics.equivalence import tost_groups, tost_paired
from compendium.statistics.groups import anova, levene_test, paired_t_test, t_test, welch_anova, welch_test

TOPIC = "Groups"
METHODS = {
    "Student's t": ("t_test", "pooled variance", "t.test"),
    "Welch's t": ("welch_test", "Welch–Satterthwaite degrees of freedom", "t.test"),
    "Paired t": ("paired_t_test", "differences", "t.test"),
    "Analysis of variance": ("anova", "one way, equal variances", "anova"),
    "Welch's analysis of variance": ("welch_anova", "one way, unequal variances", "oneway.test"),
    "Levene, mean": ("levene_test", "centre: mean (SPSS)", "car::leveneTest"),
    "Levene, median": ("levene_test", "centre: median (Brown–Forsythe)", "car::leveneTest"),
    "Two one-sided tests": ("tost_groups, tost_paired", "Welch, pooled or paired", "t.test, twice one-sided"),
}  # fmt: skip
CLOSED = {"rel": 1e-10, "why": "the same formulas, summed in another order, tails by another library"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("groups")


@pytest.mark.parametrize(
    ("name", "method", "function", "first", "second"),
    [
        ("student", "Student's t", t_test, "a", "b"),
        ("welch", "Welch's t", welch_test, "a", "b"),
        ("welch_small", "Welch's t", welch_test, "b", "c"),
        ("paired", "Paired t", paired_t_test, "paired_first", "paired_second"),
    ],
)
def test_t_tests_and_intervals_equal_r(r, agree, name, method, function, first, second):
    ours, theirs = function(r["data"][first], r["data"][second]), r[name]
    got = [ours.statistic, ours.df, ours.p, *ours.interval]
    agree(method, got, [theirs[key] for key in ("statistic", "df", "p", "lower", "upper")], **CLOSED)


def test_one_sided_welch_equals_r(r, agree):
    got = welch_test(r["data"]["a"], r["data"]["b"], alternative="greater").p
    agree("Welch's t", got, r["greater"], **CLOSED)


@pytest.mark.parametrize(
    ("name", "method", "function"),
    [("anova", "Analysis of variance", anova), ("welch_anova", "Welch's analysis of variance", welch_anova)],
)
def test_analyses_of_variance_equal_r(r, agree, name, method, function):
    ours, theirs = function([r["data"][k] for k in "abc"]), r[name]
    agree(
        method,
        [ours.statistic, *ours.df, ours.p],
        [theirs["statistic"], *theirs["df"], theirs["p"]],
        **CLOSED,
    )


@pytest.mark.parametrize("center", ["mean", "median"])
def test_levene_with_named_centre_equals_car(r, agree, center):
    ours, theirs = levene_test([r["data"][k] for k in "abc"], center=center), r[f"levene_{center}"]
    agree(f"Levene, {center}", [ours.statistic, ours.p], [theirs["F value"], theirs["Pr(>F)"]], **CLOSED)


def test_two_one_sided_tests_equal_r(r, agree):
    a, b = r["data"]["a"], r["data"]["b"]
    for variances in ("welch", "pooled"):
        ours = tost_groups(a, b, low=-6, high=6, variances=variances)
        agree("Two one-sided tests", [ours.p_low, ours.p_high], r[f"tost_{variances}"], **CLOSED)
    ours = tost_paired(r["data"]["paired_first"], r["data"]["paired_second"], low=-2, high=2)
    agree("Two one-sided tests", [ours.p_low, ours.p_high], r["tost_paired"], **CLOSED)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("groups"))
