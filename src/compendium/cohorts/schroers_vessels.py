"""Phantom animals for learning vessels: T2-weighted slices, the vessels in them, and microscopy that is a little off.

An animal has one vessel tree (`compendium.cohorts.vessels`) and several data sets of it, as if imaged weeks apart: new
noise, another position of the MRI grid, another registration error. Microscopy is the tree's mask after the diameter
filter, projected over the depth of a slice; registration displaces it along a smooth random field within the plane.
Nothing is fitted to mice: contrasts between blood and tissue are textbook relaxation times.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from compendium.base.validation import check_between, check_minimum
from compendium.cohorts.tumour import Tissue, block_mean
from compendium.cohorts.vessels import VesselTree, VesselVolume, grow_vessels, paint_vessels
from compendium.microscopy.diameters import keep_wide_vessels
from compendium.microscopy.vessel_paths import VesselPath, widths_across

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
FINE_UM, PIXEL_UM, MRI_UM = 25 / 3, 25.0, 100.0
FINE_PER_PIXEL, FINE_PER_MRI = 3, 12
FIELD_UM = 2000.0
TE_MS = 40.0
BLOOD_T2_ARTERY_MS = 24.0  # blood at 9.4 T: venous from `Tissue`; arterial longer, being oxygenated
CORRELATION_PX = 16  # SD of the Gaussian that smooths displacements
MARGIN_UM = 100.0


@dataclass(frozen=True, eq=False)
class VesselSlice:
    """One slice of a data set.

    Attributes
    ----------
    animal, dataset : str
    image : ndarray, shape (y, x)
        T2-weighted, resampled to the pixels of the training grid.
    vessels : ndarray of bool
        Vessels of at least the filter's diameter, where they are in MRI.
    registered : ndarray of bool
        The same as registered microscopy shows them: displaced.
    error_um : float
        Root mean square of the displacement over the slice.
    paths : tuple of VesselPath
        Single vessels where they are in MRI, of any diameter from the least one.
    """

    animal: str
    dataset: str
    image: Array
    vessels: Mask
    registered: Mask
    error_um: float
    paths: tuple[VesselPath, ...]


def make_cohort(
    seed: int, *, animals: int = 11, datasets: int = 2, slices: int = 3, registration_um: float = 50.0,
    filter_um: float = 30.0, snr: float = 25.0,
) -> list[VesselSlice]:  # fmt: skip
    """Slices of all animals; the same seed gives the same vessels and noise whatever the registration error.

    Parameters
    ----------
    seed : int
    animals, datasets, slices : int
        Animals, data sets of each, slices of each data set (the field holds up to four).
    registration_um : float
        Root mean square length of the displacement within the plane.
    filter_um : float
        Least diameter of a vessel in the microscopy; 0 keeps all.
    snr : float
        Of tissue at the echo time.

    Examples
    --------
    >>> cohort = make_cohort(1, animals=1, datasets=1, slices=1)
    >>> cohort[0].image.shape, bool(0.005 < cohort[0].vessels.mean() < 0.2)
    ((80, 80), True)
    """
    check_minimum(min(animals, datasets, slices), 1, "animals, datasets, slices")
    check_between(slices, 1, 4, "slices")
    check_between(registration_um, 0, 500, "registration_um")
    check_between(filter_um, 0, 200, "filter_um")
    check_between(snr, 1, 1e6, "snr")
    out = []
    for animal in range(animals):
        tree, volume = _grow_animal(seed, animal, slices)
        kept = keep_wide_vessels(volume.mask, (FINE_UM,) * 3, filter_um) if filter_um else volume.mask
        for dataset in range(datasets):
            rng = np.random.default_rng([seed, animal, dataset])
            shift = rng.integers(0, FINE_PER_MRI, 2)
            out += _image_dataset(
                rng, tree, volume, kept, shift, slices, registration_um, snr, f"animal {animal + 1}", dataset
            )
    return out


def displacement_field(rng: np.random.Generator, shape: tuple[int, ...], rms_um: float) -> Array:
    """Smooth random displacement of every pixel, (2, y, x) in µm, with an expected root mean square length.

    Displacements are correlated over 16 pixels, which are 400 µm on the training grid.

    Examples
    --------
    >>> fields = [displacement_field(np.random.default_rng(i), (80, 80), 50.0) for i in range(200)]
    >>> bool(abs(np.sqrt(np.mean([(f**2).sum(axis=0).mean() for f in fields])) - 50) < 3)
    True
    """
    width = CORRELATION_PX
    edge = 4 * width
    kernel = ndimage.gaussian_filter1d(np.eye(1, 2 * edge + 1, edge)[0], width)
    noise = rng.standard_normal((2, *(n + 2 * edge for n in shape)))
    smooth = ndimage.gaussian_filter(noise, (0, width, width))[:, edge:-edge, edge:-edge]
    return smooth / float((kernel**2).sum()) * rms_um / np.sqrt(2)


def displace_mask(mask: ArrayLike, field_um: ArrayLike, pixel_um: float = PIXEL_UM) -> Mask:
    """Move a mask along a displacement field; what comes from outside is background.

    Examples
    --------
    >>> field = np.zeros((2, 8, 8))
    >>> field[1] = 2 * 25.0
    >>> displace_mask(np.eye(8, dtype=bool), field)[0].astype(int)
    array([0, 0, 1, 0, 0, 0, 0, 0])
    """
    vessel = np.asarray(mask, dtype=np.float32)
    grid = np.indices(vessel.shape, dtype=float) - np.asarray(field_um) / pixel_um
    moved: Mask = ndimage.map_coordinates(vessel, grid, order=1, mode="constant") > 0.5
    return moved


def checksum(cohort: list[VesselSlice]) -> str:
    """SHA-256 over images (rounded to a thousandth) and masks: two machines may differ in the last bits.

    Examples
    --------
    >>> len(checksum(make_cohort(1, animals=1, datasets=1, slices=1)))
    64
    """
    digest = hashlib.sha256()
    for s in cohort:
        digest.update(np.round(1000 * s.image).astype(np.int32).tobytes())
        digest.update(np.packbits(s.registered).tobytes())
    return digest.hexdigest()


def _grow_animal(seed: int, animal: int, slices: int) -> tuple[VesselTree, VesselVolume]:
    """Trees whose roots come from two sides of the plane, so that vessels run along it as at the brain's surface."""
    depth = slices * MRI_UM
    wide = FIELD_UM + MRI_UM  # room for the shift of the MRI grid
    numbers = np.random.default_rng([seed, animal]).integers(2**31, size=2)
    first, second = (grow_vessels(int(n), (wide, depth, wide), arteries=3, veins=3) for n in numbers)
    turn = [0, 2, 1]  # x, depth, side → x, side, depth
    points = []
    for name in ("starts", "ends"):
        far = getattr(second, name)[:, turn] * [1, -1, 1] + [0, wide, 0]
        points.append(np.concatenate([getattr(first, name)[:, turn], far]))
    tree = VesselTree(
        points[0], points[1], np.concatenate([first.radii_um, second.radii_um]),
        np.concatenate([first.branches, second.branches + len(first.parents)]),
        np.concatenate([first.parents, np.where(second.parents < 0, -1, second.parents + len(first.parents))]),
        np.concatenate([first.is_vein, second.is_vein]),
    )  # fmt: skip
    side = round(wide / FINE_UM)
    return tree, paint_vessels(tree, (slices * FINE_PER_MRI, side, side), FINE_UM)


