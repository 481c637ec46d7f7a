"""The profiled likelihood of a random-intercept model: deviance, derivative, minimum and curvature.

Used by `compendium.statistics.mixed`. H = I + λ·ZZ′ is the covariance of y in units of σ², λ = σ²_cluster/σ².
X is replaced by an orthonormal basis and y by what X leaves of it, so that only sums per cluster are needed
and nothing cancels, whatever the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from compendium.base.validation import check_minimum

Array = NDArray[np.float64]
_LARGEST_RATIO = (
    1e8  # beyond this the variance within clusters is zero for all that double precision can tell
)
_GRID = np.concatenate([[0.0], np.geomspace(1e-6, _LARGEST_RATIO, 57)])


@dataclass(frozen=True)
class Curvature:
    """What Satterthwaite's formula needs: covariance of β, its slope in λ, and how sure λ and σ² are."""

    base: Array  # (X'H⁻¹X)⁻¹
    slope: Array  # its derivative with respect to λ
    variance: float  # σ²
    hessian: Array  # of −2 log likelihood in (λ, σ²)
    residual_df: float
    singular: bool

    def satterthwaite(self, weights: Array) -> float:
        """Return Satterthwaite's degrees of freedom of a linear combination of the fixed effects."""
        if self.singular:  # on the boundary only σ² is uncertain
            return self.residual_df
        a, da = float(weights @ self.base @ weights), float(weights @ self.slope @ weights)
        gradient = np.array([self.variance * da, a])
        spread = float(gradient @ (2 * np.linalg.solve(self.hessian, gradient)))
        return 2 * (self.variance * a) ** 2 / spread


