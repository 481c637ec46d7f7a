"""`run_perfusion` on files: maps, sidecars, page; one line for each input that cannot be used, and nothing half-written."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from compendium.cohorts.dsc import Protocol
from compendium.cohorts.dsc_brain import simulate_brain
from compendium.maps.perfusion import TILE, estimate_maps, run_perfusion
from compendium.maps.perfusion_input import ImageError

AFFINE = np.diag([1.8, 1.8, 4.0, 1.0])


def save(path, values, tr=1.74):
    image = nib.Nifti1Image(np.asarray(values, dtype=np.float32), AFFINE)
    if image.ndim == 4:
        image.header.set_zooms((1.8, 1.8, 4.0, tr))
        image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    return path


@pytest.fixture(scope="module")
def brain():
    return simulate_brain((28, 30, 2), Protocol(late_se_s=0.5), seed=3)


@pytest.fixture
def files(tmp_path, brain):
    inside = brain.label != ""
    right = np.arange(28)[:, None, None] > 15
    lesion = np.zeros(brain.label.shape)
    lesion[brain.label == "arteriolar"], lesion[brain.label == "venular"] = 1, 2
    return {
        "ge": save(tmp_path / "ge.nii.gz", brain.ge), "se": save(tmp_path / "se.nii.gz", brain.se),
        "mask": save(tmp_path / "mask.nii.gz", inside),
        "white": save(tmp_path / "wm.nii.gz", (brain.label == "white matter") & right),
        "regions": save(tmp_path / "regions.nii.gz", lesion), "out": tmp_path / "out",
    }  # fmt: skip


def run(files, **more):
    return run_perfusion(files["ge"], files["se"], 22, 33, 1.74, files["out"], **more)


def test_maps_sidecars_table_and_page_are_written(files, brain):
    run(
        files,
        mask=files["mask"],
        white_matter=files["white"],
        regions=files["regions"],
        arterial_fraction=0.12,
    )
    cbv = nib.load(files["out"] / "cbv.nii.gz")
    assert cbv.shape == (28, 30, 2) and np.allclose(cbv.affine, AFFINE)
    named = files["out"] / "sub-ge_model-dsc_param-cbv_perfmap.nii.gz"
    assert named.read_bytes() == (files["out"] / "cbv.nii.gz").read_bytes()
    assert (files["out"] / "sub-ge_model-dsc_param-cbvsd_perfmap.json").is_file()
    assert (files["out"] / "dataset_description.json").is_file()
    values = cbv.get_fdata()
    assert np.isnan(values[brain.label == ""]).all()
    assert np.nanmedian(values[brain.label == "venular"]) == pytest.approx(2.82, rel=0.05)
    relative = nib.load(files["out"] / "cbv_relative.nii.gz").get_fdata()
    assert np.nanmedian(relative[brain.label == "white matter"]) == pytest.approx(1.0, abs=0.05)
    side = json.loads((files["out"] / "mti.json").read_text())
    assert side["Units"] == "s^-2.5" and "clockwise positive" in side["Convention"]
    assert side["Alignment"]["ShiftOfSpinEcho_s"] == pytest.approx(-0.5, abs=0.25)
    table = pd.read_csv(files["out"] / "regions.csv")
    means = table[table["map"] == "mti"].set_index("region")["mean"]
    assert means[1] > 0 > means[2]
    page = (files["out"] / "index.html").read_text()
    assert page.count("<img alt='") == 5 and "ge.nii.gz" in page and "http" not in page
    assert not list(files["out"].parent.glob(".out*"))


def test_without_a_mask_the_brain_is_found_from_the_signal(files, brain):
    inside = brain.label != ""
    found = run(files).mask
    assert (found & inside).sum() > 0.97 * inside.sum() and (found & ~inside).sum() == 0


def test_a_single_slice_and_given_arteries_work(tmp_path, brain):
    ge, se = (save(tmp_path / n, v[:, :, :1]) for n, v in (("g.nii", brain.ge), ("s.nii", brain.se)))
    artery = save(tmp_path / "a.nii", brain.label[:, :, :1] == "artery")
    found = run_perfusion(ge, se, 22, 33, 1.74, tmp_path / "o", aif_ge=artery, aif_se=artery)
    assert found.examination.ge.artery.method == "given mask" and (tmp_path / "o" / "mti.nii.gz").exists()


def test_one_injection_needs_no_alignment(files):
    found = run(files, one_injection=True)
    assert (found.examination.alignment.shift_s, found.examination.alignment.zero) == (0.0, "given")


def test_two_gradient_echoes_are_combined(tmp_path, files, brain):
    ratio = brain.ge / np.maximum(brain.ge[..., 1:10].mean(axis=3, keepdims=True), 1)
    short = save(tmp_path / "short.nii.gz", 1500 * np.maximum(ratio, 1e-3) ** 0.4 * (brain.ge > 300))
    found = run_perfusion(
        [short, files["ge"]], files["se"], [8.8, 22.0], 33, 1.74, files["out"], mask=files["mask"]
    )
    assert np.isfinite(found.maps["cbv"]).mean() > 0.9


def test_blocks_and_processes_do_not_change_a_bit(files, brain, monkeypatch):
    found = run(files, mask=files["mask"])
    inside = found.mask
    again = estimate_maps(brain.ge[inside], brain.se[inside], found.examination)
    monkeypatch.setattr("compendium.maps.perfusion.TILE", 100)
    small = estimate_maps(brain.ge[inside], brain.se[inside], found.examination)
    assert TILE > 100
    for name in again:
        np.testing.assert_array_equal(again[name], found.maps[name])
        np.testing.assert_allclose(small[name], again[name], rtol=1e-9)


def test_another_tr_in_the_header_is_noted(tmp_path, brain, files):
    files["ge"] = save(tmp_path / "other.nii.gz", brain.ge, tr=1.5)
    assert any("header's TR is 1.5 s; 1.74 s was given" in n for n in run(files).examination.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, b: {"se": f["se"].with_name("none.nii.gz")}, r"none\.nii\.gz: a series must exist"),
        (lambda f, b: {"se": save(f["se"].with_name("x.nii.gz"), b.se[..., :59])}, r"x\.nii\.gz: all series must have as many volumes.*\(60\)\. Given 59"),
        (lambda f, b: {"se": save(f["se"].with_name("x.nii.gz"), b.se[:, :29])}, r"x\.nii\.gz: must have the grid"),
        (lambda f, b: {"ge": f["mask"]}, r"mask\.nii\.gz: a series must be four-dimensional"),
        (lambda f, b: {"mask": f["ge"]}, r"ge\.nii\.gz: a mask must be three-dimensional"),
        (lambda f, b: {"mask": save(f["se"].with_name("m.nii.gz"), 0 * b.ge[..., 0])}, "mask must hold at least one voxel"),
        (lambda f, b: {"ge": save(f["se"].with_name("n.nii.gz"), np.where(b.ge > 900, np.nan, b.ge))}, r"n\.nii\.gz: all values must be finite"),
        (lambda f, b: {"tr_s": 1740}, r"TR must be in seconds.*1\.74 s"),
        (lambda f, b: {"te_ge_ms": [8, 22]}, r"ge: each file needs an echo time\. Given 1 and 2"),
        (lambda f, b: {"zero": "reference"}, "needs a mask of white matter"),
        (lambda f, b: {"leakage": "some"}, "leakage must be one of"),
        (lambda f, b: {"leakige": "none"}, "leakige"),
        (lambda f, b: {"ge": save(f["se"].with_name("c.nii.gz"), 0 * b.ge + 100)}, "A bolus must lower the mean signal"),
    ],
)  # fmt: skip
def test_unusable_input_is_one_line_and_nothing_is_written(files, brain, change, message):
    arguments = {
        "ge": files["ge"], "se": files["se"], "te_ge_ms": 22, "te_se_ms": 33, "tr_s": 1.74, "output": files["out"],
        "mask": files["mask"],
    } | change(files, brain)  # fmt: skip
    with pytest.raises(ImageError, match=message) as caught:
        run_perfusion(**arguments)
    assert "\n" not in str(caught.value)
    assert not files["out"].exists()
