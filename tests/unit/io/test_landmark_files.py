"""Landmarks of 3D Slicer: round trips, coordinate systems, damaged files."""

import json

import numpy as np
import pytest

from compendium.io.landmarks import LandmarkFileError, read_landmark_pairs, read_landmarks, write_landmarks

POINTS = np.array([[1000.0, -2000, 3000], [0.5, 0.25, -0.125]])

# As Slicer 5 saves a list (shortened), and as Slicer 4 did
SLICER_JSON = """{"@schema": "https://example.org/markups-schema-v1.0.3.json#", "markups": [{"type": "Fiducial",
"coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": [
 {"id": "1", "label": "F-1", "position": [1.0, -2.0, 3.0], "positionStatus": "defined"},
 {"id": "2", "label": "F-2", "position": [0.0, 0.0, 0.0], "positionStatus": "undefined"},
 {"id": "3", "label": "F-3", "position": [4.0, 5.0, 6.0], "positionStatus": "defined"}]}]}"""
SLICER_FCSV = """# Markups fiducial file version = 4.10
# CoordinateSystem = 0
# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID
vtkMRMLMarkupsFiducialNode_0,-1.0,2.0,3.0,0,0,0,1,1,1,0,"F, 1",,vtkMRMLScalarVolumeNode1
vtkMRMLMarkupsFiducialNode_1,-4.0,-5.0,6.0,0,0,0,1,1,1,0,F-3,,
"""


@pytest.fixture
def save(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", ["a.mrk.json", "a.fcsv"])
@pytest.mark.parametrize("system", ["LPS", "RAS"])
def test_round_trip_keeps_points_and_labels(tmp_path, name, system):
    write_landmarks(tmp_path / name, POINTS, ["fork, left", "ö"], system=system)
    got = read_landmarks(tmp_path / name)
    assert np.allclose(got.points_um, POINTS, atol=1e-9)
    assert (got.labels, got.source_system, got.skipped) == (("fork, left", "ö"), system, 0)


def test_files_of_slicer_are_read_in_lps_and_micrometres(save):
    new, old = read_landmarks(save("a.mrk.json", SLICER_JSON)), read_landmarks(save("a.fcsv", SLICER_FCSV))
    assert new.points_um.tolist() == [[1000, -2000, 3000], [4000, 5000, 6000]]
    assert old.points_um.tolist() == [[1000, -2000, 3000], [4000, 5000, 6000]]
    assert new.skipped == 1
    assert old.labels == ("F, 1", "F-3")


def test_ras_and_lps_differ_by_a_half_turn(save):
    lps = read_landmarks(save("l.mrk.json", SLICER_JSON)).points_um
    ras = read_landmarks(save("r.mrk.json", SLICER_JSON.replace('"LPS"', '"RAS"'))).points_um
    assert np.allclose(ras, lps * [-1, -1, 1])


@pytest.mark.parametrize("units, factor", [('"um"', 1e-3), ('["mm", "mm", "mm"]', 1), ('"cm"', 10)])
def test_units_of_the_file_count(save, units, factor):
    text = SLICER_JSON.replace('"coordinateUnits": "mm"', f'"coordinateUnits": {units}')
    assert np.allclose(
        read_landmarks(save("a.mrk.json", text)).points_um[0], factor * np.array([1000, -2000, 3000])
    )


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("a.mrk.json", "{", "must be JSON"),
        ("a.mrk.json", "[]", "exactly one list"),
        ("a.mrk.json", '{"markups": []}', "exactly one list.*Given 0"),
        ("a.mrk.json", SLICER_JSON.replace('"LPS"', '"IJK"'), "stated as LPS or RAS. Given 'IJK'"),
        ("a.mrk.json", SLICER_JSON.replace('"coordinateSystem": "LPS", ', ""), "stated as LPS or RAS"),
        ("a.mrk.json", SLICER_JSON.replace('"mm"', '"voxel"'), "coordinate units"),
        (
            "a.mrk.json",
            SLICER_JSON.replace("[4.0, 5.0, 6.0]", "[4.0, 5.0]"),
            "point 3: position must be three numbers",
        ),
        ("a.mrk.json", SLICER_JSON.replace("[4.0, 5.0, 6.0]", "[4.0, 5.0, NaN]"), "point 3: position"),
        ("a.fcsv", SLICER_FCSV.replace("# CoordinateSystem = 0\n", ""), "stated as LPS or RAS"),
        ("a.fcsv", SLICER_FCSV.replace("= 0", "= 2"), "stated as LPS or RAS"),
        ("a.fcsv", SLICER_FCSV.replace("6.0", "six"), "point 2: position must be three numbers"),
        ("a.fcsv", "x,y,z\n1,2,3\n", "Markups fiducial file"),
        ("a.txt", "x,y,z\n", "must be .mrk.json, .fcsv, .csv or .tsv"),
        ("a.csv", "x,y,z\n1,2,3\n", "must have one set of columns"),
    ],
)
def test_damaged_files_are_named(save, name, text, message):
    with pytest.raises(LandmarkFileError, match=f"^{name.replace('.', '[.]')}.*{message}"):
        read_landmarks(save(name, text))


