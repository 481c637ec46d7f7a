"""How far a registration is off: at its own landmarks, at left-out ones, at held-out ones, and where.

The residual at the landmarks that made a transform says little: an exact thin plate has none by construction. The
leave-one-out error refits without each landmark in turn; the held-out error uses landmarks that never took part.
RMSE is √mean(dx² + dy² + dz²) throughout, in µm of the moving image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from compendium.base.validation import check_minimum
from compendium.registration.estimate import Transform, estimate_landmark_transform
from compendium.registration.grid import as_points
from compendium.registration.guards import as_pairs
from compendium.registration.thin_plate import ThinPlate

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class LandmarkError:
    """Errors at landmarks.

    Attributes
    ----------
    vectors_um : ndarray, shape (n, 3)
        Mapped fixed minus clicked moving position.
    method : str
        Which error, of which transform.
    """

    vectors_um: Array
    method: str

    @property
    def n(self) -> int:
        """Landmarks."""
        return len(self.vectors_um)

    @property
    def distances_um(self) -> Array:
        """Length of each error, shape (n,)."""
        return np.linalg.norm(self.vectors_um, axis=1)

    @property
    def rmse_um(self) -> float:
        """Root mean square of the lengths (all three axes)."""
        return float(np.sqrt(np.mean(self.distances_um**2)))

    @property
    def axis_rmse_um(self) -> tuple[float, float, float]:
        """Root mean square along x, y and z."""
        x, y, z = np.sqrt(np.mean(self.vectors_um**2, axis=0))
        return float(x), float(y), float(z)


def residual_error(transform: Transform, fixed: ArrayLike, moving: ArrayLike) -> LandmarkError:
    """Error at given landmarks; *held-out* error when they did not make the transform.

    Examples
    --------
    >>> from compendium.registration import estimate_rigid
    >>> fixed = np.array([[0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90.0]])
    >>> round(residual_error(estimate_rigid(fixed, fixed), fixed, fixed + [3, 0, 4]).rmse_um, 9)
    5.0
    """
    x, y = as_pairs(fixed, moving)
    check_minimum(len(x), 1, "landmark pairs")
    return LandmarkError(transform.apply(x) - y, f"error of {transform.method}")


def leave_one_out_error(fixed: ArrayLike, moving: ArrayLike, kind: str, **options: Any) -> LandmarkError:
    """Error at each landmark of the transform made from all others.

    Parameters
    ----------
    fixed, moving : array-like, shape (n, 3), µm
    kind : str
    **options
        As in `estimate_landmark_transform`. With ``smoothing="leave-one-out"`` λ is chosen once, from all landmarks;
        the error at the chosen λ is then slightly optimistic.

    Examples
    --------
    >>> fixed = np.random.default_rng(1).uniform(0, 1000, (9, 3))
    >>> moving = fixed + np.random.default_rng(2).normal(0, 10, (9, 3))
    >>> leave_one_out_error(fixed, moving, "rigid").n
    9
    """
    x, y = as_pairs(fixed, moving)
    if kind == "thin-plate" and options.get("direction", "direct") == "direct":
        made = estimate_landmark_transform(x, y, kind, **options)
        assert isinstance(made, ThinPlate)
        return LandmarkError(made.leave_one_out_um, f"leave-one-out error of {made.method}")
    vectors = np.empty_like(x)
    method = estimate_landmark_transform(x, y, kind, **options).method
    for i in range(len(x)):
        keep = np.arange(len(x)) != i
        made = estimate_landmark_transform(x[keep], y[keep], kind, **options)
        vectors[i] = made.apply(x[i : i + 1])[0] - y[i]
    return LandmarkError(vectors, f"leave-one-out error of {method}")


def held_out_error(
    fixed: ArrayLike, moving: ArrayLike, kind: str, *, held_out: ArrayLike, **options: Any
) -> LandmarkError:
    """Error at landmarks that take no part in the transform.

    Parameters
    ----------
    held_out : array-like of bool, shape (n,)
        True for the landmarks kept for judging.

    Examples
    --------
    >>> fixed = np.random.default_rng(1).uniform(0, 1000, (9, 3))
    >>> held_out_error(fixed, fixed + 7, "affine", held_out=np.arange(9) < 2).rmse_um < 1e-9
    True
    """
    x, y = as_pairs(fixed, moving)
    out = np.asarray(held_out)
    if out.dtype != bool or out.shape != (len(x),):
        raise ValueError(
            f"held_out must be boolean, one per landmark ({len(x)}). Given {out.dtype} of shape {out.shape}."
        )
    check_minimum(int(out.sum()), 1, "held-out landmarks")
    made = estimate_landmark_transform(x[~out], y[~out], kind, **options)
    return LandmarkError(made.apply(x[out]) - y[out], f"held-out error of {made.method}")


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """Error as a function of place.

    Attributes
    ----------
    rmse_um : ndarray, shape (m,)
        Kernel-weighted root mean square of the landmark errors around each point.
    n_effective : ndarray, shape (m,)
        (Σw)²/Σw²: how many landmarks carry it. Below about 3 the value is one landmark's luck.
    nearest_um : ndarray, shape (m,)
        Distance to the nearest landmark: beyond the bandwidth the map extrapolates.
    bandwidth_um : float
    """

    rmse_um: Array
    n_effective: Array
    nearest_um: Array
    bandwidth_um: float


def local_error_map(
    error: LandmarkError, fixed: ArrayLike, points: ArrayLike, *, bandwidth_um: float
) -> ErrorMap:
    """Local root-mean-square error from the errors at landmarks, with a Gaussian kernel.

    Parameters
    ----------
    error : LandmarkError
        Leave-one-out or held-out; the residual of a thin plate would give zeros.
    fixed : array-like, shape (n, 3)
        Landmarks, in the order of the errors.
    points : array-like, shape (m, 3)
        Where the map is wanted, such as ``Grid.voxel_centres()`` of a coarse grid.
    bandwidth_um : float
        Standard deviation of the kernel.

    Examples
    --------
    >>> error = LandmarkError(np.array([[3.0, 0, 0], [0, 4, 0]]), "held-out")
    >>> local_error_map(error, [[0, 0, 0], [1000, 0, 0]], [[0, 0, 0]], bandwidth_um=100).rmse_um
    array([3.])
    """
    x, where = as_points(fixed, "fixed"), as_points(points)
    if len(x) != error.n:
        raise ValueError(f"fixed must have one landmark per error ({error.n}). Given {len(x)}.")
    if not 0 < bandwidth_um < np.inf:
        raise ValueError(f"bandwidth_um must be positive. Given {bandwidth_um}.")
    squares = error.distances_um**2
    rmse, effective, nearest = (np.empty(len(where)) for _ in range(3))
    for i in range(0, len(where), 100_000):
        part = slice(i, i + 100_000)
        apart = cdist(where[part], x)
        nearest[part] = apart.min(axis=1)
        logs = -0.5 * (apart / bandwidth_um) ** 2
        weights = np.exp(
            logs - logs.max(axis=1, keepdims=True)
        )  # far from all landmarks the nearest one remains
        total = weights.sum(axis=1)
        rmse[part] = np.sqrt(weights @ squares / total)
        effective[part] = total**2 / np.sum(weights**2, axis=1)
    return ErrorMap(rmse, effective, nearest, float(bandwidth_um))
