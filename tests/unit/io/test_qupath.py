import pytest

from compendium.io.qupath import read_detections
from compendium.io.table_text import TableError


def write(tmp_path, header, rows, name="d.tsv", sep="\t"):
    path = tmp_path / name
    path.write_text("\n".join(sep.join(r) for r in [header, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "header",
    [
        ["Image", "Centroid X µm", "Centroid Y µm", "Cell: Area"],
        ["Image", "Centroid X μm", "Centroid Y μm", "Cell: Area µm^2"],
        ["Image", "Centroid X um", "Centroid Y um", "Area um^2"],
    ],
)
@pytest.mark.parametrize("sep", ["\t", ","])
def test_exports_of_several_versions(tmp_path, header, sep):
    got = read_detections(
        write(tmp_path, header, [["a", "10", "20", "150.5"], ["a", "11", "21", ""]], sep=sep)
    )
    assert got[["area_um2", "x_um", "y_um"]].to_numpy().tolist() == [[150.5, 10, 20]]
    assert got.attrs["dropped"] == 1 and got["image"].tolist() == ["a"]


def test_pixels_are_refused_with_the_remedy(tmp_path):
    path = write(tmp_path, ["Centroid X px", "Centroid Y px", "Cell: Area px^2"], [["1", "2", "3"]])
    with pytest.raises(TableError, match="calibrate the image"):
        read_detections(path)


def test_implausible_areas_are_refused_with_their_row(tmp_path):
    path = write(
        tmp_path, ["Centroid X µm", "Centroid Y µm", "Cell: Area"], [["1", "2", "150"], ["1", "2", "0.0001"]]
    )
    with pytest.raises(TableError, match="row 3, field area.*µm²"):
        read_detections(path)


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path, ["Centroid X µm", "Cell: Area"], [["1", "150"]])
    with pytest.raises(TableError, match="Centroid Y µm"):
        read_detections(path)
