"""Resampling through SimpleITK, with the error of the sampled map stated.

Linear transforms are handed to ITK as they are. A thin plate is first sampled on a grid of at most 50 µm: evaluating the
spline in 21 million voxels takes ten times as long, and linear interpolation between nodes costs hundredths of a µm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its users call it so
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice
from compendium.registration.affine import LinearTransform
from compendium.registration.estimate import Transform
from compendium.registration.grid import Grid

Array = NDArray[np.floating[Any]]
INTERPOLATORS = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "b-spline": sitk.sitkBSpline}
_MOST_NODES = 20_000_000  # 480 MB of displacements: a finer grid is a mistake
_CHECK_POINTS = 2000


@dataclass(frozen=True, eq=False)
class Resampled:
    """A volume on the fixed grid.

    Attributes
    ----------
    volume : ndarray, shape of the grid (z, y, x)
        float32 (float64 when given so), or the given type for "nearest".
    grid : Grid
    map_rms_um, map_max_um : float
        Sampled against exact map at seeded random points of the grid; 0 for linear transforms.
    method : str
    """

    volume: NDArray[Any]
    grid: Grid
    map_rms_um: float
    map_max_um: float
    method: str


@dataclass(frozen=True, eq=False)
class DisplacementField:
    """A transform sampled on a grid: ``fixed point → fixed point + vector``.

    Attributes
    ----------
    vectors_um : ndarray, shape (z, y, x, 3)
    grid : Grid
    rms_um, max_um : float
        Difference from the exact map, linearly interpolated, at seeded random points.
    """

    vectors_um: Array
    grid: Grid
    rms_um: float
    max_um: float


def resample_volume(
    moving: ArrayLike,
    moving_grid: Grid,
    transform: Transform,
    fixed_grid: Grid,
    *,
    interpolation: str = "linear",
    fill: float | None = None,
    node_um: float = 50.0,
) -> Resampled:
    """Bring a moving volume onto the fixed grid.

    Parameters
    ----------
    moving : array-like, shape (z, y, x)
    moving_grid, fixed_grid : Grid
    transform : Transform
        Fixed → moving.
    interpolation : {"linear", "nearest", "b-spline"}
        "nearest" for masks and labels, which keep their type; B-splines overshoot at edges.
    fill : float, optional
        Outside the moving volume; NaN by default, 0 for "nearest".
    node_um : float
        Greatest distance between the nodes at which a map that is not linear is sampled.

    Raises
    ------
    ValueError
        If array and grid differ in shape, or for an interpolation that makes no sense for the type.

    Examples
    --------
    >>> grid = Grid((3, 4, 5), (10, 10, 20))
    >>> shift = LinearTransform(np.eye(3), np.array([10.0, 0, 0]), "shift")
    >>> resample_volume(np.arange(60.0).reshape(3, 4, 5), grid, shift, grid).volume[0, 0]
    array([ 1.,  2.,  3.,  4., nan])
    """
    check_choice(interpolation, tuple(INTERPOLATORS), "interpolation")
    array = np.asarray(moving)
    if array.shape != moving_grid.shape:
        raise ValueError(
            f"The moving volume must have its grid's shape. Given {array.shape} and {moving_grid.shape}."
        )
    if array.dtype.kind not in "biuf":
        raise ValueError(f"The moving volume must hold numbers. Given {array.dtype}.")
    outside = (0.0 if interpolation == "nearest" else float("nan")) if fill is None else float(fill)
    image = to_image(_prepared(array, interpolation), moving_grid)
    mapped, rms, largest = to_itk_transform(transform, fixed_grid, node_um)
    filter_ = sitk.ResampleImageFilter()
    filter_.SetReferenceImage(_frame(fixed_grid))
    filter_.SetTransform(mapped)
    filter_.SetInterpolator(INTERPOLATORS[interpolation])
    filter_.SetDefaultPixelValue(outside)
    filter_.SetOutputPixelType(image.GetPixelID())
    made = filter_.Execute(image)
    del image
    volume = sitk.GetArrayFromImage(made)
    if array.dtype.kind == "b":
        volume = volume.astype(bool)
    return Resampled(volume, fixed_grid, rms, largest, f"{transform.method}, {interpolation} interpolation")


def resample_mean(
    moving: ArrayLike, moving_grid: Grid, transform: Transform, fixed_grid: Grid, *, node_um: float = 50.0,
    most_voxels: float = 3e7,
) -> Resampled:  # fmt: skip
    """Mean of the moving volume over each voxel of a coarser fixed grid.

    Resampling to a coarse grid reads single points and misses what lies between them. Here every fixed voxel is divided
    into voxels no larger than the moving ones, which are resampled linearly and averaged, slice by slice.

    Parameters
    ----------
    most_voxels : float
        Of one slice's subdivision; a coarser one is used where it would be exceeded, and `method` says it.

    Returns
    -------
    Resampled
        NaN where more than half of a voxel lies outside the moving volume.

    Examples
    --------
    >>> fine, coarse = Grid((2, 4, 4), (10, 10, 10)), Grid((1, 2, 2), (20, 20, 20), (5, 5, 5))
    >>> stay = LinearTransform(np.eye(3), np.zeros(3), "identity")
    >>> resample_mean(np.arange(32.0).reshape(2, 4, 4), fine, stay, coarse).volume
    array([[[10.5, 12.5],
            [18.5, 20.5]]])
    """
    ratio = np.array(fixed_grid.spacing_um) / np.array(moving_grid.spacing_um)
    wanted = np.maximum(np.ceil(ratio - 1e-6), 1).astype(int)
    parts = wanted.copy()
    plane = fixed_grid.shape[1] * fixed_grid.shape[2]
    while plane * np.prod(parts, dtype=float) > most_voxels and parts.max() > 1:
        parts[parts.argmax()] -= 1
    if (parts == 1).all():
        return resample_volume(moving, moving_grid, transform, fixed_grid, node_um=node_um)
    slices, rms, largest = [], 0.0, 0.0
    for k in range(fixed_grid.shape[0]):
        origin = fixed_grid.to_points([[0, 0, k]])[0]
        one = Grid.of((1, *fixed_grid.shape[1:]), fixed_grid.spacing_um, origin, fixed_grid.direction)
        fine = one.with_spacing(np.array(one.spacing_um) / parts)
        made = resample_volume(moving, moving_grid, transform, fine, node_um=node_um)
        rms, largest = max(rms, made.map_rms_um), max(largest, made.map_max_um)
        slices.append(_block_mean(made.volume, parts))
    text = "×".join(str(n) for n in parts) + (
        " points" if (parts == wanted).all() else " points, fewer than the voxels"
    )
    return Resampled(
        np.stack(slices), fixed_grid, rms, largest, f"{transform.method}, mean of {text} in each voxel"
    )


def _block_mean(volume: NDArray[Any], parts: NDArray[np.int_]) -> NDArray[Any]:
    x, y, z = (int(n) for n in parts)
    blocks = volume.reshape(z, volume.shape[1] // y, y, volume.shape[2] // x, x)
    known = np.isfinite(blocks)
    total, count = np.where(known, blocks, 0).sum(axis=(0, 2, 4)), known.sum(axis=(0, 2, 4))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[Any] = np.where(2 * count >= x * y * z, total / count, np.nan).astype(volume.dtype)
    return mean


def sample_displacements(
    transform: Transform, grid: Grid, *, node_um: float = 50.0, seed: int = 1
) -> DisplacementField:
    """Displacements of a transform on nodes that cover the grid and one node more on each side.

    Examples
    --------
    >>> shift = LinearTransform(np.eye(3), np.array([10.0, 0, 0]), "shift")
    >>> field = sample_displacements(shift, Grid((2, 3, 3), (100, 100, 100)))
    >>> field.grid.shape, field.vectors_um[0, 0, 0].tolist()
    ((5, 7, 7), [10.0, 0.0, 0.0])
    """
    if not 0 < node_um < np.inf:
        raise ValueError(f"node_um must be positive. Given {node_um}.")
    spans = (np.array(grid.shape[::-1]) - 1) * np.array(grid.spacing_um)  # between the outer voxel centres
    counts = np.ceil(spans / node_um).astype(int) + 1
    steps = np.where(counts > 1, spans / np.maximum(counts - 1, 1), node_um)
    if np.prod(counts + 2.0) > _MOST_NODES:
        rule = f"The sampled map must have at most {_MOST_NODES:,} nodes; raise node_um."
        raise ValueError(f"{rule} Given {np.prod(counts + 2):,} with {node_um:g} µm.")
    origin = np.array(grid.origin_um) - np.array(grid.direction).reshape(3, 3) @ steps
    nodes = Grid.of(counts[::-1] + 2, steps, origin, grid.direction)
    centres = nodes.voxel_centres()
    vectors = (transform.apply(centres) - centres).reshape(*nodes.shape, 3)
    rms, largest = _sampling_error(transform, vectors, nodes, grid, seed)
    return DisplacementField(vectors, nodes, rms, largest)


def to_itk_transform(
    transform: Transform, grid: Grid, node_um: float = 50.0
) -> tuple[sitk.Transform, float, float]:
    """ITK transform in µm that resamples onto the grid, with its rms and greatest error in µm."""
    if isinstance(transform, LinearTransform):
        made = sitk.AffineTransform(3)
        made.SetMatrix(transform.matrix.ravel().tolist())
        made.SetTranslation(transform.offset_um.tolist())
        return made, 0.0, 0.0
    field = sample_displacements(transform, grid, node_um=node_um)
    return (
        sitk.DisplacementFieldTransform(to_image(field.vectors_um, field.grid, vector=True)),
        field.rms_um,
        field.max_um,
    )


def to_image(array: NDArray[Any], grid: Grid, *, vector: bool = False) -> sitk.Image:
    """SimpleITK image of an array [z, y, x] (with a last axis of components when `vector`), in µm."""
    image = sitk.GetImageFromArray(array, isVector=vector)
    image.SetSpacing(grid.spacing_um)
    image.SetOrigin(grid.origin_um)
    image.SetDirection(grid.direction)
    return image


def _prepared(array: NDArray[Any], interpolation: str) -> NDArray[Any]:
    if array.dtype.kind == "b":
        if interpolation != "nearest":
            raise ValueError(
                f"A mask needs interpolation 'nearest'; give floats for fractions. Given {interpolation!r}."
            )
        return array.astype(np.uint8)
    if interpolation == "nearest" or array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float32)


def _frame(grid: Grid) -> sitk.Image:
    frame = sitk.Image([int(n) for n in grid.shape[::-1]], sitk.sitkUInt8)
    frame.SetSpacing(grid.spacing_um)
    frame.SetOrigin(grid.origin_um)
    frame.SetDirection(grid.direction)
    return frame


def _sampling_error(
    transform: Transform, vectors: Array, nodes: Grid, grid: Grid, seed: int
) -> tuple[float, float]:
    from scipy.ndimage import map_coordinates

    rng = np.random.default_rng(seed)
    points = grid.to_points(rng.uniform(0, 1, (_CHECK_POINTS, 3)) * (np.array(grid.shape[::-1]) - 1))
    where = nodes.to_indices(points).T[::-1]
    sampled = np.column_stack([map_coordinates(vectors[..., i], where, order=1) for i in range(3)])
    missed = np.linalg.norm(points + sampled - transform.apply(points), axis=1)
    return float(np.sqrt(np.mean(missed**2))), float(missed.max())
