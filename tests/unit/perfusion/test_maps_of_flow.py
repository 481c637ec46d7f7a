"""Blood volume, deconvolution, leakage, arterial input: planted truth, invariants, awkward input."""

import numpy as np
import pytest

from compendium.perfusion.aif import describe_curves, find_arterial_input, given_arterial_input
from compendium.perfusion.deconvolution import deconvolve, oscillation_index
from compendium.perfusion.gamma import fit_gamma_variates, gamma_area, gamma_variate
from compendium.perfusion.leakage import correct_leakage, leaked_integral, reference_curve
from compendium.perfusion.signals import Baseline, RelaxationCurves, to_relaxation
from compendium.perfusion.volume import KAPPA_H, blood_volume, normalise_to_reference, window_area

TR = 1.74
T = TR * np.arange(60)
FINE = np.arange(0, 104.4, 0.02)
ARTERY = gamma_variate(T, 50, 24.5, 2.6, 3)


def tissue(cbv, mtt, delay=0.0):
    """Tissue curve for an exponential residue, convolved on a fine grid."""
    artery = gamma_variate(FINE - delay, 50, 24.5, 2.6, 3)
    residue = cbv / mtt * np.exp(-FINE / mtt)
    residue[0] /= 2  # the trapezoidal rule
    return np.interp(T, FINE, np.convolve(artery, residue)[: len(FINE)] * 0.02)


def test_units_of_blood_volume():
    found = blood_volume([2.0], [0.1], 50.0, kappa_h=1.0, density_g_ml=1.0)
    assert found.value[0] == pytest.approx(4.0) and found.sd[0] == pytest.approx(0.2)
    assert blood_volume([2.0], [0.1], 50.0).value[0] == pytest.approx(4.0 * KAPPA_H / 1.04)
    with pytest.raises(ValueError, match=r"area of an arterial input must be positive\. Given 0"):
        blood_volume([1.0], [0.0], 0.0)


@pytest.mark.parametrize("mtt", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("delay", [0.0, 0.7, 3.0])
def test_blood_volume_is_unchanged_by_delay_and_dispersion(mtt, delay):
    area = window_area(T, [tissue(0.04, mtt, delay)], [0.0], 10, 10).value[0]
    assert area / window_area(T, ARTERY[None], [0.0], 10, 10).value[0] == pytest.approx(0.04, rel=2e-3)
    fitted = gamma_area(fit_gamma_variates(T, [tissue(0.04, mtt, delay)], (1, 40)))[0][0]
    if mtt <= 4:
        assert fitted / gamma_area(fit_gamma_variates(T, ARTERY[None], (1, 30)))[0][0] == pytest.approx(
            0.04, rel=0.03
        )


def test_osvd_flow_is_unchanged_by_delay_and_ssvd_flow_is_not():
    curves = np.stack([tissue(0.04, 4.0, d * TR) for d in (-2, 0, 2)])
    flow = {m: deconvolve(curves, ARTERY, TR, np.zeros(3), m).blood_flow for m in ("oSVD", "sSVD")}
    np.testing.assert_allclose(flow["oSVD"], flow["oSVD"][1], rtol=1e-3)
    assert np.ptp(flow["sSVD"]) / flow["sSVD"][1] > 0.05
    tmax = deconvolve(curves, ARTERY, TR, np.zeros(3)).t_max
    np.testing.assert_allclose(tmax - tmax[1], [-2 * TR, 0, 2 * TR], atol=1e-9)


def test_flow_and_transit_time_come_back_within_the_bias_of_truncation():
    curves = np.stack([tissue(0.04, mtt) for mtt in (3.0, 6.0, 12.0)])
    found = deconvolve(curves, ARTERY, TR, np.zeros(3), oscillation=0.1, kappa_h=1.0, density_g_ml=1.0)
    true = 6000 * 0.04 / np.array([3.0, 6.0, 12.0])
    assert np.all(np.diff(found.blood_flow) < 0)
    np.testing.assert_allclose(found.blood_flow[1:], true[1:], rtol=0.3)


def test_the_threshold_rises_until_the_residue_is_smooth_enough():
    rng = np.random.default_rng(1)
    noisy = tissue(0.04, 4.0) + 0.2 * rng.standard_normal((200, 60))
    found = deconvolve(noisy, ARTERY, TR, np.full(200, 0.2))
    clean = deconvolve(tissue(0.04, 4.0)[None], ARTERY, TR, np.zeros(1))
    assert np.median(found.threshold) > clean.threshold[0]
    assert oscillation_index([np.zeros(10)])[0] == np.inf


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"artery": ARTERY[:-1]}, "as many volumes"),
        ({"artery": 0 * ARTERY}, "must be positive"),
        ({"method": "cSVD"}, "must be 'oSVD' or 'sSVD'"),
    ],
)
def test_deconvolution_names_what_it_cannot_use(change, message):
    arguments = {"curves": np.ones((1, 60)), "artery": ARTERY, "tr_s": TR, "noise_sd": [0.0]} | change
    with pytest.raises(ValueError, match=message):
        deconvolve(**arguments)


