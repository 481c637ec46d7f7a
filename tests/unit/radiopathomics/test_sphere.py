"""A sphere on a grid keeps its volume, its place and its mean, wherever it lies."""

import numpy as np
import pytest

from compendium.radiopathomics.sphere import rasterise_sphere, sphere_mean

TRUE = np.pi / 6 * 5**3


@pytest.mark.parametrize(("spacing", "tolerance"), [(1.0, 0.002), (2.0, 0.006)])
def test_shares_keep_the_volume_of_a_5_mm_sphere_at_any_position(spacing, tolerance):
    rng = np.random.default_rng(2)
    centres = 9 * spacing + rng.uniform(0, spacing, (60, 3))
    volumes = [rasterise_sphere((20, 20, 20), (spacing,) * 3, c, 5).volume_mm3 for c in centres]
    assert np.abs(np.array(volumes) / TRUE - 1).max() < tolerance


def test_whole_voxels_of_2_mm_change_the_volume_by_more_than_a_fifth():
    rng = np.random.default_rng(2)
    volumes = [
        rasterise_sphere((20, 20, 20), (2, 2, 2), 18 + rng.uniform(0, 2, 3), 5, "centre").volume_mm3
        for _ in range(60)
    ]
    assert max(volumes) / min(volumes) > 1.2 and abs(np.mean(volumes) / TRUE - 1) < 0.05


def test_whole_voxels_are_those_whose_centre_is_inside():
    sphere = rasterise_sphere((9, 9, 9), (1, 1, 1), (4, 4, 4), 3, "centre")
    expected = sum(
        x * x + y * y + z * z <= 2.25 for x in range(-2, 3) for y in range(-2, 3) for z in range(-2, 3)
    )
    assert len(sphere.index) == expected == 19 and set(sphere.weight) == {1.0}


def test_axes_with_different_spacings_are_not_mixed_up():
    spacing, centre = (1.0, 2.0, 3.0), (10.2, 21.0, 28.5)
    sphere = rasterise_sphere((21, 21, 21), spacing, centre, 9)
    place = np.average(sphere.index * spacing, axis=0, weights=sphere.weight)
    assert place == pytest.approx(centre, abs=0.05)
    assert sphere.volume_mm3 == pytest.approx(np.pi / 6 * 9**3, rel=0.005)


def test_the_mean_of_a_ramp_is_its_value_at_the_centre():
    ramp = np.fromfunction(lambda x, y, z: 3 * x - 2 * y + z, (15, 15, 15))
    sphere = rasterise_sphere(ramp.shape, (2, 2, 2), (13.3, 14.9, 14.1), 5)
    assert sphere_mean(ramp, sphere) == pytest.approx((3 * 13.3 - 2 * 14.9 + 14.1) / 2, abs=0.02)


def test_half_a_sphere_at_the_border_is_said_to_be_half():
    assert rasterise_sphere((11, 11, 11), (1, 1, 1), (-0.5, 5, 5), 5).coverage == pytest.approx(0.5, abs=0.01)


def test_a_mask_takes_voxels_out():
    mask = np.zeros((11, 11, 11), dtype=bool)
    mask[:, :, 5:] = True
    sphere = rasterise_sphere((11, 11, 11), (1, 1, 1), (5, 5, 4.5), 5, mask=mask)
    assert sphere.coverage == pytest.approx(0.5, abs=0.01) and sphere.index[:, 2].min() == 5


def test_a_sphere_smaller_than_a_voxel_lies_in_that_voxel():
    sphere = rasterise_sphere((5, 5, 5), (2, 2, 2), (4, 4, 4), 0.5)
    assert sphere.index.tolist() == [[2, 2, 2]] and sphere.weight[0] < 0.02


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"centre_mm": (90, 5, 5)}, "must lie in the image"),
        ({"diameter_mm": 0}, "a diameter > 0"),
        ({"diameter_mm": float("nan")}, "a diameter > 0"),
        ({"spacing_mm": (1, 0, 1)}, "three spacings > 0"),
        ({"rule": "nearest"}, "rule must be one of"),
        ({"mask": np.zeros((11, 11, 11), dtype=bool)}, "must hold a voxel"),
    ],
)
def test_a_sphere_that_cannot_be_drawn_is_refused(change, message):
    given = {
        "shape": (11, 11, 11),
        "spacing_mm": (1, 1, 1),
        "centre_mm": (5, 5, 5),
        "diameter_mm": 5,
    } | change
    with pytest.raises(ValueError, match=message):
        rasterise_sphere(**given)


def test_values_that_are_not_finite_are_left_out_of_the_mean():
    volume = np.full((11, 11, 11), 7.0)
    volume[5, 5, 5] = np.nan
    sphere = rasterise_sphere(volume.shape, (1, 1, 1), (5, 5, 5), 5)
    assert sphere_mean(volume, sphere) == pytest.approx(7)
    with pytest.raises(ValueError, match="must hold a finite value"):
        sphere_mean(volume * np.nan, sphere)
