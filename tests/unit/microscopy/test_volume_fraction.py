"""Threshold, groups of slices, fractions per voxel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.microscopy.volume_fraction import (
    binarise_probability,
    fraction_per_voxel,
    group_bounds,
    group_slices,
    pad_slices,
    volume_fraction,
)


def column(values):
    return np.asarray(values, dtype=float).reshape(-1, 1, 1)


def test_threshold_is_inclusive():
    assert binarise_probability(np.array([9999, 10000, 10001], np.uint16)).tolist() == [False, True, True]


@pytest.mark.parametrize("stack", [[70_000.0, 1], [-1.0, 3], [np.nan, 3]])
def test_other_scales_are_refused(stack):
    with pytest.raises(ValueError, match=r"must lie in \[0, 65535\]"):
        binarise_probability(stack)


def test_probabilities_from_0_to_1_are_not_taken_for_an_empty_stack():
    with pytest.raises(ValueError, match="need full_scale=1"):
        binarise_probability([0.2, 0.9])
    assert binarise_probability([0.2, 0.9], threshold=0.5, full_scale=1).tolist() == [False, True]
    assert not binarise_probability(np.zeros(3)).any()  # an empty stack is one
    assert not binarise_probability(np.array([0, 1], np.uint16)).any()


@given(st.integers(1, 2000), st.integers(1, 60))
def test_macro_groups_cover_every_slice_once_and_the_last_holds_half_to_one_and_a_half(n, size):
    bounds = group_bounds(n, size)
    assert [i for a, b in bounds for i in range(a, b)] == list(range(n))
    assert all(b - a == size for a, b in bounds[:-1])
    if len(bounds) > 1:
        assert size / 2 <= bounds[-1][1] - bounds[-1][0] < 1.5 * size


def test_last_group_of_33_holds_17_to_49():
    held = {b - a for n in range(33, 400) for a, b in [group_bounds(n)[-1]]}
    assert (min(held), max(held)) == (17, 49)


@pytest.mark.parametrize("last, groups", [("macro", 3), ("drop", 2), ("short", 3)])
def test_rules_for_the_last_group(last, groups):
    assert len(group_slices(np.ones((83, 2, 2)), last=last)) == groups


def test_padding_adds_a_whole_group_to_a_whole_stack():
    assert len(pad_slices(np.ones((66, 1, 1)))) == 99
    assert pad_slices(np.ones((66, 1, 1)))[66:].sum() == 0


def test_both_orders_agree_where_probability_is_all_or_nothing_in_every_group():
    full = np.repeat(np.array([65535, 0, 65535]), 33)
    assert (volume_fraction(column(full)) == volume_fraction(column(full), order="text")).all()


def test_orders_differ_both_ways():
    spread = column(np.full(33, 9000))  # everywhere just below the threshold
    mixed = column(np.r_[np.full(6, 65535), np.zeros(27)])  # 18 % of the depth, surely
    assert volume_fraction(spread).item() == volume_fraction(spread, order="text").item() == 0
    assert volume_fraction(mixed).item() == pytest.approx(6 / 33)
    assert volume_fraction(mixed, order="text").item() == 1  # mean 11915 is above 10000


@given(st.lists(st.integers(0, 65535), min_size=33, max_size=33))
def test_macro_fraction_is_the_share_of_slices_above_the_threshold(values):
    assert volume_fraction(column(values)).item() == pytest.approx(np.mean(np.array(values) >= 10000))


def test_integer_stacks_do_not_overflow():
    assert group_slices(np.full((33, 1, 1), 65535, np.uint16)).item() == 65535


def test_mean_over_pixels_keeps_the_volume_and_bilinear_does_not():
    rng = np.random.default_rng(1)
    pixels = (rng.random((2, 168, 168)) < 0.3).astype(float)
    mean, point = (fraction_per_voxel(pixels, (84, 84), method=m) for m in ("mean", "bilinear"))
    assert mean.mean() == pytest.approx(pixels.mean())
    assert set(np.unique(point)) <= {0, 0.25, 0.5, 0.75, 1}
    assert mean.std() < 0.02 < point.std()


def test_bilinear_equals_simpleitk():
    import SimpleITK as sitk  # noqa: N813

    pixels = np.random.default_rng(1).random((1, 24, 30))
    image = sitk.GetImageFromArray(pixels)
    out = sitk.Resample(image, [5, 4, 1], sitk.Transform(), sitk.sitkLinear, [2.5, 2.5, 0], [6, 6, 1])
    assert np.allclose(fraction_per_voxel(pixels, (6, 6), method="bilinear"), sitk.GetArrayFromImage(out))


def test_odd_pixels_are_sampled_at_their_centre_and_the_rest_left_out():
    pixels = np.arange(35.0).reshape(1, 5, 7)
    assert fraction_per_voxel(pixels, (5, 3), method="bilinear").ravel().tolist() == [15, 18]


@pytest.mark.parametrize("pixels", [(0, 1), (6, 1), (1, 8)])
def test_voxels_larger_than_the_slice_are_refused(pixels):
    with pytest.raises(ValueError, match="A voxel must have"):
        fraction_per_voxel(np.ones((1, 5, 7)), pixels)


@pytest.mark.parametrize("stack", [np.ones((2, 2)), np.ones((0, 2, 2)), np.full((1, 1, 1), "a")])
def test_what_is_no_stack_is_refused(stack):
    with pytest.raises(ValueError, match="stack must"):
        volume_fraction(stack)