def _image_dataset(
    rng: np.random.Generator, tree: VesselTree, volume: VesselVolume, kept: Mask, shift: NDArray[Any], slices: int,
    registration_um: float, snr: float, animal: str, dataset: int,
) -> list[VesselSlice]:  # fmt: skip
    side = int(FIELD_UM / FINE_UM + 0.5)
    window = (slice(None), slice(shift[0], shift[0] + side), slice(shift[1], shift[1] + side))
    mri = _weigh(rng, volume.fraction()[window], volume.is_vein[window], snr)
    masks = _project(kept[window])
    wide = _project(volume.mask[window])
    fields = [displacement_field(rng, masks.shape[1:], registration_um) for _ in range(slices)]
    out = []
    for k in range(slices):
        paths = _paths_in_slice(tree, k, shift * FINE_UM, wide[k])
        length = float(np.sqrt((fields[k] ** 2).sum(axis=0).mean()))
        out.append(
            VesselSlice(
                animal, f"{animal}, time {dataset + 1}", _resample(mri[k]), masks[k],
                displace_mask(masks[k], fields[k]), length, tuple(paths),
            )
        )  # fmt: skip
    return out


def _weigh(rng: np.random.Generator, blood: Array, vein: Mask, snr: float) -> Array:
    """T2-weighted magnitude on MRI voxels, tissue 1: partial volume, patches of tissue, a coil's falling sensitivity."""
    tissue = Tissue()
    t2 = np.where(vein, tissue.t2_blood_ms, BLOOD_T2_ARTERY_MS)
    relative = np.exp(-TE_MS / t2 + TE_MS / tissue.t2_ms).astype(np.float32)
    signal = block_mean(1 - blood * (1 - relative), FINE_PER_MRI)
    patches = ndimage.gaussian_filter(rng.standard_normal(signal.shape), (0, 2, 2))
    signal = signal * (1 + 0.03 * patches / patches.std())
    ramp = np.linspace(-0.5, 0.5, signal.shape[1])
    slope = rng.normal(0, 0.15, 2)
    signal = signal * (1 + slope[0] * ramp[:, None] + slope[1] * ramp[None, :])
    noise = rng.standard_normal((2, *signal.shape)) / snr
    return np.hypot(signal + noise[0], noise[1])


