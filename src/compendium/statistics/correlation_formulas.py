"""Formulas that the correlation modules share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from compendium.base.validation import check_between, check_minimum

Array = NDArray[np.float64]


def correlate(a: Array, b: Array) -> float:
    """Pearson's r, scaled first so that no unit over- or underflows; NaN for a constant variable.

    Examples
    --------
    >>> correlate(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    0.5
    """
    da, db = a - a.mean(), b - b.mean()
    sa, sb = np.abs(da).max(initial=0.0), np.abs(db).max(initial=0.0)
    if sa <= 1e-13 * np.abs(a).max(initial=0.0) or sb <= 1e-13 * np.abs(b).max(initial=0.0):
        return float("nan")
    da, db = da / sa, db / sb
    return float(np.clip(da @ db / np.sqrt((da @ da) * (db @ db)), -1, 1))


def fisher_limits(r: float, n: int, confidence: float, factor: float, lost: int) -> tuple[float, float]:
    """tanh(atanh(r) ± z·√(factor/(n − lost))); NaN without degrees of freedom.

    Examples
    --------
    >>> [round(limit, 3) for limit in fisher_limits(0.5, 27, 0.95, 1.0, 3)]
    [0.148, 0.74]
    """
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    if n <= lost:
        return float("nan"), float("nan")
    if abs(r) == 1:
        return r, r
    half = float(stats.norm.isf((1 - confidence) / 2) * np.sqrt(factor / (n - lost)))
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def t_p_value(r: float, df: int) -> float:
    """Two-sided p of a correlation by Student's t.

    Examples
    --------
    >>> round(t_p_value(0.5, 25), 4)
    0.0079
    """
    if abs(r) == 1:
        return 0.0
    return float(2 * stats.t.sf(abs(r) * np.sqrt(df / (1 - r**2)), df))


def check_pairs(a: Array, b: Array) -> None:
    """Refuse fewer than three pairs and constant variables.

    Examples
    --------
    >>> check_pairs(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    Traceback (most recent call last):
        ...
    ValueError: Too few complete pairs: at least 3 are needed. Given 2.
    """
    check_minimum(len(a), 3, "complete pairs")
    check_spread(a, "x")
    check_spread(b, "y")


def check_spread(values: Array, name: str) -> None:
    """Refuse a constant variable.

    Examples
    --------
    >>> check_spread(np.array([3.0, 3.0]), "x")
    Traceback (most recent call last):
        ...
    ValueError: x must vary for a correlation. Given 3 in all 2 rows.
    """
    if values.max() == values.min():
        raise ValueError(
            f"{name} must vary for a correlation. Given {values[0]:g} in all {len(values)} rows."
        )
