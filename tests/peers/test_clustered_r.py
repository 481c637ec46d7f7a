"""clustered against R (enumeration, boot, coin); made by clustered.R."""

import numpy as np
import pytest
from pytest import approx

from compendium.statistics import clustered as ours
from compendium.statistics.cluster_bootstrap import _bca_levels


@pytest.fixture(scope="module")
def r(peer):
    return peer("clustered")


def gap(values, group):
    return values[group].mean() - values[~group].mean()


def test_closed_form_of_one_per_cluster_equals_the_mean_of_all_draws(r):
    d = r["data"]
    assert ours.one_per_cluster_spearman(d["x"], d["y"], d["cluster"]).mean == approx(
        r["mean_rho"], rel=1e-13
    )


def test_draws_of_one_per_cluster_approach_the_mean_of_all_draws_with_ties(r):
    d = r["data"]
    got = ours.one_per_cluster_spearman(d["xt"], d["yt"], d["cluster"], method="draws", n_draws=20_000)
    error = np.nanstd(got.draws) / np.sqrt(20_000)
    assert got.mean == approx(
        r["mean_rho_tied"], abs=4 * error
    )  # four standard errors of the sampling of draws


def test_bca_levels_equal_those_of_boot_for_the_same_replicates(r):
    values, replicates = np.array(r["data"]["z"]), np.array(r["data"]["replicates"])
    left_out = np.array([np.delete(values, i).mean() for i in range(len(values))])
    got = _bca_levels(np.array([0.025, 0.975]), values.mean(), replicates, left_out)
    assert got.tolist() == approx(r["bca_levels"], abs=0.51e-5)  # boot prints ranks to .01


@pytest.mark.parametrize(("key", "alternative"), [("exact", "two-sided"), ("exact_greater", "greater")])
def test_cluster_permutation_equals_coin_on_cluster_means(r, key, alternative):
    d = r["data"]
    # 8 clusters of 2: the difference of means of samples is that of cluster means
    got = ours.cluster_permutation_test(
        gap, d["v"], group=d["group"], cluster=d["equal"], alternative=alternative
    )
    assert got.p == approx(r[key], rel=1e-12)
    assert "all 70" in got.method


@pytest.mark.parametrize("method", ["obuchowski", "durkalski"])
def test_clustered_mcnemar_equals_r(r, method):
    got = ours.clustered_mcnemar(r["data"]["first"], r["data"]["second"], r["data"]["pairs"], method)
    assert [got.statistic, got.p] == approx([r[method]["statistic"], r[method]["p"]], rel=1e-12)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("clustered"), rerun_r("clustered"))
