"""Grids, resampling, reslicing and alignment of time points."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from compendium.registration import Grid, LinearTransform, UnusableLandmarksError, estimate_thin_plate
from compendium.registration.longitudinal import align_integer, align_subvoxel, angle_between_lines
from compendium.registration.resample import resample_volume, sample_displacements
from compendium.registration.reslice import fit_window_plane, reslice_to_window, window_grid

STAY = LinearTransform(np.eye(3), np.zeros(3), "identity")


def oblique(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (c, 0, s, 0, 1, 0, -s, 0, c)


def smooth(points):
    x, y, z = np.asarray(points).T
    return np.sin(x / 300) + np.cos(y / 250) + z / 400


def field(grid):
    return smooth(grid.voxel_centres()).reshape(grid.shape)


@pytest.fixture
def spline():
    rng = np.random.default_rng(5)
    fixed = rng.uniform(0, 1, (15, 3)) * [1200, 1200, 600]
    return estimate_thin_plate(fixed, fixed + rng.normal(0, 20, fixed.shape))


def test_indices_and_points_are_inverse():
    grid = Grid((4, 5, 6), (1, 2, 30), (7, 8, 9), oblique(20))
    index = np.random.default_rng(1).uniform(0, 5, (10, 3))
    assert np.allclose(grid.to_indices(grid.to_points(index)), index)
    assert np.allclose(
        grid.voxel_centres()[1] - grid.voxel_centres()[0], np.array(oblique(20)).reshape(3, 3)[:, 0]
    )


def test_grid_equals_simpleitk_geometry():
    import SimpleITK as sitk  # noqa: N813

    grid = Grid((4, 5, 6), (1, 2, 30), (7, 8, 9), oblique(20))
    image = sitk.Image(6, 5, 4, sitk.sitkUInt8)
    image.SetSpacing(grid.spacing_um), image.SetOrigin(grid.origin_um), image.SetDirection(grid.direction)
    assert np.allclose(
        grid.to_points([[1.5, 2.5, 3.5]])[0], image.TransformContinuousIndexToPhysicalPoint((1.5, 2.5, 3.5))
    )


@pytest.mark.parametrize(
    "arguments, message",
    [(((0, 1, 1), (1, 1, 1)), "shape must be"), (((1, 1, 1), (1, 0, 1)), "spacing_um must be"),
     (((1, 1, 1), (1, 1, 1), (0, 0, np.nan)), "origin_um must be"), (((1, 1, 1), (1, 1, 1), (0, 0, 0), (1,) * 9), "orthonormal")],
)  # fmt: skip
def test_impossible_grid_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Grid(*arguments)


def test_coarser_grid_keeps_the_field_of_view():
    coarse = Grid((7, 1000, 1000), (1.2, 1.2, 100)).with_spacing((100, 100, 100))
    assert coarse.shape == (7, 12, 12)
    assert coarse.origin_um == pytest.approx((49.4, 49.4, 0))


def test_contains_counts_voxel_edges():
    assert Grid((1, 1, 2), (10, 10, 10)).contains([[-5, 0, 0], [14.9, 0, 0], [15.1, 0, 0]]).tolist() == [
        True,
        True,
        False,
    ]


# Resampling


def test_identity_returns_the_volume():
    grid = Grid((3, 4, 5), (10, 10, 50), (1, 2, 3), oblique(30))
    volume = np.random.default_rng(1).normal(size=grid.shape)
    made = resample_volume(volume, grid, STAY, grid)
    assert np.allclose(made.volume, volume)
    assert (made.map_rms_um, made.map_max_um) == (0, 0)


def test_resampling_equals_scipy_at_mapped_points(spline):
    fixed, moving = Grid((6, 40, 40), (30, 30, 100)), Grid((8, 140, 140), (10, 10, 100), (-50, -50, -50))
    volume = field(moving)
    made = resample_volume(volume, moving, spline, fixed, node_um=10)
    where = moving.to_indices(spline.apply(fixed.voxel_centres())).T[::-1]
    truth = map_coordinates(volume, where, order=1, cval=np.nan).reshape(fixed.shape)
    both = np.isfinite(made.volume) & np.isfinite(truth)
    assert both.mean() > 0.9
    assert (
        np.abs(made.volume - truth)[both].max() < 5e-3
    )  # beside a landmark the sampled map is up to 1 µm off; slope 1/200 per µm


def test_stated_error_of_the_sampled_map_is_true_and_falls_with_the_nodes(spline):
    grid = Grid((6, 100, 100), (12, 12, 100))
    coarse, fine = (sample_displacements(spline, grid, node_um=n) for n in (200, 25))
    assert fine.rms_um < coarse.rms_um / 5
    points = grid.to_points(np.random.default_rng(9).uniform(0, 1, (3000, 3)) * [99, 99, 5])
    where = coarse.grid.to_indices(points).T[::-1]
    moved = np.column_stack([map_coordinates(coarse.vectors_um[..., i], where, order=1) for i in range(3)])
    rms = np.sqrt(np.mean(np.sum((points + moved - spline.apply(points)) ** 2, axis=1)))
    assert rms == pytest.approx(coarse.rms_um, rel=0.15)


def test_nodes_cover_the_grid_with_equal_ends():
    grid = Grid((1, 2, 30), (7, 50, 100), (5, 6, 7))
    nodes = sample_displacements(STAY, grid).grid
    assert nodes.contains(grid.voxel_centres()).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, bool])
def test_labels_keep_type_and_values(dtype):
    grid = Grid((3, 6, 6), (10, 10, 10))
    labels = (np.random.default_rng(1).integers(0, 2, grid.shape)).astype(dtype)
    shift = LinearTransform(np.eye(3), np.array([10.0, 0, 0]), "")
    made = resample_volume(labels, grid, shift, grid, interpolation="nearest").volume
    assert made.dtype == labels.dtype
    assert (made[:, :, :-1] == labels[:, :, 1:]).all() and not made[:, :, -1].any()


def test_outside_is_missing_not_zero():
    grid = Grid((2, 2, 2), (10, 10, 10))
    far = LinearTransform(np.eye(3), np.array([1000.0, 0, 0]), "")
    assert np.isnan(resample_volume(np.ones(grid.shape, np.uint16), grid, far, grid).volume).all()
    assert (resample_volume(np.ones(grid.shape), grid, far, grid, fill=-1).volume == -1).all()


def test_awkward_volumes_are_refused():
    grid = Grid((2, 2, 2), (10, 10, 10))
    with pytest.raises(ValueError, match=r"grid's shape. Given \(1, 2, 2\)"):
        resample_volume(np.ones((1, 2, 2)), grid, STAY, grid)
    with pytest.raises(ValueError, match="A mask needs interpolation 'nearest'"):
        resample_volume(np.ones((2, 2, 2), bool), grid, STAY, grid)
    with pytest.raises(ValueError, match="must hold numbers"):
        resample_volume(np.full((2, 2, 2), "a"), grid, STAY, grid)
    with pytest.raises(ValueError, match="at most 20,000,000 nodes"):
        sample_displacements(STAY, Grid((2, 2, 2), (1e6, 1e6, 1e6)), node_um=10)


# Reslicing


def test_window_plane_recovers_a_planted_tilt():
    rng = np.random.default_rng(2)
    flat = np.column_stack([rng.uniform(0, 3000, (8, 2)), rng.normal(0, 5, 8)])
    turn = np.array(oblique(12)).reshape(3, 3)
    plane = fit_window_plane(flat @ turn.T + [10, 20, 300])
    assert plane.tilt_deg == pytest.approx(12, abs=0.3)
    assert plane.rms_um < 8


def test_points_on_a_line_define_no_window():
    with pytest.raises(UnusableLandmarksError, match="must not lie on a line"):
        fit_window_plane([[0, 0, 0], [1, 0, 0], [2, 0, 0]])
    with pytest.raises(ValueError, match="Too few points on the window"):
        fit_window_plane([[0, 0, 0], [1, 0, 0]])


def test_resliced_volume_shows_the_window_in_one_slice_and_keeps_every_point():
    grid = Grid((40, 60, 60), (20, 20, 20))
    turn = np.array(oblique(15)).reshape(3, 3)
    corners = np.array([[0, 0, 0], [900, 0, 0], [0, 900, 0], [900, 900, 0.0]]) @ turn.T + [100, 100, 500]
    plane = fit_window_plane(corners)
    volume = (grid.voxel_centres() - plane.centre_um) @ plane.normal  # distance from the window
    made = reslice_to_window(volume.reshape(grid.shape), grid, plane)
    index = grid.to_indices(made.grid.voxel_centres()).reshape(*made.grid.shape, 3)
    inner = ((index >= 0) & (index <= [59, 59, 39])).all(axis=-1)  # ITK repeats the edge over half a voxel
    slices = [s[m] for s, m in zip(made.volume, inner) if m.any()]
    assert max(s.std() for s in slices) < 1e-6  # parallel slices
    assert min(abs(s.mean()) for s in slices) < 1e-6  # one of them is the window itself
    assert made.grid.contains(grid.voxel_centres()).all()
    assert made.grid.spacing_um == grid.spacing_um


def test_window_perpendicular_to_x_is_refused():
    plane = fit_window_plane([[0, 0, 0], [0, 100, 0], [0, 0, 100], [0, 100, 100]])
    with pytest.raises(UnusableLandmarksError, match="perpendicular to the x axis"):
        window_grid(plane, Grid((3, 3, 3), (1, 1, 1)))


# Time points


def test_integer_alignment_shifts_whole_voxels_without_interpolation():
    grid = Grid((4, 10, 10), (100, 100, 100))
    volume = np.random.default_rng(1).normal(size=grid.shape)
    later = np.roll(volume, (1, -2, 3), axis=(0, 1, 2))
    fixed = np.array([[300.0, 400, 100], [500, 500, 200]])
    made = align_integer(fixed, fixed + [340, -180, 60], grid)
    back = resample_volume(later, grid, made.transform, grid).volume
    inside = np.isfinite(back)
    assert (back[inside] == volume[inside]).all() and inside.mean() > 0.3
    assert made.left_um == pytest.approx([-40, -20, 40])


@pytest.mark.parametrize("angle", [0.0, 10.0, -35.0])
def test_integer_alignment_undoes_a_rotation(angle):
    grid = Grid((4, 40, 40), (50, 50, 100))
    centre = grid.to_points([[19.5, 19.5, 1.5]])[0]
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    fixed = np.random.default_rng(1).uniform(400, 1400, (6, 3))
    moving = (fixed - centre) @ turn.T + centre + turn @ [100, -50, 100]  # whole voxels before the turn
    made = align_integer(fixed, moving, grid, angle_deg=angle)
    assert made.rmse_um < 1e-9
    assert np.abs(made.left_um).max() < 1e-9
    found = angle_between_lines(fixed[:2], moving[:2])
    assert found == pytest.approx(angle)


def test_halves_round_up_as_in_imagej():
    grid = Grid((2, 2, 2), (100, 100, 100))
    made = align_integer([[0, 0, 0]], [[-50, 50, 150]], grid)
    assert made.transform.offset_um.tolist() == [-100, 0, 100]


def test_subvoxel_alignment_leaves_less_than_whole_voxels():
    rng = np.random.default_rng(3)
    fixed = rng.uniform(0, 2000, (10, 3))
    moving = fixed + [140, -60, 30] + rng.normal(0, 5, fixed.shape)
    whole = align_integer(fixed, moving, Grid((7, 20, 20), (100, 100, 100)))
    fine = align_subvoxel(fixed, moving)
    assert fine.rmse_um < 12 < whole.rmse_um
    assert np.abs(whole.left_um).max() <= 50


def test_line_without_length_is_refused():
    with pytest.raises(ValueError, match="two different ends"):
        angle_between_lines([[0, 0, 0], [0, 0, 5]], [[0, 0, 0], [1, 0, 0]])