def test_missing_voxels_stay_missing():
    curves = np.stack([np.full(60, np.nan), tissue(0.04, 4.0)])
    assert np.isnan(deconvolve(curves, ARTERY, TR, np.zeros(2)).blood_flow).tolist() == [True, False]


# Leakage


@pytest.mark.parametrize("k2", [-0.02, 0.0, 0.05])
def test_unidirectional_leakage_is_recovered_without_noise(k2):
    r = tissue(0.04, 4.0)
    fit = correct_leakage(T, [1.6 * r - k2 * leaked_integral(T, r)], r)
    np.testing.assert_allclose([fit.k1[0], fit.k2[0]], [1.6, k2], atol=1e-8)
    np.testing.assert_allclose(fit.corrected[0], 1.6 * r, atol=1e-8)


@pytest.mark.parametrize("kep", [0.0, 0.0004, 0.004, 0.017, 0.029])
def test_bidirectional_leakage_is_recovered_without_noise(kep):
    r = tissue(0.04, 4.0)
    fit = correct_leakage(T, [1.6 * r - 0.03 * leaked_integral(T, r, kep)], r, "bidirectional")
    np.testing.assert_allclose([fit.k1[0], fit.k2[0], fit.kep[0]], [1.6, 0.03, kep], atol=1e-8)
    np.testing.assert_allclose(fit.corrected[0], 1.6 * r, atol=1e-8)


def test_the_true_ratio_of_volumes_comes_back_where_leakage_hides_it():
    r = tissue(0.02, 4.0)
    measured = 2.5 * r - 0.05 * leaked_integral(T, r)
    assert measured.sum() / r.sum() < 2.0
    assert correct_leakage(T, [measured], r).corrected[0].sum() / r.sum() == pytest.approx(2.5, rel=1e-9)


def test_the_exchange_integral_has_the_closed_form_of_a_constant():
    kep = 0.05
    found = leaked_integral(T, np.ones(60), kep)
    np.testing.assert_allclose(found, (1 - np.exp(-kep * T)) / kep, rtol=1e-12)
    np.testing.assert_allclose(leaked_integral(T, np.ones(60), 1e-9), T, rtol=1e-6)


def test_leakage_names_an_unknown_model_and_a_flat_reference():
    with pytest.raises(ValueError, match="must be 'unidirectional' or 'bidirectional'"):
        correct_leakage(T, np.ones((1, 60)), ARTERY, "both")
    with pytest.raises(ValueError, match="reference curve must show a bolus"):
        correct_leakage(T, np.ones((1, 60)), np.ones(60))


def curves_of(values, sd=0.1):
    values = np.asarray(values, dtype=float)
    n = len(values)
    return RelaxationCurves(values, np.ones(60, bool), np.full(n, sd), np.full(n, 100.0), np.zeros(n, bool))


