"""Times registration, resampling and the phantom beside SciPy and SimpleITK, and proves the memory of resampling.

    python benchmarks/registration/bench.py [--output FILE] [--quick]

CPU time of one thread, the least of a few runs, each in a process of its own. The process that resamples may not take more
memory than the limit (RLIMIT_DATA), so that finishing is the proof; its peak is read at the end. SciPy evaluates a spline in
every voxel and is given one slice, scaled up. VTK, which 3D Slicer uses, is no dependency: its values are in
``tests/peers``, its time is not here.
"""

import argparse
import datetime
import json
import multiprocessing
import os
import platform
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import scipy
import SimpleITK as sitk  # noqa: N813 - its users call it so
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import affine_transform, map_coordinates
from scipy.optimize import root
from scipy.spatial.distance import pdist

from compendium.cohorts.tumour import grow_tumour, simulate_mri
from compendium.cohorts.vessels import grow_vessels, paint_vessels
from compendium.registration import Grid, estimate_landmark_transform, estimate_thin_plate
from compendium.registration.resample import resample_volume
from compendium.registration.thin_plate import LAMBDAS

RESAMPLING_LIMIT_MS, PHANTOM_LIMIT_MS, MEMORY_LIMIT_MB = 5000, 30_000, 600
PEERS = ["SciPy", "SimpleITK"]
LANDMARKS = 24
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")


def main() -> None:
    """Run all tasks and write the JSON of the Speed page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file for the JSON (default: standard output)")
    parser.add_argument("--quick", action="store_true", help="small volumes, for a test that it runs")
    options = parser.parse_args()
    text = json.dumps(measure(options.quick), indent=1) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def measure(quick: bool) -> dict:
    """Run the tasks; return the content of the stored benchmark."""
    shape = (4, 128, 128) if quick else (20, 1024, 1024)
    plate, affine = (
        in_own_process(resampling, kind, shape, 1 if quick else 3) for kind in ("thin-plate", "affine")
    )
    rows = [
        row("resample-thin-plate", f"Thin plate of {LANDMARKS} landmarks, {size(shape)} floats resampled", plate["ms"],
            RESAMPLING_LIMIT_MS, {"SciPy": in_own_process(spline_by_scipy, shape)},
            f"sampled map off by {plate['map_um']:.2f} µm rms; peak {plate['peak_mb']:.0f} MB of {MEMORY_LIMIT_MB} allowed"),
        row("resample-affine", f"Affine map, {size(shape)} floats resampled", affine["ms"], RESAMPLING_LIMIT_MS,
            in_own_process(affine_by_peers, shape), f"through SimpleITK; peak {affine['peak_mb']:.0f} MB"),
        *[in_own_process(fitting, n) for n in (12, 30, 100)],
        in_own_process(smoothing, 30),
        in_own_process(inverting, 200 if quick else 20_000),
        row("phantom", f"Vessel tree, tumour and MRI of {size((64,) * 3 if quick else (256,) * 3)} voxels",
            in_own_process(phantom, 64 if quick else 256), PHANTOM_LIMIT_MS, {}, "no peer"),
    ]  # fmt: skip
    return {
        "title": "Registration by landmarks",
        "about": "CPU time of one thread. Resampling runs in a process that may not take more than "
                 f"{MEMORY_LIMIT_MB} MB of data; its peak with Python and all libraries was {plate['peak_mb']:.0f} MB.",
        "recipe": "python benchmarks/registration/bench.py --output data/derived/benchmarks/registration.json",
        "peers": PEERS,
        "ratios": [{"task": r["task"], "title": r["title"], "slower": {p: ratio(r, p) for p in PEERS}} for r in rows],
        "times": rows,
        "date": datetime.date.today().isoformat(), "machine": processor(), "threads": 1,
        "versions": {"Python": platform.python_version(), "NumPy": np.__version__, "SciPy": scipy.__version__,
                     "SimpleITK": sitk.Version_VersionString()},
    }  # fmt: skip


def row(task, title, ours, limit, peers, note=""):
    """One task of the Speed page."""
    rounded = {p: (None if peers.get(p) is None else round(peers[p], 3)) for p in PEERS}
    return {
        "task": task,
        "title": title,
        "ours_ms": round(ours, 3),
        "limit_ms": limit,
        "peers_ms": rounded,
        "note": note,
    }


def ratio(entry, peer):
    """Times our time, two digits."""
    theirs = entry["peers_ms"][peer]
    return None if theirs is None else float(f"{theirs / entry['ours_ms']:.2g}")


def size(shape):
    """Return the words for a volume, x × y × z."""
    return " × ".join(str(n) for n in shape[::-1])


def in_own_process(function, *arguments):
    """Call a function in a fresh process with one thread, so that its peak memory is its own."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def best_ms(function, runs=3):
    """Least CPU time of a few calls, in ms."""
    found = []
    for _ in range(runs):
        started = time.process_time()
        function()
        found.append(1000 * (time.process_time() - started))
    return min(found)


def pairs(n=LANDMARKS):
    """Landmarks of a window of 3 × 3 × 0.7 mm with a smooth warp."""
    rng = np.random.default_rng(n)
    fixed = rng.uniform(0, 1, (n, 3)) * [3000, 3000, 700]
    warp = 30 * np.column_stack(
        [np.sin(fixed[:, 1] / 600), np.cos(fixed[:, 0] / 500), np.sin(fixed[:, 0] / 700)]
    )
    return fixed, 1.01 * fixed + [40, -30, 10] + warp + rng.normal(0, 5, (n, 3))


def grids(shape):
    """Fixed and moving grid over the window."""
    step = [3000 / shape[2], 3000 / shape[1], 700 / shape[0]]
    return Grid.of(shape, step, [s / 2 for s in step])


