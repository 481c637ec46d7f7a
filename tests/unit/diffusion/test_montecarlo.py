"""Random walks against what is known exactly: every test states its truth, and lets chance four standard errors."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from compendium.diffusion.exact import exact_signal
from compendium.diffusion.montecarlo import simulate_displacement, simulate_signal, simulate_signals
from compendium.diffusion.montecarlo_tissue import Tissue, crossing_probabilities, largest_step
from compendium.diffusion.protocols import pgse_protocol, shaped_protocol
from compendium.diffusion.waveforms import pgse_waveform, sampled_waveform, trse_waveform

TRSE = trse_waveform([8.9, 17.6, 20.4, 6.0], 17.4, 63.9)


def z_scores(got, truth):
    keep = got.error > 0
    return (got.signal - truth)[keep] / got.error[keep]


@pytest.mark.parametrize("size", [8.0, 14.0, 20.0, 30.0])
def test_impermeable_spheres_are_the_matrix_formalism(size):
    """Two diffusivities, three shapes, three b-values: 72 signals over the four sizes, all within 4 SE."""
    pgse = pgse_protocol([0.5, 1.5, 2.8] * 2, [10] * 3 + [20] * 3, [15] * 3 + [40] * 3)
    trse = shaped_protocol([0.5, 1.0, 1.6], [TRSE], 0)
    z = []
    for d in (1.0, 2.6):
        walked = simulate_signals(Tissue(size, 0.4, d, 2.0), [pgse, trse], 8000, seed=7, start="inside")
        with threadpool_limits(1):  # small matrices: threads of a busy machine wait for each other
            z += [
                z_scores(got, exact_signal(size, d, scan))
                for got, scan in zip(walked, (pgse, trse), strict=True)
            ]
    z = np.concatenate(z)
    assert np.abs(z).max() < 4
    assert 0.2 < np.sqrt((z**2).mean()) < 2


def test_water_far_from_cells_diffuses_freely():
    scan = pgse_protocol([0.2, 0.7, 1.5, 1.5], 10, [15, 15, 15, 40])
    got = simulate_signal(Tissue(8, 1e-4, 1.0, 1.7), scan, 4000, start="outside")
    assert np.abs(z_scores(got, np.exp(-scan.b_ms_um2 * 1.7))).max() < 4


def test_sampled_waveform_is_the_same_walk():
    """A PGSE pulse handed in as samples splits time alike and gives the same phases."""
    sampled, _strength = sampled_waveform(np.r_[np.ones(100), np.zeros(200), -np.ones(100)], 0.1)
    tissue, b = Tissue(16, 0.4, 2.0, 2.5, 25), [1.0, 2.0]
    mine = simulate_signal(tissue, shaped_protocol(b, [sampled], 0), 400)
    pgse = simulate_signal(tissue, pgse_protocol(b, 10, 30), 400)
    assert mine.signal == pytest.approx(pgse.signal, abs=1e-12)


def mixed(tissue, t):
    """Share inside of two well-mixed pools, all water inside at first."""
    rate = 1 / tissue.exchange_time_ms
    return tissue.fraction + (1 - tissue.fraction) * np.exp(-rate * t / (1 - tissue.fraction))


@pytest.mark.parametrize("lattice, fraction", [("cubic", 0.2), ("fcc", 0.5)])
def test_exchange_follows_permeability_times_surface_over_volume(lattice, fraction):
    """With fast diffusion both pools are mixed, and the rate is κ·S/V."""
    tissue = Tissue(8, fraction, 40.0, 40.0, 20, lattice)
    got = simulate_displacement(tissue, [10.0, 25.0], 4000)
    assert np.abs(got.inside_share - mixed(tissue, got.times_ms)).max() < 0.004 + 4 * got.inside_error.max()
    wrong = Tissue(8, fraction, 40.0, 40.0, 25, lattice)
    assert np.abs(got.inside_share - mixed(wrong, got.times_ms)).max() > 4 * got.inside_error.max()


def leave_sphere(tissue, times, cells=400):
    """Share inside from the radial diffusion equation (finite volumes, implicit), water inside at first."""
    radius = tissue.radius_um
    outer = radius * tissue.fraction ** (-1 / 3)
    h = radius / cells
    edges = np.linspace(0, radius, cells + 1)
    edges = np.r_[edges, np.linspace(radius, outer, int((outer - radius) / h) + 1)[1:]]
    volume, area = np.diff(edges**3) / 3, edges[1:-1] ** 2
    d = np.where(np.arange(len(volume)) < cells, tissue.d_in, tissue.d_ex)
    width = np.diff(edges)
    conductance = area / (width[:-1] / (2 * d[:-1]) + width[1:] / (2 * d[1:]))
    membrane = 1 / (
        width[cells - 1] / (2 * d[cells - 1]) + 1 / tissue.permeability + width[cells] / (2 * d[cells])
    )
    conductance[cells - 1] = area[cells - 1] * membrane
    matrix = np.zeros((len(volume),) * 2)
    i = np.arange(len(conductance))
    for a, b in ((i, i + 1), (i + 1, i)):
        matrix[a, b] += conductance / volume[a]
        matrix[a, a] -= conductance / volume[a]
    start = np.where(np.arange(len(volume)) < cells, 1.0, 0.0)
    with threadpool_limits(1):
        values, vectors = np.linalg.eig(matrix)
        weights = np.linalg.solve(vectors, start)
    inside = volume[:cells] / volume[:cells].sum()
    return np.array(
        [float(np.real(inside @ (vectors @ (np.exp(values * t) * weights))[:cells])) for t in times]
    )


@pytest.mark.parametrize("d_in, d_ex", [(0.8, 3.0), (3.0, 0.8)])
def test_exchange_with_slow_diffusion_follows_the_diffusion_equation(d_in, d_ex):
    """Unequal diffusivities, high permeability: diffusion to the membrane counts. Radial cell for the cubic one."""
    tissue = Tissue(16, 0.05, d_in, d_ex, 100)
    times = np.array([3.0, 10.0, 25.0])
    got = simulate_displacement(tissue, times, 12_000, seed=3)
    truth = leave_sphere(tissue, times, 120)
    assert np.abs(got.inside_share - truth).max() < 0.002 + 4 * got.inside_error.max()
    assert np.abs(mixed(tissue, times) - truth).max() > 0.03


@pytest.mark.parametrize("lattice, fraction", [("cubic", 0.197), ("cubic", 0.523), ("fcc", 0.74)])
@pytest.mark.parametrize("d_in, d_ex", [(0.8, 3.0), (3.0, 0.8)])
def test_equal_concentrations_stay_equal_and_unequal_ones_become_so(lattice, fraction, d_in, d_ex):
    tissue = Tissue(8, fraction, d_in, d_ex, 300, lattice)
    stays = simulate_displacement(tissue, [3.0, 10.0], 2000, start="everywhere", seed=2)
    assert np.abs((stays.inside_share - fraction) / stays.inside_error).max() < 4
    becomes = simulate_displacement(tissue, [60.0], 1500, start="inside", seed=2)
    assert abs(becomes.inside_share[0] - fraction) < 4 * becomes.inside_error[0]


def test_short_times_show_the_surface():
    """D(t)/D₀ = 1 − 4/(9√π)·S/V·√(D₀t) (Mitra et al. 1992), its next term below 0.004 here."""
    t = np.array([0.05, 0.2])
    got = simulate_displacement(Tissue(30, 0.4, 2.0, 2.0), t, 40_000, accuracy=0.02)
    expected = 2.0 * (1 - 4 / (9 * np.sqrt(np.pi)) * 3 / 15 * np.sqrt(2.0 * t))
    assert np.abs(got.adc - expected).max() < 0.008 + 4 * got.adc_error.max()


def test_closed_cells_hold_their_water():
    got = simulate_displacement(Tissue(8, 0.4, 2.0, 2.0), [100.0], 3000)
    assert got.inside_share[0] == 1
    assert abs(got.adc[0] - 1.2 * 16 / 600) < 4 * got.adc_error[0]


def maxwell(tissue):
    """Long-time diffusivity of dilute spheres with a resistive membrane (Maxwell 1873; Benveniste & Miloh 1986)."""
    f, out = tissue.fraction, tissue.d_ex
    k = tissue.permeability * tissue.radius_um
    inner = tissue.d_in * k / (tissue.d_in + k)
    total = 2 * out + inner
    return out * (total + 2 * f * (inner - out)) / (total - f * (inner - out))


@pytest.mark.parametrize("permeability", [0.0, 100.0, 400.0])
def test_long_time_diffusivity_is_maxwells(permeability):
    """The slope of ⟨r²⟩/6 between 40 and 120 ms; all water, impermeable: over the outside only."""
    tissue = Tissue(8, 0.15, 1.0, 2.5, permeability)
    start = "everywhere" if permeability else "outside"
    got = simulate_displacement(tissue, [40.0, 120.0], 4000, start=start, seed=4)
    slope = (got.adc[1] * 120 - got.adc[0] * 40) / 80
    error = np.hypot(got.adc_error[1] * 120, got.adc_error[0] * 40) / 80
    truth = maxwell(tissue) / (1 if permeability else 1 - tissue.fraction)
    assert abs(slope - truth) < 0.01 * truth + 4 * error


def test_smaller_steps_come_nearer_and_the_default_is_near_enough():
    """The bias of long steps shows at the smallest cell; at the default rule it is below 0.002."""
    scan = pgse_protocol([2.8, 2.8], 10, [15, 30])
    tissue = Tissue(8, 0.4, 3.0, 2.0)
    with threadpool_limits(1):
        truth = exact_signal(8, 3.0, scan)
    coarse, fine = (simulate_signal(tissue, scan, 20_000, start="inside", accuracy=a) for a in (0.6, 0.2))
    assert (coarse.signal - truth > 4 * coarse.error).all()
    assert np.abs(fine.signal - truth).max() < 0.002 + 4 * fine.error.max()
    assert np.abs(fine.signal - truth).mean() < np.abs(coarse.signal - truth).mean() / 2


def test_threads_change_no_bit_and_seeds_do():
    scan, tissue = pgse_protocol([1.0, 2.0], 10, 30), Tissue(12, 0.4, 1.0, 2.0, 25)
    one, three, other = (
        simulate_signal(tissue, scan, 301, seed, threads=n) for seed, n in ((1, 1), (1, 3), (2, 1))
    )
    assert (one.signal == three.signal).all()
    assert (one.error == three.error).all()
    assert (one.signal != other.signal).all()


def test_b_values_cost_no_steps():
    tissue = Tissue(16, 0.4, 2.0, 2.0)
    few, many = (
        simulate_signal(tissue, pgse_protocol(b, 10, 30), 50) for b in ([1.0], np.linspace(0, 3, 200))
    )
    assert few.steps == many.steps


def test_standard_errors_are_those_of_repetition():
    scan, tissue = pgse_protocol([0.5, 2.0], 10, 30), Tissue(16, 0.3, 1.0, 2.0, 10)
    runs = [simulate_signal(tissue, scan, 200, seed) for seed in range(60)]
    scatter = np.std([r.signal for r in runs], axis=0, ddof=1)
    assert scatter == pytest.approx(np.mean([r.error for r in runs], axis=0), rel=0.35)


def test_signal_is_one_without_gradient_and_parts_add_up():
    scan, tissue = pgse_protocol([0.0, 1.0], 10, 30), Tissue(16, 0.3, 1.0, 2.0, 10)
    got = simulate_signal(tissue, scan, 200)
    assert (got.signal[0], got.error[0]) == (1, 0)
    assert got.signal == pytest.approx(0.3 * got.inside + 0.7 * got.outside)
    assert np.isnan(simulate_signal(tissue, scan, 50, start="inside").outside).all()


def test_step_rule_and_crossing_probabilities():
    assert largest_step(Tissue(8, 0.4, 3.0, 3.0)) == pytest.approx((0.2 * 4) ** 2 / 18)
    assert largest_step(Tissue(8, 0.74, 1.0, 3.0, lattice="fcc")) < largest_step(Tissue(8, 0.3, 1.0, 3.0)) / 5
    leaky = Tissue(8, 0.4, 1.0, 3.0, 5000)
    assert crossing_probabilities(leaky, np.array([largest_step(leaky)]))[0][0] <= 0.05 + 1e-12


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Tissue(8, 0.6, 1, 1), "cubic lattice fill at most 0.5236"),
        (lambda: Tissue(8, 0.75, 1, 1, lattice="fcc"), "fcc lattice fill at most 0.7405"),
        (lambda: Tissue(0, 0.4, 1, 1), "diameter_um must lie in"),
        (lambda: Tissue(8, 0.4, float("nan"), 1), "d_in must lie in"),
        (lambda: Tissue(8, 0.4, 1, 1, -1), "permeability_um_s must lie in"),
        (lambda: Tissue(8, 0.4, 1, 1, lattice="bcc"), "lattice must be one of"),
        (lambda: simulate_displacement(Tissue(8, 0.4, 1, 1), [2.0, 1.0]), "times_ms must increase"),
        (lambda: simulate_displacement(Tissue(8, 0.4, 1, 1), [1.0], walkers=3), "walkers must be at least 8"),
        (lambda: simulate_displacement(Tissue(8, 0.4, 1, 1), [1.0], start="both"), "start must be one of"),
        (lambda: simulate_displacement(Tissue(8, 0.4, 1, 1), [1.0], threads=0), "threads must be at least 1"),
        (lambda: simulate_displacement(Tissue(8, 0.4, 1, 1), [1.0], accuracy=0), "accuracy must lie in"),
    ],
)
def test_bad_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_waveforms_of_one_walk_do_not_disturb_each_other():
    """A protocol alone and together with another: other intervals, the same physics."""
    tissue, scan = Tissue(20, 0.4, 1.5, 2.5, 25), pgse_protocol([1.5], 10, 30)
    alone = simulate_signal(tissue, scan, 6000)
    together = simulate_signals(tissue, [shaped_protocol([1.0], [TRSE], 0), scan], 6000)[1]
    assert abs(alone.signal[0] - together.signal[0]) < 4 * np.hypot(alone.error[0], together.error[0])
    assert pgse_waveform(10, 30) in scan.shapes
