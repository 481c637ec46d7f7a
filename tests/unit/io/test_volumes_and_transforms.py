"""Volumes and transforms: round trips, other libraries, damaged files."""

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile

from compendium.io.transforms import TransformFileError, read_transform, write_transform
from compendium.io.volumes import VolumeFileError, read_plane, read_volume, write_volume
from compendium.registration import Grid, LinearTransform, estimate_thin_plate

C, S = np.cos(0.3), np.sin(0.3)
OBLIQUE = Grid((3, 4, 5), (25, 30, 100), (-500, 250, 75), (C, -S, 0, S, C, 0, 0, 0, 1))
PLAIN = Grid((3, 4, 5), (1.1838, 1.1838, 100))


def values(dtype=np.float32, grid=OBLIQUE):
    return np.random.default_rng(1).integers(0, 200, grid.shape).astype(dtype)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, bool])
def test_round_trip_keeps_voxels_and_place(tmp_path, suffix, dtype):
    write_volume(tmp_path / f"a{suffix}", values(dtype), OBLIQUE)
    got = read_volume(tmp_path / f"a{suffix}")
    assert (got.array == values(dtype)).all()
    corners = [[0, 0, 0], [4, 3, 2]]
    assert np.allclose(got.grid.to_points(corners), OBLIQUE.to_points(corners), atol=1e-2)  # NIfTI: 32-bit mm
    assert got.grid.spacing_um == pytest.approx(OBLIQUE.spacing_um, rel=1e-6)
    assert [p.name for p in tmp_path.iterdir()] == [f"a{suffix}"]  # nothing half-written beside it


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_ome_tiff_keeps_voxels_and_sizes(tmp_path, dtype):
    write_volume(tmp_path / "a.ome.tif", values(dtype, PLAIN), PLAIN)
    got = read_volume(tmp_path / "a.ome.tif")
    assert (got.array == values(dtype, PLAIN)).all() and got.array.dtype == dtype
    assert got.grid.spacing_um == pytest.approx(PLAIN.spacing_um)


def test_nifti_agrees_with_nibabel_in_place(tmp_path):
    """Nibabel speaks RAS and [x, y, z]: the same point in space must carry the same value."""
    write_volume(tmp_path / "a.nii.gz", values(), OBLIQUE)
    peer = nibabel.load(tmp_path / "a.nii.gz")
    x, y, z = 3, 1, 2
    ras = (peer.affine @ [x, y, z, 1])[:3]
    assert np.allclose(OBLIQUE.to_points([[x, y, z]])[0] / 1000, ras * [-1, -1, 1], atol=1e-5)
    assert peer.get_fdata()[x, y, z] == values()[z, y, x]


def test_nifti_of_nibabel_with_a_left_handed_affine_is_read_in_place(tmp_path):
    array = np.arange(24.0).reshape(2, 3, 4)
    affine = np.diag([-0.1, 0.2, 0.3, 1])
    affine[:3, 3] = [5, 6, 7]
    nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / "n.nii")
    got = read_volume(tmp_path / "n.nii")
    for index in ([0, 0, 0], [1, 2, 3]):
        ras = (affine @ [*index, 1])[:3]
        where = got.grid.to_indices([ras * [-1000, -1000, 1000]])[0].round().astype(int)
        assert got.array[tuple(where[::-1])] == array[tuple(index)]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_values_that_are_not_finite_survive(tmp_path, suffix):
    array = values()
    array[0, 0, :2] = np.nan, np.inf
    write_volume(tmp_path / f"a{suffix}", array, OBLIQUE)
    assert np.array_equal(read_volume(tmp_path / f"a{suffix}").array, array, equal_nan=True)


def test_not_finite_values_survive_in_one_volume_of_a_fourth_axis(tmp_path):
    array = np.arange(120, dtype=np.float32).reshape(2, 3, 4, 5)
    array[1, 2, 3, 4] = np.nan
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "t.nii")
    assert np.isnan(read_volume(tmp_path / "t.nii", channel=4).array[3, 2, 1])
    assert not np.isnan(read_volume(tmp_path / "t.nii", channel=3).array).any()


