"""Checks of arrays: one rule for missing values, and messages that name the problem, the rule and the value.

The rule for missing values, used by every statistic of the package: a row (a pair, an examination) with a
missing value in any of the arrays that are analysed together is dropped, and the number of dropped rows is
reported with the result. Infinite values are never missing: they are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


class Complete(NamedTuple):
    """Arrays without incomplete rows, and how many rows were dropped."""

    arrays: tuple[NDArray[Any], ...]
    dropped: int


def as_vector(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """One-dimensional float array; missing values (None, NaN, pandas.NA) become NaN.

    Parameters
    ----------
    values : array-like, shape (n,)
    name : str
        What the message calls the array.

    Raises
    ------
    ValueError
        If the array is not one-dimensional, not numeric, or holds an infinite value.

    Examples
    --------
    >>> as_vector([1, None, 3], "score")
    array([ 1., nan,  3.])
    >>> as_vector([[1, 2]], "score")
    Traceback (most recent call last):
        ...
    ValueError: score must be one-dimensional. Given shape (1, 2).
    """
    try:
        if isinstance(values, (pd.Series, pd.api.extensions.ExtensionArray)):
            array = pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            array = np.asarray(values)
            if array.dtype.kind not in "biuf":
                flat = [np.nan if item is None or item is pd.NA else item for item in array.ravel()]
                array = np.asarray(flat, dtype=np.float64).reshape(array.shape)
        array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold numbers. Given {_short(values)}.") from None
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional. Given shape {array.shape}.")
    if not np.isfinite(array).all() and np.isinf(array).any():
        row = int(np.flatnonzero(np.isinf(array))[0])
        raise ValueError(f"{name} must be finite or missing. Given {array[row]} in row {row}.")
    return array


def as_labels(values: ArrayLike, name: str) -> NDArray[Any]:
    """One-dimensional array of labels (cluster, group); missing labels become None in an object array.

    Examples
    --------
    >>> as_labels(["a", None, "b"], "patient")
    array(['a', None, 'b'], dtype=object)
    """
    series = pd.Series(values) if np.ndim(values) == 1 else None
    if series is None:
        raise ValueError(f"{name} must be one-dimensional. Given shape {np.shape(values)}.")
    missing = series.isna()
    if not missing.any():
        return series.to_numpy()
    labels = series.astype(object).to_numpy(copy=True)
    labels[missing.to_numpy()] = None
    return labels


def check_same_length(**arrays: Sequence[Any] | NDArray[Any]) -> int:
    """Length that all arrays share.

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> check_same_length(x=[1, 2], y=[3, 4])
    2
    >>> check_same_length(x=[1, 2], y=[3])
    Traceback (most recent call last):
        ...
    ValueError: Arrays must have the same length. Given x: 2, y: 1.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise ValueError(f"Arrays must have the same length. Given {given}.")
    return next(iter(lengths.values()), 0)


def drop_incomplete(*, labels: Sequence[str] = (), **arrays: ArrayLike) -> Complete:
    """Rows that are complete in all arrays, in the order given, with the number of rows dropped.

    Parameters
    ----------
    labels : sequence of str
        Names of the arrays that hold labels instead of numbers (clusters, groups).
    **arrays : array-like, shape (n,)
        Named arrays of equal length.

    Returns
    -------
    Complete
        ``arrays`` (tuple, in the order given) and ``dropped`` (int).

    Examples
    --------
    >>> (x, y), dropped = drop_incomplete(x=[1, 2, float("nan")], y=[4, None, 6])
    >>> x, y, dropped
    (array([1.]), array([4.]), 2)
    """
    read = {key: as_labels(a, key) if key in labels else as_vector(a, key) for key, a in arrays.items()}
    n = check_same_length(**read)
    keep = np.ones(n, dtype=bool)
    for array in read.values():
        keep &= ~(np.isnan(array) if array.dtype.kind == "f" else pd.isna(array))
    kept = read.values() if keep.all() else (array[keep] for array in read.values())
    return Complete(tuple(kept), int(n - keep.sum()))


def check_binary(values: NDArray[Any], name: str) -> NDArray[np.bool_]:
    """Boolean array from 0/1 (or False/True).

    Examples
    --------
    >>> check_binary(np.array([0, 1, 2]), "reference")
    Traceback (most recent call last):
        ...
    ValueError: reference must hold 0 and 1 only. Given 2 in row 2.
    """
    array = np.asarray(values)
    bad = np.flatnonzero((array != 0) & (array != 1))
    if bad.size:
        raise ValueError(f"{name} must hold 0 and 1 only. Given {array[bad[0]]:g} in row {bad[0]}.")
    return array.astype(bool)


def check_minimum(n: int, minimum: int, what: str) -> None:
    """Refuse fewer than `minimum` items.

    Examples
    --------
    >>> check_minimum(2, 3, "complete pairs")
    Traceback (most recent call last):
        ...
    ValueError: Too few complete pairs: at least 3 are needed. Given 2.
    """
    if n < minimum:
        raise ValueError(f"Too few {what}: at least {minimum} are needed. Given {n}.")


def check_choice(value: str, choices: Sequence[str], name: str) -> str:
    """Refuse a word that is not among the choices.

    Examples
    --------
    >>> check_choice("wald", ["wilson", "clopper-pearson"], "method")
    Traceback (most recent call last):
        ...
    ValueError: method must be one of 'wilson', 'clopper-pearson'. Given 'wald'.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}. Given {value!r}.")
    return value


def check_between(value: float, low: float, high: float, name: str, *, open_ends: bool = False) -> float:
    """Refuse a number outside [low, high], or outside (low, high) with `open_ends`; NaN is refused.

    Examples
    --------
    >>> check_between(95, 0, 1, "confidence", open_ends=True)
    Traceback (most recent call last):
        ...
    ValueError: confidence must lie in (0, 1). Given 95.
    """
    inside = low < value < high if open_ends else low <= value <= high
    if not inside:
        span = f"({low:g}, {high:g})" if open_ends else f"[{low:g}, {high:g}]"
        raise ValueError(f"{name} must lie in {span}. Given {value:g}.")
    return value


def _short(values: object, limit: int = 60) -> str:
    text = repr(values).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 1] + "…"
