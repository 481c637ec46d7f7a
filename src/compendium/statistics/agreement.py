"""Agreement of two measurements of the same thing: RMSE, concordance, Bland–Altman limits.

Intraclass correlation and test–retest measures are in `compendium.statistics.reliability`; their names can be
imported from here. Differences are second − first unless said otherwise, in the unit of the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_between, check_choice, check_minimum, drop_incomplete
from compendium.statistics.reliability import (
    Repeatability,
    icc_oneway,
    intraclass_correlation,
    repeatability,
)
from compendium.statistics.results import Interval

__all__ = [
    "BlandAltman",
    "BlandAltmanLine",
    "Repeatability",
    "bland_altman",
    "bland_altman_regression",
    "concordance",
    "icc_oneway",
    "intraclass_correlation",
    "repeatability",
    "rmse",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BlandAltman:
    """Mean difference and limits of agreement.

    Attributes
    ----------
    bias, lower, upper : Interval
        Mean of second − first, and the limits of agreement, each with its confidence interval.
    sd : float
        Standard deviation of single differences; with clusters √(between + within).
    sd_between, sd_within : float
        Components with clusters; NaN without.
    n, n_clusters, dropped : int
        ``n_clusters`` equals n without clusters.
    method : str
    """

    bias: Interval
    lower: Interval
    upper: Interval
    sd: float
    sd_between: float
    sd_within: float
    n: int
    n_clusters: int
    dropped: int
    method: str


@dataclass(frozen=True)
class BlandAltmanLine:
    """Limits of agreement that depend on the size of the measurement (Bland & Altman 1999, section 3.2).

    difference = intercept + slope·mean, limits ± multiplier·√(π/2)·(spread_intercept + spread_slope·mean).
    """

    intercept: float
    slope: float
    spread_intercept: float
    spread_slope: float
    multiplier: float
    n: int
    dropped: int

    def limits(self, mean: ArrayLike) -> tuple[Array, Array, Array]:
        """Bias, lower and upper limit at the given means of the two measurements."""
        at = np.asarray(mean, dtype=float)
        centre = self.intercept + self.slope * at
        half = self.multiplier * np.sqrt(np.pi / 2) * (self.spread_intercept + self.spread_slope * at)
        return centre, centre - half, centre + half


def rmse(measured: ArrayLike, reference: ArrayLike, variant: str = "difference", divisor: str = "n") -> float:
    """Root mean square error, in one of three meanings that papers do not tell apart.

    Parameters
    ----------
    measured, reference : array-like, shape (n,)
        Incomplete pairs are dropped.
    variant : {"difference", "centred", "calibrated"}
        ``"difference"``: of measured − reference as they are (same unit needed). ``"centred"``: after taking
        away the mean difference. ``"calibrated"``: residuals of the least-squares line of the reference on
        the measurement, which never exceed the spread of the reference.
    divisor : {"n", "df"}
        n, or n less the number of constants fitted (0, 1, 2).

    Examples
    --------
    >>> [round(rmse([1, 2, 3, 4], [3, 3, 5, 6], v), 3) for v in ("difference", "centred", "calibrated")]
    [1.803, 0.433, 0.418]
    """
    check_choice(variant, ["difference", "centred", "calibrated"], "variant")
    check_choice(divisor, ["n", "df"], "divisor")
    (x, y), _ = drop_incomplete(measured=measured, reference=reference)
    fitted = {"difference": 0, "centred": 1, "calibrated": 2}[variant]
    check_minimum(len(x), fitted + 1, "complete pairs")
    gap = x - y
    if variant == "centred":
        gap = gap - gap.mean()
    elif variant == "calibrated":
        if x.max() == x.min():
            raise ValueError(f"measured must vary to be calibrated. Given {x[0]:g} in all {len(x)} rows.")
        dx, dy = x - x.mean(), y - y.mean()
        gap = dy - dx * float(dx @ dy) / float(dx @ dx)
    return float(np.sqrt(gap @ gap / (len(x) - (fitted if divisor == "df" else 0))))


def concordance(x: ArrayLike, y: ArrayLike, confidence: float = 0.95, ddof: int = 0) -> Interval:
    """Lin's (1989) concordance correlation; interval by Fisher's z with Lin's corrected (2000) variance.

    Parameters
    ----------
    ddof : {0, 1}
        Divisor n − ddof of variances and covariance: Lin divides by n; some programs by n − 1.

    Raises
    ------
    ValueError
        With fewer than three pairs, or when both variables are constant and equal.

    Examples
    --------
    >>> round(concordance([1, 2, 3, 4, 5], [2, 2, 4, 4, 6]).estimate, 4)
    0.8696
    """
    check_choice(str(ddof), ["0", "1"], "ddof")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    (a, b), _ = drop_incomplete(x=x, y=y)
    n = len(a)
    check_minimum(n, 3, "complete pairs")
    va, vb = a.var(ddof=ddof), b.var(ddof=ddof)
    shift = float(a.mean() - b.mean())
    total = float(va + vb + shift**2)
    if total == 0:
        raise ValueError(f"x and y must vary. Given {a[0]:g} throughout.")
    cov = float((a - a.mean()) @ (b - b.mean())) / (n - ddof)
    c = float(np.clip(2 * cov / total, -1, 1))
    name = f"Lin 1989, divisor n{' − 1' if ddof else ''}, Fisher z"
    se = _concordance_z_error(c, cov, float(va), float(vb), shift, n)
    if not np.isfinite(se):
        return Interval(c, float("nan"), float("nan"), confidence, name)
    half = float(stats.norm.isf((1 - confidence) / 2)) * se
    return Interval(
        c, float(np.tanh(np.arctanh(c) - half)), float(np.tanh(np.arctanh(c) + half)), confidence, name
    )


def bland_altman(
    first: ArrayLike, second: ArrayLike, cluster: ArrayLike | None = None, method: str = "1999",
    multiplier: float = 1.96, confidence: float = 0.95,
) -> BlandAltman:  # fmt: skip
    """Limits of agreement between two methods.

    Parameters
    ----------
    first, second : array-like, shape (n,)
    cluster : array-like, optional
        Subjects with several pairs whose true value varies: the variance of a single difference is the sum of
        the between- and within-subject components of a one-way analysis of variance (Bland & Altman 1999,
        section 5.3; 2007). The component between is not clipped in the sum unless the sum would be smaller
        than the component within. Intervals then rest on the number of subjects and are approximate.
    method : {"1986", "1999"}
        Standard error of a limit: s·√(3/n) (1986), or s·√(1/n + multiplier²/(2(n − 1))) (1999). t with n − 1
        degrees of freedom either way.
    multiplier : float
        1.96, or 2 as in the paper of 1986.

    Examples
    --------
    >>> got = bland_altman([1, 2, 3, 4, 5], [1.5, 2.0, 3.5, 4.5, 5.0], method="1986")
    >>> round(got.bias.estimate, 2), round(got.lower.estimate, 3), round(got.upper.estimate, 3)
    (0.3, -0.237, 0.837)
    """
    check_choice(method, ["1986", "1999"], "method")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    arrays: dict[str, Any] = {"first": first, "second": second} | (
        {} if cluster is None else {"cluster": cluster}
    )
    (a, b, *label), dropped = drop_incomplete(labels=["cluster"], **arrays)
    gap = b - a
    n = len(gap)
    check_minimum(n, 2, "complete pairs")
    between = within = float("nan")
    units, mean, sd = n, float(gap.mean()), float(gap.std(ddof=1))
    if label:
        mean_of_clusters, sd, between, within = _difference_components(gap, label[0])
        units, spread = len(mean_of_clusters), float(mean_of_clusters.std(ddof=1))
        se_bias = spread / np.sqrt(units)
    else:
        se_bias = sd / np.sqrt(n)
    share = 3 / units if method == "1986" else 1 / units + multiplier**2 / (2 * (units - 1))
    quantile = float(stats.t.isf((1 - confidence) / 2, units - 1))
    name = f"Bland–Altman {method}, ±{multiplier:g} SD" + (f", {units} clusters" if label else "")

    def interval(centre: float, se: float) -> Interval:
        return Interval(centre, centre - quantile * se, centre + quantile * se, confidence, name)

    se_limit = sd * float(np.sqrt(share))
    return BlandAltman(
        interval(mean, float(se_bias)), interval(mean - multiplier * sd, se_limit),
        interval(mean + multiplier * sd, se_limit), sd, between, within, n, units, dropped, name,
    )  # fmt: skip


def bland_altman_regression(first: ArrayLike, second: ArrayLike, multiplier: float = 1.96) -> BlandAltmanLine:
    """Bias and limits of agreement as straight lines in the mean of the two methods (Bland & Altman 1999).

    Differences are regressed on means; absolute residuals are regressed on means and scaled by √(π/2).

    Examples
    --------
    >>> line = bland_altman_regression([1, 2, 3, 4, 6], [1.2, 2.3, 3.2, 4.9, 6.9])
    >>> round(line.slope, 3)
    0.154
    """
    (a, b), dropped = drop_incomplete(first=first, second=second)
    check_minimum(len(a), 3, "complete pairs")
    mean, gap = (a + b) / 2, b - a
    if mean.max() == mean.min():
        raise ValueError(f"The means of the pairs must vary. Given {mean[0]:g} in all {len(mean)} rows.")
    slope, intercept = np.polyfit(mean, gap, 1)
    spread_slope, spread_intercept = np.polyfit(mean, np.abs(gap - intercept - slope * mean), 1)
    return BlandAltmanLine(
        float(intercept),
        float(slope),
        float(spread_intercept),
        float(spread_slope),
        multiplier,
        len(a),
        dropped,
    )


def _concordance_z_error(c: float, cov: float, va: float, vb: float, shift: float, n: int) -> float:
    if va == 0 or vb == 0 or cov == 0 or 1 - abs(c) < 1e-14:
        return float("nan")
    r = cov / np.sqrt(va * vb)
    u = shift / (va * vb) ** 0.25
    variance = (
        (1 - r**2) * c**2 / ((1 - c**2) * r**2)
        + 2 * c**3 * (1 - c) * u**2 / (r * (1 - c**2) ** 2)
        - c**4 * u**4 / (2 * r**2 * (1 - c**2) ** 2)
    ) / (n - 2)
    return float(np.sqrt(variance)) if variance >= 0 else float("nan")


def _difference_components(gap: Array, label: NDArray[Any]) -> tuple[Array, float, float, float]:
    """Cluster means, SD of a single difference, and SDs between and within clusters."""
    _, code = np.unique(label.astype(str), return_inverse=True)
    size = np.bincount(code)
    k, n = len(size), len(gap)
    check_minimum(k, 2, "clusters")
    means = np.bincount(code, gap) / size
    if n == k:
        sd = float(gap.std(ddof=1))
        return means, sd, float("nan"), float("nan")
    within = float(np.sum((gap - means[code]) ** 2)) / (n - k)
    mean_square = float(size @ (means - gap.mean()) ** 2) / (k - 1)
    typical = (n - float(size @ size) / n) / (k - 1)
    between = (mean_square - within) / typical
    total = max(between, 0.0) + within
    return means, float(np.sqrt(total)), float(np.sqrt(max(between, 0.0))), float(np.sqrt(within))
