"""Who is trained on and who is tested: whole subjects are left out, and a guard refuses anything less."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import as_labels, check_minimum

LEAST_SUBJECTS = 3


class LeakageError(ValueError):
    """Something of a tested subject was in the training set."""


class Fold(NamedTuple):
    """Rows to train on and rows to test on, and the name of what is left out."""

    name: Any
    train: NDArray[np.intp]
    test: NDArray[np.intp]


def leave_one_out(group: ArrayLike) -> Iterator[Fold]:
    """Yield one fold per group (a subject, or a sample), in sorted order.

    Raises
    ------
    ValueError
        With fewer than three groups, or a row without one.

    Examples
    --------
    >>> [(fold.name, fold.test.tolist()) for fold in leave_one_out(["b", "a", "b", "c"])]
    [('a', [1]), ('b', [0, 2]), ('c', [3])]
    """
    labels = as_labels(group, "group")
    missing = [i for i, label in enumerate(labels) if label is None]
    if missing:
        raise ValueError(f"Every row must belong to a group. Given none in row {missing[0]}.")
    names, code = np.unique(labels, return_inverse=True)
    check_minimum(len(names), LEAST_SUBJECTS, "groups to leave one out")
    for i, name in enumerate(names):
        yield Fold(name, np.flatnonzero(code != i), np.flatnonzero(code == i))


def random_folds(n: int, count: int, seed: int) -> Iterator[Fold]:
    """Yield folds of rows at random: what must **not** be done with tiles, kept to show what it does.

    Examples
    --------
    >>> sorted(np.concatenate([f.test for f in random_folds(7, 3, seed=1)]).tolist())
    [0, 1, 2, 3, 4, 5, 6]
    """
    check_minimum(n, count, "rows for the folds")
    order = np.random.default_rng(seed).permutation(n)
    for i, test in enumerate(np.array_split(order, count)):
        yield Fold(i, np.setdiff1d(order, test), np.sort(test))


def random_group_folds(group: ArrayLike, count: int, seed: int) -> Iterator[Fold]:
    """Yield folds of whole groups (samples) at random: no tile is shared, but the subject still is.

    Examples
    --------
    >>> folds = list(random_group_folds(["s1", "s1", "s2", "s3"], 3, seed=1))
    >>> sorted(fold.test.tolist() for fold in folds)
    [[0, 1], [2], [3]]
    """
    names, code = np.unique(as_labels(group, "group"), return_inverse=True)
    for fold in random_folds(len(names), count, seed):
        held = np.isin(code, fold.test)
        yield Fold(fold.name, np.flatnonzero(~held), np.flatnonzero(held))


def check_disjoint(fold: Fold, subject: ArrayLike, tile: ArrayLike | None = None) -> None:
    """Refuse a fold in which a subject, or a tile, is trained on and tested.

    Parameters
    ----------
    fold : Fold
    subject : array (n,)
        Subject of every row.
    tile : array (n,), optional
        Identity of every tile, for tables in which one tile stands under two subjects or more than once.

    Raises
    ------
    LeakageError

    Examples
    --------
    >>> check_disjoint(Fold(0, np.array([0, 1]), np.array([2])), ["A", "B", "B"])
    Traceback (most recent call last):
        ...
    compendium.radiopathomics.folds.LeakageError: A subject must not be trained on and tested. Given 'B' in fold 0 in both.
    """
    for what, labels in (("subject", subject), ("tile", tile)):
        if labels is None:
            continue
        label = np.asarray(labels)
        both = np.intersect1d(label[fold.train], label[fold.test])
        if len(both):
            given = f"{both.tolist()[0]!r} in fold {fold.name}"
            raise LeakageError(f"A {what} must not be trained on and tested. Given {given} in both.")
