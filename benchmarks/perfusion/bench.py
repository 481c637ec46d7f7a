"""Times the perfusion maps of a whole brain, beside a fit per voxel with SciPy and beside the batched code's own limit.

    python benchmarks/perfusion/bench.py [--output FILE] [--quick] [--jobs N]

About 240 000 voxels with 60 volumes of each sequence, from NIfTI to maps, sidecars and page, in a process of its own
whose peak memory is read at the end. Writes JSON. ``limit``: a logarithm and an exponential per point and step, vectorised,
on the same machine: no gamma-variate fit of as many steps can be faster. SciPy is given a sample and its time is scaled
up. Only ratios travel between machines.
"""

import argparse
import json
import math
import multiprocessing
import os
import platform
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import nibabel as nib
import numpy as np
import scipy
from scipy.optimize import curve_fit

from compendium.cohorts.dsc import Protocol
from compendium.cohorts.dsc_brain import simulate_brain
from compendium.maps.perfusion import run_perfusion
from compendium.perfusion.gamma import fit_gamma_variates, gamma_variate

TARGET_SECONDS, TARGET_GIB = 120.0, 4.0
PEER, VOLUMES = "SciPy per voxel", 60
SHAPE = (106, 120, 29)  # 29 slices as in the study; some 240 000 voxels inside the head


def main() -> None:
    """Run the parts and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file for the JSON (default: standard output)")
    parser.add_argument("--quick", action="store_true", help="a small brain, for a test that it runs")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    text = json.dumps(measure(options.quick, options.jobs), indent=2) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def measure(quick: bool, jobs: int) -> dict:
    """Time the maps and the fits."""
    with tempfile.TemporaryDirectory() as folder:
        voxels = in_own_process(write_brain, (32, 36, 3) if quick else SHAPE, folder)
        maps = in_own_process(make_maps, folder, jobs)
    fits = time_fits(2_000 if quick else 40_000, 5 if quick else 150)
    rows = [
        {
            "task": "whole-brain", "title": f"Maps of {voxels:,} voxels, {VOLUMES} volumes of two sequences, files to files",
            "ours_ms": 1000 * maps["seconds"], "limit_ms": 1000 * TARGET_SECONDS, "peers_ms": {PEER: None},
            "note": f"{jobs} processes, {maps['cpu_seconds']:.0f} s of CPU; peak {maps['peak_gib']:.2f} GiB, limit {TARGET_GIB:g} GiB",
        },
        {
            "task": "gamma-variate", "title": "One gamma-variate fit of 21 points",
            "ours_ms": fits["ours_us"] / 1000, "limit_ms": None, "peers_ms": {PEER: fits["scipy_us"] / 1000},
            "note": f"{fits['ours_worse']} of {fits['sample']} fits end higher than SciPy's, {fits['scipy_failed']} of SciPy's fail; the "
            f"arithmetic that no such fit avoids takes {fits['limit_us'] / 1000:.3g} ms",
        },
    ]  # fmt: skip
    return {
        "title": "Perfusion", "about": "A simulated whole brain from NIfTI to maps, sidecars and page; and one fit.",
        "recipe": "python benchmarks/perfusion/bench.py --output data/derived/benchmarks/perfusion.json", "peers": [PEER],
        "ratios": [{"task": row["task"], "title": row["title"], "slower": _slower(row)} for row in rows], "times": rows,
        "date": datetime.now(UTC).date().isoformat(), "machine": platform.processor() or platform.machine(), "threads": jobs,
        "versions": {"Python": platform.python_version(), "NumPy": np.__version__, "SciPy": scipy.__version__},
    }  # fmt: skip


def _slower(row: dict) -> dict:
    theirs = row["peers_ms"][PEER]
    return {PEER: None if theirs is None else round(theirs / row["ours_ms"], 1)}


def in_own_process(function, *arguments):
    """Call a function in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def write_brain(shape, folder) -> int:
    """Write a simulated examination; return its number of voxels."""
    brain = simulate_brain(shape, Protocol(late_se_s=0.5, snr_se=60), seed=1)
    inside = brain.label != ""
    for name, values in (("ge", brain.ge), ("se", brain.se), ("mask", inside.astype(np.uint8))):
        image = nib.Nifti1Image(values, np.diag([1.8, 1.8, 4.0, 1.0]))
        if image.ndim == 4:
            image.header.set_zooms((1.8, 1.8, 4.0, 1.74))
            image.header.set_xyzt_units("mm", "sec")
        nib.save(image, Path(folder) / f"{name}.nii")
    return int(inside.sum())


def make_maps(folder, jobs) -> dict:
    """Time the maps from files to files; peak memory of this process and of its largest child."""
    paths = {n: str(Path(folder) / f"{n}.nii") for n in ("ge", "se", "mask")}
    started, busy = time.perf_counter(), sum(os.times()[:4])
    run_perfusion(paths["ge"], paths["se"], 22, 33, 1.74, Path(folder) / "out", mask=paths["mask"], jobs=jobs)
    seconds, busy = time.perf_counter() - started, sum(os.times()[:4]) - busy
    own, child = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    peak = (own + (child * jobs if jobs > 1 else 0)) / 2**20
    return {"seconds": round(seconds, 1), "cpu_seconds": round(busy, 1), "peak_gib": round(peak, 2)}


def time_fits(curves: int, sample: int) -> dict:
    """Time the batched fit and SciPy's on the same noisy curves, and the arithmetic that the fit cannot avoid."""
    t = 1.74 * np.arange(60)
    noise = 0.4 * np.random.default_rng(1).standard_normal((curves, 60))
    values = gamma_variate(t, 12, 25, 2.8, 3) + noise
    fit_gamma_variates(t, values[:10], (1, 22))
    started = time.perf_counter()
    found = fit_gamma_variates(t, values, (1, 22))
    ours = (time.perf_counter() - started) / curves * 1e6
    started, worse, theirs_failed = time.perf_counter(), 0, 0
    for k in range(sample):
        try:
            theirs, _ = curve_fit(
                model, t[1:22], values[k, 1:22], [12, 25, 1.0, 1.1], method="lm", maxfev=4000
            )
        except RuntimeError:
            theirs_failed += 1
            continue
        worse += rss(t, values[k], found.parameters[k]) > rss(t, values[k], theirs) * (1 + 1e-4)
    scipy_us = (time.perf_counter() - started) / sample * 1e6
    return {
        "ours_us": ours, "scipy_us": scipy_us, "sample": sample, "scipy_failed": theirs_failed, "ours_worse": int(worse),
        "limit_us": exponentials(21, 12),
    }  # fmt: skip


def model(t, y, peak, log_w, log_a):
    """Gamma-variate in the parameters of the fit."""
    return gamma_variate(t, y, peak, math.exp(log_w), math.exp(log_a))


def rss(t, curve, p) -> float:
    """Residual sum of squares in the window."""
    return float(((curve - model(t, *p))[1:22] ** 2).sum())


def exponentials(points: int, steps: int) -> float:
    """Microseconds for one exponential and one logarithm per point and step, vectorised: the least a fit can cost."""
    u = np.random.default_rng(2).random(200_000) + 0.5
    np.exp(np.log(u))
    started = time.perf_counter()
    for _ in range(10):
        np.exp(3 * (1 - u + np.log(u)))
    return (time.perf_counter() - started) / (10 * len(u)) * points * steps * 1e6


if __name__ == "__main__":
    main()