def test_the_reference_curve_leaves_leaking_voxels_out():
    rng = np.random.default_rng(2)
    r = tissue(0.04, 4.0)
    normal = r + 0.05 * rng.standard_normal((100, 60))
    leaking = r - 0.03 * leaked_integral(T, r) + 0.05 * rng.standard_normal((30, 60))
    found = reference_curve(curves_of(np.concatenate([normal, leaking])))
    assert np.abs(found - r).max() < 0.1
    with pytest.raises(ValueError, match="at least 10 voxels that do not leak"):
        reference_curve(curves_of(normal[:4]))


# Arterial input


def mixture(noise=0.2):
    rng = np.random.default_rng(3)
    pure = np.repeat(ARTERY[None], 15, axis=0)
    partial = np.stack([s * ARTERY + tissue(0.1, 4.0, 1.0) for s in rng.uniform(0.15, 0.6, 60)])
    brain = np.stack(
        [tissue(c, m, 1.0) for c, m in zip(rng.uniform(0.02, 0.1, 800), rng.uniform(3, 7, 800), strict=True)]
    )
    values = np.concatenate([pure, partial, brain])
    return values + noise * rng.standard_normal(values.shape)


def test_the_search_finds_pure_arteries_among_partial_volumes():
    found = find_arterial_input(curves_of(mixture(), 0.2), TR, 11)
    assert set(found.voxels) <= set(range(15))
    assert np.corrcoef(found.curve, ARTERY)[0, 1] > 0.999
    assert found.method == "clusters and peak score"


def test_the_search_is_repeatable_and_leaves_saturated_voxels_out():
    relaxation = curves_of(mixture(), 0.2)
    np.testing.assert_array_equal(
        find_arterial_input(relaxation, TR, 11).voxels, find_arterial_input(relaxation, TR, 11).voxels
    )
    relaxation.below_floor[:10] = True
    found = find_arterial_input(relaxation, TR, 11)
    assert not set(found.voxels) & set(range(10)) and found.excluded == 10


def test_a_given_mask_is_taken_as_it_is():
    relaxation = curves_of(mixture())
    mask = np.zeros(len(relaxation.curves), bool)
    mask[[100, 200]] = True
    found = given_arterial_input(relaxation, mask)
    np.testing.assert_array_equal(found.voxels, [100, 200])
    assert found.method == "given mask"


def test_no_artery_and_a_wrong_mask_are_named():
    flat = curves_of(np.zeros((50, 60)))
    with pytest.raises(ValueError, match="at least 10 voxels with a clear bolus"):
        find_arterial_input(flat, TR, 11)
    with pytest.raises(ValueError, match="must match the voxels"):
        given_arterial_input(flat, np.ones(7, bool))
    with pytest.raises(ValueError, match=r"must hold a voxel with signal\. Given 0 voxels"):
        given_arterial_input(flat, np.zeros(50, bool))


def test_the_shape_of_a_gaussian_is_measured():
    wide = 10 * np.exp(-0.5 * ((T - 30) / 6) ** 2)
    shape = describe_curves(wide[None], TR, 5)
    assert shape.width[0] == pytest.approx(2.3548 * 6, rel=0.03)
    assert shape.time_to_peak[0] == pytest.approx(30 - 5 * TR, abs=TR / 2)


# Relative maps


def test_relative_maps_divide_by_the_region_and_carry_its_error():
    rng = np.random.default_rng(4)
    value = rng.normal(2.0, 0.1, 100)
    value[0] = 6.0
    inside = np.arange(100) > 50
    relative, level, error = normalise_to_reference(value, np.full(100, 0.1), inside)
    assert relative.value[0] == pytest.approx(6 / level) and relative.sd[0] > 0.1 / level
    assert error == pytest.approx(0.1 / 7, rel=0.3)
    with pytest.raises(ValueError, match="at least 5 voxels"):
        normalise_to_reference(value, value, np.arange(100) > 97)


def test_noise_of_a_window_contains_the_baseline():
    rng = np.random.default_rng(5)
    signal = 100 + rng.standard_normal((4000, 60))
    relaxation = to_relaxation(signal, 22, Baseline(1, 11))
    found = window_area(T, relaxation.curves, relaxation.baseline_sd, 10, 11)
    assert np.median(found.sd) == pytest.approx(found.value.std(), rel=0.08)
