"""correlation against R (base, psych, lm) and printed values of the literature; made by correlation.R."""

import pytest
from pytest import approx

from compendium.statistics import correlation as ours

TOPIC = "Correlation"
METHODS = {
    "Pearson": ("pearson", "t test; interval atanh(r) ± z/√(n − 3), none for three pairs", "cor.test"),
    "Spearman, exact p": (
        "spearman, spearman_exact_p", "permutation distribution, two-sided by |ρ|", "cor.test",
        "with ties R falls back to t; ours stays exact unless p=\"r\" is asked for"),
    "Spearman, t": ("spearman", "t approximation, n − 2 degrees of freedom", "cor.test"),
    "Spearman, as R prints it": (
        "spearman, spearman_edgeworth_p", "exact to n = 9, Edgeworth series (AS 89) to 1290, t beyond or with ties", "cor.test"),
    "Spearman, intervals": (
        "spearman", "atanh(ρ) ± z√v: Bonett–Wright, Fieller, Fisher", "written out"),
    "Two independent correlations": ("fisher_comparison", "difference of atanh(r)", "psych::r.test"),
    "Within and between clusters": (
        "decompose_correlation", "deviations from cluster means; means weighted by cluster size", "psych::statsBy"),
    "Repeated-measures correlation": (
        "repeated_measures_correlation", "parallel lines, one intercept per cluster", "lm, anova"),
    "Meng's z": (
        "meng_test", "dependent correlations sharing a variable; signs as given", "printed: May & Hittner 1997",
        "one value is 2.2450 and was printed 2.24"),
    "Meng's z, with p and interval": (
        "meng_test", "interval of the difference of atanh(r)", "printed: Meng, Rosenthal & Rubin 1992; Silver et al. 2006"),
}  # fmt: skip
SUMS = "the same formula, summed in another order"
PRINT = "half a unit of the printed digit"


@pytest.fixture(scope="module")
def r(peer):
    return peer("correlation")


def test_pearson_equals_cor_test(r, agree):
    got, theirs = ours.pearson(r["data"]["x"], r["data"]["y"]), r["pearson"]
    agree(
        "Pearson",
        [got.r, got.p, got.lower, got.upper],
        [theirs["r"], theirs["p"], *theirs["ci"]],
        rel=1e-11,
        why=SUMS,
    )


def test_three_pairs_have_p_but_no_interval_as_in_cor_test(r, agree):
    got = ours.pearson([1, 2, 4], [2, 1, 5])
    agree("Pearson", [got.r, got.p], [r["three"]["r"], r["three"]["p"]], rel=1e-11, why=SUMS)
    assert got.lower != got.lower
    assert not r["three"]["has_interval"]


@pytest.mark.parametrize("key", ["short", "nine"])
def test_exact_spearman_equals_cor_test(r, agree, key):
    got, theirs = ours.spearman(r["data"][key]["a"], r["data"][key]["b"]), r[f"exact_{key}"]
    assert got.method.endswith("exact p")
    agree(
        "Spearman, exact p",
        [got.r, got.p],
        [theirs["r"], theirs["p"]],
        rel=1e-12,
        why="counted on both sides",
    )


def test_spearman_t_approximation_equals_cor_test(r, agree):
    got = ours.spearman(r["data"]["x"], r["data"]["y"])
    agree("Spearman, t", [got.r, got.p], [r["spearman_t"]["r"], r["spearman_t"]["p"]], rel=1e-9, why=SUMS)
    tied = ours.spearman(r["data"]["ties"]["a"], r["data"]["ties"]["b"], p="t")
    agree("Spearman, t", [tied.r, tied.p], [r["tied_t"]["r"], r["tied_t"]["p"]], rel=1e-9, why=SUMS)


