import numpy as np
import pytest
from scipy.optimize import minimize

from compendium.diffusion.engine import noise_floor
from compendium.diffusion.fitting import (
    cell_density,
    fit_cell_size,
    fit_over_timings,
    intracellular_fraction,
    objective_value,
    residuals,
)  # fmt: skip
from compendium.diffusion.models import MODELS, find_model, model_bounds, predict, wide_s0
from compendium.diffusion.posterior import posterior_cell_size, prior_dominated
from compendium.diffusion.protocols import pgse_protocol
from compendium.diffusion.scores import bayesian_information, log_likelihood, score_residuals


@pytest.mark.parametrize("model", ["Diff-in", "Diff-in-ex", "Diff-in-exFast"])
def test_planted_parameters_are_recovered_without_noise(model, protocols, plant):
    scan = protocols["exvivo"]
    truth, signals = plant(model, scan, 60, "exvivo", change={"L": (10, 24), "D0": (1.0, 2.4)})
    bounds = model_bounds(find_model(model), "exvivo")
    fit = fit_cell_size(signals, scan, model, bounds=bounds, starts=6, tolerance=1e-14)
    clear = np.ones(60, bool) if model == "Diff-in" else (truth[:, -2] > 0.2) & (truth[:, -2] < 0.9)
    error = np.abs(fit["L"] - truth[:, 0])[clear]
    assert np.median(error) < 0.01 and np.mean(error < 0.5) > 0.9
    assert np.quantile(fit.objective, 0.95) < 1e-7


@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.parametrize("key", ["3T", "1.5T"])
def test_table_and_series_give_the_same_objective(model, key, protocols, plant):
    scan = protocols[key]
    _, signals = plant(model, scan, 20, sigma=0.03)
    fit = fit_cell_size(signals, scan, model, sigma=0.03, pull=0.001)
    assert objective_value(fit, signals, scan, 0.001) == pytest.approx(fit.objective, rel=1e-6)


@pytest.mark.parametrize("model", ["Diff-in", "Diff-in-ex", "Diff-in-exTD"])
def test_no_other_optimiser_finds_a_lower_objective(model, protocols, plant):
    scan = protocols["3T"]
    _, signals = plant("Diff-in-ex", scan, 3, sigma=0.03, seed=4)
    found = find_model(model)
    fit = fit_cell_size(signals, scan, model, sigma=0.03, pull=0.001)
    bounds = model_bounds(found)
    span = bounds[:, 1] - bounds[:, 0]
    for v, y in enumerate(signals):

        def objective(u, y=y, v=v):
            p = bounds[:, 0] + u * span
            p[-1] *= y.max()
            r = (y - np.sqrt(predict(found, p, scan) ** 2 + fit.floor[v] ** 2)) / y.max()
            return 0.999 * np.mean(r**2) + 0.001 * np.mean((0.5 - u) ** 2)

        rng = np.random.default_rng(v)
        best = min(
            minimize(objective, rng.random(len(span)), method="L-BFGS-B", bounds=[(0, 1)] * len(span)).fun
            for _ in range(3)
        )
        assert fit.objective[v] <= best * (1 + 1e-6)


def test_merged_repeats_leave_the_fit_as_it_is(plant):
    scan = pgse_protocol([0, 0.5, 1, 1.5, 0, 0.5, 1, 1.5], 15, 35)
    other = pgse_protocol([0, 0.5, 1, 1.5, 0, 0.5, 1, 1.5], 15, [35] * 4 + [35.0002] * 4)
    _, signals = plant("Diff-in", scan, 20, sigma=0.05)
    one, two = (fit_cell_size(signals, s, "Diff-in", sigma=0.05) for s in (scan, other))
    assert len(other.shapes) == 2
    assert one.objective == pytest.approx(two.objective, rel=1e-4)


def test_result_of_a_voxel_does_not_depend_on_its_neighbours(protocols, plant):
    scan = protocols["3T"]
    _, signals = plant("Diff-in-ex", scan, 30, sigma=0.03)
    together = fit_cell_size(signals, scan, "Diff-in-ex", sigma=0.03).parameters
    alone = np.concatenate(
        [fit_cell_size(signals[i : i + 1], scan, "Diff-in-ex", sigma=0.03).parameters for i in range(30)]
    )
    assert np.array_equal(together, alone)


