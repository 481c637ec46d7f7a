"""Chapter 02 of grussu2025 on images that its own simulation did not make, and with other parameters."""

import importlib.util
from pathlib import Path

import nibabel
import numpy as np
import pytest

from compendium.cohorts.grussu_fits import Scan, by_size, compare_estimators, fit_part, rmse
from compendium.cohorts.grussu_voxels import draw_tissues, measure_tissues, two_region_slice
from compendium.diffusion.models import find_model, predict
from compendium.diffusion.protocols import pgse_protocol
from compendium.io.table_text import TableError
from compendium.maps.sample import normalise_signals, read_voxels, residual_noise

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "grussu2025/02"
SMALL = {"voxels": 30, "sample": 25}

# Neither the order nor the timings of a published protocol; unweighted images in the middle.
B = np.array([1700, 300, 0, 950, 2400, 0, 1300, 1700, 600, 2400, 1300, 2000, 2000, 3000, 3000, 150])
DELTA = np.where(B > 0, 9.0, 0.0)
SEPARATION = np.where(B > 0, np.where(np.arange(B.size) % 2 == 0, 22.0, 48.0), 0.0)
SCAN = pgse_protocol(B / 1000, DELTA, SEPARATION)


def write_protocol(folder, te=None):
    path = folder / "mine.scheme"
    rows = [B, DELTA, SEPARATION] + ([] if te is None else [te])
    path.write_text("\n".join(" ".join(f"{x:g}" for x in row) for row in rows))
    return str(path)


def write_image(folder, size=16.0, fraction=0.8, noise=0.002, te=None, shape=(7, 9, 3), bad=False):
    """One compartment only, F above the least weighted images left to blood-free water that is gone at once."""
    rng = np.random.default_rng(3)
    inside = predict(find_model("Diff-in"), [size, 1.7, fraction], SCAN)
    signal = inside + (1 - fraction) * np.exp(-40 * B / 1000)
    if te is not None:
        signal = signal * np.exp(-np.asarray(te) / 60)
    data = 800 * (signal + noise * rng.normal(size=(*shape, B.size)))
    data[0] = 0.0  # air
    mask = np.zeros(shape, np.uint8)
    mask[1:5, 2:8, 1:] = 1
    if bad:
        data[2, 3, 1, 4] = np.nan
    affine = np.diag([-2.0, 2.0, 5.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(np.abs(data).astype(np.float32), affine), folder / "mine.nii.gz")
    nibabel.save(nibabel.Nifti1Image(mask, affine), folder / "mask.nii")
    return {"dwi": str(folder / "mine.nii.gz"), "mask": str(folder / "mask.nii")}


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(figures=False, paper=False, **parameters):
        settings = {**SMALL, **parameters}
        return chapter_run.run_chapter(
            CHAPTER, tmp_path / "out", monkeypatch, figures=figures, paper=paper, **settings
        )

    return start


def test_planted_size_and_fraction_are_found_in_a_users_image(run, tmp_path):
    results = run(figures=True, **write_image(tmp_path), protocol=write_protocol(tmp_path))
    got = values(results)
    assert got["image.voxels"] == 4 * 6 * 2
    assert got["image.high.diff-in.size"] == pytest.approx(16, abs=0.5)
    assert got["image.high.diff-in.fraction"] == pytest.approx(0.8, abs=0.03)
    assert got["image.high.diff-in.bic"] > 0.6 and got["image.high.diff-in.dominated"] == 0
    assert got["image.snr"] > 150
    assert (got["count.yours.whole"], got["count.yours.high"]) == (14, 11)
    assert results["results"]["image.high.diff-in.size"]["evidence"] == "user"
    assert not any(k.startswith("predictions") for k in got)


def test_relaxation_is_removed_where_echo_times_differ(run, tmp_path):
    te = np.where(np.arange(B.size) % 3 == 0, 90.0, 65.0)
    got = values(run(**write_image(tmp_path, te=te), protocol=write_protocol(tmp_path, te)))
    assert got["image.high.diff-in.size"] == pytest.approx(16, abs=1)


def test_a_protocol_alone_is_simulated_with(run, tmp_path):
    results = run(protocol=write_protocol(tmp_path))
    assert values(results)["count.yours.high"] == 11
    assert results["results"]["image.map.size"]["evidence"] == "simulated"


def test_without_a_mask_air_is_left_out_and_a_voxel_that_is_not_finite_too(run, tmp_path):
    image = write_image(tmp_path, bad=True)
    del image["mask"]
    assert values(run(**image, protocol=write_protocol(tmp_path)))["image.voxels"] == 6 * 9 * 3 - 1


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("base")
        return values(chapter_run.run_chapter(CHAPTER, folder, patch, paper=True, **SMALL))


@pytest.mark.parametrize(
    ("parameter", "value", "moves", "stays"),
    [
        ("seed", 2, "recovery.high.diff-in.rmse", "bic.factor"),
        ("voxels", 60, "recovery.high.diff-in.rmse", "count.3t.high"),
        ("snr", 60.0, "prior.matched.posterior", "bic.price.high"),
        ("scan", "exvivo", "bic.price.high", "count.3t.high"),
        ("b_whole", 500.0, "count.3t.whole", "count.exvivo.whole"),
        ("b_high", 300.0, "bound.share", "count.3t.whole"),
        ("model", "Diff-in", "prior.matched.posterior", "bound.share"),
        ("pull", 0.05, "pull.pull.rmse", "pull.bounded.rmse"),
        ("s0_most", 3.0, "pull.bounded.rmse", "pull.pull.rmse"),
        ("share", 0.6, "dominated.high.diff-in-ex", "recovery.high.diff-in-ex.rmse"),
        ("sample", 60, "image.high.diff-in-ex.size", "bic.factor"),
    ],
)
def test_each_parameter_moves_what_it_should(run, base, parameter, value, moves, stays):
    got = values(run(**{parameter: value}))
    assert got[moves] != base[moves] and got[stays] == base[stays]


def test_bounds_and_slice_of_a_users_run_move_what_they_should(run, tmp_path):
    files = {**write_image(tmp_path, noise=0.05), "protocol": write_protocol(tmp_path)}
    first = values(run(**files))
    assert (
        values(run(**files, preset="exvivo"))["image.high.diff-in-ex.size"]
        != first["image.high.diff-in-ex.size"]
    )
    other = values(run(**files, slice_index=2))
    assert other["image.map.size"] != first["image.map.size"]
    assert other["image.high.diff-in.size"] == first["image.high.diff-in.size"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dwi": "some.nii"}, "needs its protocol"),
        ({"scan": "7T"}, "scan is one of"),
        ({"voxels": 5}, "voxels: 20 or more"),
        ({"snr": 0.0}, "snr above 0"),
        ({"b_high": 1400.0}, "measurement per parameter"),
        ({"slice_index": 9}, "slice_index"),
        ({"model": "Diff"}, "model"),
    ],
)
def test_what_cannot_be_used_is_refused(run, change, message):
    with pytest.raises(ValueError, match=message):
        run(**change)