def test_absent_and_binary_files_are_named(tmp_path):
    with pytest.raises(LandmarkFileError, match="none.fcsv: must be readable"):
        read_landmarks(tmp_path / "none.fcsv")
    (tmp_path / "b.fcsv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(LandmarkFileError, match="UTF-8"):
        read_landmarks(tmp_path / "b.fcsv")


def test_pairs_are_matched_by_label_whatever_their_order(tmp_path):
    write_landmarks(tmp_path / "f.mrk.json", [[1, 0, 0], [2, 0, 0], [3, 0, 0]], ["a", "b", "c"])
    write_landmarks(tmp_path / "m.fcsv", [[30, 0, 0], [10, 0, 0], [40, 0, 0]], ["c", "a", "d"])
    labels, fixed, moving = read_landmark_pairs(tmp_path / "f.mrk.json", tmp_path / "m.fcsv")
    assert labels == ("a", "c")
    assert np.allclose(fixed[:, 0], [1, 3]) and np.allclose(moving[:, 0], [10, 30])


def test_pairs_without_common_labels_go_by_order_when_lengths_agree(tmp_path):
    write_landmarks(tmp_path / "f.mrk.json", POINTS, ["F-1", "F-2"])
    write_landmarks(tmp_path / "m.mrk.json", POINTS + 1, ["M-1", "M-2"])
    assert np.allclose(
        np.subtract(*read_landmark_pairs(tmp_path / "m.mrk.json", tmp_path / "f.mrk.json")[1:]), 1
    )
    write_landmarks(tmp_path / "x.mrk.json", POINTS[:1], ["X"])
    with pytest.raises(LandmarkFileError, match="same length. Given 2 and 1"):
        read_landmark_pairs(tmp_path / "f.mrk.json", tmp_path / "x.mrk.json")


def test_json_says_what_slicer_needs(tmp_path):
    write_landmarks(tmp_path / "a.mrk.json", POINTS)
    markup = json.loads((tmp_path / "a.mrk.json").read_text())["markups"][0]
    assert (markup["type"], markup["coordinateSystem"], markup["coordinateUnits"]) == (
        "Fiducial",
        "LPS",
        "mm",
    )
    assert markup["controlPoints"][0]["position"] == [1.0, -2.0, 3.0]


def test_impossible_writes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="one entry per point"):
        write_landmarks(tmp_path / "a.fcsv", POINTS, ["a"])
    with pytest.raises(ValueError, match="written as .mrk.json or .fcsv"):
        write_landmarks(tmp_path / "a.csv", POINTS)
    with pytest.raises(ValueError, match="system must be"):
        write_landmarks(tmp_path / "a.fcsv", POINTS, system="IJK")
