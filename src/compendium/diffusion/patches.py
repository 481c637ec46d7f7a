"""Patches of several slides, and patches of several widths within one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from compendium.diffusion.histology import patch_metrics


def slide_patches(cells: pd.DataFrame, side_um: float) -> pd.DataFrame:
    """Metrics of square patches of every slide; edges lie at multiples of the side, empty patches are left out.

    Parameters
    ----------
    cells : DataFrame
        Columns image, x_um, y_um, area_um2.
    side_um : float

    Returns
    -------
    DataFrame
        As `compendium.diffusion.histology.patch_metrics`, with image; x_um and y_um are centres on the slide.

    Examples
    --------
    >>> cells = pd.DataFrame({"image": "a", "x_um": [950.0, 1050], "y_um": 30.0, "area_um2": 200.0})
    >>> slide_patches(cells, 100)[["image", "x_um", "y_um", "n"]].values.tolist()
    [['a', 950.0, 50.0, 1], ['a', 1050.0, 50.0, 1]]
    >>> len(slide_patches(cells.assign(x_um=[950.0, 900_050.0]), 100))
    2
    """
    if not side_um > 0:
        raise ValueError(f"Patches must have a positive side. Given {side_um:g} µm.")
    found = []
    for image, slide in cells.groupby("image"):
        corner = side_um * np.floor(slide[["x_um", "y_um"]].min() / side_um)
        moved = slide.assign(**{axis: slide[axis] - corner[axis] for axis in corner.index})
        got = patch_metrics(moved, side_um, occupied=True).assign(image=image)
        found.append(got.assign(**{axis: got[axis] + corner[axis] for axis in corner.index}))
    return pd.concat(found, ignore_index=True)


def nested_patches(cells: pd.DataFrame, sides_um: Sequence[float]) -> pd.DataFrame:
    """Patches of several widths, each beside the widest one around it; patches without cells are left out.

    Parameters
    ----------
    cells : DataFrame
        Columns image, x_um, y_um, area_um2.
    sides_um : sequence of float
        The widest must be a whole multiple of every other.

    Returns
    -------
    DataFrame
        As `slide_patches`, with side_um and ratio: the size over that of the widest patch that holds the patch.

    Examples
    --------
    >>> cells = pd.DataFrame({"image": "a", "x_um": [10.0, 60], "y_um": 30.0, "area_um2": [100.0, 400]})
    >>> nested_patches(cells, [50, 100])["ratio"].round(3).tolist()
    [0.514, 1.028, 1.0]
    """
    widest = max(sides_um)
    multiple = widest / np.asarray(sides_um, dtype=float)
    if not np.allclose(multiple, np.round(multiple)):
        raise ValueError(
            f"The widest patch must hold whole patches of every width. Given {list(sides_um)} µm."
        )
    table = pd.concat([slide_patches(cells, s).assign(side_um=s) for s in sides_um], ignore_index=True)
    table = table[table["n"] > 0].reset_index(drop=True)
    place = pd.MultiIndex.from_arrays([table["image"], table["x_um"] // widest, table["y_um"] // widest])
    wide = (table["side_um"] == widest).to_numpy()
    around = pd.Series(table.loc[wide, "size_um"].to_numpy(), index=place[wide])
    return table.assign(ratio=table["size_um"] / around.reindex(place).to_numpy())
