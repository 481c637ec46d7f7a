"""How well a binary read finds a condition: metrics of the 2 × 2 table, their intervals, predictive values.

The 2 × 2 table is in `compendium.statistics.confusion`, two reads of the same cases (McNemar, paired
differences, kappa, reading rules) in `compendium.statistics.reads`; their names can be imported from here as
well. All proportions are fractions. A metric whose denominator is zero is NaN, never 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from compendium.base.validation import (
    check_between,
    check_binary,
    check_choice,
    check_minimum,
    drop_incomplete,
)
from compendium.statistics.confusion import (
    ConfusionCounts,
    DiagnosticMetrics,
    check_count,
    confusion_counts,
    diagnostic_metrics,
    ratio_or_nan,
)
from compendium.statistics.reads import (
    PairedReads,
    cohen_kappa,
    combine_paired_reads,
    mcnemar_asymptotic,
    mcnemar_exact,
    paired_difference_interval,
    paired_reads,
    reading_rules,
)
from compendium.statistics.results import Interval

__all__ = [
    "ConfusionCounts",
    "DiagnosticMetrics",
    "PairedReads",
    "clustered_proportion_interval",
    "clustered_sensitivity_specificity",
    "cohen_kappa",
    "combine_paired_reads",
    "confusion_counts",
    "diagnostic_metrics",
    "diagnostic_odds_ratio_interval",
    "likelihood_ratio_interval",
    "mcnemar_asymptotic",
    "mcnemar_exact",
    "paired_difference_interval",
    "paired_reads",
    "predictive_values",
    "prevalence_curve",
    "proportion_interval",
    "reading_rules",
]


def proportion_interval(count: int, n: int, confidence: float = 0.95, method: str = "wilson") -> Interval:
    """Interval of a proportion of independent cases.

    Parameters
    ----------
    count, n : int
        Successes among cases. The cases must be independent: for several cases per patient see
        `clustered_proportion_interval`.
    confidence : float
    method : {"wilson", "clopper-pearson"}
        Score interval of Wilson (1927) without continuity correction, or the exact interval of Clopper and
        Pearson (1934). Computed by statsmodels, equal to R's ``prop.test(correct = FALSE)`` and
        ``binom.test``.

    Returns
    -------
    Interval
        Fractions.

    Raises
    ------
    ValueError
        If n is 0 or the count does not lie in [0, n].

    Examples
    --------
    >>> round(proportion_interval(334, 341).lower, 4)
    0.9582
    """
    check_count(count, "count")
    check_count(n, "n")
    check_minimum(n, 1, "cases")
    check_between(count, 0, n, "count")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    names = {"wilson": "wilson", "clopper-pearson": "beta"}
    name = names[check_choice(method, list(names), "method")]
    lower, upper = proportion_confint(count, n, alpha=1 - confidence, method=name)
    lower, upper = (float(lower) if count else 0.0), (float(upper) if count < n else 1.0)  # exact at the ends
    return Interval(count / n, lower, upper, confidence, method)


def likelihood_ratio_interval(
    counts: ConfusionCounts, which: str = "positive", confidence: float = 0.95, add_half: bool = False
) -> Interval:
    """Interval of a likelihood ratio on the log scale (Simel, Samsa & Matchar 1991).

    Parameters
    ----------
    counts : ConfusionCounts
    which : {"positive", "negative"}
        LR+ = sensitivity/(1 − specificity); LR− = (1 − sensitivity)/specificity.
    add_half : bool
        Add 0.5 to every cell first (for tables with an empty cell). Off by default: without it an empty cell
        gives an unbounded interval (0 to infinity).

    Examples
    --------
    >>> lr = likelihood_ratio_interval(ConfusionCounts(tp=283, fp=5, fn=58, tn=76))
    >>> round(lr.estimate, 2), round(lr.lower, 2), round(lr.upper, 2)
    (13.44, 5.74, 31.47)
    """
    check_choice(which, ["positive", "negative"], "which")
    tp, fp, fn, tn = _cells(counts, add_half)
    a, c = (tp, fp) if which == "positive" else (fn, tn)
    n1, n0 = tp + fn, fp + tn
    estimate = ratio_or_nan(ratio_or_nan(a, n1), ratio_or_nan(c, n0))
    variance = 1 / a - 1 / n1 + 1 / c - 1 / n0 if a and c else np.inf
    return _log_interval(
        estimate, variance, confidence, f"log{' (0.5 added)' if add_half else ''}, LR {which}"
    )


def diagnostic_odds_ratio_interval(
    counts: ConfusionCounts, confidence: float = 0.95, add_half: bool = False
) -> Interval:
    """Interval of the diagnostic odds ratio on the log scale (Woolf 1955); see `likelihood_ratio_interval`.

    Examples
    --------
    >>> diagnostic_odds_ratio_interval(ConfusionCounts(tp=8, fp=2, fn=2, tn=8)).estimate
    16.0
    """
    tp, fp, fn, tn = _cells(counts, add_half)
    variance = 1 / tp + 1 / fp + 1 / fn + 1 / tn if min(tp, fp, fn, tn) > 0 else np.inf
    method = f"log (Woolf{', 0.5 added' if add_half else ''})"
    return _log_interval(ratio_or_nan(tp * tn, fp * fn), variance, confidence, method)


def predictive_values(
    sensitivity: ArrayLike, specificity: ArrayLike, prevalence: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positive and negative predictive value at a stated prevalence (Bayes), element by element.

    Parameters
    ----------
    sensitivity, specificity, prevalence : array-like
        Fractions in [0, 1]; shapes broadcast.

    Returns
    -------
    ppv, npv : ndarray
        NaN where nobody would be read positive (negative).

    Examples
    --------
    >>> ppv, npv = predictive_values(0.9, 0.8, [0.5, 0.1])
    >>> ppv.round(3), npv.round(3)
    (array([0.818, 0.333]), array([0.889, 0.986]))
    """
    sens, spec, prev = (np.asarray(x, dtype=float) for x in (sensitivity, specificity, prevalence))
    for name, values in (("sensitivity", sens), ("specificity", spec), ("prevalence", prev)):
        outside = values[(values < 0) | (values > 1)]
        if outside.size:
            raise ValueError(f"{name} must be a fraction in [0, 1]. Given {outside.flat[0]:g}.")
    hit, false_alarm = sens * prev, (1 - spec) * (1 - prev)
    right, miss = spec * (1 - prev), (1 - sens) * prev
    with np.errstate(invalid="ignore"):
        return hit / (hit + false_alarm), right / (right + miss)


