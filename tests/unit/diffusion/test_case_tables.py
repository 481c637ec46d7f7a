"""Models judged case by case: scores, ranks, wins and pairs against direct computation and planted truth."""

import numpy as np
import pandas as pd
import pytest

from compendium.diffusion.case_pairs import compare_columns, list_pairs, regress_counterparts
from compendium.diffusion.case_selection import join_cases, models_of, rank_cases, share_won, won_cases
from compendium.diffusion.selection import total_correlation


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    n = 30
    histology = {"f_histo": rng.uniform(0.5, 0.9, n), "vcs_histo": rng.uniform(15, 30, n)}
    good = {"f_good": histology["f_histo"] - 0.1 + rng.normal(0, 0.02, n), "vcs_good": histology["vcs_histo"] + rng.normal(0, 1, n)}  # fmt: skip
    bad = {"f_bad": rng.uniform(0.2, 0.4, n), "vcs_bad": rng.uniform(10, 38, n)}
    names = [f"c{i:02d}" for i in range(n)]
    group = ["mouse"] * 10 + ["human"] * 20
    return pd.DataFrame({"case": names, "group": group, **histology, **good, **bad})


def test_the_score_is_the_sum_of_two_correlations_and_the_better_model_wins(table):
    ranks = rank_cases(join_cases({"high": table}), resamples=200, seed=1).set_index("model")
    expected = total_correlation(table["vcs_good"], table["vcs_histo"], table["f_good"], table["f_histo"])
    assert ranks.loc["good", "tcs"] == pytest.approx(expected, abs=1e-12)
    assert ranks.loc["good", ["rank", "loo_worst", "rank_high"]].tolist() == [1, 1, 1]
    assert ranks.loc["good", "first"] == 100
    assert (ranks["tcs_lower"] <= ranks["tcs"]).all() and (ranks["tcs"] <= ranks["tcs_upper"]).all()


def test_without_one_case_ranks_equal_those_of_the_shorter_table(table):
    small = table.iloc[:8]
    ranks = rank_cases(join_cases({"all": small}), resamples=5)
    scores = []
    for i in range(len(small)):
        part = small.drop(small.index[i])
        scores.append([total_correlation(part[f"vcs_{m}"], part["vcs_histo"], part[f"f_{m}"], part["f_histo"]) for m in ("good", "bad")])  # fmt: skip
    worst = [1 + max(int(b > a) for a, b in scores), 1 + max(int(a > b) for a, b in scores)]
    assert ranks["loo_worst"].tolist() == worst


def test_resamples_keep_the_mix_of_groups_so_a_score_of_means_alone_stays_and_one_within_vanishes(table):
    shifted = table.assign(
        f_histo=np.where(table["group"] == "mouse", 0.8, 0.6) + 0.001 * np.arange(30) % 0.003,
        vcs_histo=np.where(table["group"] == "mouse", 18.0, 26.0)
        + np.random.default_rng(1).normal(0, 0.1, 30),
    )
    shifted = shifted.assign(
        f_good=np.where(table["group"] == "mouse", 0.7, 0.5) + np.random.default_rng(2).normal(0, 0.01, 30),
        vcs_good=np.where(table["group"] == "mouse", 20.0, 28.0)
        + np.random.default_rng(4).normal(0, 0.1, 30),
    )
    row = rank_cases(join_cases({"high": shifted}), resamples=300).set_index("model").loc["good"]
    assert row["tcs"] > 1.9 and row["tcs_lower"] > 1.8
    assert abs(row["within"]) < 0.8


def test_incomplete_cases_are_dropped_and_counted_and_too_few_are_refused(table):
    table.loc[[0, 5], "vcs_bad"] = np.nan
    cases = join_cases(
        {"whole": table, "high": table[["case", "vcs_histo", "f_histo", "vcs_good", "f_good"]]}
    )
    assert (len(cases.group), cases.dropped) == (28, 2)
    assert cases.names == (("whole", "good"), ("whole", "bad"), ("high", "good"))
    with pytest.raises(ValueError, match="complete in every table. Given 3"):
        join_cases({"whole": table.iloc[1:4]})
    with pytest.raises(ValueError, match="one model at least"):
        join_cases({"whole": table[["case", "f_histo", "vcs_histo", "vcs_good"]]})


def test_wins_are_shares_of_cases_and_ties_are_split(table):
    won = won_cases(table, "HFC")
    assert won.sum(axis=1).tolist() == [1.0] * 30
    assert won["good"].mean() > 0.9
    twins = table.assign(f_bad=table["f_good"], vcs_bad=table["vcs_good"])
    assert won_cases(twins, "HFC").mean().tolist() == [0.5, 0.5]
    assert won_cases(table, "BIC").empty
    votes = table.assign(votes_good=0.7, votes_bad=0.3)
    assert won_cases(votes, "BIC")["good"].eq(1).all()
    by_group = share_won({"high": votes}, "group")
    assert by_group.groupby(["criterion", "part"])["won"].sum().round(9).eq(100).all()
    assert set(by_group.loc[by_group["part"] == "mouse", "cases"]) == {10}


def test_models_need_a_size_and_a_fraction(table):
    assert models_of(table) == ["good", "bad"]
    assert models_of(table.drop(columns="f_bad")) == ["good"]


def test_pairs_list_groups_before_the_pooled_correlation(table):
    rows = list_pairs(table, {"vcs": ("vcs_good", "vcs_histo"), "none": ("cd_good", "cd_histo")})
    assert rows["cases"].tolist() == ["mouse", "human", "common within", "pooled"]
    assert rows["n"].tolist() == [10, 20, 30, 30]
    pooled = rows.iloc[-1]
    assert pooled["r"] == pytest.approx(np.corrcoef(table["vcs_good"], table["vcs_histo"])[0, 1])
    assert pooled["loo_lowest"] <= pooled["r"] <= pooled["loo_highest"]
    assert compare_columns(table.assign(k=1.0), "k", "f_histo") is None


def test_one_group_has_no_part_common_within(table):
    rows = list_pairs(table.drop(columns="group"), {"vcs": ("vcs_good", "vcs_histo")})
    assert rows["cases"].tolist() == ["all", "pooled"]


def test_groups_enter_a_regression_as_predictors_and_take_their_difference(table):
    shift = np.where(table["group"] == "mouse", 5.0, 0.0)
    table = table.assign(vcs_good=0.5 * table["vcs_histo"] + shift)
    got = regress_counterparts(table, {"vcs_good": ("vcs_histo", "f_histo"), "cd_good": ("cd_histo",)})
    assert set(got["outcome"]) == {"vcs_good"}
    with_groups = got[got["groups"] & got["counterpart"]].iloc[0]
    scale = table["vcs_histo"].std() / table["vcs_good"].std()
    assert with_groups["beta"] == pytest.approx(0.5 * scale, rel=1e-9)
    assert got[got["groups"]]["predictor"].tolist() == ["vcs_histo", "f_histo", "group human"]
