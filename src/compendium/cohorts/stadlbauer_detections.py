"""Illustration cohort for stadlbauer2025: when two methods found a recurrence, and its volumes.

The paper prints moments and extremes, no values. The cohort is invented and matched to them as far as they are
compatible; `check_detection_cohort` computes what is met and what is not. Nothing that follows from it is
evidence about patients.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]

CASE = (67, 6.8, 102.1)  # days, volumes (cm³) of the patient in Fig 3A-B
DETECTION_TARGETS: dict[str, float] = {
    "days mean": 137, "days SD": 77, "days min": 41, "days max": 353,
    "first mean": 13.4, "first SD": 8.8, "first min": 0.2, "first max": 100.1,
    "later mean": 30.6, "later SD": 29.2, "later min": 1.0, "later max": 118.0,
    "increase mean": 9.1, "increase min": 0.38, "increase max": 155,
}  # fmt: skip
"""Days and cm³ as printed; increases are (later − first)/first."""
FIXED = np.array([CASE[1:], (0.2, 31.2), (0.6, 1.0), (32.0, 118.0), (20.0, 27.6)])
"""Volumes with the printed extremes: the case; ×156 from the smallest; smallest and largest later one; +38 %."""


def detection_cohort(
    targets: Mapping[str, float] | None = None, pairs: int = 35, second: int = 7, treated: int = 22,
    together: int = 277, seed: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """Recurrences found first by one method and later by another: dates and volumes as printed where compatible.

    Parameters
    ----------
    targets : mapping, optional
        As `DETECTION_TARGETS`. The largest first volume is left out: with the printed SD no such value fits.
    pairs, second : int
        Recurrences that the later method confirmed, and how many of them only at the second visit after.
    treated : int
        Found first, never confirmed; treated at once.
    together : int
        Found by both at one visit. Nothing is printed about their volumes: a lognormal like the later ones.
    seed : int

    Returns
    -------
    DataFrame
        patient, date_first, volume_first, date_negative (last visit on which the later method was negative),
        date_later, volume_later; the last two are missing for the treated.

    Examples
    --------
    >>> cohort = detection_cohort()
    >>> later = cohort[cohort.date_later > cohort.date_first]
    >>> len(cohort), len(later), float(later.volume_first.mean().round(1))
    (334, 35, 13.4)
    """
    wanted = {**DETECTION_TARGETS, **(targets or {})}
    rng = np.random.default_rng(seed)
    first, later = _paired_volumes(rng, pairs, wanted)
    days, negative = _days(rng, pairs, second, wanted)
    shared = np.exp(rng.normal(np.log(20), 0.9, together)).clip(0.5, 150).round(1)
    missed = np.exp(rng.normal(np.log(11), 0.7, treated)).clip(0.2, 60).round(1)
    n = pairs + treated + together
    start = pd.Timestamp("2015-07-01") + pd.to_timedelta(rng.integers(0, 3000, n), unit="D")
    gap = np.r_[days, np.full(treated, np.nan), np.zeros(together)]
    since = np.r_[negative, np.zeros(treated), np.full(together, np.nan)]
    return pd.DataFrame({
        "patient": [f"P{i + 1:03d}" for i in range(n)], "date_first": start,
        "volume_first": np.r_[first, missed, shared],
        "date_negative": start + pd.to_timedelta(since, unit="D"),
        "date_later": start + pd.to_timedelta(gap, unit="D"),
        "volume_later": np.r_[later, np.full(treated, np.nan), shared],
    })  # fmt: skip


def check_detection_cohort(frame: pd.DataFrame, targets: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Printed moments and extremes beside those of the confirmed pairs of a cohort.

    Returns
    -------
    DataFrame
        Columns statement, printed, cohort and met; met means equal after rounding to the printed digits.
    """
    wanted = {**DETECTION_TARGETS, **(targets or {})}
    rows = frame[frame["date_later"] > frame["date_first"]]
    values = {"days": (rows["date_later"] - rows["date_first"]).dt.days.to_numpy(float),
              "first": rows["volume_first"].to_numpy(), "later": rows["volume_later"].to_numpy()}  # fmt: skip
    values["increase"] = values["later"] / values["first"] - 1
    take = {"mean": np.mean, "SD": lambda x: np.std(x, ddof=1), "min": np.min, "max": np.max}
    out = []
    for name, printed in wanted.items():
        what, part = name.split()
        ours = float(take[part](values[what]))  # type: ignore[operator]
        half = 0.5 if what == "days" or name == "increase max" else 0.005 if name == "increase min" else 0.05
        out.append((name, printed, ours, abs(ours - printed) <= half + 1e-9))
    return pd.DataFrame(out, columns=["statement", "printed", "cohort", "met"])


def _paired_volumes(rng: np.random.Generator, pairs: int, wanted: Mapping[str, float]) -> tuple[Array, Array]:
    """Volumes of all pairs: the fixed ones, and free ones moved as little as possible until the moments fit."""
    free = pairs - len(FIXED)
    if free < 10:
        raise ValueError(f"At least {len(FIXED) + 10} pairs are needed to match the moments. Given {pairs}.")
    draw = np.r_[rng.normal(np.log(11), 0.7, free), rng.normal(np.log(2.5), 0.8, free)]

    def volumes(x: Array) -> tuple[Array, Array]:
        first, growth = np.exp(x[:free]), np.exp(x[free:])
        return np.r_[FIXED[:, 0], first], np.r_[FIXED[:, 1], first * (1 + growth)]

    def misses(x: Array) -> Array:
        first, later = volumes(x)
        return np.array([
            first.mean() - wanted["first mean"], first.std(ddof=1) - wanted["first SD"],
            later.mean() - wanted["later mean"], later.std(ddof=1) - wanted["later SD"],
            (later / first - 1).mean() - wanted["increase mean"],
        ])  # fmt: skip

    limits = [(np.log(0.5), np.log(45.0))] * free + [(np.log(0.45), np.log(60.0))] * free
    found = optimize.minimize(
        lambda x: float(((x - draw) ** 2).sum()), np.clip(draw, *np.array(limits).T), jac=lambda x: 2 * (x - draw),
        bounds=limits, constraints=({"type": "eq", "fun": misses},
                                    {"type": "ineq", "fun": lambda x: 115 - volumes(x)[1][len(FIXED):]}),
        method="SLSQP", options={"maxiter": 300, "ftol": 1e-8},
    )  # fmt: skip
    first, later = volumes(found.x)
    return first.round(2), later.round(2)


def _days(
    rng: np.random.Generator, pairs: int, second: int, wanted: Mapping[str, float]
) -> tuple[Array, Array]:
    """Days to the later find, and to the last negative visit of the later method (0: the first find itself)."""
    known = np.array([CASE[0], 41, 353, 224], dtype=float)
    mean, sd = wanted["days mean"], wanted["days SD"]
    rest = np.exp(rng.normal(np.log(125), 0.5, pairs - len(known)))
    total = pairs * mean - known.sum()
    square = (pairs - 1) * sd**2 - ((known - mean) ** 2).sum()  # what the others must add around the mean
    for _ in range(60):
        centre = total / len(rest)
        spread = np.sqrt(max(square / len(rest) - (centre - mean) ** 2, 0.0))
        rest = (centre + (rest - rest.mean()) / rest.std() * spread).clip(43, 345)
    days = np.r_[known, np.sort(rest)].round()
    negative = np.zeros(pairs)
    late = [*range(2, 4), *range(pairs - second + 2, pairs)]  # the longest waits, the 224 days among them
    negative[late] = (days[late] * rng.uniform(0.4, 0.6, len(late))).round()
    return days, negative
