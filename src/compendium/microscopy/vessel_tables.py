"""What is asked of a table of vessels: visibility against traits, groups, sessions; and of masks with a known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.microscopy.diameters import as_mask, keep_wide_vessels
from compendium.microscopy.shuffling import ranks_within, shuffle_within
from compendium.statistics.equivalence import tost_paired
from compendium.statistics.posthoc import dunn_test
from compendium.statistics.ranks import kruskal_wallis

Array = NDArray[np.floating[Any]]


def as_binary(array: ArrayLike) -> NDArray[np.bool_]:
    """Mask from a volume with two values, such as 0 and 1 or 0 and 255; the lower one is background.

    Examples
    --------
    >>> as_binary([0, 255, 0])
    array([False,  True, False])
    >>> as_binary([0, 1, 2])
    Traceback (most recent call last):
        ...
    ValueError: A mask has two values, background and vessel. Given 3 values from 0 to 2.
    """
    values = np.asarray(array)
    found = np.unique(values)
    if len(found) != 2:
        raise ValueError(
            f"A mask has two values, background and vessel. Given {len(found)} values from {found[0]:g} to {found[-1]:g}."
        )
    mask: NDArray[np.bool_] = values == found[1]
    return mask


def visibility_tests(
    table: pd.DataFrame,
    sequences: Sequence[str],
    traits: Sequence[str],
    classes: Sequence[str],
    n_resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Class of visibility against a trait: rank correlation tested within animals, and the printed tests.

    Parameters
    ----------
    table : DataFrame
        animal, the traits, and visibility_<sequence> with one of `classes` (in rising order) or missing.

    Returns
    -------
    DataFrame
        sequence, trait, n, rho, p_within, p_kruskal, p_dunn (smallest adjusted p of a pair; NaN with one class).

    Examples
    --------
    >>> table = pd.DataFrame({"animal": list("aabb"), "d": [1, 2, 3, 4], "visibility_t": ["no", "yes"] * 2})
    >>> visibility_tests(table, ["t"], ["d"], ["no", "yes"], 99, 1)["rho"].round(2).tolist()
    [0.45]
    """
    rows = []
    for sequence in sequences:
        code = table[f"visibility_{sequence}"].map({c: i for i, c in enumerate(classes)}).astype(float)
        for trait in traits:
            used = code.notna() & table[trait].notna()
            x, y, animal = (
                code[used].to_numpy(),
                table.loc[used, trait].to_numpy(float),
                table.loc[used, "animal"],
            )
            row: dict[str, Any] = {"sequence": sequence, "trait": trait, "n": int(used.sum())}
            groups = {classes[int(k)]: y[x == k] for k in np.unique(x)}
            row |= dict.fromkeys(("rho", "p_within", "p_kruskal", "p_dunn"), float("nan"))
            if len(groups) > 1 and len(np.unique(y)) > 1:
                row["rho"] = float(stats.spearmanr(x, y).statistic)
                ranked, place = (ranks_within(v, animal) for v in (x, y))
                if np.ptp(ranked) > 0 and np.ptp(place) > 0:
                    row["p_within"] = shuffle_within(
                        lambda a, b: float(a @ b), ranked, place, animal, n_resamples, seed
                    )
                row["p_kruskal"] = kruskal_wallis(groups).p
                row["p_dunn"] = min(c.p_adjusted for c in dunn_test(groups, adjust="bonferroni"))
            rows.append(row)
    return pd.DataFrame(rows)


