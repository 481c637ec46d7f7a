"""An infiltrating tumour among vessels, and the T2 and T2* images that MRI would make of it.

Density spreads as a sphere with a wide edge, thickened along vessels, with seeded patches; T2 rises with density by a
slope that the caller states. T2* adds the field of the vessels' deoxygenated blood: susceptibility, dipole kernel by FFT,
phase, mean of the complex signal over an MRI voxel. A prediction of signs and sizes under stated assumptions, not a
model of any animal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage

from compendium.base.validation import check_between

Array = NDArray[np.floating[Any]]
GAMMA = 267.522  # rad/s/µT of the proton
DELTA_CHI = 0.27e-6 * 4 * np.pi  # of fully deoxygenated blood cells per haematocrit, SI (Spees et al. 2001)


@dataclass(frozen=True)
class Tissue:
    """Relaxation and blood of the forward model; every value is an assumption of the caller.

    Attributes
    ----------
    t2_ms, t2_tumour_ms, t2_blood_ms : float
        Grey matter, pure tumour, blood. Defaults: values of the order reported at 9.4 T.
    field_t : float
    haematocrit, saturation_artery, saturation_vein : float
    """

    t2_ms: float = 38.0
    t2_tumour_ms: float = 55.0
    t2_blood_ms: float = 9.0
    field_t: float = 9.4
    haematocrit: float = 0.4
    saturation_artery: float = 0.95
    saturation_vein: float = 0.6


def grow_tumour(
    seed: int, shape: tuple[int, int, int], voxel_um: float, *, radius_um: float, edge_um: float,
    vessel_distance_um: ArrayLike | None = None, along_vessels: float = 0.3, patchiness: float = 0.3,
) -> NDArray[np.float32]:  # fmt: skip
    """Tumour density in [0, 1].

    Parameters
    ----------
    seed : int
        Of centre and patches.
    shape : (z, y, x)
    voxel_um : float
    radius_um, edge_um : float
        Half density at the radius; the edge is the width of a logistic fall.
    vessel_distance_um : array-like, shape (z, y, x), optional
        Signed distance to vessel walls, positive inside; density is 0 inside and higher just outside.
    along_vessels, patchiness : float
        Share of extra density next to vessels, and SD of the logit of patches (correlated over the edge width).

    Examples
    --------
    >>> density = grow_tumour(1, (20, 20, 20), 50, radius_um=200, edge_um=60)
    >>> bool(0 <= density.min() < 0.05 and 0.8 < density.max() <= 1)
    True
    """
    for value, name in ((voxel_um, "voxel_um"), (radius_um, "radius_um"), (edge_um, "edge_um")):
        check_between(value, 1e-3, 1e6, name)
    rng = np.random.default_rng(seed)
    size = np.array(shape[::-1]) * voxel_um
    centre = size * rng.uniform(0.4, 0.6, 3)
    axes = [(np.arange(n, dtype=np.float32) + 0.5) * voxel_um for n in shape]
    apart = np.sqrt(
        (axes[0][:, None, None] - centre[2]) ** 2
        + (axes[1][None, :, None] - centre[1]) ** 2
        + (axes[2][None, None, :] - centre[0]) ** 2
    )
    logit = (radius_um - apart) / (edge_um / 4)
    logit = logit + 4 * patchiness * _patches(rng, shape, edge_um / voxel_um)
    if vessel_distance_um is None:
        return (1 / (1 + np.exp(-logit))).astype(np.float32)
    wall = np.asarray(vessel_distance_um, dtype=np.float32)
    if wall.shape != tuple(shape):
        raise ValueError(
            f"vessel_distance_um must have the volume's shape {tuple(shape)}. Given {wall.shape}."
        )
    density = 1 / (1 + np.exp(-(logit + 4 * along_vessels * (wall > -2 * voxel_um))))
    return np.where(wall > 0, 0, density).astype(np.float32)


def _patches(rng: np.random.Generator, shape: tuple[int, int, int], width: float) -> NDArray[np.float32]:
    """Smooth noise with SD 1, drawn on a coarse grid so that large volumes stay cheap."""
    step = max(int(width / 2), 1)
    coarse = rng.standard_normal([n // step + 4 for n in shape]).astype(np.float32)
    coarse = ndimage.gaussian_filter(coarse, width / step / 2)
    coarse /= coarse.std()
    fine = ndimage.zoom(coarse, step, order=1) if step > 1 else coarse
    return fine[tuple(slice(0, n) for n in shape)]


def frequency_shift(
    susceptibility: ArrayLike,
    field_t: float,
    *,
    direction: tuple[float, float, float] = (0, 0, 1),
    pad: float = 0.25,
) -> NDArray[np.float32]:
    """Larmor frequency shift in rad/s of a susceptibility map (SI), by the dipole kernel 1/3 − (k·b)²/k².

    The kernel carries the sphere of Lorentz; the FFT repeats the volume, which padding by a quarter keeps away.

    Parameters
    ----------
    susceptibility : array-like, shape (z, y, x)
        Difference from the surroundings.
    direction : (x, y, z)
        Of the main field.

    Examples
    --------
    >>> z, y, x = np.meshgrid(*3 * [np.arange(32) - 15.5], indexing="ij")
    >>> sphere = 1e-6 * (x**2 + y**2 + z**2 < 6**2)
    >>> shift = frequency_shift(sphere, 9.4)
    >>> bool(abs(shift[15, 15, 15]) < 5)  # no shift inside a sphere; 2500 rad/s is γ·B·χ
    True
    """
    chi = np.asarray(susceptibility, dtype=np.float32)
    if chi.ndim != 3:
        raise ValueError(f"susceptibility must have axes z, y, x. Given shape {chi.shape}.")
    along = np.asarray(direction, dtype=float)
    if not np.linalg.norm(along) > 0:
        raise ValueError(f"direction must not be zero. Given {direction}.")
    along = along / np.linalg.norm(along)
    shape = [fft.next_fast_len(int(np.ceil(n * (1 + pad))), real=True) for n in chi.shape]
    k = [fft.fftfreq(n).astype(np.float32) for n in shape[:2]] + [fft.rfftfreq(shape[2]).astype(np.float32)]
    kz, ky, kx = np.meshgrid(*k, indexing="ij", sparse=True)
    square = kx**2 + ky**2 + kz**2
    square[0, 0, 0] = 1
    kernel = (
        np.float32(1 / 3)
        - (kx * np.float32(along[0]) + ky * np.float32(along[1]) + kz * np.float32(along[2])) ** 2 / square
    )
    kernel[0, 0, 0] = 0
    shift = fft.irfftn(fft.rfftn(chi, shape) * kernel, shape)[tuple(slice(0, n) for n in chi.shape)]
    return (shift * np.float32(GAMMA * 1e6 * field_t)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class MrImages:
    """What MRI shows of a phantom.

    Attributes
    ----------
    t2w : ndarray, shape (z, y, x)
        Spin echo on `t2w_um` voxels.
    t2star : ndarray, shape (z, y, x)
        Gradient echo on `t2star_um` voxels.
    t2w_um, t2star_um : float
        Voxels after rounding to whole voxels of the phantom.
    """

    t2w: Array
    t2star: Array
    t2w_um: float
    t2star_um: float


def simulate_mri(
    density: ArrayLike, vessel_fraction: ArrayLike, is_vein: ArrayLike, voxel_um: float, *, seed: int = 1,
    tissue: Tissue | None = None, te_ms: float = 40.0, te_star_ms: float = 12.0, t2w_um: float = 100.0,
    t2star_um: float = 40.0, snr: float = 40.0, field_direction: tuple[float, float, float] = (0, 0, 1),
) -> MrImages:  # fmt: skip
    """T2-weighted and T2*-weighted magnitude images, unit proton density.

    Parameters
    ----------
    density, vessel_fraction : array-like, shape (z, y, x), in [0, 1]
        Share of tumour in the tissue, share of blood in the voxel.
    is_vein : array-like of bool, same shape
    voxel_um : float
        Of the phantom.
    te_ms, te_star_ms : float
    t2w_um, t2star_um : float
        MRI voxels, cubic; a block is a whole number of phantom voxels, and what does not fill one is left out.
    snr : float
        Of tissue at TE = 0, Rician; infinite for none.

    Notes
    -----
    The spin echo refocuses static shifts wholly: diffusion around vessels is left out, and flow as well.
    """
    model = tissue or Tissue()
    tumour, blood = (np.asarray(a, dtype=np.float32) for a in (density, vessel_fraction))
    vein = np.asarray(is_vein, dtype=bool)
    if not tumour.shape == blood.shape == vein.shape or tumour.ndim != 3:
        raise ValueError(
            f"Maps must share a shape (z, y, x). Given {tumour.shape}, {blood.shape} and {vein.shape}."
        )
    for name, part in (("density", tumour), ("vessel_fraction", blood)):
        if not (part.min() >= 0 and part.max() <= 1):
            raise ValueError(f"{name} must lie in [0, 1]. Given {part.min():g} to {part.max():g}.")
    check_between(snr, 1e-3, float("inf"), "snr")
    r2 = (1 - tumour) / model.t2_ms + tumour / model.t2_tumour_ms
    rng = np.random.default_rng(seed)
    blocks = [max(round(size / voxel_um), 1) for size in (t2w_um, t2star_um)]
    spin = (1 - blood) * np.exp(-te_ms * r2) + blood * np.float32(np.exp(-te_ms / model.t2_blood_ms))
    t2w = _rician(rng, block_mean(spin, blocks[0]), snr)
    unsaturated = np.where(vein, 1 - model.saturation_vein, 1 - model.saturation_artery).astype(np.float32)
    chi = np.float32(DELTA_CHI * model.haematocrit) * unsaturated * blood
    shift = frequency_shift(chi, model.field_t, direction=field_direction)
    size = (1 - blood) * np.exp(-te_star_ms * r2) + blood * np.float32(
        np.exp(-te_star_ms / model.t2_blood_ms)
    )
    phase = shift * np.float32(te_star_ms / 1000)
    echo = block_mean(size * np.cos(phase), blocks[1]) + 1j * block_mean(size * np.sin(phase), blocks[1])
    return MrImages(t2w, _rician(rng, echo, snr), blocks[0] * voxel_um, blocks[1] * voxel_um)


def block_mean(volume: ArrayLike, block: int) -> Array:
    """Mean over cubes of `block` voxels; voxels that do not fill a cube are left out.

    Examples
    --------
    >>> block_mean(np.arange(8.0).reshape(2, 2, 2), 2)
    array([[[3.5]]])
    """
    array = np.asarray(volume)
    counts = [n // block for n in array.shape]
    if block < 1 or min(counts) < 1:
        raise ValueError(f"block must be 1 to all voxels of each axis. Given {block} of {array.shape}.")
    cut = array[tuple(slice(0, n * block) for n in counts)]
    z, y, x = counts
    return cut.reshape(z, block, y, block, x, block).mean(axis=(1, 3, 5), dtype=np.float64)


def _rician(rng: np.random.Generator, signal: NDArray[Any], snr: float) -> Array:
    if not np.isfinite(snr):
        return np.abs(signal)
    noise = rng.standard_normal((2, *signal.shape)) / snr
    return np.hypot(np.real(signal) + noise[0], np.imag(signal) + noise[1])
