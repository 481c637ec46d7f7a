"""Tumours of the illustration cohort for grussu2025/06; its patients, and what is matched, are in `grussu_phenotype`.

Cell density is the mean over simulated voxels of F/vCS³, as in the paper: a density computed from the means of a
tumour would need fractions above one in the two tumours that are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from compendium.statistics.polynomials import GRUSSU_EQ_17, cross_validate_polynomial

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
KI67_ORDER = (
    "f_ki67", "vcs_mri_um", "vcs_histo_um", "cd_mri_per_mm3", "cd_histo_per_mm2", "adc_um2_ms", "kurtosis", "f_mri",
    "d0_um2_ms",
)  # fmt: skip
BETWEEN = {
    ("vcs_mri_um", "vcs_histo_um"): 0.44, ("cd_mri_per_mm3", "cd_histo_per_mm2"): 0.70,
    ("vcs_mri_um", "cd_mri_per_mm3"): -0.81, ("vcs_histo_um", "cd_histo_per_mm2"): -0.88,
    ("adc_um2_ms", "vcs_histo_um"): 0.49, ("adc_um2_ms", "cd_histo_per_mm2"): -0.47,
    ("kurtosis", "vcs_histo_um"): -0.31, ("kurtosis", "cd_histo_per_mm2"): 0.43,
}  # fmt: skip
"""Correlations between metrics as printed for 25 cases; a start for the 10 with Ki-67, whose own are not printed."""
CENTRE = {
    "adc_um2_ms": (1.20, 0.20), "kurtosis": (0.85, 0.15), "f_mri": (0.42, 0.08), "d0_um2_ms": (1.65, 0.30),
    "vcs_mri_um": (26.0, 2.5),
}  # fmt: skip
"""Mean and SD that are not printed and were chosen."""
LIMITS = {
    "f_mri": (0.05, 0.95), "d0_um2_ms": (0.8, 3.0), "vcs_mri_um": (8.0, 40.0), "adc_um2_ms": (0.3, 2.8)
}  # fmt: skip
SIZE_BOUNDS_UM = (8.0, 40.0)
SIZES = np.array(
    [9, 1, 1, 1, 11, 10, 9, 8, 8, 7, 6, 6, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2] + [1] * 10
)
"""Tumours of each of 38 patients, 140 in all; the second to the fourth have one primary cancer of the liver each."""
PRIMARY = (
    ["ovarian", "HCC", "HCC", "HCC", "ovarian"] + ["colon"] * 10 + ["rectal"] * 3 + ["melanoma"] * 8
    + ["breast"] * 4 + ["gastric"] * 4 + ["renal", "endometrial", "ureteral", "thyroid"]
)  # fmt: skip
WITH_KI67 = (0, 1, 2, 5, 6, 15, 16, 18, 19, 26)
"""Four colorectal cancers and two melanomas among them, as printed."""


@dataclass(frozen=True)
class Matched:
    """Correlations of the tumours with Ki-67, both by `KI67_ORDER`.

    Attributes
    ----------
    target : ndarray
        As asked for; NaN where nothing is printed.
    used : ndarray
        The nearest that is a correlation matrix and keeps those with Ki-67.
    """

    target: Array
    used: Array

    @property
    def largest_change(self) -> float:
        """Largest change of a printed correlation between metrics."""
        return float(np.nanmax(np.abs(self.target - self.used)))


def nearest_with_first_row(matrix: Array) -> Array:
    """Nearest correlation matrix that keeps the first row: the partial correlations are repaired, not the whole.

    Parameters
    ----------
    matrix : ndarray, shape (k, k)
        Symmetric with ones on the diagonal; every entry of the first row below one in size.

    Examples
    --------
    >>> fixed = nearest_with_first_row(np.array([[1, 0.8, 0.8], [0.8, 1, -0.5], [0.8, -0.5, 1.0]]))
    >>> fixed[0].tolist(), bool(np.linalg.eigvalsh(fixed)[0] > -1e-9), bool(fixed[1, 2] > 0.2)
    ([1.0, 0.8, 0.8], True, True)
    """
    r = matrix[0, 1:]
    scale = np.sqrt(1 - r**2)
    partial = (matrix[1:, 1:] - np.outer(r, r)) / np.outer(scale, scale)
    np.fill_diagonal(partial, 1.0)
    made = np.eye(len(matrix))
    made[0, 1:] = made[1:, 0] = r
    made[1:, 1:] = _nearest_correlation(partial, 0.02) * np.outer(scale, scale) + np.outer(r, r)
    np.fill_diagonal(made, 1.0)
    return made


def _nearest_correlation(matrix: Array, floor: float) -> Array:
    """Alternating projections with Dykstra's correction (Higham 2002), eigenvalues at least about `floor`."""
    found, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(500):
        values, vectors = np.linalg.eigh(found - correction)
        positive = (vectors * np.maximum(values, floor)) @ vectors.T
        correction += positive - found
        found = positive.copy()
        np.fill_diagonal(found, 1.0)
    return found


