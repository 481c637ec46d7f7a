"""Pairs of metrics of the same cases: by group, common within groups, pooled, and adjusted for the other metrics.

Takes tables of the kind `mri_histology`, as `case_selection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from compendium.statistics.grouped_correlation import GroupedCorrelation, correlate_by_group, leave_one_out
from compendium.statistics.models import regress_z_scores

FEWEST = 4
"""Fewest complete pairs of a correlation that is reported."""


def groups_of(table: pd.DataFrame) -> pd.Series:
    """Return the group of each row as text; "all" where the table has none."""
    return table["group"].astype(str) if "group" in table else pd.Series("all", table.index)


def compare_columns(table: pd.DataFrame, first: str, second: str) -> GroupedCorrelation | None:
    """Correlations of two columns by group; None where one is missing, constant, or has too few pairs.

    Examples
    --------
    >>> compare_columns(pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]}), "a", "b") is None
    True
    """
    if not {first, second} <= set(table.columns):
        return None
    both = table[[first, second]].dropna()
    if len(both) < FEWEST or both.nunique().min() < 2:
        return None
    return correlate_by_group(table[first], table[second], groups_of(table))


def list_pairs(table: pd.DataFrame, pairs: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """One row per pair and part (each group, common within, pooled); pairs that cannot be compared are left out.

    Returns
    -------
    DataFrame
        pair, first, second, cases (which), n, r, lower, upper, p; for pooled rows also between_share, and loo_lowest
        and loo_highest, r without any one case.
    """
    rows = []
    for key, (first, second) in pairs.items():
        got = compare_columns(table, first, second)
        if got is None:
            continue
        both = table[[first, second]].dropna()
        left_out = leave_one_out(both[first], both[second])
        extra = {
            "between_share": got.between_share,
            "loo_lowest": left_out.min(),
            "loo_highest": left_out.max(),
        }
        parts = [*got.groups.items(), ("common within", got.within), ("pooled", got.pooled)]
        for name, c in parts:
            if c is not None:
                row = {"pair": key, "first": first, "second": second, "cases": name, "n": c.n, "r": c.r}
                row |= {"lower": c.lower, "upper": c.upper, "p": c.p}
                rows.append({**row, **(extra if name == "pooled" else dict.fromkeys(extra, np.nan))})
    return pd.DataFrame(rows)


def regress_counterparts(table: pd.DataFrame, models: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Regressions on z-scores (eq. 16 of grussu2025), without the groups and with them as further predictors.

    Parameters
    ----------
    models : mapping of outcome to its predictors, the counterpart first
        Outcomes whose columns are missing or constant, or that have too few complete rows, are left out.

    Returns
    -------
    DataFrame
        outcome, groups (bool), predictor, counterpart (bool), beta, lower, upper, p, inflation, n.
    """
    rows = []
    for outcome, predictors in models.items():
        columns = [outcome, *predictors]
        if not set(columns) <= set(table.columns):
            continue
        own = table[columns].assign(group=groups_of(table)).dropna()
        for extra in (False, True):
            dummies = _indicators(own["group"]) if extra else {}
            if (extra and not dummies) or len(own) < len(predictors) + len(dummies) + 3:
                continue
            if own[columns].nunique().min() < 2:  # a constant has no z-score
                continue
            fit = regress_z_scores(own[outcome], {**{c: own[c] for c in predictors}, **dummies})
            rows += [
                {"outcome": outcome, "groups": extra, "predictor": name, "counterpart": name == predictors[0],
                 "beta": fit.beta[i], "lower": fit.lower[i], "upper": fit.upper[i], "p": fit.p[i],
                 "inflation": fit.variance_inflation[i], "n": fit.n}
                for i, name in enumerate(fit.names)
            ]  # fmt: skip
    names = ["outcome", "groups", "predictor", "counterpart", "beta", "lower", "upper", "p", "inflation", "n"]
    return pd.DataFrame(rows, columns=names)


def _indicators(group: pd.Series) -> dict[str, pd.Series]:
    """A 0/1 column for every group but the first that has at least two cases."""
    counts = group.value_counts(sort=False)
    named = [g for g in dict.fromkeys(group) if counts[g] > 1]
    return {f"group {g}": (group == g).astype(float) for g in named[1:]}
