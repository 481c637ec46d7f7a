"""Diagnostic subgroups (TP, FN, FP, TN) made by a read, and a marker compared between them.

A read that saw the marker, or that follows what the marker shows, sorts the cases by it: the subgroups then
differ in the marker even if it says nothing about the condition. Tests between them describe the read; they are
offered because papers print them.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_minimum
from compendium.statistics.auc import auroc
from compendium.statistics.groups import Groups, read_groups
from compendium.statistics.posthoc import dunnett_t3_test

SUBGROUPS = ("TP", "TP alone", "FN", "FP", "TN")


def diagnostic_subgroups(
    reference: ArrayLike, read: ArrayLike, others: ArrayLike | None = None
) -> NDArray[np.str_]:
    """Subgroup of each case by one read.

    Parameters
    ----------
    reference : array-like of 0/1, shape (n,)
    read : array-like of 0/1, shape (n,)
        May hold missing values: such cases belong to no subgroup ("").
    others : array-like of 0/1, shape (n, k), optional
        Other reads: true positives that all of them call negative become "TP alone".

    Examples
    --------
    >>> diagnostic_subgroups([1, 1, 0, 0], [1, 0, 1, None]).tolist()
    ['TP', 'FN', 'FP', '']
    >>> diagnostic_subgroups([1, 1], [1, 1], others=[[0], [1]]).tolist()
    ['TP alone', 'TP']
    """
    truth, said = _numbers(reference), _numbers(read)
    cases = [(truth == t) & (said == s) for t, s in ((1, 1), (1, 0), (0, 1), (0, 0))]
    group = np.select(cases, ["TP", "FN", "FP", "TN"], default="").astype("<U8")
    if others is not None and _numbers(others).size:
        group[(group == "TP") & (_numbers(others) == 0).all(axis=1)] = "TP alone"
    return group


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    if isinstance(values, pd.Series | pd.DataFrame):
        return values.to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values, dtype=float)


def group_values(values: ArrayLike, group: ArrayLike, minimum: int = 2) -> dict[str, NDArray[np.float64]]:
    """Values of each subgroup in the order of `SUBGROUPS`, without missing ones; small subgroups are left out.

    Examples
    --------
    >>> group_values([1.0, 2.0, 3.0, 4.0, 5.0], ["TN", "TP", "TP", "TN", "FN"])
    {'TP': array([2., 3.]), 'TN': array([1., 4.])}
    """
    numbers, names = _numbers(values), np.asarray(group)
    found = {g: numbers[(names == g) & ~np.isnan(numbers)] for g in SUBGROUPS}
    return {g: v for g, v in found.items() if len(v) >= minimum}


def compare_subgroups(groups: Groups) -> pd.DataFrame:
    """All pairs of subgroups: difference of means with Dunnett's T3, and which values tend to be larger.

    Means and ranks can disagree: of two skewed groups one may have the larger values more often and the other
    the larger mean.

    Returns
    -------
    DataFrame
        first, second, difference (of means), lower, upper (simultaneous), p (Dunnett T3), probability (that a
        value of the first exceeds one of the second, ties one half). Limits and p are NaN where two of the groups
        are constant: a difference without any spread has no error.

    Raises
    ------
    ValueError
        With fewer than two groups, or a group with fewer than two values.

    Examples
    --------
    >>> compare_subgroups({"TP": [4, 5, 9], "TN": [1, 2, 4]})[["difference", "p", "probability"]].round(3)
       difference      p  probability
    0       3.667  0.123        0.944
    """
    names, arrays, _ = read_groups(groups, minimum=2)
    check_minimum(len(names), 2, "groups")
    groups_read = dict(zip(names, arrays, strict=True))
    constant = [name for name, values in groups_read.items() if np.ptp(values) == 0]
    comparable = len(constant) < 2  # two constant groups have no error, and the pairs share one correction
    tested = {(c.first, c.second): c for c in dunnett_t3_test(groups_read)} if comparable else {}
    rows = []
    for (a, x), (b, y) in combinations(zip(names, arrays, strict=True), 2):
        c = tested.get((a, b))
        low, high = c.interval if c and c.interval else (np.nan, np.nan)
        p = c.p_adjusted if c else np.nan
        larger = auroc(np.repeat([1, 0], [len(x), len(y)]), np.concatenate([x, y]))
        rows.append((a, b, float(x.mean() - y.mean()), low, high, p, larger))
    columns = ["first", "second", "difference", "lower", "upper", "p", "probability"]
    return pd.DataFrame(rows, columns=columns)
