"""Kinds of inputs that are files: what passes the first look, and one line for what does not."""

import json

import numpy as np
import pytest

from compendium.io.landmarks import read_landmark_pairs, read_landmarks, write_landmarks
from compendium.io.tables import TableError
from compendium.io.volumes import count_channels, write_volume
from compendium.registration import Grid
from compendium.run.file_kinds import FILE_KINDS
from compendium.run.inputs import check_input

POINTS = np.array([[1000.0, -2000, 3000], [250, 500, -125]])
IN_MM = "1.0,-2.0,3.0", "0.25,0.5,-0.125"


def save(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def table(header, *rows):
    return "\n".join([header, *rows]) + "\n"


LANDMARK_TABLES = {
    "mm": table("label,x_mm,y_mm,z_mm", f"a,{IN_MM[0]}", f"b,{IN_MM[1]}"),
    "um": table("z_um;name;y_um;x_um", "3000;a;-2000;1000", "-125;b;500;250"),
    "micro sign": table("label\tx_µm\ty_µm\tz_µm", "a\t1000\t-2000\t3000", "b\t250\t500\t-125"),
    "decimal comma": table("label;x_mm;y_mm;z_mm", "a;1,0;-2,0;3,0", "b;0,25;0,5;-0,125"),
    "ras": table("label,x_mm,y_mm,z_mm,system", "a,-1,2,3,RAS", "b,-0.25,-0.5,-0.125,ras"),
    "exported by slicer": table("label,l,p,s,defined,selected", f"a,{IN_MM[0]},1,1", "u,0,0,0,0,1", f"b,{IN_MM[1]},1,0"),
    "exported in ras": table("label,r,a,s", "a,-1,2,3", "b,-0.25,-0.5,-0.125"),
    "comment first": table("# clicked twice", "label,x_mm,y_mm,z_mm", f"a,{IN_MM[0]}", f"b,{IN_MM[1]}"),
}  # fmt: skip


@pytest.mark.parametrize("name", LANDMARK_TABLES)
def test_tables_of_landmarks_are_read_in_lps_and_micrometres(tmp_path, name):
    found = read_landmarks(save(tmp_path / "points.csv", LANDMARK_TABLES[name]))
    assert found.labels == ("a", "b")
    assert np.allclose(found.points_um, POINTS)
    assert found.skipped == (name == "exported by slicer")


BAD_TABLES = {
    "no unit": (table("label,x,y,z", "a,1,2,3"), "must have one set of columns"),
    "two units": (table("x_um,y_um,z_um,x_mm,y_mm,z_mm", "1,2,3,1,2,3"), "must have one set of columns"),
    "empty cell": (table("x_um,y_um,z_um", "1,2,3", "4,,6"), "row 3.*coordinates must be there"),
    "word": (table("x_um,y_um,z_um", "1,2,left"), "row 2.*must be a number"),
    "another system": (table("x_um,y_um,z_um,system", "1,2,3,IJK"), "must be LPS or RAS"),
    "mixed systems": (table("x_um,y_um,z_um,system", "1,2,3,LPS", "1,2,4,RAS"), "must be LPS or RAS"),
    "against its columns": (table("r,a,s,system", "1,2,3,LPS"), "as the columns say"),
    "no rows": (table("x_um,y_um,z_um"), "at least one landmark"),
    "html": ("<html></html>", "web page"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_of_landmarks_is_refused_in_one_line(tmp_path, name):
    text, rule = BAD_TABLES[name]
    path = save(tmp_path / "points.csv", text)
    with pytest.raises(TableError, match=rule) as refused:
        check_input(path, "landmarks", "landmarks")
    assert "points.csv" in str(refused.value) and "\n" not in str(refused.value)


def test_landmarks_of_slicer_pass_and_the_notes_say_how_they_were_read(tmp_path):
    for name, system in (("a.mrk.json", "LPS"), ("b.fcsv", "RAS")):
        write_landmarks(tmp_path / name, POINTS, ["a", "b"], system=system)
        assert check_input(tmp_path / name, "landmarks", "") == (f"2 landmarks, read as {system}.",)
    content = json.loads((tmp_path / "a.mrk.json").read_text())
    content["markups"][0]["controlPoints"][0]["positionStatus"] = "undefined"
    save(tmp_path / "c.mrk.json", json.dumps(content))
    assert "1 landmarks without a place are left out." in check_input(
        tmp_path / "c.mrk.json", "landmarks", ""
    )


@pytest.mark.parametrize(
    "name, text", [("a.json", "{"), ("a.fcsv", "x,y,z"), ("a.txt", "1 2 3"), ("a.mrk.json", "[]")]
)
def test_files_that_are_no_landmarks_are_refused(tmp_path, name, text):
    with pytest.raises(TableError, match=name):
        check_input(save(tmp_path / name, text), "landmarks", "")


def test_a_missing_file_is_refused(tmp_path):
    for kind, name in (
        ("landmarks", "a.csv"),
        ("landmarks", "a.fcsv"),
        ("volume", "a.nii"),
        ("volume", "a.tif"),
    ):
        with pytest.raises(TableError, match=name):
            check_input(tmp_path / name, kind, "")


def test_a_table_and_a_slicer_file_pair_by_label(tmp_path):
    write_landmarks(tmp_path / "a.mrk.json", POINTS, ["b", "a"])
    save(tmp_path / "b.csv", LANDMARK_TABLES["mm"])
    labels, fixed, moving = read_landmark_pairs(tmp_path / "a.mrk.json", tmp_path / "b.csv")
    assert labels == ("b", "a")
    assert np.allclose(fixed, POINTS) and np.allclose(moving, POINTS[::-1])


GRID = Grid((3, 4, 5), (1.2, 1.2, 100.0))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.ome.tif"])
def test_a_volume_passes_and_its_voxels_are_said(tmp_path, name):
    write_volume(tmp_path / name, np.arange(60, dtype=np.float32).reshape(3, 4, 5), GRID)
    assert check_input(tmp_path / name, "volume", "") == (
        "5 × 4 × 3 voxels of 1.2 × 1.2 × 100 µm (x, y, z).",
    )
    assert count_channels(tmp_path / name) == 1


def test_channels_of_a_microscope_are_counted(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    sizes = {"axes": "ZCYX", "PhysicalSizeX": 1.2, "PhysicalSizeY": 1.2, "PhysicalSizeZ": 100}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((3, 2, 4, 5), np.uint16), ome=True, metadata=sizes)
    assert count_channels(tmp_path / "a.ome.tif") == 2
    assert check_input(tmp_path / "a.ome.tif", "volume", "")[1] == "2 channels, counted from 0."


def test_a_volume_without_voxel_size_or_content_is_refused(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((3, 4, 5), np.uint8), photometric="minisblack")
    with pytest.raises(TableError, match="does not state its voxel size"):
        check_input(tmp_path / "plain.tif", "volume", "")
    write_volume(tmp_path / "empty.nii", np.full((3, 4, 5), np.nan, np.float32), GRID)
    with pytest.raises(TableError, match="no finite voxel"):
        check_input(tmp_path / "empty.nii", "volume", "")
    whole = tmp_path / "cut.nii.gz"
    write_volume(whole, np.random.default_rng(1).random((3, 4, 5)), GRID)
    whole.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(TableError, match="readable volume"):
        check_input(whole, "volume", "")
    with pytest.raises(TableError, match="must be one of"):
        check_input(save(tmp_path / "a.jpg", "x"), "volume", "")


def test_every_kind_says_what_it_is():
    assert all(kind.about for kind in FILE_KINDS.values())