def test_channels_must_be_chosen(tmp_path):
    stack = np.random.default_rng(1).integers(0, 9, (3, 2, 4, 5)).astype(np.uint8)  # z, c, y, x
    sizes = {"PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0, "PhysicalSizeZ": 3.0}
    tifffile.imwrite(tmp_path / "c.ome.tif", stack, ome=True, metadata={"axes": "ZCYX", **sizes})
    with pytest.raises(VolumeFileError, match="c.ome.tif: has 2 channels; channel must say which"):
        read_volume(tmp_path / "c.ome.tif")
    assert (read_volume(tmp_path / "c.ome.tif", channel=1).array == stack[:, 1]).all()
    with pytest.raises(VolumeFileError, match="Given channel 2"):
        read_volume(tmp_path / "c.ome.tif", channel=2)


def test_volumes_of_a_fourth_axis_must_be_chosen(tmp_path):
    array = np.random.default_rng(1).normal(size=(2, 3, 4, 5))  # x, y, z, t
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "t.nii")
    with pytest.raises(VolumeFileError, match="has 5 volumes"):
        read_volume(tmp_path / "t.nii")
    assert np.allclose(read_volume(tmp_path / "t.nii", channel=3).array, array[..., 3].T)


def test_tiff_without_sizes_needs_them(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", values(np.uint16, PLAIN), photometric="minisblack")
    with pytest.raises(VolumeFileError, match="does not state its voxel size"):
        read_volume(tmp_path / "a.tif")
    assert read_volume(tmp_path / "a.tif", spacing_um=(1, 2, 3)).grid.spacing_um == (1, 2, 3)


def test_sizes_that_contradict_the_file_are_refused(tmp_path):
    write_volume(tmp_path / "a.ome.tif", values(np.uint8, PLAIN), PLAIN)
    with pytest.raises(VolumeFileError, match="states voxels of"):
        read_volume(tmp_path / "a.ome.tif", spacing_um=(1.2, 1.2, 100))
    write_volume(tmp_path / "a.nii", values(), OBLIQUE)
    with pytest.raises(VolumeFileError, match="states its own voxel size"):
        read_volume(tmp_path / "a.nii", spacing_um=(1, 1, 1))


def test_units_of_the_ome_header_count(tmp_path):
    meta = {"axes": "ZYX"}
    for axis in "XYZ":
        meta |= {f"PhysicalSize{axis}": 59.54, f"PhysicalSize{axis}Unit": "nm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", values(np.uint8, PLAIN), ome=True, metadata=meta)
    assert read_volume(tmp_path / "a.ome.tif").grid.spacing_um == pytest.approx((0.05954,) * 3)


def test_header_that_defines_entities_or_is_broken_is_refused(tmp_path):
    for header in ('<!DOCTYPE x [<!ENTITY a "b">]><OME><Pixels/></OME>', "<OME><Pixels></OME>"):
        tifffile.imwrite(
            tmp_path / "x.ome.tif",
            np.zeros((2, 4, 4), np.uint8),
            description=header,
            photometric="minisblack",
        )
        with pytest.raises(VolumeFileError, match="x.ome.tif"):
            read_volume(tmp_path / "x.ome.tif")


def test_plane_needs_no_sizes_and_a_stack_is_no_plane(tmp_path):
    scan = np.random.default_rng(1).integers(0, 900, (200, 64)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "k.tif", scan)
    assert (read_plane(tmp_path / "k.tif") == scan).all()
    tifffile.imwrite(tmp_path / "s.tif", values(np.uint16, PLAIN), photometric="minisblack")
    with pytest.raises(VolumeFileError, match="s.tif: must be one image. Given 3 slices"):
        read_plane(tmp_path / "s.tif")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.tif", "a.mha"])
def test_damaged_volumes_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"not a volume at all" * 40)
    with pytest.raises(VolumeFileError, match=f"^{name}: must be a readable"):
        read_volume(tmp_path / name)


