"""An illustration cohort for grussu2025: 7 invented mouse livers and 18 invented biopsies, matched to printed statistics.

The paper prints eleven correlations among eight metrics and the values of two patients. The correlation matrix is the
nearest valid one that keeps the printed entries; the cases have it exactly; the two patients fix the scale of size and
density. Density is what simulated voxels (MRI) and simulated cells (histology) average to: no tumour-level ratio of
fraction and cubed size gives the printed densities. What is invented: the entries that are not printed, the difference
between mice and patients, the other models and their votes. Nothing that follows from the cohort is evidence about livers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, optimize, stats

Array = NDArray[np.float64]
Pair = tuple[str, str]

METRICS = ("f_histo", "vcs_histo", "cd_histo", "f", "vcs", "cd", "adc", "k")
"""Histology, Diff-in at high b-values, and DKI."""
MICE = ("Control", "Pat_NA1", "Pat_NA2", "Pat_nec", "Pat_infl1", "Pat_infl2", "Pat_infl3")
PRIMARIES = {"hcc": 2, "colon": 5, "melanoma": 4, "rectal": 3, "ovarian": 2, "breast": 1, "endometrial": 1}
GUESSES: dict[Pair, float] = {
    ("f", "vcs"): -0.2, ("f", "cd"): 0.5, ("adc", "k"): -0.6, ("adc", "f"): -0.5, ("k", "f"): 0.4,
    ("f_histo", "cd_histo"): 0.35, ("f_histo", "vcs_histo"): -0.1, ("cd", "vcs_histo"): -0.6, ("vcs", "cd_histo"): -0.45,
    ("adc", "vcs"): 0.35, ("adc", "cd"): -0.5, ("k", "cd"): 0.4, ("k", "vcs"): -0.25,
}  # fmt: skip
"""Entries that the paper does not print: where the search for a valid matrix starts."""
SPECIES_SHIFT = {
    "f_histo": 0.4,
    "vcs_histo": -0.7,
    "cd_histo": 0.6,
    "f": 0.5,
    "vcs": -0.6,
    "cd": 0.7,
    "adc": -0.4,
    "k": 0.3,
}
"""Mice less patients, in SD: invented."""
OTHER_MODELS: dict[tuple[str, str], tuple[float, float, float, float]] = {
    ("high", "diff_in_exfast"): (0.36, 0.13, 4.0, -0.26), ("high", "diff_in_extdfast"): (0.31, 0.11, 4.2, -0.26),
    ("high", "diff_in_ex"): (0.12, 0.06, -8.0, -0.34), ("high", "diff_in_extd"): (0.06, 0.05, -8.5, -0.36),
    ("whole", "diff_in"): (0.30, 0.12, -3.0, -0.16), ("whole", "diff_in_exfast"): (0.38, 0.14, 2.5, -0.20),
    ("whole", "diff_in_extdfast"): (0.34, 0.12, 3.0, -0.22), ("whole", "diff_in_ex"): (0.10, 0.05, -8.0, -0.34),
    ("whole", "diff_in_extd"): (0.05, 0.03, -8.5, -0.37),
}  # fmt: skip
"""Invented, in the order that the text tells: correlation of size and of fraction with histology, bias of both."""
VOTE_WEIGHTS = {
    "high": {"diff_in": 6.0, "diff_in_exfast": 4.0, "diff_in_extdfast": 1.0, "diff_in_ex": 2.5, "diff_in_extd": 0.8},
    "whole": {"diff_in": 4.5, "diff_in_exfast": 4.0, "diff_in_extdfast": 1.5, "diff_in_ex": 2.2, "diff_in_extd": 1.0},
}  # fmt: skip
SMALLEST_UM, LARGEST_UM = 8.0, 40.0  # bounds of the fitted sizes, as printed
SIZE_FACTOR, DENSITY_FACTOR = (
    1.503,
    1.3938,
)  # what the paper applies to human outlines: size times, density over
VOXELS = 200
"""Simulated voxels of a tumour, and simulated cells of a section."""
NOT_MATCHED = (
    "whether a correlation holds within mice and within patients: only pooled ones are printed",
    "means and spreads over all cases: Supplementary Tables S5 to S7 were not read",
    "one ratio of fraction and cubed size per tumour: it cannot reach the printed densities, only voxels can",
    "scores, accuracy and votes of the other models: the text gives their order, no value",
    "the phenotypes beyond the names of the livers, and which patients were biopsied on which scanner",
)
"""What the paper does not print, and the cohort therefore cannot match."""


@dataclass(frozen=True)
class Cohort:
    """The two tables, and how they were made.

    Attributes
    ----------
    whole, high : DataFrame
        As the table kind `mri_histology`: fits to all images, and to high b-values only.
    matrix : DataFrame
        The correlation matrix, printed entries kept.
    printed_gap, eigenvalue : float
        Largest distance of a printed entry, and the smallest eigenvalue of the matrix.
    tries : int
        Draws until every density was possible.
    """

    whole: pd.DataFrame
    high: pd.DataFrame
    matrix: pd.DataFrame
    printed_gap: float
    eigenvalue: float
    tries: int


def nearest_correlation(
    start: Array, fixed: NDArray[np.bool_], smallest: float = 0.02, steps: int = 5000
) -> Array:
    """Valid correlation matrix closest to `start` that keeps some entries, by alternating projections (Higham 2002).

    Parameters
    ----------
    start : ndarray, shape (k, k)
    fixed : ndarray of bool, shape (k, k)
        Entries to keep; the diagonal always is.
    smallest : float
        Lowest eigenvalue of the result.

    Raises
    ------
    ValueError
        The fixed entries admit no such matrix (or the steps did not reach it).

    Examples
    --------
    >>> start = np.array([[1, 0.7, 0.0], [0.7, 1, -0.88], [0.0, -0.88, 1]])
    >>> round(float(nearest_correlation(start, start != 0)[0, 2]), 3)
    -0.322
    """
    found, correction = start.copy(), np.zeros_like(start)
    for _ in range(steps):
        values, vectors = np.linalg.eigh(found - correction)
        valid = (vectors * np.maximum(values, smallest)) @ vectors.T
        correction = valid - (found - correction)
        found = np.where(fixed | np.eye(len(start), dtype=bool), start, valid)
        if np.linalg.eigvalsh(found)[0] > 0.9 * smallest:
            return (found + found.T) / 2
    lowest = np.linalg.eigvalsh(found)[0]
    raise ValueError(
        f"The fixed entries must admit a matrix with eigenvalues above {smallest}. Given {lowest:.3g}."
    )


def illustration_cohort(
    printed: Mapping[Pair, float], cases: Mapping[str, Mapping[str, float]], seed: int = 1, tries: int = 3000
) -> Cohort:
    """Twenty-five invented cases whose correlations are the printed ones.

    Parameters
    ----------
    printed : mapping of pairs of `METRICS` to r
    cases : mapping
        Metrics `vcs_histo`, `cd_histo`, `vcs`, `cd` of the patients "ovarian" and "hcc": kept exactly.
    seed : int
        The first draw; further ones are tried until every case has possible densities.

    Raises
    ------
    ValueError
        The printed correlations admit no valid matrix, or no draw is possible.
    """
    matrix, gap = complete_matrix(printed)
    for number in range(tries):
        rng = np.random.default_rng([seed, number])
        scores = exact_scores(matrix.to_numpy(), rng)
        found = _scale(scores, cases)
        if found is not None:
            values, rows = found
            whole, high = (
                _table(values, rows, s, np.random.default_rng([seed, 7, i]))
                for i, s in enumerate(("whole", "high"))
            )
            return Cohort(whole, high, matrix, gap, float(np.linalg.eigvalsh(matrix)[0]), number + 1)
    raise ValueError(f"No draw had possible densities in {tries} tries from seed {seed}.")


def complete_matrix(printed: Mapping[Pair, float]) -> tuple[pd.DataFrame, float]:
    """Return the valid matrix over `METRICS` with the printed entries, and its largest distance from them."""
    start = pd.DataFrame(np.eye(len(METRICS)), METRICS, METRICS)
    fixed = pd.DataFrame(False, METRICS, METRICS)
    for (a, b), r in {**GUESSES, **printed}.items():
        start.loc[a, b] = start.loc[b, a] = r
        fixed.loc[a, b] = fixed.loc[b, a] = (a, b) in printed
    found = nearest_correlation(start.to_numpy(), fixed.to_numpy())
    matrix = pd.DataFrame(found, METRICS, METRICS)
    return matrix, max(abs(float(matrix.loc[pair]) - r) for pair, r in printed.items())


def exact_scores(matrix: Array, rng: np.random.Generator, mice: int = 7, patients: int = 18) -> Array:
    """z-scores with exactly this correlation matrix, mice first, and a difference between mice and patients.

    Drawn from the matrix and shifted, then moved as little as possible (optimal transport between the two covariances).
    """
    n = mice + patients
    raw = rng.standard_normal((n, len(matrix))) @ linalg.sqrtm(matrix).real
    raw[:mice] += np.array([SPECIES_SHIFT[m] for m in METRICS])
    raw -= raw.mean(0)
    half = linalg.sqrtm(raw.T @ raw / (n - 1)).real
    back = np.linalg.inv(half)
    return np.asarray(raw @ (back @ linalg.sqrtm(half @ matrix @ half).real @ back))


def _scale(z: Array, cases: Mapping[str, Mapping[str, float]]) -> tuple[pd.DataFrame, tuple[int, int]] | None:
    """Units for the z-scores: two patients who fix mean and SD of size and density; None when no pair is possible."""
    for first in range(len(MICE), len(z)):
        for second in range(len(MICE), len(z)):
            values = None if first == second else _scaled(z, first, second, cases)
            if values is not None:
                return values, (first, second)
    return None


def _scaled(
    z: Array, first: int, second: int, cases: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame | None:
    out = {}
    limits = {
        "vcs_histo": (15, 36, 1.8),
        "cd_histo": (1200, 9000, 500),
        "vcs": (17, 34, 1.5),
        "cd": (1.5e4, 4e5, 2e4),
    }
    for name, (low, high, least) in limits.items():
        column = z[:, METRICS.index(name)]
        a, b = cases["ovarian"][name], cases["hcc"][name]
        sd = (a - b) / (column[first] - column[second])
        values = a + sd * (column - column[first])
        if sd < least or values.min() < low or values.max() > high:
            return None
        out[name] = values
    frame = pd.DataFrame(out)
    mice = np.arange(len(z)) < len(MICE)
    raw = z[:, METRICS.index("f_histo")]
    frame["f_histo"] = 0.75 + 0.06 * (raw - raw[mice].mean())  # mice: 0.75 on average, as printed
    for name, mean, sd in (("f", 0.50, 0.06), ("adc", 0.42, 0.09), ("k", 0.85, 0.25)):
        frame[name] = mean + sd * z[:, METRICS.index(name)]
    possible = (
        frame["f_histo"].between(0.4, 0.95).all()
        and (highest_area_ratio(frame) > 1.01).all()
        and (frame["cd"] > 1.02e9 * frame["f"] / frame["vcs"] ** 3).all()
        and 17.5 < frame.loc[mice, "vcs_histo"].mean() < 22.5
    )
    return frame if possible and frame["vcs"].mean() > frame["vcs_histo"].mean() else None


def highest_area_ratio(frame: pd.DataFrame) -> Array:
    """Area of a cell of the volume-weighted size over the mean area that density and fraction leave to a cell.

    Above 1 the cells of a section can differ in size by so much that both hold; below 1 nothing can.
    """
    size, density = frame["vcs_histo"] / SIZE_FACTOR, frame["cd_histo"] * DENSITY_FACTOR
    return (density * 1e-6 * np.pi / 4 * size**2 / frame["f_histo"]).to_numpy()


def simulate_cells(fraction: float, size: float, density: float, n: int = VOXELS) -> Array:
    """Diameters (µm, as outlined) of n cells of a section with this fraction, size (µm) and density (cells/mm²).

    Evenly spaced quantiles of a lognormal distribution; its spread is solved for. Size and density are given as the
    paper reports them, after its corrections of sectioning and shrinkage.

    Examples
    --------
    >>> d = simulate_cells(0.72, 23.41, 5.24e3)
    >>> round(1.503 * float((np.mean(d**7) / np.mean(d**3)) ** 0.25), 2)
    23.41
    """
    normal = stats.norm.ppf((np.arange(n) + 0.5) / n)

    def cells(spread: float) -> Array:
        raw = np.exp(spread * normal)
        return np.asarray(raw * size / SIZE_FACTOR / ((raw**7).mean() / (raw**3).mean()) ** 0.25)

    wanted = 1e6 * fraction / (density * DENSITY_FACTOR)
    spread = optimize.brentq(lambda s: np.mean(np.pi / 4 * cells(s) ** 2) / wanted - 1, 0.0, 2.0, xtol=1e-12)
    return cells(spread)


def simulate_voxels(fraction: float, size: float, density: float, n: int = VOXELS) -> Array:
    """Fitted sizes of n voxels whose mean is `size` and whose mean density is `density` (cells/mm³), within bounds.

    Evenly spaced quantiles of a beta distribution over the bounds; its concentration is solved for.

    Raises
    ------
    ValueError
        No spread within the bounds gives the density.

    Examples
    --------
    >>> v = simulate_voxels(0.5, 25.0, 2e5)
    >>> round(float(v.mean()), 3), round(float(np.mean(0.5e9 / v**3) / 1e5), 3), round(0.5e9 / 25.0**3 / 1e5, 3)
    (25.0, 2.0, 0.32)
    """
    levels, share = (np.arange(n) + 0.5) / n, (size - SMALLEST_UM) / (LARGEST_UM - SMALLEST_UM)

    def sizes(log_concentration: float) -> Array:
        c = np.exp(log_concentration)
        drawn = stats.beta.ppf(levels, share * c, (1 - share) * c)
        drawn = SMALLEST_UM + (LARGEST_UM - SMALLEST_UM) * drawn
        return np.clip(drawn + size - drawn.mean(), SMALLEST_UM, LARGEST_UM)

    def miss(log_concentration: float) -> float:
        return float(np.mean(1e9 * fraction / sizes(log_concentration) ** 3) / density - 1)

    if miss(6.0) > 0 or miss(-2.5) < 0:
        raise ValueError(
            f"A density of {density:.3g} must be possible for F {fraction:.2f} and size {size:.1f} µm."
        )
    return sizes(optimize.brentq(miss, -2.5, 6.0, xtol=1e-10))


def _table(
    values: pd.DataFrame, rows: tuple[int, int], strategy: str, rng: np.random.Generator
) -> pd.DataFrame:
    n, mice = len(values), len(MICE)
    out = pd.DataFrame({"case": [*MICE, *(f"P{i + 1:02d}" for i in range(n - mice))]})
    out["group"] = ["mouse"] * mice + ["human"] * (n - mice)
    out["scanner"] = ["9.4T"] * mice + ["1.5T" if i % 4 == 3 else "3T" for i in range(n - mice)]
    out["primary"] = _place_primaries(n, rows)
    out["ki67"] = np.nan
    out.loc[list(rows), "ki67"] = [0.197, 0.008]
    out[["f_histo", "vcs_histo"]] = values[["f_histo", "vcs_histo"]]
    out["cd_histo"] = [
        _section_density(*case) for case in values[["f_histo", "vcs_histo", "cd_histo"]].to_numpy()
    ]
    out[["adc", "k"]] = values[["adc", "k"]]
    if strategy == "high":
        out["f_diff_in"], out["vcs_diff_in"] = values["f"], values["vcs"]
        out["cd_diff_in"] = [
            float(np.mean(1e9 * f / simulate_voxels(f, v, d) ** 3)) for f, v, d in values[["f", "vcs", "cd"]].to_numpy()
        ]  # fmt: skip
    spread = values["cd"] / (values["f"] / values["vcs"] ** 3)
    for (which, model), (r_size, r_fraction, size_bias, fraction_bias) in OTHER_MODELS.items():
        if which == strategy:
            size = 2.6 * _with_correlation(r_size, values["vcs_histo"], values["vcs"], rng)
            fraction = 0.07 * _with_correlation(r_fraction, values["f_histo"], values["f"], rng)
            fraction = (0.72 + fraction_bias + fraction).clip(0.02, 0.98)
            size = (values["vcs_histo"].mean() + size_bias + size).clip(SMALLEST_UM, LARGEST_UM)
            out[f"f_{model}"], out[f"vcs_{model}"], out[f"cd_{model}"] = (
                fraction,
                size,
                fraction / size**3 * spread,
            )
    weights = VOTE_WEIGHTS[strategy]
    votes = rng.dirichlet(list(weights.values()), n)
    out[[f"votes_{model}" for model in weights]] = votes
    return out


def _section_density(fraction: float, size: float, density: float) -> float:
    """Density (cells/mm²) that the simulated cells of a section give, after the printed corrections."""
    cells = simulate_cells(fraction, size, density)
    return float(1e6 * fraction / np.mean(np.pi / 4 * cells**2) / DENSITY_FACTOR)


def _with_correlation(r: float, histology: pd.Series, like: pd.Series, rng: np.random.Generator) -> Array:
    """z-scores that correlate with histology by exactly r, and otherwise share half of Diff-in's own deviations."""
    h = ((histology - histology.mean()) / histology.std()).to_numpy()
    noise = ((like - like.mean()) / like.std()).to_numpy() + rng.standard_normal(len(h))
    noise = noise - noise.mean()
    noise -= h * (noise @ h) / (h @ h)
    return np.asarray(r * h + np.sqrt(1 - r * r) * noise / noise.std(ddof=1))


