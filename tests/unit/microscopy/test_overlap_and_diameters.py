"""Overlap and distances of masks against brute force and SimpleITK; diameters of planted vessels."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy import ndimage
from scipy.spatial.distance import cdist

from compendium.microscopy.diameters import centre_diameters, distance_to, keep_wide_vessels, local_diameters
from compendium.microscopy.overlap import (
    assd_surface,
    dice,
    dilate,
    dilated_dice,
    hausdorff_surface,
    masd_mask_voxels,
)

SPACING = (25.0, 30.0, 100.0)


@pytest.fixture(params=[1, 2, 3])
def pair(request):
    rng = np.random.default_rng(request.param)
    smooth = [ndimage.gaussian_filter(rng.normal(size=(5, 24, 30)), (0.5, 2, 2)) for _ in range(2)]
    return smooth[0] > 0.08, smooth[0] + 0.5 * smooth[1] > 0.1


def places(mask):
    return np.argwhere(mask)[:, ::-1] * SPACING


def itk(mask):
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(SPACING)
    return image


def boundary(mask):
    padded = np.pad(mask, 1)
    inside = np.ones_like(mask)
    for axis in range(mask.ndim):
        for step in (-1, 1):
            inside &= np.roll(padded, step, axis)[tuple(slice(1, -1) for _ in mask.shape)]
    return mask & ~inside


def test_cubes_shifted_by_three_have_their_closed_forms():
    a = np.zeros((16, 16, 16), bool)
    b = a.copy()
    a[3:13, 3:13, 0:10], b[3:13, 3:13, 3:13] = True, True
    one = (1, 1, 1)
    assert dice(a, b) == pytest.approx(0.7)
    assert dilated_dice(a, b, one, 2, reading="one-sided") == pytest.approx(0.9)
    assert masd_mask_voxels(a, b, one) == pytest.approx(0.6)


def test_dice_equals_simpleitk(pair):
    measure = sitk.LabelOverlapMeasuresImageFilter()
    measure.Execute(*(itk(m) for m in pair))
    assert dice(*pair) == pytest.approx(measure.GetDiceCoefficient())


def test_mask_voxel_distance_equals_brute_force(pair):
    apart = cdist(places(pair[0]), places(pair[1]))
    there, back = apart.min(axis=1), apart.min(axis=0)
    assert masd_mask_voxels(*pair, SPACING) == pytest.approx(
        (there.sum() + back.sum()) / (there.size + back.size)
    )
    assert masd_mask_voxels(*pair, SPACING, pooling="means") == pytest.approx(
        (there.mean() + back.mean()) / 2
    )


def test_mask_voxel_distance_equals_simpleitk(pair):
    measure = sitk.HausdorffDistanceImageFilter()
    measure.Execute(*(itk(m) for m in pair))
    apart = cdist(places(pair[0]), places(pair[1]))
    assert measure.GetHausdorffDistance() == pytest.approx(
        max(apart.min(1).max(), apart.min(0).max()), rel=1e-5
    )
    # its average is over all voxels of the masks, not over surfaces
    means = (apart.min(1).mean(), apart.min(0).mean())
    assert measure.GetAverageHausdorffDistance() == pytest.approx(np.mean(means), rel=1e-5)
    assert masd_mask_voxels(*pair, SPACING, pooling="means") == pytest.approx(
        measure.GetAverageHausdorffDistance(), rel=1e-5
    )


def test_surface_distances_equal_brute_force(pair):
    a, b = (places(boundary(m)) for m in pair)
    apart = cdist(a, b)
    there, back = apart.min(axis=1), apart.min(axis=0)
    assert assd_surface(*pair, SPACING) == pytest.approx(
        (there.sum() + back.sum()) / (there.size + back.size)
    )
    assert hausdorff_surface(*pair, SPACING) == pytest.approx(max(there.max(), back.max()))
    quantile = max(np.quantile(there, 0.95), np.quantile(back, 0.95))
    assert hausdorff_surface(*pair, SPACING, quantile=0.95) == pytest.approx(quantile)


def test_mask_voxel_distance_of_thick_masks_is_well_below_the_surface_distance():
    a = np.zeros((40, 40), bool)
    a[10:30, 10:30] = True
    b = np.roll(a, 2, axis=1)
    assert masd_mask_voxels(a, b, (25, 25)) < 0.6 * assd_surface(a, b, (25, 25))


@pytest.mark.parametrize("reading", ["one-sided", "both-dilated"])
def test_dilated_dice_equals_brute_force(pair, reading):
    radius = 60.0
    grid = np.argwhere(np.ones(pair[0].shape, bool))[:, ::-1] * SPACING
    wide = [(cdist(grid, places(m)).min(axis=1) <= radius).reshape(m.shape) for m in pair]
    (a, b), (da, db) = pair, wide
    truth = {
        "one-sided": ((da & b).sum() + (a & db).sum()) / (a.sum() + b.sum()),
        "both-dilated": 2 * (da & db).sum() / (da.sum() + db.sum()),
    }[reading]
    assert dilated_dice(*pair, SPACING, radius, reading=reading) == pytest.approx(truth)


@pytest.mark.parametrize(
    "measure", [dice, lambda a, b: dilated_dice(a, b, SPACING, 50, reading="one-sided"),
                lambda a, b: dilated_dice(a, b, SPACING, 50, reading="both-dilated"),
                lambda a, b: masd_mask_voxels(a, b, SPACING), lambda a, b: assd_surface(a, b, SPACING),
                lambda a, b: hausdorff_surface(a, b, SPACING)],
)  # fmt: skip
def test_measures_are_symmetric_perfect_on_themselves_and_honest_about_empty_masks(pair, measure):
    a, b = pair
    empty = np.zeros_like(a)
    assert measure(a, b) == pytest.approx(measure(b, a))
    assert measure(a, a) in (0, 1)
    assert np.isnan(measure(empty, empty))
    assert measure(a, empty) == measure(empty, a)
    assert measure(a, empty) in (0, np.inf)


def test_dilation_without_radius_changes_nothing_and_counts_micrometres_per_axis():
    a = np.zeros((3, 5, 5), bool)
    a[1, 2, 2] = True
    assert (dilate(a, (25, 25, 100), 0) == a).all()
    assert dilate(a, (25, 25, 100), 50).sum(axis=(1, 2)).tolist() == [0, 13, 0]  # no step of 100 µm


def test_awkward_masks_are_refused():
    with pytest.raises(ValueError, match="must hold 0 and 1 only. Given 2"):
        dice([0, 2], [0, 1])
    with pytest.raises(ValueError, match="same shape"):
        dice([0, 1], [[0, 1]])
    with pytest.raises(ValueError, match="spacing_um must be 3 positive"):
        masd_mask_voxels(np.ones((2, 2, 2), bool), np.ones((2, 2, 2), bool), (1, 1))
    with pytest.raises(ValueError, match="reading must be one of"):
        dilated_dice([[1]], [[1]], (1, 1), 1, reading="cited")


# Diameters


def cylinder(radius, direction, spacing=(4, 4, 4), n=48, shift=(0, 0, 0)):
    axes = [np.arange(n) * s for s in spacing[::-1]]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    middle = np.array([a[n // 2] for a in axes[::-1]]) + shift
    away = np.stack([x, y, z], axis=-1) - middle
    u = np.asarray(direction, float) / np.linalg.norm(direction)
    along = away @ u
    return np.linalg.norm(away - along[..., None] * u, axis=-1) < radius, np.abs(along) < 40


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 2, 3), (1, -1, 0)])
def test_distance_transform_equals_scipy(direction):
    mask, _ = cylinder(12, direction)
    assert np.allclose(
        distance_to(mask, (4.0, 4, 4)), ndimage.distance_transform_edt(~mask, sampling=4), rtol=1e-5
    )


@pytest.mark.parametrize("radius", [10, 18, 30])
@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 2, 3), (1, -1, 0.2)])
def test_diameter_of_a_cylinder_is_found_within_a_voxel(radius, direction):
    mask, middle = cylinder(radius, direction, shift=(1.3, -0.7, 0.4))
    where, found = centre_diameters(mask, (4, 4, 4))
    inner = middle[tuple(where.T)]
    assert np.max(found[inner]) == pytest.approx(2 * radius, abs=4)
    steps = np.arange(4, 90, 2)
    local = local_diameters(mask, (4, 4, 4), steps)[mask & middle]
    assert np.median(local) == pytest.approx(2 * radius, abs=4)


@pytest.mark.parametrize("radius, kept", [(9, False), (11, False), (19, True), (25, True)])
def test_filter_at_30_um_drops_thin_and_keeps_wide_vessels(radius, kept):
    mask, middle = cylinder(radius, (1, 2, 3))
    share = keep_wide_vessels(mask, (4, 4, 4), 30)[mask & middle].mean()
    assert share > 0.9 if kept else share == 0  # a few voxels of the rim are lost to the lattice


def test_filter_is_an_opening():
    rng = np.random.default_rng(1)
    mask = ndimage.gaussian_filter(rng.normal(size=(20, 40, 40)), 2) > 0
    once = keep_wide_vessels(mask, (4, 4, 4), 20)
    assert (once <= mask).all()
    assert (keep_wide_vessels(once, (4, 4, 4), 20) == once).all()
    assert (keep_wide_vessels(mask, (4, 4, 4), 30) <= once).all()


def test_anisotropic_voxels_count_in_micrometres():
    mask = np.zeros((5, 30, 30), bool)
    mask[2, 5:25, 5:25] = True  # one slice of 100 µm, 20 pixels of 2 µm
    assert keep_wide_vessels(mask, (2, 2, 100), 30).any()
    assert not keep_wide_vessels(mask, (2, 2, 10), 30).any()


def test_vessel_that_leaves_the_field_of_view_goes_on():
    mask = np.zeros((30, 30), bool)
    mask[:, 10:20] = True
    assert keep_wide_vessels(mask, (4, 4), 36)[[0, -1], 12].all()


def test_empty_and_full_masks_have_answers():
    assert not keep_wide_vessels(np.zeros((4, 4), bool), (1, 1), 3).any()
    assert keep_wide_vessels(np.ones((4, 4), bool), (1, 1), 30).all()
    assert centre_diameters(np.zeros((4, 4), bool), (1, 1))[1].size == 0
    with pytest.raises(ValueError, match="diameters_um must be positive and rise"):
        local_diameters(np.ones((4, 4), bool), (1, 1), [3, 2])
