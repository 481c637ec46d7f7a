"""Tests on tables of liver tumours and patients: what chapter 06 of grussu2025 asks of the paper's tables and of anyone's.

The tables are those of `compendium.run.schemas.phenotype`. What a table does not allow is NaN, not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.run.schemas.phenotype import METRIC, MRI, broad_group
from compendium.statistics.combat import Confounding, assess_confounding, combat
from compendium.statistics.correlation import pearson
from compendium.statistics.groups import GroupTest, t_test
from compendium.statistics.harmonisation import compare_harmonisations
from compendium.statistics.polynomials import (
    FULL_CUBIC,
    GRUSSU_EQ_17,
    CrossValidated,
    cross_validate_polynomial,
)

Array = NDArray[np.float64]
NAN = float("nan")
MODELS = {
    "eq17": (GRUSSU_EQ_17, 1, "none"),
    "swapped": (GRUSSU_EQ_17, -1, "none"),
    "cubic": (FULL_CUBIC, 1, "training"),
}
"""Name → exponents, order of x and y, and scaling: eq. 17 as printed, with x and y swapped, and the full cubic."""


def list_metrics(table: pd.DataFrame) -> list[str]:
    """Metrics that a table holds with at least three values that vary, in the order of their declaration."""
    return [m for m in METRIC if m in table and table[m].notna().sum() > 2 and table[m].nunique() > 1]


def with_ki67(tumours: pd.DataFrame, exclude_treated: bool = True) -> pd.DataFrame:
    """Tumours with a Ki-67 fraction, without those whose biopsy was taken after treatment."""
    kept = tumours[tumours["f_ki67"].notna()]
    return (
        kept[kept["after_treatment"].fillna(0) != 1]
        if exclude_treated and "after_treatment" in kept
        else kept
    )


def with_log_volume(tumours: pd.DataFrame) -> pd.DataFrame:
    """Tumours with a volume, and its decimal logarithm."""
    kept = tumours[tumours["volume_mm3"] > 0]
    return kept.assign(log_volume=np.log10(kept["volume_mm3"])).reset_index(drop=True)


def correlate(table: pd.DataFrame, x: str, y: str, part: str = "r") -> float:
    """Part of Pearson's correlation of two columns (`r`, `p`, `lower`, `upper`)."""
    pairs = table[[x, y]].dropna()
    if len(pairs) < 3 or min(pairs.nunique()) < 2:
        return NAN
    return float(getattr(pearson(pairs[x], pairs[y]), part))


def predict_volume(
    tumours: pd.DataFrame, pair: Sequence[str], model: str, by: str, folds: int, seed: int
) -> CrossValidated | None:
    """Out-of-fold prediction of log volume from two metrics; None where folds or coefficients cannot be had.

    Parameters
    ----------
    tumours : from `with_log_volume`.
    model : one of `MODELS`.
    by : "tumours" or "patients", the unit of a fold.
    """
    terms, turn, scale = MODELS[model]
    rows = tumours.dropna(subset=list(pair))
    x, y = (rows[m] for m in list(pair)[::turn])
    groups = rows["patient"] if by == "patients" else None
    try:
        return cross_validate_polynomial(
            rows["log_volume"], x, y, exponents=terms, groups=groups, folds=folds, seed=seed, scale=scale
        )
    except ValueError:
        return None


def fold_correlation(
    tumours: pd.DataFrame, pair: Sequence[str], model: str, by: str, folds: int, seed: int
) -> float:
    """Correlation of what `predict_volume` predicts with what was observed."""
    got = predict_volume(tumours, pair, model, by, folds, seed)
    return NAN if got is None else got.r


