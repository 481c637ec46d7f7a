"""Areas under ROC curves: DeLong, Hanley–McNeil, partial areas, thresholds, and areas from clustered cases.

The direction is fixed by the caller and never turned round afterwards: ``"higher"`` means that a high score
speaks for the condition, ``"lower"`` that a low one does. An area below 0.5 is a finding, not a mistake to be
repaired. Ties count one half.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import (
    check_between,
    check_binary,
    check_choice,
    check_minimum,
    drop_incomplete,
)
from compendium.statistics.auc_unpaired import delong_test_unpaired
from compendium.statistics.placements import Placements, place_sorted, placements
from compendium.statistics.results import Interval, TestResult
from compendium.statistics.roc import (
    best_thresholds,
    directed,
    partial_auc,
    roc_curve,
    split_classes,
)

__all__ = [
    "Placements",
    "auroc",
    "best_thresholds",
    "clustered_auc_interval",
    "clustered_auc_test",
    "delong_interval",
    "delong_test",
    "delong_test_unpaired",
    "hanley_mcneil_interval",
    "partial_auc",
    "roc_curve",
]

Array = NDArray[np.float64]


def auroc(reference: ArrayLike, score: ArrayLike, direction: str = "higher") -> float:
    """Area under the empirical ROC curve (trapezoids), equal to the Mann–Whitney probability.

    Parameters
    ----------
    reference : array-like of 0/1, shape (n,)
    score : array-like, shape (n,)
        Rows with a missing value are dropped.
    direction : {"higher", "lower"}
        Which scores speak for the condition.

    Raises
    ------
    ValueError
        If one of the two classes is empty.

    Examples
    --------
    >>> auroc([0, 0, 1, 1], [1, 3, 2, 4]), auroc([0, 0, 1, 1], [1, 3, 2, 4], direction="lower")
    (0.75, 0.25)
    """
    positive, negative = split_classes(reference, score, direction)
    ordered = np.sort(negative)
    below = (
        np.searchsorted(ordered, positive, "left").sum() + np.searchsorted(ordered, positive, "right").sum()
    )
    return float(below / 2 / (len(positive) * len(negative)))


def delong_interval(
    reference: ArrayLike,
    score: ArrayLike,
    direction: str = "higher",
    confidence: float = 0.95,
    scale: str = "plain",
) -> Interval:
    """AUROC with the interval of DeLong, DeLong & Clarke-Pearson (1988), in O(n log n).

    Parameters
    ----------
    reference, score, direction
        As in `auroc`; the cases must be independent (else `clustered_auc_interval`).
    confidence : float
    scale : {"plain", "logit"}
        Symmetric limits cut at 0 and 1 (as pROC), or limits on the logit scale, which stay inside.

    Returns
    -------
    Interval
        With perfect separation the variance is 0 and both limits equal the estimate: no evidence of
        certainty.

    Examples
    --------
    >>> got = delong_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
    >>> round(got.estimate, 4), round(got.lower, 4), got.upper
    (0.8889, 0.5809, 1.0)
    """
    positive, negative = split_classes(reference, score, direction)
    check_minimum(min(len(positive), len(negative)), 2, "cases in each class")
    placed = place_sorted(
        np.sort(positive), np.sort(negative)
    )  # the variance does not depend on the order of the cases
    variance = placed.positive.var(ddof=1) / len(positive) + placed.negative.var(ddof=1) / len(negative)
    return _interval(placed.auc, variance, confidence, scale, "DeLong")


def delong_test(
    reference: ArrayLike, first: ArrayLike, second: ArrayLike, direction: str | tuple[str, str] = "higher",
    confidence: float = 0.95,
) -> TestResult:  # fmt: skip
    """Two-sided test of two AUROCs measured on the same cases (DeLong et al. 1988).

    Parameters
    ----------
    reference, first, second : array-like, shape (n,)
        Cases with any value missing are dropped from both areas.
    direction : str or pair of str
        One direction for both scores, or one for each.

    Returns
    -------
    TestResult
        ``statistic`` z, ``estimate`` and ``interval`` the difference first − second. Scores that
        rank all cases alike give difference 0, variance 0 and p = 1; a difference without variance (a perfect
        score against a constant one) has no p (NaN): the method cannot judge it.

    Examples
    --------
    >>> test = delong_test([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], [2, 1, 3, 3, 1, 4])
    >>> round(test.estimate, 4), round(test.p, 4)
    (0.2222, 0.4795)
    """
    truth, scores, _ = _paired(reference, first, second, direction)
    a, b = (placements(s[truth], s[~truth]) for s in scores)
    d_pos, d_neg = a.positive - b.positive, a.negative - b.negative
    check_minimum(min(len(d_pos), len(d_neg)), 2, "cases in each class")
    variance = d_pos.var(ddof=1) / len(d_pos) + d_neg.var(ddof=1) / len(d_neg)
    return _difference_test(a.auc - b.auc, variance, len(truth), confidence, "DeLong, paired")


def hanley_mcneil_interval(auc: float, positives: int, negatives: int, confidence: float = 0.95) -> Interval:
    """Interval of an AUROC from its value and the class sizes alone (Hanley & McNeil 1982).

    Exponential model, Q₁ = A/(2 − A), Q₂ = 2A²/(1 + A). For printed areas; with the scores at hand DeLong
    needs no model.

    Examples
    --------
    >>> round((hanley_mcneil_interval(0.893, 51, 58).upper - 0.893) / 1.96, 3)
    0.033
    """
    check_between(auc, 0, 1, "auc")
    check_minimum(min(positives, negatives), 1, "cases in each class")
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    top = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return _interval(auc, top / (positives * negatives), confidence, "plain", "Hanley–McNeil 1982")


def clustered_auc_interval(
    reference: ArrayLike, score: ArrayLike, cluster: ArrayLike, direction: str = "higher",
    confidence: float = 0.95, scale: str = "plain",
) -> Interval:  # fmt: skip
    """AUROC with an interval for cases that come in clusters (Obuchowski 1997).

    Clusters (patients) may hold cases of one class or of both. With one case per cluster it is DeLong's
    interval.

    Parameters
    ----------
    reference, score, direction, scale
        As in `delong_interval`.
    cluster : array-like, shape (n,)

    Examples
    --------
    >>> got = clustered_auc_interval([0, 1, 0, 1, 0, 1], [1, 3, 2, 5, 4, 6], ["a", "a", "b", "b", "c", "c"])
    >>> round(got.estimate, 4), round(got.lower, 4)
    (0.8889, 0.6711)
    """
    (truth, values, label), _ = drop_incomplete(
        reference=reference, score=score, cluster=cluster, labels=["cluster"]
    )
    present = check_binary(truth, "reference")
    values = directed(values, direction)
    placed = placements(values[present], values[~present])
    sums = _cluster_sums(placed, present, label)
    return _interval(placed.auc, _clustered_variance(*sums), confidence, scale, _cluster_method(sums[0]))


def clustered_auc_test(
    reference: ArrayLike, first: ArrayLike, second: ArrayLike, cluster: ArrayLike,
    direction: str | tuple[str, str] = "higher", confidence: float = 0.95,
) -> TestResult:  # fmt: skip
    """Two-sided test of two AUROCs on the same clustered cases (Obuchowski 1997).

    Examples
    --------
    >>> test = clustered_auc_test([0, 1, 0, 1, 0, 1], [1, 3, 2, 5, 4, 6], [1, 3, 2, 5, 4, 6], list("aabbcc"))
    >>> test.estimate, test.p
    (0.0, 1.0)
    """
    truth, scores, label = _paired(reference, first, second, direction, cluster)
    a, b = (placements(s[truth], s[~truth]) for s in scores)
    difference = Placements(a.auc - b.auc, a.positive - b.positive, a.negative - b.negative)
    sums = _cluster_sums(difference, truth, label)
    return _difference_test(
        difference.auc,
        _clustered_variance(*sums),
        len(truth),
        confidence,
        f"{_cluster_method(sums[0])}, paired",
    )


def _paired(
    reference: ArrayLike, first: ArrayLike, second: ArrayLike, direction: str | tuple[str, str],
    cluster: ArrayLike | None = None,
) -> tuple[NDArray[np.bool_], tuple[Array, Array], NDArray[Any]]:  # fmt: skip
    label = np.arange(len(np.atleast_1d(np.asarray(reference)))) if cluster is None else cluster
    (truth, a, b, label), _ = drop_incomplete(
        reference=reference, first=first, second=second, cluster=label, labels=["cluster"]
    )
    ways = (direction, direction) if isinstance(direction, str) else direction
    return check_binary(truth, "reference"), (directed(a, ways[0]), directed(b, ways[1])), label


def _cluster_sums(
    placed: Placements, present: NDArray[np.bool_], label: NDArray[Any]
) -> tuple[NDArray[Any], ...]:
    """Per cluster: summed deviations of the placements and counts, of both classes."""
    names, code = np.unique(label.astype(str), return_inverse=True)
    k = len(names)
    up, down = code[present], code[~present]
    return (
        np.bincount(up, placed.positive - placed.auc, k), np.bincount(down, placed.negative - placed.auc, k),
        np.bincount(up, minlength=k).astype(float), np.bincount(down, minlength=k).astype(float),
    )  # fmt: skip


def _clustered_variance(dev10: Array, dev01: Array, m: Array, n: Array) -> float:
    k10, k01, k = int(np.sum(m > 0)), int(np.sum(n > 0)), len(m)
    check_minimum(min(k10, k01), 2, "clusters with cases of each class")
    s10 = k10 / (k10 - 1) * np.sum(dev10**2)
    s01 = k01 / (k01 - 1) * np.sum(dev01**2)
    s11 = k / (k - 1) * np.sum(dev10 * dev01)
    big_m, big_n = m.sum(), n.sum()
    return float(s10 / big_m**2 + s01 / big_n**2 + 2 * s11 / (big_m * big_n))


def _cluster_method(per_cluster: Array) -> str:
    return f"Obuchowski 1997, {len(per_cluster)} clusters"


def _interval(auc: float, variance: float, confidence: float, scale: str, method: str) -> Interval:
    check_choice(scale, ["plain", "logit"], "scale")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    half = float(stats.norm.isf((1 - confidence) / 2) * np.sqrt(max(variance, 0.0)))
    if scale == "plain" or auc in (0.0, 1.0) or half == 0:
        lower, upper = max(auc - half, 0.0), min(auc + half, 1.0)
    else:
        logit, wide = np.log(auc / (1 - auc)), half / (auc * (1 - auc))
        lower, upper = 1 / (1 + np.exp(wide - logit)), 1 / (1 + np.exp(-wide - logit))
    return Interval(float(auc), float(lower), float(upper), confidence, f"{method}, {scale}")


def _difference_test(gap: float, variance: float, n: int, confidence: float, method: str) -> TestResult:
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    se = float(np.sqrt(max(variance, 0.0)))
    gap = gap if abs(gap) > 1e-14 else 0.0
    z = gap / se if se > 1e-14 else (float("nan") if gap else 0.0)
    half = float(stats.norm.isf((1 - confidence) / 2)) * se
    interval = Interval(gap, max(gap - half, -1.0), min(gap + half, 1.0), confidence, f"{method}, plain")
    p = float(2 * stats.norm.sf(abs(z)))
    return TestResult(float(z), p, None, n, method, estimate=float(gap), interval=interval)
