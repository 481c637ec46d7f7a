"""What fits recover from voxels of known tissue: five models, two strategies, three estimators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.cohorts.grussu_voxels import draw_tissues, measure_tissues, model_parameters
from compendium.diffusion.design import fisher_information
from compendium.diffusion.fitting import CellSizeFit, fit_cell_size, residuals
from compendium.diffusion.models import MODELS, PUBLISHED_S0, find_model, model_bounds, wide_s0
from compendium.diffusion.posterior import posterior_cell_size, prior_dominated
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.scores import score_residuals
from compendium.diffusion.selection import majority_vote

Array = NDArray[np.float64]

STRATEGIES = {"whole": "whole set", "high": "high b"}
ESTIMATORS = ("maximum likelihood", "published", "posterior mean")
CRAMER_RAO_TISSUES = 12


class Scan(NamedTuple):
    """A protocol, its preset of bounds, and the thresholds of b (s/mm²) of the two strategies."""

    protocol: Protocol
    preset: str
    thresholds: tuple[float, float]

    def kept(self, strategy: str) -> NDArray[np.bool_]:
        """Mask of the measurements strictly above the threshold of a strategy."""
        return self.protocol.above(self.thresholds[list(STRATEGIES).index(strategy)] / 1000)

    def part(self, strategy: str) -> Protocol:
        """Protocol of a strategy."""
        return self.protocol.select(self.kept(strategy))


def rmse(estimate: ArrayLike, truth: ArrayLike) -> float:
    """Root mean square error.

    Examples
    --------
    >>> rmse([3.0, 5.0], [0.0, 1.0]) == 12.5**0.5
    True
    """
    return float(np.sqrt(np.mean((np.asarray(estimate) - np.asarray(truth)) ** 2)))


def fit_part(
    signals: Array, part: Protocol, name: str, preset: str, sigma: float, pull: float = 0.0,
    s0_most: float | None = None,
) -> CellSizeFit:  # fmt: skip
    """Fit a model to the measurements of a strategy; S0 is free unless an upper bound is given."""
    found = find_model(name)
    low = PUBLISHED_S0["two" if found.has_extra else "one"][0]
    s0 = wide_s0(part.b_ms_um2, found) if s0_most is None else (low, s0_most)
    return fit_cell_size(signals, part, name, sigma=sigma, bounds=model_bounds(found, preset, s0), pull=pull)


def fit_models(scan: Scan, signals: Array, sigma: float) -> dict[tuple[str, str], CellSizeFit]:
    """Every model with no more parameters than measurements, by strategy; keys are (strategy, model)."""
    fits = {}
    for strategy in STRATEGIES:
        part = scan.part(strategy)
        for name, model in MODELS.items():
            if len(model.parameters) <= len(part):
                fits[strategy, name] = fit_part(
                    signals[:, scan.kept(strategy)], part, name, scan.preset, sigma
                )
    return fits


def least_sd(name: str, part: Protocol, tissues: pd.DataFrame, sigma: float) -> float:
    """Median Cramér–Rao bound of size over tissues that the model can describe (the first `CRAMER_RAO_TISSUES`)."""
    points = model_parameters(tissues, name)[:CRAMER_RAO_TISSUES]
    return float(np.median([fisher_information(MODELS[name], p, part, sigma).sd["L"] for p in points]))


def recovery_table(
    scan: Scan, signals: Array, fits: Mapping[tuple[str, str], CellSizeFit], truth: pd.DataFrame, sigma: float,
    share: float,
) -> pd.DataFrame:  # fmt: skip
    """Error of size (µm) and fraction, bounds and information, a row per strategy and model."""
    rows = []
    for (strategy, name), fit in fits.items():
        part, y = scan.part(strategy), signals[:, scan.kept(strategy)]
        post = posterior_cell_size(y, part, fit, sigma)
        fraction = fit["F"] if fit.model.has_extra else np.clip(fit["S0"], 0, 1)
        rows.append({
            "strategy": STRATEGIES[strategy], "model": name, "measurements": len(part),
            "parameters": len(fit.model.parameters), "size bias": np.mean(fit["L"] - truth["L"]),
            "size RMSE": rmse(fit["L"], truth["L"]), "size r": np.corrcoef(fit["L"], truth["L"])[0, 1],
            "fraction bias": np.mean(fraction - truth["F"]), "fraction r": np.corrcoef(fraction, truth["F"])[0, 1],
            "at a bound": fit.at_bound.any(axis=1).mean(), "Cramér–Rao": least_sd(name, part, truth, sigma),
            "posterior RMSE": rmse(post.mean["L"], truth["L"]),
            "ruled by the prior": prior_dominated(post, share=share).mean(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def bic_shares(
    scan: Scan, signals: Array, fits: Mapping[tuple[str, str], CellSizeFit], sigma: float
) -> pd.DataFrame:
    """Share of voxels in which a model has the lowest BIC, in the usual form and as eq. 15 prints it."""
    rows = []
    for strategy in STRATEGIES:
        y, part = signals[:, scan.kept(strategy)], scan.part(strategy)
        mine = {name: fit for (s, name), fit in fits.items() if s == strategy}
        scores = {
            n: score_residuals(residuals(f, y, part), sigma, len(f.model.parameters)) for n, f in mine.items()
        }
        usual = majority_vote({n: s.bic for n, s in scores.items()}).shares
        printed = majority_vote({n: s.bic_paper for n, s in scores.items()}).shares
        rows += [
            {"strategy": STRATEGIES[strategy], "model": n, "usual": usual[n], "printed": printed[n]}
            for n in mine
        ]
    return pd.DataFrame(rows)


def compare_estimators(
    beliefs: Mapping[str, Mapping[str, tuple[float, float]]], scan: Scan, name: str, sigma: float, n: int, seed: int,
    pull: float, s0_most: float,
) -> pd.DataFrame:  # fmt: skip
    """Size by three estimators at high b for tissues of the fitted model, a row per voxel.

    Columns: tissues, size, `ESTIMATORS`, covered (by the 95 % interval). The posterior mean is missing where no
    signal rises above the noise floor.
    """
    part, rows = scan.part("high"), []
    for i, (belief, limits) in enumerate(beliefs.items()):
        rng = np.random.default_rng([seed, i])
        tissue = draw_tissues(n, rng, **limits)
        y = measure_tissues(tissue, part, rng, sigma, name)
        best = fit_part(y, part, name, scan.preset, sigma)
        post = posterior_cell_size(y, part, best, sigma)
        low, high = post.interval["L"].T
        published = fit_part(y, part, name, scan.preset, sigma, pull, s0_most)["L"]
        values = dict(zip(ESTIMATORS, (best["L"], published, post.mean["L"]), strict=True))
        inside = (low <= tissue["L"]) & (tissue["L"] <= high)
        rows.append(pd.DataFrame({"tissues": belief, "size": tissue["L"], **values, "covered": inside}))
    return pd.concat(rows, ignore_index=True)


def summarise_estimates(estimates: pd.DataFrame) -> pd.Series:
    """Error of each estimator, and bias and coverage of the posterior, over some voxels."""
    errors = {w: rmse(estimates[w], estimates["size"]) for w in ESTIMATORS}
    bias = float((estimates["posterior mean"] - estimates["size"]).mean())
    return pd.Series({**errors, "bias": bias, "coverage": float(estimates["covered"].mean())})


def by_size(estimates: pd.DataFrame, edges: Sequence[float] | Array) -> pd.DataFrame:
    """`summarise_estimates` by strata of the true size."""
    strata = pd.cut(estimates["size"], list(edges), include_lowest=True)
    rows: Iterable[tuple[object, pd.DataFrame]] = estimates.groupby(strata, observed=True)
    return pd.DataFrame({key: summarise_estimates(part) for key, part in rows}).T