def ki67_correlations(printed: Mapping[str, float]) -> Matched:
    """Correlation matrix of the tumours with Ki-67, from those printed with Ki-67 and `BETWEEN`."""
    k = len(KI67_ORDER)
    target = np.full((k, k), np.nan)
    for (a, b), r in {**BETWEEN, **{("f_ki67", name): r for name, r in printed.items()}}.items():
        i, j = KI67_ORDER.index(a), KI67_ORDER.index(b)
        target[i, j] = target[j, i] = r
    start = np.where(np.isnan(target), 0.0, target)
    np.fill_diagonal(start, 1.0)
    return Matched(target, nearest_with_first_row(start))


def exact_sample(correlation: Array, n: int, rng: np.random.Generator) -> Array:
    """n rows whose sample correlations are exactly those given; columns have mean 0 and SD 1.

    Raises
    ------
    ValueError
        If there are not more rows than columns.

    Examples
    --------
    >>> x = exact_sample(np.array([[1, 0.5], [0.5, 1]]), 5, np.random.default_rng(1))
    >>> round(float(np.corrcoef(x.T)[0, 1]), 12)
    0.5
    """
    k = len(correlation)
    if n < k + 1:
        raise ValueError(f"{k} columns need at least {k + 1} rows. Given {n}.")
    draw = rng.standard_normal((n, k))
    q = np.linalg.qr(draw - draw.mean(axis=0))[0]
    return np.asarray(q @ np.linalg.cholesky(correlation).T * np.sqrt(n - 1))


def voxel_sizes(mean_um: float, inverse_cube: float, voxels: int = 400) -> Array:
    """Sizes of the voxels of a tumour, within the bounds of the fit, with a given mean and mean of 1/size³.

    Quantiles of a beta distribution between the bounds; no randomness.

    Raises
    ------
    ValueError
        If no such sizes exist.

    Examples
    --------
    >>> sizes = voxel_sizes(25.0, 3 / 25.0**3)
    >>> round(float(sizes.mean()), 3), round(float((1 / sizes**3).mean() * 25**3), 3)
    (25.0, 3.0)
    """
    low, high = SIZE_BOUNDS_UM
    share = (mean_um - low) / (high - low)
    level = (np.arange(voxels) + 0.5) / voxels

    def sizes(log_total: float) -> Array:
        total = np.exp(log_total)
        unit = special.betaincinv(share * total, (1 - share) * total, level)
        return np.asarray(low + (high - low) * np.clip(unit * (share / unit.mean()), 0, 1))

    def excess(log_total: float) -> float:
        return float((1 / sizes(log_total) ** 3).mean() - inverse_cube)

    if not 0 < share < 1 or excess(12.0) > 0 or excess(-1.0) < 0:
        given = f"a mean of {mean_um:g} µm, 1/size³ {inverse_cube:g}"
        raise ValueError(f"Sizes within {low:g} to {high:g} µm must admit the density. Given {given}.")
    return sizes(optimize.brentq(excess, -1.0, 12.0, xtol=1e-10))


def density(f: float, sizes_um: Array) -> float:
    """Cells per mm³: the mean over voxels of F/vCS³.

    Examples
    --------
    >>> round(density(0.5, np.array([20.0, 20.0])))
    62500
    """
    return float(f * np.mean(1 / sizes_um**3) * 1e9)