def compare_groups(table: pd.DataFrame, group: str, value: str, n_resamples: int, seed: int) -> pd.DataFrame:
    """Groups of vessels: Kruskal–Wallis over all, the same statistic shuffled within animals, and without zeros.

    Returns
    -------
    DataFrame
        One row: n, p_kruskal, p_within, p_moving (within animals, only values above zero). NaN where a test cannot be made.

    Examples
    --------
    >>> table = pd.DataFrame({"animal": list("aaabbb"), "g": list("xyxyxy"), "v": [1.0, 5, 2, 6, 0, 7]})
    >>> compare_groups(table, "g", "v", 99, 1)["n"].item()
    6
    """
    used = table[table[group].notna() & table[value].notna()]
    moving = used[used[value] > 0]
    whole = {str(k): v.to_numpy(float) for k, v in used.groupby(group, sort=False)[value]}
    plain = kruskal_wallis(whole).p if len(whole) > 1 else float("nan")
    within = [_shuffled_kruskal(t, group, value, n_resamples, seed) for t in (used, moving)]
    return pd.DataFrame([{"n": len(used), "p_kruskal": plain, "p_within": within[0], "p_moving": within[1]}])


def _shuffled_kruskal(table: pd.DataFrame, group: str, value: str, n_resamples: int, seed: int) -> float:
    code = pd.factorize(table[group])[0]
    if len(np.unique(code)) < 2 or table[value].nunique() < 2:
        return float("nan")
    ranks = ranks_within(table[value], table["animal"])

    def spread(label: Array, rank: Array) -> float:
        sums, sizes = np.bincount(label.astype(int), rank), np.bincount(label.astype(int))
        return float((sums**2 / np.maximum(sizes, 1)).sum())

    return shuffle_within(
        spread, code, ranks, table["animal"], n_resamples, seed, silent=code.max() + 1, alternative="greater"
    )


def shares_by_session(table: pd.DataFrame, edges_um: Sequence[float], classes: Sequence[str]) -> pd.DataFrame:
    """Vessels per session and category: of every column visibility_<sequence>, and of the diameter.

    Returns
    -------
    DataFrame
        what ("diameter (µm)" or the sequence), session, category, n; sessions in the order of the table, every category
        that occurs at any session.

    Examples
    --------
    >>> table = pd.DataFrame({"session": ["1", "1", "2"], "diameter_um": [5.0, 20, 8]})
    >>> shares_by_session(table, [0, 10, 30], [])["n"].tolist()
    [1, 1, 1, 0]
    """
    order = list(dict.fromkeys(table["session"]))
    parts = []
    for what, category, names in _categories(table, edges_um, classes):
        counts = pd.crosstab(table["session"], category).reindex(index=order, columns=names, fill_value=0)
        counts = counts.loc[:, counts.sum() > 0]
        long = counts.stack().rename("n").reset_index()
        long.columns = ["session", "category", "n"]
        parts.append(long.assign(what=what))
    whole = pd.concat(parts, ignore_index=True)
    for column, names in (("session", order), ("category", list(dict.fromkeys(whole["category"])))):
        whole[column] = pd.Categorical(whole[column], categories=names, ordered=True)
    return whole[["what", "session", "category", "n"]]


def _categories(
    table: pd.DataFrame, edges_um: Sequence[float], classes: Sequence[str]
) -> list[tuple[str, pd.Series, list[str]]]:
    names = [f"{a:g}–{b:g}" for a, b in pairwise(edges_um)]
    cut = pd.cut(table["diameter_um"], list(edges_um), labels=names, right=False).astype(object)
    found = [("diameter (µm)", cut, names)]
    for column in [c for c in table.columns if c.startswith("visibility_")]:
        if table[column].notna().any():
            found.insert(0, (column.removeprefix("visibility_"), table[column], list(classes)))
    return found


