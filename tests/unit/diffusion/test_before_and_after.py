import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

from compendium.diffusion.design import assess_protocol, fisher_information, sensitivities
from compendium.diffusion.histology import (
    histology_metrics,
    patch_metrics,
    undo_shrinkage,
    volume_weighted_size,
)
from compendium.diffusion.kurtosis import fit_kurtosis, kurtosis_signal
from compendium.diffusion.models import find_model
from compendium.diffusion.preprocess import denoise_mppca, remove_ringing
from compendium.diffusion.protocols import pgse_protocol
from compendium.diffusion.relaxation import (
    correct_drift,
    directional_average,
    fit_two_pool,
    remove_relaxation,
    two_pool_signal,
)  # fmt: skip
from compendium.diffusion.sectioning import DetectionRule, cut_cells, sectioning_factor
from compendium.diffusion.selection import majority_vote, rank_by_votes, rank_models, total_correlation


def test_kurtosis_is_recovered_and_equals_dipy_msdki(protocols):
    rng = np.random.default_rng(1)
    b = np.array([0, 0.4, 0.9, 1.2, 1.5])
    adc, k = rng.uniform(0.4, 2.4, 200), rng.uniform(0.1, 1.5, 200)
    signals = kurtosis_signal(adc, k, np.full(200, 300.0), b)
    fit = fit_kurtosis(signals, b)
    assert fit.adc == pytest.approx(adc, rel=1e-5) and fit.kurtosis == pytest.approx(k, rel=1e-4)
    from dipy.core.gradients import gradient_table
    from dipy.reconst.msdki import MeanDiffusionKurtosisModel

    vectors = np.tile([1.0, 0, 0], (5, 1))
    vectors[0] = 0
    peer = MeanDiffusionKurtosisModel(gradient_table(b * 1000, bvecs=vectors, b0_threshold=10)).fit(signals)
    assert fit.adc == pytest.approx(peer.msd * 1000, rel=1e-4) and fit.kurtosis == pytest.approx(
        peer.msk, rel=2e-3
    )


def test_kurtosis_needs_three_b_values():
    with pytest.raises(ValueError, match="three different"):
        fit_kurtosis([[1.0, 0.5, 0.5]], [0, 1, 1])


def test_two_pool_prefit_recovers_fraction_and_t2_and_removal_leaves_the_tissue(protocols):
    rng = np.random.default_rng(2)
    scan, n = protocols["3T"], 100
    fv, t2, d = rng.uniform(0.05, 0.4, n), rng.uniform(40, 100, n), rng.uniform(0.6, 1.6, n)
    k = rng.uniform(0.3, 1.0, n)
    signals = two_pool_signal(fv, t2, d, k, np.full(n, 40.0), np.full(n, 200.0), np.full(n, 800.0), scan)
    got = fit_two_pool(signals, scan)
    assert np.median(np.abs(got.f_v - fv)) < 0.02 and np.median(np.abs(got.t2_tissue_ms / t2 - 1)) < 0.02
    high = scan.above(0.3)
    clean = remove_relaxation(signals, scan.te_ms, np.full(n, 800.0), fv, t2)[:, high]
    x = d[:, None] * scan.b_ms_um2[high]
    assert clean == pytest.approx(
        np.exp(-x + k[:, None] * x**2 / 6), rel=1e-3
    )  # what the vessels leave at D_V = 40


def test_two_pool_needs_two_echo_times():
    scan = pgse_protocol([0, 0.1, 1], 10, 30, 75)
    with pytest.raises(ValueError, match="two different"):
        fit_two_pool(np.ones((1, 3)), scan)


def test_directional_average_counts_directions():
    scan = pgse_protocol([0, 1, 1, 1, 2, 2, 2], 10, 30, 60)
    mean, shells, counts = directional_average([[10, 3, 4, 5, 1, 2, 3.0]], scan)
    assert (
        mean.tolist() == [[10, 4, 2]]
        and shells.b_ms_um2.tolist() == [0, 1, 2]
        and counts.tolist() == [1, 3, 3]
    )


def test_drift_is_divided_out_whatever_the_echo_time_and_b():
    scan = pgse_protocol([0, 0.3, 0.6] * 4, 10, 30, [31, 31, 31, 45, 45, 45] * 2)
    gain = 1 - 0.01 * np.arange(12)
    reference = 500 * gain * np.exp(-scan.b_ms_um2 * 2.4 - scan.te_ms / 500)
    corrected, drift = correct_drift([gain * 7], reference, scan, t2_ms=500, diffusivity=2.4)
    assert drift == pytest.approx(gain) and corrected == pytest.approx(np.full((1, 12), 7.0))


