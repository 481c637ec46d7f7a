"""A folder of line scans is read with its scales, and refused in one line without them."""

import numpy as np
import pytest
import tifffile

from compendium.io.kymographs import read_kymograph, read_kymographs, read_scan_table
from compendium.io.tables import TableError
from compendium.run.inputs import check_input

IMAGE = np.arange(40 * 20, dtype=np.uint16).reshape(40, 20)


@pytest.fixture
def folder(tmp_path):
    for name in ("a.tif", "b.tiff"):
        tifffile.imwrite(tmp_path / name, IMAGE, photometric="minisblack")
    (tmp_path / "scans.csv").write_text(
        "line_ms;file;animal;Pixel_um\n1,2;a.tif;M1;0,5\n1,0;b.tiff;M2;0,25\n", encoding="utf-8"
    )
    return tmp_path


def test_scales_come_from_the_table_in_any_order_and_with_decimal_commas(folder):
    scans, images = read_kymographs(folder)
    assert scans[["file", "pixel_um", "line_ms", "animal"]].to_numpy().tolist() == [
        ["a.tif", 0.5, 1.2, "M1"],
        ["b.tiff", 0.25, 1.0, "M2"],
    ]
    assert all((i == IMAGE).all() for i in images)
    assert any("2 kymographs: 40 lines of 20 pixels" in n for n in check_input(folder, "kymographs", ""))


def test_time_may_run_along_columns(folder):
    (folder / "scans.csv").write_text("file,pixel_um,line_ms,time_axis\na.tif,1,1,columns\n")
    assert (read_kymographs(folder)[1][0] == IMAGE.T).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,pixel_um\na.tif,1\n", "column line_ms must be there"),
        ("file,line_ms\na.tif,1\n", "column pixel_um must be there.*never guessed"),
        ("file,pixel_um,line_ms\na.tif,,1\n", "row 2, field pixel_um: must be the pixel size"),
        ("file,pixel_um,line_ms\na.tif,0,1\n", "between 0.005 and 100"),
        ("file,pixel_um,line_ms\na.tif,0.5,0.000146\n", "time from one line to the next, ms"),
        ("file,pixel_um,line_ms\na.tif,wide,1\n", "must be a number"),
        ("file,pixel_um,line_ms\n../a.tif,1,1\n", "by its name"),
        ("file,pixel_um,line_ms\nscans.csv,1,1\n", "must be a TIFF"),
        ("file,pixel_um,line_ms\nc.tif,1,1\n", "must be in the folder"),
        ("file,pixel_um,line_ms\na.tif,1,1\na.tif,1,1\n", "row 3, field file: must be named once"),
        ("file,pixel_um,line_ms\n", "at least one"),
    ],
)
def test_a_table_without_usable_scales_is_refused(folder, table, message):
    (folder / "scans.csv").write_text(table)
    with pytest.raises(TableError, match=message) as caught:
        read_scan_table(folder)
    assert "\n" not in str(caught.value)


def test_no_folder_no_table_two_tables(folder, tmp_path_factory):
    with pytest.raises(TableError, match="must be a folder"):
        read_scan_table(folder / "a.tif")
    (folder / "more.tsv").write_text("x")
    with pytest.raises(TableError, match="one CSV.*more.tsv, scans.csv"):
        read_scan_table(folder)
    with pytest.raises(TableError, match="Given none"):
        read_scan_table(tmp_path_factory.mktemp("empty"))


def test_images_that_are_no_kymographs_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((3, 40, 20), np.uint16), photometric="minisblack")
    with pytest.raises(TableError, match="must be one image"):
        read_kymograph(path)
    tifffile.imwrite(path, np.zeros((10, 20), np.uint16), photometric="minisblack")
    with pytest.raises(TableError, match="at least 16 lines of 8 pixels. Given 10 lines"):
        read_kymograph(path)
    tifffile.imwrite(path, np.full((40, 20), np.nan, np.float32), photometric="minisblack")
    with pytest.raises(TableError, match="no missing values"):
        read_kymograph(path)
    path.write_bytes(b"II*\0 no tiff")
    with pytest.raises(TableError, match="readable TIFF"):
        read_kymograph(path)
    with pytest.raises(TableError, match="rows or columns"):
        read_kymograph(path, "down")
