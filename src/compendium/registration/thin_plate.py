"""Thin-plate splines in three dimensions, exact or smoothed, and numerical inverses.

The kernel is U(r) = r, the one of three dimensions (Bookstein's r² log r belongs to two; ITK's ``ThinPlateSpline`` and
VTK's ``R`` kernel are this one). Without landmark noise the exact spline is the best of the four transforms; with
clicks 20 µm off it follows the noise, and smoothing chosen by leave-one-out is better once there are some thirty pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from compendium.registration.affine import estimate_affine
from compendium.registration.grid import as_points
from compendium.registration.guards import check_landmarks

Array = NDArray[np.floating[Any]]
_BLOCK = 200_000  # points at a time: with 30 landmarks, 48 MB of distances
LAMBDAS = (
    0.0,
    *np.logspace(-4, 2, 25),
)  # in units of the landmarks' mean distance: from exact to nearly affine


class Differentiable(Protocol):
    """A map with its derivative."""

    @property
    def method(self) -> str:
        """How it was made."""

    def apply(self, points: ArrayLike) -> Array:
        """Mapped points, shape (n, 3)."""

    def jacobian(self, points: ArrayLike) -> Array:
        """Derivative, shape (n, 3, 3)."""


@dataclass(frozen=True, eq=False)
class ThinPlate:
    """A fitted spline: ``y = matrix @ x + offset + Σ weights_i |x − control_i|``.

    Attributes
    ----------
    controls : ndarray, shape (n, 3), µm
    weights : ndarray, shape (n, 3)
    matrix : ndarray, shape (3, 3)
    offset_um : ndarray, shape (3,)
    smoothing : float
        λ in units of the mean distance between the landmarks; 0 passes through every landmark.
    leave_one_out_um : ndarray, shape (n, 3)
        Predicted minus clicked position of each landmark from all others, at this λ.
    method : str
    """

    controls: Array
    weights: Array
    matrix: Array
    offset_um: Array
    smoothing: float
    leave_one_out_um: Array
    method: str

    def apply(self, points: ArrayLike) -> Array:
        """Mapped points, shape (n, 3), µm."""
        x = as_points(points)
        out = np.empty_like(x)
        for i in range(0, len(x), _BLOCK):
            part = x[i : i + _BLOCK]
            out[i : i + _BLOCK] = part @ self.matrix.T + cdist(part, self.controls) @ self.weights
        return out + self.offset_um

    def jacobian(self, points: ArrayLike) -> Array:
        """Derivative at the points, shape (n, 3, 3); at a landmark itself the mean of all directions."""
        x = as_points(points)
        away = x[:, None, :] - self.controls
        radius = np.linalg.norm(away, axis=2, keepdims=True)
        unit = np.divide(away, radius, out=np.zeros_like(away), where=radius > 0)
        return self.matrix + np.einsum("nkj,ki->nij", unit, self.weights)

    def inverse(self, tolerance_um: float = 1e-4) -> InverseTransform:
        """Return the numerical inverse of this spline."""
        return InverseTransform(self, tolerance_um, f"numerical inverse of {self.method}")


def estimate_thin_plate(
    fixed: ArrayLike, moving: ArrayLike, *, smoothing: float | str = 0.0, allow_reflection: bool = False
) -> ThinPlate:
    """Thin-plate spline that maps fixed to moving landmarks.

    Parameters
    ----------
    fixed, moving : array-like, shape (n ≥ 5, 3), µm
        A spline for the other direction comes from exchanging them; it is not the inverse of this one.
    smoothing : float or "leave-one-out"
        λ ≥ 0 in units of the mean distance between the landmarks, or the one of `LAMBDAS` with the smallest
        leave-one-out error (Rippa 1999: from one inverse for each λ, without refitting). SciPy's
        ``RBFInterpolator(kernel="linear", degree=1)`` takes the same λ times that distance.

    Raises
    ------
    UnusableLandmarksError
        See `compendium.registration.guards.check_landmarks`; also for landmarks whose affine part mirrors the space.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> fixed = rng.uniform(0, 1000, (12, 3))
    >>> spline = estimate_thin_plate(fixed, fixed + rng.normal(0, 10, (12, 3)))
    >>> bool(np.abs(spline.apply(spline.controls) - fixed).max() < 40), spline.method
    (True, 'thin plate, exact')
    """
    check_landmarks(fixed, moving, "thin-plate", allow_reflection=allow_reflection)
    estimate_affine(fixed, moving, allow_reflection=allow_reflection)  # refuses mirrored landmarks
    x, y = as_points(fixed), as_points(moving)
    centre, scale = x.mean(axis=0), _mean_distance(x)
    inside, system = _system((x - centre) / scale)
    if isinstance(smoothing, str):
        if smoothing != "leave-one-out":
            raise ValueError(f"smoothing must be a number or 'leave-one-out'. Given {smoothing!r}.")
        chosen = min(LAMBDAS, key=lambda value: float(np.sum(_solve(system, inside, value, y)[1] ** 2)))
        method = "thin plate, λ by leave-one-out"
    else:
        if not 0 <= smoothing < np.inf:
            raise ValueError(f"smoothing must be a number, 0 or more. Given {smoothing}.")
        chosen = float(smoothing)
        method = "thin plate, exact" if chosen == 0 else f"thin plate, λ = {chosen:g}"
    solution, left_out = _solve(system, inside, chosen, y)
    n = len(x)
    matrix = solution[n + 1 :].T / scale
    weights = -solution[:n] / scale
    return ThinPlate(x, weights, matrix, solution[n] - matrix @ centre, float(chosen), left_out, method)


def _mean_distance(x: Array) -> float:
    return float(cdist(x, x).sum() / (len(x) * (len(x) - 1)))


def _system(x: Array) -> tuple[Array, Array]:
    """Polynomial block and full system without λ; the kernel is −r, which is conditionally positive definite."""
    n = len(x)
    polynomial = np.column_stack([np.ones(n), x])
    system = np.zeros((n + 4, n + 4))
    system[:n, :n] = -cdist(x, x)
    system[:n, n:] = polynomial
    system[n:, :n] = polynomial.T
    return polynomial, system


def _solve(system: Array, polynomial: Array, smoothing: float, y: Array) -> tuple[Array, Array]:
    """Coefficients and leave-one-out errors (predicted − clicked): eᵢ = −cᵢ / (A⁻¹)ᵢᵢ, for any λ."""
    n = len(y)
    full = system.copy()
    full[range(n), range(n)] += smoothing
    inverse = np.linalg.inv(full)
    right = np.vstack([y, np.zeros((4, y.shape[1]))])
    solution = np.linalg.solve(full, right)
    diagonal = np.diag(inverse)[:n, None]
    return solution, -solution[:n] / diagonal


@dataclass(frozen=True, eq=False)
class InverseTransform:
    """Inverse of a smooth map by Newton's method.

    Attributes
    ----------
    forward : transform with ``apply`` and ``jacobian``
    tolerance_um : float
        Greatest distance between a point and the forward map of what is returned for it.
    method : str
    """

    forward: Differentiable
    tolerance_um: float
    method: str

    def apply(self, points: ArrayLike) -> Array:
        """Points that the forward map takes to the given ones, shape (n, 3), µm.

        Raises
        ------
        ValueError
            Where Newton's method does not arrive: the forward map folds, or the point is outside its range.
        """
        target = as_points(points)
        out = np.empty_like(target)
        for i in range(0, len(target), _BLOCK // 8):
            out[i : i + _BLOCK // 8] = self._solve(target[i : i + _BLOCK // 8])
        return out

    def jacobian(self, points: ArrayLike) -> Array:
        """Derivative of the inverse at the given points, shape (n, 3, 3)."""
        return np.linalg.inv(self.forward.jacobian(self.apply(points)))

    def inverse(self) -> Differentiable:
        """Return the forward map."""
        return self.forward

    def _solve(self, target: Array) -> Array:
        x = _linear_start(self.forward, target)
        error = self.forward.apply(x) - target
        size = np.linalg.norm(error, axis=1)
        for _ in range(60):
            open_ = np.flatnonzero(size > self.tolerance_um)
            if not open_.size:
                return x
            step = np.linalg.solve(self.forward.jacobian(x[open_]), error[open_][..., None])[..., 0]
            factor = np.ones((open_.size, 1))
            for _ in range(12):  # halve the step until the point comes nearer
                trial = x[open_] - factor * step
                missed = self.forward.apply(trial) - target[open_]
                worse = np.linalg.norm(missed, axis=1) >= size[open_]
                if not worse.any():
                    break
                factor[worse] /= 2
            better = ~worse
            x[open_[better]], error[open_[better]] = trial[better], missed[better]
            size[open_[better]] = np.linalg.norm(missed[better], axis=1)
            if not better.any():
                break
        bad = np.flatnonzero(size > self.tolerance_um)
        if bad.size:
            raise ValueError(
                f"The transform must be invertible. No inverse within {self.tolerance_um:g} µm at {bad.size} points, "
                f"first {target[bad[0]].round(1).tolist()}."
            )
        return x


def _linear_start(forward: Differentiable, target: Array) -> Array:
    matrix, offset = getattr(forward, "matrix", np.eye(3)), getattr(forward, "offset_um", np.zeros(3))
    if isinstance(
        forward, ThinPlate
    ):  # far away |x − c| is not small: start from the landmarks' own affine fit
        there = forward.apply(forward.controls)
        design = np.column_stack([there, np.ones(len(there))])
        return (
            np.column_stack([target, np.ones(len(target))])
            @ np.linalg.lstsq(design, forward.controls, rcond=None)[0]
        )
    return np.linalg.solve(matrix, (target - offset).T).T
