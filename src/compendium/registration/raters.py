"""Two raters register the same datasets: where the same spot ends up.

Protocol of schroers2026: a grid of 50 × 50 cells on every slice of the microscopy stack, six random cells per dataset,
one in each of 3 × 2 regions, found again in both raters' registered images. What comes out is *disagreement*: an error
that both raters share does not show, and independent errors count twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between, check_choice, check_minimum
from compendium.registration.error import LandmarkError
from compendium.registration.estimate import Transform
from compendium.registration.grid import Grid, as_points

Array = NDArray[np.floating[Any]]
_TRIES = 100_000


def draw_rater_cells(
    seed: int, *, cells: tuple[int, int] = (50, 50), slices: int = 7, regions: tuple[int, int] = (3, 2),
    allowed: ArrayLike | None = None, draw: str = "uniform",
) -> NDArray[np.int64]:  # fmt: skip
    """One random cell in every region, counted from 1.

    Parameters
    ----------
    cells, regions : tuple of int
        Columns and rows of the grid and of the regions (sizes rounded up: columns 1–17, 18–34, 35–50).
    slices : int
    allowed : array-like of bool, shape (slices, rows, columns), optional
        Cells with parenchyma; others are drawn again.
    draw : {"uniform", "macro"}
        "macro" draws round(50·U) and round(7·U) and rejects 0, as the published macro does: the last column, row and
        slice come half as often.

    Returns
    -------
    ndarray of int, shape (regions, 3)
        Column, row, slice; regions row by row.

    Examples
    --------
    >>> draw_rater_cells(1).shape
    (6, 3)
    """
    check_choice(draw, ("uniform", "macro"), "draw")
    counts = np.array([*cells, slices])
    mask = np.ones((slices, cells[1], cells[0]), bool) if allowed is None else np.asarray(allowed, dtype=bool)
    if mask.shape != (slices, cells[1], cells[0]):
        raise ValueError(f"allowed must have shape (slices, rows, columns). Given {mask.shape}.")
    rng = np.random.default_rng(seed)
    wide = [int(np.ceil(n / parts)) for n, parts in zip(cells, regions, strict=True)]
    found = []
    for row in range(regions[1]):
        for column in range(regions[0]):
            low = np.array([column * wide[0], row * wide[1], 0])
            high = np.minimum([low[0] + wide[0], low[1] + wide[1], slices], counts)
            if not mask[:, low[1] : high[1], low[0] : high[0]].any():
                raise ValueError(
                    f"Every region needs an allowed cell. Given none in region {column + 1}, {row + 1}."
                )
            found.append(_draw(rng, counts, low, high, mask, draw))
    return np.array(found)


def _draw(
    rng: np.random.Generator, counts: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64],
    mask: NDArray[np.bool_], draw: str,
) -> NDArray[np.int64]:  # fmt: skip
    for _ in range(_TRIES):
        if draw == "macro":
            cell = np.floor(counts * rng.random(3) + 0.5).astype(int)
        else:
            cell = rng.integers(low, high) + 1
        if (cell > low).all() and (cell <= high).all() and mask[cell[2] - 1, cell[1] - 1, cell[0] - 1]:
            return cell
    raise ValueError(
        f"A region's allowed cells must be found in {_TRIES:,} draws. Given a region with almost none."
    )


def cell_points(drawn: ArrayLike, grid: Grid, *, cells: tuple[int, int] = (50, 50)) -> Array:
    """Centres of drawn cells in µm, shape (n, 3), when the grid of cells covers every slice of the volume.

    Examples
    --------
    >>> cell_points([[1, 1, 1], [50, 50, 7]], Grid((7, 100, 100), (1.2, 1.2, 100))).round(6)
    array([[  0.6,   0.6,   0. ],
           [118.2, 118.2, 600. ]])
    """
    index = as_points(drawn, "drawn") - [0.5, 0.5, 1.0]
    per_cell = np.array([grid.shape[2] / cells[0], grid.shape[1] / cells[1], 1.0])
    return grid.to_points(index * per_cell - [0.5, 0.5, 0.0])


def rater_disagreement(
    first: Transform, second: Transform, points: ArrayLike, *, click_um: ArrayLike | None = None
) -> LandmarkError:
    """Distance between the places to which two raters' transforms bring the same points.

    Parameters
    ----------
    first, second : Transform
        Both from the image of the points to the common image (for transforms fixed → moving that are to be judged in
        the fixed image, give their inverses).
    click_um : array-like, shape (3,), optional
        Places are read off in steps of this size, such as (1.2, 1.2, 100): depth is then known in slices only.

    Examples
    --------
    >>> from compendium.registration import LinearTransform
    >>> stay = LinearTransform(np.eye(3), np.zeros(3), "a")
    >>> apart = LinearTransform(np.eye(3), np.array([30.0, 0, 40]), "b")
    >>> rater_disagreement(stay, apart, [[0, 0, 0]]).rmse_um
    50.0
    >>> rater_disagreement(stay, apart, [[0, 0, 0]], click_um=(1, 1, 100)).rmse_um
    30.0
    """
    places = [made.apply(points) for made in (first, second)]
    if click_um is not None:
        step = np.asarray(click_um, dtype=float)
        if step.shape != (3,) or not (step > 0).all():
            raise ValueError(f"click_um must be three positive numbers. Given {click_um}.")
        places = [np.floor(place / step + 0.5) * step for place in places]
    return LandmarkError(places[0] - places[1], f"disagreement of {first.method} and {second.method}")


@dataclass(frozen=True)
class RaterSummary:
    """Mean over datasets of the root mean square disagreement, with what it implies.

    Attributes
    ----------
    mean_rmse_um, lowest_um, highest_um : float
    pooled_rmse_um : float
        Over all points of all datasets.
    n_datasets, n_points : int
    """

    mean_rmse_um: float
    lowest_um: float
    highest_um: float
    pooled_rmse_um: float
    n_datasets: int
    n_points: int


def summarise_raters(datasets: Sequence[LandmarkError]) -> RaterSummary:
    """Summary of the disagreement in several datasets.

    Examples
    --------
    >>> one, two = LandmarkError(np.array([[3.0, 0, 4]]), ""), LandmarkError(np.array([[0.0, 0, 15]]), "")
    >>> summarise_raters([one, two]).mean_rmse_um
    10.0
    """
    check_minimum(len(datasets), 1, "datasets")
    each = np.array([d.rmse_um for d in datasets])
    squares = np.concatenate([d.distances_um**2 for d in datasets])
    pooled = float(np.sqrt(squares.mean()))
    return RaterSummary(
        float(each.mean()), float(each.min()), float(each.max()), pooled, len(each), len(squares)
    )


def error_from_disagreement(rmse_um: float, *, shared: float = 0.0) -> float:
    """Error of one rater that gives this disagreement: rmse/√(2(1 − shared)).

    Parameters
    ----------
    shared : float
        Correlation of the two raters' errors, in [0, 1). It cannot be known from the raters: the same wrong landmark,
        a common reslicing or a distortion of the image raise it, and with it the error.

    Examples
    --------
    >>> round(error_from_disagreement(71.6), 1), round(error_from_disagreement(71.6, shared=0.75), 1)
    (50.6, 101.3)
    """
    check_between(shared, 0, 1 - 1e-9, "shared")
    check_between(rmse_um, 0, float("inf"), "rmse_um")
    return float(rmse_um / np.sqrt(2 * (1 - shared)))
