"""Which harmonisation turns one table into another: an exact test of a published pair, before and after.

A paper that prints "ComBat" leaves open the covariates, the reference and the shrinkage. Given both tables each
variant can be applied to the first and held against the second.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_same_length
from compendium.statistics.combat import ConfoundedError, combat

Array = NDArray[np.float64]
EXACT = 1e-6  # in SD of a column; what tables with seven digits can tell apart


def compare_harmonisations(
    before: ArrayLike, after: ArrayLike, batch: ArrayLike, reference: str, covariates: Mapping[str, ArrayLike] | None = None
) -> pd.DataFrame:  # fmt: skip
    """Largest difference between each variant of ComBat on `before` and what `after` holds.

    Parameters
    ----------
    before, after : array-like, shape (samples, features)
        The same samples and features in the same order; NaN where missing.
    batch : array-like, shape (samples,)
    reference : str
        The batch to which the others are said to be moved.
    covariates : mapping, optional
        Effects that may have been preserved; adds the variants that preserve them.

    Returns
    -------
    DataFrame
        ``variant``; ``largest`` and ``typical`` (root mean square) difference over the rows outside the reference, in SD
        of the column before; ``exact``: largest at most 1e-6. The row "left as it was" shows how far the tables are
        apart. Sorted by ``largest``, ties in the order of trial. Variants that cannot be computed have NaN.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> before = rng.standard_normal((20, 3)); batch = np.repeat(["a", "b"], 10)
    >>> after = combat(before, batch, reference="a").values
    >>> found = compare_harmonisations(before, after, batch, "a")
    >>> found["variant"][0], bool(found["exact"][0]), int(found["exact"].sum())
    ('ComBat', True, 1)
    """
    x, y = (np.asarray(v, dtype=float) for v in (before, after))
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(
            f"before and after must have one shape (samples, features). Given {x.shape} and {y.shape}."
        )
    labels = np.array([str(b) for b in np.asarray(batch)])
    check_same_length(before=x, batch=labels)
    moved, scale = labels != reference, np.nanstd(x, axis=0, ddof=1)
    rows = []
    for name, made in _variants(x, labels, reference, covariates):
        gap = np.abs(made - y)[moved] / scale if made is not None else np.array([np.nan])
        some = bool(np.isfinite(gap).any())
        largest = float(np.nanmax(gap)) if some else float("nan")
        typical = float(np.sqrt(np.nanmean(gap**2))) if some else float("nan")
        rows.append({"variant": name, "largest": largest, "typical": typical, "exact": largest <= EXACT})
    return pd.DataFrame(rows).sort_values("largest", kind="stable", ignore_index=True)


def reference_change(before: ArrayLike, after: ArrayLike, batch: ArrayLike, reference: str) -> float:
    """Largest change within the reference batch, in SD; 0 for a reference that was left alone.

    Examples
    --------
    >>> reference_change([[1.0], [2.0], [5.0]], [[1.0], [2.0], [3.0]], list("aab"), "a")
    0.0
    """
    x, y = (np.asarray(v, dtype=float) for v in (before, after))
    kept = np.array([str(b) for b in np.asarray(batch)]) == reference
    return float(np.nanmax(np.abs(x - y)[kept] / np.nanstd(x, axis=0, ddof=1)))


def _variants(
    x: Array, batch: NDArray[np.str_], reference: str, covariates: Mapping[str, ArrayLike] | None
) -> list[tuple[str, Array | None]]:
    made: list[tuple[str, Array | None]] = [("left as it was", x)]
    for suffix, kept in (("", None),) if not covariates else (("", None), (", groups kept", covariates)):
        together = {"ComBat": {}, "ComBat, shift only": {"mean_only": True}}
        for name, options in together.items():
            made.append((name + suffix, _try(x, batch, reference, kept, **options)))
        alone = [_try(x[:, [j]], batch, reference, kept) for j in range(x.shape[1])]
        whole = (
            None if any(a is None for a in alone) else np.column_stack([a for a in alone if a is not None])
        )
        made.append(("location and scale without shrinkage" + suffix, whole))
        made.append(("ComBat to the common mean" + suffix, _try(x, batch, None, kept)))
    return made


def _try(
    x: Array, batch: NDArray[np.str_], reference: str | None, covariates: Mapping[str, ArrayLike] | None,
    mean_only: bool = False,
) -> Array | None:  # fmt: skip
    try:
        return combat(x, batch, reference=reference, covariates=covariates, mean_only=mean_only).values
    except (ConfoundedError, ValueError):
        return None
