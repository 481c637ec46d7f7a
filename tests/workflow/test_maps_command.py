"""`compendium maps`: images in, maps out, one line and exit code 2 for what cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "compendium", "maps", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)


@pytest.fixture
def scan(tmp_path):
    """A small image of known diffusion and kurtosis, with its b-values."""
    b = np.array([0, 200, 500, 1000, 1500, 2000.0]) / 1000
    rng = np.random.default_rng(1)
    adc, k = rng.uniform(0.6, 1.6, (5, 4, 3)), rng.uniform(0, 1, (5, 4, 3))
    exponent = -b * adc[..., None] + k[..., None] * (b * adc[..., None]) ** 2 / 6
    nib.save(
        nib.Nifti1Image((1000 * np.exp(exponent)).astype(np.float32), np.diag([2, 2, 2, 1])),
        tmp_path / "dwi.nii",
    )
    (tmp_path / "dwi.bval").write_text(" ".join(f"{1000 * v:g}" for v in b))
    return tmp_path, adc, k


def test_kurtosis_maps_hold_the_planted_values_and_come_with_sidecars(scan):
    folder, adc, k = scan
    done = run(
        "kurtosis",
        "--dwi",
        f"{folder}/dwi.nii",
        "--protocol",
        f"{folder}/dwi.bval",
        "-o",
        f"{folder}/out",
        "-j",
        "1",
    )
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.splitlines()]
    assert all(path.exists() for path in written)
    maps = {path.name: nib.load(path).get_fdata() for path in written if path.suffix in (".nii", ".gz")}
    planted = {"adc": adc, "k": k}
    for name, values in planted.items():
        errors = [np.abs(m - values).max() for m in maps.values() if m.shape == values.shape]
        assert min(errors) < 1e-3, name  # float32 images; the fit itself is exact on noise-free data
    assert list((folder / "out").rglob("*.json")) and list((folder / "out").rglob("*.html"))
    assert "block" in done.stderr


def rois(folder: Path) -> Path:
    path = folder / "rois.csv"
    path.write_text("roi,subject,histology,x_mm,y_mm,z_mm\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["kurtosis", "--dwi", "{}/none.nii", "--protocol", "{}/dwi.bval", "-o", "{}/out"], "none.nii"),
        (["kurtosis", "--dwi", "{}/dwi.nii", "--protocol", "{}/none.bval", "-o", "{}/out"], "none.bval"),
        (["cell-size", "--dwi", "{}/dwi.nii", "--protocol", "{}/dwi.bval", "-o", "{}/out"], "dwi"),
        (["cell-size", "--dwi", "{}/dwi.nii", "--protocol", "{}/dwi.bval", "--model", "guess", "-o", "{}/out"], "Given"),
        (["perfusion", "--ge", "{}/dwi.nii", "--se", "{}/none.nii", "--te-ge", "22", "--te-se", "33", "--tr", "1.74", "-o", "{}/out"], "none.nii"),
        (["cellularity", "--t1", "{}/x.nii", "--t1ce", "{}/x.nii", "--flair", "{}/x.nii", "--adc", "{}/x.nii", "--mask", "{}/x.nii", "--rois", "ROIS", "-o", "{}/out"], "rois.csv"),
        (["kurtosis", "--dwi", "{}/dwi.nii"], "Missing option"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_in_a_line_and_leaves_nothing(scan, arguments, fragment):
    folder = scan[0]
    table = str(rois(folder))
    done = run(*[a.replace("{}", str(folder)).replace("ROIS", table) for a in arguments])
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and fragment in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((folder / "out").glob("*.nii*"))


def test_without_a_method_the_methods_are_listed():
    done = run()
    assert done.returncode == 2
    assert all(method in done.stdout for method in ("cell-size", "kurtosis", "perfusion", "cellularity"))