def test_scaling_the_signal_scales_s0_only(protocols, plant):
    scan = protocols["3T"]
    _, signals = plant("Diff-in-ex", scan, 10, sigma=0.03)
    one = fit_cell_size(signals, scan, "Diff-in-ex", sigma=0.03)
    big = fit_cell_size(signals * 512, scan, "Diff-in-ex", sigma=0.03 * 512)
    assert np.array_equal(one.parameters[:, :-1], big.parameters[:, :-1]) and np.array_equal(
        one["S0"] * 512, big["S0"]
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_measurements_give_minus_one_and_nan(bad, protocols, plant):
    scan = protocols["3T"]
    _, signals = plant("Diff-in", scan, 3)
    signals[1, 4] = bad
    fit = fit_cell_size(signals, scan)
    assert (
        fit.exit_code.tolist() == [1, -1, 1] and np.isnan(fit["L"][1]) and np.isfinite(fit["L"][[0, 2]]).all()
    )


def test_empty_and_dark_voxels_are_not_fitted(protocols):
    scan = protocols["3T"]
    assert fit_cell_size(np.zeros((0, 21)), scan).parameters.shape == (0, 3)
    assert fit_cell_size(np.zeros((2, 21)), scan).exit_code.tolist() == [-1, -1]


def test_signals_of_another_length_are_refused(protocols):
    with pytest.raises(ValueError, match="one column per measurement"):
        fit_cell_size(np.ones((2, 20)), protocols["3T"])


@pytest.mark.parametrize(
    "convention, factor",
    [("published", np.sqrt(np.pi)), ("rician", np.sqrt(np.pi / 2)), ("sigma", 1.0), ("none", 0.0)],
)
def test_noise_floor_conventions(convention, factor):
    assert noise_floor(1.0, convention, nex=2) == pytest.approx(factor)


def test_s0_bound_of_the_public_fitter_binds_at_high_b_and_the_wide_one_does_not(protocols, plant):
    scan = protocols["exvivo"]
    high = scan.select(scan.above(1.0))
    truth, signals = plant("Diff-in", high, 200, "exvivo", sigma=0.01, change={"L": (20, 32)})
    model = find_model("Diff-in")
    tight = fit_cell_size(signals, high, sigma=0.01, bounds=model_bounds(model, "exvivo"))
    wide = fit_cell_size(
        signals, high, sigma=0.01, bounds=model_bounds(model, "exvivo", wide_s0(high.b_ms_um2, model))
    )
    assert tight.at_bound[:, -1].mean() > 0.6 and wide.at_bound[:, -1].mean() < 0.1
    assert np.mean(tight["L"] - truth[:, 0]) < -3


def test_fraction_and_density():
    scan = pgse_protocol([0, 1, 2], 10, 30)
    fit = fit_cell_size(predict(find_model("Diff-in"), [[15, 2, 0.7]], scan), scan)
    assert intracellular_fraction(fit, 1.0) == pytest.approx([0.7], abs=1e-4)
    assert (
        intracellular_fraction(fit, 0.5) == pytest.approx([1.0])
        and np.isnan(intracellular_fraction(fit)).all()
    )
    assert cell_density(0.8, 10, 2) == pytest.approx(8000)


def test_residuals_have_the_published_sign():
    scan = pgse_protocol([0, 1, 2], 10, 30)
    signals = predict(find_model("Diff-in"), [[15, 2, 0.7]], scan)
    fit = fit_cell_size(signals, scan)
    assert residuals(fit, signals - 0.1, scan) == pytest.approx(np.full((1, 3), 0.1), abs=1e-4)


def test_unknown_timings_are_carried_into_cell_size(plant):
    candidates = [(10.0, 40.0), (20.0, 30.0)]
    b = [0, 0.3, 0.6, 1, 1.5]
    scans = [pgse_protocol(b, d, s) for d, s in candidates]
    _, signals = plant("Diff-in", scans[0], 20, change={"L": (14, 20), "D0": (1.5, 2.0)})
    got = fit_over_timings(signals, scans, candidates)
    assert (got.upper >= got.lower).all() and np.median(got.upper - got.lower) > 0.5


def test_likelihood_and_bic_by_hand():
    r, s = np.array([[0.1, -0.2, 0.05]]), 0.1
    by_hand = sum(-0.5 * (x / s) ** 2 - np.log(s * np.sqrt(2 * np.pi)) for x in r[0])
    got = score_residuals(r, s, 2)
    assert got.log_likelihood[0] == pytest.approx(by_hand) and log_likelihood(r, s)[0] == pytest.approx(
        by_hand
    )
    assert got.bic[0] == pytest.approx(2 * np.log(3) - 2 * by_hand)
    assert bayesian_information(by_hand, 2, 3, "paper") == pytest.approx(2 * np.log(3) - by_hand)
    assert got.aic[0] == pytest.approx(4 - 2 * by_hand)


@pytest.mark.parametrize(
    "model, key, preset", [("Diff-in-ex", "3T", "invivo"), ("Diff-in", "1.5T", "invivo")]
)
def test_posterior_covers_and_beats_the_pull_where_the_prior_holds(model, key, preset, protocols, plant):
    scan = protocols[key]
    sigma = 1 / 30
    truth, signals = plant(model, scan, 600, preset, sigma=sigma)
    ml = fit_cell_size(signals, scan, model, sigma=sigma)
    pulled = fit_cell_size(signals, scan, model, sigma=sigma, pull=0.001)
    got = posterior_cell_size(signals, scan, ml, sigma)
    inside = (got.interval["L"][:, 0] <= truth[:, 0]) & (truth[:, 0] <= got.interval["L"][:, 1])
    rmse = [np.sqrt(np.mean((x - truth[:, 0]) ** 2)) for x in (got.mean["L"], pulled["L"], ml["L"])]
    assert 0.92 <= inside.mean() <= 0.98  # 4 standard errors of a coverage of 0.95 in 600
    assert rmse[0] < rmse[1] < rmse[2]
    assert np.mean(got.sd["L"] ** 2) == pytest.approx(rmse[0] ** 2, rel=0.2)


def test_posterior_agrees_with_importance_sampling(protocols, plant):
    scan = protocols["3T"]
    sigma = 0.05
    _, signals = plant("Diff-in-ex", scan, 3, sigma=sigma, seed=3)
    model = find_model("Diff-in-ex")
    fit = fit_cell_size(signals, scan, model.name, sigma=sigma, floor_convention="none")
    got = posterior_cell_size(signals, scan, fit, sigma)
    rng = np.random.default_rng(0)
    bounds = fit.bounds
    p = bounds[:, 0] + rng.random((150_000, 5)) * (bounds[:, 1] - bounds[:, 0])
    unit = predict(model, p, scan)
    for v, y in enumerate(signals):
        weight = np.exp(-0.5 * np.sum((y - y.max() * unit) ** 2, axis=1) / sigma**2)
        weight /= weight.sum()
        error = 1 / np.sqrt(np.sum(weight**2) ** -1)
        for name, column in (("L", 0), ("F", 3)):
            mean = weight @ p[:, column]
            sd = np.sqrt(weight @ (p[:, column] - mean) ** 2)
            assert got.mean[name][v] == pytest.approx(mean, abs=5 * error * sd + 0.02 * sd)
            assert got.sd[name][v] == pytest.approx(sd, rel=5 * error + 0.03)


def test_a_protocol_without_information_returns_the_prior():
    scan = pgse_protocol([0, 0.001, 0.002], 10, 30)
    signals = predict(find_model("Diff-in"), [[15, 2, 1.0]], scan)
    fit = fit_cell_size(signals, scan, sigma=0.1)
    got = posterior_cell_size(signals, scan, fit, 0.1)
    assert got.mean["L"][0] == pytest.approx(24, abs=0.5) and got.sd["L"][0] == pytest.approx(
        got.prior_sd["L"], rel=0.02
    )
    assert prior_dominated(got).all()


def test_posterior_needs_noise(protocols, plant):
    _, signals = plant("Diff-in", protocols["3T"], 2)
    with pytest.raises(ValueError, match="needs the noise"):
        posterior_cell_size(signals, protocols["3T"], fit_cell_size(signals, protocols["3T"]), 0.0)
