"""Histological counterparts of the MRI metrics, from areas of detected cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import as_vector, check_between

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HistologyMetrics:
    """Metrics of a set of detected cells, sizes and areas as seen on the slide.

    Attributes
    ----------
    n : int
    mean_size_um, size_um : float
        Arithmetic mean, and volume-weighted cell size (⟨l⁷⟩/⟨l³⟩)^¼ (eq. 11); NaN without cells.
    fraction : float
        Sum of cell areas over the area; may exceed 1 where outlines overlap.
    density_mm2 : float
        Cells per mm².
    n_excluded : int
        Cells above `largest_um`.
    """

    n: int
    mean_size_um: float
    size_um: float
    fraction: float
    density_mm2: float
    n_excluded: int


def cell_diameter(area_um2: ArrayLike) -> Array:
    """Diameter of the circle with a cell's area, √(4A/π).

    Examples
    --------
    >>> cell_diameter([314.159265]).round(3)
    array([20.])
    """
    area = np.asarray(area_um2, dtype=np.float64)
    if (area <= 0).any():
        raise ValueError(f"Cell areas must be positive. Given {area.min():g} µm².")
    return np.sqrt(4 / np.pi * area)


def volume_weighted_size(diameter_um: ArrayLike) -> float:
    """(⟨l⁷⟩/⟨l³⟩)^¼: eq. 11 of Grussu et al. 2025; NaN for no cell.

    Examples
    --------
    >>> round(volume_weighted_size([10, 20]), 3)
    19.457
    """
    size = as_vector(diameter_um, "diameters")  # type: ignore[arg-type]
    if not size.size:
        return float("nan")
    scale = size.max()  # keeps the seventh power in range
    ratio = size / scale
    return float(scale * (np.mean(ratio**7) / np.mean(ratio**3)) ** 0.25)


def histology_metrics(
    area_um2: ArrayLike, region_um2: float, largest_um: float | None = None
) -> HistologyMetrics:
    """Metrics of the cells of a region.

    Parameters
    ----------
    area_um2 : array-like, shape (n,)
        Areas of detected cells.
    region_um2 : float
        Area of the patch or region of interest.
    largest_um : float, optional
        Cells with a larger diameter are left out and counted (the public script drops those above 28 µm).
        There is no default.
    """
    if not region_um2 > 0:
        raise ValueError(f"The region's area must be positive. Given {region_um2:g} µm².")
    area = np.asarray(area_um2, dtype=np.float64)
    size = cell_diameter(area) if area.size else np.zeros(0)
    keep = size <= (np.inf if largest_um is None else largest_um)
    size, area = size[keep], area[keep]
    mean = float(size.mean()) if size.size else float("nan")
    return HistologyMetrics(
        len(size), mean, volume_weighted_size(size), float(area.sum() / region_um2),
        len(size) / region_um2 * 1e6, int((~keep).sum()),
    )  # fmt: skip


def patch_metrics(
    cells: pd.DataFrame,
    patch_um: float | tuple[float, float],
    extent_um: tuple[float, float] | None = None,
    largest_um: float | None = None,
    occupied: bool = False,
) -> pd.DataFrame:
    """Metrics per rectangular patch.

    Parameters
    ----------
    cells : DataFrame
        Columns ``area_um2``, ``x_um``, ``y_um`` (`compendium.io.qupath`).
    patch_um : float or tuple
        Width and height of a patch: the voxel size that is compared.
    extent_um : tuple, optional
        Width and height of the slide; by default the smallest number of patches that holds all cells.
    occupied : bool
        Leave out empty patches: their number grows with the slide, not with the cells.

    Returns
    -------
    DataFrame
        A row per patch, also empty ones unless `occupied`: row, column, x_um, y_um (centre), n, mean_size_um,
        size_um, fraction, density_mm2, n_excluded.
    """
    width, height = patch_um if isinstance(patch_um, tuple) else (float(patch_um), float(patch_um))
    if not (width > 0 and height > 0):
        raise ValueError(f"Patches must have a positive size. Given {width:g} × {height:g} µm.")
    x, y = cells["x_um"].to_numpy(dtype=float), cells["y_um"].to_numpy(dtype=float)
    if len(cells) and (min(x.min(), y.min()) < 0):
        raise ValueError(f"Positions must not be negative. Given {min(x.min(), y.min()):g} µm.")
    far = extent_um or (float(x.max(initial=0)) + 1e-9, float(y.max(initial=0)) + 1e-9)
    columns, rows = (max(1, int(np.ceil(e / s - 1e-9))) for e, s in zip(far, (width, height), strict=True))
    column, row = (x // width).astype(int), (y // height).astype(int)
    inside = (column < columns) & (row < rows)
    place = np.where(inside, row * columns + column, -1)
    area = cells["area_um2"].to_numpy(dtype=float)
    order = np.argsort(place, kind="stable")
    wanted = np.unique(place[inside]) if occupied else np.arange(rows * columns)
    first, last = (np.searchsorted(place[order], wanted, side=side) for side in ("left", "right"))
    out = []
    for k, start, end in zip(wanted.tolist(), first, last, strict=True):
        got = histology_metrics(area[order[start:end]], width * height, largest_um)
        i, j = divmod(k, columns)
        out.append(
            {"row": i, "column": j, "x_um": (j + 0.5) * width, "y_um": (i + 0.5) * height, **vars(got)}
        )
    return pd.DataFrame(out)


def undo_shrinkage(metrics: HistologyMetrics, linear_shrinkage: float) -> HistologyMetrics:
    """Metrics of the tissue before a linear shrinkage (0.129 means lengths fell by 12.9 %).

    Sizes grow by 1/(1 − s), densities fall by its square; the area fraction does not change when cells and
    matrix shrink alike.

    Examples
    --------
    >>> got = undo_shrinkage(HistologyMetrics(10, 10.0, 12.0, 0.7, 1000.0, 0), 0.129)
    >>> round(got.size_um / 12, 4), round(1000 / got.density_mm2, 3)
    (1.1481, 1.318)
    """
    check_between(linear_shrinkage, 0, 0.9, "linear_shrinkage")
    grow = 1 / (1 - linear_shrinkage)
    return HistologyMetrics(
        metrics.n, metrics.mean_size_um * grow, metrics.size_um * grow, metrics.fraction,
        metrics.density_mm2 / grow**2, metrics.n_excluded,
    )  # fmt: skip
