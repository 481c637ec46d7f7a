"""How firmly a best threshold is known: clusters are drawn again, and what was not drawn judges the choice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_binary, check_minimum, drop_incomplete
from compendium.statistics.roc import both_classes, directed

Array = NDArray[np.float64]


def youden_threshold(positive: Array, negative: Array) -> tuple[float, float, float]:
    """Threshold with the largest sensitivity + specificity − 1, for scores where high speaks for the condition.

    Cuts lie half-way between neighbouring values; of several best cuts the middle one (the lower of two) is
    returned. `compendium.statistics.roc.best_thresholds` returns all of them.

    Returns
    -------
    (threshold, sensitivity, specificity)

    Examples
    --------
    >>> youden_threshold(np.array([2.0, 4.0]), np.array([1.0, 3.0]))
    (1.5, 1.0, 0.5)
    """
    values = np.unique(np.concatenate([positive, negative]))
    sensitivity = 1 - np.searchsorted(np.sort(positive), values, "left") / len(positive)
    specificity = np.searchsorted(np.sort(negative), values, "left") / len(negative)
    merit = sensitivity + specificity
    best = np.flatnonzero(merit >= merit.max() - 1e-12)
    i = int(best[(len(best) - 1) // 2])
    cut = values[i] if i == 0 else (values[i - 1] + values[i]) / 2
    return float(cut), float(sensitivity[i]), float(specificity[i])


def threshold_stability(
    reference: ArrayLike, score: ArrayLike, cluster: ArrayLike, direction: str = "higher",
    n_resamples: int = 500, seed: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """Choose the Youden threshold in every resample of the clusters and judge it on the clusters not drawn.

    Parameters
    ----------
    reference : array-like of 0/1, shape (n,)
    score : array-like, shape (n,)
        Rows with a missing value are dropped.
    cluster : array-like, shape (n,)
        What was drawn from the population: the patients.
    direction : {"higher", "lower"}
    n_resamples, seed : int

    Returns
    -------
    DataFrame, one row per resample
        threshold; sensitivity and specificity in the resample it was chosen on (``chosen_``) and on the clusters
        left out (``left_out_``). NaN where a class is empty.

    Raises
    ------
    ValueError
        With fewer than two clusters, or a class without cases.

    Examples
    --------
    >>> got = threshold_stability([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], list("abcdef"), n_resamples=20)
    >>> got.columns.to_list()
    ['threshold', 'chosen_sensitivity', 'chosen_specificity', 'left_out_sensitivity', 'left_out_specificity']
    """
    (truth, values, label), _ = drop_incomplete(
        reference=reference, score=score, cluster=cluster, labels=["cluster"]
    )
    present = check_binary(truth, "reference")
    both_classes(values[present], values[~present])
    values = directed(values, direction)
    code = np.unique(label.astype(str), return_inverse=True)[1]
    k = int(code.max()) + 1
    check_minimum(k, 2, "clusters")
    draws = np.random.default_rng(seed).integers(0, k, size=(n_resamples, k))
    rows = [_one(np.bincount(draw, minlength=k)[code], values, present) for draw in draws]
    names = [
        "threshold",
        *(f"{w}_{m}" for w in ("chosen", "left_out") for m in ("sensitivity", "specificity")),
    ]
    frame = pd.DataFrame(rows, columns=names)
    if direction == "lower":
        frame["threshold"] = -frame["threshold"]
    return frame


def _one(weight: NDArray[np.int_], values: Array, present: NDArray[np.bool_]) -> tuple[float, ...]:
    positive, negative = (np.repeat(values[c], weight[c]) for c in (present, ~present))
    if not len(positive) or not len(negative):
        return (float("nan"),) * 5
    cut, sensitivity, specificity = youden_threshold(positive, negative)
    out = weight == 0
    return (
        cut,
        sensitivity,
        specificity,
        _share(values[present & out] >= cut),
        _share(values[~present & out] < cut),
    )


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")
