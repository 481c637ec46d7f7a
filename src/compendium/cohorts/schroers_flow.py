"""Illustration tables for schroers2026: vessels, capillaries, sessions and enhancement with the printed counts.

The paper prints how many vessels each figure holds and which way a group lies, no values. The tables have those counts and
directions; every diameter, velocity and share in them is invented. Nothing that follows from them is evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
CLASSES = ("not visible", "barely visible", "visible", "strongly visible")


def illustrate_vessels(counts: Mapping[str, Sequence[int]], animals: int = 2, seed: int = 1) -> pd.DataFrame:
    """Vessels of Fig 2F–G: one sequence follows diameter, the other velocity, each with scatter.

    Parameters
    ----------
    counts : mapping
        Sequence → vessels per class, in the order of `CLASSES`; the first sequence follows diameter, others velocity.
    animals, seed : int

    Examples
    --------
    >>> table = illustrate_vessels({"t2star": (4, 11, 4, 6), "tof": (15, 3, 4, 3)})
    >>> len(table), table["visibility_tof"].value_counts()["not visible"].item()
    (25, 15)
    """
    sizes = {sum(c) for c in counts.values()}
    if len(sizes) != 1:
        raise ValueError(f"Every sequence must class the same vessels. Given totals {sorted(sizes)}.")
    n = sizes.pop()
    rng = np.random.default_rng(seed)
    diameter = np.exp(rng.normal(np.log(32), 0.55, n)).clip(8, 130)
    velocity = np.exp(rng.normal(np.log(1800), 0.8, n)).clip(150, 12_000)
    table = pd.DataFrame({
        "animal": [f"M{i % animals + 1}" for i in range(n)], "vessel": [f"V{i + 1:02d}" for i in range(n)],
        "diameter_um": diameter.round(1), "velocity_um_s": velocity.round(0),
    })  # fmt: skip
    for i, (name, classes) in enumerate(counts.items()):
        trait = np.log(velocity if i else diameter)
        order = np.argsort(trait / trait.std() + rng.normal(0, 0.35, n), kind="stable")
        seen = np.empty(n, dtype=object)
        seen[order] = np.repeat(CLASSES, classes)
        table[f"visibility_{name}"] = seen
    return table


def illustrate_capillaries(counts: Mapping[str, int], animals: int = 4, seed: int = 1) -> pd.DataFrame:
    """Capillaries of Fig 3C: slower where the group is later in `counts`, some of them standing in the last.

    Examples
    --------
    >>> illustrate_capillaries({"control": 22, "T2*-negative": 36, "T2*-positive": 8})["group"].value_counts().tolist()
    [36, 22, 8]
    """
    rng = np.random.default_rng(seed)
    middle = np.geomspace(900, 420, len(counts))
    level = rng.normal(0, 0.25, animals)
    rows = []
    for i, (group, n) in enumerate(counts.items()):
        for k in range(n):
            animal = k % animals
            velocity = float(np.exp(rng.normal(np.log(middle[i]) + level[animal], 0.45)))
            standing = i == len(counts) - 1 and k % 4 == 3
            name = f"{i + 1}{k + 1:02d}"
            rows.append(
                (f"M{animal + 1}", f"C{name}", rng.uniform(4, 11.9), 0.0 if standing else velocity, group)
            )
    return pd.DataFrame(rows, columns=["animal", "vessel", "diameter_um", "velocity_um_s", "group"]).round(1)


def illustrate_sessions(
    vessels: int = 120, sessions: int = 3, animals: int = 4, seed: int = 1
) -> pd.DataFrame:
    """Vessels of Figures S2 and S3 at several sessions: the same vessels, measured again with a small error.

    The paper finds every share within five points of the first session; how many vessels it counts is not printed.

    Examples
    --------
    >>> illustrate_sessions(vessels=10, sessions=2)["session"].value_counts().tolist()
    [10, 10]
    """
    rng = np.random.default_rng(seed)
    true = np.exp(rng.normal(np.log(24), 0.6, vessels)).clip(5, 120)
    score = np.log(true) + rng.normal(0, 0.35, vessels)
    tables = []
    for session in range(1, sessions + 1):
        code = np.searchsorted(np.log([14.0, 22.0, 38.0]), score + rng.normal(0, 0.04, vessels))
        tables.append(pd.DataFrame({
            "animal": [f"M{i % animals + 1}" for i in range(vessels)],
            "vessel": [f"V{i + 1:03d}" for i in range(vessels)],
            "diameter_um": (true * np.exp(rng.normal(0, 0.04, vessels))).round(1), "session": str(session),
            "visibility_t2w": np.array(CLASSES)[code],
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def illustrate_enhancement(mean: float, sd: float, n: int, seed: int = 1) -> pd.DataFrame:
    """Signals before and after contrast agent whose percent enhancement has exactly this mean and SD.

    Examples
    --------
    >>> table = illustrate_enhancement(244.7, 44.9, 6)
    >>> pse = 100 * (table["after"] / table["before"] - 1)
    >>> round(float(pse.mean()), 6), round(float(pse.std()), 6)
    (244.7, 44.9)
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    pse = mean + sd * (z - z.mean()) / z.std(ddof=1)
    before = rng.uniform(300, 500, n)
    names = [f"D{i + 1}" for i in range(n)]
    return pd.DataFrame({"dataset": names, "before": before, "after": before * (1 + pse / 100)})


def rule_characteristics(
    sizes: Sequence[int], shifts: Sequence[float], shares: Sequence[float], *, margin: float, sessions: int,
    draws: int, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """How often "no share moves by more than the margin" fails, by number of vessels and true shift.

    Parameters
    ----------
    sizes : sequence of int
        Vessels per session, drawn anew each time.
    shifts : sequence of float
        True shift of the first share after the first session, percentage points, taken from the last share.
    shares : sequence of float
        True shares of the categories, percent.
    margin : float
        Percentage points, inclusive.

    Returns
    -------
    DataFrame
        n, shift, unstable (share of the draws in which the rule is broken).

    Examples
    --------
    >>> rule_characteristics([100], [0], [25, 25, 25, 25], margin=5, sessions=3, draws=50, seed=1).shape
    (1, 3)
    """
    rng = np.random.default_rng(seed)
    base = np.asarray(shares, dtype=float) / sum(shares)
    rows = []
    for n in sizes:
        for shift in shifts:
            moved = base.copy()
            moved[0], moved[-1] = moved[0] + shift / 100, moved[-1] - shift / 100
            first = 100 * rng.multinomial(n, base, draws) / n
            later = 100 * rng.multinomial(n, moved, (draws, sessions - 1)) / n
            largest = np.abs(later - first[:, None]).max(axis=(1, 2))
            rows.append((n, shift, float((largest > margin + 1e-9).mean())))
    return pd.DataFrame(rows, columns=["n", "shift", "unstable"])
