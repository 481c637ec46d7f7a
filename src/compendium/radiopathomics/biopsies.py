"""Imaging against histology in samples of patients: slopes at both levels, correlations, groups, closeness.

Every result is an `Estimate`; where the samples do not admit it (one sample per patient, a constant predictor),
its numbers are NaN and nothing is raised, so that a table of many cohorts keeps its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.statistics.agreement import bland_altman, concordance, rmse
from compendium.statistics.clustered import (
    cluster_bootstrap_correlation,
    cluster_permutation_test,
    one_per_cluster_spearman,
)
from compendium.statistics.correlation import repeated_measures_correlation, spearman
from compendium.statistics.mixed import fit_interaction, fit_random_intercept, fit_within_between
from compendium.statistics.results import TestResult

Array = NDArray[np.float64]
NAN = float("nan")


class Estimate(NamedTuple):
    """An estimate with limits and two-sided p; NaN where there is none."""

    estimate: float = NAN
    lower: float = NAN
    upper: float = NAN
    p: float = NAN


class Related(NamedTuple):
    """What relates imaging to histology in one cohort.

    ``estimates`` holds "within", "between", "gap" (between − within), "mixed" (random intercept alone), "pooled"
    (least squares, samples as if independent): slopes; "rho" (limits by resampling patients), "rho_samples",
    "r_within", "iterated" (mean over draws of one sample per patient; its limits are the central range of the
    draws and no confidence interval): correlations.
    """

    estimates: dict[str, Estimate]
    draws: Array
    icc: float
    n: int
    patients: int


def attempt(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Result of a statistic, or None where the data do not admit it (ValueError).

    Examples
    --------
    >>> attempt(spearman, [1, 1, 1], [1, 2, 3]) is None
    True
    """
    try:
        return function(*arguments, **options)
    except ValueError:
        return None


def relate_samples(
    x: ArrayLike, y: ArrayLike, patient: ArrayLike, *, resamples: int = 2000, draws: int = 1000,
    confidence: float = 0.95, seed: int = 1,
) -> Related:  # fmt: skip
    """Slopes of histology on imaging within and between patients, and correlations that mind the patients.

    Parameters
    ----------
    x, y, patient : array-like, shape (n,)
        Imaging, histology, patient; complete rows.
    resamples, draws : int
        Resamples of patients; draws of one sample per patient.

    Examples
    --------
    >>> x, y = [1, 2, 4, 3, 5, 6, 2, 4], [2, 3, 4, 4, 6, 5, 1, 4]
    >>> got = relate_samples(x, y, list("aabbccdd"), resamples=200, draws=100)
    >>> round(got.estimates["within"].estimate, 2), got.patients
    (0.86, 4)
    """
    a, b, label = np.asarray(x, dtype=float), np.asarray(y, dtype=float), np.asarray(patient)
    both = attempt(fit_within_between, b, a, label)
    mixed = attempt(fit_random_intercept, b, {"x": a}, label)
    boot = attempt(
        cluster_bootstrap_correlation, a, b, label, n_resamples=resamples, seed=seed, confidence=confidence
    )
    rank = attempt(spearman, a, b, confidence)
    inside = attempt(repeated_measures_correlation, a, b, label, confidence)
    one = attempt(one_per_cluster_spearman, a, b, label, "draws", draws, seed)
    contrasts = {"within": "within", "between": "between", "gap": {"between": 1, "within": -1}}
    found = {
        k: _of_test(both[0].test(c, confidence=confidence) if both else None) for k, c in contrasts.items()
    }
    found["mixed"] = _of_test(mixed.test("x", confidence=confidence) if mixed else None)
    found["pooled"] = pooled_line(a, b, confidence)
    found["rho"] = _resampled(boot.interval) if boot else Estimate()
    for name, got in (("rho_samples", rank), ("r_within", inside)):
        found[name] = Estimate(got.r, got.lower, got.upper, got.p) if got else Estimate()
    low, high = np.nanquantile(one.draws, [0.025, 0.975]) if one else (NAN, NAN)
    found["iterated"] = Estimate(one.mean, float(low), float(high)) if one else Estimate()
    return Related(
        found,
        one.draws if one else np.array([]),
        mixed.icc if mixed else NAN,
        len(a),
        len(np.unique(label.astype(str))),
    )


def _resampled(interval: Any) -> Estimate:
    """Estimate with its limits by resampling; without limits where every resample gave the same value."""
    limits = (interval.lower, interval.upper) if interval.upper > interval.lower else (NAN, NAN)
    return Estimate(interval.estimate, *limits)


