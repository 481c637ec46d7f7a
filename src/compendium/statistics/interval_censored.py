"""Times that are only known to lie between two visits: the nonparametric estimate of their distribution."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import as_vector, check_minimum, check_same_length

Array = NDArray[np.float64]


def interval_censored_curve(
    lower: ArrayLike, upper: ArrayLike, tolerance: float = 1e-9, iterations: int = 20_000
) -> pd.DataFrame:
    """Nonparametric maximum likelihood of event times known to lie in (lower, upper] (Turnbull 1976).

    Mass can only sit in innermost intervals; inside one of them the data do not say where. Self-consistency (EM)
    from equal masses.

    Parameters
    ----------
    lower, upper : array-like, shape (n,)
        Equal: the time is known. ``upper`` infinite or missing: not seen to happen (right-censored). Rows
        without a lower end are dropped.
    tolerance : float
        Largest change of a mass at which the iteration stops.
    iterations : int

    Returns
    -------
    DataFrame
        lower, upper, mass and cumulative (probability of an event at or before `upper`), in order of time.

    Raises
    ------
    ValueError
        Without rows, or if a lower end lies above its upper end.

    Examples
    --------
    >>> interval_censored_curve([0, 2, 1], [1, 3, 3]).round(3)
       lower  upper   mass  cumulative
    0    0.0    1.0  0.333       0.333
    1    2.0    3.0  0.667       1.000
    """
    ends = np.asarray(upper, dtype=float)
    a, b = as_vector(lower, "lower"), np.where(np.isnan(ends), np.inf, ends)
    check_same_length(lower=a, upper=b)
    a, b = a[~np.isnan(a)], b[~np.isnan(a)]
    check_minimum(len(a), 1, "intervals")
    if (a > b).any():
        i = int(np.flatnonzero(a > b)[0])
        raise ValueError(f"lower must not exceed upper. Given ({a[i]:g}, {b[i]:g}].")
    left, right = _keys(a, b)
    starts, stops, low, high = _innermost(left, right, a, b)
    inside = (left[:, None] <= starts) & (stops <= right[:, None])
    mass = np.full(len(starts), 1 / len(starts))
    for _ in range(iterations):
        share = inside * mass
        new = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
        done = np.abs(new - mass).max() < tolerance
        mass = new
        if done:
            break
    return pd.DataFrame({"lower": low, "upper": high, "mass": mass, "cumulative": mass.cumsum()})


def quantile_bounds(curve: pd.DataFrame, share: float = 0.5) -> tuple[float, float]:
    """Between which times the given share of events has happened: ends of the innermost interval that crosses it.

    Examples
    --------
    >>> quantile_bounds(interval_censored_curve([0, 2, 1], [1, 3, 3]))
    (2.0, 3.0)
    """
    crossing = int(np.argmax(curve["cumulative"].to_numpy() >= share - 1e-9))
    return float(curve["lower"].iloc[crossing]), float(curve["upper"].iloc[crossing])


def _keys(lower: Array, upper: Array) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Places on the line in order: just before a known time, at a right end, just after an open left end."""
    known = lower == upper
    parts = [(lower, np.where(known, -1, 1)), (upper, np.zeros(len(upper), dtype=int))]
    times, sides = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    places = pd.MultiIndex.from_arrays([times, sides]).unique().sort_values()
    left, right = (places.get_indexer(pd.MultiIndex.from_arrays(p)) for p in parts)
    return np.asarray(left), np.asarray(right)


def _innermost(
    left: NDArray[np.int_], right: NDArray[np.int_], lower: Array, upper: Array
) -> tuple[NDArray[np.int_], NDArray[np.int_], Array, Array]:
    """Left ends that are followed at once by a right end: keys and times."""
    time_of = {
        **dict(zip(left.tolist(), lower, strict=True)),
        **dict(zip(right.tolist(), upper, strict=True)),
    }
    is_left, keys = set(left.tolist()), sorted({*left.tolist(), *right.tolist()})
    pairs = [(p, q) for p, q in pairwise(keys) if p in is_left and q not in is_left]
    starts, ends = (np.array([p[i] for p in pairs]) for i in (0, 1))
    return starts, ends, np.array([time_of[p] for p in starts]), np.array([time_of[q] for q in ends])
