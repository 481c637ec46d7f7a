"""Chapter 05 of schroers2026 on pairs that its own phantoms did not make, and with other parameters."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from compendium import paths
from compendium.io.nnunet import nnunet_problems

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "schroers2026/05"


def make_pairs(folder, pixel_mm=0.02, animals="WXYZ", contrast=90.0, suffix=".nii.gz"):
    """Bright tissue with dark curves; two sessions of each animal, sizes that differ."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    for number, animal in enumerate(animals):
        for session in (1, 2):
            shape = (60 + 4 * number, 64, session)
            mask = np.zeros(shape, bool)
            along = np.arange(shape[0])
            for z in range(session):
                for _ in range(2):
                    across = rng.uniform(12, 50) + 8 * np.sin(along / rng.uniform(10, 20) + rng.uniform(0, 6))
                    for k in range(-int(rng.integers(1, 3)), 2):
                        mask[along, np.clip(across.astype(int) + k, 0, 63), z] = True
            image = (
                200
                - contrast * ndimage.gaussian_filter(mask.astype(float), (1, 1, 0))
                + rng.normal(0, 15, shape)
            )
            affine = np.diag([pixel_mm, pixel_mm, 5 * pixel_mm, 1.0])
            for name, data in (("", image.astype(np.float32)), ("_mask", mask.astype(np.uint8))):
                nib.save(nib.Nifti1Image(data, affine), folder / f"{animal}_s{session}{name}{suffix}")
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(pairs=None, **parameters):
        if pairs is not None:
            parameters["pairs"] = str(pairs)
        quick = {"folds": 2, "rounds": 12, "resamples": 20, "animals": 2}
        return chapter_run.run_chapter(CHAPTER, tmp_path / "out", monkeypatch, **{**quick, **parameters})

    return start


def test_planted_vessels_of_a_user_are_learned_scored_and_exported(run, tmp_path):
    results = run(make_pairs(tmp_path / "mine"), figures=True)
    got = values(results)
    assert (got["data.animals"], got["data.datasets"], got["data.slices"]) == (4, 8, 12)
    assert got["scores.dice"] > 0.7 and got["control.dice_ratio"] < 0.7
    assert got["scores.dilated_one_sided"] >= got["scores.dilated_both"] > got["scores.dice"]
    assert results["results"]["scores.dice"]["evidence"] == "user"
    assert not any(k.startswith(("sweep", "deep", "printed", "predictions", "registration")) for k in got)
    folder = tmp_path / "out" / "figures"
    assert nnunet_problems(folder / "nnunet.zip") == []
    with zipfile.ZipFile(folder / "predictions.zip") as z:
        assert len(z.namelist()) == 8
        z.extract("Z_s2.nii.gz", tmp_path)
    predicted, given = (
        np.asarray(nib.load(p).dataobj)
        for p in (tmp_path / "Z_s2.nii.gz", tmp_path / "mine" / "Z_s2_mask.nii.gz")
    )
    assert (
        predicted.shape == given.shape
        and 2 * (predicted * given).sum() / (predicted.sum() + given.sum()) > 0.6
    )


def test_the_same_pairs_leave_the_same_files(run, tmp_path):
    folder, kept = make_pairs(tmp_path / "mine"), []
    for _ in range(2):
        run(folder)
        kept.append(
            [(tmp_path / "out" / "figures" / n).read_bytes() for n in ("nnunet.zip", "predictions.zip")]
        )
    assert kept[0] == kept[1]


def test_pixels_of_half_a_millimetre_and_two_animals_run_as_well(run, tmp_path):
    got = values(
        run(make_pairs(tmp_path / "mine", pixel_mm=0.5, animals="WX", suffix=".nii"), dilation_um=500.0)
    )
    assert got["data.animals"] == 2 and got["ceiling.displacement"] == pytest.approx(1000)
    assert got["visibility.vessels"] > 0
    fine = values(run(make_pairs(tmp_path / "fine", animals="WX"), dilation_um=20.0, filter_um=0.0))
    assert got["scores.dice"] == fine["scores.dice"]  # the same pixels, 25 times as large
    assert got["scores.masd"] == pytest.approx(25 * fine["scores.masd"], rel=1e-6)
    assert 10 < got["diameter.mri.error"] / fine["diameter.mri.error"] < 40


def test_images_without_contrast_score_like_the_control(run, tmp_path):
    got = values(run(make_pairs(tmp_path / "mine", contrast=0.0)))
    assert got["scores.dice"] < 0.35 and got["threshold.dice"] < 0.35
    assert got["scores.dice"] == pytest.approx(got["control.dice"], abs=0.05)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return values(chapter_run.run_chapter(CHAPTER, tmp_path_factory.mktemp("base"), patch, **SMALL))


SMALL = {"folds": 2, "rounds": 25, "resamples": 20, "animals": 2}


@pytest.mark.parametrize(
    ("parameter", "value", "moves", "stays"),
    [
        ("seed", 2, "scores.dice", "data.slices"),
        ("animals", 3, "data.slices", None),
        ("folds", 3, None, "scores.dice"),  # two animals make two folds at most
        ("rounds", 5, "scores.dice", "data.share"),
        ("augment", False, "scores.dice", "threshold.dice"),
        ("filter_um", 0.0, "data.share", "data.slices"),
        ("dilation_um", 25.0, "scores.dilated_both", "scores.dice"),
        ("barely", 0.6, "visibility.up", "scores.dice"),
        ("strongly", 0.4, "visibility.up", "scores.dice"),
        ("registration_um", 0.0, "scores.dice", "ceiling.displacement"),
        ("snr", 5.0, "threshold.dice", "data.share"),
    ],
)
def test_each_parameter_moves_what_it_should_and_nothing_else(
    base, tmp_path, monkeypatch, parameter, value, moves, stays
):
    got = values(chapter_run.run_chapter(CHAPTER, tmp_path, monkeypatch, **{**SMALL, parameter: value}))
    assert moves is None or got[moves] != base[moves]
    assert stays is None or got[stays] == base[stays]


def test_more_folds_train_on_more_animals(run, tmp_path):
    pairs = make_pairs(tmp_path / "mine")
    two, four = values(run(pairs)), values(run(pairs, folds=4))
    assert two["scores.dice"] != four["scores.dice"] and two["data.slices"] == four["data.slices"]


def test_more_resamples_move_the_limits_and_not_the_scores(run, tmp_path):
    pairs = make_pairs(tmp_path / "mine")
    few, many = values(run(pairs)), values(run(pairs, resamples=150))
    assert few["scores.dice.lower"] != many["scores.dice.lower"] and few["scores.dice"] == many["scores.dice"]


@pytest.mark.parametrize(("parameters", "message"), [
    ({"folds": 1}, "folds, animals: 2 or more"), ({"barely": 0.9}, "0 < barely < strongly"), ({"dilation_um": -1.0}, "dilation_um"),
    ({"registration_um": -5.0}, "registration_um"),
])  # fmt: skip
def test_parameters_out_of_range_are_refused(run, parameters, message):
    with pytest.raises(ValueError, match=message):
        run(**parameters)


def test_the_deep_extra_ends_with_one_line_where_torch_is_missing():
    script = paths.root() / "benchmarks" / "learned_vessels" / "train_dynunet.py"
    hide = "import sys, runpy; sys.modules['torch'] = None; sys.argv = [sys.argv[1], 'none.json']; runpy.run_path(sys.argv[0], run_name='__main__')"
    arguments = [sys.executable, "-c", hide, str(script)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "needs torch and monai" in done.stderr and "Traceback" not in done.stderr
