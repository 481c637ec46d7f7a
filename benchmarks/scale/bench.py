"""A cohort several times larger than memory: maps of every subject and a chapter on their summary, under a limit.

    python benchmarks/scale/bench.py [--output FILE] [--quick] [--folder DIR]

Every process is started with RLIMIT_AS (`ulimit -v`), so what does not fit fails. The subjects are simulated: planted
kurtosis by region, one image at a time. The second part times four subjects with one worker and with two, and one subject of
a slower method (posterior of cell size) in one process, in two, and with a Dask scheduler and two workers on this
machine, in turn; the best of the rounds counts. Costs per voxel, per byte and per
subject follow from that and are stored; the page "Scale" of the book extrapolates from them. Writes JSON.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from distributed import LocalCluster

from compendium.diffusion.models import find_model, predict
from compendium.diffusion.protocols import published_protocols

LIMIT = 1_500_000_000  # bytes of address space that each process gets
SHAPE, QUICK_SHAPE = (128, 128, 64), (32, 32, 8)
SUBJECTS, QUICK_SUBJECTS = 32, 4
B_VALUES = np.repeat([0, 200, 500, 1000, 1500, 2000], 8)  # s/mm²; 48 volumes
CHAPTER = "nocera2025/02"
SAMPLES = 3  # regions of each subject with histology
SLOPE = 2000.0  # planted: cells/mm² per unit of kurtosis
ROUNDS = 3
BLOCKS = 20  # slices of the subject that is shared out


def main() -> None:
    """Run the parts and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file for the JSON (default: standard output)")
    parser.add_argument("--folder", type=Path, help="where images and maps go for the time being")
    parser.add_argument("--quick", action="store_true", help="a small cohort, for a test that it runs")
    parser.add_argument(
        "--note", default="", help="what a reader of the times should know, such as other work on the machine"
    )
    parser.add_argument(
        "--scaling-of",
        type=Path,
        help="a file of an earlier run, of which only the second part is made again",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.scaling_of:
            stored = json.loads(options.scaling_of.read_text(encoding="utf-8"))
            (Path(folder) / "p.bval").write_text(" ".join(map(str, B_VALUES)))
            made = {**stored, "scaling": measure_scaling(Path(folder), SHAPE, ROUNDS)}
        else:
            made = measure(Path(folder), options.quick)
        text = json.dumps({**made, "note": options.note}, indent=1) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def measure(folder: Path, quick: bool) -> dict:
    """Return what the cohort took, what it gave back, and how it scales."""
    shape = QUICK_SHAPE if quick else SHAPE
    subjects = QUICK_SUBJECTS if quick else SUBJECTS
    (folder / "p.bval").write_text(" ".join(map(str, B_VALUES)))
    kurtosis = np.random.default_rng(1).uniform(0.5, 1.5, size=(subjects, SAMPLES))
    rows, image_bytes, voxels = [], 0, 0
    for number in range(subjects):
        write_subject(folder, number, shape, kurtosis[number])
        image_bytes += (folder / "dwi.nii").stat().st_size
        took = run_maps(folder, folder / "maps")
        voxels += took.pop("voxels")
        rows.append({**took, "k": read_regions(folder / "maps")})
        print(f"subject {number + 1} of {subjects}: {took['seconds']:.1f} s", file=sys.stderr, flush=True)
    found = np.array([row["k"] for row in rows])
    return {
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "limit_bytes": LIMIT,
        "subjects": subjects,
        "shape": [*shape, len(B_VALUES)],
        "image_bytes": image_bytes,
        "voxels_fitted": voxels,
        "maps": {
            "seconds": sum(row["seconds"] for row in rows),
            "cpu_seconds": sum(row["cpu_seconds"] for row in rows),
            "peak_rss_bytes": max(row["peak_rss_bytes"] for row in rows),
            "largest_error_of_k": float(np.abs(found - kurtosis).max()),
        },
        "chapter": run_chapter(folder, found, kurtosis),
        "scaling": measure_scaling(folder, shape, 2 if quick else ROUNDS),
    }


def write_subject(folder: Path, number: int, shape: tuple[int, int, int], kurtosis: np.ndarray) -> None:
    """Write the diffusion image and the mask of a subject, slice by slice: three slabs with a kurtosis each."""
    rng = np.random.default_rng([7, number])
    b = B_VALUES / 1000.0
    slab = np.minimum(np.arange(shape[0]) * SAMPLES // shape[0], SAMPLES - 1)
    adc = 1.0
    signal = 1000 * np.exp(-b[None] * adc + kurtosis[:, None] * (b[None] * adc) ** 2 / 6)
    noise = rng.normal(scale=10, size=(shape[0], shape[1], len(b))).astype(np.float32)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    mask = (grid**2).sum(axis=0) < 0.62  # about a quarter of the box, as a head fills it
    image = np.lib.format.open_memmap(folder / "raw.npy", mode="w+", dtype=np.float32, shape=(*shape, len(b)))
    for z in range(shape[2]):
        image[:, :, z] = signal[slab][:, None] + np.roll(noise, 17 * z, axis=1)
    nib.save(nib.Nifti1Image(image, np.diag([2.0, 2.0, 2.0, 1.0])), folder / "dwi.nii")
    del image
    (folder / "raw.npy").unlink()
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), np.diag([2.0, 2.0, 2.0, 1.0])), folder / "mask.nii.gz")


