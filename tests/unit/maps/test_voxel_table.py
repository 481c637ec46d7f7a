"""From volumes to voxels: exact cases of grouping, averaging, position and labels; time points with known growth."""

import numpy as np
import pytest

from compendium.io.landmarks import write_landmarks
from compendium.io.transforms import write_transform
from compendium.io.volumes import Volume, write_volume
from compendium.maps import voxel_table as table
from compendium.registration.affine import LinearTransform
from compendium.registration.grid import Grid

STILL = LinearTransform(np.eye(3), np.zeros(3), "identity")


def half_space(grid, at_um):
    x = grid.voxel_centres()[:, 0].reshape(grid.shape)
    return (x > at_um).astype(np.float32)


def test_grouping_puts_each_group_at_the_middle_of_its_slices():
    stack = Volume(np.full((70, 4, 4), 65535, np.uint16), Grid((70, 4, 4), (5, 5, 3), (1, 2, 10)))
    made = table.group_microscopy(stack, size=33)
    assert made.array.shape == (2, 4, 4) and made.grid.spacing_um == (5, 5, 99)
    assert made.grid.origin_um == (1, 2, 10 + 3 * 16)


@pytest.mark.parametrize(("last", "groups"), [("drop", 1), ("short", 2), ("macro", 2)])
def test_the_last_group_follows_its_rule(last, groups):
    stack = Volume(np.zeros((60, 2, 2), np.uint16), Grid((60, 2, 2), (5, 5, 3)))
    assert len(table.group_microscopy(stack, size=33, last=last).array) == groups


def test_density_beyond_0_and_1_is_refused():
    volume = Volume(np.full((2, 2, 2), 40.0), Grid((2, 2, 2), (5, 5, 5)))
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]. Given 40 to 40"):
        table.group_microscopy(volume, holds="density")


def test_coarser_pixels_keep_the_mean_and_the_place():
    grid = Grid((2, 40, 40), (5, 5, 50))
    fine = Volume(half_space(grid, 100.0), grid)
    made = table.coarsen_in_plane(fine, 25.0)
    assert made.grid.spacing_um == (25, 25, 50)
    assert made.array.mean() == pytest.approx(fine.array.mean(), rel=1e-5)
    assert made.grid.origin_um == (10, 10, 0)


def test_density_of_a_voxel_is_its_share_and_unknown_outside():
    moving = Grid((10, 60, 60), (10, 10, 50), (-95, -95, 0))
    mri = Grid((3, 4, 8), (100, 100, 100), (0, 0, 100))
    density, rms = table.density_on_mri(Volume(half_space(moving, 220.0), moving), mri, STILL)
    assert rms == 0 and density[1, 1, :5] == pytest.approx([0, 0, 0.3, 1, 1], abs=0.03)
    assert np.isnan(density[:, :, 6:]).all()


def test_a_shift_in_the_transform_moves_the_density():
    moving = Grid((10, 60, 80), (10, 10, 50), (-95, -95, 0))
    mri = Grid((3, 4, 5), (100, 100, 100), (0, 0, 100))
    shifted = LinearTransform(np.eye(3), np.array([100.0, 0, 0]), "shift")
    one, _ = table.density_on_mri(Volume(half_space(moving, 250.0), moving), mri, STILL)
    two, _ = table.density_on_mri(Volume(half_space(moving, 250.0), moving), mri, shifted)
    assert two[1, 1, :4] == pytest.approx(one[1, 1, 1:5], abs=1e-5)


def test_slabs_give_the_same_as_one_piece(monkeypatch):
    rng = np.random.default_rng(1)
    moving = Grid((12, 50, 50), (20, 20, 50), (-100, -100, -50))
    volume = Volume(rng.random(moving.shape).astype(np.float32), moving)
    mri = Grid((5, 6, 6), (100, 100, 80))
    whole, _ = table.density_on_mri(volume, mri, STILL)
    monkeypatch.setattr(table, "_MOST_SAMPLES", 1)
    parts, _ = table.density_on_mri(volume, mri, STILL)
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


