"""Times the statistics beside R and beside plain Python, all in one run on one machine and one thread.

    python benchmarks/statistics/bench.py [--output FILE] [--tiny]

Writes the JSON that the page "Speed" shows (`compendium.site.benchmarks` says what is in it): how many times
slower R and plain Python are, then milliseconds, day and versions. Without R its column is empty. Plain Python is
given fewer repetitions where it would take minutes, and its time is scaled up. ``--tiny`` shrinks every task to
show that the benchmark runs; its numbers mean nothing.
"""
# ruff: noqa: E402 (threads are set before NumPy reads them)

import os

for _library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA"):  # before NumPy is imported; R inherits them
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import argparse
import datetime
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy
import statsmodels
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM

from compendium.statistics.auc import delong_interval
from compendium.statistics.clustered import cluster_bootstrap_correlation, one_per_cluster_spearman
from compendium.statistics.mixed import fit_random_intercept

SAMPLES = [1] * 7 + [2] * 6 + [3] * 9 + [4] * 5  # 66 samples of 27 patients, as in one of the studies
RECIPE = "python benchmarks/statistics/bench.py --output data/derived/benchmarks/statistics.json"


class Sizes(NamedTuple):
    """How large each task is, and how often plain Python repeats what is scaled up."""

    large: int = 1_000_000
    small: int = 10_000
    resamples: int = 10_000
    draws: int = 1000
    repeats: int = 7
    plain: int = 300


TINY = Sizes(2000, 200, 50, 20, 1, 5)


def main() -> None:
    """Run the tasks and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file for the JSON (default: standard output)")
    parser.add_argument("--tiny", action="store_true", help="shrink every task, for a test that it runs")
    options = parser.parse_args()
    text = json.dumps(measure(TINY if options.tiny else Sizes()), indent=1, ensure_ascii=False) + "\n"
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def tasks(sizes: Sizes) -> dict[str, tuple[str, float | None]]:
    """Title and limit in milliseconds of each task."""
    return {
        "delong_large": (f"DeLong interval, {sizes.large:_} cases".replace("_", " "), 100.0),
        "delong_small": (f"DeLong interval, {sizes.small:_} cases".replace("_", " "), None),
        "cluster_bootstrap": (
            f"Spearman, {sizes.resamples:_} resamples of 27 patients, 66 samples".replace("_", " "),
            50.0,
        ),
        "one_per_cluster": (f"Spearman, {sizes.draws} draws of one sample per patient", 5.0),
        "random_intercept": ("Random-intercept model, 66 samples of 27 patients", 5.0),
    }


def measure(sizes: Sizes) -> dict:
    """Time every task three ways."""
    rng = np.random.default_rng(1)
    cohort = make_cohort(rng)
    scores = {"small": make_scores(sizes.small, rng), "large": make_scores(sizes.large, rng)}
    ours, plain = time_ours(cohort, scores, sizes), time_plain(cohort, scores["small"], sizes)
    r = time_r(cohort, scores, sizes)
    ratios, times = [], []
    for task, (title, limit) in tasks(sizes).items():
        mine, (slow, note) = ours[task], plain.get(task, (None, "plain Python is quadratic: not measured"))
        others = {"R": r["times"].get(task), "plain Python": slow}
        ratios.append({
            "task": task, "title": title, "slower": {k: v and float(f"{v / mine:.3g}") for k, v in others.items()},
        })  # fmt: skip
        times.append({
            "task": task, "title": title, "ours_ms": float(f"{mine:.3g}"), "limit_ms": limit,
            "peers_ms": {k: v and float(f"{v:.3g}") for k, v in others.items()}, "note": note,
        })  # fmt: skip
    return {
        "title": "Statistics",
        "about": "DeLong beside pROC, the mixed model beside lme4 and statsmodels, resampling beside boot and pandas.",
        "recipe": RECIPE,
        "peers": ["R", "plain Python"],
        "ratios": ratios,
        "times": times,
        "date": datetime.date.today().isoformat(),
        "machine": platform.machine(),
        "threads": 1,
        "versions": {
            "Python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
            "pandas": pd.__version__, "statsmodels": statsmodels.__version__, **r["versions"],
        },
    }  # fmt: skip


def make_cohort(rng: np.random.Generator) -> pd.DataFrame:
    """Two correlated measurements of samples in patients."""
    patient = np.repeat(np.arange(len(SAMPLES)), SAMPLES)
    x = rng.normal(size=66) + rng.normal(size=27)[patient]
    return pd.DataFrame(
        {"x": x, "y": x + rng.normal(size=66) + rng.normal(size=27)[patient], "patient": patient}
    )


def make_scores(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Scores of two overlapping classes."""
    truth = rng.integers(0, 2, n)
    return pd.DataFrame({"truth": truth, "score": rng.normal(truth)})


