"""Models judged case by case against histology: scores, accuracy and votes from a table, and how stable the ranks are.

Takes tables of the kind `mri_histology`: columns `case`, `group`, `f_histo`, `vcs_histo`, and per model `f_<model>`,
`vcs_<model>` and, where known, `votes_<model>`. A combination is a model under a fitting strategy: one table per strategy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.diffusion.selection import histology_fidelity
from compendium.statistics.correlation_formulas import correlate
from compendium.statistics.grouped_correlation import leave_one_out

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Cases:
    """Cases that are complete in every model of every strategy.

    Attributes
    ----------
    names : tuple of (strategy, model)
    sizes, fractions : ndarray, shape (combinations, cases)
    size_histo, fraction_histo : ndarray, shape (cases,)
    group : ndarray of str, shape (cases,)
    dropped : int
        Cases left out because something was missing in a table.
    """

    names: tuple[tuple[str, str], ...]
    sizes: Array
    fractions: Array
    size_histo: Array
    fraction_histo: Array
    group: NDArray[np.str_]
    dropped: int


def models_of(table: pd.DataFrame) -> list[str]:
    """Return the models that have both a size and a fraction, in the order of the columns.

    Examples
    --------
    >>> models_of(pd.DataFrame(columns=["vcs_histo", "f_histo", "vcs_a", "f_a", "vcs_b"]))
    ['a']
    """
    found = [c.removeprefix("vcs_") for c in table.columns if c.startswith("vcs_") and c != "vcs_histo"]
    return [model for model in found if f"f_{model}" in table.columns]


def join_cases(tables: Mapping[str, pd.DataFrame]) -> Cases:
    """Join the tables of several strategies by case; histology and group are taken from the first one.

    Raises
    ------
    ValueError
        Fewer than four cases are complete in all tables, or no table has a model.
    """
    columns, names, first = [], [], next(iter(tables.values()))
    for strategy, table in tables.items():
        for model in models_of(table):
            names.append((strategy, model))
            columns.append(table.set_index("case")[[f"vcs_{model}", f"f_{model}"]].set_axis([0, 1], axis=1))
    if not names:
        raise ValueError("A table must hold vcs_<model> and f_<model> for one model at least. Given none.")
    base = first.set_index("case")[["vcs_histo", "f_histo"]]
    joined = pd.concat([base, *columns], axis=1, join="outer")
    complete = joined.dropna()
    if len(complete) < 4:
        raise ValueError(
            f"Ranking needs four cases at least that are complete in every table. Given {len(complete)}."
        )
    label = first.set_index("case")["group"] if "group" in first else pd.Series("all", first["case"])
    values = complete.to_numpy(dtype=float).T
    return Cases(
        tuple(names), values[2::2], values[3::2], values[0], values[1],
        label.reindex(complete.index).astype(str).to_numpy(), len(joined) - len(complete),
    )  # fmt: skip


def rank_cases(cases: Cases, resamples: int = 2000, seed: int = 1) -> pd.DataFrame:
    """TCS of every combination with its interval, and its rank without each case and over resamples.

    Resamples draw cases with replacement within each group, so that the mix of groups stays.

    Returns
    -------
    DataFrame, one row per combination
        strategy, model, r_vcs, r_f, tcs, tcs_lower, tcs_upper (central 95 %), within (TCS of the deviations from the
        group means), rank, loo_best, loo_worst, first (% of resamples), rank_low, rank_high (central 95 %).
    """
    s, f, st, ft = cases.sizes, cases.fractions, cases.size_histo, cases.fraction_histo
    r_size = np.array([correlate(row, st) for row in s])
    r_fraction = np.array([correlate(row, ft) for row in f])
    without = np.array([leave_one_out(a, st) + leave_one_out(b, ft) for a, b in zip(s, f, strict=True)])
    drawn = _bootstrap(cases, resamples, seed)
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=1)
    ranks, ranks_without = _ranks(drawn), _ranks(without)
    rank_low, rank_high = np.quantile(ranks, [0.025, 0.975], axis=1, method="nearest").astype(int)
    centred = [_centre(values, cases.group) for values in (s, st[None], f, ft[None])]
    within = [
        correlate(a, centred[1][0]) + correlate(b, centred[3][0]) for a, b in zip(centred[0], centred[2], strict=True)
    ]  # fmt: skip
    total = r_size + r_fraction
    return pd.DataFrame({
        "strategy": [n[0] for n in cases.names], "model": [n[1] for n in cases.names], "r_vcs": r_size,
        "r_f": r_fraction, "tcs": total, "tcs_lower": low, "tcs_upper": high, "within": within,
        "rank": _ranks(total[:, None])[:, 0], "loo_best": ranks_without.min(1), "loo_worst": ranks_without.max(1),
        "first": 100 * (ranks == 1).mean(1), "rank_low": rank_low, "rank_high": rank_high,
    })  # fmt: skip


def _ranks(scores: Array) -> NDArray[np.intp]:
    """Rank of each row in each column, 1 for the highest; missing scores come last."""
    filled = np.nan_to_num(scores, nan=-np.inf)
    return np.asarray(1 + (filled[None] > filled[:, None]).sum(axis=1))


def _centre(values: Array, group: NDArray[np.str_]) -> Array:
    out = values.copy()
    for name in np.unique(group):
        own = group == name
        out[:, own] -= values[:, own].mean(axis=1, keepdims=True)
    return out


def _bootstrap(cases: Cases, resamples: int, seed: int) -> Array:
    """TCS of every combination in every resample, shape (combinations, resamples)."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(cases.group)))
    for name in np.unique(cases.group):
        own = np.flatnonzero(cases.group == name)
        counts[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), resamples)
    total = np.zeros((len(cases.names), resamples))
    for values, truth in ((cases.sizes, cases.size_histo), (cases.fractions, cases.fraction_histo)):
        y = truth - truth.mean()
        for row, value in enumerate(values):
            x = value - value.mean()
            n, sx, sy, sxx, syy, sxy = (
                counts @ np.column_stack([np.ones_like(x), x, y, x * x, y * y, x * y])
            ).T
            with np.errstate(invalid="ignore", divide="ignore"):
                total[row] += (sxy - sx * sy / n) / np.sqrt((sxx - sx**2 / n) * (syy - sy**2 / n))
    return total


