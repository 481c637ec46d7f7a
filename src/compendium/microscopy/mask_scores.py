"""Masks from what a model says, thresholds out of fold, a chance control, and several scores at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between
from compendium.microscopy.diameters import as_mask
from compendium.microscopy.overlap import assd_surface, dice, dilated_dice, masd_mask_voxels

Mask = NDArray[np.bool_]
MEASURES = ("dice", "dilated_one_sided", "dilated_both", "masd", "surface")


def flip_masks(masks: Sequence[ArrayLike], seed: int) -> list[Mask]:
    """Masks flipped left to right or upside down at random: what a model learns from them says what is chance.

    Examples
    --------
    >>> flip_masks([[[1, 0], [0, 0]]], seed=1)[0].any()
    np.True_
    """
    axes = np.random.default_rng([seed, 2]).integers(0, 2, len(masks))
    return [np.flip(as_mask(m), int(axis)) for m, axis in zip(masks, axes, strict=True)]


def best_threshold(values: Sequence[ArrayLike], masks: Sequence[ArrayLike], *, steps: int = 200) -> float:
    """Threshold above which a pixel counts as vessel, with the highest pooled Dice over some slices.

    Examples
    --------
    >>> image = np.zeros((1, 8))
    >>> image[0, :2] = 5.0
    >>> 0 <= best_threshold([image], [image > 1]) < 5
    True
    """
    pooled = np.concatenate([np.asarray(v, dtype=float).ravel() for v in values])
    truth = np.concatenate([as_mask(m).ravel() for m in masks])
    order = np.argsort(-pooled, kind="stable")
    found, falling = np.cumsum(truth[order]), pooled[order]
    cuts = np.unique(np.quantile(pooled, np.linspace(0.5, 0.999, steps)))
    counts = np.searchsorted(-falling, -cuts, side="left")
    hits = np.where(counts > 0, found[np.maximum(counts - 1, 0)], 0)
    return float(cuts[np.argmax(2 * hits / np.maximum(counts + truth.sum(), 1))])


def cut_out_of_fold(
    values: Sequence[ArrayLike], masks: Sequence[ArrayLike], folds: Sequence[NDArray[np.intp]]
) -> list[Mask]:
    """Masks from values (probabilities, or darkness) by the threshold that suits the *other* folds best.

    Examples
    --------
    >>> images = [np.eye(4) * k for k in (2, 2, 3, 3)]
    >>> cut = cut_out_of_fold(images, [np.eye(4)] * 4, [np.array([0, 1]), np.array([2, 3])])
    >>> cut[0].sum()
    np.int64(4)
    """
    out: list[Mask] = [np.empty(0, bool)] * len(values)
    for rows in folds:
        kept = np.setdiff1d(np.arange(len(values)), rows)
        cut = best_threshold([values[i] for i in kept], [masks[i] for i in kept])
        for i in rows:
            out[i] = np.asarray(values[i]) > cut
    return out


def score_masks(
    truth: ArrayLike, predicted: ArrayLike, spacing_um: ArrayLike, dilation_um: float
) -> dict[str, float]:
    """Dice, dilated Dice in both readings, distance of all mask pixels and of surfaces (µm).

    Examples
    --------
    >>> mask = np.eye(8, dtype=bool)
    >>> score_masks(mask, mask, (25, 25), 50)
    {'dice': 1.0, 'dilated_one_sided': 1.0, 'dilated_both': 1.0, 'masd': 0.0, 'surface': 0.0}
    """
    check_between(dilation_um, 0, 1e6, "dilation_um")
    a, b = as_mask(truth, "truth"), as_mask(predicted, "predicted")
    return {
        "dice": dice(a, b),
        "dilated_one_sided": dilated_dice(a, b, spacing_um, dilation_um, reading="one-sided"),
        "dilated_both": dilated_dice(a, b, spacing_um, dilation_um, reading="both-dilated"),
        "masd": masd_mask_voxels(a, b, spacing_um),
        "surface": assd_surface(a, b, spacing_um),
    }


def score_slices(
    truths: Sequence[ArrayLike], predicted: Sequence[ArrayLike], spacing_um: Sequence[ArrayLike],
    dilation_um: float,
) -> pd.DataFrame:  # fmt: skip
    """Scores of many slices, a row each; slices without a vessel in either mask have no score (NaN).

    Examples
    --------
    >>> mask = np.eye(8, dtype=bool)
    >>> score_slices([mask], [mask], [(25, 25)], 50)["dice"].tolist()
    [1.0]
    """
    rows = [score_masks(a, b, s, dilation_um) for a, b, s in zip(truths, predicted, spacing_um, strict=True)]
    return pd.DataFrame(rows, columns=list(MEASURES))


def average_scores(scores: pd.DataFrame) -> pd.Series:
    """Mean of each score over slices; a distance to an empty mask is infinite and is left out.

    Examples
    --------
    >>> average_scores(pd.DataFrame({"dice": [0.5, 0.0], "masd": [20.0, np.inf]})).to_dict()
    {'dice': 0.25, 'masd': 20.0}
    """
    return scores.replace([np.inf, -np.inf], np.nan).mean()
