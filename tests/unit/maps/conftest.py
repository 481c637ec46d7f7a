"""A small liver-like examination on disk, made once."""

import nibabel as nib
import numpy as np
import pytest

from compendium.diffusion.models import find_model, predict
from compendium.diffusion.protocols import published_protocols

AFFINE = np.diag([2.4, 2.4, 6.0, 1.0])


@pytest.fixture(scope="session")
def examination(tmp_path_factory):
    """Return a folder with dwi.nii.gz, mask, noise, s0ref, p.scheme, p.bval and the planted sizes."""
    folder = tmp_path_factory.mktemp("exam")
    rng, scan, shape = np.random.default_rng(3), published_protocols()["3T"], (9, 8, 7)
    n = int(np.prod(shape))
    size = rng.uniform(10, 28, n)
    truth = np.stack(
        [size, rng.uniform(1, 2.8, n), np.full(n, 2.5), rng.uniform(0.4, 0.9, n), np.full(n, 500.0)], 1
    )
    clean = predict(find_model("Diff-in-ex"), truth, scan)
    noise = 5.0 * rng.normal(size=(2, *clean.shape))
    image = np.hypot(clean + noise[0], noise[1]).reshape(*shape, 21)
    mask = np.ones(shape, dtype=np.uint8)
    mask[:2], mask[:, :, 5] = 0, 0

    def save(name, data):
        nib.save(nib.Nifti1Image(data, AFFINE), folder / name)

    save("dwi.nii.gz", image.astype(np.float32))
    save("mask.nii.gz", mask)
    save("noise.nii", np.full(shape, 5.0, dtype=np.float32))
    save("s0.nii", np.full(shape, 500.0, dtype=np.float32))
    delta = np.array([s.durations_ms[0] for s in scan.shapes] + [0.0])[scan.shape]
    separation = np.array([s.time_ms for s in scan.shapes] + [0.0])[scan.shape]
    np.savetxt(folder / "p.scheme", [scan.b_ms_um2 * 1000, delta, separation, scan.te_ms], fmt="%.6g")
    np.savetxt(folder / "p.bval", [scan.b_ms_um2 * 1000], fmt="%.6g")
    np.save(folder / "size.npy", size.reshape(shape))
    return folder
