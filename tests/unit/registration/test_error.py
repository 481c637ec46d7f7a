"""Errors of a registration."""

import numpy as np
import pytest

from compendium.registration import UnusableLandmarksError, estimate_landmark_transform
from compendium.registration.error import (
    LandmarkError,
    held_out_error,
    leave_one_out_error,
    local_error_map,
    residual_error,
)


@pytest.fixture
def pairs():
    rng = np.random.default_rng(3)
    fixed = rng.uniform(0, 1, (20, 3)) * [3000, 3000, 700]
    return fixed, fixed + rng.normal(0, 20, fixed.shape)


def test_rmse_counts_all_three_axes():
    error = LandmarkError(np.array([[3.0, 4, 0], [0, 0, 5]]), "")
    assert error.rmse_um == 5
    assert error.axis_rmse_um == pytest.approx((np.sqrt(4.5), np.sqrt(8), np.sqrt(12.5)))


def test_residual_of_a_thin_plate_is_zero_where_leave_one_out_is_not(pairs):
    made = estimate_landmark_transform(*pairs, "thin-plate")
    assert residual_error(made, *pairs).rmse_um < 1e-8
    assert leave_one_out_error(*pairs, "thin-plate").rmse_um > 20


@pytest.mark.parametrize("kind", ["rigid", "similarity", "affine", "thin-plate"])
def test_leave_one_out_exceeds_the_residual(pairs, kind):
    made = estimate_landmark_transform(*pairs, kind)
    assert leave_one_out_error(*pairs, kind).rmse_um > residual_error(made, *pairs).rmse_um


def test_thin_plate_leave_one_out_equals_holding_each_out(pairs):
    short = leave_one_out_error(*pairs, "thin-plate").vectors_um
    for i in (0, 7, 19):
        held = held_out_error(*pairs, "thin-plate", held_out=np.arange(20) == i).vectors_um[0]
        assert np.allclose(short[i], held, atol=1e-6)


def test_leave_one_out_of_the_inverse_thin_plate_refits(pairs):
    slicer = leave_one_out_error(*pairs, "thin-plate", direction="slicer").rmse_um
    assert slicer == pytest.approx(leave_one_out_error(*pairs, "thin-plate").rmse_um, rel=0.1)
    assert slicer > 0


def test_held_out_error_estimates_the_planted_noise():
    """Rigid with 200 pairs: held-out error is the noise of the clicks, √3·20 µm."""
    rng = np.random.default_rng(3)
    fixed = rng.uniform(0, 1000, (200, 3))
    error = held_out_error(
        fixed, fixed + rng.normal(0, 20, fixed.shape), "rigid", held_out=np.arange(200) < 100
    )
    assert error.rmse_um == pytest.approx(20 * np.sqrt(3), rel=0.1)


def test_too_few_landmarks_remain_after_holding_out(pairs):
    with pytest.raises(UnusableLandmarksError, match="At least 5.*Given 4"):
        held_out_error(*pairs, "thin-plate", held_out=np.arange(20) >= 4)


@pytest.mark.parametrize("held", [np.arange(20), np.zeros(19, bool)])
def test_held_out_must_be_a_mask(pairs, held):
    with pytest.raises(ValueError, match="held_out must be boolean"):
        held_out_error(*pairs, "rigid", held_out=held)


def test_local_map_finds_where_the_error_is():
    fixed = np.array([[x, 0.0, 0] for x in range(0, 1001, 100)])
    error = LandmarkError(np.where(fixed[:, :1] > 500, 60.0, 10.0) * [1, 0, 0], "held-out")
    made = local_error_map(error, fixed, [[0, 0, 0], [1000, 0, 0], [5000, 0, 0]], bandwidth_um=100)
    assert made.rmse_um == pytest.approx([10, 60, 60], abs=0.5)
    assert made.nearest_um.tolist() == [0, 0, 4000]
    assert (made.n_effective >= 1 - 1e-12).all() and made.n_effective[
        2
    ] < 1.1  # far away: one landmark decides


def test_local_map_with_a_wide_kernel_is_the_global_error(pairs):
    error = leave_one_out_error(*pairs, "affine")
    made = local_error_map(error, pairs[0], pairs[0][:3], bandwidth_um=1e7)
    assert made.rmse_um == pytest.approx(error.rmse_um, rel=1e-6)
    assert made.n_effective == pytest.approx(20, rel=1e-6)


def test_local_map_refuses_errors_of_other_landmarks(pairs):
    with pytest.raises(ValueError, match="one landmark per error"):
        local_error_map(LandmarkError(np.zeros((3, 3)), ""), pairs[0], pairs[0], bandwidth_um=1)
