"""What a printed correlation implies: its p, its power, what adjusting it can do, and how far two of them are apart.

Everything here needs printed numbers only: r, n, and correlations between the variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import integrate, stats

from compendium.base.validation import check_between, check_choice
from compendium.statistics.correlation_formulas import t_p_value


def correlation_p(r: float, n: float, sides: int = 2) -> float:
    """p of Pearson's r by Student's t with n − 2 degrees of freedom; one-sided p in the direction of r.

    Examples
    --------
    >>> round(correlation_p(0.44, 25), 4), round(correlation_p(0.44, 25, sides=1), 4)
    (0.0277, 0.0139)
    """
    check_between(r, -1, 1, "r")
    return t_p_value(r, n - 2) * sides / 2  # type: ignore[arg-type]


def correlation_from_p(p: float, n: float, sides: int = 2) -> float:
    """Size of the correlation that has this p: the inverse of `correlation_p`.

    Examples
    --------
    >>> round(correlation_from_p(0.029, 25), 4)
    0.4369
    """
    t = float(stats.t.isf(p / sides, n - 2))
    return t / float(np.sqrt(t * t + n - 2))


def exact_power(r: float, n: int, alpha: float = 0.05) -> float:
    """Power of the two-sided t test of a correlation in bivariate normal data, without approximation.

    Given x, the statistic is noncentral t with r/√(1 − r²)·√Sxx; Sxx is χ² with n − 1 degrees of freedom
    (Sampson 1974). The average over Sxx is done by quadrature.

    Examples
    --------
    >>> round(exact_power(0.4, 25), 3), round(exact_power(0.0, 25), 3)
    (0.526, 0.05)
    """
    check_between(r, -1, 1, "r", open_ends=True)
    critical = float(stats.t.isf(alpha / 2, n - 2))
    slope = abs(r) / np.sqrt(1 - r * r)

    def density(q: float) -> float:
        shift = slope * np.sqrt(stats.chi2.ppf(q, n - 1))
        return float(stats.nct.sf(critical, n - 2, shift) + stats.nct.cdf(-critical, n - 2, shift))

    return float(integrate.quad(density, 0, 1, epsabs=1e-8, limit=200)[0])


def count_below(p_values: Sequence[float], alpha: float, method: str = "none") -> int:
    """Number of p-values below alpha after an adjustment: "none", "bonferroni", "holm" or "benjamini-hochberg".

    The same as counting `compendium.statistics.multiplicity.adjust_p`, some thousand times faster: for loops over
    what rounded p-values admit.

    Examples
    --------
    >>> [count_below([0.01, 0.03, 0.04], 0.05, m) for m in ("none", "holm", "benjamini-hochberg")]
    [3, 1, 3]
    """
    check_choice(method, ("none", "bonferroni", "holm", "benjamini-hochberg"), "method")
    p = np.sort(np.asarray(p_values, dtype=float))
    m, rank = len(p), np.arange(1, len(p) + 1)
    if method == "holm":
        p = np.maximum.accumulate(p * (m - rank + 1))
    elif method == "benjamini-hochberg":
        p = np.minimum.accumulate((p * m / rank)[::-1])
    elif method == "bonferroni":
        p = p * m
    return int((p < alpha).sum())


@dataclass(frozen=True)
class Adjusted:
    """A standardized coefficient beside a second predictor, from three correlations.

    Attributes
    ----------
    beta, standard_error, t, p : float
        p two-sided, n − 3 degrees of freedom; NaN without n.
    r_squared, variance_inflation : float
    """

    beta: float
    standard_error: float
    t: float
    p: float
    r_squared: float
    variance_inflation: float


def adjust_by_second(r_yx: float, r_yz: float, r_xz: float, n: float = float("nan")) -> Adjusted:
    """Coefficient of x in the regression of y on x and z, all standardized, from their correlations.

    Examples
    --------
    >>> got = adjust_by_second(0.7, -0.5, -0.88, 25)
    >>> round(got.beta, 3), round(got.variance_inflation, 2)
    (1.152, 4.43)
    """
    free = 1 - r_xz**2
    beta, other = (r_yx - r_yz * r_xz) / free, (r_yz - r_yx * r_xz) / free
    explained = beta * r_yx + other * r_yz
    error = float(np.sqrt(max(1 - explained, 0.0) / ((n - 3) * free)))
    t = beta / error if error > 0 else float("nan")
    p = float(2 * stats.t.sf(abs(t), n - 3)) if n == n else float("nan")
    return Adjusted(beta, error, t, p, explained, 1 / free)


def admitted_third(r_yx: float, r_xz: float) -> tuple[float, float]:
    """Range of r_yz that makes a valid correlation matrix with the two others.

    Examples
    --------
    >>> [round(r, 3) for r in admitted_third(0.70, -0.88)]
    [-0.955, -0.277]
    """
    check_between(r_yx, -1, 1, "r_yx")
    check_between(r_xz, -1, 1, "r_xz")
    middle, half = r_yx * r_xz, float(np.sqrt((1 - r_yx**2) * (1 - r_xz**2)))
    return middle - half, middle + half


def standard_error(r: float, n: float) -> float:
    """Large-sample standard error (1 − r²)/√(n − 1) of a correlation.

    Examples
    --------
    >>> round(standard_error(0.44, 25), 4)
    0.1646
    """
    return (1 - r * r) / float(np.sqrt(n - 1))


def covariance_with_shared(r_ay: float, r_by: float, r_ab: float, n: float) -> float:
    """Large-sample covariance of r(a, y) and r(b, y) (Pearson & Filon 1898; Olkin & Siotani 1976).

    Examples
    --------
    >>> round(covariance_with_shared(0.5, 0.5, 1.0, 26) - standard_error(0.5, 26) ** 2, 12)   # one variable twice
    0.0
    """
    squares = r_ay**2 + r_by**2
    return (r_ab * (1 - squares) - r_ay * r_by * (1 - squares - r_ab**2) / 2) / (n - 1)


def difference_error(r_a: float, r_b: float, r_ab: float, n: float) -> float:
    """Standard error of r(a, y) − r(b, y) when a and b are correlated and share y.

    Examples
    --------
    >>> round(difference_error(0.4, 0.2, 0.9, 25), 3), round(difference_error(0.4, 0.2, 0.0, 25), 3)
    (0.088, 0.265)
    """
    variance = standard_error(r_a, n) ** 2 + standard_error(r_b, n) ** 2
    return float(np.sqrt(max(variance - 2 * covariance_with_shared(r_a, r_b, r_ab, n), 0.0)))