def test_rule_of_r_chooses_exact_series_or_t_as_cor_test_does(r, agree):
    chosen = []
    for case in r["series"]:
        n = case["n"]
        a = [i * 7919 % 10007 for i in range(1, n + 1)]
        root = -int(-(n**0.5) // 1)
        b = [5000 * (v * (-1) ** n + 2 * root * (i * i * 31 % 4001)) + i for i, v in enumerate(a, 1)]
        got = ours.spearman(a, b, p="r")
        chosen.append(got.method.split(", ")[-1])
        agree("Spearman, as R prints it", got.p, case["p"], rel=1e-11, why=SUMS)
    assert chosen == ["edgeworth p"] * 6 + ["t p"]
    for key in ("short", "nine"):
        got = ours.spearman(r["data"][key]["a"], r["data"][key]["b"], p="r").p
        agree("Spearman, as R prints it", got, r[f"exact_{key}"]["p"], rel=1e-11, why=SUMS)
    tied = ours.spearman(r["data"]["ties"]["a"], r["data"]["ties"]["b"], p="r")
    agree("Spearman, as R prints it", tied.p, r["tied_default"], rel=1e-9, why=SUMS)


@pytest.mark.parametrize("interval", ["bonett-wright", "fieller", "fisher"])
def test_three_intervals_of_spearman_equal_their_formulas_in_r(r, agree, interval):
    got = ours.spearman(r["data"]["x"], r["data"]["y"], interval=interval)
    agree("Spearman, intervals", [got.lower, got.upper], r["intervals"][interval], rel=1e-11, why=SUMS)


def test_fisher_comparison_equals_psych(r, agree):
    got = ours.fisher_comparison(0.41, 34, -0.12, 32)
    theirs = [abs(r["fisher"]["z"]), r["fisher"]["p"]]
    agree("Two independent correlations", [abs(got.statistic), got.p], theirs, rel=1e-9, why=SUMS)


def test_within_and_between_correlation_equal_psych(r, agree):
    got = ours.decompose_correlation(r["data"]["cx"], r["data"]["cy"], r["data"]["cluster"])
    agree(
        "Within and between clusters",
        [got.within, got.between],
        [r["within"], r["between"]],
        rel=1e-10,
        why=SUMS,
    )


def test_repeated_measures_correlation_equals_parallel_lines(r, agree):
    got = ours.repeated_measures_correlation(r["data"]["cx"], r["data"]["cy"], r["data"]["cluster"])
    agree("Repeated-measures correlation", got.r, r["repeated"]["r"], rel=1e-10, why=SUMS)
    agree(
        "Repeated-measures correlation",
        got.p,
        r["repeated"]["p"],
        rel=1e-7,
        why="p of F against p of t, far in the tail",
    )
    assert f"df {r['repeated']['df']}" in got.method


# Printed by May & Hittner (1997): z of Meng's test for n = 50 as the correlation of the two predictors grows
PRINTED = {
    (0.5, 0.2): [1.62, 1.70, 1.80, 1.91, 2.06, 2.24, 2.50, 2.87, 3.50],
    (0.7, 0.4): [2.03, 2.10, 2.20, 2.32, 2.47, 2.66, 2.94, 3.35, 4.05],
}


@pytest.mark.parametrize("pair", PRINTED)
def test_meng_z_equals_printed_values(pair, agree):
    got = [ours.meng_test(*pair, step / 10, 50).statistic for step in range(9)]
    agree("Meng's z", got, PRINTED[pair], atol=0.0051, why=PRINT)


def test_meng_z_equals_the_example_of_its_authors_and_of_silver(agree):
    name = "Meng's z, with p and interval"
    got = ours.meng_test(0.63, -0.03, -0.19, 15)
    agree(name, got.statistic, 1.68, atol=0.0051, why=PRINT)
    agree(name, [got.p / 2, got.interval.lower], [0.047, -0.129], atol=0.00051, why=PRINT)
    # 1.672 when the digits are carried on
    assert got.interval.upper == approx(1.671, abs=0.0011)
    silver = ours.meng_test(0.3, 0.4, 0.5, 100)
    agree(name, [silver.statistic, silver.p], [-1.0707, 0.2843], atol=0.000051, why=PRINT)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("correlation"), rerun_r("correlation"))