def draw_ki67(correlation: Array, printed: Mapping[str, tuple[float, float]], seed: int) -> pd.DataFrame:
    """Ten tumours with Ki-67: exact correlations, and two tumours with their printed values.

    Parameters
    ----------
    printed : metric → (value of the first tumour, value of the second).
    seed : draws are repeated from it until every value is plausible.

    Returns
    -------
    DataFrame, columns as `KI67_ORDER`; the first two rows are the printed tumours.

    Raises
    ------
    ValueError
        If no plausible draw is found.
    """
    rng = np.random.default_rng(seed)
    for _ in range(20_000):
        z = exact_sample(correlation, 10, rng)
        made = _scale_ki67(z[np.argsort(-z[:, 0])][[0, 9, *range(1, 9)]], printed)
        if made is not None:
            return made
    raise ValueError(
        f"A plausible draw must exist. Given correlations and tumours without one from seed {seed}."
    )


def _scale_ki67(z: Array, printed: Mapping[str, tuple[float, float]]) -> pd.DataFrame | None:
    columns = {}
    for name, column in zip(KI67_ORDER, z.T, strict=True):
        if name in printed:
            first, second = printed[name]
            scale = (first - second) / (column[0] - column[1])
            columns[name] = first + scale * (column - column[0])
            if scale <= 0 or columns[name].min() <= 0.25 * min(printed[name]):
                return None
        else:
            mean, sd = CENTRE[name]
            columns[name] = mean + sd * column
    made = pd.DataFrame(columns)
    plausible = all(made[c].between(*limits).all() for c, limits in LIMITS.items())
    return made if plausible and made["vcs_mri_um"].between(15, 36).all() and _densities_exist(made) else None


def _densities_exist(made: pd.DataFrame) -> bool:
    """Whether sizes within the bounds can have the mean size and the density of each tumour."""
    need = made["cd_mri_per_mm3"] / made["f_mri"] / 1e9
    low, high = SIZE_BOUNDS_UM
    share = (made["vcs_mri_um"] - low) / (high - low)
    most = (1 - share) / low**3 + share / high**3
    return bool(((need > 1.02 / made["vcs_mri_um"] ** 3) & (need < 0.6 * most)).all())


def draw_tumours(
    ki67: pd.DataFrame, volumes: tuple[float, float], with_volume: Mapping[str, float],
    predicted: tuple[float, float], folds: int, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """140 tumours of 38 patients; those with Ki-67 are ten of them.

    Parameters
    ----------
    ki67 : from `draw_ki67`.
    volumes : mm³ of its first two tumours.
    with_volume : metric → correlation with volume (mm³, not its logarithm), met exactly.
    predicted : correlation of predicted and observed log10 volume out of fold (eq. 17 as printed, folds of tumours),
        first of D0 and vCS, then of ADC and K; met as nearly as a strength of association can.

    Raises
    ------
    ValueError
        If the tumours with Ki-67, which are in place, do not admit a correlation with volume.
    """
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(38), SIZES)
    fixed = np.concatenate([[0], np.cumsum(SIZES)[:-1]])[list(WITH_KI67)]
    log_volume = _draw_log_volume(rng, code, fixed, volumes)
    z = {name: _clustered(rng, code, 0.3) for name in (*with_volume, "f_mri")}
    sign = np.where(rng.random(len(code)) < 0.5, -1.0, 1.0)
    seen = (log_volume - log_volume.mean()) / log_volume.std()
    volume = 10**log_volume

    def make(linear: float, curved: float) -> pd.DataFrame:
        push = {
            "d0_um2_ms": -linear * seen, "vcs_mri_um": linear * seen,
            "adc_um2_ms": curved * sign * np.clip(1.5 - seen, 0, None),
        }  # fmt: skip
        moved = {name: z[name] + push.get(name, 0.0) for name in z}
        return pd.DataFrame(
            {n: _fit_to_volume(n, v, volume, with_volume.get(n), fixed, ki67) for n, v in moved.items()}
        )

    def excess(frame: pd.DataFrame, x: str, y: str, aim: float) -> float:
        got = cross_validate_polynomial(
            log_volume,
            frame[x],
            frame[y],
            exponents=GRUSSU_EQ_17,
            groups=None,
            folds=folds,
            seed=seed,
            scale="none",
        )
        return got.r - aim

    own = _tune(lambda s: excess(make(s, 0.0), "d0_um2_ms", "vcs_mri_um", predicted[0]))
    dki = _tune(lambda s: excess(make(own, s), "adc_um2_ms", "kurtosis", predicted[1]))
    return _complete(make(own, dki), ki67, fixed, code, log_volume, rng)


