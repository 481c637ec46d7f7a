"""What a forest sees of a voxel: the square tile around it, in the plane of the slice, from every contrast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONTRASTS = ("t1", "t1ce", "flair", "adc")
SIDE = 5
"""Voxels along a side: tiles of 5 × 5 voxels (Bobholz et al., AJNR 2022;43:682–688, abstract)."""


def check_side(side: int) -> int:
    """Refuse a tile that has no voxel in its middle.

    Examples
    --------
    >>> check_side(4)
    Traceback (most recent call last):
        ...
    ValueError: A tile has an odd number of voxels along its side, 1 or more. Given 4.
    """
    if side < 1 or side % 2 == 0:
        raise ValueError(f"A tile has an odd number of voxels along its side, 1 or more. Given {side}.")
    return side


def feature_names(contrasts: Sequence[str] = CONTRASTS, side: int = SIDE) -> list[str]:
    """Names of the features in the order of `tile_features`: contrast, then offset along both axes.

    Examples
    --------
    >>> feature_names(["adc"], 3)[:4]
    ['adc_0_0', 'adc_0_1', 'adc_0_2', 'adc_1_0']
    """
    check_side(side)
    return [f"{c}_{i}_{j}" for c in contrasts for i in range(side) for j in range(side)]


def tile_features(volumes: ArrayLike, index: ArrayLike, side: int = SIDE) -> NDArray[np.float32]:
    """Intensities of the tiles around some voxels.

    Parameters
    ----------
    volumes : array (contrasts, x, y, z)
        Contrasts on one grid. Tiles lie in the plane of the first two axes of the grid.
    index : array (n, 3)
        Voxels, as array indices.
    side : odd number of voxels. Beyond the border of the image its outermost voxels are repeated.

    Returns
    -------
    array (n, contrasts · side²), float32

    Raises
    ------
    ValueError
        Shapes that do not fit, an even side, or a voxel outside the image.

    Examples
    --------
    >>> volume = np.arange(24.0).reshape(1, 4, 3, 2)
    >>> tile_features(volume, [[1, 1, 0]], side=3)
    array([[ 0.,  2.,  4.,  6.,  8., 10., 12., 14., 16.]], dtype=float32)
    """
    stack = np.asarray(volumes, dtype=np.float32)
    at = np.asarray(index)
    check_side(side)
    if stack.ndim != 4 or at.ndim != 2 or at.shape[1] != 3:
        raise ValueError(
            f"Tiles need volumes (contrasts, x, y, z) and voxels (n, 3). Given {stack.shape}, {at.shape}."
        )
    if len(at) and ((at < 0) | (at >= stack.shape[1:])).any():
        outside = at[((at < 0) | (at >= stack.shape[1:])).any(axis=1)][0]
        raise ValueError(f"A voxel must lie in the image {stack.shape[1:]}. Given {outside.tolist()}.")
    half = side // 2
    offsets = np.arange(-half, half + 1)
    rows = np.clip(at[:, 0, None] + offsets, 0, stack.shape[1] - 1)
    columns = np.clip(at[:, 1, None] + offsets, 0, stack.shape[2] - 1)
    tiles = stack[:, rows[:, :, None], columns[:, None, :], at[:, 2, None, None]]
    return np.ascontiguousarray(np.moveaxis(tiles, 0, 1).reshape(len(at), -1))
