"""What shared patients and shared scanners do to the tests of grussu2025/06, where the truth is known.

Three simulations without any patient's data: tumours that share a patient and have no association; prediction of their
volume over folds that split patients or do not; and harmonisation between scanners that the groups use unevenly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.statistics.cluster_bootstrap import cluster_bootstrap_correlation
from compendium.statistics.combat import assess_confounding, combat
from compendium.statistics.correlation import pearson
from compendium.statistics.polynomials import GRUSSU_EQ_17, cross_validate_polynomial

Array = NDArray[np.float64]


def _code(sizes: Sequence[int] | NDArray[np.int64]) -> NDArray[np.intp]:
    """Patient of each tumour, from 0."""
    counts = np.asarray(sizes, dtype=np.int64)
    return np.repeat(np.arange(len(counts)), counts)


def _shared(rng: np.random.Generator, code: NDArray[np.intp], icc: float) -> Array:
    own = rng.standard_normal(len(code))
    return np.asarray(np.sqrt(icc) * rng.standard_normal(int(code.max()) + 1)[code] + np.sqrt(1 - icc) * own)


def false_positives(
    sizes: Sequence[int] | NDArray[np.int64], icc: float, repeats: int, resamples: int, seed: int
) -> dict[str, float]:
    """How often a correlation of unrelated variables is called significant at 0.05.

    Parameters
    ----------
    sizes : tumours of each patient.
    icc : share of the variance of both variables that tumours of a patient have in common.

    Returns
    -------
    dict
        ``plain``: Pearson's test over tumours; ``patients``: zero outside the interval from resampled patients.

    Examples
    --------
    >>> rates = false_positives([1] * 30, 0.5, repeats=40, resamples=50, seed=1)
    >>> rates["plain"] < 0.2
    True
    """
    rng = np.random.default_rng(seed)
    code = _code(sizes)
    plain = patients = 0
    for i in range(repeats):
        x, y = _shared(rng, code, icc), _shared(rng, code, icc)
        plain += pearson(x, y).p < 0.05
        found = cluster_bootstrap_correlation(x, y, code, "pearson", resamples, seed + i).interval
        patients += not found.lower <= 0 <= found.upper
    return {"plain": plain / repeats, "patients": patients / repeats}


def fold_leakage(
    sizes: Sequence[int] | NDArray[np.int64], icc: float, folds: int, repeats: int, seed: int
) -> pd.DataFrame:
    """Out-of-fold correlation (eq. 17) when nothing is associated, with folds of rows and folds of patients.

    Returns
    -------
    DataFrame, one row per repeat: ``rows``, ``patients``.
    """
    rng = np.random.default_rng(seed)
    code = _code(sizes)
    found = []
    for i in range(repeats):
        x, y, volume = (_shared(rng, code, icc) for _ in range(3))
        r = {
            name: cross_validate_polynomial(
                volume, x, y, exponents=GRUSSU_EQ_17, groups=groups, folds=folds, seed=seed + i
            ).r
            for name, groups in (("rows", None), ("patients", code))
        }
        found.append(r)
    return pd.DataFrame(found)


def harmonised_differences(
    sizes: tuple[int, int, int], low: tuple[int, int], total_low: int, difference: float, shift: float,
    repeats: int, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Difference of two groups that is seen with and without harmonisation between two scanners.

    Parameters
    ----------
    sizes : patients of the first group, of the second, and others.
    low : of the first and second group, how many were scanned on the scanner that reads higher.
    total_low : patients on that scanner in all; the rest are others.
    difference, shift : true difference of the groups (second minus first) and of the scanners, in SD.

    Returns
    -------
    DataFrame, one row per repeat
        ``none``; ``plain``, ComBat that does not know the groups; ``group``, ComBat that keeps them; ``one``, the
        reference scanner alone (NaN with fewer than two of a group there).
    """
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1, 2], sizes)
    others = total_low - sum(low)
    if not 0 <= others <= sizes[2] or low[0] > sizes[0] or low[1] > sizes[1]:
        raise ValueError(
            f"The scanner's patients must fit the groups. Given {low} and {total_low} of {sizes}."
        )
    on_low = np.concatenate([np.arange(n) < k for n, k in zip(sizes, (*low, others), strict=True)])
    scanner = np.where(on_low, "low", "reference")
    keep = {f"group {g}": (group == g).astype(float) for g in (1, 2)}
    found = []
    for _ in range(repeats):
        values = rng.standard_normal((len(group), 6)) + shift * on_low[:, None]
        values[:, 0] += difference * (group == 1)
        seen = {
            "none": values,
            "plain": combat(values, scanner, reference="reference").values,
            "group": combat(values, scanner, reference="reference", covariates=keep).values,
        }
        row = {name: _gap(made[:, 0], group, np.ones(len(group), dtype=bool)) for name, made in seen.items()}
        found.append({**row, "one": _gap(values[:, 0], group, ~on_low)})
    return pd.DataFrame(found)


def _gap(values: Array, group: NDArray[np.intp], rows: NDArray[np.bool_]) -> float:
    first, second = (values[rows & (group == g)] for g in (0, 1))
    return float(second.mean() - first.mean()) if min(len(first), len(second)) > 1 else float("nan")


def confounding_grid(first: int, second: int, low_first: ArrayLike, low_second: ArrayLike) -> pd.DataFrame:
    """Cramér's V of scanner and group for every way to place the groups on the lower field.

    Examples
    --------
    >>> confounding_grid(13, 8, [1], [4]).round(3).to_dict("records")
    [{'low_first': 1, 'low_second': 4, 'v': 0.482, 'p': 0.047}]
    """
    rows = []
    for a in np.asarray(low_first):
        for b in np.asarray(low_second):
            scanner = ["low"] * a + ["high"] * (first - a) + ["low"] * b + ["high"] * (second - b)
            found = assess_confounding(scanner, [0] * first + [1] * second)
            rows.append({"low_first": int(a), "low_second": int(b), "v": found.cramers_v, "p": found.p})
    return pd.DataFrame(rows)
