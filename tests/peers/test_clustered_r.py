"""clustered against R (enumeration, boot, coin); made by clustered.R."""

import numpy as np
import pytest
from pytest import approx

from compendium.statistics import clustered as ours
from compendium.statistics.cluster_bootstrap import _bca_levels

TOPIC = "Clustered data"
METHODS = {
    "One sample per cluster": (
        "one_per_cluster_spearman", "closed form of the mean of Spearman's ρ over all draws", "enumeration of all draws"),
    "Cluster bootstrap, BCa": (
        "cluster_bootstrap, cluster_bootstrap_correlation", "levels from bias and jackknife acceleration (Efron 1987)", "boot::boot.ci"),
    "Cluster permutation": (
        "cluster_permutation_test", "labels of whole clusters exchanged, all arrangements, two-sided by |T|", "coin::oneway_test"),
    "Clustered McNemar, Obuchowski": ("clustered_mcnemar", "ratio estimator, pooled under the null", "written out"),
    "Clustered McNemar, Durkalski": ("clustered_mcnemar", "cluster differences weighted by 1/size", "written out"),
    "Design effect": (
        "design_effect", "Kish, unequal sizes: 1 + (Σn²/Σn − 1)·ICC", "variance of a mean from the whole covariance matrix"),
}  # fmt: skip
SUMS = "the same formula, summed in another order"


@pytest.fixture(scope="module")
def r(peer):
    return peer("clustered")


def gap(values, group):
    return values[group].mean() - values[~group].mean()


def test_closed_form_of_one_per_cluster_equals_the_mean_of_all_draws(r, agree):
    d = r["data"]
    got = ours.one_per_cluster_spearman(d["x"], d["y"], d["cluster"]).mean
    agree("One sample per cluster", got, r["mean_rho"], rel=1e-13, why=SUMS)


def test_draws_of_one_per_cluster_approach_the_mean_of_all_draws_with_ties(r):
    d = r["data"]
    got = ours.one_per_cluster_spearman(d["xt"], d["yt"], d["cluster"], method="draws", n_draws=20_000)
    error = np.nanstd(got.draws) / np.sqrt(20_000)
    assert got.mean == approx(
        r["mean_rho_tied"], abs=4 * error
    )  # four standard errors of the sampling of draws


def test_bca_levels_equal_those_of_boot_for_the_same_replicates(r, agree):
    values, replicates = np.array(r["data"]["z"]), np.array(r["data"]["replicates"])
    left_out = np.array([np.delete(values, i).mean() for i in range(len(values))])
    got = _bca_levels(np.array([0.025, 0.975]), values.mean(), replicates, left_out)
    agree(
        "Cluster bootstrap, BCa", got, r["bca_levels"], atol=0.51e-5, why="boot prints ranks to .01 of 1000"
    )


@pytest.mark.parametrize(("key", "alternative"), [("exact", "two-sided"), ("exact_greater", "greater")])
def test_cluster_permutation_equals_coin_on_cluster_means(r, agree, key, alternative):
    d = r["data"]
    # 8 clusters of 2: the difference of means of samples is that of cluster means
    got = ours.cluster_permutation_test(
        gap, d["v"], group=d["group"], cluster=d["equal"], alternative=alternative
    )
    agree("Cluster permutation", got.p, r[key], rel=1e-12, why="counted on both sides")
    assert "all 70" in got.method


@pytest.mark.parametrize("method", ["obuchowski", "durkalski"])
def test_clustered_mcnemar_equals_r(r, agree, method):
    got = ours.clustered_mcnemar(r["data"]["first"], r["data"]["second"], r["data"]["pairs"], method)
    name = f"Clustered McNemar, {method.capitalize()}"
    agree(name, [got.statistic, got.p], [r[method]["statistic"], r[method]["p"]], rel=1e-12, why=SUMS)


def test_design_effect_equals_the_variance_of_a_mean(r, agree):
    got = [ours.design_effect(r["data"]["sizes"], icc).factor for icc in (-0.1, 0, 0.3, 1)]
    agree("Design effect", got, r["design_effect"], rel=1e-13, why=SUMS)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("clustered"), rerun_r("clustered"))
