"""An illustration cohort for nocera2025: invented samples matched to what the paper prints.

The paper prints counts, means, slopes, correlations and four samples, no table. Labels are laid out so that the
counts hold; the values start from the two-level idea (patients differ, samples within them differ) and are moved
by least-squares steps until the printed statistics hold as far as they are compatible. `check_cohort` computes
what is met and what is not. Nothing that follows from the cohort is evidence about patients.

What the paper does not say and is chosen here: which patients give how many samples, which samples are left out of
the regressions (`left_out`), and every single value but the four printed samples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Targets = Mapping[str, tuple[float, float]]
"""Statistic → (printed value, half a unit of its last digit). Names: see `cohort_statistics`."""
Cases = Mapping[str, tuple[float, float, float]]
"""Printed sample ("3a", "3b", "4a", "4b") → (CPM, histology, ADC)."""

N, PATIENTS = 66, 27
SIZES = np.array([3, 2, 4, 1, 3, 3, 4, 1, 1, 2, 3, 3, 4, 4, 3, 3, 2, 2, 1, 3, 2, 2, 1, 1, 1, 3, 4])
"""Samples per patient: 13 untreated (34 samples), 14 recurrent (32); one of the 20 splits that the counts admit."""
CODE = np.repeat(np.arange(PATIENTS), SIZES)
FIRST = np.concatenate([[0], np.cumsum(SIZES)[:-1]])
NAIVE, RECURRENT = np.flatnonzero(CODE < 13), np.flatnonzero(CODE >= 13)
WILD = np.isin(CODE, [0, 1, 2, 3, 4, 13, 14, 15, 16, 17, 18])  # 28 samples
LOW_GRADE = np.isin(CODE, [5, 6, 19, 20, 21])  # 14 samples
CASE_AT = {"3a": int(FIRST[0]), "3b": int(FIRST[7]), "4a": int(FIRST[1]), "4b": int(FIRST[8])}
ENHANCING_CASE = {"3a": 1, "3b": 0, "4a": 0, "4b": 0}
LEFT_OUT = {"cpm": (CASE_AT["4a"], N - 1), "adc": (CASE_AT["4a"], CASE_AT["4b"])}
"""Samples taken as the outliers: of CPM the one of Fig 4A and one recurrent; of ADC those of Fig 4A and 4B."""
SCALE = np.repeat([324.0, 1461.0, 330.0], N)  # one step unit: CPM, histology, ADC
LOWEST, HIGHEST = np.repeat([500.0, 400.0, 550.0], N), np.repeat([2500.0, 7450.0, 2300.0], N)
TARGET_CLAIMS: dict[str, tuple[str, int]] = {
    "cpm.naive.mean": ("cpm-naive", 1), "cpm.recurrent.mean": ("cpm-recurrent", 1), "cpm.sd": ("cpm-sd", 1),
    "cpm.enhancing.mean": ("cpm-cet", 1), "cpm.high_grade.mean": ("cpm-hgg", 1),
    "cpm.wild.mean": ("cpm-idh-wild", 1), "histology.mean": ("he-mean", 1), "histology.sd": ("he-sd", 1),
    "cpm.naive.rmse": ("rmse-naive", 1), "cpm.whole.rmse": ("rmse-whole", 1),
    "cpm.high_grade_non_enhancing.rmse": ("rmse-hgg-ncet", 1),
    "cpm.naive.b": ("cpm-naive-b", 1), "cpm.naive.r2": ("cpm-naive-r2-table", 1),
    "cpm.naive.rho": ("cpm-naive-rho", 1), "cpm.naive.iterated": ("cpm-naive-iterated", 1),
    "cpm.whole.b": ("cpm-whole-b", 1), "cpm.whole.r2": ("cpm-whole-r2", 1), "cpm.whole.rho": ("cpm-whole-rho", 1),
    "cpm.whole.iterated": ("cpm-whole-iterated", 1), "cpm.recurrent.b": ("cpm-recurrent-b", 1),
    "cpm.recurrent.r2": ("cpm-recurrent-r2", -1), "cpm.recurrent.rho": ("cpm-recurrent-rho", 1),
    "adc.naive.b": ("adc-naive-b-table", 1), "adc.naive.r2": ("adc-naive-r2", -1),
    "adc.naive.rho": ("adc-naive-rho", 1), "adc.naive.iterated": ("adc-naive-iterated", 1),
    "adc.whole.b": ("adc-whole-b", 1), "adc.whole.r2": ("adc-whole-r2", -1), "adc.whole.rho": ("adc-whole-rho", 1),
    "adc.whole.iterated": ("adc-whole-iterated", 1), "adc.recurrent.b": ("adc-recurrent-b", 1),
    "adc.recurrent.r2": ("adc-recurrent-r2", 1), "adc.recurrent.rho": ("adc-recurrent-rho", 1),
    "adc.recurrent.iterated": ("adc-recurrent-iterated", 1),
}  # fmt: skip
"""Statistic → the claim of nocera2025 that prints it, and the sign of its slope where R² is printed without one."""
MARGIN = 0.75  # a statistic counts as met within this share of half a unit


def illustration_cohort(targets: Targets, cases: Cases, seed: int = 1, steps: int = 24) -> pd.DataFrame:
    """Sixty-six invented samples of 27 patients whose statistics are close to the printed ones.

    Parameters
    ----------
    targets : mapping
        Statistics to meet; names that `cohort_statistics` does not know are refused.
    cases : mapping
        The four printed samples; they are kept exactly.
    seed : int
    steps : int
        Least-squares steps; each costs about 0.07 s.

    Returns
    -------
    DataFrame
        sample, patient, group, histology, imaging_cpm, imaging_adc, enhancement, grade, idh, left_out_cpm,
        left_out_adc, case.

    Raises
    ------
    ValueError
        If a target has no statistic or a case is missing.
    """
    if missing := set(CASE_AT) - set(cases):
        raise ValueError(
            f"cases must hold {', '.join(CASE_AT)}. Given none for {', '.join(sorted(missing))}."
        )
    rng = np.random.default_rng(seed)
    enhancing = _place_enhancement(rng)
    numbers = np.arange(N, dtype=float)[None]
    known = cohort_statistics(numbers, numbers, numbers, enhancing, softness=1.0)
    if unknown := set(targets) - set(known):
        raise ValueError(f"targets must be among {', '.join(known)}. Given {', '.join(sorted(unknown))}.")
    values = _start(rng, enhancing)
    for name, printed in cases.items():
        values[CASE_AT[name] + N * np.array([0, 1, 2])] = printed
    free = np.setdiff1d(np.arange(3 * N), [CASE_AT[c] + N * i for c in cases for i in range(3)])
    values = _match(values, free, targets, enhancing, steps)
    return _as_table(values, enhancing)


def cohort_statistics(
    x: Array, y: Array, a: Array, enhancing: NDArray[np.bool_], softness: float = 0.0
) -> dict[str, Array]:
    """Statistics that the paper prints, for many cohorts at once.

    Parameters
    ----------
    x, y, a : ndarray, shape (m, 66)
        CPM, histology, ADC of m cohorts.
    enhancing : ndarray of bool, shape (66,)
    softness : float
        0: ranks as they are. Above: ranks made differentiable, steps as wide as this share of an SD.

    Returns
    -------
    dict of name to ndarray, shape (m,)
        R² carries the sign of its slope, so that a target can ask for a direction.
    """
    without = {k: np.setdiff1d(np.arange(N), LEFT_OUT[k]) for k in LEFT_OUT}
    whole = np.setdiff1d(np.arange(N), LEFT_OUT["cpm"][0])
    out = {
        "cpm.naive.mean": x[:, NAIVE].mean(1), "cpm.recurrent.mean": x[:, RECURRENT].mean(1),
        "cpm.sd": x.std(1, ddof=1), "cpm.enhancing.mean": x[:, enhancing].mean(1),
        "cpm.high_grade.mean": x[:, ~LOW_GRADE].mean(1), "cpm.wild.mean": x[:, WILD].mean(1),
        "histology.mean": y.mean(1), "histology.sd": y.std(1, ddof=1),
    }  # fmt: skip
    hard = np.setdiff1d(np.flatnonzero(~enhancing & ~LOW_GRADE), LEFT_OUT["cpm"])
    for name, rows in (
        ("naive", np.intersect1d(NAIVE, whole)),
        ("whole", whole),
        ("high_grade_non_enhancing", hard),
    ):
        out[f"cpm.{name}.rmse"] = np.sqrt(((x[:, rows] - y[:, rows]) ** 2).mean(1))
    samples = {
        ("cpm", "naive"): np.intersect1d(NAIVE, without["cpm"]), ("cpm", "whole"): whole,
        ("cpm", "recurrent"): np.intersect1d(RECURRENT, without["cpm"]), ("adc", "recurrent"): RECURRENT,
        ("adc", "naive"): np.intersect1d(NAIVE, without["adc"]), ("adc", "whole"): np.arange(N),
    }  # fmt: skip
    above = {k: _above(v, softness * s) for k, v, s in (("cpm", x, 324), ("adc", a, 330), ("y", y, 1461))}
    every = {"whole": np.arange(N), "naive": NAIVE, "recurrent": RECURRENT}
    for (marker, group), rows in samples.items():
        slope, r = _line((x if marker == "cpm" else a)[:, rows], y[:, rows])
        both = [above[k][:, every[group]][:, :, every[group]] for k in (marker, "y")]
        out |= {f"{marker}.{group}.b": slope, f"{marker}.{group}.r2": np.sign(r) * r**2,
                f"{marker}.{group}.rho": _line(both[0].sum(2), both[1].sum(2))[1],
                f"{marker}.{group}.iterated": _one_per_patient(both[0], both[1], CODE[every[group]])}  # fmt: skip
    return out


def check_cohort(table: pd.DataFrame, targets: Targets) -> pd.DataFrame:
    """Every target beside what the cohort has, and the distance in half units of the last printed digit."""
    columns = [table[c].to_numpy(dtype=float)[None] for c in ("imaging_cpm", "histology", "imaging_adc")]
    found = cohort_statistics(columns[0], columns[1], columns[2], table["enhancement"].to_numpy() == 1)
    rows = [
        {"statistic": name, "printed": value, "cohort": float(found[name][0]), "half_unit": half,
         "half_units_away": abs(float(found[name][0]) - value) / half}
        for name, (value, half) in targets.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _place_enhancement(rng: np.random.Generator) -> NDArray[np.bool_]:
    enhancing = np.zeros(N, dtype=bool)
    for name, row in CASE_AT.items():
        enhancing[row] = bool(ENHANCING_CASE[name])
    others = np.setdiff1d(np.arange(N), list(CASE_AT.values()))
    high, low = others[~LOW_GRADE[others]], others[LOW_GRADE[others]]
    enhancing[rng.permutation(high)[: 34 - sum(ENHANCING_CASE.values())]] = True
    enhancing[rng.permutation(low)[:3]] = True
    return enhancing


def _start(rng: np.random.Generator, enhancing: NDArray[np.bool_]) -> Array:
    """Two levels: a patient's level and samples around it; slopes of opposite sign in the two groups."""
    recurrent = CODE >= 13

    def two_levels(share: float) -> Array:
        level = rng.standard_normal(PATIENTS)[CODE]
        return np.asarray(np.sqrt(share) * level + np.sqrt(1 - share) * rng.standard_normal(N))

    x = 1200 + 68 * recurrent + 150 * enhancing + 110 * WILD + 270 * two_levels(0.25)
    trend = np.where(recurrent, -0.3 * (x - 1358), 1.4 * (x - 1290))
    y = 2700 + 250 * recurrent + trend + 1200 * two_levels(0.1) + 250 * rng.standard_t(4, size=N)
    a = 1250 - 0.12 * (y - 2856) + 50 * recurrent + 270 * two_levels(0.25)
    return np.clip(np.concatenate([x, y, a]), LOWEST, HIGHEST)


