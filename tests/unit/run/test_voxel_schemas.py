"""Tables of voxels: what is read, and what is refused in one line."""

import pytest

from compendium.run.inputs import InputError, validate

GOOD = "animal,day,x,y,z,density,t2w\nM1,24,1,1,1,0.0,0.1\nM1,42,1,1,1,0.3,\nM1,24,2,1,1,0.2,1.0\nM1,42,2,1,1,0.4,1.5\n"


@pytest.fixture
def write(tmp_path):
    def made(text):
        path = tmp_path / "voxels.csv"
        path.write_text(text)
        return path

    return made


@pytest.mark.parametrize("kind", ["voxels", "voxel_series"])
def test_a_table_with_missing_signal_is_read(write, kind):
    assert validate(write(GOOD), kind)["t2w"].isna().sum() == 1


@pytest.mark.parametrize(
    ("kind", "old", "new", "match"),
    [
        ("voxels", "0.3", "30", "must be a fraction from 0 to 1"),
        ("voxels", "M1,42,2", "M1,42,1", "must name a voxel once"),
        ("voxel_series", "42", "24.0", "must"),
        ("voxel_series", "M1,42", "M2,42", "two time points of one animal"),
        ("voxel_series", "animal,day", "animal,when", "day"),
        ("voxels", "density", "fraction", "density"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(write, kind, old, new, match):
    with pytest.raises(InputError, match=match):
        validate(write(GOOD.replace(old, new)), kind)


def test_time_points_that_share_no_voxel_are_refused(write):
    text = GOOD.replace("42,1,", "42,8,").replace("42,2,", "42,9,")
    with pytest.raises(InputError, match="same voxels on two days"):
        validate(write(text), "voxel_series")
