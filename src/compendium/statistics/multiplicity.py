"""Adjustment for several tests: statsmodels' methods, with the two habits that it lacks.

A missing p value (a test that could not be run) stays missing and is not counted; statsmodels turns all p
values into NaN. The number of tests that was adjusted for is part of the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.multitest import multipletests

from compendium.base.validation import as_vector, check_choice

METHODS = {
    "none": None,
    "bonferroni": "bonferroni",
    "sidak": "sidak",
    "holm": "holm",
    "holm-sidak": "holm-sidak",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "benjamini-hochberg": "fdr_bh",
    "benjamini-yekutieli": "fdr_by",
}


@dataclass(frozen=True)
class Adjusted:
    """Adjusted p values in the order given (NaN where there was none), the method, the number of tests."""

    p: NDArray[np.float64]
    method: str
    tests: int


def adjust_p(p_values: ArrayLike, method: str) -> Adjusted:
    """Adjusted p values.

    Parameters
    ----------
    p_values : array-like, shape (m,)
        NaN or None: test not run, not counted.
    method : str
        One of ``METHODS``; "benjamini-…" control the false discovery rate, the others the family-wise error.

    Raises
    ------
    ValueError
        If a p value lies outside [0, 1] or the method is unknown.

    Examples
    --------
    >>> adjust_p([0.01, 0.04, None, 0.03], "holm")
    Adjusted(p=array([0.03, 0.06,  nan, 0.06]), method='holm', tests=3)
    """
    check_choice(method, tuple(METHODS), "method")
    p = as_vector(p_values, "p_values")
    present = ~np.isnan(p)
    outside = np.flatnonzero(present & ((p < 0) | (p > 1)))
    if outside.size:
        raise ValueError(f"p_values must lie in [0, 1]. Given {p[outside[0]]:g} in row {outside[0]}.")
    adjusted = p.copy()
    name = METHODS[method]
    if name is not None and present.any():
        with np.errstate(divide="ignore"):  # Šidák of p = 1: log 0 is meant
            adjusted[present] = multipletests(p[present], method=name)[1]
    return Adjusted(adjusted, method, int(present.sum()))