def test_labels_of_a_mask_are_kept_when_it_names_normal_tissue():
    density = np.array([0.0, 0.4, 0.1, np.nan])
    assert table.label_voxels(density, np.array([3, 1, 0, 1])).tolist() == [3, 1, 0, 0]
    assert table.label_voxels(density, np.array([1, 1, 0, 1])).tolist() == [3, 1, 0, 0]
    assert table.label_voxels(density, np.array([1, 1, 0, 1]), normal_label=1).tolist() == [1, 1, 0, 0]


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(7)
    mri = Grid((5, 12, 14), (100, 100, 100))
    micro = Grid((132, 90, 100), (16, 16, 4), (-50, -60, -20))
    shift = np.array([40.0, -30.0, 10.0])
    solid = half_space(micro, 640.0 + shift[0])
    paths = {name: tmp_path / file for name, file in (("mri", "mri.nii.gz"), ("microscopy", "m.nrrd"), ("mask", "mask.nii.gz"),
             ("landmarks_mri", "a.fcsv"), ("landmarks_microscopy", "b.mrk.json"), ("transform", "t.tfm"))}  # fmt: skip
    write_volume(
        paths["mri"],
        (100 + 50 * half_space(mri, 640.0) + rng.normal(0, 2, mri.shape)).astype(np.float32),
        mri,
    )
    write_volume(paths["microscopy"], (solid * 60000).astype(np.uint16), micro)
    write_volume(paths["mask"], np.ones(mri.shape, np.uint8), mri)
    points = rng.uniform(50, 1100, (9, 3)) * [1, 1, 0.4]
    names = [f"v{i}" for i in range(9)]
    write_landmarks(paths["landmarks_mri"], points, names)
    write_landmarks(paths["landmarks_microscopy"], (points + shift)[::-1], names[::-1])
    write_transform(paths["transform"], LinearTransform(np.eye(3), shift, "shift"))
    return paths


@pytest.mark.parametrize("way", ["rigid", "thin-plate", "transform"])
def test_landmarks_and_transform_find_the_tumour_where_it_is(files, way):
    given = {
        k: v
        for k, v in files.items()
        if (k == "transform") == (way == "transform") or not k.startswith(("land", "trans"))
    }
    if way != "transform":
        given.pop("transform", None)
    else:
        given = {k: v for k, v in given.items() if not k.startswith("land")}
    made = table.build_voxels(given, animal="X", kind="rigid" if way == "rigid" else "thin-plate", size=25)
    inside = np.isfinite(made.density)
    truth = half_space(made.grid, 640.0)
    edge = np.abs(made.grid.voxel_centres()[:, 0].reshape(made.grid.shape) - 640) < 60
    assert inside.mean() > 0.5 and np.abs(made.density - truth)[inside & ~edge].max() < 0.02
    assert made.frame.loc[made.frame["density"] > 0.9, "t2w"].mean() > 10
    assert (made.registration.error is None) == (way == "transform")


def test_landmarks_in_one_image_only_are_refused(files):
    with pytest.raises(ValueError, match="needed in both images"):
        table.build_voxels({k: files[k] for k in ("mri", "microscopy", "landmarks_mri")}, animal="X")


def test_growth_of_a_displaced_time_point_is_found(tmp_path):
    grid = Grid((7, 20, 22), (100, 100, 100))
    rng = np.random.default_rng(2)
    where = grid.voxel_centres()
    shift = np.array([130.0, -70.0, 0.0])

    def ramp(points, gain):
        return np.clip((points[:, 0] - 500) / 1500 + gain, 0, 1).reshape(grid.shape)

    first, later = ramp(where, 0.0), ramp(where - shift, 0.14)
    noise = rng.normal(0, 1, (2, *grid.shape))
    mri = tuple(Volume((100 + n).astype(np.float32), grid) for n in noise)
    density = tuple(Volume(d.astype(np.float32), grid) for d in (first, later))
    points = rng.uniform(300, 1500, (6, 3)) * [1, 1, 0.35]
    for name, at in (("a.fcsv", points), ("b.fcsv", points + shift)):
        write_landmarks(tmp_path / name, at)
    move = table.align_landmarks(tmp_path / "a.fcsv", tmp_path / "b.fcsv", grid, "subvoxel")
    made = table.pair_time_points(mri, density, (None, None), move, (10, 24), animal="X")
    middle = (first > 0.2) & (first < 0.7) & np.isfinite(made.growth)
    assert made.growth[middle] == pytest.approx(np.full(middle.sum(), 1.0), abs=0.02)
    assert set(made.frame["day"]) == {10, 24} and made.frame.groupby("day").size().nunique() == 1


def test_whole_voxels_turn_first(tmp_path):
    grid = Grid((7, 60, 60), (100, 100, 100))
    angle = np.deg2rad(6)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    points = np.random.default_rng(3).uniform(500, 5000, (8, 3)) * [1, 1, 0.1]
    for name, at in (("a.fcsv", points), ("b.fcsv", points @ turn.T + [200, 0, 0])):
        write_landmarks(tmp_path / name, at)
    made = table.align_landmarks(tmp_path / "a.fcsv", tmp_path / "b.fcsv", grid, "integer")
    assert made.rmse_um < 60


def test_time_points_in_the_wrong_order_are_refused():
    grid = Grid((2, 3, 3), (100, 100, 100))
    volume = Volume(np.zeros(grid.shape, np.float32), grid)
    move = table.Alignment(STILL, np.zeros(3), np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="must be later. Given days 5 and 5"):
        table.pair_time_points((volume,) * 2, (volume,) * 2, (None, None), move, (5, 5), animal="X")