def pooled_line(x: Array, y: Array, confidence: float = 0.95) -> Estimate:
    """Least-squares slope with its t interval, samples as if independent; no interval where all lie on one line.

    Examples
    --------
    >>> round(pooled_line(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 5])).estimate, 2)
    1.1
    """
    if len(x) < 3 or np.ptp(x) == 0:
        return Estimate()
    line = stats.linregress(x, y)
    if 1 - line.rvalue**2 < 1e-14:  # on one line to rounding: nothing is left to judge the slope by
        return Estimate(float(line.slope))
    half = float(stats.t.isf((1 - confidence) / 2, len(x) - 2) * line.stderr)
    slope = float(line.slope)
    return Estimate(slope, slope - half, slope + half, float(line.pvalue))


def compare_two_groups(
    x: ArrayLike, y: ArrayLike, patient: ArrayLike, second: ArrayLike, *, confidence: float = 0.95,
    permutations: int = 999, seed: int = 1,
) -> dict[str, Estimate]:  # fmt: skip
    """Test whether imaging relates to histology otherwise in the second group (interaction).

    Returns
    -------
    dict
        "slope" and "slope within patients": second less first, from a random-intercept model; "rank
        correlation": difference of Spearman's ρ, p by exchanging whole patients between the groups.

    Examples
    --------
    >>> x, y = [1, 2, 3, 4, 1, 2, 3, 5], [1, 2, 4, 5, 6, 3, 4, 1]
    >>> got = compare_two_groups(x, y, list("aabbccdd"), [0, 0, 0, 0, 1, 1, 1, 1], permutations=99)
    >>> round(got["rank correlation"].estimate, 2)
    -1.8
    """
    a, b, label = np.asarray(x, dtype=float), np.asarray(y, dtype=float), np.asarray(patient)
    flag = np.asarray(second, dtype=float)
    found = {}
    for name, within in (("slope", False), ("slope within patients", True)):
        got = attempt(fit_interaction, b, a, flag, label, within=within)
        found[name] = _of_test(got[0].test("x:group", confidence=confidence) if got else None)
    moved = attempt(
        cluster_permutation_test,
        _rank_gap,
        a,
        b,
        group=flag,
        cluster=label,
        n_resamples=permutations,
        seed=seed,
    )
    found["rank correlation"] = Estimate(moved.statistic, NAN, NAN, moved.p) if moved else Estimate()
    return found


def judge_closeness(
    x: ArrayLike, y: ArrayLike, patient: ArrayLike, confidence: float = 0.95
) -> dict[str, float]:
    """How close a prediction x is to y in the same unit.

    Returns
    -------
    dict
        bias (x − y), loa_lower, loa_upper (limits of agreement, patients as clusters), concordance (Lin), rmse,
        rmse_calibrated (around the least-squares line), rmse_constant (always saying the mean), skill (1 −
        rmse²/rmse_constant²: below zero where the constant is closer).

    Examples
    --------
    >>> round(judge_closeness([1, 2, 3, 4], [3, 3, 5, 6], list("abcd"))["skill"], 2)
    -0.93
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    limits = attempt(bland_altman, b, a, np.asarray(patient), confidence=confidence)
    lin, line = attempt(concordance, a, b, confidence), attempt(rmse, a, b, "calibrated")
    raw, constant = rmse(a, b), float(np.std(b))
    return {
        "bias": float(np.mean(a - b)), "loa_lower": limits.lower.estimate if limits else NAN,
        "loa_upper": limits.upper.estimate if limits else NAN, "concordance": lin.estimate if lin else NAN,
        "rmse": raw, "rmse_calibrated": NAN if line is None else line, "rmse_constant": constant,
        "skill": 1 - raw**2 / constant**2 if constant > 0 else NAN,
    }  # fmt: skip


def _of_test(test: TestResult | None) -> Estimate:
    if test is None or test.interval is None:
        return Estimate()
    return Estimate(test.interval.estimate, test.interval.lower, test.interval.upper, test.p)


def _rank_gap(x: Array, y: Array, second: NDArray[np.bool_]) -> float:
    """Spearman's ρ of the second group less that of the first; NaN where one is too small or constant."""
    rho = []
    for rows in (second, ~second):
        ranks = [stats.rankdata(v[rows]) for v in (x, y)]
        if rows.sum() < 3 or min(np.ptp(r) for r in ranks) == 0:
            return NAN
        rho.append(np.corrcoef(*ranks)[0, 1])
    return float(rho[0] - rho[1])
