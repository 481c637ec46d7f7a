"""What printed areas and errors imply that is not printed: a test between two areas, and areas of subgroups.

Every bound is about ranks and holds under the numbers of cases that it is given.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from scipy import stats

from compendium.statistics.auc import hanley_mcneil_interval

Value = Any  # a number, or an array of them


def hanley_mcneil_error(auc: float, positives: float, negatives: float) -> float:
    """Standard error of an AUROC from its value and the numbers (Hanley & McNeil 1982, exponential model).

    Examples
    --------
    >>> round(hanley_mcneil_error(0.987, 341, 81), 5)
    0.00458
    """
    interval = hanley_mcneil_interval(auc, round(positives), round(negatives), confidence=0.5)
    return float((auc - interval.lower) / stats.norm.isf(0.25))  # at 50 % the limits are not cut at 1


def binormal_error(auc: float, positives: float, negatives: float) -> float:
    """Standard error that DeLong's method gives on average for two normal distributions of equal variance.

    The placements of a case are Φ(x + √2 Φ⁻¹(A)) for standard normal x; their variance counts for both classes.

    Examples
    --------
    >>> round(binormal_error(0.987, 341, 81), 5)
    0.00509
    """
    x, weight = np.polynomial.hermite_e.hermegauss(80)
    beaten = stats.norm.cdf(x + sqrt(2) * stats.norm.ppf(auc))
    variance = float(weight @ beaten**2 / weight.sum()) - auc**2
    return sqrt(variance * (1 / positives + 1 / negatives))


def z_of_correlated_areas(
    first: Value, second: Value, first_error: float, second_error: float, correlation: Value
) -> Value:
    """z of the difference of two areas measured on the same cases, for a correlation of their errors.

    Examples
    --------
    >>> round(float(z_of_correlated_areas(0.987, 0.941, 0.00587, 0.01199, 0.0)), 2)
    3.45
    """
    variance = first_error**2 + second_error**2 - 2 * correlation * first_error * second_error
    return (first - second) / variance**0.5


def least_auc_of_part(auc: float, others: Value, part: Value) -> Value:
    """Least AUROC of part of the positives against all negatives, if the other positives are separated perfectly.

    Negative where nothing is forced.

    Examples
    --------
    >>> round(least_auc_of_part(0.941, others=283, part=58), 3)
    0.653
    """
    return (auc * (others + part) - others) / part


def least_auc_against_part(auc: float, negatives: float, others: float) -> float:
    """The same against part of the negatives, if the cases beat all the other negatives.

    Examples
    --------
    >>> round(least_auc_against_part(0.653, negatives=76, others=5), 3)
    0.63
    """
    return (auc * (negatives + others) - others) / negatives


def largest_auc_if_part_is_like_negatives(others: float, part: float) -> float:
    """Largest AUROC of all positives when part of them rank like the negatives.

    Examples
    --------
    >>> round(largest_auc_if_part_is_like_negatives(others=283, part=58), 3)
    0.915
    """
    return (others + part / 2) / (others + part)


def largest_undecided_auc(positives: Value, negatives: Value, level: float = 0.05) -> Value:
    """Largest AUROC at which a two-sided rank-sum test (normal, no ties) does not fall below the level.

    Examples
    --------
    >>> round(largest_undecided_auc(7, 77), 3)
    0.725
    """
    spread = ((positives + negatives + 1) / (12 * positives * negatives)) ** 0.5
    return 0.5 + float(stats.norm.isf(level / 2)) * spread


def least_auc_against_false_positives(
    auc: float, found: float, missed: float, false: float, true_negatives: float, missed_auc: float
) -> float:
    """Least P(found > false positive), when the missed exceed true negatives with a given probability.

    Everything else is put at its most favourable value of 1.

    Examples
    --------
    >>> round(least_auc_against_false_positives(0.987, 334, 7, 4, 77, missed_auc=0.725), 3)
    0.842
    """
    pairs = auc * (found + missed) * (false + true_negatives)
    rest = pairs - found * true_negatives - missed * true_negatives * missed_auc - missed * false
    return rest / (found * false)


def smallest_signed_rank_p(pairs: float, exact: bool = True) -> float:
    """Smallest two-sided p that a Wilcoxon signed-rank test of so many pairs can give.

    Exact: 2/2ⁿ. Otherwise the normal approximation without continuity correction, as SPSS prints it.

    Examples
    --------
    >>> smallest_signed_rank_p(4), round(smallest_signed_rank_p(4, exact=False), 3)
    (0.125, 0.068)
    """
    n = round(pairs)
    if exact:
        return min(1.0, 2 * 0.5**n)
    return float(2 * stats.norm.sf(n * (n + 1) / 4 / sqrt(n * (n + 1) * (2 * n + 1) / 24)))
