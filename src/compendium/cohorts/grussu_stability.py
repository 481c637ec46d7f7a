"""What the simulated model selection of Grussu et al. 2025 rests on: noise, tissues, formalism, estimator.

The scores of many noise seeds, noise levels and conventions are stored in `data/derived/grussu2025`, made from the
stored library in about four minutes by

    python -m compendium.cohorts.grussu_stability data/derived/grussu2025
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RectBivariateSpline

from compendium.cohorts.grussu_library import EXACT_D0, EXACT_SIZES, PERMEABILITIES, Library, read_exact
from compendium.cohorts.grussu_selection import (
    CONVENTIONS,
    STRATEGIES,
    Estimates,
    add_rician_noise,
    choose_part,
    fit_setting,
    read_libraries,
    select_models,
    with_unweighted,
)  # fmt: skip
from compendium.diffusion.engine import noise_floor
from compendium.diffusion.models import PUBLISHED_BOUNDS
from compendium.diffusion.posterior import posterior_cell_size
from compendium.diffusion.selection import total_correlation
from compendium.diffusion.spheres import restricted_signal

Array = NDArray[np.float64]

SEEDS = 20
LEVELS = (
    15.0,
    60.0,
    100.0,
)  # SNR beside 30; above it the error of the stored signals is larger than the noise
POSTERIOR_MODELS = ("Diff-in", "Diff-in-ex", "Diff-in-exFast")
FINE_SIZES, FINE_D0 = np.linspace(8, 40, 129), np.linspace(0.8, 3.0, 34)


def bootstrap_tcs(
    estimates: dict[str, Estimates],
    tissues: pd.DataFrame,
    cells: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 1,
) -> Array:
    """TCS of every combination over resamples of the tissues, shape (resamples, combinations).

    Parameters
    ----------
    cells : array-like, shape (v,), optional
        Labels that are drawn as a whole (say, fraction and diameter); without it every tissue is drawn alone.
    """
    labels = None if cells is None else np.unique(np.asarray(cells), return_inverse=True)[1]
    count = len(tissues) if labels is None else int(labels.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples).astype(float)
    if labels is not None:
        drawn = np.ascontiguousarray(drawn[:, labels])  # a tissue is drawn as often as its cell
    columns = []
    for e in estimates.values():
        total = np.zeros(resamples)
        for value, name in ((e.size, "size"), (e.fraction, "fraction")):
            x, y = value - value.mean(), (tissues[name] - tissues[name].mean()).to_numpy()
            sums = drawn @ np.column_stack([np.ones_like(x), x, y, x * x, y * y, x * y])
            n, sx, sy, sxx, syy, sxy = sums.T
            with np.errstate(invalid="ignore", divide="ignore"):
                total += (sxy - sx * sy / n) / np.sqrt((sxx - sx**2 / n) * (syy - sy**2 / n))
        columns.append(total)
    return np.column_stack(columns)


def rank_intervals(names: list[str], scores: Array) -> pd.DataFrame:
    """Share of first places, mean rank and central 95 % of ranks of the columns of resampled scores.

    Examples
    --------
    >>> rank_intervals(["a", "b"], np.array([[2.0, 1.0], [3.0, 1.0]])).values.tolist()
    [['a', 100.0, 1.0, 1, 1], ['b', 0.0, 2.0, 2, 2]]
    """
    filled = np.nan_to_num(scores, nan=-np.inf)
    ranks = 1 + (filled[:, None, :] > filled[:, :, None]).sum(axis=2)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="nearest").astype(int)
    first = 100 * (ranks == 1).mean(axis=0)
    mean = ranks.mean(axis=0)
    return pd.DataFrame(
        {"combination": names, "first": first, "mean rank": mean, "best rank": low, "worst rank": high}
    )


def fit_by_table(signals: Array, atoms: Array, shape: tuple[int, int], floor: float) -> tuple[Array, Array]:
    """Diff-in by search over stored signals: diameter and f_I ∈ [0, 1] per voxel, least squares.

    Parameters
    ----------
    atoms : ndarray, shape (n, m)
        Signals over `FINE_SIZES` (slow) and `FINE_D0` up to the highest diffusivity.
    """
    clean = np.sqrt(np.clip(signals**2 - floor**2, 0, None))
    dots, norms = clean @ atoms.T, (atoms**2).sum(axis=1)
    amplitude = np.clip(dots / norms, 0, 1)
    best = np.argmin(amplitude * (amplitude * norms - 2 * dots), axis=1)
    return FINE_SIZES[best // shape[1]], amplitude[np.arange(len(signals)), best]


def compare_formalisms(folder: Path, libraries: dict[str, Library], snr: float, seed: int) -> pd.DataFrame:
    """Diff-in with the exact signal of spheres and with the Gaussian phase, the same search for both."""
    rows = []
    for number, (key, library) in enumerate(libraries.items()):
        noisy = add_rician_noise(library.signals, snr, [seed, number])
        highest = PUBLISHED_BOUNDS["exvivo" if key == "exvivo" else "invivo"]["D0"][1]
        d0 = FINE_D0[highest + 1e-9 >= FINE_D0]
        size, diffusivity = (a.ravel() for a in np.meshgrid(FINE_SIZES, d0, indexing="ij"))
        coarse = read_exact(folder, key)
        exact = np.column_stack([
            RectBivariateSpline(EXACT_SIZES, EXACT_D0, coarse[..., m])(FINE_SIZES, d0).ravel()
            for m in range(coarse.shape[-1])
        ])  # fmt: skip
        atoms = {"exact": exact, "Gaussian phase": restricted_signal(size, diffusivity, library.protocol)}
        for level in PERMEABILITIES:
            mine = (library.tissues["permeability"] == level).to_numpy()
            truth = library.tissues[mine]
            for strategy in STRATEGIES:
                keep = choose_part(library.protocol, key, strategy)
                for formalism, table in atoms.items():
                    got, share = fit_by_table(
                        noisy[mine][:, keep], table[:, keep], (len(FINE_SIZES), len(d0)), float(noise_floor(1 / snr))
                    )  # fmt: skip
                    rows.append({
                        "protocol": key, "permeability": level, "strategy": strategy, "formalism": formalism,
                        "tcs": total_correlation(got, truth["size"], share, truth["fraction"]),
                        "bias": float(np.mean(got - truth["size"])),
                        "rmse": float(np.sqrt(np.mean((got - truth["size"]) ** 2))),
                    })  # fmt: skip
    return pd.DataFrame(rows)


def compare_estimators(
    libraries: dict[str, Library], snr: float, seed: int, level: float = PERMEABILITIES[0]
) -> pd.DataFrame:
    """Errors of size and TCS of maximum likelihood and of the posterior mean under a flat prior."""
    rows = []
    for number, (key, library) in enumerate(libraries.items()):
        mine = (library.tissues["permeability"] == level).to_numpy()
        noisy, truth = add_rician_noise(library.signals, snr, [seed, number])[mine], library.tissues[mine]
        for strategy in STRATEGIES:
            keep = choose_part(library.protocol, key, strategy)
            protocol, data = with_unweighted(library.protocol.select(keep), noisy[:, keep])
            fits = fit_setting(noisy, library.protocol, key, strategy, snr, POSTERIOR_MODELS)
            for model, estimate in fits.items():
                got = posterior_cell_size(data, protocol, estimate.fit, 1 / snr)
                pairs = {
                    "likelihood": (estimate.size, estimate.fraction),
                    "posterior": (got.mean["L"], got.mean["F"]),
                }
                for estimator, (size, fraction) in pairs.items():
                    rows.append({
                        "protocol": key, "permeability": level, "strategy": strategy, "model": model,
                        "estimator": estimator, "rmse": float(np.sqrt(np.mean((size - truth["size"]) ** 2))),
                        "bias": float(np.mean(size - truth["size"])),
                        "tcs": total_correlation(size, truth["size"], fraction, truth["fraction"]),
                    })  # fmt: skip
    return pd.DataFrame(rows)


def variants() -> list[tuple[str, dict[str, object]]]:
    """Name and options of every stored draw: noise seeds first, then noise levels and conventions."""
    out: list[tuple[str, dict[str, object]]] = [("seed", {"seed": s}) for s in range(1, SEEDS + 1)]
    out += [("snr", {"snr": level}) for level in LEVELS]
    out += [(name, {"convention": name}) for name in CONVENTIONS[1:]]
    return [*out, ("floor sigma", {"floor": "sigma"}), ("no floor", {"floor": "none"})]


def write_scores(folder: Path) -> None:
    """Compute and store the scores of all variants, of the dense packings, and the two comparisons."""
    libraries = read_libraries(folder)
    parts = []
    for name, options in variants():
        scored = select_models(libraries, **options)  # type: ignore[arg-type]
        parts.append(scored.assign(variant=name, seed=options.get("seed", 1), snr=options.get("snr", 30.0)))
    dense = select_models(read_libraries(folder, dense=True))
    parts.append(dense.assign(variant="dense", seed=1, snr=30.0))
    files = {
        "scores.csv": pd.concat(parts, ignore_index=True),
        "formalisms.csv": compare_formalisms(folder, libraries, 30.0, 1),
        "estimators.csv": compare_estimators(libraries, 30.0, 1),
    }
    for name, frame in files.items():
        frame.to_csv(folder / name, index=False, float_format="%.6g", lineterminator="\n")
    recipe = {
        "recipe": "python -m compendium.cohorts.grussu_stability data/derived/grussu2025",
        "noise seeds": SEEDS, "SNR": [30.0, *LEVELS],
        "library": json.loads((folder / "library.json").read_text(encoding="utf-8"))["sha256"],
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
    }  # fmt: skip
    (folder / "scores.json").write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_scores(Path(sys.argv[1]))
