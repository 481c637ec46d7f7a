"""ComBat: location and scale of each batch, shrunk by empirical Bayes (Johnson, Li and Rabinovic 2007,
Biostatistics 8:118).

Conventions follow `sva` 3.46 on clean data, and state what happens where public versions break:

- **missing values** are left missing; each feature is fitted on its own complete rows (one NaN makes all of
  neuroCombat NaN);
- **a batch of one sample** is refused unless ``mean_only=True`` (its variance cannot be estimated; `sva`
  switches silently);
- **a feature that is constant within a batch** is returned unchanged and named (`sva` does this;
  neuroCombat differs);
- **a reference batch** is returned bit for bit;
- **batch and group that coincide**: see `assess_confounding`; a design in which a covariate is a function
  of batch is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import as_labels, as_vector, check_between, check_same_length

Array = NDArray[np.float64]


class ConfoundedError(ValueError):
    """Batch and group coincide: no method can tell a difference between batches from one between groups."""


@dataclass(frozen=True)
class Confounding:
    """Association of batch and group.

    Attributes
    ----------
    cramers_v : float
        0: every group has the same share of each batch; 1: batch follows from group (or group from batch).
    p : float
        Of no association; `method` names the test.
    determined : bool
        True if one of the two is a function of the other.
    table : pandas.DataFrame
        Counts, batches by groups.
    method : str
    """

    cramers_v: float
    p: float
    determined: bool
    table: pd.DataFrame
    method: str


def assess_confounding(batch: ArrayLike, group: ArrayLike) -> Confounding:
    """Test whether batch and group are associated: Fisher's exact test for 2 × 2, χ² without correction
    otherwise.

    Examples
    --------
    >>> result = assess_confounding(["a", "a", "a", "b", "b", "b"], [0, 0, 1, 1, 1, 1])
    >>> round(result.cramers_v, 3), round(result.p, 2), result.determined
    (0.707, 0.4, False)
    """
    table = pd.crosstab(_complete_labels(batch, "batch"), _complete_labels(group, "group"))
    counts = table.to_numpy()
    if min(counts.shape) < 2:
        return Confounding(0.0, 1.0, False, table, "one batch or one group: nothing to confound")
    chi2 = stats.chi2_contingency(counts, correction=False)
    v = float(np.sqrt(chi2.statistic / counts.sum() / (min(counts.shape) - 1)))
    determined = bool(((counts > 0).sum(axis=0) == 1).all() or ((counts > 0).sum(axis=1) == 1).all())
    if counts.shape == (2, 2):
        return Confounding(
            v, float(stats.fisher_exact(counts).pvalue), determined, table, "Fisher's exact test"
        )
    return Confounding(v, float(chi2.pvalue), determined, table, "χ² without correction")


@dataclass(frozen=True)
class Harmonized:
    """Result of `combat`.

    Attributes
    ----------
    values : ndarray, shape (samples, features)
    gamma, delta : ndarray, shape (batches, features)
        Shrunken shift (in units of the pooled SD) and variance ratio; 0 and 1 for the reference batch, NaN
        for unchanged features.
    batches : tuple of str
    unchanged : tuple of int
        Features left as they were, because they do not vary within some batch.
    confounding : Confounding or None
    method : str
    """

    values: Array
    gamma: Array
    delta: Array
    batches: tuple[str, ...]
    unchanged: tuple[int, ...]
    confounding: Confounding | None
    method: str


def combat(
    values: ArrayLike,
    batch: ArrayLike,
    *,
    covariates: Mapping[str, ArrayLike] | None = None,
    reference: str | None = None,
    group: ArrayLike | None = None,
    mean_only: bool = False,
    refuse_above: float = 0.8,
    tolerance: float = 1e-10,
) -> Harmonized:
    """Parametric ComBat.

    Parameters
    ----------
    values : array-like, shape (samples, features)
        NaN where missing.
    batch : array-like, shape (samples,)
    covariates : mapping of name → numbers, optional
        Effects to be preserved (code a category as 0/1 columns).
    reference : str, optional
        Batch to which the others are moved; it is returned unchanged.
    group : array-like, optional
        The comparison that will be made afterwards. Refused when Cramér's V with batch exceeds
        `refuse_above`, warned about when the association has p < .05.
    mean_only : bool
        Adjust the shift only.
    tolerance : float
        Change at which the iteration for each batch ends. sva stops at 1e-4 and never looks at features
        with a negative shift, so its values lie up to some 1e-5 SD from the fixed point that is returned
        here.

    Raises
    ------
    ConfoundedError
        If batch and group coincide (V > `refuse_above`), or the covariates determine the batch.
    ValueError
        If there are fewer than two batches, a batch of one without `mean_only`, an unknown reference, an
        infinite value, or a feature without values in some batch.

    Examples
    --------
    >>> values = [[1.0, 5.0], [2.0, 6.5], [3.0, 7.5], [11.0, 4.0], [12.5, 4.5], [13.0, 6.0]]
    >>> result = combat(values, list("aaabbb"), reference="a")
    >>> result.values[:3].tolist() == values[:3], result.values[3:, 0].mean().round(2)
    (True, np.float64(2.02))
    """
    data, labels, names = _read(values, batch, reference, mean_only)
    confounding = None if group is None else _check_group(labels, group, refuse_above)
    extra = _read_covariates(covariates, len(data))
    indicators = (labels[:, None] == np.array(names)).astype(float)
    design = np.column_stack([indicators, extra])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise ConfoundedError(
            f"Covariates must not be determined by batch. Given {len(names)} batches and covariates "
            f"{', '.join(covariates or {})}."
        )
    fixed = None if reference is None else names.index(str(reference))
    fitted = [j for j in range(data.shape[1]) if _varies(data[:, j], indicators)]
    gamma, delta = (np.full((len(names), data.shape[1]), np.nan) for _ in range(2))
    result = data.copy()
    if fitted:
        z, location, scale = _standardize(data[:, fitted], design, len(names), fixed)
        g, d = _shrink(z, indicators, mean_only, fixed, tolerance)
        adjusted = (z - indicators @ g) / np.sqrt(indicators @ d) * scale + location
        rows = np.ones(len(data), dtype=bool) if fixed is None else indicators[:, fixed] == 0
        result[np.ix_(rows, np.array(fitted))] = adjusted[rows]
        gamma[:, fitted], delta[:, fitted] = g, d
    unchanged = tuple(sorted(set(range(data.shape[1])) - set(fitted)))
    method = (
        "parametric ComBat" + ", mean only" * mean_only + (f", reference {reference}" if reference else "")
    )
    return Harmonized(result, gamma, delta, names, unchanged, confounding, method)


def _complete_labels(values: ArrayLike, name: str) -> NDArray[np.str_]:
    labels = as_labels(values, name)
    missing = np.flatnonzero(pd.isna(labels))
    if missing.size:
        raise ValueError(f"{name} must not be missing. Given a missing label in row {missing[0]}.")
    return np.array([str(label) for label in labels])


def _read(
    values: ArrayLike, batch: ArrayLike, reference: str | None, mean_only: bool
) -> tuple[Array, NDArray[np.str_], tuple[str, ...]]:
    data = np.array(values, dtype=float)
    if data.ndim != 2:
        raise ValueError(f"values must have shape (samples, features). Given shape {data.shape}.")
    if np.isinf(data).any():
        raise ValueError(
            f"values must be finite or missing. Given {int(np.isinf(data).sum())} infinite values."
        )
    labels = _complete_labels(batch, "batch")
    check_same_length(values=data, batch=labels)
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"ComBat needs at least two batches. Given {len(names)}.")
    if counts.min() < 2 and not mean_only:
        raise ValueError(
            f"A batch of one has no variance: use mean_only=True. Given {str(names[counts.argmin()])!r}."
        )
    if reference is not None and str(reference) not in names:
        raise ValueError(f"reference must be one of the batches {', '.join(names)}. Given {reference!r}.")
    need = 1 if mean_only else 2
    for name in names:
        present = (~np.isnan(data[labels == name])).sum(axis=0)
        if present.min(initial=need) < need:
            raise ValueError(
                f"Every feature needs {need} values in every batch. Given {present.min()} for feature "
                f"{present.argmin()} in {str(name)!r}."
            )
    return data, labels, tuple(map(str, names))


def _check_group(labels: NDArray[np.str_], group: ArrayLike, refuse_above: float) -> Confounding:
    check_between(refuse_above, 0, 1, "refuse_above")
    found = assess_confounding(labels, group)
    told = f"Cramér's V {found.cramers_v:.2f}, p {found.p:.2g} ({found.method})"
    if found.cramers_v > refuse_above:
        raise ConfoundedError(
            f"Batch and group must not coincide (V at most {refuse_above:g}). Given {told}."
        )
    if found.p < 0.05:
        message = "Batch and group are associated; harmonizing may remove or create a difference"
        warnings.warn(f"{message}: {told}.", stacklevel=3)
    return found


def _read_covariates(covariates: Mapping[str, ArrayLike] | None, n: int) -> Array:
    columns = []
    for name, given in (covariates or {}).items():
        column = as_vector(given, name)
        if len(column) != n or np.isnan(column).any():
            raise ValueError(
                f"Covariate {name!r} must have {n} values, none missing. Given {len(column)}, "
                f"{int(np.isnan(column).sum())} missing."
            )
        columns.append(column)
    return np.column_stack(columns) if columns else np.empty((n, 0))


def _varies(feature: Array, indicators: Array) -> bool:
    """A feature is fitted if it varies within every batch that has more than one sample."""
    parts = [feature[(column == 1) & ~np.isnan(feature)] for column in indicators.T]
    return all(len(p) < 2 or np.ptp(p) > 0 for p in parts) and any(len(p) > 1 for p in parts)


def _standardize(data: Array, design: Array, batches: int, fixed: int | None) -> tuple[Array, Array, Array]:
    """Standardized data, the location that is added back (grand mean and covariates), and the pooled SD."""
    location, scale = np.empty_like(data), np.empty(data.shape[1])
    share = design[:, :batches].sum(axis=0) / len(data)
    for j, feature in enumerate(data.T):
        rows = ~np.isnan(feature)
        coefficients, *_ = np.linalg.lstsq(design[rows], feature[rows], rcond=None)
        grand = share @ coefficients[:batches] if fixed is None else coefficients[fixed]
        location[:, j] = grand + design[:, batches:] @ coefficients[batches:]
        used = rows if fixed is None else rows & (design[:, fixed] == 1)
        residual = feature[used] - design[used] @ coefficients
        scale[j] = np.sqrt(
            (residual**2).mean()
        )  # mean square; sva changes to n − 1 as soon as one value is missing
        if not scale[j] > 1e-12 * max(1.0, float(np.abs(feature[rows]).max())):
            raise ValueError(
                f"Features must vary about batches and covariates. Given no residual in fitted feature {j}."
            )
    return (data - location) / scale, location, scale


def _shrink(
    z: Array, indicators: Array, mean_only: bool, fixed: int | None, tolerance: float
) -> tuple[Array, Array]:
    shape = (indicators.shape[1], z.shape[1])
    gamma, delta = np.zeros(shape), np.ones(shape)
    for i, column in enumerate(indicators.T):
        if i != fixed:
            gamma[i], delta[i] = _shrink_batch(z[column == 1], mean_only, tolerance)
    return gamma, delta


def _shrink_batch(z: Array, mean_only: bool, tolerance: float) -> tuple[Array, Array]:
    """Posterior shift and variance of one batch; normal and inverse-gamma priors fitted to its features."""
    n = (~np.isnan(z)).sum(axis=0)
    shift = np.nanmean(z, axis=0)
    if z.shape[1] < 2:  # priors need several features: no shrinkage
        return shift, np.ones_like(shift) if mean_only else np.nanvar(z, axis=0, ddof=1)
    prior_mean, prior_variance = shift.mean(), shift.var(ddof=1)
    if mean_only:  # sva: one unit of variance for each sample
        return (prior_variance * shift + prior_mean) / (prior_variance + 1), np.ones_like(shift)
    spread = np.nanvar(z, axis=0, ddof=1)
    m, s2 = spread.mean(), spread.var(ddof=1)
    if s2 == 0:  # all variances equal: the prior is a point
        return (n * prior_variance * shift + m * prior_mean) / (n * prior_variance + m), spread
    a, b = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
    g, d = shift, spread
    for _ in range(10_000):
        g_new = (n * prior_variance * shift + d * prior_mean) / (n * prior_variance + d)
        squares = np.nansum((z - g_new) ** 2, axis=0)
        d_new = (squares / 2 + b) / (n / 2 + a - 1)
        change = max(np.abs(g_new - g).max(), (np.abs(d_new - d) / d).max())
        g, d = g_new, d_new
        if change <= tolerance:
            break
    return g, d
