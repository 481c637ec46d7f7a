"""The simulated model selection of Grussu et al. 2025: noise, fits of five models by two strategies, three criteria."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.base.validation import check_choice
from compendium.cohorts.grussu_library import Library, read_library
from compendium.diffusion.fitting import (
    PUBLISHED_PULL,
    CellSizeFit,
    fit_cell_size,
    intracellular_fraction,
    residuals,
)  # fmt: skip
from compendium.diffusion.models import MODELS, find_model, model_bounds
from compendium.diffusion.protocols import Protocol, shaped_protocol
from compendium.diffusion.scores import score_residuals
from compendium.diffusion.selection import histology_fidelity, total_correlation

Array = NDArray[np.float64]

PROTOCOL_NAMES = ("exvivo", "3T", "1.5T")
STRATEGIES = ("whole", "high")
THRESHOLDS = {
    "whole": {"exvivo": 1.0, "3T": 0.1, "1.5T": 0.1},
    "high": {"exvivo": 1.8, "3T": 0.9, "1.5T": 0.9},
}
"""b-values (ms/µm²) above which a strategy fits (Methods)."""
CONVENTIONS = ("printed", "printed-pull", "public", "public-free")
FIXED = 1e-6  # half width of the bounds of a parameter that is known
GONE = (200.0, 201.0)  # µm²/ms: exp(−b·D) is below 1e-30 at any b that is fitted

Kept = dict[tuple[str, float, str], "dict[str, Estimates]"]


@dataclass(frozen=True)
class Estimates:
    """Fits of one model to the tissues of one setting.

    Attributes
    ----------
    size, fraction : ndarray, shape (v,)
    bic, bic_paper : ndarray, shape (v,)
        −2 ln λ + P ln N, and eq. 15.
    fit : CellSizeFit
    """

    size: Array
    fraction: Array
    bic: Array
    bic_paper: Array
    fit: CellSizeFit


def add_rician_noise(signals: Array, snr: float, seed: int | Sequence[int]) -> Array:
    """Magnitude of signals with complex Gaussian noise of standard deviation 1/SNR (signal 1 at b = 0).

    Examples
    --------
    >>> float(add_rician_noise(np.ones((1, 20_000)), 50, 1).mean().round(3))
    1.0
    """
    noise = np.random.default_rng(seed).normal(scale=1 / snr, size=(2, *signals.shape))
    return np.asarray(np.hypot(signals + noise[0], noise[1]))


def choose_part(protocol: Protocol, key: str, strategy: str) -> NDArray[np.bool_]:
    """Measurements that a strategy fits, for a protocol by its name."""
    return protocol.above(THRESHOLDS[check_choice(strategy, STRATEGIES, "strategy")][key])


def fit_tissues(
    signals: Array,
    protocol: Protocol,
    model: str,
    preset: str,
    snr: float,
    convention: str = "printed",
    floor: str = "published",
) -> Estimates:
    """Fit a model to signals of which the one at b = 0 is known to be 1.

    Parameters
    ----------
    signals : ndarray, shape (v, m)
    protocol : Protocol
        Of the m measurements, all with b > 0.
    preset : {"exvivo", "invivo"}
        Published bounds.
    convention : {"printed", "printed-pull", "public", "public-free"}
        ``"printed"``: as Methods say: the scale is known from the fit before, so there are 3, 4 or 5 parameters and
        f_I lies within [0, 1] in Diff-in too; maximum likelihood. ``"public"``: the public fitter's defaults: S0
        within 0.6–1.4 (Diff-in 0.01–1.4) of the largest signal, 3, 5 or 6 parameters, pull to the middle of bounds.
    """
    check_choice(convention, CONVENTIONS, "convention")
    found, sigma = find_model(model), 1 / snr
    pull = PUBLISHED_PULL if convention in ("public", "printed-pull") else 0.0
    options: dict[str, object] = {"sigma": sigma, "floor_convention": floor, "pull": pull}
    if convention.startswith("public"):
        parameters, fitted, data = len(found.parameters), protocol, signals
        options |= {"bounds": model_bounds(found, preset)}
    else:  # a measurement of exactly 1 at b = 0 fixes the scale, and S0 with it
        parameters = len(found.parameters) - (1 if found.has_extra else 0)
        fitted, data = with_unweighted(protocol, signals)
        known = {"S0": (1 - FIXED, 1 + FIXED)}
        if not found.has_extra:  # eq. 7: the rest of the water is there at b = 0 and gone at any other b
            found, known = find_model("Diff-in-ex"), known | {"DEinf": GONE}
        options |= {"bounds": model_bounds(found, preset, change=known)}
    fit = fit_cell_size(data, fitted, found.name, **options)  # type: ignore[arg-type]
    scores = score_residuals(residuals(fit, signals, protocol), sigma, parameters)
    fraction = intracellular_fraction(fit, np.ones(len(signals)))
    return Estimates(fit["L"], fraction, scores.bic, scores.bic_paper, fit)


def with_unweighted(protocol: Protocol, signals: Array) -> tuple[Protocol, Array]:
    """Protocol and signals with a measurement of 1 at b = 0 in front."""
    te = np.r_[np.nan, protocol.te_ms]
    b, shape = np.r_[0.0, protocol.b_ms_um2], np.r_[-1, protocol.shape]
    longer = shaped_protocol(b, protocol.shapes, shape, te, protocol.name)
    return longer, np.hstack([np.ones((len(signals), 1)), signals])


def fit_setting(
    signals: Array,
    protocol: Protocol,
    key: str,
    strategy: str,
    snr: float,
    models: Iterable[str] = MODELS,
    **options: str,
) -> dict[str, Estimates]:
    """Fit models to one strategy's part of noisy signals of a protocol (``"exvivo"``, ``"3T"``, ``"1.5T"``)."""
    keep = choose_part(protocol, key, strategy)
    preset = "exvivo" if key == "exvivo" else "invivo"
    part = protocol.select(keep)
    return {m: fit_tissues(signals[:, keep], part, m, preset, snr, **options) for m in models}


