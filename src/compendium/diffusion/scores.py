"""Log-likelihood, AIC and BIC of offset-Gaussian fits, in the printed and in the usual form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice

Array = NDArray[np.float64]

BIC_FORMS = ("standard", "paper")


@dataclass(frozen=True)
class Scores:
    """Scores of fitted voxels, each of shape (v,).

    Attributes
    ----------
    log_likelihood, aic, bic, bic_paper : ndarray
        ``bic``: −2 ln λ + P ln N; ``bic_paper``: P ln N − ln λ (eq. 15 as printed, which weighs a parameter twice).
    n, n_parameters : int
    """

    log_likelihood: Array
    aic: Array
    bic: Array
    bic_paper: Array
    n: int
    n_parameters: int


def log_likelihood(residual: ArrayLike, sigma: ArrayLike) -> Array:
    """Gaussian log-likelihood −½Σ(r/σ)² − N ln(σ√(2π)) of residuals, shape (..., m) → (...).

    Examples
    --------
    >>> round(float(log_likelihood([0.0, 0.0], 1.0)), 4)
    -1.8379
    """
    r, s = np.asarray(residual, dtype=np.float64), np.asarray(sigma, dtype=np.float64)
    return -0.5 * np.sum(r**2, axis=-1) / s**2 - r.shape[-1] * np.log(s * np.sqrt(2 * np.pi))


def bayesian_information(likelihood: ArrayLike, n_parameters: int, n: int, form: str = "standard") -> Array:
    """BIC from a log-likelihood: ``"standard"`` −2 ln λ + P ln N, ``"paper"`` P ln N − ln λ (eq. 15).

    Examples
    --------
    >>> bayesian_information([0.0], 3, 6).round(2), bayesian_information([0.0], 3, 6, "paper").round(2)
    (array([5.38]), array([5.38]))
    """
    check_choice(form, BIC_FORMS, "form")
    factor = 2.0 if form == "standard" else 1.0
    return n_parameters * np.log(n) - factor * np.asarray(likelihood, dtype=np.float64)


def score_residuals(residual: ArrayLike, sigma: ArrayLike, n_parameters: int) -> Scores:
    """All scores from residuals, shape (v, m), and σ, shape (v,) or scalar; P counts S0."""
    r = np.asarray(residual, dtype=np.float64)
    n = r.shape[-1]
    like = log_likelihood(r, sigma)
    return Scores(
        like, 2 * n_parameters - 2 * like, bayesian_information(like, n_parameters, n),
        bayesian_information(like, n_parameters, n, "paper"), n, n_parameters,
    )  # fmt: skip