def test_absent_and_unknown_files_are_named(tmp_path):
    with pytest.raises(VolumeFileError, match="none.nii: must be a file"):
        read_volume(tmp_path / "none.nii")
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(VolumeFileError, match="a.png: must be one of"):
        read_volume(tmp_path / "a.png")
    with pytest.raises(ValueError, match="Volumes are written as"):
        write_volume(tmp_path / "a.png", values(), OBLIQUE)
    with pytest.raises(ValueError, match="grid's shape"):
        write_volume(tmp_path / "a.nii", values()[:1], OBLIQUE)


# Transforms

POINTS = np.random.default_rng(3).uniform(0, 900, (25, 3))


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".h5"])
def test_linear_transform_survives_the_file(tmp_path, suffix):
    made = LinearTransform(np.array([[C, -S, 0.1], [S, C, 0], [0, 0.05, 1.2]]), np.array([120.0, -50, 7]), "")
    assert write_transform(tmp_path / f"a{suffix}", made) == 0
    got = read_transform(tmp_path / f"a{suffix}")
    assert isinstance(got, LinearTransform)
    assert np.allclose(got.apply(POINTS), made.apply(POINTS), atol=1e-6)


def test_file_maps_fixed_to_moving_in_millimetres_as_itk_reads_it(tmp_path):
    write_transform(tmp_path / "a.tfm", LinearTransform(np.eye(3), np.array([1000.0, 2000, -3000]), ""))
    assert np.allclose(sitk.ReadTransform(str(tmp_path / "a.tfm")).TransformPoint((0.0, 0, 0)), (1, 2, -3))


def test_rotation_about_a_centre_is_read_with_its_centre(tmp_path):
    peer = sitk.Euler3DTransform((0.1, 0.2, 0.3), 0, 0, 0.4, (1, 2, 3))
    sitk.WriteTransform(peer, str(tmp_path / "e.tfm"))
    truth = 1000 * np.array([peer.TransformPoint(p) for p in (POINTS / 1000).tolist()])
    assert np.allclose(read_transform(tmp_path / "e.tfm").apply(POINTS), truth, atol=1e-6)


@pytest.mark.parametrize("suffix", [".h5", ".nii.gz", ".nrrd"])
def test_thin_plate_survives_as_a_field_within_its_stated_error(tmp_path, suffix):
    rng = np.random.default_rng(1)
    fixed = rng.uniform(0, 900, (12, 3))
    made = estimate_thin_plate(fixed, fixed + rng.normal(0, 15, fixed.shape))
    grid = Grid((10, 37, 37), (25, 25, 100))
    rms = write_transform(tmp_path / f"w{suffix}", made, grid, node_um=25)
    got = read_transform(tmp_path / f"w{suffix}")
    missed = np.linalg.norm(got.apply(POINTS) - made.apply(POINTS), axis=1)
    assert 0 < rms < 0.5
    assert np.sqrt(np.mean(missed**2)) < 2 * rms
    assert np.abs(got.jacobian(POINTS) - made.jacobian(POINTS)).max() < 0.05


def test_impossible_transforms_are_refused(tmp_path):
    rng = np.random.default_rng(1)
    fixed = rng.uniform(0, 900, (12, 3))
    made = estimate_thin_plate(fixed, fixed)
    with pytest.raises(ValueError, match="grid must be given"):
        write_transform(tmp_path / "w.h5", made)
    with pytest.raises(ValueError, match="Sampled transforms are written as"):
        write_transform(tmp_path / "w.tfm", made, PLAIN)
    with pytest.raises(TransformFileError, match="none.tfm: must be a file"):
        read_transform(tmp_path / "none.tfm")
    (tmp_path / "bad.tfm").write_text("no transform")
    with pytest.raises(TransformFileError, match="bad.tfm: must be a readable transform"):
        read_transform(tmp_path / "bad.tfm")
    sitk.WriteTransform(sitk.Euler2DTransform(), str(tmp_path / "flat.tfm"))
    with pytest.raises(TransformFileError, match="must have three dimensions. Given 2"):
        read_transform(tmp_path / "flat.tfm")