def won_cases(table: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """Share of every case that a model wins: 1 for the best one, split between equals; cases without a value drop out.

    Parameters
    ----------
    criterion : {"HFC", "BIC"}
        HFC: lowest sum of relative errors (eq. 14). BIC: most voxels (`votes_<model>`).

    Returns
    -------
    DataFrame, shape (cases, models), indexed by case; empty where the table has no column for the criterion.

    Examples
    --------
    >>> table = pd.DataFrame({"case": ["a", "b"], "f_histo": [0.7, 0.7], "vcs_histo": [20.0, 20.0],
    ...     "f_x": [0.6, 0.4], "vcs_x": [21.0, 30.0], "f_y": [0.5, 0.5], "vcs_y": [22.0, 22.0]})
    >>> won_cases(table, "HFC").to_numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    models = models_of(table)
    if criterion == "HFC":
        score = pd.DataFrame({
            m: histology_fidelity(table[f"vcs_{m}"], table["vcs_histo"], table[f"f_{m}"], table["f_histo"]) for m in models
        })  # fmt: skip
    else:
        score = pd.DataFrame({m: -table[f"votes_{m}"] for m in models if f"votes_{m}" in table.columns})
    if score.shape[1] == 0:
        return pd.DataFrame()
    score = score.set_index(pd.Index(table["case"], name="case")).dropna()
    best = score.eq(score.min(axis=1), axis=0)
    return best.div(best.sum(axis=1), axis=0).astype(float)


def share_won(tables: Mapping[str, pd.DataFrame], by: str = "") -> pd.DataFrame:
    """Cases that each model wins (%), by strategy, criterion, and the values of a column where asked.

    Returns
    -------
    DataFrame
        strategy, criterion, part ("all" without a column), model, cases, won.
    """
    rows = []
    for strategy, table in tables.items():
        for criterion in ("HFC", "BIC"):
            won = won_cases(table, criterion)
            if won.empty:
                continue
            parts = pd.Series("all", won.index)
            if by:
                parts = table.set_index("case")[by].reindex(won.index).replace("", np.nan)
            for name, own in won.groupby(parts):
                rows += [
                    {"strategy": strategy, "criterion": criterion, "part": name, "model": model, "cases": len(own),
                     "won": 100 * float(own[model].mean())}
                    for model in own
                ]  # fmt: skip
    return pd.DataFrame(rows, columns=["strategy", "criterion", "part", "model", "cases", "won"])
