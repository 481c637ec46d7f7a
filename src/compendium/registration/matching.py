"""The scale at which two registered images may be compared.

A landmark error does not forbid voxels smaller than itself, nor allow larger ones: it lowers what they can show. Here
each point is displaced by a normal error; a block keeps those that stay in it, and a correlation between the two images
is lowered by how much the displaced block still has in common with the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from compendium.base.validation import check_between

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class MatchingScale:
    """What a registration error leaves, block size by block size.

    Attributes
    ----------
    blocks_um : tuple of (x, y, z)
        Edges of the blocks.
    retained : tuple of float
        Expected fraction of the points of a block that stay in it.
    attenuation : tuple of float
        Factor by which a correlation of block means is lowered.
    axis_error_um : tuple of float
        Standard deviation of the displacement along x, y, z.
    correlation_length_um : float
        0: contrasts as fine as the block, the worst case, in which attenuation equals the retained fraction.
    method : str
    """

    blocks_um: tuple[tuple[float, float, float], ...]
    retained: tuple[float, ...]
    attenuation: tuple[float, ...]
    axis_error_um: tuple[float, float, float]
    correlation_length_um: float
    method: str

    def table(self) -> pd.DataFrame:
        """One row per block: edges, retained fraction, attenuation."""
        frame = pd.DataFrame(self.blocks_um, columns=["block_x_um", "block_y_um", "block_z_um"])
        return frame.assign(retained=self.retained, attenuation=self.attenuation)

    def smallest(self, attenuation: float) -> tuple[float, float, float] | None:
        """Smallest listed block (by volume) that keeps at least this share of a correlation; None if none does."""
        order = sorted(range(len(self.blocks_um)), key=lambda i: float(np.prod(self.blocks_um[i])))
        return next((self.blocks_um[i] for i in order if self.attenuation[i] >= attenuation), None)


def matching_scale(
    rmse_um: float | ArrayLike,
    voxel_um: ArrayLike,
    *,
    multiples: Sequence[float] = (1, 2, 4, 8),
    correlation_length_um: float = 0.0,
    disagreement: bool = False,
) -> MatchingScale:
    """Retained fraction and attenuation for a landmark error, per block size.

    Displacements are normal, independent along the axes and constant within a block. For contrasts with a Gaussian
    autocorrelation exp(−h²/2ℓ²) the attenuation of block means has a closed form along each axis, with s² = ℓ² + σ²:
    (ℓ/s)·G(s)/G(ℓ), G(s) = ∫(1 − |h|/L)·exp(−h²/2s²) dh over [−L, L]; for ℓ → 0 it is the retained fraction. Noise
    that averaging a block removes is not part of it.

    Parameters
    ----------
    rmse_um : float or array-like, shape (3,)
        Three-dimensional RMSE, shared evenly by the axes, or RMSE along x, y and z.
    voxel_um : array-like, shape (3,)
        Voxel of the coarser image.
    multiples : sequence of float
        Block edges in voxels, all three axes alike.
    correlation_length_um : float
        ℓ of the contrast; 0 for the worst case.
    disagreement : bool
        The RMSE is between two raters: divided by √2, which is right only if they share no error.

    Examples
    --------
    >>> found = matching_scale(71.6, (100, 100, 100), multiples=(1, 2, 4))
    >>> [round(f, 2) for f in found.retained]
    [0.3, 0.58, 0.77]
    >>> [round(f, 2) for f in matching_scale(71.6, (100, 100, 100), correlation_length_um=300).attenuation]
    [0.97, 0.97, 0.98, 0.99]
    """
    voxel = np.asarray(voxel_um, dtype=float)
    if voxel.shape != (3,) or not ((voxel > 0) & np.isfinite(voxel)).all():
        raise ValueError(f"voxel_um must be three positive numbers (x, y, z). Given {voxel_um!r}.")
    if len(multiples) == 0 or min(multiples) <= 0:
        raise ValueError(f"multiples must be positive, at least one. Given {tuple(multiples)}.")
    check_between(correlation_length_um, 0, 1e9, "correlation_length_um")
    sigma = _axis_errors(rmse_um) / (np.sqrt(2) if disagreement else 1.0)
    blocks = np.array([m * voxel for m in multiples])
    kept = retained_fraction(sigma, blocks)
    lowered = _attenuation(sigma, blocks, correlation_length_um)
    return MatchingScale(
        tuple((float(x), float(y), float(z)) for x, y, z in blocks),
        tuple(kept.tolist()),
        tuple(lowered.tolist()),
        (float(sigma[0]), float(sigma[1]), float(sigma[2])),
        float(correlation_length_um),
        "normal displacement, " + ("rater disagreement/√2" if disagreement else "landmark error"),
    )


def retained_fraction(axis_error_um: ArrayLike, blocks_um: ArrayLike) -> Array:
    """Fraction of points, uniform in a block, that a normal displacement leaves in it.

    Parameters
    ----------
    axis_error_um : array-like, shape (3,)
        Standard deviations along x, y, z.
    blocks_um : array-like, shape (m, 3)

    Examples
    --------
    >>> retained_fraction([0, 0, 0], [[100, 100, 100]])
    array([1.])
    """
    sigma, edge = np.asarray(axis_error_um, dtype=float), np.atleast_2d(np.asarray(blocks_um, dtype=float))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        t = np.where(sigma > 0, edge / sigma, np.inf)
        stay = erf(t / np.sqrt(2)) - np.sqrt(2 / np.pi) / t * -np.expm1(-(t**2) / 2)
    return np.prod(stay, axis=1)


def _axis_errors(rmse_um: float | ArrayLike) -> Array:
    given = np.asarray(rmse_um, dtype=float)
    if given.shape not in ((), (3,)) or not (np.isfinite(given) & (given >= 0)).all():
        raise ValueError(f"rmse_um must be one number or three (x, y, z), 0 or more. Given {rmse_um!r}.")
    return np.full(3, float(given) / np.sqrt(3)) if given.ndim == 0 else given


def _attenuation(sigma: Array, blocks: Array, length: float) -> Array:
    if length <= 1e-6 * blocks.min():  # far below the block: the limit, where the ratio would lose its digits
        return retained_fraction(sigma, blocks)
    spread = np.sqrt(length**2 + sigma**2)
    return np.prod(
        length / spread * _triangle(spread, blocks) / _triangle(np.full(3, length), blocks), axis=1
    )


def _triangle(spread: Array, edge: Array) -> Array:
    """∫(1 − |h|/L)·exp(−h²/2s²) dh / L, by series where the closed form cancels."""
    t = edge / spread
    with np.errstate(over="ignore"):
        closed = np.sqrt(2 * np.pi) / t * erf(t / np.sqrt(2)) + 2 / t**2 * np.expm1(-(t**2) / 2)
    return np.where(t < 1e-2, 1 - t**2 / 12 + t**4 / 120, closed)
