"""The matching scale and the protocol of two raters."""

import numpy as np
import pytest

from compendium.registration import Grid, LinearTransform, matching_scale
from compendium.registration.error import LandmarkError
from compendium.registration.matching import retained_fraction
from compendium.registration.raters import (
    cell_points,
    draw_rater_cells,
    error_from_disagreement,
    rater_disagreement,
    summarise_raters,
)


@pytest.mark.parametrize(
    "sigma, block", [((41.3, 41.3, 41.3), (100, 100, 100)), ((10, 20, 80), (25, 25, 100))]
)
def test_retained_fraction_equals_throwing_points(sigma, block):
    rng = np.random.default_rng(1)
    points = rng.uniform(0, block, (400_000, 3)) + rng.normal(0, sigma, (400_000, 3))
    kept = ((points >= 0) & (points < block)).all(axis=1).mean()
    assert retained_fraction(sigma, [block])[0] == pytest.approx(kept, abs=0.003)  # four standard errors


def test_values_for_the_printed_disagreement():
    """71.6 µm in total against 100 µm voxels: three points in ten stay."""
    made = matching_scale(71.6, (100, 100, 100), multiples=(1, 2, 4))
    assert made.retained == pytest.approx((0.304, 0.582, 0.772), abs=5e-4)
    assert made.axis_error_um == pytest.approx((71.6 / np.sqrt(3),) * 3)


def test_limits_no_error_keeps_all_and_a_large_one_nothing():
    assert matching_scale(0, (100, 100, 100)).retained == (1, 1, 1, 1)
    assert matching_scale(0, (100, 100, 100), correlation_length_um=50).attenuation == pytest.approx(
        (1, 1, 1, 1)
    )
    assert matching_scale(1e5, (100, 100, 100), multiples=(1,)).retained[0] < 1e-5


def test_both_fall_with_error_and_rise_with_block_and_correlation_length():
    for length in (0, 30, 300):
        table = matching_scale(50, (100, 100, 100), correlation_length_um=length).table()
        assert table.attenuation.is_monotonic_increasing and table.retained.is_monotonic_increasing
    by_error = [matching_scale(e, (100,) * 3, correlation_length_um=80).attenuation[0] for e in (10, 50, 200)]
    by_length = [
        matching_scale(50, (100,) * 3, correlation_length_um=v).attenuation[0] for v in (0, 1e-3, 20, 80, 1e4)
    ]
    assert by_error == sorted(by_error, reverse=True)
    assert by_length == sorted(by_length)
    assert by_length[-1] == pytest.approx(1, abs=1e-3)


def test_short_correlation_tends_to_the_retained_fraction():
    fine = matching_scale(50, (100, 100, 100), correlation_length_um=0.05)
    assert fine.attenuation == pytest.approx(fine.retained, rel=2e-3)


@pytest.mark.parametrize("length", [0.0, 25.0, 60.0])
def test_attenuation_equals_a_simulated_correlation_of_displaced_blocks(length):
    """One axis displaced (the others hold): a random field, block means at the right and at displaced places."""
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.default_rng(2)
    n, block, sigma = 1_000_000, 50, 20.0  # 1 µm samples
    line = rng.normal(size=n)
    if length:
        line = gaussian_filter1d(line, length / np.sqrt(2), mode="wrap")  # autocorrelation exp(−h²/2ℓ²)
    total = np.concatenate([[0], np.cumsum(np.tile(line, 2))])
    start = np.arange(500, n - 500, block)
    moved = start + np.rint(rng.normal(0, sigma, start.size)).astype(int)
    here, there = (total[s + block] - total[s] for s in (start, moved))
    made = matching_scale((sigma, 0, 0), (block, 1, 1), multiples=(1,), correlation_length_um=length)
    assert np.corrcoef(here, there)[0, 1] == pytest.approx(made.attenuation[0], abs=0.02)


def test_disagreement_is_divided_by_the_root_of_two():
    assert matching_scale(70, (100,) * 3, disagreement=True).retained == pytest.approx(
        matching_scale(70 / np.sqrt(2), (100,) * 3).retained
    )


