"""The 2 × 2 table of a binary read against a binary reference, and the metrics that follow from it.

The names can be imported from `compendium.statistics.diagnosis` as well, where their intervals are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from compendium.base.validation import check_binary, drop_incomplete


@dataclass(frozen=True)
class ConfusionCounts:
    """Counts of a binary read against a binary reference: true and false positives and negatives.

    Attributes
    ----------
    tp, fp, fn, tn : int
    dropped : int
        Rows left out because the reference or the read was missing.

    Raises
    ------
    ValueError
        If a count is negative or not a whole number.
    """

    tp: int
    fp: int
    fn: int
    tn: int
    dropped: int = 0

    def __post_init__(self) -> None:
        for name in ("tp", "fp", "fn", "tn", "dropped"):
            check_count(getattr(self, name), name)

    @property
    def positives(self) -> int:
        """Cases with the condition."""
        return self.tp + self.fn

    @property
    def negatives(self) -> int:
        """Cases without the condition."""
        return self.fp + self.tn

    @property
    def n(self) -> int:
        """All cases."""
        return self.positives + self.negatives


@dataclass(frozen=True)
class DiagnosticMetrics:
    """Point estimates from one 2 × 2 table, as fractions or ratios; NaN where the denominator is zero.

    ``ppv`` is also called precision; ``prevalence`` is that of the table, which a design may have fixed.
    ``lr_positive`` and ``dor`` are infinite when only their denominator is zero.
    """

    sensitivity: float
    specificity: float
    ppv: float
    npv: float
    accuracy: float
    f1: float
    mcc: float
    dor: float
    lr_positive: float
    lr_negative: float
    youden: float
    prevalence: float

    @property
    def precision(self) -> float:
        """Another name of the positive predictive value."""
        return self.ppv


def confusion_counts(reference: ArrayLike, read: ArrayLike) -> ConfusionCounts:
    """Count true and false positives and negatives.

    Parameters
    ----------
    reference, read : array-like of 0/1, shape (n,)
        Condition absent/present; read negative/positive. Rows with a missing value are dropped and counted.

    Examples
    --------
    >>> confusion_counts([1, 1, 0, 0, 1], [1, 0, 0, 1, None])
    ConfusionCounts(tp=1, fp=1, fn=1, tn=1, dropped=1)
    """
    (truth, call), dropped = drop_incomplete(reference=reference, read=read)
    present, positive = check_binary(truth, "reference"), check_binary(call, "read")
    return ConfusionCounts(
        tp=int(np.sum(present & positive)),
        fp=int(np.sum(~present & positive)),
        fn=int(np.sum(present & ~positive)),
        tn=int(np.sum(~present & ~positive)),
        dropped=dropped,
    )


def diagnostic_metrics(counts: ConfusionCounts) -> DiagnosticMetrics:
    """All usual metrics of one 2 × 2 table.

    Parameters
    ----------
    counts : ConfusionCounts

    Returns
    -------
    DiagnosticMetrics
        Fractions and ratios. The Matthews coefficient is NaN (not 0, as scikit-learn has it) when a margin is
        empty.

    Examples
    --------
    >>> metrics = diagnostic_metrics(ConfusionCounts(tp=334, fp=4, fn=7, tn=77))
    >>> round(metrics.sensitivity, 4), round(metrics.f1, 4)
    (0.9795, 0.9838)
    """
    tp, fp, fn, tn = (float(x) for x in (counts.tp, counts.fp, counts.fn, counts.tn))
    sensitivity, specificity = ratio_or_nan(tp, tp + fn), ratio_or_nan(tn, tn + fp)
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return DiagnosticMetrics(
        sensitivity=sensitivity,
        specificity=specificity,
        ppv=ratio_or_nan(tp, tp + fp),
        npv=ratio_or_nan(tn, tn + fn),
        accuracy=ratio_or_nan(tp + tn, tp + fp + fn + tn),
        f1=ratio_or_nan(2 * tp, 2 * tp + fp + fn),
        mcc=ratio_or_nan(tp * tn - fp * fn, float(np.sqrt(margins))),
        dor=ratio_or_nan(tp * tn, fp * fn),
        lr_positive=ratio_or_nan(sensitivity, 1 - specificity),
        lr_negative=ratio_or_nan(1 - sensitivity, specificity),
        youden=sensitivity + specificity - 1,
        prevalence=ratio_or_nan(tp + fn, tp + fp + fn + tn),
    )


def check_count(value: object, name: str) -> None:
    """Refuse what is not a number of cases.

    Examples
    --------
    >>> check_count(2.5, "tp")
    Traceback (most recent call last):
        ...
    ValueError: tp must be a whole number of cases, 0 or more. Given 2.5.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.number))
        or value < 0
        or value != int(value)
    ):
        raise ValueError(f"{name} must be a whole number of cases, 0 or more. Given {value!r}.")


def ratio_or_nan(top: float, bottom: float) -> float:
    """top/bottom; infinite or NaN where the denominator is zero.

    Examples
    --------
    >>> ratio_or_nan(1, 4), ratio_or_nan(1, 0), ratio_or_nan(0, 0)
    (0.25, inf, nan)
    """
    if bottom == 0:
        return float("inf") if top > 0 else float("nan")
    return float(top / bottom)
