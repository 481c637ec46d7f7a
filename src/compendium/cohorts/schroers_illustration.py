"""Tables of voxels with exactly the counts that schroers2026 prints, so that its figures can be drawn: an illustration.

Counts by day and by density are the printed ones; everything else (which day holds which density, signal, animals) is
invented, smooth and seeded. Nothing that follows from it is evidence of anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.microscopy.voxels import GLIOMA_BINS, GROWTH_BINS

DAYS = {"GG16": (0, 24, 42, 60, 74), "S24": (0, 25, 45, 60, 75)}
COILS = {"GG16": "cryogenic", "S24": "surface array"}
MICE = {"GG16": {"M1": (0, 42, 60, 74), "M2": (24, 42, 60, 74), "M3": (24, 42, 60, 74), "M4": (24,)}}


def share_out(rows: ArrayLike, columns: ArrayLike, weights: NDArray[Any]) -> NDArray[np.int64]:
    """Whole numbers with given sums along rows and columns, near weights that are scaled to them.

    Raises
    ------
    ValueError
        If the two sums differ: then no such table exists.

    Examples
    --------
    >>> share_out([3, 4], [5, 2], np.ones((2, 2)))
    array([[2, 1],
           [3, 1]])
    >>> share_out([3, 4], [5, 3], np.ones((2, 2)))
    Traceback (most recent call last):
        ...
    ValueError: Rows and columns must have the same sum. Given 7 and 8.
    """
    r, c = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    if r.sum() != c.sum():
        raise ValueError(f"Rows and columns must have the same sum. Given {r.sum()} and {c.sum()}.")
    table = np.asarray(weights, dtype=float).copy()
    for _ in range(500):
        table *= (r / np.maximum(table.sum(axis=1), 1e-300))[:, None]
        table *= (c / np.maximum(table.sum(axis=0), 1e-300))[None, :]
    whole = np.floor(table + 1e-9).astype(np.int64)
    short_r, short_c, rest = r - whole.sum(axis=1), c - whole.sum(axis=0), table - whole
    while short_r.sum() > 0:
        open_cells = np.where((short_r > 0)[:, None] & (short_c > 0)[None, :] & (table > 0), rest, -np.inf)
        i, j = (int(v) for v in np.unravel_index(int(np.argmax(open_cells)), open_cells.shape))
        if not np.isfinite(open_cells[i, j]):  # only cells without weight are left
            i, j = int(np.argmax(short_r)), int(np.argmax(short_c))
        whole[i, j] += 1
        short_r[i] -= 1
        short_c[j] -= 1
        rest[i, j] -= 1
    return whole


def visits(model: str, datasets: Sequence[int]) -> dict[int, list[str]]:
    """Mice seen on each day: a plan that fits the printed numbers of data sets; which mouse came when is not printed.

    Examples
    --------
    >>> {day: len(mice) for day, mice in visits("S24", (3, 8, 8, 11, 7)).items()}
    {0: 3, 25: 8, 45: 8, 60: 11, 75: 7}
    """
    if model == "GG16":
        return {day: [m for m, seen in MICE["GG16"].items() if day in seen] for day in DAYS[model]}
    out, number = {}, 0
    for day, count in zip(DAYS[model], datasets, strict=True):
        out[day] = [f"M{(number + k) % 17 + 1}" for k in range(count)]
        number += count
    return out


def draw_voxels(
    model: str, by_day: Sequence[int], by_bin: Sequence[int], datasets: Sequence[int], seed: int
) -> pd.DataFrame:  # fmt: skip
    """Voxels of one tumour model with the printed counts by day and by bin.

    When the days hold more voxels than the bins, the surplus is taken from the fullest day.

    Returns
    -------
    DataFrame
        animal, dataset, model, coil, day, density (a fraction, in the printed bins), t2w (SDs; 0 ± 1 without
        tumour in every data set).
    """
    rng = np.random.default_rng([seed, len(model)])
    days = np.array(by_day, dtype=np.int64)
    days[int(np.argmax(days))] -= int(days.sum() - sum(by_bin))
    rise = 0.55 if model == "GG16" else 0.25
    weights = np.exp(rise * np.outer(np.arange(len(days)), np.arange(len(by_bin)) - 2.5))
    weights[0, 1:] = 0  # nothing has grown on day 0
    table = share_out(days, by_bin, weights)
    slope, noise = (4.0, 1.0) if model == "GG16" else (2.0, 1.0)
    plan = visits(model, datasets)
    mice = sorted({m for seen in plan.values() for m in seen})
    factor = dict(zip(mice, rng.normal(1, 0.2, len(mice)), strict=True))
    parts = []
    for i, day in enumerate(DAYS[model]):
        for j, (low, high) in enumerate(pairwise(GLIOMA_BINS)):
            shares = np.array_split(np.arange(table[i, j]), len(plan[day]))
            for mouse, own in zip(plan[day], shares, strict=True):
                density = np.zeros(len(own)) if low == high else high - (high - low) * rng.random(len(own))
                z = factor[mouse] * slope * density * (0.6 + 0.4 * i / 4) + noise * rng.standard_normal(
                    len(own)
                )
                if low == high and len(own) > 1:
                    z = (z - z.mean()) / z.std()
                parts.append(pd.DataFrame({"animal": f"{model}-{mouse}", "dataset": f"{model}-{mouse}-{day}", "day": day,
                                           "density": density, "t2w": z}))  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(model=model, coil=COILS[model])


def draw_vessel_voxels(
    by_bin: Sequence[int], edges: Sequence[float], seed: int, animals: int = 4
) -> pd.DataFrame:
    """Voxels with the printed counts by vessel fraction, darker with more vessel; animals are invented.

    Examples
    --------
    >>> len(draw_vessel_voxels([5, 3], (0, 0.05, 1.0), seed=1, animals=2))
    8
    """
    rng = np.random.default_rng([seed, 2])
    density = np.concatenate([
        high - (high - low) * rng.random(n) for n, (low, high) in zip(by_bin, pairwise(edges), strict=True)
    ])  # fmt: skip
    animal = rng.integers(animals, size=len(density))
    z = -1.5 * density * rng.normal(1, 0.2, animals)[animal] + rng.standard_normal(len(density))
    return pd.DataFrame({"animal": [f"V{a + 1}" for a in animal], "dataset": [f"V{a + 1}" for a in animal],
                         "density": density, "t2w": z})  # fmt: skip


def draw_growth(by_bin: Mapping[str, int] | Sequence[int], seed: int, animals: int = 3) -> pd.DataFrame:
    """Intervals of voxels with the printed counts by growth rate: three animals, three days each.

    Returns
    -------
    DataFrame
        animal, day, days, density (at the beginning), growth (% per day), t2w, t2w_per_day. No growth beyond what the
        interval and the beginning allow.
    """
    counts = list(by_bin.values()) if isinstance(by_bin, Mapping) else list(by_bin)
    rng = np.random.default_rng([seed, 3])
    growth = np.concatenate([
        high - (high - low) * rng.random(n) for n, (low, high) in zip(counts, pairwise(GROWTH_BINS), strict=True)
    ])  # fmt: skip
    days = np.where(growth > 100 / 18, 14, rng.choice([14, 18], len(growth)))
    low = np.maximum(0, -growth * days / 100)
    high = np.minimum(1, 1 - growth * days / 100)
    density = np.clip(low + (high - low) * rng.beta(1, 3, len(growth)), 0, 1)
    animal = rng.integers(animals, size=len(growth))
    z = 3 * density + 0.25 * growth + rng.standard_normal(len(growth))
    change = 0.03 * growth + 0.06 * rng.standard_normal(len(growth))
    return pd.DataFrame({"animal": [f"GG16-M{a + 1}" for a in animal], "day": np.where(days == 18, 42, 60), "days": days,
                         "density": density, "growth": growth, "t2w": z, "t2w_per_day": change})  # fmt: skip
