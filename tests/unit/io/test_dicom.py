"""DICOM headers, made here: what is read of them, what is said to be missing, and what broken files do."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from compendium.io.dicom import read_bruker_timings, read_series
from compendium.io.dicom_protocol import by_b_value, describe_series, scheme_text
from compendium.io.protocols import read_protocol
from compendium.io.table_text import TableError

B = (0.0, 50.0, 900.0)


def header(
    number: int, description: str, uid: str, instance: int, z: float, te: float | None = 75.0
) -> Dataset:
    """A header of one slice, without pixels."""
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    d.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    d.SOPClassUID, d.SOPInstanceUID = (
        d.file_meta.MediaStorageSOPClassUID,
        d.file_meta.MediaStorageSOPInstanceUID,
    )
    d.Modality, d.SeriesInstanceUID, d.SeriesNumber, d.SeriesDescription = "MR", uid, number, description
    d.InstanceNumber, d.ImagePositionPatient = instance, [0, 0, z]
    d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    d.RepetitionTime, d.MagneticFieldStrength, d.Manufacturer = 4000, 3, "Maker"
    if te is not None:
        d.EchoTime = te
    return d


def save(data: Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def diffusion(
    folder: Path, number: int = 5, how: str = "standard", te: float | None = 75.0, slices: int = 3
) -> None:
    """A diffusion series: all slices of the first b, then of the second; file names say nothing."""
    uid, instance = generate_uid(), 0
    for b in B:
        for z in range(slices):
            instance += 1
            d = header(number, "DWI", uid, instance, 5.0 * z, te)
            set_b(d, b, how)
            save(d, folder / f"IM{(instance * 7) % 101:03d}")


def set_b(d: Dataset, b: float, how: str) -> None:
    if how == "standard":
        d.DiffusionBValue = b
    elif how == "siemens":
        d.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", str(int(b)))
    elif how == "ge":
        block = d.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x39, "IS", [str(int(b) + (1_000_000_000 if b else 0)), "8", "0", "0"])
    elif how == "philips":
        d.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x03, "FL", b)
    elif how == "uih":
        d.private_block(0x0065, "Image Private Header", create=True).add_new(0x09, "FD", b)


@pytest.mark.parametrize("how", ["standard", "siemens", "ge", "philips", "uih"])
def test_b_te_and_the_order_of_volumes_come_from_the_headers_of_every_vendor(tmp_path, how):
    diffusion(tmp_path, how=how)
    (series,), notes = read_series(tmp_path)
    assert notes == []
    assert [v.b_s_mm2 for v in series.volumes] == list(B)
    assert {v.te_ms for v in series.volumes} == {75.0}
    assert (series.number, series.slices, series.tr_ms, series.field_t) == (5, 3, 4000, 3)
    assert len(series.missing()) == 1
    assert "never in DICOM" in series.missing()[0]
    assert "b 0, 50, 900 s/mm2" in describe_series(series)[0]


def test_slices_acquired_one_after_another_give_the_same_volumes(tmp_path):
    uid = generate_uid()
    for z in range(2):
        for k, b in enumerate(B):
            d = header(3, "by slice", uid, 1 + z * len(B) + k, 5.0 * z)
            d.DiffusionBValue = b
            save(d, tmp_path / f"{z}{k}")
    (series,), _ = read_series(tmp_path)
    assert [v.b_s_mm2 for v in series.volumes] == list(B)


def test_an_enhanced_file_is_read_frame_by_frame(tmp_path):
    d = header(8, "enhanced", generate_uid(), 1, 0.0, te=None)
    del d.ImagePositionPatient, d.ImageOrientationPatient
    shared, frames = Dataset(), []
    orientation = Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PlaneOrientationSequence = Sequence([orientation])
    for b in B:
        for z in range(2):
            frame, echo, place, weight = Dataset(), Dataset(), Dataset(), Dataset()
            echo.EffectiveEchoTime, place.ImagePositionPatient, weight.DiffusionBValue = (
                88.0,
                [0, 0, 4.0 * z],
                b,
            )
            frame.MREchoSequence, frame.PlanePositionSequence = Sequence([echo]), Sequence([place])
            frame.MRDiffusionSequence = Sequence([weight])
            frames.append(frame)
    d.SharedFunctionalGroupsSequence, d.PerFrameFunctionalGroupsSequence = (
        Sequence([shared]),
        Sequence(frames),
    )
    save(d, tmp_path / "one")
    (series,), _ = read_series(tmp_path)
    assert [(v.b_s_mm2, v.te_ms) for v in series.volumes] == [(b, 88.0) for b in B]
    assert series.slices == 2


def test_a_dynamic_series_tells_its_spacing_and_asks_for_nothing_that_it_has(tmp_path):
    uid = generate_uid()
    for k in range(4):
        for z in range(2):
            d = header(9, "perfusion", uid, 1 + 2 * k + z, 5.0 * z, te=33.0)
            d.RepetitionTime, d.AcquisitionTime = 1740, f"1000{1.74 * k:09.6f}"
            save(d, tmp_path / f"{k}{z}")
    (series,), _ = read_series(tmp_path)
    assert series.spacing_s == pytest.approx(1.74)
    assert series.missing() == []
    assert not series.is_diffusion


def test_a_series_of_which_slices_are_missing_is_refused(tmp_path):
    diffusion(tmp_path)
    next(p for p in sorted(tmp_path.iterdir())).unlink()
    with pytest.raises(
        TableError, match=r"series 5 \(DWI\): every slice must have as many images.* 2 to 3 images"
    ):
        read_series(tmp_path)


def test_instance_numbers_that_do_not_tell_volumes_apart_are_refused(tmp_path):
    uid = generate_uid()
    for z, order in enumerate([(0, 50), (50, 0)]):
        for k, b in enumerate(order):
            d = header(4, "mixed", uid, k + 1, 5.0 * z)
            d.DiffusionBValue = b
            save(d, tmp_path / f"{z}{k}")
    with pytest.raises(TableError, match="one b and one TE.*Given b of 0 and 50"):
        read_series(tmp_path)


def test_other_files_are_left_out_and_said(tmp_path):
    diffusion(tmp_path)
    (tmp_path / "notes.txt").write_text("no DICOM")
    (tmp_path / "DICOMDIR").write_bytes(b"x")
    ct = header(1, "CT", generate_uid(), 1, 0.0)
    ct.Modality = "CT"
    save(ct, tmp_path / "ct")
    series, notes = read_series(tmp_path)
    assert len(series) == 1
    assert notes == ["2 files are no readable MR image in DICOM and were left out."]


def test_folders_without_mr_are_refused(tmp_path):
    with pytest.raises(TableError, match="must hold DICOM files of MR images. Given 0 other files"):
        read_series(tmp_path)
    with pytest.raises(TableError, match="must be a folder of DICOM files"):
        read_series(tmp_path / "none")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    diffusion(tmp_path / "outside")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "outside" / "IM007")
    with pytest.raises(TableError, match="must hold DICOM files"):
        read_series(inside)


def test_the_written_protocol_is_read_back_as_the_scan_it_was(tmp_path):
    diffusion(tmp_path / "a", number=5)
    diffusion(tmp_path / "a" / "b", number=6, te=90.0)
    series, _ = read_series(tmp_path / "a")
    text = scheme_text(tmp_path, series, "50:3.9,900:15", "50:27.8,900:28.7")
    path = tmp_path / "protocol.txt"
    path.write_text(text)
    scan = read_protocol(path)
    np.testing.assert_allclose(scan.b_ms_um2, [0, 0.05, 0.9] * 2)
    np.testing.assert_allclose(scan.te_ms, [75] * 3 + [90] * 3)
    assert len(scan.shapes) == 2
    assert math.isinf(scan.time_ms[0])


PROTOCOL_FAILS = {
    "no delta for a b": (
        ("50:3.9", "30"),
        "delta must be given for every b above 0. Given none for b = 900.",
    ),
    "words": (("short", "30"), "delta is one number of ms, or b:ms pairs"),
    "seconds": (("0.0152", "30"), r"delta must lie in \[0.05, 500\] ms. Given 0.0152."),
    "separation too short": (("20", "10"), "the separation must not be shorter than delta. Given 10 ms."),
}


@pytest.mark.parametrize("name", PROTOCOL_FAILS)
def test_timings_that_cannot_be_are_refused(tmp_path, name):
    diffusion(tmp_path)
    series, _ = read_series(tmp_path)
    (delta, separation), message = PROTOCOL_FAILS[name]
    with pytest.raises(TableError, match=message):
        scheme_text(tmp_path, series, delta, separation)


def test_missing_te_is_asked_for_and_can_be_given(tmp_path):
    diffusion(tmp_path, te=None)
    series, _ = read_series(tmp_path)
    assert series[0].missing()[0].startswith("TE: not in the headers")
    with pytest.raises(TableError, match="TE must be known for every volume. Given 3 of 3 without."):
        scheme_text(tmp_path, series, "10", "30")
    assert scheme_text(tmp_path, series, "10", "30", te_ms=70).splitlines()[-1] == "70 70 70"


def test_maps_of_the_scanner_make_no_protocol(tmp_path):
    diffusion(tmp_path)
    for path in tmp_path.iterdir():
        from pydicom import dcmread

        d = dcmread(path)
        d.ImageType = ["DERIVED", "PRIMARY", "ADC"]
        save(d, path)
    series, _ = read_series(tmp_path)
    with pytest.raises(TableError, match="a protocol is of acquired images with b-values. Given computed by"):
        scheme_text(tmp_path, series, "10", "30")


def test_bruker_timings_come_from_the_method_file(tmp_path):
    path = tmp_path / "method"
    path.write_text("##$PVM_DwGradDur=( 1 )\n10\n##$PVM_DwGradSep=( 2 )\n31 31\n##$Other=3\n")
    assert read_bruker_timings(path) == (10.0, 31.0)
    path.write_text("##$PVM_DwGradDur=( 1 )\n10\n##$PVM_DwGradSep=( 2 )\n31 45\n")
    with pytest.raises(
        TableError, match="field PVM_DwGradSep: must hold one duration in ms. Given 2 values."
    ):
        read_bruker_timings(path)


@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
    st.floats(0, 1),
)
def test_any_damage_to_a_file_leaves_it_out_or_is_one_line(tmp_path_factory, changes, kept):
    folder = tmp_path_factory.mktemp("damaged")
    d = header(5, "DWI", generate_uid(), 1, 0.0)
    set_b(d, 900, "ge")
    save(d, folder / "a")
    raw = bytearray((folder / "a").read_bytes())
    for place, value in changes:
        raw[int(place * len(raw))] = value
    (folder / "a").write_bytes(bytes(raw[: round(kept * len(raw))] if kept < 0.5 else raw))
    try:
        series, _ = read_series(folder)
        for one in series:
            assert all("\n" not in line for line in describe_series(one))
    except TableError as error:
        assert "\n" not in str(error)


@given(st.text("0123456789.:, eE-", max_size=20))
def test_any_text_is_timings_or_one_line(text):
    try:
        values = by_b_value(text, np.array(B), "delta")
        assert values[0] == 0
        assert (values[1:] > 0).all()
    except ValueError as error:
        assert "\n" not in str(error)
