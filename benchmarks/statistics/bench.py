"""Times the statistics beside R and beside plain Python, all in one run on one machine and one thread.

    python benchmarks/statistics/bench.py [--output FILE] [--quick]

Writes JSON: for each task our milliseconds, the target, the milliseconds of R (null without R) and of plain
Python, and how many times slower each is than ours. Only the ratios travel between machines. ``measured`` is
the number of repetitions that plain Python was given; its time is scaled up to the whole task.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM

from compendium.statistics.auc import delong_interval
from compendium.statistics.clustered import cluster_bootstrap_correlation, one_per_cluster_spearman
from compendium.statistics.mixed import fit_random_intercept

SIZES = [1] * 7 + [2] * 6 + [3] * 9 + [4] * 5  # 66 samples of 27 patients, as in one of the studies
TASKS = {
    "delong_1000000": ("DeLong interval, 1 000 000 cases", 100.0),
    "delong_10000": ("DeLong interval, 10 000 cases", None),
    "cluster_bootstrap": ("Spearman, 10 000 resamples of 27 patients (66 samples)", 50.0),
    "one_per_cluster": ("Spearman, 1000 draws of one sample per patient", 5.0),
    "random_intercept": ("Random-intercept model, 66 samples of 27 patients", 5.0),
}


def main() -> None:
    """Run the tasks and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file for the JSON (default: standard output)")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, for a test that it runs")
    options = parser.parse_args()
    text = json.dumps(measure(options.quick), indent=2) + "\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def measure(quick: bool) -> dict:
    """Time every task three ways."""
    rng = np.random.default_rng(1)
    cohort = make_cohort(rng)
    scores = {n: make_scores(n, rng) for n in (10_000, 1_000_000)}
    ours, plain = time_ours(cohort, scores, quick), time_plain(cohort, scores[10_000], quick)
    r = time_r(cohort, scores)
    rows = []
    for key, (title, target) in TASKS.items():
        mine, other = ours[key], r["times"].get(key)
        slow, measured = plain.get(key, (None, None))
        rows.append({
            "task": key, "title": title, "target_ms": target, "ours_ms": round(mine, 4),
            "within_target": None if target is None else mine < target,
            "r_ms": other, "r_over_ours": other and round(other / mine, 1),
            "plain_ms": slow and round(slow, 2), "plain_over_ours": slow and round(slow / mine, 1),
            "measured": measured,
        })  # fmt: skip
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    return {"tasks": rows, "versions": versions | r["versions"], "machine": platform.machine()}


def make_cohort(rng: np.random.Generator) -> pd.DataFrame:
    """Two correlated measurements of samples in patients."""
    patient = np.repeat(np.arange(len(SIZES)), SIZES)
    x = rng.normal(size=66) + rng.normal(size=27)[patient]
    return pd.DataFrame(
        {"x": x, "y": x + rng.normal(size=66) + rng.normal(size=27)[patient], "patient": patient}
    )


def make_scores(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Scores of two overlapping classes."""
    truth = rng.integers(0, 2, n)
    return pd.DataFrame({"truth": truth, "score": rng.normal(truth)})


def time_ours(cohort: pd.DataFrame, scores: dict[int, pd.DataFrame], quick: bool) -> dict[str, float]:
    """Milliseconds of the package."""
    x, y, patient = (cohort[name].to_numpy() for name in ("x", "y", "patient"))
    few = 1 if quick else 7
    arrays = {n: (table.truth.to_numpy(), table.score.to_numpy()) for n, table in scores.items()}
    return {
        "delong_1000000": best(lambda: delong_interval(*arrays[1_000_000]), few),
        "delong_10000": best(lambda: delong_interval(*arrays[10_000]), few),
        "cluster_bootstrap": best(
            lambda: cluster_bootstrap_correlation(x, y, patient, n_resamples=10_000), few
        ),
        "one_per_cluster": best(lambda: one_per_cluster_spearman(x, y, patient, method="draws"), 5 * few),
        "random_intercept": best(lambda: fit_random_intercept(y, {"x": x}, patient), 5 * few),
    }


def time_plain(cohort: pd.DataFrame, scores: pd.DataFrame, quick: bool) -> dict[str, tuple[float, int]]:
    """Milliseconds of the obvious Python, scaled to the whole task, and the repetitions measured."""
    times = 20 if quick else 300
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
            warnings.simplefilter(
                "ignore"
            )  # statsmodels warns at the boundary; only its time is of interest here
            MixedLM.from_formula("y ~ x", cohort, groups="patient").fit()

    return {
        "delong_10000": (best(lambda: delong_by_cases(scores), 1), 1),
        "cluster_bootstrap": (best(bootstrap, 1) * 10_000 / times, times),
        "one_per_cluster": (best(draws, 1) * 1000 / times, times),
        "random_intercept": (best(mixed, 1 if quick else 5), 1),
    }


def delong_by_cases(scores: pd.DataFrame) -> float:
    """DeLong's variance as its formula reads: one case at a time against all of the other class."""
    up = scores.score[scores.truth == 1].to_numpy()
    down = scores.score[scores.truth == 0].to_numpy()
    v10 = [np.mean((value > down) + 0.5 * (value == down)) for value in up]
    v01 = [np.mean((up > value) + 0.5 * (up == value)) for value in down]
    return float(np.var(v10, ddof=1) / len(up) + np.var(v01, ddof=1) / len(down))


def time_r(cohort: pd.DataFrame, scores: dict[int, pd.DataFrame]) -> dict:
    """Milliseconds of R on the same data; empty without R."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return {"times": {}, "versions": {}}
    with tempfile.TemporaryDirectory() as folder:
        cohort.to_csv(Path(folder) / "cohort.csv", index=False)
        for n, table in scores.items():
            table.to_csv(Path(folder) / f"scores_{n}.csv", index=False)
        script = Path(__file__).with_name("bench.R")
        done = subprocess.run(
            [rscript, "--vanilla", str(script), folder], capture_output=True, text=True, check=False
        )
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
