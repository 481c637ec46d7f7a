"""Speed and accuracy of the cell-size fits beside a plain SciPy implementation of the published procedure.

    python benchmarks/diffusion/bench.py [speed] [first] [cores] [maps] [kurtosis] [posterior] [--voxels N]

Without a name everything is measured (about four minutes). Results go to build/benchmarks/diffusion.json and, as
lines, to the terminal. Rates are voxels per CPU second of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

import numpy as np  # noqa: E402
from cases import SNR, WRONG_PRIORS, scans, tissues  # noqa: E402

PUBLISHED_RATES = {
    "ex vivo": {"Diff-in": 13.0, "Diff-in-ex": 6.2, "Diff-in-exTD": 4.5},
    "3 T": {"Diff-in": 11.0, "Diff-in-ex": 4.9, "Diff-in-exTD": 3.4},
}
"""Voxels/s/core of the public fitter, measured on two cores (AVX-512), Python 3.11."""
ORDER = {"Diff-in": [0, 1, 2], "Diff-in-ex": [0, 1, 3, 2, 4], "Diff-in-exTD": [0, 1, 4, 2, 3, 5]}
"""Our parameters in the order of published.py: L, D0[, F, D_E∞[, β]], S0."""
SIGMA, PULL, EQUAL = 1 / SNR, 0.001, 1 + 1e-6


def cpu(function, *arguments, **options):
    """Return the CPU seconds of a call and its result."""
    start = time.process_time()
    result = function(*arguments, **options)
    return time.process_time() - start, result


def speed(voxels):
    """Rates and objectives against the frozen procedure, per protocol and model."""
    import published

    from compendium.diffusion.fitting import fit_cell_size
    from compendium.diffusion.models import find_model, model_bounds

    rows = []
    for scan_name, (scan, preset) in scans().items():
        _, many = tissues("Diff-in-ex", scan, preset, 20_000, 5, sizes=(9, 32))
        truth, few = tissues("Diff-in-ex", scan, preset, voxels, 7, sizes=(9, 32))
        delta = np.array([s.durations_ms[0] for s in scan.shapes] + [0.0])[scan.shape]
        separation = np.array([s.time_ms for s in scan.shapes] + [0.0])[scan.shape]
        plain = (scan.b_ms_um2, delta, separation)
        for model, order in ORDER.items():
            bounds = model_bounds(find_model(model), preset)
            low, high = bounds[order].T
            grid = published.make_grid(model, plain, low, high)
            case = (model, plain, SIGMA, low, high, grid)
            slow, found = cpu(_fit_plainly, few, case)
            options = {"sigma": SIGMA, "bounds": bounds, "pull": PULL}
            fit_cell_size(many[:10], scan, model, **options)
            fast, _ = cpu(fit_cell_size, many, scan, model, **options)
            fit = fit_cell_size(few, scan, model, **options)
            ml_seconds, ml = cpu(fit_cell_size, many, scan, model, sigma=SIGMA, bounds=bounds)
            theirs = np.array([f for _, f in found])
            peer, ours = voxels / slow, len(many) / fast
            rows.append({
                "protocol": scan_name, "model": model, "ours": ours, "ours_ml": len(many) / ml_seconds,
                "scipy": peer, "published": PUBLISHED_RATES[scan_name][model],
                "ratio": ours / max(peer, PUBLISHED_RATES[scan_name][model]),
                "share_equal_or_lower": float(np.mean(fit.objective <= theirs * EQUAL)),
                "worst": float(np.max(fit.objective / theirs)), "converged": float(np.mean(ml.exit_code == 1)),
                "rmse_scipy": rmse([p[0] for p, _ in found], truth), "rmse_ours": rmse(fit["L"], truth),
            })  # fmt: skip
            say(rows[-1])
    return rows


def _fit_plainly(signals, case):
    import published

    return [published.fit_voxel(y, *case) for y in signals]


def rmse(sizes, truth):
    """Root mean square error of L, µm."""
    return float(np.sqrt(np.nanmean((np.asarray(sizes) - truth[:, 0]) ** 2)))


FIRST = """
import sys, time
sys.path.insert(0, {source!r})
start = time.perf_counter()
import numpy as np
from compendium.diffusion.fitting import fit_cell_size
from compendium.diffusion.protocols import published_protocols
scan = published_protocols()["3T"]
imported = time.perf_counter()
fit_cell_size(np.exp(-scan.b_ms_um2)[None], scan, "Diff-in-ex", sigma=0.03)
print(imported - start, time.perf_counter() - imported)
"""


def first(voxels):
    """Import and first call in a new process, with the compiled code in the cache."""
    from compendium.diffusion.warm import compile_kernels

    compile_kernels()
    code = FIRST.format(source=str(HERE.parents[1] / "src"))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    imported, called = map(float, out.split())
    return say({"import_s": imported, "first_call_s": called, "total_s": imported + called})


def _fit_part(part):
    from compendium.diffusion.fitting import fit_cell_size

    scan, preset = scans()["3 T"]
    _, signals = tissues("Diff-in-ex", scan, preset, 25_000, part)
    start, used = time.perf_counter(), time.process_time()
    fit_cell_size(signals, scan, "Diff-in-exTD", sigma=SIGMA)
    return start, time.perf_counter(), time.process_time() - used


def cores(voxels):
    """Eight parts in one and in two processes, best of two.

    On a shared machine wall times say little; CPU seconds say what two processes cost each other.
    """
    from compendium.base.parallel import parallel_map

    walls, used = {1: np.inf, 2: np.inf}, {1: np.inf, 2: np.inf}
    for _ in range(2):
        for jobs in (1, 2):
            spans = list(parallel_map(_fit_part, range(8), jobs))
            walls[jobs] = min(walls[jobs], max(s[1] for s in spans) - min(s[0] for s in spans))
            used[jobs] = min(used[jobs], sum(s[2] for s in spans))
    return say({
        "one_s": walls[1], "two_s": walls[2], "gain": walls[1] / walls[2], "cpu_one_s": used[1], "cpu_two_s": used[2],
        "gain_on_free_cores": 2 * used[1] / used[2], "load": os.getloadavg()[0],
    })  # fmt: skip


MAPS = """
import resource, sys, time
limit = {limit}
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.path.insert(0, {source!r})
from compendium.maps.cell_size import run_cell_size
folder = {folder!r}
start = time.perf_counter()
run_cell_size(folder + "/dwi.nii", folder + "/p.scheme", folder + "/out", noise=folder + "/noise.nii",
              model={model!r}, posterior={posterior})