def _complete(
    frame: pd.DataFrame,
    ki67: pd.DataFrame,
    fixed: Rows,
    code: Rows,
    log_volume: Array,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Densities from voxels, histology of the tumours with Ki-67, and labels."""
    size, spread = frame["vcs_mri_um"].clip(12, 36), rng.uniform(1.3, 3.0, len(frame))
    frame["cd_mri_per_mm3"] = [
        density(f, voxel_sizes(v, s / v**3)) for f, v, s in zip(frame["f_mri"], size, spread, strict=True)
    ]
    for name in ("vcs_histo_um", "cd_histo_per_mm2", "f_ki67", "f_histo"):
        frame[name] = np.nan
    shared = [c for c in KI67_ORDER if c in frame]
    frame.loc[fixed, shared] = ki67[shared].to_numpy()
    frame.loc[fixed, "f_histo"] = np.clip(0.68 + 0.08 * rng.standard_normal(len(fixed)), 0.3, 0.95)
    labels = {
        "tumour": [f"T{i + 1:03d}" for i in range(len(code))], "patient": [f"P{c + 1:02d}" for c in code],
        "primary": [PRIMARY[c] for c in code], "volume_mm3": 10**log_volume,
    }  # fmt: skip
    return pd.concat([pd.DataFrame(labels), frame], axis=1)


def _clustered(rng: np.random.Generator, code: Rows, icc: float) -> Array:
    shared, own = rng.standard_normal(int(code.max()) + 1)[code], rng.standard_normal(len(code))
    return np.asarray(np.sqrt(icc) * shared + np.sqrt(1 - icc) * own)


def _draw_log_volume(
    rng: np.random.Generator, code: Rows, fixed: Rows, volumes: tuple[float, float]
) -> Array:
    """log10 mm³ over 3.9 decades that end at the larger printed tumour."""
    z = _clustered(rng, code, 0.3)
    scaled = np.log10(max(volumes)) - 0.2 - 3.7 * (z.max() - z) / np.ptp(z)
    scaled[fixed[:2]] = np.log10(volumes)
    return np.asarray(scaled)


def _fit_to_volume(
    name: str, z: Array, volume: Array, r: float | None, fixed: Rows, ki67: pd.DataFrame
) -> Array:
    """Values of a metric with the fixed tumours in place and the asked correlation with volume."""
    mean, sd = CENTRE[name]
    z = (z - z.mean()) / z.std()
    pull = np.clip((volume - volume.mean()) / volume.std(), -1, 4)

    def values(c: float) -> Array:
        made = np.clip(mean + sd * (z + c * pull), *LIMITS.get(name, (-np.inf, np.inf)))
        made[fixed] = ki67[name]
        return np.asarray(made)

    if r is None:
        return values(0.0)

    def excess(c: float) -> float:
        return float(np.corrcoef(values(c), volume)[0, 1] - r)

    if excess(-6) > 0 or excess(6) < 0:
        raise ValueError(f"Tumours with Ki-67 must leave room for r = {r:g} of {name} with volume.")
    return values(optimize.brentq(excess, -6, 6, xtol=1e-12))


def _tune(excess: Callable[[float], float]) -> float:
    """Smallest strength at which the excess turns positive (grid, then root); the nearest of the grid if none does."""
    grid = np.linspace(0, 1.5, 16)
    found = [excess(s) for s in grid]
    for a, b, fa, fb in zip(grid[:-1], grid[1:], found[:-1], found[1:], strict=True):
        if fa < 0 <= fb:
            return float(optimize.brentq(excess, a, b, xtol=1e-4))
    return float(grid[int(np.argmin(np.abs(found)))])