def time_ours(cohort: pd.DataFrame, scores: dict[str, pd.DataFrame], sizes: Sizes) -> dict[str, float]:
    """Milliseconds of the package."""
    x, y, patient = (cohort[name].to_numpy() for name in ("x", "y", "patient"))
    few = sizes.repeats
    arrays = {name: (table.truth.to_numpy(), table.score.to_numpy()) for name, table in scores.items()}
    return {
        "delong_large": best(lambda: delong_interval(*arrays["large"]), few),
        "delong_small": best(lambda: delong_interval(*arrays["small"]), few),
        "cluster_bootstrap": best(
            lambda: cluster_bootstrap_correlation(x, y, patient, n_resamples=sizes.resamples), few
        ),
        "one_per_cluster": best(
            lambda: one_per_cluster_spearman(x, y, patient, method="draws", n_draws=sizes.draws), 5 * few
        ),
        "random_intercept": best(lambda: fit_random_intercept(y, {"x": x}, patient), 5 * few),
    }


def time_plain(cohort: pd.DataFrame, scores: pd.DataFrame, sizes: Sizes) -> dict[str, tuple[float, str]]:
    """Milliseconds of the obvious Python, scaled to the whole task, and a note that says so."""
    times = sizes.plain
    rng = np.random.default_rng(2)
    groups = [frame for _, frame in cohort.groupby("patient")]

    def bootstrap() -> None:
        for _ in range(times):
            drawn = pd.concat([groups[i] for i in rng.integers(0, 27, 27)])
            stats.spearmanr(drawn.x, drawn.y)

    def draws() -> None:
        for _ in range(times):
            drawn = cohort.groupby("patient").sample(1, random_state=int(rng.integers(1 << 30)))
            stats.spearmanr(drawn.x, drawn.y)

    def mixed() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # statsmodels warns at the boundary; only its time counts here
            MixedLM.from_formula("y ~ x", cohort, groups="patient").fit()

    scaled = f"plain Python: {times} repetitions, scaled up"
    return {
        "delong_small": (best(lambda: delong_by_cases(scores), 1), "plain Python: case by case"),
        "cluster_bootstrap": (best(bootstrap, 1) * sizes.resamples / times, scaled),
        "one_per_cluster": (best(draws, 1) * sizes.draws / times, scaled),
        "random_intercept": (best(mixed, sizes.repeats), "plain Python: statsmodels"),
    }


def delong_by_cases(scores: pd.DataFrame) -> float:
    """DeLong's variance as its formula reads: one case at a time against all of the other class."""
    up = scores.score[scores.truth == 1].to_numpy()
    down = scores.score[scores.truth == 0].to_numpy()
    v10 = [np.mean((value > down) + 0.5 * (value == down)) for value in up]
    v01 = [np.mean((up > value) + 0.5 * (up == value)) for value in down]
    return float(np.var(v10, ddof=1) / len(up) + np.var(v01, ddof=1) / len(down))


def time_r(cohort: pd.DataFrame, scores: dict[str, pd.DataFrame], sizes: Sizes) -> dict:
    """Milliseconds of R on the same data; empty without R."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return {"times": {}, "versions": {}}
    with tempfile.TemporaryDirectory() as folder:
        cohort.to_csv(Path(folder) / "cohort.csv", index=False)
        for name, table in scores.items():
            table.to_csv(Path(folder) / f"scores_{name}.csv", index=False)
        script = Path(__file__).with_name("bench.R")
        done = subprocess.run(
            [rscript, "--vanilla", str(script), folder, str(sizes.resamples), str(sizes.draws)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"bench.R must run where R is installed. Given:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def best(task, times: int) -> float:
    """Shortest of several runs, in milliseconds."""
    shortest = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        task()
        shortest = min(shortest, time.perf_counter() - start)
    return 1000 * shortest


if __name__ == "__main__":
    main()
