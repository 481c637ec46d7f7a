import numpy as np
import pytest
from scipy.special import jv, jvp

from compendium.diffusion.exact import exact_signal, exact_sphere
from compendium.diffusion.protocols import pgse_protocol
from compendium.diffusion.spheres import (
    reduced_adc,
    restricted_adc,
    restricted_adc_pgse,
    restricted_signal,
    sphere_roots,
)  # fmt: skip
from compendium.diffusion.waveforms import gradient_strength, pgse_waveform, trse_waveform

from .walker import walk_sphere


def test_roots_solve_the_printed_equation():
    x = sphere_roots(20)
    assert np.abs(x * jvp(1.5, x) - 0.5 * jv(1.5, x)).max() < 1e-10


@pytest.mark.parametrize("delta, separation", [(1, 80), (10, 15), (21, 34.7), (18.5, 42.3)])
def test_waveform_integral_is_equation_4(delta, separation):
    size, d0 = np.meshgrid([8, 16, 40], [0.8, 3.0])
    printed = restricted_adc_pgse(size, d0, delta, separation)
    assert restricted_adc(size, d0, pgse_waveform(delta, separation)) == pytest.approx(printed, rel=1e-9)


def test_large_spheres_diffuse_freely_and_small_ones_not_at_all():
    shape = pgse_waveform(5, 20)
    assert restricted_adc(2000.0, 1.0, shape, n_roots=400) == pytest.approx(1.0, rel=0.03)
    assert restricted_adc(0.2, 1.0, shape) < 1e-4


def test_motional_narrowing_limit():
    """Small spheres: ADC → (16/175)·R⁴/(D·δ·(Δ − δ/3)) (Neuman 1974; Murday & Cotts 1968)."""
    delta, separation, radius, d0 = 20.0, 40.0, 1.0, 2.0
    expected = 16 / 175 * radius**4 / (d0 * delta * (separation - delta / 3))
    assert restricted_adc(2 * radius, d0, pgse_waveform(delta, separation), 40) == pytest.approx(
        expected, rel=0.01
    )


def test_ten_roots_are_enough_within_the_published_bounds():
    size, d0 = np.meshgrid(np.linspace(8, 40, 9), [0.8, 3.0])
    shape = pgse_waveform(10, 15)
    assert np.abs(restricted_adc(size, d0, shape) / restricted_adc(size, d0, shape, 200) - 1).max() < 1e-4


def test_slope_of_the_reduced_adc():
    x, e = np.geomspace(1e-3, 0.3, 7), 1e-5
    shape = trse_waveform([8.9, 17.6, 20.4, 6.0], 17.4, 63.9)
    numeric = (reduced_adc(x * np.exp(e), shape)[0] - reduced_adc(x * np.exp(-e), shape)[0]) / (2 * e)
    assert reduced_adc(x, shape)[1] == pytest.approx(numeric, rel=1e-7)


@pytest.mark.parametrize("separation", [15.0, 30.0])
def test_exact_formalism_agrees_with_a_walker_where_gaussian_phase_does_not(separation):
    shape = pgse_waveform(10, separation)
    strength = float(gradient_strength(2.8, shape))
    walked, error = walk_sphere(16, 2.0, shape.durations_ms, shape.amplitudes, strength)
    exact = exact_sphere(16, 2.0, shape, strength)
    gaussian = float(np.exp(-2.8 * restricted_adc(16, 2.0, shape)))
    bias = 2e-3  # of the walker's radial reflection at this step
    assert abs(walked - exact) < 4 * error + bias
    assert abs(walked - gaussian) > 4 * error + bias


def test_exact_formalism_agrees_with_a_walker_for_trse():
    shape = trse_waveform([8.9, 17.6, 20.4, 6.0], 17.4, 63.9)
    strength = float(gradient_strength(1.6, shape))
    walked, error = walk_sphere(
        20, 1.5, shape.durations_ms, shape.amplitudes, strength, walkers=10_000, dt=0.05
    )
    assert abs(walked - exact_sphere(20, 1.5, shape, strength)) < 4 * error + 3e-3


def test_exact_signal_converges_and_meets_gaussian_phase_at_low_b(protocols):
    scan = protocols["3T"]
    assert np.abs(exact_signal(20, 2.0, scan) - exact_signal(20, 2.0, scan, 26.0)).max() < 1e-5
    low = pgse_protocol([0.0, 0.01], 15, 30)
    assert exact_signal(20, 2.0, low) == pytest.approx(restricted_signal(20, 2.0, low), abs=5e-6)


def test_exact_sphere_is_free_diffusion_in_a_very_large_sphere():
    """R = 100 µm: less than 2 % of the water is within reach of the wall, which lowers its attenuation."""
    shape = pgse_waveform(2, 3)
    exact = exact_sphere(200.0, 1.0, shape, float(gradient_strength(0.2, shape)), highest_root=40)
    assert exact == pytest.approx(np.exp(-0.2), rel=0.02)