def line_band(x: Array, y: Array, at: Array, resamples: int, seed: int) -> Array:
    """95 % band of the least-squares line through resampled points, shape (2, len(at))."""
    draws = np.random.default_rng(seed).integers(0, len(x), (resamples, len(x)))
    a, b = x[draws], y[draws]
    centre, height = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
    slope = ((a - centre) * (b - height)).mean(axis=1, keepdims=True) / a.var(axis=1, keepdims=True)
    return np.asarray(np.quantile(height + slope * (at - centre), [0.025, 0.975], axis=0))


def select_groups(patients: pd.DataFrame, groups: Sequence[str], treated: bool = True) -> pd.DataFrame:
    """Patients of two groups, with their group; without those biopsied after treatment unless `treated`."""
    kept = patients.assign(group=patients["primary"].map(broad_group, na_action="ignore"))
    kept = kept[kept["group"].isin(list(groups))]
    return kept if treated or "after_treatment" not in kept else kept[kept["after_treatment"].fillna(0) != 1]


def compare_groups(
    patients: pd.DataFrame, column: str, groups: Sequence[str], part: str,
    test: Callable[..., GroupTest] = t_test, treated: bool = True,
) -> float:  # fmt: skip
    """Part of a test of the first against the second group, or their sizes (`first`, `second`)."""
    rows = select_groups(patients, groups, treated)
    a, b = (rows.loc[rows["group"] == g, column].dropna() for g in groups)
    if part in ("first", "second"):
        return len(a) if part == "first" else len(b)
    if min(len(a), len(b)) < 2 or max(a.nunique(), b.nunique()) < 2:
        return NAN
    return float(getattr(test(a, b), part))


def scanner_against_group(patients: pd.DataFrame, groups: Sequence[str]) -> Confounding:
    """Association of scanner and group among the patients of both groups."""
    rows = select_groups(patients, groups).dropna(subset=["scanner"])
    return assess_confounding(rows["scanner"].to_numpy(), rows["group"].to_numpy())


def harmonise(patients: pd.DataFrame, reference: str) -> pd.DataFrame:
    """MRI metrics after ComBat to a reference scanner; patients that lack a metric or the scanner keep their values.

    So do patients of a scanner with a single complete patient, which has no variance, and all of them where that leaves
    fewer than two scanners or not the reference.
    """
    columns = [m for m in MRI if m in list_metrics(patients)]
    rows = patients["scanner"].notna() & patients[columns].notna().all(axis=1)
    rows &= patients["scanner"].map(patients.loc[rows, "scanner"].value_counts()).fillna(0) > 1
    scanners = set(patients.loc[rows, "scanner"])
    made = patients.copy()
    if columns and len(scanners) > 1 and reference in scanners:
        found = combat(patients.loc[rows, columns], patients.loc[rows, "scanner"], reference=reference)
        made.loc[rows, columns] = found.values
    return made


def replace_mri(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The patients of one table with the MRI metrics of another."""
    found = after[["patient", *[m for m in MRI if m in after]]]
    return before.drop(columns=[m for m in MRI if m in before]).merge(found, on="patient", how="left")


def join_tables(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Complete patients of both tables in one order; MRI metrics of the second end in ``_after``."""
    common = [m for m in MRI if m in before and m in after]
    joined = before.merge(after[["patient", *common]], on="patient", suffixes=("", "_after"))
    return joined.dropna(subset=["scanner", *common, *[f"{m}_after" for m in common]])


def try_harmonisations(joined: pd.DataFrame, reference: str, groups: Sequence[str]) -> pd.DataFrame:
    """How far each variant of ComBat is from the table after; see `compare_harmonisations`."""
    before, after = split_tables(joined)
    named = joined["primary"].map(broad_group, na_action="ignore") if "primary" in joined else None
    keep = None if named is None else {g: (named == g).astype(float) for g in groups}
    return compare_harmonisations(before, after, joined["scanner"], reference, keep)


def split_tables(joined: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """MRI metrics before and after of a table from `join_tables`."""
    common = [m for m in MRI if f"{m}_after" in joined]
    return joined[common], joined[[f"{m}_after" for m in common]]
