"""Polynomials in two variables with cross-validation that keeps the rows of a patient together.

A plain k-fold split of 140 tumours in 38 patients predicts a tumour from its neighbours in the same liver;
whole groups are therefore the unit of a fold, and "rows" has to be asked for by passing no groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice, check_minimum, drop_incomplete

Array = NDArray[np.float64]
FULL_CUBIC = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
GRUSSU_EQ_17 = ((0, 0), (0, 2), (1, 2), (1, 1), (2, 1), (2, 0), (3, 0))  # as printed: x, y and y³ are absent


def polynomial_terms(x: ArrayLike, y: ArrayLike, exponents: Sequence[tuple[int, int]]) -> Array:
    """Columns x^i y^j, one per pair of exponents, shape (n, terms).

    Examples
    --------
    >>> polynomial_terms([2.0], [3.0], ((0, 0), (1, 1), (2, 0)))
    array([[1., 6., 4.]])
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    return np.column_stack([a**i * b**j for i, j in exponents])


@dataclass(frozen=True)
class CrossValidated:
    """Out-of-fold predictions.

    Attributes
    ----------
    predicted, observed : ndarray, shape (n,)
        Complete rows, in the order given.
    fold : ndarray of int, shape (n,)
    r : float
        Pearson correlation of the pooled predictions with the observed values.
    r_by_fold : tuple of float
        NaN where a fold has fewer than three rows or does not vary.
    rmse, r_squared : float
        r_squared = 1 − SSE/SST against the mean of each training set: at most 1, negative when worse than
        that mean.
    parameters, n, dropped : int
    method : str
    """

    predicted: Array
    observed: Array
    fold: NDArray[np.int64]
    r: float
    r_by_fold: tuple[float, ...]
    rmse: float
    r_squared: float
    parameters: int
    n: int
    dropped: int
    method: str


def assign_group_folds(groups: ArrayLike, folds: int, *, seed: int) -> NDArray[np.int64]:
    """Fold of each row, whole groups kept together and rows per fold balanced (largest groups first, ties
    by `seed`).

    The result does not depend on the order of the rows.

    Examples
    --------
    >>> assign_group_folds(["a", "a", "a", "b", "b", "c"], 2, seed=1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    labels, index, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if not 2 <= folds <= len(labels):
        raise ValueError(f"folds must lie between 2 and the number of groups ({len(labels)}). Given {folds}.")
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(-counts[order], kind="stable")]
    filled, fold_of = np.zeros(folds, dtype=int), np.zeros(len(labels), dtype=np.int64)
    for group in order:
        fold_of[group] = int(np.argmin(filled))
        filled[fold_of[group]] += counts[group]
    return fold_of[index]


def cross_validate_polynomial(
    outcome: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    exponents: Sequence[tuple[int, int]],
    groups: ArrayLike | None,
    folds: int,
    seed: int,
    scale: str = "training",
) -> CrossValidated:
    """Least-squares polynomial in two variables, predicted fold by fold.

    Parameters
    ----------
    groups : array-like or None
        Clusters that must not be split between folds (patients). None: every row is its own group, which is
        what a plain k-fold split does; say so when rows of one patient repeat.
    scale : {"training", "none"}
        z-score x and y with the mean and SD of the training rows (conditioning; predictions change only for
        polynomials that lack lower terms, such as ``GRUSSU_EQ_17``), or leave them.

    Raises
    ------
    ValueError
        If a training set has fewer rows than coefficients, or its columns are collinear.

    Examples
    --------
    >>> x, y = np.arange(12.0), np.tile([0.0, 1.0, 3.0], 4)
    >>> result = cross_validate_polynomial(1 + 2 * x + y, x, y, exponents=((0, 0), (1, 0), (0, 1)),
    ...                                    groups=np.repeat(list("abcdef"), 2), folds=3, seed=1)
    >>> round(result.r, 6), result.parameters, bool(result.rmse < 1e-9)
    (1.0, 3, True)
    """
    check_choice(scale, ("training", "none"), "scale")
    rows = np.arange(len(np.asarray(outcome))) if groups is None else groups
    (t, a, b, labels), dropped = drop_incomplete(labels=["groups"], outcome=outcome, x=x, y=y, groups=rows)
    fold = assign_group_folds(labels.astype(str), folds, seed=seed)
    predicted, baseline = np.empty_like(t), np.empty_like(t)
    for k in range(folds):
        test, train = fold == k, fold != k
        predicted[test] = _predict(t[train], a, b, train, test, exponents, scale)
        baseline[test] = t[train].mean()
    error = t - predicted
    by_fold = tuple(_pearson(predicted[fold == k], t[fold == k]) for k in range(folds))
    spread = float(((t - baseline) ** 2).sum())
    r_squared = float(1 - (error**2).sum() / spread) if spread > 1e-24 * float(t @ t) else float("nan")
    kind = "rows" if groups is None else "groups"
    return CrossValidated(
        predicted,
        t,
        fold,
        _pearson(predicted, t),
        by_fold,
        float(np.sqrt((error**2).mean())),
        r_squared,
        len(exponents),
        len(t),
        dropped,
        f"{folds}-fold by {kind}, seed {seed}, scale {scale}",
    )


def _predict(
    target: Array,
    x: Array,
    y: Array,
    train: NDArray[np.bool_],
    test: NDArray[np.bool_],
    exponents: Sequence[tuple[int, int]],
    scale: str,
) -> Array:
    if scale == "training":
        x, y = ((v - v[train].mean()) / (v[train].std() or 1.0) for v in (x, y))
    design = polynomial_terms(x, y, exponents)
    check_minimum(int(train.sum()), len(exponents) + 1, "training rows")
    coefficients, _, rank, _ = np.linalg.lstsq(design[train], target, rcond=None)
    if rank < len(exponents):
        raise ValueError(
            f"Polynomial columns must be linearly independent. Given {len(exponents)} of rank {rank}."
        )
    return design[test] @ coefficients


def _pearson(a: Array, b: Array) -> float:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
