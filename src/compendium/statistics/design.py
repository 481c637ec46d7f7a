"""Planning: power and precision when samples are nested in patients and biopsies miss their target.

Two corrections come before any formula. **Clustering**: m samples in a patient carry the information of
fewer; for a correlation of x and y the variance grows by 1 + (m − 1) · ICC_x · ICC_y (a difference of
patients' groups: ICC of y once). **Targeting**: a biopsy taken σ mm off the voxel it is paired with sees
another value; for a map whose autocorrelation is exp(−d²/2ℓ²) the expected correlation shrinks by (1 +
σ²/ℓ²)^(−3/2), σ per axis.

Formulas that libraries have are written so that they accept a fractional effective n. Sizes are in
`sample_size`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from compendium.base.validation import check_between, check_choice


@dataclass(frozen=True)
class StudyDesign:
    """Power and precision of one design.

    Attributes
    ----------
    patients : int
    samples : float
        Mean number of samples in a patient.
    effective_n : float
        Independent samples that carry the same information.
    design_effect, attenuation : float
    expected : float
        Effect after attenuation.
    power : float
    lower, upper : float
        Expected confidence limits of the attenuated effect.
    alpha, confidence : float
    method : str
    """

    patients: int
    samples: float
    effective_n: float
    design_effect: float
    attenuation: float
    expected: float
    power: float
    lower: float
    upper: float
    alpha: float
    confidence: float
    method: str


def effective_size(n: float, cluster_size: float, icc: float) -> float:
    """n / (1 + (m − 1)·icc), the effective number of samples (Kish 1965).

    For unequal clusters give ``cluster_size`` = Σm² / Σm.

    Examples
    --------
    >>> round(effective_size(66, 2.91, 0.5), 1)
    33.8
    """
    check_between(icc, 0, 1, "icc")
    check_between(cluster_size, 1, float("inf"), "cluster_size")
    return n / (1 + (cluster_size - 1) * icc)


def targeting_attenuation(error_mm: float, correlation_length_mm: float, *, error_is: str) -> float:
    """Factor by which a correlation shrinks when biopsies miss by an isotropic Gaussian error.

    Parameters
    ----------
    error_mm : float
    correlation_length_mm : float
        ℓ of the map's autocorrelation exp(−d²/2ℓ²).
    error_is : {"per axis", "rms distance", "mean distance"}
        What `error_mm` states. Papers print the distance: rms = σ√3, mean = σ√(8/π).

    Examples
    --------
    >>> round(targeting_attenuation(3.0, 5.0, error_is="rms distance"), 3)
    0.844
    """
    check_choice(error_is, ("per axis", "rms distance", "mean distance"), "error_is")
    if not error_mm >= 0 or not correlation_length_mm > 0:
        raise ValueError(
            f"Targeting needs error ≥ 0 and length > 0. Given {error_mm} and {correlation_length_mm} mm."
        )
    divisor = {"per axis": 1.0, "rms distance": np.sqrt(3), "mean distance": np.sqrt(8 / np.pi)}[error_is]
    return float((1 + (error_mm / divisor / correlation_length_mm) ** 2) ** -1.5)


def power_correlation(r: float, n: float, *, alpha: float = 0.05, alternative: str = "two-sided") -> float:
    """Power to find a correlation (Cohen 1988 with the bias term, as R's `pwr.r.test`); `n` may be
    fractional.

    Raises
    ------
    ValueError
        If |r| ≥ 1 or n < 4: the approximation has no meaning there.

    Examples
    --------
    >>> round(power_correlation(0.41, 34), 3)
    0.69
    """
    check_between(r, -1, 1, "r", open_ends=True)
    check_choice(alternative, ("two-sided", "greater"), "alternative")
    if not n >= 4:
        raise ValueError(f"Power of a correlation needs an effective n of at least 4. Given {n:g}.")
    if alternative == "two-sided":
        r, alpha = abs(r), alpha / 2
    t = stats.t.isf(alpha, n - 2)
    critical = np.arctanh(t / np.sqrt(t * t + n - 2))
    expected = np.arctanh(r) + r / (2 * (n - 1))
    power = stats.norm.sf((critical - expected) * np.sqrt(n - 3))
    if alternative == "two-sided":
        power += stats.norm.cdf((-critical - expected) * np.sqrt(n - 3))
    return float(power)


def plan_correlation(
    r: float,
    *,
    patients: int,
    samples: float,
    icc_x: float,
    icc_y: float,
    attenuation: float = 1.0,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> StudyDesign:
    """Power and precision of a pooled map–histology correlation.

    Parameters
    ----------
    r : float
        Correlation without targeting error.
    icc_x, icc_y : float
        Intraclass correlations of map and histology. Unknown: 1 for one of them is the safe choice.
    attenuation : float
        From `targeting_attenuation`.

    Examples
    --------
    >>> plan = plan_correlation(0.5, patients=13, samples=34 / 13, icc_x=0.5, icc_y=0.5, attenuation=0.84)
    >>> round(plan.effective_n, 1), round(plan.expected, 2), round(plan.power, 2)
    (24.2, 0.42, 0.56)
    """
    check_between(attenuation, 0, 1, "attenuation")
    for name, icc in (("icc_x", icc_x), ("icc_y", icc_y)):
        check_between(icc, 0, 1, name)
    n = effective_size(patients * samples, samples, icc_x * icc_y)
    expected = r * attenuation
    half = stats.norm.isf((1 - confidence) / 2) / np.sqrt(max(n - 3, 1e-9))
    low, high = np.tanh(np.arctanh(expected) - half), np.tanh(np.arctanh(expected) + half)
    return StudyDesign(
        patients,
        samples,
        n,
        patients * samples / n,
        attenuation,
        expected,
        power_correlation(expected, n, alpha=alpha),
        float(low),
        float(high),
        alpha,
        confidence,
        "correlation, Fisher z, design effect 1 + (m − 1)·ICC_x·ICC_y",
    )


def plan_difference(
    effect: float,
    *,
    patients: tuple[int, int],
    samples: float,
    icc: float,
    alpha: float = 0.05,
    confidence: float = 0.95,
) -> StudyDesign:
    """Power and precision of a difference between two groups of patients, `effect` in SD of single samples.

    Noncentral t with patients as the units: variance of a patient's mean is ICC + (1 − ICC)/m, df =
    patients − 2.

    Examples
    --------
    >>> plan = plan_difference(0.8, patients=(13, 14), samples=2.5, icc=0.3)
    >>> round(plan.power, 2), round(plan.design_effect, 2)
    (0.75, 1.45)
    """
    check_between(icc, 0, 1, "icc")
    check_between(samples, 1, float("inf"), "samples")
    first, second = patients
    if min(patients) < 2:
        raise ValueError(f"Each group needs at least two patients. Given {first} and {second}.")
    spread = np.sqrt(icc + (1 - icc) / samples)
    error = spread * np.sqrt(1 / first + 1 / second)
    df = first + second - 2
    critical = stats.t.isf(alpha / 2, df)
    power = float(stats.nct.sf(critical, df, effect / error) + stats.nct.cdf(-critical, df, effect / error))
    half = float(stats.t.isf((1 - confidence) / 2, df) * error)
    total = (first + second) * samples
    n = effective_size(total, samples, icc)
    return StudyDesign(
        first + second,
        samples,
        n,
        total / n,
        1.0,
        effect,
        power,
        effect - half,
        effect + half,
        alpha,
        confidence,
        "difference of patient means, noncentral t",
    )