def prevalence_curve(
    counts: ConfusionCounts, prevalence: ArrayLike, confidence: float = 0.95
) -> pd.DataFrame:
    """Predictive values over a range of prevalences, with logit intervals (Mercaldo, Wei & Zhou 2007).

    The prevalence is taken as known; the interval carries the uncertainty of sensitivity and specificity
    only, by the delta method on logit PPV and logit NPV. An empty cell gives the trivial interval [0, 1].

    Returns
    -------
    DataFrame
        Columns prevalence, ppv, ppv_lower, ppv_upper, npv, npv_lower, npv_upper (fractions).

    Examples
    --------
    >>> prevalence_curve(ConfusionCounts(tp=90, fp=20, fn=10, tn=80), [0.1]).round(3).iloc[0].to_list()
    [0.1, 0.333, 0.252, 0.427, 0.986, 0.975, 0.992]
    """
    grid = np.atleast_1d(np.asarray(prevalence, dtype=float))
    metrics = diagnostic_metrics(counts)
    sens, spec = metrics.sensitivity, metrics.specificity
    ppv, npv = predictive_values(sens, spec, grid)
    n1, n0 = counts.positives, counts.negatives
    parts_ppv = ((1 - sens, sens * n1), (spec, (1 - spec) * n0))
    parts_npv = ((sens, (1 - sens) * n1), (1 - spec, spec * n0))
    table = {"prevalence": grid}
    for name, value, parts in (("ppv", ppv, parts_ppv), ("npv", npv, parts_npv)):
        variance = sum(top / bottom if bottom else np.inf for top, bottom in parts)
        lower, upper = _logit_limits(value, variance, confidence)
        table |= {name: value, f"{name}_lower": lower, f"{name}_upper": upper}
    return pd.DataFrame(table)


