"""Biopsies with a planted truth, the illustration cohort of nocera2025, its grid and its simulations of signs."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compendium import paths
from compendium.cohorts import nocera_grid as grid
from compendium.cohorts import nocera_illustration as illustration
from compendium.cohorts.nocera import simulate_biopsies, slope_factor, sphere_covariance, sphere_variance
from compendium.cohorts.nocera_signs import simulate_iterated_given_rho, simulate_rho_given_r
from compendium.statistics.mixed import fit_within_between
from compendium.statistics.one_per_cluster import one_per_cluster_spearman

CASES = {"3a": (916, 2112, 1145), "3b": (1983, 4749, 1127), "4a": (1240, 7449, 685), "4b": (1354, 5732, 1992)}
TARGETS = {
    "cpm.naive.mean": (1290, 0.5), "cpm.sd": (324.4, 0.05), "histology.mean": (2856, 0.5), "histology.sd": (1461, 0.5),
    "cpm.naive.b": (1.4, 0.05), "cpm.naive.rho": (0.41, 0.005), "adc.naive.rho": (-0.37, 0.005),
}  # fmt: skip
FOLDER = paths.root() / "data" / "derived" / "nocera2025"


def points_in_a_ball(rng, n, diameter):
    direction = rng.standard_normal((n, 3))
    return (
        direction / np.linalg.norm(direction, axis=1)[:, None] * diameter / 2 * rng.random((n, 1)) ** (1 / 3)
    )


@pytest.mark.parametrize("distance", [0.0, 3.0, 6.0])
def test_the_sphere_agrees_with_points_drawn_in_a_ball(distance):
    rng = np.random.default_rng(1)
    one, other = points_in_a_ball(rng, 200_000, 5.0), points_in_a_ball(rng, 200_000, 5.0)
    field = lambda a, b: np.exp(-((a - b) ** 2).sum(1) / 50).mean()  # noqa: E731
    assert sphere_variance(5, 5) == pytest.approx(field(one, other), abs=0.004)
    assert float(sphere_covariance(distance, 5, 5)) == pytest.approx(
        field(one, np.array([[distance, 0, 0]])), abs=0.004
    )


@pytest.mark.parametrize("error", [0.0, 4.0])
def test_both_planted_slopes_are_recovered_and_the_needle_weakens_the_one_within(error):
    table = simulate_biopsies(
        [4] * 3000, slope_within=0.5, slope_between=-0.3, icc_x=0.5, targeting_mm=error, seed=2
    )
    on_truth, _ = fit_within_between(table["histology"], table["truth"], table["patient"])
    on_map, _ = fit_within_between(table["histology"], table["imaging_map"], table["patient"])
    assert on_truth.coefficients[1] == pytest.approx(0.5, abs=0.03)
    assert on_map.coefficients[1] == pytest.approx(0.5 * slope_factor(5, 5, error), abs=0.03)


def test_brain_shift_moves_all_samples_of_a_patient_together():
    table = simulate_biopsies([3] * 400, brain_shift_mm=6.0, seed=3)
    assert table.groupby("patient")["distance_mm"].nunique().max() == 1
    assert np.sqrt((table["distance_mm"] ** 2).mean()) == pytest.approx(6.0, abs=0.3)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_limits_of_the_share_between_patients(share):
    table = simulate_biopsies([5] * 50, icc_x=share, targeting_mm=3, seed=4)
    spread = table.groupby("patient")["imaging_map"].std()
    assert (spread.max() == pytest.approx(0)) if share else (spread.min() > 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"icc_x": 1.2}, r"icc_x must lie between 0 and 1. Given 1.2"),
        ({"targeting_mm": -1}, r"targeting_mm must lie between 0 and inf. Given -1"),
        ({"length_mm": 0}, r"length_mm must be positive. Given 0"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        simulate_biopsies([2, 2], **options)


# The illustration cohort


def test_the_illustration_has_the_printed_counts_and_keeps_the_printed_samples():
    table = illustration.illustration_cohort(TARGETS, CASES, steps=4)
    sizes = table.groupby("patient").size().value_counts().to_dict()
    assert sizes == {1: 7, 2: 6, 3: 9, 4: 5}
    assert table["group"].value_counts().to_dict() == {"treatment-naïve": 34, "recurrent": 32}
    assert (table["enhancement"].sum(), (table["grade"] >= 3).sum(), (1 - table["idh"]).sum()) == (37, 52, 28)
    assert ((table["grade"] >= 3) & (table["enhancement"] == 0)).sum() == 18
    for name, printed in CASES.items():
        row = table[table["case"] == name].iloc[0]
        assert tuple(row[["imaging_cpm", "histology", "imaging_adc"]]) == printed


def test_few_targets_are_met_and_the_check_says_so():
    table = illustration.illustration_cohort(TARGETS, CASES)
    assert illustration.check_cohort(table, TARGETS)["half_units_away"].max() <= 1


def test_statistics_of_the_cohort_are_those_of_the_library():
    table = illustration.illustration_cohort(TARGETS, CASES, steps=2)
    columns = [table[c].to_numpy(float)[None] for c in ("imaging_cpm", "histology", "imaging_adc")]
    found = illustration.cohort_statistics(*columns, table["enhancement"].to_numpy() == 1)
    naive = table[table["group"] == "treatment-naïve"]
    assert found["cpm.naive.rho"][0] == pytest.approx(
        stats.spearmanr(naive["imaging_cpm"], naive["histology"])[0]
    )
    exact = one_per_cluster_spearman(naive["imaging_cpm"], naive["histology"], naive["patient"]).mean
    assert found["cpm.naive.iterated"][0] == pytest.approx(exact)
    kept = naive[~naive["left_out_cpm"]]
    assert found["cpm.naive.b"][0] == pytest.approx(
        stats.linregress(kept["imaging_cpm"], kept["histology"]).slope
    )


def test_soft_ranks_approach_the_ranks():
    rng = np.random.default_rng(5)
    values = rng.normal(1300, 300, (1, 66)), rng.normal(2800, 1400, (1, 66)), rng.normal(1300, 300, (1, 66))
    flag = np.arange(66) < 37
    hard, soft = (illustration.cohort_statistics(*values, flag, s)["cpm.whole.rho"][0] for s in (0.0, 1e-3))
    assert soft == pytest.approx(hard, abs=2e-3)


def test_unknown_targets_and_missing_cases_are_refused():
    with pytest.raises(ValueError, match="Given speed"):
        illustration.illustration_cohort({"speed": (1, 1)}, CASES)
    with pytest.raises(ValueError, match="Given none for 4b"):
        illustration.illustration_cohort(TARGETS, {k: v for k, v in CASES.items() if k != "4b"})


# The grid


def test_the_stored_grid_is_what_its_recipe_gives():
    recipe = json.loads((FOLDER / "grid.json").read_text(encoding="utf-8"))
    for name, digest in recipe["sha256"].items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest
    assert sum(f.stat().st_size for f in FOLDER.iterdir()) < 100_000
    stored = pd.read_csv(FOLDER / "grid_first.csv")
    again = grid.run_grid([0, 2], only=[0, 19, 45])
    both = again.merge(stored, on=["cell", "repeat", "method"], suffixes=("", "_stored"))
    assert len(both) == 3 * 2 * len(grid.METHODS)
    for column in ("estimate", "lower", "upper"):
        np.testing.assert_allclose(both[column], both[f"{column}_stored"], rtol=2e-5, atol=2e-6)


def test_the_stored_grid_shows_what_theory_says():
    table = pd.read_csv(FOLDER / "grid.csv").set_index(
        ["slope_within", "slope_between", "icc", "targeting_mm", "method"]
    )
    flat = table.loc[(0.0, 0.0)]
    assert (flat["power"].xs("within_slope", level="method") < 9).all(), "a level of five percent is kept"
    assert flat["power"].loc[(0.9, 0.0, "samples_rho")] > 15, "copies of patients are taken for observations"
    rising = table.loc[(0.45, 0.45)]
    for icc in grid.ICCS[:3]:
        bias = rising["mean"].loc[(icc, 8.0, "within_slope")] / 0.45
        assert bias == pytest.approx(slope_factor(5, 5, 8.0), abs=0.12)


# Signs


def test_rho_of_normal_samples_lies_where_theory_puts_it():
    rho = simulate_rho_given_r("normal", 0, 0.5, n=200, cohorts=400)
    assert rho.mean() == pytest.approx(6 / np.pi * np.arcsin(0.25), abs=0.01)


def test_outliers_outside_the_line_and_heavy_tails_make_opposite_signs_less_rare():
    rare = np.mean(simulate_rho_given_r("normal", 0, 0.176) < -0.175)
    common = np.mean(simulate_rho_given_r("t2", 3, 0.176) < -0.175)
    assert rare < 0.001 < common < 0.05


def test_the_mean_over_draws_follows_the_correlation_of_all_samples():
    sizes = [1, 2, 3, 4] * 4
    low, high = (
        simulate_iterated_given_rho(sizes, w, 0.5, cohorts=4000).mean() for w in ((-0.5, -0.4), (0.4, 0.5))
    )
    assert low < -0.3 and high > 0.3


def test_with_one_sample_per_patient_the_mean_over_draws_is_the_correlation():
    means = simulate_iterated_given_rho([1] * 20, (0.2, 0.3), 0.5, cohorts=500)
    assert (means >= 0.2).all() and (means <= 0.3).all()
