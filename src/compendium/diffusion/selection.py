"""Which model? TCS (eq. 13), HFC (eq. 14), BIC by voxel majority, and how stable the ranking is over cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice, check_same_length

Array = NDArray[np.float64]

CRITERIA = ("TCS", "HFC")


@dataclass(frozen=True)
class Ranking:
    """Models ranked by a criterion.

    Attributes
    ----------
    criterion : str
    scores : dict of float
        TCS of all cases (higher is better), or share of cases in which HFC or BIC is lowest.
    order : tuple of str
        Best first.
    first_share : dict of float
        Share of resamples of cases in which the model comes first.
    rank_interval : dict of tuple of int
        2.5 and 97.5 % of its rank over resamples.
    n_cases, resamples : int
    """

    criterion: str
    scores: dict[str, float]
    order: tuple[str, ...]
    first_share: dict[str, float]
    rank_interval: dict[str, tuple[int, int]]
    n_cases: int
    resamples: int


def total_correlation(
    size: ArrayLike, size_truth: ArrayLike, fraction: ArrayLike, fraction_truth: ArrayLike
) -> float:
    """TCS = r(vCS, truth) + r(F, truth) (eq. 13); NaN when one is constant.

    Examples
    --------
    >>> round(total_correlation([1, 2, 3], [2, 4, 6], [1, 2, 3], [3, 2, 1]), 6)
    0.0
    """
    return float(_correlation(size, size_truth) + _correlation(fraction, fraction_truth))


def _correlation(x: ArrayLike, y: ArrayLike) -> float:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm > 0 else float("nan")


def histology_fidelity(
    size: ArrayLike, size_truth: ArrayLike, fraction: ArrayLike, fraction_truth: ArrayLike
) -> Array:
    """HFC per case: the sum of relative absolute errors of vCS and F (eq. 14).

    Examples
    --------
    >>> histology_fidelity([22.0], [20.0], [0.6], [0.8]).round(3)
    array([0.35])
    """
    s, st, f, ft = (np.asarray(a, dtype=np.float64) for a in (size, size_truth, fraction, fraction_truth))
    return np.abs(s - st) / st + np.abs(f - ft) / ft


def rank_models(
    sizes: Mapping[str, ArrayLike],
    fractions: Mapping[str, ArrayLike],
    size_truth: ArrayLike,
    fraction_truth: ArrayLike,
    criterion: str = "TCS",
    resamples: int = 2000,
    seed: int = 1,
) -> Ranking:
    """Rank models by TCS or HFC against histology, with a bootstrap of the cases.

    Parameters
    ----------
    sizes, fractions : mapping of model to array-like, shape (cases,)
    size_truth, fraction_truth : array-like, shape (cases,)

    Raises
    ------
    ValueError
        With fewer than three cases, or missing values.
    """
    check_choice(criterion, CRITERIA, "criterion")
    names = list(sizes)
    s = np.array([np.asarray(sizes[name], dtype=np.float64) for name in names])
    f = np.array([np.asarray(fractions[name], dtype=np.float64) for name in names])
    st, ft = np.asarray(size_truth, dtype=np.float64), np.asarray(fraction_truth, dtype=np.float64)
    n = check_same_length(size_truth=st, fraction_truth=ft, sizes=s.T, fractions=f.T)
    if n < 3 or not all(np.isfinite(a).all() for a in (s, f, st, ft)):
        raise ValueError(f"Ranking needs three or more cases without missing values. Given {n}.")
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, n, (resamples, n))
    if criterion == "TCS":
        score = lambda k: np.array(  # noqa: E731
            [total_correlation(s[m, k], st[k], f[m, k], ft[k]) for m in range(len(names))]
        )
    else:
        errors = np.array([histology_fidelity(s[m], st, f[m], ft) for m in range(len(names))])
        best = errors == errors.min(axis=0)
        wins = best / best.sum(axis=0)
        score = lambda k: wins[:, k].mean(axis=1)  # noqa: E731
    return _ranking(criterion, names, score(np.arange(n)), np.array([score(k) for k in draws]), n)


def rank_by_votes(votes: Mapping[str, ArrayLike], resamples: int = 2000, seed: int = 1) -> Ranking:
    """Rank models by the share of cases that they win (`majority_vote`), with a bootstrap of the cases."""
    names = list(votes)
    wins = np.array([np.asarray(votes[name], dtype=np.float64) for name in names])
    n = wins.shape[1]
    draws = np.random.default_rng(seed).integers(0, n, (resamples, n))
    return _ranking("BIC", names, wins.mean(axis=1), wins[:, draws].mean(axis=2).T, n)


def _ranking(criterion: str, names: list[str], scores: Array, drawn: Array, n: int) -> Ranking:
    order = tuple(names[i] for i in np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable"))
    filled = np.nan_to_num(drawn, nan=-np.inf)
    ranks = 1 + np.sum(filled[:, None, :] > filled[:, :, None], axis=2)
    top = ranks == 1
    share = (top / top.sum(axis=1, keepdims=True)).mean(axis=0)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="nearest").astype(int)
    return Ranking(
        criterion, dict(zip(names, map(float, scores), strict=True)), order,
        dict(zip(names, map(float, share), strict=True)),
        {name: (int(a), int(b)) for name, a, b in zip(names, low, high, strict=True)}, n, len(drawn),
    )  # fmt: skip


@dataclass(frozen=True)
class Vote:
    """Voxel-wise selection in one case.

    Attributes
    ----------
    winner : str or None
        Model with the most voxels; None for a tie or no voxel.
    shares : dict of float
        Share of voxels in which a model has the lowest BIC (ties are split).
    n_voxels : int
    """

    winner: str | None
    shares: dict[str, float]
    n_voxels: int


def majority_vote(bic: Mapping[str, ArrayLike]) -> Vote:
    """Voxel-wise lowest BIC, then the majority over the voxels of a case.

    Parameters
    ----------
    bic : mapping of model to array-like, shape (v,)
        Voxels that are missing in any model do not vote.

    Examples
    --------
    >>> majority_vote({"a": [1, 1, 3], "b": [2, 2, 1]})
    Vote(winner='a', shares={'a': 0.6666666666666666, 'b': 0.3333333333333333}, n_voxels=3)
    """
    names = list(bic)
    values = np.array([np.asarray(bic[name], dtype=np.float64) for name in names])
    values = values[:, np.isfinite(values).all(axis=0)]
    n = values.shape[1]
    if not n:
        return Vote(None, dict.fromkeys(names, float("nan")), 0)
    lowest = values == values.min(axis=0)
    shares = (lowest / lowest.sum(axis=0)).mean(axis=1)
    leaders = np.flatnonzero(shares == shares.max())
    winner = names[int(leaders[0])] if leaders.size == 1 else None
    return Vote(winner, dict(zip(names, map(float, shares), strict=True)), n)
