import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from compendium.io.nifti import inspect_image, read_slab, write_map
from compendium.io.table_text import TableError
from compendium.maps.blocks import SCRATCH, Output, map_blocks
from compendium.maps.cell_size import run_cell_size
from compendium.maps.kurtosis import run_kurtosis
from compendium.maps.output import describe_dataset
from compendium.maps.repeats import region_means, summarise_repeats


def digests(folder, pattern="*.nii.gz"):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(Path(folder).glob(pattern))}


def values(path):
    return np.asarray(nib.load(path).dataobj, dtype=float)


def fit(exam, out, **options):
    given = {"mask": exam / "mask.nii.gz", "noise": exam / "noise.nii", "model": "Diff-in-ex", **options}
    return run_cell_size(exam / "dwi.nii.gz", exam / "p.scheme", out, **given)


def test_maps_have_the_fitters_names_and_recover_the_planted_sizes(examination, tmp_path):
    got = fit(examination, tmp_path, posterior=True)
    names = set(digests(tmp_path))
    assert {"dwi_Lum.nii.gz", "dwi_fin.nii.gz", "dwi_D0um2ms-1.nii.gz", "dwi_Dexinfum2ms-1.nii.gz", "dwi_S0.nii.gz",
            "dwi_cellsmm-2.nii.gz", "dwi_cellsmm-3.nii.gz", "dwi_exit.nii.gz", "dwi_logL.nii.gz", "dwi_BIC.nii.gz",
            "dwi_AIC.nii.gz", "dwi_Lum_sd.nii.gz"} <= names  # fmt: skip
    truth, mask = np.load(examination / "size.npy"), values(examination / "mask.nii.gz") > 0
    mean = values(got["Lmean"])
    assert np.corrcoef(mean[mask], truth[mask])[0, 1] > 0.7
    assert np.isnan(mean[~mask]).all() and (values(got["exit"])[~mask] == 0).all()
    assert not (tmp_path / SCRATCH).exists() and not list(tmp_path.glob(".*"))
    sidecar = json.loads((tmp_path / "dwi_Lum.json").read_text())
    assert sidecar["Units"] == "um" and sidecar["Method"]["model"] == "Diff-in-ex"
    page = (tmp_path / "dwi_qc.html").read_text()
    assert "Prior-dominated" in page and "data:image/png" in page and "http" not in page
    assert np.allclose(nib.load(got["L"]).affine, nib.load(examination / "dwi.nii.gz").affine)


@pytest.mark.parametrize("options", [{"slices": 1}, {"slices": 3}, {"slices": 100}, {"slices": 2, "jobs": 2}])
def test_bits_do_not_depend_on_blocks_or_jobs(options, examination, tmp_path):
    fit(examination, tmp_path / "a", slices=2)
    fit(examination, tmp_path / "b", **options)
    assert digests(tmp_path / "a") == digests(tmp_path / "b") != {}


def test_bits_are_the_same_on_dask(examination, tmp_path):
    distributed = pytest.importorskip("distributed")
    fit(examination, tmp_path / "a")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as c:
        fit(examination, tmp_path / "b", cluster=c.scheduler_address)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


SLOW = """
import sys, time
from compendium.maps import cell_size
inner = cell_size.cell_size_tile
def tile(*arguments):
    time.sleep(0.4)
    return inner(*arguments)
tile.__module__, tile.__qualname__ = inner.__module__, inner.__qualname__
cell_size.cell_size_tile = tile
exam, out = sys.argv[1:]
cell_size.run_cell_size(exam + "/dwi.nii.gz", exam + "/p.scheme", out, mask=exam + "/mask.nii.gz",
                        noise=exam + "/noise.nii", model="Diff-in-ex", slices=1)
"""