def _place_primaries(n: int, rows: tuple[int, int]) -> list[str]:
    """Primary cancers in the printed numbers; the two printed patients have theirs."""
    placed = dict(zip(rows, ("ovarian", "hcc"), strict=True))
    rest = [name for name, count in PRIMARIES.items() for _ in range(count - (name in placed.values()))]
    return [""] * len(MICE) + [placed.get(i) or rest.pop(0) for i in range(len(MICE), n)]


def check_cohort(
    cohort: Cohort, printed: Mapping[Pair, float], cases: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """Every printed statistic beside what the cohort has: columns statistic, printed, cohort."""
    table = cohort.high.rename(columns=lambda name: name.removesuffix("_diff_in"))
    rows = [(f"r({a}, {b})", r, float(table[a].corr(table[b]))) for (a, b), r in printed.items()]
    for name, values in cases.items():
        own = table[(table["primary"] == name) & table["ki67"].notna()].iloc[0]
        rows += [(f"{name} {metric}", value, float(own[metric])) for metric, value in values.items()]
    mice = table[table["group"] == "mouse"]
    rows += [(f"mice {m}", v, float(mice[m].mean())) for m, v in (("f_histo", 0.75), ("vcs_histo", 20.0))]
    return pd.DataFrame(rows, columns=["statistic", "printed", "cohort"])