def score_setting(estimates: dict[str, Estimates], tissues: pd.DataFrame) -> pd.DataFrame:
    """TCS, HFC and BIC of the models of a setting, a row per model.

    Returns
    -------
    DataFrame
        model, r_size, r_fraction, tcs; hfc_median; and in percent of tissues in which the model is lowest: hfc,
        bic (eq. 15), bic_standard.
    """
    size, fraction = tissues["size"].to_numpy(), tissues["fraction"].to_numpy()
    errors = {m: histology_fidelity(e.size, size, e.fraction, fraction) for m, e in estimates.items()}
    wins = {
        "hfc": lowest_share(errors),
        "bic": lowest_share({m: e.bic_paper for m, e in estimates.items()}),
        "bic_standard": lowest_share({m: e.bic for m, e in estimates.items()}),
    }
    rows = []
    for model, e in estimates.items():
        r_size = float(np.corrcoef(e.size, size)[0, 1])
        tcs = total_correlation(e.size, size, e.fraction, fraction)
        shares = {name: share[model] for name, share in wins.items()}
        middle = float(np.median(errors[model]))
        row = {"model": model, "r_size": r_size, "r_fraction": tcs - r_size, "tcs": tcs, "hfc_median": middle}
        rows.append(row | shares)
    return pd.DataFrame(rows)


def lowest_share(values: dict[str, Array]) -> dict[str, float]:
    """Percentage of tissues in which each model has the lowest value; ties are split.

    Examples
    --------
    >>> lowest_share({"a": np.array([1.0, 2.0]), "b": np.array([1.0, 1.0])})
    {'a': 25.0, 'b': 75.0}
    """
    stack = np.array(list(values.values()))
    lowest = stack == stack.min(axis=0)
    share = 100 * (lowest / lowest.sum(axis=0)).mean(axis=1)
    return dict(zip(values, map(float, share), strict=True))