def _resample(plane: Array) -> Array:
    """Linear interpolation from MRI voxels to the pixels of the training grid."""
    finer: Array = ndimage.zoom(
        plane, FINE_PER_MRI // FINE_PER_PIXEL, order=1, grid_mode=True, mode="nearest"
    )
    return finer


def _project(mask: Mask) -> Mask:
    """Pixels of the training grid in which any part of the depth of a slice is vessel, by most of the pixel's area."""
    z, y, x = mask.shape
    any_depth = np.asarray(mask.reshape(z // FINE_PER_MRI, FINE_PER_MRI, y, x).any(axis=1))
    n = FINE_PER_PIXEL
    blocks = any_depth.reshape(len(any_depth), y // n, n, x // n, n)
    projected: Mask = blocks.mean(axis=(2, 4)) >= 0.5
    return projected


def _paths_in_slice(tree: VesselTree, k: int, offset_um: NDArray[Any], wide: Mask) -> list[VesselPath]:
    """Branches that run for 200 µm and more within a slice and that no other vessel covers."""
    low, high = k * MRI_UM, (k + 1) * MRI_UM
    out = []
    for branch in np.unique(tree.branches[tree.radii_um >= 10.0]):
        own = tree.branches == branch
        points, directions = _sample_axis(tree.starts[own], tree.ends[own])
        plane = points[:, [1, 0]] - offset_um
        inside = (points[:, 2] >= low) & (points[:, 2] < high)
        inside &= ((plane > MARGIN_UM) & (plane < FIELD_UM - MARGIN_UM)).all(axis=1)
        flat = np.linalg.norm(directions[:, :2], axis=1)
        inside &= flat > 0.7
        if inside.sum() * 25.0 < 200.0:
            continue
        along = directions[inside][:, [1, 0]] / flat[inside][:, None]
        path = VesselPath(plane[inside], along, 2 * float(tree.radii_um[own][0]))
        if abs(np.nanmedian(widths_across(wide, path, (PIXEL_UM, PIXEL_UM))) - path.diameter_um) <= PIXEL_UM:
            out.append(path)
    return out


def _sample_axis(starts: Array, ends: Array, step: float = 25.0) -> tuple[Array, Array]:
    """Points every `step` along a chain of segments, and its direction there."""
    length = np.linalg.norm(ends - starts, axis=1)
    reach = np.r_[0.0, np.cumsum(length)]
    where = np.arange(step / 2, reach[-1], step)
    segment = np.searchsorted(reach, where, side="right") - 1
    unit = (ends - starts) / length[:, None]
    return starts[segment] + (where - reach[segment])[:, None] * unit[segment], unit[segment]