def run_limited(*arguments: str, environment: dict[str, str] | None = None) -> dict:
    """Run a verb with a limited address space; return wall and CPU seconds and the peak of its memory."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [sys.executable, "-m", "compendium", *arguments],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **(environment or {})},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed under the limit: {errors[-800:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": cpu,
        "peak_rss_bytes": 1024 * after.ru_maxrss,
    }


def run_maps(folder: Path, out: Path, *options: str) -> dict:
    """Make kurtosis maps of the subject at hand."""
    took = run_limited(
        "maps", "kurtosis", "--dwi", str(folder / "dwi.nii"), "--protocol", str(folder / "p.bval"),
        "--mask", str(folder / "mask.nii.gz"), "-o", str(out), *(options or ("-j", "1")),
    )  # fmt: skip
    return {**took, "voxels": int((np.asarray(nib.load(folder / "mask.nii.gz").dataobj) > 0).sum())}


def read_regions(out: Path) -> list[float]:
    """Return the median kurtosis of each slab, read slab by slab."""
    volume = nib.load(out / "dwi_AKC.nii.gz")
    values = np.asarray(volume.dataobj, dtype=np.float32)
    edges = [round(k * values.shape[0] / SAMPLES) for k in range(SAMPLES + 1)]
    inner = [(a + 2, b - 2) for a, b in pairwise(edges)]
    return [float(np.nanmedian(values[a:b])) for a, b in inner]


def run_chapter(folder: Path, found: np.ndarray, planted: np.ndarray) -> dict:
    """Run a chapter on the cohort's summary, with histology planted on the true kurtosis."""
    rng = np.random.default_rng(3)
    subjects, samples = np.indices(found.shape).reshape(2, -1)
    level = rng.normal(scale=200, size=len(found))
    table = pd.DataFrame(
        {
            "sample": [f"S{i}-{j}" for i, j in zip(subjects, samples, strict=True)],
            "patient": [f"P{i}" for i in subjects],
            "group": ["first" if i % 2 else "second" for i in subjects],
            "histology": 500
            + SLOPE * planted.ravel()
            + level[subjects]
            + rng.normal(scale=100, size=planted.size),
            "imaging_kurtosis": found.ravel(),
        }
    )
    table.to_csv(folder / "samples.csv", index=False)
    build = folder / "build"
    took = run_limited(
        "run", CHAPTER, "-i", f"samples={folder / 'samples.csv'}", "--name", "cohort",
        environment={"COMPENDIUM_BUILD": str(build)},
    )  # fmt: skip
    results = json.loads(next((build / "runs" / "cohort" / "results").rglob("*.json")).read_text())["results"]
    slope = {end: results[f"kurtosis.whole.table.within{end}"]["value"] for end in ("", ".lower", ".upper")}
    return {
        **took, "rows": len(table), "planted_slope": SLOPE, "slope": slope[""],
        "slope_lower": slope[".lower"], "slope_upper": slope[".upper"],
    }  # fmt: skip