def select_models(
    libraries: dict[str, Library],
    snr: float = 30.0,
    seed: int = 1,
    keep: Kept | None = None,
    **options: str,
) -> pd.DataFrame:
    """Scores of all settings, protocol by permeability by strategy, for one draw of the noise.

    Parameters
    ----------
    libraries : dict of Library
        By protocol name.
    keep : dict, optional
        Filled with the estimates of every setting.
    """
    parts = []
    for number, (key, library) in enumerate(libraries.items()):
        noisy = add_rician_noise(library.signals, snr, [seed, number])
        for level in sorted(library.tissues["permeability"].unique()):
            mine = (library.tissues["permeability"] == level).to_numpy()
            for strategy in STRATEGIES:
                got = fit_setting(noisy[mine], library.protocol, key, strategy, snr, **options)  # type: ignore[arg-type]
                if keep is not None:
                    keep[key, float(level), strategy] = got
                scored = score_setting(got, library.tissues[mine])
                parts.append(scored.assign(protocol=key, permeability=level, strategy=strategy))
    first = ["protocol", "permeability", "strategy", "model"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*first, *(c for c in table.columns if c not in first)]]


def read_libraries(folder: Path, dense: bool = False) -> dict[str, Library]:
    """Read the stored signals of the three protocols."""
    return {key: read_library(folder, key, dense) for key in PROTOCOL_NAMES}


def count_first(scores: pd.DataFrame, criterion: str, model: str = "Diff-in") -> int:
    """Settings (protocol, permeability, strategy) in which a model has the highest score.

    Examples
    --------
    >>> rows = pd.DataFrame({"protocol": "a", "permeability": 1, "strategy": "s", "model": ["x", "y"], "bic": [60, 40]})
    >>> count_first(rows, "bic", "x"), count_first(rows, "bic", "y")
    (1, 0)
    """
    best = scores.loc[scores.groupby(["protocol", "permeability", "strategy"])[criterion].idxmax(), "model"]
    return int((best == model).sum())


def first_of_ten(scores: pd.DataFrame) -> pd.DataFrame:
    """Combination of model and strategy with the highest TCS, per protocol and permeability."""
    best = scores.loc[scores.groupby(["protocol", "permeability"], sort=False)["tcs"].idxmax()]
    return best[["protocol", "permeability", "model", "strategy", "tcs"]].reset_index(drop=True)


def score_statements(scores: pd.DataFrame) -> dict[str, int]:
    """Count what the paper says in words about its simulated selection (Results, Tables S1–S3).

    Returns
    -------
    dict
        ``tcs.low.first``: protocols in which Diff-in at high b-values has the highest TCS of all at the lowest
        permeability; ``tcs.falls``: in which its TCS is lower at the highest permeability; ``tcs.gain_rises``: in
        which the lead of the best other model at high b-values over it is larger there; ``hfc.first``, ``bic.first``,
        ``bic_standard.first``: settings in which Diff-in is lowest in most tissues.
    """
    levels = sorted(scores["permeability"].unique())
    high = scores[scores["strategy"] == "high"].pivot_table(
        index=["protocol", "permeability"], columns="model", values="tcs"
    )
    lead = (high.drop(columns="Diff-in").max(axis=1) - high["Diff-in"]).unstack()
    own = high["Diff-in"].unstack()
    first = first_of_ten(scores)
    first = first[(first["permeability"] == levels[0]) & (first["strategy"] == "high")]
    return {
        "tcs.low.first": int((first["model"] == "Diff-in").sum()),
        "tcs.falls": int((own[levels[-1]] < own[levels[0]]).sum()),
        "tcs.gain_rises": int((lead[levels[-1]] > lead[levels[0]]).sum()),
        **{f"{name}.first": count_first(scores, name) for name in ("hfc", "bic", "bic_standard")},
    }
