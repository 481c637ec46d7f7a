"""Two modalities joined for one prediction: where in the way from image to answer they meet, tested on subjects left out.

===================  =====================================================================================
way                  what the model is given
===================  =====================================================================================
`first`, `second`    the values of one modality
`values`             the values of both side by side (raw images, or features, whatever the columns hold)
`embedding`          principal components of each modality, side by side
`scores`             one score of each modality, averaged
===================  =====================================================================================

Everything that is learned (means, components, filled gaps, weights) is learned on the training rows of a fold. The model
is a ridge regression of the outcome, coded −1 and 1, whose value is a score: only its order is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice
from compendium.radiopathomics.folds import Fold, LeakageError
from compendium.radiopathomics.imputation import fill_from

Array = NDArray[np.float64]
WAYS = ("first", "second", "values", "embedding", "scores")


@dataclass(frozen=True)
class Joining:
    """How two modalities are joined.

    `penalty` is the ridge penalty of a standardised column, times the number of columns; `components` the number of
    principal components kept of each modality; `missing` is "impute" (from the other modality, inside the fold) or "drop"
    (rows with a gap neither train nor get a score).
    """

    way: str = "embedding"
    penalty: float = 1.0
    components: int = 4
    missing: str = "impute"


def grouped_folds(subject: ArrayLike, outcome: ArrayLike, count: int, seed: int) -> list[Fold]:
    """Folds of whole subjects, each with about the same share of outcomes.

    Parameters
    ----------
    count : number of folds; not more than there are subjects of either outcome.

    Raises
    ------
    ValueError : a subject with both outcomes, or too few subjects.

    Examples
    --------
    >>> folds = grouped_folds(list("aabbccdd"), [0, 0, 1, 1, 0, 0, 1, 1], 2, seed=1)
    >>> [fold.test.tolist() for fold in folds]
    [[0, 1, 6, 7], [2, 3, 4, 5]]
    """
    label, y = np.asarray(subject), np.asarray(outcome)
    names, first = np.unique(label, return_index=True)
    per_subject = {name: y[i] for name, i in zip(names, first, strict=True)}
    if any(per_subject[name] != value for name, value in zip(label, y, strict=True)):
        raise ValueError("A subject has one outcome. Given one with both.")
    classes = [[n for n in names if per_subject[n] == c] for c in (0, 1)]
    if min(map(len, classes)) < count:
        sizes = ", ".join(str(len(c)) for c in classes)
        raise ValueError(
            f"Each fold needs a subject of each outcome. Given {count} folds for {sizes} subjects."
        )
    rng = np.random.default_rng([seed, 50])
    place: dict[object, int] = {}
    for held in classes:
        start = len(place)
        place |= {held[j]: (start + i) % count for i, j in enumerate(rng.permutation(len(held)))}
    at = np.array([place[name] for name in label])
    return [Fold(k, np.flatnonzero(at != k), np.flatnonzero(at == k)) for k in range(count)]


def predict_joined(
    first: ArrayLike,
    second: ArrayLike,
    outcome: ArrayLike,
    subject: ArrayLike,
    folds: Iterable[Fold],
    how: Joining,
    *,
    allow_leakage: bool = False,
) -> Array:
    """Scores of rows by models that were trained on the other folds; NaN where a row is in no fold or was dropped.

    Parameters
    ----------
    first, second : arrays, shape (rows, p) and (rows, q), NaN where values are missing.
    outcome : array of 0 and 1, shape (rows,).

    Raises
    ------
    LeakageError : a subject stands on both sides of a fold, unless allowed (to show what it does).
    ValueError : unknown way or treatment of gaps.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> y = np.repeat([0, 1], 30)
    >>> x, z = rng.normal(y[:, None], 1, (60, 2)), rng.normal(y[:, None], 1, (60, 2))
    >>> folds = grouped_folds(np.arange(60), y, 5, seed=1)
    >>> score = predict_joined(x, z, y, np.arange(60), folds, Joining("values"))
    >>> bool(score[y == 1].mean() > score[y == 0].mean())
    True
    """
    check_choice(how.way, WAYS, "way")
    check_choice(how.missing, ("impute", "drop"), "missing")
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    y, label = 2.0 * np.asarray(outcome, dtype=float) - 1, np.asarray(subject)
    whole = ~_gaps(a, b, how.way)
    scores = np.full(len(y), np.nan)
    for fold in folds:
        shared = np.intersect1d(label[fold.train], label[fold.test])
        if len(shared) and not allow_leakage:
            raise LeakageError(
                f"A subject is trained on or tested, never both. Given {shared[0]} in fold {fold.name}."
            )
        train, test = fold.train, fold.test
        if how.missing == "drop":
            train, test = train[whole[train]], test[whole[test]]
        scores[test] = _score(_blocks(a, b, train, how), y, train, test, how)
    return scores


def _gaps(a: Array, b: Array, way: str) -> NDArray[np.bool_]:
    used = {"first": (a,), "second": (b,)}.get(way, (a, b))
    return np.any([np.isnan(block).any(axis=1) for block in used], axis=0)


def _blocks(a: Array, b: Array, train: NDArray[np.intp], how: Joining) -> list[Array]:
    """Modalities in use, without gaps, standardised by the training rows."""
    filled = {
        "first": lambda: fill_from(b, a, train).values if np.isnan(a).any() else a,
        "second": lambda: fill_from(a, b, train).values if np.isnan(b).any() else b,
    }
    names = (how.way,) if how.way in filled else tuple(filled)
    return [_standardised(filled[name](), train) for name in names]


def _standardised(values: Array, train: NDArray[np.intp]) -> Array:
    spread = values[train].std(axis=0)
    return (values - values[train].mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _score(
    blocks: Sequence[Array], y: Array, train: NDArray[np.intp], test: NDArray[np.intp], how: Joining
) -> Array:
    if how.way == "scores":
        each = [_ridge(block, y, train, how.penalty) for block in blocks]
        return np.mean([(s[test] - s[train].mean()) / max(s[train].std(), 1e-12) for s in each], axis=0)
    if how.way == "embedding":
        blocks = [_embedded(block, train, how.components) for block in blocks]
    return _ridge(np.hstack(blocks), y, train, how.penalty)[test]


def _embedded(block: Array, train: NDArray[np.intp], components: int) -> Array:
    """Principal components of the training rows, each scaled to SD 1 there."""
    _, _, axes = np.linalg.svd(block[train], full_matrices=False)
    return _standardised(block @ axes[:components].T, train)


def _ridge(values: Array, y: Array, train: NDArray[np.intp], penalty: float) -> Array:
    """Ridge regression by its dual where that is smaller."""
    x, middle = values[train], y[train].mean()
    n, p = x.shape
    target = y[train] - middle
    if p <= n:
        weights = np.linalg.solve(x.T @ x + penalty * p * np.eye(p), x.T @ target)
    else:
        weights = x.T @ np.linalg.solve(x @ x.T + penalty * p * np.eye(n), target)
    return values @ weights


def subject_scores(
    scores: ArrayLike, outcome: ArrayLike, subject: ArrayLike
) -> tuple[Array, NDArray[np.int_]]:
    """Mean score and outcome of each subject that has a score: the unit that is independent.

    Examples
    --------
    >>> subject_scores([1, 3, 5], [0, 0, 1], ["a", "a", "b"])
    (array([2., 5.]), array([0, 1]))
    """
    s, y, label = np.asarray(scores, dtype=float), np.asarray(outcome), np.asarray(subject)
    held = ~np.isnan(s)
    names, at, code = np.unique(label[held], return_index=True, return_inverse=True)
    means = np.bincount(code, s[held]) / np.bincount(code, minlength=len(names))
    return means, y[held][at].astype(int)


def leave_group_out(group: ArrayLike) -> list[Fold]:
    """One fold per group, such as a site: everybody else trains.

    Raises
    ------
    ValueError : fewer than two groups.

    Examples
    --------
    >>> [(fold.name, fold.test.tolist()) for fold in leave_group_out(["B", "A", "B"])]
    [('A', [1]), ('B', [0, 2])]
    """
    label = np.asarray(group)
    names = np.unique(label).tolist()
    if len(names) < 2:
        raise ValueError(f"Leaving a group out needs two groups at least. Given {len(names)}.")
    return [Fold(name, np.flatnonzero(label != name), np.flatnonzero(label == name)) for name in names]