def test_a_killed_run_resumes_and_gives_the_same_bits(examination, tmp_path):
    fit(examination, tmp_path / "whole", slices=1)
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(examination), str(out)], env=dict(os.environ))
    deadline = time.monotonic() + 60
    while len(list(out.glob(f"{SCRATCH}/*/block-*.sha256"))) < 2 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    blocks = sorted(out.glob(f"{SCRATCH}/*/block-*.npz"))
    assert 2 <= len(blocks) < 7 and not list(out.glob("*.nii.gz"))
    blocks[0].write_bytes(blocks[0].read_bytes()[:-1] + b"\0")  # a damaged block is computed again
    told = []
    fit(examination, out, slices=1, progress=lambda done, total: told.append((done, total)))
    assert told[0][0] >= len(blocks) - 2 and told[0][0] < 7 and told[-1] == (7, 7)
    assert digests(out) == digests(tmp_path / "whole")


def test_blocks_of_other_settings_are_not_taken(examination, tmp_path):
    stale = tmp_path / SCRATCH / "0123456789abcdef"
    stale.mkdir(parents=True)
    (stale / "block-00000.npz").write_bytes(b"old")
    fit(examination, tmp_path)
    assert not stale.exists()


def neighbour_mean(slab, mask, centre):
    return {"mean": slab["image"].mean(axis=2)}


@pytest.mark.parametrize("slices", [1, 2, 5])
def test_halos_reach_over_block_borders(slices, tmp_path):
    data = np.random.default_rng(0).random((4, 3, 5)) + 1
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "i.nii")
    got = map_blocks({"image": tmp_path / "i.nii"}, neighbour_mean, (Output("mean", "m"),), tmp_path / "o",
                     settings={}, slices=slices, halo=1)  # fmt: skip
    expected = np.stack([data[:, :, max(z - 1, 0) : z + 2].mean(axis=2) for z in range(5)], axis=2)
    assert values(got["mean"]) == pytest.approx(expected, rel=1e-6)


def test_diff_in_needs_a_reference_for_its_fraction(examination, tmp_path):
    without = fit(examination, tmp_path / "a", model="Diff-in", high_b=True)
    with_s0 = fit(examination, tmp_path / "b", model="Diff-in", high_b=True, s0ref=examination / "s0.nii")
    assert (
        "F" not in without and np.nanmin(values(with_s0["F"])) >= 0 and np.nanmax(values(with_s0["F"])) <= 1
    )


def test_prefit_writes_its_maps(examination, tmp_path):
    got = fit(examination, tmp_path, prefit=True)
    assert np.nanmax(values(got["fV"])) <= 1 and "T2T" in got


def test_bids_names_beside_the_fitters(examination, tmp_path):
    fit(examination, tmp_path)
    assert (tmp_path / "sub-dwi_model-diffinex_param-vCS_dwimap.nii.gz").read_bytes() == (
        tmp_path / "dwi_Lum.nii.gz"
    ).read_bytes()


def test_every_bids_name_has_a_sidecar_and_the_folder_says_what_made_it(examination, tmp_path):
    fit(examination, tmp_path)
    run_kurtosis(examination / "dwi.nii.gz", examination / "p.bval", tmp_path, b_min=100)
    names = sorted(tmp_path.glob("sub-*_dwimap.nii.gz"))
    assert len(names) > 5
    for name in names:
        side = json.loads(Path(str(name).replace(".nii.gz", ".json")).read_text())
        assert side["Units"] and side["Description"] and side["Sources"]
    about = json.loads((tmp_path / "dataset_description.json").read_text())
    assert about["DatasetType"] == "derivative"
    assert [g["Description"] for g in about["GeneratedBy"]] == [
        "compendium maps cell-size",
        "compendium maps kurtosis",
    ]


def test_running_again_names_a_method_once(examination, tmp_path):
    fit(examination, tmp_path)
    fit(examination, tmp_path)
    assert len(json.loads((tmp_path / "dataset_description.json").read_text())["GeneratedBy"]) == 1


@pytest.mark.parametrize("text", ['{"Name": "Our study"}', "not JSON", "[1]"])
def test_a_description_of_somebody_else_is_left_alone(tmp_path, text):
    path = tmp_path / "dataset_description.json"
    path.write_text(text)
    describe_dataset(tmp_path, "kurtosis")
    assert path.read_text() == text


