"""What do the usual analyses of biopsies see when patients differ and the needle misses? A grid with known truth.

Every cell draws cohorts of 13 patients and 34 samples (`compendium.cohorts.nocera`) at one share of variance
between patients and one targeting error, analyses each in five ways, and counts bias, coverage and power. The
stored grid in `data/derived/nocera2025` is made by

    python -m compendium.cohorts.nocera_grid data/derived/nocera2025

and takes a few minutes. Every cohort has its own seed, so any part can be recomputed alone.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from compendium.cohorts.nocera import simulate_biopsies
from compendium.cohorts.nocera_illustration import SIZES
from compendium.statistics.clustered import cluster_bootstrap_correlation, one_per_cluster_spearman
from compendium.statistics.correlation import spearman
from compendium.statistics.mixed import fit_random_intercept, fit_within_between

SEED, REPEATS, STORED = 20250529, 400, 3
ICCS = (0.0, 0.3, 0.6, 0.9)
ERRORS_MM = (0.0, 2.0, 4.0, 8.0)
SLOPES = ((0.0, 0.0), (0.45, 0.45), (0.0, 0.6))  # within and between patients
RESAMPLES, DRAWS = 1000, 500
METHODS = ("samples_rho", "bootstrap_rho", "iterated_rho", "mixed_slope", "within_slope")


def cells() -> list[tuple[int, float, float, float, float]]:
    """Number, share between patients, targeting error in mm, slope within and between, of every cell.

    Examples
    --------
    >>> len(cells()), cells()[0]
    (48, (0, 0.0, 0.0, 0.0, 0.0))
    """
    settings = [(icc, error, *slopes) for slopes in SLOPES for icc in ICCS for error in ERRORS_MM]
    return [(i, *setting) for i, setting in enumerate(settings)]


def true_value(method: str, icc: float, within: float, between: float) -> float:
    """What a method should find on the tissue itself: the slope within, or Spearman's ρ of all tissue.

    Histology has variance 1, so that the pooled correlation is the slope averaged over both levels.

    Examples
    --------
    >>> true_value("mixed_slope", 0.3, 0.0, 0.6), round(true_value("samples_rho", 0.3, 0.45, 0.45), 3)
    (0.0, 0.433)
    """
    pooled = icc * between + (1 - icc) * within
    return within if method.endswith("slope") else float(6 / np.pi * np.arcsin(pooled / 2))


def analyse_repeat(
    cell: int, icc: float, error_mm: float, within: float, between: float, repeat: int
) -> pd.DataFrame:
    """Draw one cohort and analyse it in five ways.

    Returns
    -------
    DataFrame, one row per method
        cell, repeat, method, estimate, lower, upper. For ``iterated_rho`` the limits are the central 95 % of the
        draws, as a histogram of them shows; for ``samples_rho`` samples count as independent.
    """
    seed = [SEED, cell, repeat]
    table = simulate_biopsies(
        SIZES[:13], slope_within=within, slope_between=between, icc_x=icc, icc_y=icc,
        residual_sd=float(np.sqrt(1 - icc * between**2 - (1 - icc) * within**2)), targeting_mm=error_mm, seed=seed,
    )  # fmt: skip
    x, y, patient = table["imaging_map"], table["histology"], table["patient"]
    number = int(np.random.default_rng([*seed, 1]).integers(2**31))
    pooled = spearman(x, y)
    boot = cluster_bootstrap_correlation(x, y, patient, n_resamples=RESAMPLES, seed=number).interval
    drawn = one_per_cluster_spearman(x, y, patient, method="draws", n_draws=DRAWS, seed=number)
    mixed = fit_random_intercept(y, {"x": x}, patient).test("x").interval
    inside = fit_within_between(y, x, patient)[0].test("within").interval
    assert mixed is not None
    assert inside is not None
    found = {
        "samples_rho": (pooled.r, pooled.lower, pooled.upper),
        "bootstrap_rho": (boot.estimate, boot.lower, boot.upper),
        "iterated_rho": (drawn.mean, *np.quantile(drawn.draws, [0.025, 0.975])),
        "mixed_slope": (mixed.estimate, mixed.lower, mixed.upper),
        "within_slope": (inside.estimate, inside.lower, inside.upper),
    }
    rows = [(cell, repeat, method, *map(float, found[method])) for method in METHODS]
    return pd.DataFrame(rows, columns=["cell", "repeat", "method", "estimate", "lower", "upper"])


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Bias, coverage and power per cell and method; coverage and power in percent."""
    settings = {number: setting for number, *setting in cells()}
    rows = []
    for (cell, method), part in results.groupby(["cell", "method"], sort=False):
        icc, error, within, between = settings[cell]
        truth = true_value(str(method), icc, within, between)
        covered = (part["lower"] <= truth) & (truth <= part["upper"])
        found = (part["lower"] > 0) | (part["upper"] < 0)
        rows.append(
            {"cell": cell, "icc": icc, "targeting_mm": error, "slope_within": within, "slope_between": between,
             "method": method, "truth": truth, "mean": part["estimate"].mean(),
             "bias": part["estimate"].mean() - truth, "sd": part["estimate"].std(),
             "coverage": 100 * covered.mean(), "power": 100 * found.mean(), "repeats": len(part)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def run_grid(repeats: Iterable[int], only: Iterable[int] | None = None) -> pd.DataFrame:
    """Results of the given repeats in all cells, or in some of them."""
    chosen = None if only is None else set(only)
    parts = [
        analyse_repeat(*cell, repeat)
        for cell in cells()
        if chosen is None or cell[0] in chosen
        for repeat in repeats
    ]
    return pd.concat(parts, ignore_index=True)


def write_grid(folder: Path) -> None:
    """Write the summary, the first repeats of every cell, and a recipe with seed and checksums."""
    results = run_grid(range(REPEATS))
    folder.mkdir(parents=True, exist_ok=True)
    files = {"grid.csv": summarise(results), "grid_first.csv": results[results["repeat"] < STORED]}
    for name, frame in files.items():
        frame.to_csv(folder / name, index=False, float_format="%.6g", lineterminator="\n")
    recipe = {
        "recipe": "python -m compendium.cohorts.nocera_grid data/derived/nocera2025", "seed": SEED,
        "repeats": REPEATS, "patients": 13, "samples": int(SIZES[:13].sum()), "bootstrap resamples": RESAMPLES,
        "draws of one sample per patient": DRAWS, "diameter_mm": 5.0, "correlation_length_mm": 5.0,
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
    }  # fmt: skip
    (folder / "grid.json").write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_grid(Path(sys.argv[1]))
