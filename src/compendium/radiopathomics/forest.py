"""A bagged forest of regression trees from tiles to cell density, its out-of-fold predictions and their error.

The trees are scikit-learn's. They grow one after the other (`n_jobs=1`), so that sums have one order and results one value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice, check_minimum, check_same_length
from compendium.radiopathomics.folds import Fold, check_disjoint, leave_one_out

ORIGINS = ("samples", "simulation")


@dataclass(frozen=True)
class Settings:
    """How a forest grows.

    Attributes
    ----------
    trees : number of trees, each on a bootstrap of the rows.
    min_leaf : fewest rows in a leaf (5: Matlab's default for bagged regression trees).
    share : share of the features that a split may choose from (a third: Breiman's rule for regression).
    seed : of the bootstraps and of the choices of features.
    """

    trees: int = 100
    min_leaf: int = 5
    share: float = 1 / 3
    seed: int = 1


@dataclass(frozen=True)
class TrainedForest:
    """A forest, who it was trained on, and whether those were real samples.

    Attributes
    ----------
    forest : scikit-learn's RandomForestRegressor.
    subjects : names of the subjects in the training set.
    origin : "samples" (tissue) or "simulation".
    """

    forest: Any
    subjects: frozenset[str]
    origin: str


@dataclass(frozen=True)
class OutOfFoldError:
    """Error on subjects that were left out, beside that of a constant.

    Attributes
    ----------
    rmse : root mean square of prediction − target, not calibrated.
    constant : the same for the mean target of the subjects trained on.
    skill : 1 − rmse² / constant²; 0 or less: the forest is no better than a constant.
    correlation : Pearson's r of prediction and target over all rows.
    bias : mean of prediction − target.
    n, subjects : rows and subjects.
    """

    rmse: float
    constant: float
    skill: float
    correlation: float
    bias: float
    n: int
    subjects: int


def train_forest(
    features: ArrayLike,
    target: ArrayLike,
    subject: ArrayLike,
    settings: Settings | None = None,
    weight: ArrayLike | None = None,
    origin: str = "samples",
) -> TrainedForest:
    """Grow a forest.

    Parameters
    ----------
    features : array (n, p), finite
    target : array (n,)
        Cell density of each tile or of the sample it lies in.
    subject : array (n,)
    settings : Settings, optional
    weight : array (n,), optional
        For instance the share of each voxel that lies in its region.
    origin : {"samples", "simulation"}

    Raises
    ------
    ValueError
        Fewer than two rows, values that are not finite, unlike lengths.

    Examples
    --------
    >>> x = np.arange(40.0)[:, None]
    >>> model = train_forest(x, 10 * x[:, 0], np.repeat(["a", "b"], 20), Settings(trees=20))
    >>> sorted(model.subjects), bool(abs(predict_density(model, [[10.0]])[0] - 100) < 30)
    (['a', 'b'], True)
    """
    from sklearn.ensemble import RandomForestRegressor

    settings = settings or Settings()
    check_choice(origin, ORIGINS, "origin")
    x, y = np.asarray(features, dtype=np.float32), np.asarray(target, dtype=float)
    check_minimum(check_same_length(features=x, target=y), 2, "rows to train a forest on")
    if x.ndim != 2 or not np.isfinite(x).all() or not np.isfinite(y).all():
        raise ValueError(f"Features (n, p) and target must be finite. Given features of shape {x.shape}.")
    forest = RandomForestRegressor(
        n_estimators=settings.trees,
        min_samples_leaf=settings.min_leaf,
        max_features=settings.share,
        random_state=settings.seed,
        n_jobs=1,
    )
    forest.fit(x, y, sample_weight=None if weight is None else np.asarray(weight, dtype=float))
    return TrainedForest(forest, frozenset(str(s) for s in np.unique(np.asarray(subject))), origin)


def predict_density(model: TrainedForest, features: ArrayLike, origin: str = "") -> NDArray[np.float64]:
    """Predict cell density; with `origin` given, refuse images of another kind than the forest was trained on.

    Parameters
    ----------
    model : TrainedForest
    features : array (n, p)
    origin : {"", "samples", "simulation"}
        Where the *images* come from.

    Raises
    ------
    ValueError
        A forest trained on simulated brains meets real images, or the other way round.
    """
    check_origin(model.origin, origin or model.origin)
    return np.asarray(model.forest.predict(np.asarray(features, dtype=np.float32)), dtype=float)


def check_origin(trained_on: str, applied_to: str) -> None:
    """Refuse to carry a forest from simulation to images of patients, or back.

    Examples
    --------
    >>> check_origin("simulation", "samples")
    Traceback (most recent call last):
        ...
    ValueError: A forest must meet images of the kind it was trained on. Given training on simulation, images of samples.
    """
    if trained_on != applied_to:
        given = f"training on {trained_on}, images of {applied_to}"
        raise ValueError(f"A forest must meet images of the kind it was trained on. Given {given}.")


def predict_out_of_fold(
    features: ArrayLike,
    target: ArrayLike,
    subject: ArrayLike,
    settings: Settings | None = None,
    folds: Iterable[Fold] | None = None,
    weight: ArrayLike | None = None,
    tile: ArrayLike | None = None,
    allow_leakage: bool = False,
) -> NDArray[np.float64]:
    """Predict every row by a forest that saw nothing of its subject.

    Parameters
    ----------
    features, target, subject, settings, weight : see `train_forest`.
    folds : by default, one subject left out at a time.
    tile : identity of tiles, see `check_disjoint`.
    allow_leakage : let folds pass that share a subject: to show what leakage does, never to report an error.

    Returns
    -------
    array (n,)

    Raises
    ------
    LeakageError
        A fold trains on a subject or a tile that it tests.
    """
    x, y, who = np.asarray(features, dtype=np.float32), np.asarray(target, dtype=float), np.asarray(subject)
    w = None if weight is None else np.asarray(weight, dtype=float)
    found = np.full(len(y), np.nan)
    for fold in leave_one_out(who) if folds is None else folds:
        if not allow_leakage:
            check_disjoint(fold, who, tile)
        kept = fold.train
        model = train_forest(x[kept], y[kept], who[kept], settings, None if w is None else w[kept])
        found[fold.test] = predict_density(model, x[fold.test])
    return found


def score_out_of_fold(predicted: ArrayLike, target: ArrayLike, subject: ArrayLike) -> OutOfFoldError:
    """Error of out-of-fold predictions, beside that of a constant: the mean target of the other subjects.

    Examples
    --------
    >>> score = score_out_of_fold([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], ["a", "b", "c"])
    >>> round(score.rmse, 3), round(score.constant, 3), score.n
    (0.577, 1.871, 3)
    """
    p, y, who = np.asarray(predicted, dtype=float), np.asarray(target, dtype=float), np.asarray(subject)
    check_same_length(predicted=p, target=y, subject=who)
    constant = np.empty(len(y))
    for fold in leave_one_out(who):
        constant[fold.test] = y[fold.train].mean()
    rmse, base = float(np.sqrt(np.mean((p - y) ** 2))), float(np.sqrt(np.mean((constant - y) ** 2)))
    varies = np.ptp(p) > 0 and np.ptp(y) > 0
    correlation = float(np.corrcoef(p, y)[0, 1]) if varies else float("nan")
    skill = 1 - (rmse / base) ** 2 if base > 0 else float("nan")
    return OutOfFoldError(rmse, base, skill, correlation, float(np.mean(p - y)), len(y), len(np.unique(who)))