def test_denoising_lowers_the_error_and_estimates_sigma():
    rng = np.random.default_rng(0)
    shape = (
        np.linspace(1, 3, 12)[:, None, None, None] * np.exp(-np.linspace(0, 2, 20)) * np.ones((12, 12, 6, 20))
    )
    noisy = shape + 0.05 * rng.normal(size=shape.shape)
    clean, sigma = denoise_mppca(noisy, (2, 2, 1))
    assert np.abs(clean - shape).mean() < 0.6 * np.abs(noisy - shape).mean()
    assert np.median(sigma) == pytest.approx(0.05, rel=0.15)


def test_unringing_keeps_the_mean_and_lowers_the_overshoot():
    k = np.fft.fftshift(np.fft.fft2(np.pad(np.ones((64, 64)), 32)))
    rung = np.abs(np.fft.ifft2(np.fft.ifftshift(k[32:-32, 32:-32]))) / 4
    out = remove_ringing(rung[:, :, None])[:, :, 0]
    assert out.max() < rung.max() and out.mean() == pytest.approx(rung.mean(), rel=0.02)


def test_tcs_follows_its_correlations_and_the_ranking_is_bootstrapped():
    rng = np.random.default_rng(1)
    truth, fraction = rng.normal(20, 3, 25), rng.uniform(0.4, 0.9, 25)
    sizes = {"good": truth + rng.normal(0, 1, 25), "poor": rng.normal(20, 3, 25)}
    fractions = {"good": fraction + rng.normal(0, 0.05, 25), "poor": rng.uniform(0.4, 0.9, 25)}
    tcs = rank_models(sizes, fractions, truth, fraction)
    expected = np.corrcoef(sizes["good"], truth)[0, 1] + np.corrcoef(fractions["good"], fraction)[0, 1]
    assert tcs.scores["good"] == pytest.approx(expected) and tcs.order == ("good", "poor")
    assert tcs.first_share["good"] > 0.99 and tcs.rank_interval["good"] == (1, 1)
    hfc = rank_models(sizes, fractions, truth, fraction, "HFC")
    assert hfc.order[0] == "good" and sum(hfc.scores.values()) == pytest.approx(1)
    assert rank_models(sizes, fractions, truth, fraction) == tcs


def test_equal_models_share_the_first_place():
    rng = np.random.default_rng(1)
    x, f = rng.normal(size=12), rng.random(12) + 0.5
    got = rank_models({"a": x, "b": x}, {"a": f, "b": f}, x + 5, f)
    assert got.first_share == {"a": 0.5, "b": 0.5}
    assert np.isnan(total_correlation(np.ones(3), [1, 2, 3], [1, 2, 3], [1, 2, 3]))


def test_majority_vote_skips_missing_voxels_and_names_no_winner_of_a_tie():
    vote = majority_vote({"a": [1.0, np.nan, 2.0], "b": [2.0, 1.0, 1.0]})
    assert vote.winner is None and vote.n_voxels == 2
    got = rank_by_votes({"a": [1, 1, 1, 0], "b": [0, 0, 0, 1]})
    assert got.order == ("a", "b") and 0.6 < got.first_share["a"] < 1


def test_sensitivities_and_cramer_rao_of_a_linear_parameter(protocols):
    scan, model = protocols["3T"], find_model("Diff-in")
    p = np.array([16.0, 2.0, 0.8])
    slope = sensitivities(model, p, scan)
    from compendium.diffusion.models import predict

    assert slope[:, 2] == pytest.approx(predict(model, p, scan) / 0.8, rel=1e-8)
    loose, tight = (fisher_information(model, p, scan, s).sd["L"] for s in (0.04, 0.02))
    assert loose == pytest.approx(2 * tight)


def test_undetermined_parameters_have_an_infinite_bound():
    scan = pgse_protocol([0, 1.0, 1.0], 10, 30)
    assert np.isinf(fisher_information(find_model("Diff-in"), [16, 2, 1.0], scan, 0.02).sd["L"])