def test_images_that_do_not_fit_are_refused_in_one_line(tmp_path):
    files = write_image(tmp_path)
    with pytest.raises(TableError, match="4 volumes"):
        read_voxels(Path(files["dwi"]), 4)
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((7, 9, 3), np.uint8), np.diag([-2.0, 2.0, 5.0, 1.0])),
        tmp_path / "no.nii",
    )
    with pytest.raises(TableError, match="bright and finite"):
        read_voxels(Path(files["dwi"]), B.size, tmp_path / "no.nii")


def test_noise_and_two_pools_of_the_simulated_slice_are_found():
    te = np.tile([60.0, 80.0, 100.0, 120.0], 4)
    scan = pgse_protocol(B / 1000, DELTA, SEPARATION, te)
    places, signals, shape = two_region_slice(scan, 400, 1)
    again, blood = normalise_signals(signals, scan, scan.above(0.2))
    assert shape == (28, 28, 1) and places[:, :2].max() < 28
    assert np.median(blood) == pytest.approx(0.1, abs=0.05)
    assert 0.8 < np.median(again[:, B == 0]) < 1.3
    tissue = draw_tissues(300, np.random.default_rng(2))
    noisy = measure_tissues(tissue, SCAN, np.random.default_rng(3), 0.02)
    part = SCAN.above(0.1)
    assert residual_noise(noisy[:, part], SCAN.select(part)) == pytest.approx(0.02, rel=0.2)


def test_posterior_is_the_best_estimator_where_its_prior_is_true_and_strata_add_up():
    scan = Scan(SCAN, "invivo", (100.0, 900.0))
    limits = {"L": (8.0, 40.0), "D0": (0.8, 3.0), "F": (0.2, 0.9)}
    table = compare_estimators({"flat": limits}, scan, "Diff-in", 0.02, 400, 1, 0.001, 1.4)
    best = rmse(table["posterior mean"], table["size"])
    assert best < rmse(table["maximum likelihood"], table["size"]) and best < rmse(
        table["published"], table["size"]
    )
    assert 0.92 < table["covered"].mean() < 0.98
    strata = by_size(table, [8, 16, 24, 32, 40])
    assert len(strata) == 4 and strata["coverage"].between(0.8, 1).all()
    part = scan.part("high")
    clean = predict(find_model("Diff-in"), [[16.0, 1.7, 0.8]], part)
    assert fit_part(clean, part, "Diff-in", "invivo", 1e-6)["L"] == pytest.approx(16, abs=0.01)
