"""Placement values, from which the variances of areas under ROC curves are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compendium.statistics.roc import both_classes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Placements:
    """Placement values: for each case the share of the other class that it beats (ties one half).

    Attributes
    ----------
    auc : float
    positive, negative : ndarray
        Shape (positives,) and (negatives,), in the order of the cases.
    """

    auc: float
    positive: Array
    negative: Array


def placements(positive: Array, negative: Array) -> Placements:
    """Placement values of two classes of scores, high scores speaking for the condition.

    Examples
    --------
    >>> placements(np.array([3.0, 2.0]), np.array([1.0, 2.0])).positive
    array([1.  , 0.75])
    """
    both_classes(positive, negative)
    by_positive, by_negative = np.argsort(positive), np.argsort(negative)
    placed = place_sorted(positive[by_positive], negative[by_negative])
    v10, v01 = np.empty(len(positive)), np.empty(len(negative))
    v10[by_positive], v01[by_negative] = placed.positive, placed.negative
    return Placements(placed.auc, v10, v01)


def place_sorted(positive: Array, negative: Array) -> Placements:
    """Placement values of two classes that are sorted already.

    Examples
    --------
    >>> place_sorted(np.array([2.0, 3.0]), np.array([1.0, 2.0])).auc
    0.875
    """
    v10 = _beaten(negative, positive) / len(negative)
    v01 = 1 - _beaten(positive, negative) / len(positive)
    return Placements(float(v10.mean()), v10, v01)


def _beaten(ordered: Array, values: Array) -> Array:
    """How many of the ordered numbers each value exceeds, ties one half."""
    left = np.searchsorted(ordered, values, "left")
    if (ordered[np.minimum(left, len(ordered) - 1)] != values).all():  # no tie between the two: half the work
        return left.astype(np.float64)
    return (left + np.searchsorted(ordered, values, "right")) / 2
