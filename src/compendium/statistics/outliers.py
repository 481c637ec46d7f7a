"""Outliers by ROUT (Motulsky & Brown 2006): robust line or mean, then a false discovery rate on residuals.

Off unless asked for: without a value of Q nothing is flagged. Removing outliers changes what is estimated, so
an analysis without removal stands first, and the flagged points are listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_between, check_minimum, drop_incomplete

Array = NDArray[np.float64]
Interpolation = Literal["linear", "weibull", "hazen", "median_unbiased", "lower", "higher", "nearest"]

WITHIN_ONE_SD = 68.27  # per cent of a normal distribution within one standard deviation (P68 of the paper)
TESTED_FROM = (
    0.70  # only the 30 % of points farthest from the line are ever tested (Motulsky & Brown, step 5)
)


@dataclass(frozen=True)
class Rout:
    """Result of ROUT.

    Attributes
    ----------
    outlier : ndarray of bool, shape (n,)
        In the order of the rows given; False for incomplete rows.
    coefficients : ndarray
        Of the robust fit: intercept, then slope.
    residuals : ndarray, shape (n,)
        From the robust fit; NaN for incomplete rows.
    rsdr : float
        Robust standard deviation of the residuals.
    q : float or None
    interpolation : str
    converged : bool
    dropped : int
    note : str
        Why nothing was tested, if so; else empty.
    """

    outlier: NDArray[np.bool_]
    coefficients: Array
    residuals: Array
    rsdr: float
    q: float | None
    interpolation: str
    converged: bool
    dropped: int
    note: str


def rout(
    y: ArrayLike, x: ArrayLike | None = None, *, q: float | None = None,
    interpolation: Interpolation = "linear", max_iterations: int = 500, tolerance: float = 1e-10,
) -> Rout:  # fmt: skip
    """Flag outliers from a straight line (or, without x, from a common value).

    The robust fit assumes Lorentzian scatter: iterated least squares with weights 1/(1 + (residual/RSDR)²)
    and RSDR = P68·n/(n − K), P68 the 68.27th percentile of absolute residuals. From the 70th per cent of
    ordered residuals on, |residual|/RSDR is compared with t (n − K degrees of freedom) at α = Q·(n − i +
    1)/n; the first one significant and all larger ones are outliers.

    Parameters
    ----------
    y, x : array-like, shape (n,)
    q : float, optional
        False discovery rate, in (0, 1); Prism's default is 0.01. None (the default) flags nothing.
    interpolation : str
        Percentile definition, a ``method`` of ``numpy.percentile``. The paper does not say which; its author
        later named definition 7 of Hyndman & Fan, which is ``"linear"``.
    max_iterations, tolerance
        The fit has converged when no fitted value moves by more than `tolerance` times RSDR.

    Returns
    -------
    Rout
        With RSDR = 0 (more than two thirds of points on the line) no test is possible and nothing is flagged;
        `note` says so.

    Raises
    ------
    ValueError
        With fewer than K + 2 complete rows, or a constant x.

    Examples
    --------
    >>> y = [1.1, 1.9, 3.2, 3.9, 5.1, 25.0, 7.1, 7.8]
    >>> rout(y, range(8), q=0.01).outlier.nonzero()[0], rout(y, range(8)).outlier.any()
    (array([5]), np.False_)
    """
    if q is not None:
        check_between(q, 0, 1, "q", open_ends=True)
    columns: dict[str, Any] = {"y": y} | ({} if x is None else {"x": x})
    (response, *rest), dropped = drop_incomplete(**columns)
    design = np.column_stack([np.ones(len(response)), *rest])
    n, k = design.shape
    check_minimum(n, k + 2, "complete rows")
    if rest and rest[0].max() == rest[0].min():
        raise ValueError(f"x must vary for a straight line. Given {rest[0][0]:g} in all {n} rows.")
    coefficients, rsdr, converged = _robust_fit(response, design, interpolation, max_iterations, tolerance)
    residuals = response - design @ coefficients
    note = "" if q is not None else "off: no Q given"
    if rsdr <= 1e-12 * np.abs(response).max(initial=0.0):
        note, rsdr = note or "not tested: the robust spread of the residuals is zero", 0.0
    flagged = np.zeros(n, dtype=bool)
    if not note and q is not None:
        flagged = _false_discovery(np.abs(residuals) / rsdr, n - k, q)
    complete = _complete_rows(y, x)
    outlier, spread = np.zeros(len(complete), dtype=bool), np.full(len(complete), np.nan)
    outlier[complete], spread[complete] = flagged, residuals
    return Rout(outlier, coefficients, spread, float(rsdr), q, interpolation, converged, dropped, note)


def _robust_fit(
    y: Array, design: Array, interpolation: Interpolation, max_iterations: int, tolerance: float
) -> tuple[Array, float, bool]:
    n, k = design.shape
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    rsdr, converged = 0.0, False
    for _ in range(max_iterations):
        residuals = y - design @ coefficients
        rsdr = float(np.percentile(np.abs(residuals), WITHIN_ONE_SD, method=interpolation)) * n / (n - k)
        if rsdr <= 1e-12 * np.abs(y).max(initial=0.0):
            return np.asarray(coefficients, dtype=np.float64), rsdr, True
        root = 1 / np.sqrt(1 + (residuals / rsdr) ** 2)
        updated = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        shift = float(np.abs(design @ (updated - coefficients)).max())
        coefficients = updated
        if shift <= tolerance * rsdr:
            converged = True
            break
    residuals = y - design @ coefficients
    rsdr = float(np.percentile(np.abs(residuals), WITHIN_ONE_SD, method=interpolation)) * n / (n - k)
    return np.asarray(coefficients, dtype=np.float64), rsdr, converged


def _false_discovery(ratio: Array, df: int, q: float) -> NDArray[np.bool_]:
    n = len(ratio)
    order = np.argsort(ratio, kind="stable")
    p = 2 * stats.t.sf(ratio[order], df)
    rank = np.arange(1, n + 1)
    significant = (p < q * (n - rank + 1) / n) & (rank >= max(int(TESTED_FROM * n), 1))
    flagged = np.zeros(n, dtype=bool)
    if significant.any():
        flagged[order[int(np.argmax(significant)) :]] = True
    return flagged


def _complete_rows(y: ArrayLike, x: ArrayLike | None) -> NDArray[np.bool_]:
    index = np.arange(len(np.asarray(y, dtype=object)), dtype=float)
    columns: dict[str, Any] = {"y": y} | ({} if x is None else {"x": x})
    (*_, kept), _ = drop_incomplete(**columns, row=index)
    complete = np.zeros(len(index), dtype=bool)
    complete[kept.astype(int)] = True
    return complete