def test_cramer_rao_is_reached_at_high_snr(protocols, plant):
    from compendium.diffusion.fitting import fit_cell_size
    from compendium.diffusion.models import predict

    scan, model, sigma = protocols["exvivo"], find_model("Diff-in"), 0.002
    p = np.array([15.0, 1.6, 0.8])
    noisy = predict(model, p, scan) + sigma * np.random.default_rng(1).normal(size=(400, len(scan)))
    fit = fit_cell_size(noisy, scan)
    assert fit["L"].std() == pytest.approx(fisher_information(model, p, scan, sigma).sd["L"], rel=0.12)


def test_protocol_assessment_improves_with_snr_and_with_timings(protocols):
    scan = protocols["3T"]
    table = assess_protocol(scan, sizes_um=[15], fractions=[0.6], snr=[15, 60], draws=30)
    assert table["posterior_size_sd"].is_monotonic_decreasing and table["crb_size"].is_monotonic_decreasing
    poor = assess_protocol(
        pgse_protocol([0.95, 1.2, 1.5], 15, 30), sizes_um=[15], fractions=[0.6], snr=[15], draws=30
    )
    assert poor["prior_share"][0] > table["prior_share"][0]


def test_volume_weighted_size_limits():
    assert volume_weighted_size([13.0] * 5) == pytest.approx(13) and np.isnan(volume_weighted_size([]))
    size = np.random.default_rng(1).lognormal(np.log(12), 0.3, 400_000)
    assert volume_weighted_size(size) == pytest.approx(12 * np.exp((49 - 9) / 8 * 0.3**2), rel=0.05)


def test_patches_keep_every_cell_and_empty_patches():
    rng = np.random.default_rng(1)
    cells = pd.DataFrame(
        {
            "area_um2": rng.uniform(50, 300, 500),
            "x_um": rng.uniform(0, 900, 500),
            "y_um": rng.uniform(0, 390, 500),
        }
    )
    table = patch_metrics(cells, 386.0, (1158.0 + 386, 386.0 * 2))
    assert len(table) == 8 and table["n"].sum() == 500 and (table["n"] == 0).sum() >= 2
    whole = histology_metrics(cells["area_um2"], 8 * 386.0**2)
    assert table["fraction"].mean() == pytest.approx(whole.fraction) and table[
        "density_mm2"
    ].mean() == pytest.approx(whole.density_mm2)


def test_size_limit_has_no_default_and_counts_what_it_drops():
    area = np.pi / 4 * np.array([10.0, 30.0]) ** 2
    assert histology_metrics(area, 1e4).n_excluded == 0
    assert histology_metrics(area, 1e4, largest_um=28).n == 1


def test_published_shrinkage_factors():
    one = histology_metrics([100.0], 1e4)
    assert undo_shrinkage(one, 0.153).size_um / one.size_um == pytest.approx(1.1806, abs=1e-4)
    assert one.density_mm2 / undo_shrinkage(one, 0.153).density_mm2 == pytest.approx(1.3938, abs=2e-4)


def test_sectioning_of_equal_spheres_has_the_known_factors():
    got = sectioning_factor([20.0], DetectionRule("any profile"))
    assert got.mean_size == pytest.approx(4 / np.pi, abs=0.004) and got.size == pytest.approx(
        1.0822, abs=5 * got.size_se
    )
    assert got.detected_share == pytest.approx(1.0)


def test_cutting_the_nucleus_makes_the_factor_nearly_one_and_thick_sections_too():
    nucleus = sectioning_factor([20.0], DetectionRule("nucleus", nucleus_ratio=0.5))
    third, seventh = (quad(lambda u, k=k: (1 - u * u) ** (k / 2), 0, 0.5)[0] for k in (3, 7))
    assert nucleus.size == pytest.approx(
        (third / seventh) ** 0.25, abs=0.002
    ) and nucleus.detected_share == pytest.approx(0.5, abs=0.01)
    thick = sectioning_factor([10.0], DetectionRule("any profile", thickness_um=200.0))
    assert thick.size == pytest.approx(1.0, abs=0.01)


def test_spread_of_sizes_lowers_the_factor_because_large_cells_are_cut_more_often():
    rng = np.random.default_rng(3)
    spread = rng.lognormal(np.log(15), 0.25, 4000)
    rule = DetectionRule("any profile")
    assert sectioning_factor(spread, rule).size < sectioning_factor([15.0], rule).size
    seen, _ = cut_cells(spread, rule, 1000)
    assert seen.max() <= spread.max()


def test_a_rule_that_sees_nothing_is_refused():
    with pytest.raises(ValueError, match="must detect at least"):
        sectioning_factor([10.0], DetectionRule("any profile", smallest_um=30))