def _match(
    values: Array, free: NDArray[np.intp], targets: Targets, enhancing: NDArray[np.bool_], steps: int
) -> Array:
    """Damped least-norm steps towards the targets; a step is kept when the sum of misses falls."""
    goal, half = (np.array([t[i] for t in targets.values()]) for i in (0, 1))

    def misses(batch: Array, softness: float) -> Array:
        found = cohort_statistics(batch[:, :N], batch[:, N : 2 * N], batch[:, 2 * N :], enhancing, softness)
        return (np.stack([found[name] for name in targets], axis=1) - goal) / half

    def beyond(miss: Array) -> Array:
        return np.asarray(np.sign(miss) * np.maximum(np.abs(miss) - MARGIN, 0))

    miss, damping = misses(values[None], 0.0)[0], 1e-2
    for step in range(steps):
        if not beyond(miss).any():
            break
        moved = np.repeat(values[None], len(free) + 1, axis=0)
        moved[np.arange(len(free)), free] += 0.01 * SCALE[free]
        soft = misses(moved, max(0.25 * 0.9**step, 0.05))
        slope = ((soft[:-1] - soft[-1]) / 0.01).T / np.sqrt(np.maximum(1, np.abs(miss) / 20))[:, None]
        wanted = beyond(miss) / np.sqrt(np.maximum(1, np.abs(miss) / 20))
        square = slope @ slope.T
        for _ in range(6):
            ridge = damping * np.trace(square) / len(square) * np.eye(len(square))
            change = -slope.T @ np.linalg.solve(square + ridge, wanted)
            trial = values.copy()
            trial[free] += np.clip(change, -0.35, 0.35) * SCALE[free]
            trial = np.clip(trial, LOWEST, HIGHEST)
            new = misses(trial[None], 0.0)[0]
            if np.abs(beyond(new)).sum() < np.abs(beyond(miss)).sum():
                values, miss, damping = trial, new, max(damping / 4, 1e-7)
                break
            damping *= 4
        else:
            damping = 1e-3
    return values


