"""Denoising and Gibbs unringing through DIPY, with the noise map that the fits need."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def denoise_mppca(
    data: ArrayLike, patch_radius: tuple[int, int, int] = (2, 2, 2), mask: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Marchenko–Pastur PCA denoising (Veraart et al. 2016) by DIPY.

    Parameters
    ----------
    data : array-like, shape (x, y, z, m)
    patch_radius : tuple of int
        (2, 2, 0) is a slice-wise 5 × 5 kernel, (3, 3, 1) the 7 × 7 × 3 of the ex vivo scans.

    Returns
    -------
    denoised : ndarray, shape (x, y, z, m)
    sigma : ndarray, shape (x, y, z)
        Noise standard deviation, before denoising.
    """
    from dipy.denoise.localpca import mppca

    image = np.asarray(data, dtype=np.float64)
    if image.ndim != 4:
        raise ValueError(f"MP-PCA takes four-dimensional data. Given shape {image.shape}.")
    denoised, sigma = mppca(
        image, mask=None if mask is None else np.asarray(mask, dtype=bool),
        patch_radius=np.asarray(patch_radius), return_sigma=True, suppress_warning=True,
    )  # fmt: skip
    return denoised, sigma


def remove_ringing(data: ArrayLike, slice_axis: int = 2) -> Array:
    """Gibbs unringing by local sub-voxel shifts (Kellner et al. 2016) by DIPY, slice by slice."""
    from dipy.denoise.gibbs import gibbs_removal

    return gibbs_removal(
        np.array(data, dtype=np.float64), slice_axis=slice_axis, inplace=False, num_processes=1
    )