print(time.perf_counter() - start, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def maps(voxels):
    """1e5 voxels from NIfTI to maps in one process, ML under an address-space limit of 1 GB, and posterior."""
    import nibabel as nib

    scan, preset = scans()["3 T"]
    shape = (100, 100, 10)
    _, signals = tissues("Diff-in-ex", scan, preset, int(np.prod(shape)), 3)
    delta = np.array([s.durations_ms[0] for s in scan.shapes] + [0.0])[scan.shape]
    separation = np.array([s.time_ms for s in scan.shapes] + [0.0])[scan.shape]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        nib.save(
            nib.Nifti1Image(signals.reshape(*shape, -1).astype(np.float32), np.eye(4)), f"{folder}/dwi.nii"
        )
        nib.save(nib.Nifti1Image(np.full(shape, SIGMA, dtype=np.float32), np.eye(4)), f"{folder}/noise.nii")
        np.savetxt(f"{folder}/p.scheme", [scan.b_ms_um2 * 1000, delta, separation, scan.te_ms], fmt="%.6g")
        source = str(HERE.parents[1] / "src")
        for model, posterior, limit in (
            ("Diff-in", False, 10**9), ("Diff-in-ex", False, 10**9), ("Diff-in-exTD", False, 10**9),
            ("Diff-in-ex", True, 10**9), ("Diff-in-exTD", True, 10**9),
        ):  # fmt: skip
            code = MAPS.format(limit=limit, source=source, folder=folder, model=model, posterior=posterior)
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            if done.returncode:
                rows.append({"model": model, "posterior": posterior, "failed": done.stderr.splitlines()[-1]})
            else:
                wall, used, peak = map(float, done.stdout.split())
                rows.append({"model": model, "posterior": posterior, "limit_bytes": limit, "wall_s": wall,
                             "cpu_s": used, "peak_mb": peak})  # fmt: skip
            say(rows[-1])
    return rows


def kurtosis(voxels):
    """Rate beside DIPY's MSDKI and largest difference on noise-free signals."""
    from dipy.core.gradients import gradient_table
    from dipy.reconst.msdki import MeanDiffusionKurtosisModel

    from compendium.diffusion.kurtosis import fit_kurtosis, kurtosis_signal

    rng, b = np.random.default_rng(1), np.array([0, 0.4, 0.9, 1.2, 1.5])
    n = 50_000
    adc, k = rng.uniform(0.4, 2.4, n), rng.uniform(0.1, 1.5, n)
    clean = kurtosis_signal(adc, k, np.full(n, 100.0), b)
    noisy = np.hypot(clean + rng.normal(0, 2, clean.shape), rng.normal(0, 2, clean.shape))
    vectors = np.tile([1.0, 0, 0], (5, 1))
    vectors[0] = 0
    model = MeanDiffusionKurtosisModel(gradient_table(b * 1000, bvecs=vectors, b0_threshold=10))
    fit_kurtosis(noisy[:10], b)
    ours, _ = cpu(fit_kurtosis, noisy, b)
    theirs, _ = cpu(model.fit, noisy)
    fit, peer = fit_kurtosis(clean[:2000], b), model.fit(clean[:2000])
    return say({
        "ours": n / ours, "dipy": n / theirs, "worst_adc": float(np.abs(fit.adc / (peer.msd * 1000) - 1).max()),
        "worst_k": float(np.abs(fit.kurtosis - peer.msk).max()),
        "worst_adc_truth": float(np.abs(fit.adc - adc[:2000]).max()),
        "worst_k_truth": float(np.abs(fit.kurtosis - k[:2000]).max()),
    })  # fmt: skip


def posterior(voxels):
    """RMSE and coverage of the posterior mean where the prior holds, under wrong priors, and by size."""
    from compendium.diffusion.fitting import fit_cell_size
    from compendium.diffusion.models import find_model, model_bounds
    from compendium.diffusion.posterior import posterior_cell_size, prior_dominated

    rows = []
    for scan_name, (scan, preset) in scans().items():
        cases = [("prior holds", m, None) for m in ("Diff-in", "Diff-in-ex", "Diff-in-exTD")]
        cases += [(label, "Diff-in-ex", wrong) for label, wrong in WRONG_PRIORS.items()]
        for label, model, wrong in cases:
            bounds = model_bounds(find_model(model), preset)
            truth, signals = tissues(model, scan, preset, 4000, 11, wrong=wrong)
            pulled = fit_cell_size(signals, scan, model, sigma=SIGMA, bounds=bounds, pull=PULL)
            ml = fit_cell_size(signals, scan, model, sigma=SIGMA, bounds=bounds)
            seconds, got = cpu(posterior_cell_size, signals, scan, ml, SIGMA)
            inside = (got.interval["L"][:, 0] <= truth[:, 0]) & (truth[:, 0] <= got.interval["L"][:, 1])
            row = {
                "protocol": scan_name, "model": model, "truth": label, "rmse_posterior": rmse(got.mean["L"], truth),
                "rmse_published": rmse(pulled["L"], truth), "rmse_ml": rmse(ml["L"], truth),
                "coverage": float(inside.mean()), "rate": len(truth) / seconds,
                "prior_dominated": float(prior_dominated(got).mean()),
            }  # fmt: skip
            row["ratio"] = row["rmse_posterior"] / row["rmse_published"]
            if wrong is None:
                row["by_size"] = [
                    {"from": low, "to": low + 8, "coverage": float(inside[here].mean()),
                     "rmse_posterior": rmse(got.mean["L"][here], truth[here]),
                     "rmse_published": rmse(pulled["L"][here], truth[here])}
                    for low in (8, 16, 24, 32)
                    for here in [(truth[:, 0] >= low) & (truth[:, 0] < low + 8)]
                ]  # fmt: skip
            rows.append(row)
            say(row)
    return rows


def say(row):
    """Print a row and return it."""
    print(
        "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), flush=True
    )
    return row


PEERS = {"scipy": "plain SciPy, the published procedure", "published": "public fitter (stored rate)"}


def page(stored):
    """Return the results in the form of the book's page of benchmarks; times are for a thousand voxels."""
    import platform
    from datetime import UTC, datetime
    from importlib import metadata

    rows = stored["speed"]
    holds = [r for r in stored["posterior"] if r["truth"] == "prior holds"]
    wrong = [r for r in stored["posterior"] if r["truth"] != "prior holds"]
    about = (
        "Cell-size fits of a thousand voxels on one core, CPU time, with the published pull. The objective is equal or "
        f"lower than that of the SciPy procedure in at least {min(r['share_equal_or_lower'] for r in rows):.0%} of voxels. "
        f"{span(holds, 'ratio')} times the published error of cell size is left by the posterior mean where the prior holds "
        f"(95 % intervals cover {span(holds, 'coverage')}), {span(wrong, 'ratio')} times under three wrong priors (cover "
        f"{span(wrong, 'coverage')}). First call with cached code {stored['first']['first_call_s']:.1f} s; two processes take "
        f"{stored['cores']['gain']:.2f} times less wall time than one at a load of {stored['cores']['load']:.1f}. Kurtosis: "
        f"{stored['kurtosis']['ours'] / stored['kurtosis']['dipy']:.0f} times DIPY's rate, equal to "
        f"{max(stored['kurtosis']['worst_adc'], stored['kurtosis']['worst_k']):.0e}."
    )
    tasks = {f"{r['protocol']} {r['model']}": r for r in rows}
    return {
        "title": "Cell size from diffusion",
        "about": about,
        "recipe": "python benchmarks/diffusion/bench.py --output data/derived/benchmarks/diffusion.json",
        "peers": list(PEERS.values()),
        "ratios": [
            {"task": k, "title": k, "slower": {PEERS[p]: round(r["ours"] / r[p]) for p in PEERS}} for k, r in tasks.items()
        ],
        "times": [
            {"task": k, "title": k, "ours_ms": round(1e6 / r["ours"], 2), "limit_ms": None,
             "peers_ms": {PEERS[p]: round(1e6 / r[p]) for p in PEERS}, "note": f"maximum likelihood {1e6 / r['ours_ml']:.1f} ms"}
            for k, r in tasks.items()
        ],
        "date": datetime.now(UTC).date().isoformat(),
        "machine": platform.machine(),
        "threads": 1,
        "versions": {"python": platform.python_version()} | {n: metadata.version(n) for n in ("numpy", "scipy", "numba", "dipy")},
    }  # fmt: skip


def span(rows, key):
    """Return the smallest and largest value in words."""
    values = [r[key] for r in rows]
    return f"{min(values):.2f} to {max(values):.2f}"


def main():
    """Run the parts asked for and merge them into the JSON file."""
    parts = {f.__name__: f for f in (speed, first, cores, maps, kurtosis, posterior)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*parts, []], metavar="PART", help=", ".join(parts))
    parser.add_argument(
        "--voxels", type=int, default=100, help="voxels that the SciPy procedure fits per case"
    )
    parser.add_argument(
        "--output", type=Path, help="also write the form that the book shows; needs all parts once"
    )
    wanted = parser.parse_args()
    from compendium.paths import build

    target = build() / "benchmarks" / "diffusion.json"
    stored = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    for name in wanted.parts or parts:
        print(f"--- {name}")
        stored[name] = parts[name](wanted.voxels)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if wanted.output:
        wanted.output.write_text(
            json.dumps(page(stored), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