def resampling(kind, shape, runs):
    """Time of resampling a volume of floats, its error and the peak memory of the process."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT_MB * 2**20,) * 2)
    grid = grids(shape)
    volume = np.random.default_rng(1).random(shape, dtype=np.float32)
    transform = estimate_landmark_transform(*pairs(), kind)
    errors = []
    spent = best_ms(lambda: errors.append(resample_volume(volume, grid, transform, grid).map_rms_um), runs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if peak > MEMORY_LIMIT_MB:
        raise MemoryError(f"Resampling must stay below {MEMORY_LIMIT_MB} MB. Given a peak of {peak:.0f} MB.")
    return {"ms": spent, "map_um": errors[0], "peak_mb": peak}


def scipy_spline(fixed, moving):
    """SciPy's spline of the same kernel, on centred and scaled coordinates."""
    centre, scale = fixed.mean(axis=0), pdist(fixed).mean()
    made = RBFInterpolator((fixed - centre) / scale, moving, kernel="linear", degree=1)
    return lambda points: made((points - centre) / scale)


def spline_by_scipy(shape):
    """Time of one slice by SciPy, spline in every voxel and map_coordinates, times the slices."""
    grid = grids(shape)
    volume = np.random.default_rng(1).random(shape, dtype=np.float32)
    spline = scipy_spline(*pairs())
    plane = Grid.of((1, *shape[1:]), grid.spacing_um, grid.to_points([[0, 0, shape[0] // 2]])[0])

    def one_slice():
        index = grid.to_indices(spline(plane.voxel_centres())).T[::-1]
        map_coordinates(volume, index, order=1, cval=np.nan)

    return shape[0] * best_ms(one_slice, 1)


def affine_by_peers(shape):
    """Times of an affine map by SciPy and by SimpleITK called directly."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    grid = grids(shape)
    volume = np.random.default_rng(1).random(shape, dtype=np.float32)
    made = estimate_landmark_transform(*pairs(), "affine")
    origin = np.array(grid.origin_um)
    inner = np.linalg.inv(grid.matrix) @ made.matrix @ grid.matrix
    shift = np.linalg.solve(grid.matrix, made.matrix @ origin + made.offset_um - origin)
    there = {"SciPy": best_ms(lambda: affine_transform(volume, inner[::-1, ::-1], shift[::-1], order=1), 2)}
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing(grid.spacing_um)
    image.SetOrigin(grid.origin_um)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(made.matrix.ravel().tolist())
    transform.SetTranslation(made.offset_um.tolist())
    there["SimpleITK"] = best_ms(
        lambda: sitk.GetArrayFromImage(sitk.Resample(image, image, transform, sitk.sitkLinear))
    )
    return there


def fitting(n):
    """Time of an exact thin plate with its guards, and of SciPy's without."""
    fixed, moving = pairs(n)
    ours = best_ms(lambda: [estimate_thin_plate(fixed, moving) for _ in range(20)]) / 20
    theirs = best_ms(lambda: [scipy_spline(fixed, moving) for _ in range(20)]) / 20
    note = "with guards and leave-one-out errors; the peer has neither"
    return row(f"fit-{n}", f"Thin plate fitted to {n} landmarks", ours, None, {"SciPy": theirs}, note)


def smoothing(n):
    """Time of choosing λ by leave-one-out: in closed form here, by refitting there."""
    fixed, moving = pairs(n)
    ours = best_ms(lambda: estimate_thin_plate(fixed, moving, smoothing="leave-one-out"))
    centre, scale = fixed.mean(axis=0), pdist(fixed).mean()
    x = (fixed - centre) / scale

    def refit():
        for value in LAMBDAS:
            for i in range(n):
                keep = np.arange(n) != i
                RBFInterpolator(x[keep], moving[keep], kernel="linear", degree=1, smoothing=value)(
                    x[i : i + 1]
                )

    title = f"Smoothing of {n} landmarks chosen by leave-one-out"
    return row(
        "smoothing",
        title,
        ours,
        None,
        {"SciPy": best_ms(refit, 1)},
        "the peer refits for each landmark and λ",
    )


def inverting(points):
    """Time of inverting a thin plate at points; SciPy's root finder takes them one by one."""
    fixed, moving = pairs()
    there = np.random.default_rng(2).uniform(0, 1, (points, 3)) * [3000, 3000, 700]
    inverse = estimate_thin_plate(fixed, moving).inverse()
    ours = best_ms(lambda: inverse.apply(there))
    spline, some = scipy_spline(fixed, moving), there[:20]
    theirs = (
        best_ms(lambda: [root(lambda x, y=y: spline(x[None])[0] - y, y) for y in some], 1)
        * points
        / len(some)
    )
    return row(
        "inverse",
        f"Inverse of a thin plate at {points:,} points",
        ours,
        None,
        {"SciPy": theirs},
        "the peer from a sample",
    )


def phantom(n):
    """Time of a vessel tree, a tumour and both MR images in a cube of 4 µm voxels."""

    def make(edge):
        tree = grow_vessels(1, (4.0 * edge,) * 3)
        painted = paint_vessels(tree, (edge,) * 3, 4.0)
        density = grow_tumour(1, (edge,) * 3, 4.0, radius_um=1.2 * edge, edge_um=0.5 * edge,
                              vessel_distance_um=painted.distance_um)  # fmt: skip
        simulate_mri(density, painted.fraction(), painted.is_vein, 4.0)

    make(32)  # compiles
    return best_ms(lambda: make(n), 1)


def processor():
    """Return the type of the processor, nothing else about the machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


if __name__ == "__main__":
    main()