def clustered_proportion_interval(
    success: ArrayLike, cluster: ArrayLike, confidence: float = 0.95, method: str = "logit"
) -> Interval:
    """Interval of a proportion when cases come in clusters (several examinations per patient).

    The variance is that of a ratio of cluster totals, k/(k−1)·Σ(xᵢ − p·nᵢ)²/n² over k clusters (Rao & Scott
    1992; Genders et al. 2012), so no model of the correlation within clusters is needed.

    Parameters
    ----------
    success : array-like of 0/1, shape (n,)
    cluster : array-like, shape (n,)
        Label of the patient.
    method : {"logit", "wald", "wilson-effective"}
        Limits from that variance on the logit scale or the plain scale, or Wilson's interval at the effective
        sample size p(1 − p)/variance, never above n. All use the normal quantile.

    Raises
    ------
    ValueError
        With fewer than two clusters: their spread cannot be estimated.

    Examples
    --------
    >>> got = clustered_proportion_interval([1, 1, 0, 0, 1, 1, 1, 0], list("aabbccdd"))
    >>> round(got.lower, 3), round(got.upper, 3)
    (0.184, 0.925)
    """
    check_choice(method, ["logit", "wald", "wilson-effective"], "method")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    (values, label), _ = drop_incomplete(success=success, cluster=cluster, labels=["cluster"])
    hits = check_binary(values, "success").astype(float)
    _, code = np.unique(label.astype(str), return_inverse=True)
    x, size = np.bincount(code, hits), np.bincount(code)
    check_minimum(len(size), 2, "clusters")
    n, p = len(hits), float(hits.mean())
    variance = float(len(size) / (len(size) - 1) * np.sum((x - p * size) ** 2) / n**2)
    name = f"clustered {method}, {len(size)} clusters"
    if method == "wilson-effective":
        effective = min(p * (1 - p) / variance, n) if variance else n
        lower, upper = proportion_confint(p * effective, effective, alpha=1 - confidence, method="wilson")
    elif p in (0.0, 1.0):
        lower = upper = np.nan  # no spread between clusters: these two scales know nothing about the limits
    elif method == "wald":
        half = _z(confidence) * np.sqrt(variance)
        lower, upper = max(p - half, 0.0), min(p + half, 1.0)
    else:
        lower, upper = _logit_limits(p, variance / (p * (1 - p)) ** 2, confidence)
    return Interval(p, float(lower), float(upper), confidence, name)


def clustered_sensitivity_specificity(
    reference: ArrayLike, read: ArrayLike, cluster: ArrayLike, confidence: float = 0.95, method: str = "logit"
) -> tuple[Interval, Interval]:
    """Sensitivity and specificity with `clustered_proportion_interval`.

    Examples
    --------
    >>> sensitivity, specificity = clustered_sensitivity_specificity(
    ...     [1, 1, 1, 0, 0, 0], [1, 0, 1, 0, 0, 1], ["a", "a", "b", "b", "c", "c"], method="wald")
    >>> round(sensitivity.estimate, 3), round(specificity.estimate, 3)
    (0.667, 0.667)
    """
    (truth, call, label), _ = drop_incomplete(
        reference=reference, read=read, cluster=cluster, labels=["cluster"]
    )
    present, positive = check_binary(truth, "reference"), check_binary(call, "read")
    return (
        clustered_proportion_interval(positive[present], label[present], confidence, method),
        clustered_proportion_interval(~positive[~present], label[~present], confidence, method),
    )


def _cells(counts: ConfusionCounts, add_half: bool) -> tuple[float, float, float, float]:
    return tuple(cell + 0.5 * add_half for cell in (counts.tp, counts.fp, counts.fn, counts.tn))  # type: ignore[return-value]


def _z(confidence: float) -> float:
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    return float(stats.norm.isf((1 - confidence) / 2))


def _log_interval(estimate: float, variance: float, confidence: float, method: str) -> Interval:
    z = _z(confidence)
    if not np.isfinite(variance):
        return Interval(estimate, 0.0, float("inf"), confidence, method)
    spread = float(np.exp(z * np.sqrt(variance)))
    return Interval(estimate, estimate / spread, estimate * spread, confidence, method)


def _logit_limits(
    p: ArrayLike, variance: float, confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    value = np.asarray(p, dtype=float)
    half = _z(confidence) * np.sqrt(variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        logit = np.log(value / (1 - value))
        lower, upper = 1 / (1 + np.exp(half - logit)), 1 / (1 + np.exp(-half - logit))
    known = np.isfinite(logit) & np.isfinite(half)
    return np.where(known, lower, 0.0), np.where(known, upper, 1.0)
