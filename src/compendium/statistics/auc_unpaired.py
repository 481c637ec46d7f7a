"""Two areas under ROC curves measured on different cases.

The name can be imported from `compendium.statistics.auc` as well.
"""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from compendium.base.validation import check_between, check_choice, check_minimum
from compendium.statistics.placements import place_sorted
from compendium.statistics.results import Interval, TestResult
from compendium.statistics.roc import split_classes


def delong_test_unpaired(
    first_reference: ArrayLike, first: ArrayLike, second_reference: ArrayLike, second: ArrayLike,
    direction: str | tuple[str, str] = "higher", confidence: float = 0.95, distribution: str = "t",
) -> TestResult:  # fmt: skip
    """Two-sided test of two AUROCs measured on different, independent cases (DeLong's variances added).

    Parameters
    ----------
    first_reference, first : array-like, shape (n,)
    second_reference, second : array-like, shape (m,)
        Other cases than the first; the same cases need `delong_test`.
    direction : str or pair of str
        One direction for both scores, or one for each.
    distribution : {"t", "normal"}
        Student's t with Welch–Satterthwaite degrees of freedom, n − 1 and m − 1 for the two variances (as
        pROC), or the normal limit.

    Returns
    -------
    TestResult
        ``estimate`` and ``interval`` the difference first − second. A difference without variance has no p
        (NaN); no difference without variance has p = 1.

    Raises
    ------
    ValueError
        With fewer than two cases in a class.

    Examples
    --------
    >>> truth = [0, 0, 0, 1, 1, 1]
    >>> test = delong_test_unpaired(truth, [1, 2, 4, 3, 5, 6], truth, [2, 1, 3, 3, 1, 4])
    >>> round(test.estimate, 4), round(test.p, 4), round(test.df, 2)
    (0.2222, 0.4996, 8.0)
    """
    check_choice(distribution, ["t", "normal"], "distribution")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    ways = (direction, direction) if isinstance(direction, str) else direction
    a, v, n = _area(first_reference, first, ways[0])
    b, w, m = _area(second_reference, second, ways[1])
    gap, variance = a - b, v + w
    gap = gap if abs(gap) > 1e-14 else 0.0
    df = variance**2 / (v**2 / (n - 1) + w**2 / (m - 1)) if variance > 0 and distribution == "t" else inf
    se = float(np.sqrt(variance))
    statistic = gap / se if se > 1e-14 else (float("nan") if gap else 0.0)
    half = float(stats.t.isf((1 - confidence) / 2, df)) * se
    method = f"DeLong, unpaired, {distribution}"
    interval = Interval(gap, max(gap - half, -1.0), min(gap + half, 1.0), confidence, f"{method}, plain")
    p = float(2 * stats.t.sf(abs(statistic), df))
    shown = float(df) if distribution == "t" and np.isfinite(df) else None
    return TestResult(float(statistic), p, shown, n + m, method, estimate=float(gap), interval=interval)


def _area(reference: ArrayLike, score: ArrayLike, direction: str) -> tuple[float, float, int]:
    """Area, DeLong's variance and complete cases."""
    positive, negative = split_classes(reference, score, direction)
    check_minimum(min(len(positive), len(negative)), 2, "cases in each class")
    placed = place_sorted(np.sort(positive), np.sort(negative))
    variance = placed.positive.var(ddof=1) / len(positive) + placed.negative.var(ddof=1) / len(negative)
    return placed.auc, float(variance), len(positive) + len(negative)
