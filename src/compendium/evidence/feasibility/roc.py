"""AUROC, its interval and the group sizes against each other, and what an AUROC implies for subgroups."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, sqrt

from scipy import stats

from compendium.evidence.feasibility.conversions import standard_error_from_interval
from compendium.evidence.feasibility.verdict import RangeLike, Verdict, as_floats, as_range, judge


def check_auc_grain(auc: RangeLike, positives: int, negatives: int) -> Verdict:
    """Can an AUROC of so many pairs be printed like this? It is a multiple of 1/(2·n1·n0), ties counting
    one half.

    Examples
    --------
    >>> check_auc_grain((0.8345, 0.8355), 3, 4).compatible, check_auc_grain((0.8325, 0.8335), 3, 4).compatible
    (False, True)
    """
    low, high = as_range(auc)
    cells = 2 * positives * negatives
    first, last = ceil(low * cells), floor(high * cells)
    found = tuple(k / cells for k in range(first, min(last, first + 9) + 1))
    return Verdict(
        first <= last,
        "grain of an AUROC",
        None,
        (float(low), float(high)),
        found,
        False,
        (f"{positives} positives and {negatives} negatives", "ties count one half"),
        f"{max(0, last - first + 1)} attainable values",
    )


def largest_auc_error(auc: float, positives: int, negatives: int) -> float:
    """Largest standard error that any two distributions with this AUROC can have: √(A(1 − A)/min(n1, n0)).

    Source: van Dantzig 1951; Birnbaum and Klose 1957.

    Examples
    --------
    >>> round(largest_auc_error(0.987, 341, 81), 4)
    0.0126
    """
    return sqrt(auc * (1 - auc) / min(positives, negatives))


def check_auc_interval(
    auc: RangeLike,
    lower: RangeLike,
    upper: RangeLike,
    positives: int,
    negatives: int,
    *,
    confidence: float = 0.95,
) -> Verdict:
    """Interval of an AUROC: symmetric about it (Wald), and no wider than the largest standard error admits.

    Returns
    -------
    Verdict
        ``implied``: standard errors from the interval. ``printed``: 0 to the largest attainable.
        ``solutions``: "symmetric" if the AUROC can be the midpoint; an asymmetric interval (logit,
        bootstrap) is not excluded, its standard error is then only nominal.

    Examples
    --------
    >>> verdict = check_auc_interval((0.9865, 0.9875), (0.9745, 0.9755), (0.9975, 0.9985), 341, 81)
    >>> verdict.compatible, verdict.solutions
    (True, ('symmetric',))
    """
    low, high = as_floats(auc)
    error = standard_error_from_interval(lower, upper, confidence=confidence)
    (a, b), (c, d) = as_floats(lower), as_floats(upper)
    symmetric = (a + c) / 2 - 1e-12 <= high and low <= (b + d) / 2 + 1e-12
    middle = min(max(0.5, low), high)
    largest = largest_auc_error(middle, positives, negatives)
    note = f"standard error {error[0]:.4g} to {error[1]:.4g}; at most {largest:.4g}; "
    return judge(
        "AUROC and interval",
        error,
        (0.0, largest),
        (f"{positives} positives and {negatives} negatives, independent", "Wald interval"),
        note + ("symmetric" if symmetric else "not symmetric"),
        ("symmetric",) if symmetric else (),
    )


def remaining_auc(auc: RangeLike, parts: Sequence[tuple[int, RangeLike]], rest: int) -> tuple[float, float]:
    """AUROC of the remaining positives against all negatives, from that of all positives and of the other
    parts.

    The AUROC of all is the mean of the parts' AUROCs weighted by size. With the other parts at their
    largest possible value (1), the lower end is what the remaining positives must at least reach.

    Parameters
    ----------
    parts : sequence of (size, AUROC range)
    rest : int
        Number of remaining positives.

    Examples
    --------
    >>> [round(a, 3) for a in remaining_auc((0.941, 0.941), [(283, (0.5, 1.0))], 58)]  # stadlbauer2025
    [0.653, 1.0]
    """
    low, high = as_floats(auc)
    read = [(n, as_floats(value)) for n, value in parts]
    total = rest + sum(n for n, _ in read)
    least = (total * low - sum(n * v[1] for n, v in read)) / rest
    most = (total * high - sum(n * v[0] for n, v in read)) / rest
    if least > 1 or most < 0:
        raise ValueError(
            f"No AUROC of the remaining {rest} fits. Given parts that leave {least:.3g} to {most:.3g}."
        )
    return max(0.0, least), min(1.0, most)


def rank_sum_p_from_auc(auc: float, positives: int, negatives: int) -> float:
    """Two-sided rank-sum p of an AUROC (normal, no ties, no continuity correction).

    Examples
    --------
    >>> round(rank_sum_p_from_auc(0.653, 58, 81), 4)
    0.0021
    """
    spread = sqrt((positives + negatives + 1) / (12 * positives * negatives))
    return float(2 * stats.norm.sf(abs(auc - 0.5) / spread))