def test_smallest_block_is_found_or_none():
    made = matching_scale(71.6, (100, 100, 100), multiples=(4, 1, 2))
    assert made.smallest(0.5) == (200, 200, 200)
    assert made.smallest(0.99) is None


@pytest.mark.parametrize(
    "arguments, message",
    [((-1, (1, 1, 1)), "rmse_um must be"), ((np.nan, (1, 1, 1)), "rmse_um must be"), (((1, 2), (1, 1, 1)), "rmse_um must be"),
     ((1, (1, 1)), "voxel_um must be"), ((1, (1, 1, 0)), "voxel_um must be")],
)  # fmt: skip
def test_impossible_scale_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        matching_scale(*arguments)


# Raters


@pytest.mark.parametrize("draw", ["uniform", "macro"])
def test_one_cell_lies_in_every_region(draw):
    for seed in range(30):
        cells = draw_rater_cells(seed, draw=draw)
        regions = {((c - 1) // 17, (r - 1) // 25) for c, r, _ in cells}
        assert len(regions) == 6
        assert cells.min() >= 1 and (cells.max(axis=0) <= [50, 50, 7]).all()


def test_macro_draws_the_last_slice_half_as_often():
    slices = np.concatenate([draw_rater_cells(s, draw="macro")[:, 2] for s in range(1500)])
    counts = np.bincount(slices, minlength=8)[1:]
    assert counts[6] / counts[:6].mean() == pytest.approx(0.5, abs=0.06)


def test_only_allowed_cells_are_drawn_and_an_empty_region_is_refused():
    allowed = np.zeros((7, 50, 50), bool)
    allowed[2, ::5, ::5] = True
    cells = draw_rater_cells(1, allowed=allowed)
    assert (cells[:, 2] == 3).all() and ((cells[:, :2] - 1) % 5 == 0).all()
    allowed[:, :, 34:] = False
    with pytest.raises(ValueError, match="region 3, 1"):
        draw_rater_cells(1, allowed=allowed)
    with pytest.raises(ValueError, match="allowed must have shape"):
        draw_rater_cells(1, allowed=allowed[0])


def test_cells_lie_in_the_volume():
    grid = Grid((7, 1000, 900), (1.2, 1.2, 100))
    assert grid.contains(cell_points(draw_rater_cells(3), grid)).all()


def test_disagreement_is_symmetric_and_blind_to_a_shared_error():
    shift = [LinearTransform(np.eye(3), np.array(v, float), "") for v in ([100, 0, 0], [130, 0, 0])]
    points = np.zeros((4, 3))
    assert (
        rater_disagreement(*shift, points).rmse_um == rater_disagreement(*shift[::-1], points).rmse_um == 30
    )


def test_independent_errors_give_root_two_times_the_error():
    rng = np.random.default_rng(1)
    errors = rng.normal(0, 30, (2, 20_000, 3))
    disagreement = LandmarkError(errors[0] - errors[1], "").rmse_um
    assert error_from_disagreement(disagreement) == pytest.approx(30 * np.sqrt(3), rel=0.02)


def test_shared_error_hides_in_the_disagreement():
    rng = np.random.default_rng(1)
    common, own = rng.normal(0, 40, (20_000, 3)), rng.normal(0, 20, (2, 20_000, 3))
    error = np.sqrt(3) * np.hypot(40, 20)
    disagreement = LandmarkError(own[0] - own[1], "").rmse_um
    assert disagreement < 0.7 * error
    assert error_from_disagreement(disagreement, shared=40**2 / (40**2 + 20**2)) == pytest.approx(
        error, rel=0.02
    )
    assert np.std(common + own[0]) == pytest.approx(np.hypot(40, 20), rel=0.02)


def test_mean_of_datasets_is_not_the_pooled_value():
    made = summarise_raters([LandmarkError(np.full((6, 3), v), "") for v in (10.0, 60.0)])
    assert made.mean_rmse_um == pytest.approx(35 * np.sqrt(3))
    assert made.pooled_rmse_um > made.mean_rmse_um
    assert (made.n_datasets, made.n_points) == (2, 12)
