"""Velocity of planted streaks, standing blood, noise, and hand-drawn lines."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from compendium.microscopy.drawn_lines import velocity_from_lines
from compendium.microscopy.line_scans import measure_velocity


def kymograph(velocity, *, pixel_um=0.5, line_ms=0.5, rows=4000, columns=128, snr=5.0, seed=1, dirt=0.0):
    """Cells of 8 µm at random places, some 12 µm apart, that move with the blood."""
    rng = np.random.default_rng(seed)
    fine = 4
    n = int(abs(velocity) * rows * line_ms / 1000 / pixel_um) + 2 * columns + 10
    cells = (rng.random(n * fine) < pixel_um / fine / 12).astype(float)
    track = gaussian_filter1d(cells, 8 / 2.35 / pixel_um * fine)
    track = (track - track.mean()) / track.std()
    place = np.arange(columns) - velocity * line_ms / 1000 / pixel_um * np.arange(rows)[:, None]
    image = np.interp((place - place.min()) * fine, np.arange(n * fine), track)
    return (
        image
        + dirt * rng.normal(size=columns)
        + (rng.normal(size=image.shape) / snr if np.isfinite(snr) else 0)
    )


@pytest.mark.parametrize("velocity", [300, 1000, 3000, 10_000])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("scale", [(0.5, 0.5), (0.1657, 0.146), (1.1838, 0.15)])
def test_velocity_is_found_within_two_percent_at_snr_5(velocity, sign, scale):
    pixel, line = scale
    flow = measure_velocity(
        kymograph(sign * velocity, pixel_um=pixel, line_ms=line), pixel_um=pixel, line_ms=line
    )
    assert flow.state == "moving"
    assert flow.velocity_um_s == pytest.approx(sign * velocity, rel=0.02)


@pytest.mark.parametrize("snr", [np.inf, 5, 0.5])
def test_standing_blood_is_stalled(snr):
    flow = measure_velocity(kymograph(0, snr=snr, rows=2000), pixel_um=0.5, line_ms=0.5)
    assert (flow.state, flow.velocity_um_s) == ("stalled", 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(2000, 100), (2000, 64), (600, 32), (300, 16)])
def test_pure_noise_is_unclear(seed, shape):
    noise = np.random.default_rng(seed).normal(500, 30, size=shape)
    flow = measure_velocity(noise, pixel_um=0.5, line_ms=0.5)
    assert flow.state == "unclear" and np.isnan(flow.velocity_um_s)


def test_dirt_that_stands_still_does_not_hide_flow():
    flow = measure_velocity(kymograph(2000, dirt=0.7), pixel_um=0.5, line_ms=0.5)
    assert flow.velocity_um_s == pytest.approx(2000, rel=0.02)


def test_velocity_scales_with_the_pixel_and_the_line_period():
    image = kymograph(2000)
    plain = measure_velocity(image, pixel_um=0.5, line_ms=0.5).velocity_um_s
    assert measure_velocity(
        image, pixel_um=1.0, line_ms=0.5, range_um_s=(200, 40_000)
    ).velocity_um_s == pytest.approx(2 * plain)
    assert measure_velocity(
        image, pixel_um=0.5, line_ms=0.25, range_um_s=(200, 40_000)
    ).velocity_um_s == pytest.approx(2 * plain)


def test_mirrored_scan_flows_the_other_way():
    image = kymograph(1500)
    there, back = (
        measure_velocity(i, pixel_um=0.5, line_ms=0.5).velocity_um_s for i in (image, image[:, ::-1])
    )
    assert back == pytest.approx(-there, rel=1e-3)


def test_brightness_scale_and_offset_do_not_matter():
    image = kymograph(1500, rows=1500)
    a, b = (measure_velocity(i, pixel_um=0.5, line_ms=0.5).velocity_um_s for i in (image, 300 * image + 5000))
    assert a == pytest.approx(b, rel=1e-6)


def test_window_in_which_cells_do_not_cross_the_line_gives_no_velocity():
    """Window rule: |v|·T must reach the line's length. 200 µm/s for 100 ms is 20 of 64 µm."""
    flow = measure_velocity(kymograph(200), pixel_um=0.5, line_ms=0.5, window_ms=100)
    assert (flow.state, {w.state for w in flow.windows} & {"moving", "stalled"}) == ("unclear", set())
    assert measure_velocity(kymograph(200), pixel_um=0.5, line_ms=0.5).velocity_um_s == pytest.approx(
        200, rel=0.03
    )


@pytest.mark.parametrize("velocity", [20, 50])
def test_creeping_blood_below_the_range_is_not_called_standing(velocity):
    flow = measure_velocity(kymograph(velocity), pixel_um=0.5, line_ms=0.5)
    assert flow.state == "unclear" and flow.windows[-1].state == "short"


def test_stall_and_flow_in_one_scan_are_told_apart():
    image = np.vstack([kymograph(0, rows=2000), kymograph(4000, rows=2000)])
    states = [w.state for w in measure_velocity(image, pixel_um=0.5, line_ms=0.5, window_ms=200).windows]
    assert states == ["stalled"] * 5 + ["moving"] * 5


@pytest.mark.parametrize(
    "image, options, message",
    [(np.ones(20), {}, "axes time, distance"), (np.ones((5, 20)), {}, "at least 16 lines"),
     (np.full((20, 20), np.nan), {}, "no missing values"), (np.ones((20, 20)), {"pixel_um": 0}, "pixel_um must"),
     (np.ones((20, 20)), {"line_ms": -1}, "line_ms must"), (np.ones((20, 20)), {"range_um_s": (5, 1)}, "rising")],
)  # fmt: skip
def test_impossible_scans_are_refused(image, options, message):
    with pytest.raises(ValueError, match=message):
        measure_velocity(image, **{"pixel_um": 1.0, "line_ms": 1.0, **options})


def test_constant_scan_is_unclear():
    assert measure_velocity(np.full((200, 20), 7), pixel_um=1, line_ms=1).state == "unclear"


def test_scale_has_no_default():
    with pytest.raises(TypeError, match="pixel_um"):
        measure_velocity(np.ones((20, 20)))


def test_opposite_lines_cancel_in_the_printed_mean():
    velocities, printed, sd = velocity_from_lines([[0, 0, 10, 5], [10, 0, 0, 5]], pixel_um=0.5, line_ms=0.1)
    assert velocities.tolist() == [10_000, -10_000]
    assert (printed, sd) == (0, 10_000)


def test_lines_along_the_axes():
    velocities, printed, _ = velocity_from_lines([[3, 0, 3, 9], [0, 4, 9, 4]], pixel_um=1, line_ms=1)
    assert velocities[0] == 0 and np.isinf(velocities[1]) and np.isinf(printed)
    with pytest.raises(ValueError, match="two different ends.*row 1"):
        velocity_from_lines([[0, 0, 1, 1], [2, 2, 2, 2]], pixel_um=1, line_ms=1)


def test_three_printed_scales_give_three_velocities():
    """A line of 10 lines' time over 20 pixels at the scales in print: 1.1838, 0.1657 and 10.6066/128 µm."""
    found = [
        velocity_from_lines([[0, 0, 20, 10]], pixel_um=p, line_ms=0.15)[1]
        for p in (1.1838, 0.1657, 10.6066 / 128)
    ]
    assert found[0] / found[2] == pytest.approx(14.29, abs=0.01)
    assert found[1] / found[2] == pytest.approx(2.0, abs=0.001)