def tost_by_animal(
    table: pd.DataFrame, edges_um: Sequence[float], classes: Sequence[str], margin: float
) -> pd.DataFrame:
    """Two one-sided tests of every share, first against last session, paired over animals.

    Returns
    -------
    DataFrame
        what, category, animals, shift (percentage points, last − first), p_tost; NaN with fewer than two animals at both
        sessions or when all animals shift alike.

    Examples
    --------
    >>> table = pd.DataFrame({"animal": list("aabbaabb"), "session": list("11112222"),
    ...                       "diameter_um": [5.0, 15, 5, 15, 5, 15, 5, 15]})
    >>> tost_by_animal(table, [0, 10, 30], [], 5)["shift"].tolist()
    [0.0, 0.0]
    """
    order = list(dict.fromkeys(table["session"]))
    rows = []
    for what, category, names in _categories(table, edges_um, classes):
        for name in [n for n in names if (category == n).any()]:
            hit = (category == name).astype(float).where(category.notna())
            share = 100 * hit.groupby([table["animal"], table["session"]]).mean().unstack()
            pair = share[[order[0], order[-1]]].dropna()
            shift = pair[order[-1]] - pair[order[0]]
            p = float("nan")
            if len(pair) > 1 and shift.std() > 0:
                p = tost_paired(pair[order[-1]], pair[order[0]], low=-margin, high=margin).p
            rows.append((what, name, len(pair), float(shift.mean()), p))
    return pd.DataFrame(rows, columns=["what", "category", "animals", "shift", "p_tost"])


def block_means(volume: ArrayLike, size: int) -> Array:
    """Means over cubes of `size` voxels, laid out on the old grid; what is left at the far ends keeps its own mean.

    Examples
    --------
    >>> block_means(np.arange(8).reshape(1, 1, 8), 4)[0, 0]
    array([1.5, 1.5, 1.5, 1.5, 5.5, 5.5, 5.5, 5.5])
    """
    values = np.asarray(volume, dtype=float)
    for axis in range(values.ndim):
        n = values.shape[axis]
        starts = np.arange(0, n, size)
        sizes = np.diff(np.append(starts, n))
        means = np.add.reduceat(values, starts, axis=axis)
        shape = [1] * values.ndim
        shape[axis] = len(sizes)
        values = np.repeat(means / sizes.reshape(shape), sizes, axis=axis)
    return values


def coarse_mask(
    mask: ArrayLike, pixel: int, slab: int, spacing_um: Sequence[float], diameter_um: float
) -> NDArray[np.bool_]:
    """The filter by diameter as it acts on coarse images: slabs are projected, pixels of half vessel or more are vessel.

    Parameters
    ----------
    mask : array-like of 0/1, shape (z, y, x)
    pixel, slab : int
        Size of a pixel and depth of a slab, in voxels.
    spacing_um : sequence of float
        Of the mask, x, y, z; x and y alike.

    Returns
    -------
    ndarray of bool, shape of the mask
        Voxels of the mask whose pixel is kept.
    """
    inside = as_mask(mask)
    kept = np.zeros(inside.shape, bool)
    for start in range(0, inside.shape[0], slab):
        seen = inside[start : start + slab].any(axis=0).astype(float)
        flat = block_means(seen, pixel)[::pixel, ::pixel] >= 0.5
        step = float(spacing_um[0]) * pixel
        wide = keep_wide_vessels(flat, (step, step), diameter_um) if flat.any() else flat
        full = wide.repeat(pixel, axis=0).repeat(pixel, axis=1)[: inside.shape[1], : inside.shape[2]]
        kept[start : start + slab] = full
    return kept & inside


def kept_by_diameter(
    kept: Mapping[str, NDArray[np.bool_]], true_diameter_um: ArrayLike, edges_um: Sequence[float]
) -> pd.DataFrame:
    """Share of the vessel voxels that filters keep, by true diameter (0 outside vessels).

    Examples
    --------
    >>> kept_by_diameter({"a": np.array([False, True, True])}, [0, 12, 12], [10, 20])["a"].tolist()
    [1.0]
    """
    size = np.asarray(true_diameter_um, dtype=float)
    rows = []
    for low, high in pairwise(edges_um):
        own = (size >= low) & (size < high)
        share = {k: float(v[own].mean()) if own.any() else float("nan") for k, v in kept.items()}
        rows.append({"diameter": f"{low:g}–{high:g}", "voxels": int(own.sum()), **share})
    return pd.DataFrame(rows)
