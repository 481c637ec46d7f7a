"""What the scores of learned vessels depend on: phantom cohorts under several conditions, computed once and stored.

The stored table in `data/derived/schroers2026` is made by

    python -m compendium.cohorts.schroers_learning data/derived/schroers2026

and takes some minutes. Every cohort has its own seed, so that any row can be recomputed alone.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.cohorts.schroers_vessels import (
    PIXEL_UM,
    VesselSlice,
    displace_mask,
    displacement_field,
    make_cohort,
)
from compendium.microscopy.learned import Training, animal_folds, predict_out_of_fold, random_slice_folds
from compendium.microscopy.mask_scores import average_scores, cut_out_of_fold, flip_masks, score_slices
from compendium.microscopy.vessel_paths import widths_across

SEEDS = (1, 2, 3, 4, 5)
FOLDS, DILATION_UM, REGISTRATION_UM = 5, 50.0, 50.0
SPACING_UM = (PIXEL_UM, PIXEL_UM)


@dataclass(frozen=True)
class Condition:
    """One way to train and test.

    Attributes
    ----------
    name : str
    registration_um : float
    flipped, augment, by_animal : bool
        Masks flipped for training; flips and turns as augmentation; whole animals left out.
    """

    name: str
    registration_um: float = REGISTRATION_UM
    flipped: bool = False
    augment: bool = True
    by_animal: bool = True


CONDITIONS = (
    Condition("default"),
    Condition("flipped masks", flipped=True),
    Condition("no augmentation", augment=False),
    Condition("slices at random", by_animal=False),
    Condition("registered exactly", 0.0),
    Condition("25 µm off", 25.0),
    Condition("75 µm off", 75.0),
    Condition("100 µm off", 100.0),
)


def learn_vessels(
    cohort: Sequence[VesselSlice], condition: Condition, training: Training, folds: int
) -> tuple[list[NDArray[Any]], list[NDArray[np.bool_]]]:
    """Probability of a vessel at every pixel, and masks of it, each by a model and a threshold of the other folds."""
    images, masks = [s.image for s in cohort], [s.registered for s in cohort]
    shown = flip_masks(masks, training.seed) if condition.flipped else masks
    if condition.by_animal:
        parts = animal_folds([s.animal for s in cohort], folds, training.seed)
    else:
        parts = random_slice_folds(len(cohort), folds, training.seed)
    found = predict_out_of_fold(images, shown, parts, replace(training, augment=condition.augment))
    return found, cut_out_of_fold(found, shown, parts)


def score_cohort(
    cohort: Sequence[VesselSlice], predicted: Sequence[NDArray[Any]], dilation_um: float = DILATION_UM
) -> pd.DataFrame:
    """Mean scores against registered microscopy ("apparent") and against the vessels where they are ("true")."""
    spacing = [SPACING_UM] * len(cohort)
    kinds = {"apparent": [s.registered for s in cohort], "true": [s.vessels for s in cohort]}
    rows = {k: average_scores(score_slices(t, predicted, spacing, dilation_um)) for k, t in kinds.items()}
    return pd.DataFrame(rows).T.rename_axis("against").reset_index()


def displaced_scores(
    masks: Sequence[NDArray[np.bool_]],
    spacing_um: Sequence[Any],
    dilation_um: float,
    seed: int,
    most: int = 4,
) -> pd.DataFrame:
    """Mean scores of perfect masks that are displaced by 0 to `most` pixels (root mean square), on up to 16 of the masks.

    A mask is displaced along one field at every size, so that sizes compare without noise.

    Returns
    -------
    DataFrame
        displacement (µm, by the first mask's pixel) and the five scores.
    """
    rng = np.random.default_rng([seed, 9])
    chosen = [i for i in range(len(masks)) if masks[i].sum() > 20]
    chosen = chosen[:: max(len(chosen) // 16, 1)][:16]
    exact, spacing = [masks[i] for i in chosen], [spacing_um[i] for i in chosen]
    fields = [displacement_field(rng, m.shape, 1.0) for m in exact]
    rows = []
    for pixels in range(most + 1):
        moved = [displace_mask(m, pixels * f, 1.0) for m, f in zip(exact, fields, strict=True)]
        scores = average_scores(score_slices(exact, moved, spacing, dilation_um))
        rows.append({"displacement": pixels * float(spacing_um[0][0]), **scores})
    return pd.DataFrame(rows)


def mean_width_error(cohort: Sequence[VesselSlice], masks: Sequence[NDArray[np.bool_]]) -> float:
    """Mean of measured width − true diameter over the vessels that a mask shows, µm; NaN when it shows none."""
    errors = []
    for s, mask in zip(cohort, masks, strict=True):
        for path in s.paths:
            widths = widths_across(mask, path, SPACING_UM)
            if np.isfinite(widths).any():
                errors.append(float(np.nanmedian(widths)) - path.diameter_um)
    return float(np.mean(errors)) if errors else float("nan")


def run_condition(seed: int, condition: Condition) -> pd.DataFrame:
    """Two rows of the stored table: one cohort under one condition, with the default settings.

    Returns
    -------
    DataFrame
        condition, registration_um, seed, against ("apparent", "true"), the five scores, and the mean error of widths.
    """
    cohort = make_cohort(seed, registration_um=condition.registration_um)
    _, found = learn_vessels(cohort, condition, Training(seed=seed), FOLDS)
    scores = score_cohort(cohort, found)
    scores["width_error_um"] = mean_width_error(cohort, found)
    scores.insert(0, "seed", seed)
    scores.insert(0, "registration_um", condition.registration_um)
    scores.insert(0, "condition", condition.name)
    return scores


def write_sweep(folder: Path) -> None:
    """Write the table of all conditions and seeds, and a recipe with checksum."""
    parts = [run_condition(seed, condition) for condition in CONDITIONS for seed in SEEDS]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "learned_vessels.csv"
    pd.concat(parts).to_csv(target, index=False, float_format="%.6g", lineterminator="\n")
    recipe = {
        "recipe": "python -m compendium.cohorts.schroers_learning data/derived/schroers2026",
        "seeds": list(SEEDS), "folds": FOLDS, "dilation_um": DILATION_UM,
        "registration_um": REGISTRATION_UM, "sample": "the default condition with the first seed",
        "sha256": {target.name: hashlib.sha256(target.read_bytes()).hexdigest()},
    }  # fmt: skip
    (folder / "learned_vessels.json").write_text(
        json.dumps(recipe, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    write_sweep(Path(sys.argv[1]))
