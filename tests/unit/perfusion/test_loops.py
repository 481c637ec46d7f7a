"""Gamma-variates, loops, timing: analytic areas, identities, limits."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import curve_fit

from compendium.perfusion.gamma import (
    GammaFit,
    first_pass_window,
    fit_gamma_variates,
    gamma_area,
    gamma_variate,
)
from compendium.perfusion.hysteresis import fitted_loop_area, signed_loop_area, spin_echo_power
from compendium.perfusion.timing import align_injections, given_shift

T = 1.74 * np.arange(60)


def exact_fit(y, peak, width, shape):
    parameters = np.array([[y, peak, math.log(width), math.log(shape)]])
    return GammaFit(parameters, np.zeros((1, 4, 4)), np.zeros(1), np.ones(1, dtype=bool))


@pytest.mark.parametrize("shape", [0.8, 3.0, 12.0])
@pytest.mark.parametrize("peak", [23.1, 24.5, 26.0])
def test_planted_gamma_variates_come_back_wherever_the_volumes_fall(shape, peak):
    fit = fit_gamma_variates(T, [gamma_variate(T, 8, peak, 2.6, shape)], (1, 26))
    assert fit.ok[0]
    np.testing.assert_allclose(fit.parameters[0], [8, peak, math.log(2.6), math.log(shape)], rtol=1e-5)


def test_the_closed_area_is_the_integral():
    area = gamma_area(exact_fit(8, 24.5, 2.6, 3.0))[0][0]
    assert area == pytest.approx(
        quad(lambda t: gamma_variate(t, 8, 24.5, 2.6, 3.0), 20, 120, limit=200)[0], rel=1e-6
    )


def test_the_power_of_a_gamma_variate_is_one_with_scaled_shape_and_width():
    raised = spin_echo_power(gamma_variate(T, 4, 25, 2.7, 3.2))
    np.testing.assert_allclose(raised, gamma_variate(T, 8, 25, 2.7 / math.sqrt(1.5), 1.5 * 3.2), atol=1e-12)


def test_a_raw_negative_value_has_no_power():
    with pytest.raises(ValueError, match=r"negative ΔR2 has no power 1\.5.*Given -0\.1"):
        spin_echo_power([1.0, -0.1])


def test_the_fit_agrees_with_scipy_on_noisy_curves():
    rng = np.random.default_rng(1)
    for _ in range(5):
        curve = gamma_variate(T, 8, 24.5, 2.6, 3) + 0.3 * rng.standard_normal(60)
        ours = fit_gamma_variates(T, [curve], (1, 24)).parameters[0]
        theirs, _ = curve_fit(
            lambda t, y, p, w, a: gamma_variate(t, y, p, math.exp(w), math.exp(a)),
            T[1:24], curve[1:24], [8, 24.5, 1, 1], maxfev=20000,
        )  # fmt: skip
        residual = [float(((gamma_variate(T, v[0], v[1], math.exp(v[2]), math.exp(v[3])) - curve)[1:24] ** 2).sum())
                    for v in (ours, theirs)]  # fmt: skip
        assert residual[0] <= residual[1] * (1 + 1e-6)


def test_stated_standard_deviations_of_areas_are_right():
    rng = np.random.default_rng(2)
    signal = 100 * np.exp(-0.022 * gamma_variate(T, 10, 24.5, 2.8, 3)) + rng.standard_normal((3000, 60))
    curves = -np.log(signal / signal[:, 1:12].mean(axis=1, keepdims=True)) / 0.022
    area, sd = gamma_area(fit_gamma_variates(T, curves, (1, 22), te_ms=22, baseline_points=11))
    assert np.nanmedian(sd) == pytest.approx(np.nanstd(area), rel=0.1)


def test_curves_without_a_bolus_or_with_missing_values_are_not_fitted():
    fit = fit_gamma_variates(
        T, np.stack([np.zeros(60), np.full(60, np.nan), -gamma_variate(T, 8, 25, 2.6, 3)]), (1, 26)
    )
    assert not fit.ok.any() and np.isnan(fit.parameters).all()
    with pytest.raises(ValueError, match=r"at least 6 volumes in its window\. Given 4"):
        fit_gamma_variates(T, np.ones((1, 60)), (1, 5))


def test_the_window_ends_before_the_second_pass():
    curve = gamma_variate(T, 8, 24.5, 2.6, 3) + gamma_variate(T, 3, 42, 4.0, 3)
    stop = first_pass_window(curve)
    assert 28 < T[stop - 1] < 36


# Loops


@pytest.mark.parametrize("tau", [-1.5, -0.3, 0.0, 0.4, 2.0])
def test_two_gaussians_have_the_analytic_area(tau):
    t = np.linspace(0, 60, 60001)  # the polygon's error falls with the square of the step: 3e-8 here
    sigma, x0, y0 = 3.0, 5.0, 14.0
    x = x0 * np.exp(-0.5 * ((t - 30) / sigma) ** 2)
    y = y0 * np.exp(-0.5 * ((t + tau - 30) / sigma) ** 2)
    expected = x0 * y0 * math.sqrt(math.pi) * tau / (2 * sigma) * math.exp(-(tau**2) / (4 * sigma**2))
    assert float(signed_loop_area(x, y)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_reversing_time_or_swapping_axes_turns_the_sign():
    rng = np.random.default_rng(3)
    x, y = rng.random((2, 5, 30))
    area = signed_loop_area(x, y)
    np.testing.assert_allclose(signed_loop_area(x[:, ::-1], y[:, ::-1]), -area)
    np.testing.assert_allclose(signed_loop_area(y, x), -area)
    np.testing.assert_allclose(signed_loop_area(x + 3, y - 7), area, atol=1e-12)
    with pytest.raises(ValueError, match="must share a shape"):
        signed_loop_area(x, y[:, :-1])


@pytest.mark.parametrize(("shape", "delay"), [(3.0, 1.2), (1.2, -0.8), (6.0, 0.05)])
def test_the_area_of_fitted_curves_is_that_of_the_polygon(shape, delay):
    ge, se = exact_fit(9, 24.5, 2.6, shape), exact_fit(3.5, 24.5 + delay, 2.9, shape + 0.4)
    fine = np.arange(0, 200, 0.002)
    y = gamma_variate(fine, 9, 24.5, 2.6, shape)
    x = gamma_variate(fine, 3.5, 24.5 + delay, 2.9, shape + 0.4) ** 1.5
    assert fitted_loop_area(ge, se).area[0] == pytest.approx(float(signed_loop_area(x, y)), rel=2e-4)


def test_the_slope_is_the_change_of_area_with_the_shift():
    ge, se = exact_fit(9, 24.5, 2.6, 3), exact_fit(3.5, 25.0, 2.9, 3.4)
    ahead, behind = (fitted_loop_area(ge, se, s).area[0] for s in (0.001, -0.001))
    assert fitted_loop_area(ge, se).per_second[0] == pytest.approx((ahead - behind) / 0.002, rel=1e-4)


def test_one_compartment_has_no_loop():
    ge, se = exact_fit(9, 24.5, 2.6, 3.0), exact_fit(3.5, 24.5, 2.6 * math.sqrt(1.5), 2.0)
    assert abs(fitted_loop_area(ge, se).area[0]) < 1e-8


def test_the_stated_standard_deviation_of_an_area_is_right():
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((2, 2000, 60))
    ge = fit_gamma_variates(T, gamma_variate(T, 14, 24.5, 2.6, 3) + 0.4 * noise[0], (1, 23))
    se = fit_gamma_variates(T, gamma_variate(T, 4, 25.2, 2.9, 3) + 0.2 * noise[1], (1, 23))
    found = fitted_loop_area(ge, se)
    assert np.nanmedian(found.sd) == pytest.approx(np.nanstd(found.area), rel=0.12)


# Alignment


@pytest.mark.parametrize("late", [-1.7, -0.4, 0.0, 0.35, 0.9, 3.0])
def test_a_shift_below_tr_is_found_whatever_power_law_the_spin_echo_follows(late):
    ge = gamma_variate(T, 50, 24.5, 2.6, 3.0)
    se = gamma_variate(T - late, 50, 24.5, 2.6, 3.0) ** (2 / 3)
    assert align_injections(T, ge, se).shift_s == pytest.approx(-late, abs=1e-5)


def test_the_reference_zero_leaves_its_own_loop_without_area():
    ge, se = gamma_variate(T, 14, 24.5, 2.6, 3), gamma_variate(T, 4, 25.2, 2.9, 3)
    found = align_injections(T, ge, se, "reference")
    fits = [fit_gamma_variates(T, c[None], (0, first_pass_window(c))) for c in (ge, se)]
    assert abs(fitted_loop_area(*fits, found.shift_s).area[0]) < 1e-3
    assert "reference region" in found.meaning and found.zero == "reference"


def test_the_zero_is_named_and_unknown_ones_are_refused():
    assert given_shift(0.0).meaning == "a given shift"
    with pytest.raises(ValueError, match=r"zero must be 'arterial', 'tissue' or 'reference'\. Given 'voxel'"):
        align_injections(T, T, T, "voxel")
    with pytest.raises(ValueError, match="first pass with a single peak"):
        align_injections(T, np.full(60, -1.0), T)
