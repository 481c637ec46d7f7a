"""From MRI, microscopy and landmarks to density on the MRI grid and a table of voxels; time points to growth.

The microscopy is turned into a volume fraction first (threshold and groups of slices, in either order), brought onto a
subdivided MRI grid through the transform, and averaged over each MRI voxel. A voxel that is not wholly inside the
microscopy has no density.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.base.validation import check_choice
from compendium.io.landmarks import read_landmark_pairs
from compendium.io.transforms import read_transform
from compendium.io.volumes import Volume, count_channels, read_volume
from compendium.microscopy.volume_fraction import FULL_SCALE, GROUP, THRESHOLD, volume_fraction
from compendium.microscopy.voxels import NORMAL_LABEL, extract_voxels, merge_masks, normalise_on_reference
from compendium.registration.affine import LinearTransform, estimate_rigid
from compendium.registration.error import LandmarkError, leave_one_out_error, residual_error
from compendium.registration.estimate import Transform, estimate_landmark_transform
from compendium.registration.grid import Grid
from compendium.registration.guards import LEAST
from compendium.registration.longitudinal import Alignment, align_integer, align_subvoxel
from compendium.registration.resample import resample_volume

Array = NDArray[np.floating[Any]]
SUBDIVISIONS = 4  # samples per MRI voxel along each axis
_MOST_SAMPLES = 20_000_000  # held at once
TUMOUR_LABEL = 1


@dataclass(frozen=True, eq=False)
class Registration:
    """A transform from MRI to microscopy, with what is known about its error.

    Attributes
    ----------
    transform : Transform
        MRI → microscopy, µm.
    error : LandmarkError or None
        Leave-one-out; None for a transform that was handed in, and with too few landmarks to leave one out.
    residual_um : float
        At the landmarks that made it; NaN without landmarks.
    landmarks : int
    """

    transform: Transform
    error: LandmarkError | None
    residual_um: float
    landmarks: int


def register(
    mri_landmarks: str | Path,
    microscopy_landmarks: str | Path,
    *,
    kind: str = "thin-plate",
    smoothing: float | str = 0.0,
) -> Registration:
    """Transform from two files of landmarks, with its leave-one-out error."""
    labels, fixed, moving = read_landmark_pairs(mri_landmarks, microscopy_landmarks)
    options: dict[str, Any] = {"smoothing": smoothing} if kind == "thin-plate" else {}
    made = estimate_landmark_transform(fixed, moving, kind, **options)
    enough = len(labels) > LEAST[kind]  # one is left out
    error = leave_one_out_error(fixed, moving, kind, **options) if enough else None
    return Registration(made, error, residual_error(made, fixed, moving).rmse_um, len(labels))


def load_registration(path: str | Path) -> Registration:
    """A transform (MRI → microscopy) from a file of ITK or Slicer; its error is not in it."""
    return Registration(read_transform(path), None, float("nan"), 0)


def group_microscopy(
    volume: Volume, *, holds: str = "probability", order: str = "macro", threshold: float = THRESHOLD,
    full_scale: float = FULL_SCALE, size: int = GROUP, last: str = "drop",
) -> Volume:  # fmt: skip
    """Volume fraction in groups of slices, as a volume with its own grid.

    Parameters
    ----------
    holds : {"probability", "density"}
        "density" is taken as it is: fractions from 0 to 1.
    order, threshold, full_scale, size, last
        As in `compendium.microscopy.volume_fraction`. With last="macro" a deeper last group is placed like the others.
    """
    check_choice(holds, ("probability", "density"), "holds")
    array, grid = volume.array, volume.grid
    if holds == "density":
        low, high = float(np.nanmin(array)), float(np.nanmax(array))
        if low < -1e-6 or high > 1 + 1e-6:
            raise ValueError(f"Densities must lie in [0, 1]. Given {low:g} to {high:g}.")
        return Volume(np.clip(np.asarray(array, dtype=np.float32), 0, 1), grid)
    made = volume_fraction(
        array, order=order, threshold=threshold, full_scale=full_scale, size=size, last=last
    )
    x, y, z = grid.spacing_um
    axis = np.array(grid.direction).reshape(3, 3)[:, 2]
    origin = np.array(grid.origin_um) + axis * z * (size - 1) / 2
    return Volume(made.astype(np.float32), Grid.of(made.shape, (x, y, z * size), origin, grid.direction))


def coarsen_in_plane(volume: Volume, target_um: float) -> Volume:
    """Mean over whole pixels in the plane, up to a target pixel; rows and columns that do not fill one are left out."""
    x, y, z = volume.grid.spacing_um
    n = [max(int(target_um / s + 1e-9), 1) for s in (y, x)]
    if max(n) == 1:
        return volume
    counts = [volume.array.shape[1] // n[0], volume.array.shape[2] // n[1]]
    cut = volume.array[:, : counts[0] * n[0], : counts[1] * n[1]]
    made = cut.reshape(len(cut), counts[0], n[0], counts[1], n[1]).mean(axis=(2, 4), dtype=np.float32)
    axes = np.array(volume.grid.direction).reshape(3, 3)
    origin = np.array(volume.grid.origin_um) + axes @ (np.array([x * (n[1] - 1), y * (n[0] - 1), 0.0]) / 2)
    return Volume(made, Grid.of(made.shape, (x * n[1], y * n[0], z), origin, volume.grid.direction))


def density_on_mri(
    microscopy: Volume, grid: Grid, transform: Transform, *, subdivisions: int = SUBDIVISIONS
) -> tuple[Array, float]:
    """Mean density of every voxel of an MRI grid, NaN where it is not wholly inside the microscopy.

    Returns
    -------
    density : ndarray, shape (z, y, x)
    map_rms_um : float
        Error of the sampled map, see `resample_volume`.
    """
    fine = coarsen_in_plane(microscopy, min(grid.spacing_um[:2]) / subdivisions)
    out, worst = np.full(grid.shape, np.nan, np.float32), 0.0
    per_slice = grid.shape[1] * grid.shape[2] * subdivisions**3
    step = max(_MOST_SAMPLES // per_slice, 1)
    axis = np.array(grid.direction).reshape(3, 3)[:, 2] * grid.spacing_um[2]
    for start in range(0, grid.shape[0], step):
        depth = min(step, grid.shape[0] - start)
        slab = Grid.of(
            (depth, *grid.shape[1:]), grid.spacing_um, np.array(grid.origin_um) + start * axis, grid.direction
        )
        if not _reaches(fine.grid, slab, transform):
            continue
        samples = slab.with_spacing(np.array(grid.spacing_um) / subdivisions)
        made = resample_volume(fine.array, fine.grid, transform, samples)
        worst = max(worst, made.map_rms_um)
        blocks = made.volume.reshape(
            depth, subdivisions, grid.shape[1], subdivisions, grid.shape[2], subdivisions
        )
        out[start : start + depth] = blocks.mean(axis=(1, 3, 5))
    return np.clip(out, 0, 1), worst


def _reaches(moving: Grid, slab: Grid, transform: Transform) -> bool:
    """Whether a coarse set of the slab's voxels meets the moving volume."""
    steps = [max(n // 40, 1) for n in slab.shape]
    z, y, x = np.meshgrid(
        *[np.arange(0, n, s) for n, s in zip(slab.shape, steps, strict=True)], indexing="ij"
    )
    points = slab.to_points(np.column_stack([x.ravel(), y.ravel(), z.ravel()]))
    return bool(moving.contains(transform.apply(points)).any())


def on_grid(volume: Volume, grid: Grid, *, labels: bool = False) -> NDArray[Any]:
    """A volume on another grid by position alone; unchanged when it lies there already."""
    same = volume.grid.shape == grid.shape and np.allclose(
        [*volume.grid.spacing_um, *volume.grid.origin_um],
        [*grid.spacing_um, *grid.origin_um],
        rtol=1e-4,
        atol=0.5,
    )
    if same:
        return volume.array
    identity = LinearTransform(np.eye(3), np.zeros(3), "identity")
    kind = "nearest" if labels else "linear"
    return resample_volume(volume.array, volume.grid, identity, grid, interpolation=kind).volume


def label_voxels(
    density: Array, mask: NDArray[Any] | None, normal_label: int = NORMAL_LABEL
) -> NDArray[np.int64]:
    """Labels from a mask, or from the density where the mask does not tell normal tissue from tumour.

    Parameters
    ----------
    mask : array of int, optional
        0 outside. When it holds one label other than `normal_label`, voxels inside without any density become normal.

    Raises
    ------
    ValueError
        If it holds several labels, none of them `normal_label`.

    Examples
    --------
    >>> label_voxels(np.array([0.0, 0.2, np.nan]), None)
    array([3, 1, 0])
    >>> label_voxels(np.array([0.0, 0.0, 0.4]), np.array([0, 1, 1]))
    array([0, 3, 1])
    """
    known = np.isfinite(density)
    inside = known if mask is None else known & (np.asarray(mask) > 0)
    if mask is not None:
        found = np.unique(np.asarray(mask)[np.asarray(mask) > 0])
        if normal_label in found:
            return np.where(inside, np.asarray(mask), 0).astype(np.int64)
        if len(found) > 1:
            raise ValueError(
                f"A mask with several labels must hold label {normal_label}. Given {found.tolist()}."
            )
    tumour = TUMOUR_LABEL if normal_label != TUMOUR_LABEL else TUMOUR_LABEL + 1
    return np.where(inside, np.where(density > 0, tumour, normal_label), 0).astype(np.int64)


@dataclass(frozen=True, eq=False)
class BuiltVoxels:
    """What two volumes and a transform give.

    Attributes
    ----------
    frame : DataFrame
        Of kind `voxels`.
    density, labels : ndarray, shape of the MRI
    signals : dict of str to ndarray
        Channels in SDs of normal-appearing tissue.
    grid : Grid
        Of the MRI.
    registration : Registration
    map_rms_um : float
        Error of the sampled map.
    """

    frame: pd.DataFrame
    density: Array
    labels: NDArray[np.int64]
    signals: dict[str, Array]
    grid: Grid
    registration: Registration
    map_rms_um: float


def build_voxels(
    files: Mapping[str, str | Path], *, animal: str, kind: str = "thin-plate", channel: int = 0,
    normal_label: int = NORMAL_LABEL, **grouping: Any,
) -> BuiltVoxels:  # fmt: skip
    """Read the files of an examination and tabulate its voxels.

    Parameters
    ----------
    files : mapping of name to path
        mri and microscopy; landmarks_mri and landmarks_microscopy, or transform, or neither when both volumes share one
        space; t1, t1post and mask where there are such, on the grid of the MRI or brought to it by position.
    kind : of the transform by landmarks.
    channel : of the microscopy, where the file has several.
    grouping : see `group_microscopy`.
    """
    mri = read_volume(files["mri"])
    several = count_channels(files["microscopy"]) > 1
    stack = read_volume(files["microscopy"], channel=channel if several else None)
    grouped = group_microscopy(stack, **grouping)
    del stack
    if "transform" in files:
        made = load_registration(files["transform"])
    elif {"landmarks_mri", "landmarks_microscopy"} <= set(files):
        made = register(files["landmarks_mri"], files["landmarks_microscopy"], kind=kind)
    elif {"landmarks_mri", "landmarks_microscopy"} & set(files):
        raise ValueError("Landmarks are needed in both images. Given one file.")
    else:
        made = Registration(LinearTransform(np.eye(3), np.zeros(3), "shared space"), None, float("nan"), 0)
    density, rms = density_on_mri(grouped, mri.grid, made.transform)
    mask = on_grid(read_volume(files["mask"]), mri.grid, labels=True) if "mask" in files else None
    labels = label_voxels(density, mask, normal_label)
    channels = {"t2w": mri.array} | {
        n: on_grid(read_volume(files[n]), mri.grid) for n in ("t1", "t1post") if n in files
    }
    frame, scaled = tabulate(density, channels, labels, animal=animal, normal_label=normal_label)
    return BuiltVoxels(frame, density, labels, scaled, mri.grid, made, rms)


def tabulate(
    density: Array, channels: Mapping[str, NDArray[Any]], labels: NDArray[np.int64], *, animal: str,
    normal_label: int = NORMAL_LABEL,
) -> tuple[pd.DataFrame, dict[str, Array]]:  # fmt: skip
    """Table of kind `voxels`, and the channels in SDs of normal-appearing tissue."""
    scaled: dict[str, Array] = {
        name: normalise_on_reference(volume, labels, normal_label).volume for name, volume in channels.items()
    }
    frame = extract_voxels({"density": density, **scaled}, labels, dataset=animal)
    return frame.assign(animal=animal), scaled


@dataclass(frozen=True, eq=False)
class Pair:
    """Two time points on the grid of the first.

    Attributes
    ----------
    frame : DataFrame
        Of kind `voxel_series`.
    mri, density : ndarray
        The later time point on the first one's grid: signal in SDs, and density.
    growth : ndarray
        % of the voxel per day; NaN outside the merged mask.
    alignment : Alignment
    """

    frame: pd.DataFrame
    mri: Array
    density: Array
    growth: Array
    alignment: Alignment


def align_landmarks(first: str | Path, later: str | Path, grid: Grid, how: str) -> Alignment:
    """Alignment of two time points by the landmarks of each, below a voxel, or as the published macros do it.

    Parameters
    ----------
    how : {"subvoxel", "integer"}
        "integer": the in-plane angle first (from the landmarks, where the macro asks for a line in both images), then whole
        voxels.
    """
    check_choice(how, ("integer", "subvoxel"), "alignment")
    _, fixed, moving = read_landmark_pairs(first, later)
    if how == "subvoxel":
        return align_subvoxel(fixed, moving)
    turn = estimate_rigid(fixed, moving).matrix if len(fixed) > 2 else np.eye(3)
    axes = np.array(grid.direction).reshape(3, 3)
    turn = axes.T @ turn @ axes
    angle = float(np.degrees(np.arctan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1])))
    return align_integer(fixed, moving, grid, angle_deg=angle)