class Profile:
    """Profiled deviance of the variance ratio, from cluster sums of an orthonormal basis of X."""

    def __init__(
        self, y: Array, design: Array, label: NDArray[Any], names: Sequence[str], reml: bool
    ) -> None:
        cluster_names, code = np.unique(label.astype(str), return_inverse=True)
        self.n, self.p, self.k, self.reml = len(y), design.shape[1], len(cluster_names), reml
        self._check(names)
        basis, self.triangle = np.linalg.qr(design)
        _check_rank(self.triangle, design, names)
        coefficients = basis.T @ y
        self.rest = y - basis @ coefficients  # what is left of y is orthogonal to X: no cancellation below
        self.basis_coefficients = coefficients
        self.size = np.bincount(code).astype(float)
        sums = np.zeros((self.k, self.p + 1))
        np.add.at(sums, code, np.column_stack([basis, self.rest]))
        self.s, self.t = sums[:, :-1], sums[:, -1]
        self.square = float(self.rest @ self.rest)
        self.weight_df = self.n - self.p if reml else self.n
        if self.square <= 1e-22 * max(float(y @ y), 1e-300):
            raise ValueError("y must vary around the fitted values. Given an exact fit.")

    def _check(self, names: Sequence[str]) -> None:
        check_minimum(self.k, 2, "clusters")
        if self.k >= self.n:
            raise ValueError(
                f"Some cluster must hold several samples. Given {self.k} clusters of {self.n} samples."
            )
        check_minimum(self.n, self.p + 1, f"samples for {len(names)} coefficients")

    def solve(self, ratio: float) -> tuple[Array, Array, float]:
        """Inverse of X'H⁻¹X, shift of β in the basis, and r'H⁻¹r at a variance ratio."""
        w = ratio / (1 + self.size * ratio)
        inner = np.eye(self.p) - (self.s.T * w) @ self.s
        cross = -(self.s.T * w) @ self.t
        inverse: Array = np.asarray(np.linalg.inv(inner), dtype=np.float64)
        shift = inverse @ cross
        return inverse, shift, self.square - float(w @ self.t**2) - float(cross @ shift)

    def deviance(self, ratio: float) -> float:
        """−2 log likelihood (restricted for REML), profiled over β and σ²."""
        inverse, _, square = self.solve(ratio)
        value = (
            self.weight_df * (1 + np.log(2 * np.pi * square / self.weight_df))
            + np.log1p(self.size * ratio).sum()
        )
        if self.reml:
            value += 2 * np.log(np.abs(np.diag(self.triangle))).sum() - np.linalg.slogdet(inverse)[1]
        return float(value)

    def slope(self, ratio: float) -> float:
        """Derivative of the deviance with respect to the ratio."""
        inverse, shift, square = self.solve(ratio)
        shrink = 1 / (1 + self.size * ratio)
        residual = (self.t - self.s @ shift) * shrink
        value = -self.weight_df * float(residual @ residual) / square + float(self.size @ shrink)
        if self.reml:
            b = self.s * shrink[:, None]
            value -= float(np.sum((b @ inverse) * b))
        return value

    def best_ratio(self) -> float:
        """The ratio of the smallest deviance: a grid finds the basin, the derivative's root the bottom."""
        values = self._grid_deviances()
        i = int(np.argmin(values))
        if i == len(_GRID) - 1:
            raise ValueError("y must vary within clusters beyond what X explains. Given no such variation.")
        rising = self.slope(_GRID[i]) >= 0
        if i == 0 and rising:
            return 0.0
        low, high = (_GRID[i - 1], _GRID[i]) if rising else (_GRID[i], _GRID[i + 1])
        if self.slope(low) < 0 <= self.slope(high):
            return float(optimize.brentq(self.slope, low, high, xtol=1e-14, rtol=1e-13))
        inside = optimize.minimize_scalar(
            self.deviance, bounds=(low, high), method="bounded"
        )  # two bottoms close by
        return float(inside.x)

    def _grid_deviances(self) -> Array:
        w = _GRID[:, None] / (1 + np.outer(_GRID, self.size))
        inner = np.eye(self.p) - np.einsum("gk,ki,kj->gij", w, self.s, self.s, optimize=True)
        cross = -np.einsum("gk,ki,k->gi", w, self.s, self.t, optimize=True)
        square = (
            self.square
            - w @ self.t**2
            - np.sum(cross * np.linalg.solve(inner, cross[..., None])[..., 0], axis=1)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            values = self.weight_df * np.log(square) + np.log1p(np.outer(_GRID, self.size)).sum(axis=1)
        values = np.where(square > 0, values, -np.inf)
        return values + (np.linalg.slogdet(inner)[1] if self.reml else 0.0)

    def curvature(self, ratio: float) -> Curvature:
        """Return the variance of the fixed effects and the curvature of the likelihood at a variance ratio."""
        inverse, shift, square = self.solve(ratio)
        variance = square / self.weight_df
        shrink = 1 / (1 + self.size * ratio)
        d, b = self.size * shrink, self.s * shrink[:, None]
        g = (self.t - self.s @ shift) * shrink
        within = b @ inverse
        second = 2 * (float(d @ g**2) - float(g @ within @ (b.T @ g)))
        trace = float(d @ d)
        if self.reml:
            small = b.T @ within
            trace += -2 * float(np.sum(d[:, None] * within * b)) + float(np.sum(small * small.T))
        mixed = float(g @ g) / variance**2
        hessian = np.array([[second / variance - trace, mixed], [mixed, self.weight_df / variance**2]])
        back = np.linalg.inv(self.triangle)
        slope = inverse @ (b.T @ b) @ inverse
        df = float(self.weight_df)
        return Curvature(back @ inverse @ back.T, back @ slope @ back.T, variance, hessian, df, ratio == 0)


def _check_rank(triangle: Array, design: Array, names: Sequence[str]) -> None:
    scale = np.linalg.norm(design, axis=0)
    bad = np.flatnonzero(np.abs(np.diag(triangle)) <= 1e-10 * scale)
    if bad.size:
        raise ValueError(
            f"A predictor must not be constant or a combination of those before it. Given {names[bad[0]]!r}."
        )
