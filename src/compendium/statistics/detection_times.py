"""Two methods that find the same thing at visits: waits between their finds, and growth meanwhile.

A visit shows only that a method has turned positive by then. Observed waits run from visit to visit; a true lead
that is shorter than the time between visits shows as one such time, or not at all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from compendium.base.validation import check_minimum


def simulate_observed_lead(
    lead: float, visit_days: tuple[float, float], n: int = 4000, seed: int = 1
) -> tuple[float, float]:
    """Plant a true lead and look at it through visits at random intervals.

    Parameters
    ----------
    lead : float
        Days by which the first method turns positive before the other.
    visit_days : (float, float)
        Shortest and longest time between visits, uniform in between.
    n, seed : int

    Returns
    -------
    (mean, share)
        Mean observed lead in days among the cases found a visit earlier (NaN without any), and their share.

    Examples
    --------
    >>> mean, share = simulate_observed_lead(10, (100, 100))
    >>> round(mean), round(share, 1)
    (100, 0.1)
    """
    low, high = visit_days
    if not 0 < low <= high:
        raise ValueError(f"visit_days must run upwards from above 0. Given {low} to {high}.")
    check_minimum(n, 1, "cases")
    rng = np.random.default_rng(seed)
    visits = rng.uniform(low, high, (n, int(12 + 2 * max(lead, 200) / low))).cumsum(axis=1)
    first = rng.uniform(4, 7, (n, 1)) * (low + high) / 2
    seen = [
        np.take_along_axis(visits, (visits < t).sum(axis=1, keepdims=True), 1) for t in (first, first + lead)
    ]
    gap = (seen[1] - seen[0])[:, 0]
    return (float(gap[gap > 0].mean()) if (gap > 0).any() else float("nan")), float((gap > 0).mean())


def implied_lead(early: float, found: float, visit_days: float) -> float:
    """True lead that makes `early` of `found` cases fall a visit apart.

    Holds for leads shorter than the time between visits, visits that do not depend on the disease, and a first
    method that is never behind.

    Examples
    --------
    >>> round(implied_lead(57, 341, 137))
    23
    """
    return early / found * visit_days


def sort_finds(frame: pd.DataFrame) -> pd.DataFrame:
    """Waits of finds, and between which days the other method turned.

    Parameters
    ----------
    frame : DataFrame
        Columns date_first, date_later (missing: never confirmed) and, where known, date_negative: the last visit
        on which the other method was negative.

    Returns
    -------
    DataFrame
        The rows with ``days`` (first to later find), ``kind`` ("confirmed", "unconfirmed", "together" for the same
        day), ``least`` and ``most``: the other method turned more than `least` and at most `most` days after the
        first find; `most` is infinite for finds that were not confirmed.

    Examples
    --------
    >>> day = pd.to_datetime
    >>> frame = pd.DataFrame({"date_first": day(["2020-01-01"] * 3),
    ...                       "date_later": day(["2020-01-31", None, "2020-01-01"])})
    >>> sort_finds(frame)[["days", "kind", "least", "most"]]
       days         kind  least  most
    0  30.0    confirmed    0.0  30.0
    1   NaN  unconfirmed    0.0   inf
    2   0.0     together    0.0   0.0
    """
    days = (frame["date_later"] - frame["date_first"]).dt.days.astype(float)
    kind = np.select([days.isna(), days == 0], ["unconfirmed", "together"], "confirmed")
    negative = frame["date_negative"] if "date_negative" in frame else pd.Series(pd.NaT, index=frame.index)
    least = (negative - frame["date_first"]).dt.days.astype(float).fillna(0.0)
    return frame.assign(days=days, kind=kind, least=least, most=days.fillna(np.inf))


def pair_volumes(finds: pd.DataFrame, smallest: float = 0.0) -> pd.DataFrame:
    """Confirmed finds with two volumes that can be compared: log-ratio and rate of growth.

    Parameters
    ----------
    finds : DataFrame
        As returned by `sort_finds`, with volume_first and volume_later.
    smallest : float
        Pairs with a volume below are left out, as are volumes of 0, whose logarithm is not defined.

    Returns
    -------
    DataFrame
        The rows with ``log_ratio``, ln(later/first), and ``rate``, log_ratio per day.

    Examples
    --------
    >>> finds = pd.DataFrame({"kind": ["confirmed"] * 2, "days": [30.0, 20.0], "volume_first": [2.0, 0.0],
    ...                       "volume_later": [4.0, 3.0]})
    >>> pair_volumes(finds)[["log_ratio", "rate"]].round(3)
       log_ratio   rate
    0      0.693  0.023
    """
    volumes = finds[["volume_first", "volume_later"]]
    kept = finds[
        (finds["kind"] == "confirmed") & (volumes > 0).all(axis=1) & (volumes >= smallest).all(axis=1)
    ]
    log_ratio = np.log(kept["volume_later"] / kept["volume_first"])
    return kept.assign(log_ratio=log_ratio, rate=log_ratio / kept["days"])


def doubling_time(rate: float) -> float:
    """Doubling time of exponential growth, in the unit of time of the rate; NaN where nothing grows.

    Examples
    --------
    >>> round(doubling_time(np.log(102.1 / 6.8) / 67), 1)
    17.1
    """
    return float(np.log(2) / rate) if rate > 0 else float("nan")