def pair_time_points(
    mri: tuple[Volume, Volume], density: tuple[Volume, Volume], masks: tuple[Volume | None, Volume | None],
    alignment: Alignment, days: tuple[float, float], *, animal: str, normal_label: int = NORMAL_LABEL,
) -> Pair:  # fmt: skip
    """Bring the later time point to the first one and tabulate the voxels of both; each is normalised on its own tissue."""
    grid = mri[0].grid
    if not days[1] > days[0]:
        raise ValueError(f"The second time point must be later. Given days {days[0]:g} and {days[1]:g}.")
    scaled, dense, labels = [], [], []
    for k in (0, 1):
        here = mri[k].grid
        fraction = np.clip(np.asarray(on_grid(density[k], here), dtype=np.float32), 0, 1)
        mask = masks[k]
        label = label_voxels(
            fraction, None if mask is None else on_grid(mask, here, labels=True), normal_label
        )
        scaled.append(
            Volume(normalise_on_reference(mri[k].array, label, normal_label).volume.astype(np.float32), here)
        )
        dense.append(Volume(fraction, here))
        labels.append(Volume(label.astype(np.int16), here))
    move = alignment.transform
    later = [resample_volume(v.array, v.grid, move, grid).volume for v in (scaled[1], dense[1])]
    later_label = resample_volume(labels[1].array, labels[1].grid, move, grid, interpolation="nearest").volume
    both = merge_masks([labels[0].array, later_label]).astype(bool)
    both &= (
        np.isfinite(later[0])
        & np.isfinite(later[1])
        & np.isfinite(dense[0].array)
        & np.isfinite(scaled[0].array)
    )
    parts = [
        extract_voxels({"density": d, "t2w": s}, both, dataset=f"{animal}-{day:g}").assign(day=day)
        for d, s, day in ((dense[0].array, scaled[0].array, days[0]), (later[1], later[0], days[1]))
    ]
    growth = np.where(both, 100 * (later[1] - dense[0].array) / (days[1] - days[0]), np.nan)
    frame = pd.concat(parts, ignore_index=True).assign(animal=animal)
    return Pair(frame, later[0], later[1], growth, alignment)