def measure_scaling(folder: Path, shape: tuple[int, int, int], rounds: int) -> dict:
    """Time subjects handed out whole, and one subject of a slower method shared out, with one worker and with two."""
    homes = [folder / f"home{number}" for number in range(4)]
    for number, home in enumerate(homes):
        home.mkdir()
        (home / "p.bval").write_text((folder / "p.bval").read_text())
        write_subject(home, number, shape, np.array([0.8, 1.0, 1.2]))
    cohort: dict[str, list[float]] = {"one worker": [], "two workers": []}
    for _ in range(rounds):
        for name, workers in zip(cohort, (1, 2), strict=True):
            began = time.perf_counter()
            with ThreadPoolExecutor(workers) as pool:  # a thread only waits for its process
                list(pool.map(lambda home: run_maps(home, home / "maps"), homes))
            cohort[name].append(time.perf_counter() - began)
    write_cell_size_subject(folder, 2_000 if shape == QUICK_SHAPE else 100_000)
    shared, same = share_out_one_subject(folder, max(1, rounds - 1))
    return {
        "cohort_subjects": len(homes),
        "cohort_seconds": {name: min(values) for name, values in cohort.items()},
        "subject_seconds": {name: min(values) for name, values in shared.items()},
        "same_bytes": same,
        "blocks": BLOCKS,
    }


def write_cell_size_subject(folder: Path, voxels: int) -> None:
    """Write an examination of restricted diffusion in spheres with the published 3 T protocol."""
    rng, scan = np.random.default_rng(3), published_protocols()["3T"]
    shape = (voxels // (BLOCKS * 50), 50, BLOCKS)
    n = int(np.prod(shape))
    truth = np.stack(
        [
            rng.uniform(10, 28, n),
            rng.uniform(1, 2.8, n),
            np.full(n, 2.5),
            rng.uniform(0.4, 0.9, n),
            np.full(n, 500.0),
        ],
        1,
    )
    signal = predict(find_model("Diff-in-ex"), truth, scan)
    image = np.hypot(signal + 5 * rng.normal(size=signal.shape), 5 * rng.normal(size=signal.shape))
    affine = np.diag([2.4, 2.4, 6.0, 1.0])
    nib.save(nib.Nifti1Image(image.reshape(*shape, -1).astype(np.float32), affine), folder / "size.nii")
    nib.save(nib.Nifti1Image(np.full(shape, 5.0, dtype=np.float32), affine), folder / "noise.nii")
    delta = np.array([s.durations_ms[0] for s in scan.shapes] + [0.0])[scan.shape]
    separation = np.array([s.time_ms for s in scan.shapes] + [0.0])[scan.shape]
    np.savetxt(folder / "p.scheme", [scan.b_ms_um2 * 1000, delta, separation, scan.te_ms], fmt="%.6g")


def share_out_one_subject(folder: Path, rounds: int) -> tuple[dict[str, list[float]], bool]:
    """Time posterior maps with one process, two processes and a cluster of two workers, in turn; compare their bytes."""
    times: dict[str, list[float]] = {"one process": [], "two processes": [], "cluster of two": []}
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", memory_limit=0
    ) as cluster:
        ways = dict(
            zip(times, (("-j", "1"), ("-j", "2"), ("--cluster", cluster.scheduler_address)), strict=True)
        )
        for _ in range(rounds):
            for name, options in ways.items():
                took = run_limited(
                    "maps", "cell-size", "--dwi", str(folder / "size.nii"), "--protocol", str(folder / "p.scheme"),
                    "--noise", str(folder / "noise.nii"), "--model", "diff-in-ex", "--posterior", "--slices", "1",
                    "-o", str(folder / name), *options,
                )  # fmt: skip
                times[name].append(took["seconds"])
    first, *others = [
        {path.name: path.read_bytes() for path in sorted((folder / name).glob("size_*.nii.gz"))}
        for name in ways
    ]
    return times, len(first) > 5 and all(other == first for other in others)


if __name__ == "__main__":
    main()
