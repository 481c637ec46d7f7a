import numpy as np
import pytest

from compendium.diffusion.protocols import compare_b, pgse_protocol, published_protocols, shaped_protocol
from compendium.diffusion.timings import bracket_timings
from compendium.diffusion.waveforms import (
    Waveform,
    gradient_strength,
    pgse_b,
    pgse_waveform,
    sampled_waveform,
    trse_b,
    trse_waveform,
    unit_b,
)  # fmt: skip

TRSE = [
    ([8.9, 17.6, 20.4, 6.0], 17.4, 63.9), ([13.2, 19.3, 24.8, 7.7], 21.7, 74.2),
    ([18.9, 21.0, 30.5, 9.5], 27.5, 87.5),
]  # fmt: skip


def test_b_of_pgse_is_stejskal_tanner():
    assert unit_b(pgse_waveform(13, 37)) * 40**2 == pytest.approx(float(pgse_b(13, 37, 40)), rel=1e-12)


@pytest.mark.parametrize("lobes, second, fourth", TRSE)
def test_b_of_trse_is_equation_12(lobes, second, fourth):
    assert unit_b(trse_waveform(lobes, second, fourth)) == pytest.approx(
        trse_b(lobes, second, fourth, 1.0), rel=1e-12
    )


def test_sampled_waveform_has_the_b_of_its_shape():
    step = 0.1
    g = np.concatenate([np.full(100, 30.0), np.zeros(200), np.full(100, -30.0)])
    shape, strength = sampled_waveform(g, step)
    assert strength == 30 and shape.time_ms == pytest.approx(30)
    assert unit_b(shape) == pytest.approx(unit_b(pgse_waveform(10, 30)), rel=1e-12)


def test_waveform_refuses_what_is_not_refocused():
    with pytest.raises(ValueError, match="must be refocused"):
        Waveform((10.0, 10.0), (1.0, -0.9), 10.0)


def test_trse_refuses_a_fourth_lobe_that_does_not_refocus():
    with pytest.raises(ValueError, match="must refocus"):
        trse_waveform([8.9, 17.6, 20.4, 9.0], 17.4, 63.9)


def test_published_protocols_have_the_printed_sizes_and_plausible_gradients():
    scans = published_protocols()
    assert {k: len(v) for k, v in scans.items()} == {"exvivo": 50, "3T": 21, "1.5T": 21}
    assert 40 < scans["3T"].gradient.max() < 50 and scans["1.5T"].gradient.max() < 45
    assert scans["3T"].above(0.9).sum() == 6 and scans["exvivo"].above(1.0).sum() == 30


def test_select_renumbers_shapes():
    scan = pgse_protocol([0, 1, 1, 2], [10, 10, 20, 20], 40)
    part = scan.select([0, 2])
    assert len(part.shapes) == 1 and part.shape.tolist() == [-1, 0] and part.shapes[0].durations_ms[0] == 20


def test_recomputed_b_shows_a_wrong_gradient():
    scan = shaped_protocol([0.5, 1.6], [trse_waveform(*TRSE[0])], [0, 0])
    assert compare_b(scan, scan.gradient).worst < 1e-12
    assert compare_b(scan, 0.9 * scan.gradient).worst == pytest.approx(0.19)


@pytest.mark.parametrize("b, message", [([-1.0], "not negative"), ([1000.0], r"ms/µm²")])
def test_b_in_the_wrong_unit_is_refused(b, message):
    with pytest.raises(ValueError, match=message):
        pgse_protocol(b, 10, 30)


def test_bracket_holds_the_timing_the_scan_was_made_with():
    scan = published_protocols()["3T"]
    delta, separation = scan.shapes[scan.shape[6]].durations_ms[0], scan.time_ms[6]
    strongest = float(gradient_strength(1.5, scan.shapes[scan.shape[6]]))
    got = bracket_timings(75, 1.5, strongest, refocusing_ms=8, readout_ms=12)
    assert got.delta_ms[0] <= delta <= got.delta_ms[1]
    assert got.separation_ms[0] <= separation <= got.separation_ms[1]
    for d, s in got.candidates:
        assert float(pgse_b(d, s, strongest)) >= 1.5 * (1 - 1e-6) and s >= d + 8 - 1e-6


def test_bracket_refuses_a_b_that_no_gradient_reaches():
    with pytest.raises(ValueError, match="give at most"):
        bracket_timings(60, 3.0, 20, refocusing_ms=8, readout_ms=15)
