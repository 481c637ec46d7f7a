"""Speed of the random walk in permeable spheres: ten million walker-steps, CPU time of one core.

    python benchmarks/montecarlo/bench.py [--output data/derived/benchmarks/montecarlo.json]

The plain NumPy walker is timed here. The published simulator (MC/DC 1.50, C++) and dmipy-sim (JAX on the CPU) were
timed once on a machine of the same kind, with spheres on a cubic lattice, 3.7e6 (impermeable), 3.6e6 (κ = 25 µm/s)
and 1.2e6 (permeable) walker-steps/s/core; these rates are stored, not measured again.
"""

import argparse
import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numba
import numpy as np
from plain import walk_plain

from compendium.diffusion.montecarlo import simulate_displacement, simulate_signal
from compendium.diffusion.montecarlo_tissue import Tissue, largest_step
from compendium.diffusion.protocols import pgse_protocol

STEPS = 1e7  # walker-steps of a task
GATE, AIM = 4e7, 7e7  # walker-steps/s/core
PLAIN, MCDC, DMIPY = "plain NumPy", "MC/DC 1.50 (stored rate)", "dmipy-sim (stored rate)"
RECORDED = {MCDC: {"closed": 3.7e6, "permeable": 3.6e6}, DMIPY: {"permeable": 1.2e6}}
REPEATS = 5
SCAN = pgse_protocol(np.linspace(0.1, 2.8, 10), 10, 30)
MANY = pgse_protocol(np.linspace(0.1, 2.8, 500), 10, 30)
TASKS = {  # title, tissue, where walkers start
    "closed": ("closed spheres of 16 µm, ten b-values", Tissue(16, 0.4, 2.0, 2.0), "inside"),
    "permeable": ("spheres of 16 µm, F = 0.4, κ = 25 µm/s, ten b-values", Tissue(16, 0.4, 2.0, 2.0, 25), "everywhere"),
    "small": ("spheres of 8 µm, F = 0.52, κ = 50 µm/s", Tissue(8, 0.523, 1.5, 2.5, 50), "everywhere"),
    "dense": ("face-centred lattice, 16 µm, F = 0.7, κ = 25 µm/s", Tissue(16, 0.7, 1.5, 2.5, 25, "fcc"), "everywhere"),
    "outside": ("outside closed spheres of 16 µm, F = 0.4", Tissue(16, 0.4, 2.0, 2.0), "outside"),
}  # fmt: skip
ACCURACY = 0.1  # hundreds to thousands of steps per walker: the walk, not the start of it, is timed


def rate(tissue, start):
    """Walker-steps per second of CPU time, the best of some repeats."""
    per_walker = simulate_signal(tissue, SCAN, 8, start=start, accuracy=ACCURACY).steps / 8
    walkers = max(int(STEPS / per_walker), 8)
    best = np.inf
    for seed in range(REPEATS):
        begin = time.process_time()
        got = simulate_signal(tissue, SCAN, walkers, seed, start=start, accuracy=ACCURACY)
        best = min(best, (time.process_time() - begin) / got.steps)
    return 1 / best


def rate_plain():
    """The same for the plain walker."""
    tissue = TASKS["permeable"][1]
    dt, walkers, steps = largest_step(tissue, ACCURACY), 20_000, 40
    best = np.inf
    for seed in range(3):
        begin = time.process_time()
        walk_plain(16, tissue.spacing_um, 2.0, 2.0, tissue.permeability, dt, steps, walkers, seed)
        best = min(best, time.process_time() - begin)
    return walkers * steps / best


def measure_threads():
    """Wall time with one thread over that with two, the best of some repeats of each."""
    tissue, best = TASKS["permeable"][1], {1: np.inf, 2: np.inf}
    for seed in range(2 * REPEATS):
        for threads in best:
            begin = time.perf_counter()
            simulate_displacement(
                tissue, [300.0], 8000, seed, start="everywhere", accuracy=ACCURACY, threads=threads
            )
            best[threads] = min(best[threads], time.perf_counter() - begin)
    return best[1] / best[2]


def measure():
    """All rates, the plain walker's, the speed-up of two threads, and the price of b-values."""
    rates = {key: rate(tissue, start) for key, (_title, tissue, start) in TASKS.items()}
    tissue = TASKS["permeable"][1]
    spent = []
    for scan in (SCAN, MANY):
        begin = time.process_time()
        simulate_signal(tissue, scan, 2000, accuracy=0.02)
        spent.append(time.process_time() - begin)
    return rates, rate_plain(), measure_threads(), spent[1] / spent[0]


def report(rates, plain, speedup, price):
    """The stored form that the page of benchmarks reads."""
    peers = [PLAIN, *RECORDED]
    ratios, times = [], []
    for key, (title, *_rest) in TASKS.items():
        others = {name: stored.get(key) for name, stored in RECORDED.items()}
        others[PLAIN] = plain if key in ("closed", "permeable") else None
        slower = {p: others[p] and round(rates[key] / others[p], 2) for p in peers}
        spent = {p: others[p] and round(1e3 * STEPS / others[p], 1) for p in peers}
        note = f"{rates[key] / 1e6:.0f} million steps/s/core" + (
            "; aim of 70 met" if rates[key] >= AIM else ""
        )
        ratios.append({"task": key, "title": title, "slower": slower})
        times.append({
            "task": key, "title": title, "ours_ms": round(1e3 * STEPS / rates[key], 2),
            "limit_ms": round(1e3 * STEPS / GATE, 2), "peers_ms": spent, "note": note,
        })  # fmt: skip
    load = os.getloadavg()[0]
    return {
        "title": "Random walks in permeable spheres",
        "about": "Ten million walker-steps, CPU time of one core; the limit is 40 million steps per second, the aim 70. "
        f"Two threads took {speedup:.2f} times less wall time than one, with a load of {load:.1f} on {os.cpu_count()} "
        f"cores. 500 b-values instead of ten cost {price:.2f} times the CPU time of a walk of several thousand steps.",
        "recipe": "python benchmarks/montecarlo/bench.py --output data/derived/benchmarks/montecarlo.json",
        "peers": peers, "ratios": ratios, "times": times, "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(), "threads": 1, "two_threads": round(speedup, 3), "load": round(load, 2),
        "versions": {"Python": platform.python_version(), "numpy": np.__version__, "numba": numba.__version__},
    }  # fmt: skip


def machine():
    """Model name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("data/derived/benchmarks/montecarlo.json"))
    given = parser.parse_args()
    found = report(*measure())
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print("\n".join(f"{row['title']}: {row['note']}" for row in found["times"]))
    print(found["about"])