def _line(x: Array, y: Array) -> tuple[Array, Array]:
    dx, dy = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    sxy, sxx, syy = (dx * dy).sum(1), (dx * dx).sum(1), (dy * dy).sum(1)
    return sxy / sxx, sxy / np.sqrt(sxx * syy)


def _above(values: Array, width: float) -> Array:
    """Sign of every difference, shape (m, n, n); smooth when `width` is above zero."""
    gap = values[:, :, None] - values[:, None, :]
    return np.sign(gap) if width == 0 else np.tanh(gap / width)


def _one_per_patient(above_x: Array, above_y: Array, code: NDArray[np.intp]) -> Array:
    """Exact mean of Spearman's ρ over draws of one sample per patient, from signs of differences.

    As `compendium.statistics.one_per_cluster`, which takes one cohort and no smooth signs.
    """
    names, own = np.unique(code, return_inverse=True)
    k, m = len(names), len(code)
    size = np.bincount(own)
    average = np.zeros((m, k))
    average[np.arange(m), own] = 1 / size[own]
    elsewhere = own[:, None] != own[None, :]
    sx, sy = above_x * elsewhere, above_y * elsewhere
    fx, fy, fxy = sx @ average, sy @ average, (sx * sy) @ average
    product = fx.sum(2) * fy.sum(2) - np.einsum("mik,mik->mi", fx, fy) + fxy.sum(2)
    return np.asarray((product / size[own]).sum(1) * 3 / (k**3 - k))


def _as_table(values: Array, enhancing: NDArray[np.bool_]) -> pd.DataFrame:
    rows = range(N)
    names = {row: name for name, row in CASE_AT.items()}
    return pd.DataFrame(
        {
            "sample": [f"S{i + 1:02d}" for i in rows], "patient": [f"P{i + 1:02d}" for i in CODE],
            "group": np.where(CODE < 13, "treatment-naïve", "recurrent"), "histology": values[N : 2 * N],
            "imaging_cpm": values[:N], "imaging_adc": values[2 * N :], "enhancement": enhancing.astype(int),
            "grade": np.where(LOW_GRADE, 2, np.where(WILD, 4, np.where(CODE % 2 == 0, 4, 3))),
            "idh": (~WILD).astype(int), "left_out_cpm": np.isin(np.arange(N), LEFT_OUT["cpm"]),
            "left_out_adc": np.isin(np.arange(N), LEFT_OUT["adc"]), "case": [names.get(i, "") for i in rows],
        }
    )  # fmt: skip
