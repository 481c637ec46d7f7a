"""Regression on z-scores, and information criteria with stated counts; polynomials are in `polynomials`.

AIC and BIC depend on whether the residual variance is counted as a parameter: R counts it, statsmodels does
not (its AIC is 2 lower, its BIC ln n lower). Here the count is an argument and part of the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between, check_minimum, drop_incomplete

Array = NDArray[np.float64]


@dataclass(frozen=True)
class InformationCriteria:
    """AIC, small-sample AICc and BIC with the number of parameters that was counted."""

    aic: float
    aicc: float
    bic: float
    log_likelihood: float
    parameters: int
    n: int


def information_criteria(log_likelihood: float, *, parameters: int, n: int) -> InformationCriteria:
    """AIC = 2P − 2 ln L, AICc, BIC = P ln n − 2 ln L.

    Parameters
    ----------
    log_likelihood : float
        Natural logarithm of the maximised likelihood, constants included.
    parameters : int
        Every estimated quantity, a residual variance included if it was estimated.
    n : int
        Observations.

    Examples
    --------
    >>> criteria = information_criteria(-10.0, parameters=3, n=20)
    >>> criteria.aic, criteria.aicc, round(criteria.bic, 4)
    (26.0, 27.5, 28.9872)
    """
    check_minimum(n, 1, "observations")
    room = n - parameters - 1
    aic = 2 * parameters - 2 * log_likelihood
    corrected = aic + 2 * parameters * (parameters + 1) / room if room > 0 else float("inf")
    bic = parameters * np.log(n) - 2 * log_likelihood
    return InformationCriteria(float(aic), float(corrected), float(bic), float(log_likelihood), parameters, n)


def gaussian_criteria(
    residual_sum_of_squares: float, *, n: int, coefficients: int, count_variance: bool
) -> InformationCriteria:
    """Criteria of a least-squares fit with the variance at its maximum-likelihood value RSS/n.

    Parameters
    ----------
    coefficients : int
        Regression coefficients, intercept included.
    count_variance : bool
        True: R's `AIC`/`BIC`. False: statsmodels' ``.aic``/``.bic``.

    Examples
    --------
    >>> with_variance = gaussian_criteria(5.0, n=10, coefficients=2, count_variance=True)
    >>> round(with_variance.aic - gaussian_criteria(5.0, n=10, coefficients=2, count_variance=False).aic, 9)
    2.0
    """
    if not residual_sum_of_squares > 0:
        raise ValueError(f"The residual sum of squares must be positive. Given {residual_sum_of_squares}.")
    log_likelihood = -n / 2 * (np.log(2 * np.pi * residual_sum_of_squares / n) + 1)
    return information_criteria(log_likelihood, parameters=coefficients + int(count_variance), n=n)


@dataclass(frozen=True)
class Regression:
    """Least-squares fit.

    Attributes
    ----------
    names : tuple of str
        Predictors, in the order of the arrays below (no intercept among them).
    beta, standard_error, t, p, lower, upper : ndarray, shape (k,)
        On z-scores: change of the outcome in SD per SD of the predictor.
    variance_inflation : ndarray, shape (k,)
    r_squared, intercept, df : float
    criteria : InformationCriteria
        Residual variance counted (R's convention).
    n, dropped : int
    method : str
    """

    names: tuple[str, ...]
    beta: Array
    standard_error: Array
    t: Array
    p: Array
    lower: Array
    upper: Array
    variance_inflation: Array
    r_squared: float
    intercept: float
    df: float
    criteria: InformationCriteria
    n: int
    dropped: int
    method: str


def standardize(values: ArrayLike, *, ddof: int, name: str = "values") -> Array:
    """z-scores with a stated denominator: ``ddof=1`` divides by n − 1 (R's `scale`), ``ddof=0`` by n.

    Examples
    --------
    >>> standardize([1, 2, 3], ddof=1)
    array([-1.,  0.,  1.])
    """
    array = np.asarray(values, dtype=float)
    spread = array.std(ddof=ddof)
    if not spread > 1e-12 * max(1.0, float(np.abs(array).max())):
        raise ValueError(f"{name} must vary to be standardized. Given {len(array)} times {array[0]:g}.")
    return (array - array.mean()) / spread


def regress_z_scores(
    outcome: ArrayLike, predictors: Mapping[str, ArrayLike], *, ddof: int = 1, confidence: float = 0.95
) -> Regression:
    """Multiple regression of z-scores on z-scores (grussu2025, eq. 16).

    Rows with a missing value in any variable are dropped before standardizing. The coefficients do not
    depend on `ddof` as long as all variables share it.

    Raises
    ------
    ValueError
        If there are too few rows, a variable is constant, or predictors are collinear.

    Examples
    --------
    >>> fit = regress_z_scores([1, 2, 3, 4, 6], {"size": [1, 2, 3, 5, 5], "fraction": [2, 1, 4, 3, 5]})
    >>> fit.names, fit.beta.round(3), fit.n
    (('size', 'fraction'), array([0.697, 0.329]), 5)
    """
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    names = tuple(predictors)
    given: dict[str, Any] = {"outcome": outcome, **{f"predictor {name}": x for name, x in predictors.items()}}
    (y, *columns), dropped = drop_incomplete(**given)
    check_minimum(len(y), len(names) + 2, "complete rows")
    z = np.column_stack([standardize(c, ddof=ddof, name=key) for key, c in zip(names, columns, strict=True)])
    _refuse_collinear(z, names)
    fit = sm.OLS(standardize(y, ddof=ddof, name="outcome"), sm.add_constant(z, has_constant="add")).fit()
    limits = np.asarray(fit.conf_int(1 - confidence))[1:]
    inflation = np.diag(np.linalg.inv(np.corrcoef(z, rowvar=False).reshape(len(names), len(names))))
    criteria = information_criteria(float(fit.llf), parameters=len(names) + 2, n=len(y))
    return Regression(
        names,
        fit.params[1:],
        fit.bse[1:],
        fit.tvalues[1:],
        fit.pvalues[1:],
        limits[:, 0],
        limits[:, 1],
        inflation,
        float(fit.rsquared),
        float(fit.params[0]),
        float(fit.df_resid),
        criteria,
        len(y),
        dropped,
        f"least squares on z-scores, ddof {ddof}",
    )


def _refuse_collinear(columns: Array, names: Sequence[str]) -> None:
    rank = int(np.linalg.matrix_rank(columns))
    if rank < columns.shape[1]:
        raise ValueError(
            f"Predictors must be linearly independent. Given {', '.join(names)} with rank {rank}."
        )
