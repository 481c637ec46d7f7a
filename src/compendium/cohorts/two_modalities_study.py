"""Many simulated cohorts of two modalities, each analysed in ways that should and should not be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from compendium.cohorts.two_modalities import (
    Truth,
    draw_outcome,
    feature_table,
    lose_second,
    pixel_table,
    simulate_two_modalities,
)
from compendium.radiopathomics.folds import Fold, random_folds
from compendium.radiopathomics.fusion import Joining, grouped_folds, predict_joined, subject_scores
from compendium.radiopathomics.imputation import fill_from
from compendium.statistics.auc import auroc

FOLDS = 5


def split_columns(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns of both modalities."""
    return table.filter(regex="^first_"), table.filter(regex="^second_")


def area_of(scores: np.ndarray, table: pd.DataFrame, keep: np.ndarray | None = None) -> float:
    """Area under the ROC curve with one score per subject, its mean; rows without a score are left out."""
    rows = np.ones(len(table), dtype=bool) if keep is None else keep
    found, outcome = subject_scores(scores[rows], table["outcome"][rows], table["subject"][rows])
    return float(auroc(outcome, found))


def out_of_fold(
    table: pd.DataFrame, how: Joining, seed: int, folds: list[Fold] | None = None, count: int = FOLDS
) -> np.ndarray:
    """Scores of rows; subjects are left out in folds unless folds are given, which may leak."""
    chosen = grouped_folds(table["subject"], table["outcome"], count, seed) if folds is None else folds
    first, second = split_columns(table)
    leaky = folds is not None
    return predict_joined(first, second, table["outcome"], table["subject"], chosen, how, allow_leakage=leaky)


def joining_study(
    cohorts: int, subjects: int, regions: int, seed: int, truth: Truth, how: Joining, size: int = 8
) -> pd.DataFrame:
    """Areas by way, when each modality knows something of its own ("private") and when both see the same ("shared").

    Returns
    -------
    DataFrame with cohort, knowledge, way, auc. Ways: first, second, raw, embedding and scores (of pixels), features.
    """
    rows = []
    worlds = {"private": truth, "shared": replace(truth, shared=truth.private, private=0.0)}
    for knowledge, world in worlds.items():
        for c in range(cohorts):
            cohort = simulate_two_modalities(subjects, regions, seed + c, world, size=size)
            pixels, features = pixel_table(cohort), feature_table(cohort)
            for way in ("first", "second", "raw", "embedding", "scores", "features"):
                chosen = replace(how, way="values" if way in ("raw", "features") else way)
                table = features if way == "features" else pixels
                rows.append((c, knowledge, way, area_of(out_of_fold(table, chosen, seed + c), table)))
    return pd.DataFrame(rows, columns=["cohort", "knowledge", "way", "auc"])


def leakage_study(
    cohorts: int, subjects: int, regions: int, seed: int, truth: Truth, how: Joining, size: int = 8
) -> pd.DataFrame:
    """Areas by split, with true outcomes and with outcomes dealt by lot.

    Splits: "subjects" left out; "rows" at random; "selected": subjects left out, but the columns were chosen on all rows.
    """
    rows = []
    for c in range(cohorts):
        pixels = pixel_table(simulate_two_modalities(subjects, regions, seed + c, truth, size=size))
        for outcome, table in (("true", pixels), ("by lot", draw_outcome(pixels, seed + c))):
            loose = list(random_folds(len(table), FOLDS, seed + c))
            found = {
                "subjects": area_of(out_of_fold(table, how, seed + c), table),
                "rows": area_of(out_of_fold(table, how, seed + c, loose), table),
                "selected": area_of(
                    out_of_fold(select_columns(table), replace(how, way="values"), seed + c), table
                ),
            }
            rows += [(c, outcome, split, auc) for split, auc in found.items()]
    return pd.DataFrame(rows, columns=["cohort", "outcome", "split", "auc"])


def select_columns(table: pd.DataFrame, keep: int = 10) -> pd.DataFrame:
    """The table with the columns of each modality that correlate best with the outcome, over **all** rows: a leak."""
    chosen = []
    for block in split_columns(table):
        size = block.corrwith(table["outcome"]).abs().sort_values(ascending=False, kind="stable")
        chosen += list(size.index[:keep])
    return table[["subject", "outcome", "group", *chosen]]


def shift_study(
    cohorts: int, subjects: int, regions: int, seed: int, truth: Truth, how: Joining, shifts: tuple[float, ...],
    size: int = 8,
) -> pd.DataFrame:  # fmt: skip
    """Areas of raw values and of features when the second image is displaced, by the SD of the displacement in pixels."""
    rows = []
    for shift in shifts:
        for c in range(cohorts):
            cohort = simulate_two_modalities(
                subjects, regions, seed + c, replace(truth, shift=shift), size=size
            )
            for way, table in (("raw", pixel_table(cohort)), ("features", feature_table(cohort))):
                auc = area_of(out_of_fold(table, replace(how, way="values"), seed + c), table)
                rows.append((shift, c, way, auc))
    return pd.DataFrame(rows, columns=["shift", "cohort", "way", "auc"])


def imputation_study(
    cohorts: int,
    subjects: int,
    regions: int,
    seed: int,
    truth: Truth,
    how: Joining,
    lost: float,
    size: int = 8,
) -> pd.DataFrame:
    """Areas over subjects with both modalities, when rows with gaps train after filling, and when they are dropped."""
    rows = []
    for c in range(cohorts):
        pixels = pixel_table(simulate_two_modalities(subjects, regions, seed + c, truth, size=size))
        table = lose_second(pixels, lost, seed + c)
        whole = ~table.isna().any(axis=1).to_numpy()
        for missing in ("impute", "drop"):
            scores = out_of_fold(table, replace(how, missing=missing), seed + c)
            rows.append((c, missing, area_of(scores, table, whole)))
    return pd.DataFrame(rows, columns=["cohort", "missing", "auc"])


def false_relations(repeats: int, subjects: int, lost: float, seed: int) -> pd.DataFrame:
    """p of the correlation of two unrelated modalities, counting filled values ("imputed") and without ("complete").

    One value of each modality per subject; gaps of the second are filled from the first.
    """
    rows = []
    rng = np.random.default_rng([seed, 99])
    for i in range(repeats):
        x, y = rng.standard_normal((2, subjects))
        y[rng.permutation(subjects)[: round(lost * subjects)]] = np.nan
        filled = fill_from(x[:, None], y[:, None], np.arange(subjects), penalty=1e-9)
        whole = ~filled.imputed[:, 0]
        rows.append((i, "imputed", float(stats.pearsonr(x, filled.values[:, 0]).pvalue)))
        rows.append((i, "complete", float(stats.pearsonr(x[whole], y[whole]).pvalue)))
    return pd.DataFrame(rows, columns=["repeat", "values", "p"])