def test_kurtosis_maps(examination, tmp_path):
    got = run_kurtosis(examination / "dwi.nii.gz", examination / "p.bval", tmp_path, b_min=100,
                       mask=examination / "mask.nii.gz", noise=examination / "noise.nii")  # fmt: skip
    mask = values(examination / "mask.nii.gz") > 0
    assert 0.2 < np.median(values(got["ADC"])[mask]) < 2 and (tmp_path / "dwi_AKC.nii.gz").exists()


def problem(exam, tmp_path, **change):
    given = {"dwi": exam / "dwi.nii.gz", "protocol": exam / "p.scheme", "out": tmp_path / "o", **change}
    with pytest.raises(TableError) as caught:
        run_cell_size(**given)
    assert not list((tmp_path / "o").glob("*.nii.gz")) and "\n" not in str(caught.value)
    return str(caught.value)


def test_unusable_inputs_are_refused_in_one_line(examination, tmp_path):
    assert "existing NIfTI" in problem(examination, tmp_path, dwi=examination / "none.nii")
    assert "4 dimensions" in problem(examination, tmp_path, dwi=examination / "noise.nii")
    (tmp_path / "short.scheme").write_text("0 1000\n10 10\n30 30\n")
    assert "21 measurements" in problem(examination, tmp_path, protocol=tmp_path / "short.scheme")
    small = tmp_path / "small.nii"
    nib.save(nib.Nifti1Image(np.ones((3, 3, 3)), np.eye(4)), small)
    assert "grid of dwi.nii.gz" in problem(examination, tmp_path, mask=small)
    moved = tmp_path / "moved.nii"
    nib.save(nib.Nifti1Image(np.ones((9, 8, 7)), np.eye(4)), moved)
    assert "affine" in problem(examination, tmp_path, mask=moved)
    assert "noise map" in problem(examination, tmp_path, posterior=True)
    assert "needs as many measurements" in problem(examination, tmp_path, model="Diff-in-exTD", b_min=1300)
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes((examination / "dwi.nii.gz").read_bytes()[:20_000])
    assert "complete compressed" in problem(examination, tmp_path, dwi=cut)
    fake = tmp_path / "fake.nii"
    fake.write_text("hello")
    assert "readable NIfTI" in problem(examination, tmp_path, dwi=fake)


def test_truncated_uncompressed_images_are_said(tmp_path):
    path = tmp_path / "t.nii"
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4)), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(TableError, match="all voxels"):
        read_slab(path, 3, 4)


def test_written_maps_read_back_and_repeat_their_bytes(tmp_path):
    data = np.random.default_rng(1).random((3, 4, 5)).astype(np.float32)
    affine = np.array([[2.0, 0, 0, -1], [0, 2, 0, 5], [0, 0, 3, 2], [0, 0, 0, 1]])
    for name in ("a.nii.gz", "b.nii.gz"):
        write_map(tmp_path / name, (data[:, :, z : z + 2] for z in (0, 2, 4)), data.shape, affine, "float32")
    assert np.array_equal(values(tmp_path / "a.nii.gz"), data.astype(float))
    assert np.allclose(nib.load(tmp_path / "a.nii.gz").affine, affine)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert inspect_image(tmp_path / "a.nii.gz", 3).shape == (3, 4, 5)


def test_repeats_of_scans_are_summarised(tmp_path):
    rng, scans = np.random.default_rng(1), []
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), np.uint8), np.eye(4)), tmp_path / "m.nii")
    for subject in range(8):
        level = 15 + subject
        for repeat in range(2):
            path = tmp_path / f"{subject}{repeat}.nii"
            nib.save(nib.Nifti1Image(np.full((4, 4, 4), level + rng.normal(0, 0.5)), np.eye(4)), path)
            scans.append((f"s{subject}", path, tmp_path / "m.nii"))
    assert region_means(scans)["scan"].tolist() == [1, 2] * 8
    assert summarise_repeats(scans).sd.estimate == pytest.approx(0.5, rel=0.6)
