"""Sample sizes for an AUROC (power or precision), for paired reads, and for a correlation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from compendium.base.validation import check_between, check_choice
from compendium.statistics.design import power_correlation


def auc_variance(auc: float, positives: float, negatives: float, *, method: str) -> float:
    """Planning variance of an AUROC.

    Parameters
    ----------
    method : {"obuchowski", "hanley-mcneil"}
        Binormal (Obuchowski 1994, what R's pROC plans with) or negative-exponential (Hanley and McNeil 1982).

    Examples
    --------
    >>> [round(auc_variance(0.8, 40, 60, method=m) ** 0.5, 4) for m in ("obuchowski", "hanley-mcneil")]
    [0.051, 0.0474]
    """
    check_between(auc, 0.5, 1, "auc")
    check_choice(method, ("obuchowski", "hanley-mcneil"), "method")
    if min(positives, negatives) <= 0:
        raise ValueError(f"Both groups need members. Given {positives} positives and {negatives} negatives.")
    if method == "obuchowski":
        a = 1.414 * stats.norm.ppf(auc)  # 1.414 as printed in the source and used by pROC
        return float(0.0099 * np.exp(-a * a / 2) * ((5 * a * a + 8) / positives + (a * a + 8) / negatives))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    first = (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return float((auc * (1 - auc) + first) / (positives * negatives))


@dataclass(frozen=True)
class SampleSize:
    """Smallest positives and negatives (or pairs, in `total`), and the power or precision reached."""

    positives: int
    negatives: int
    total: int
    achieved: float
    method: str


def size_for_auc(
    auc: float,
    *,
    ratio: float,
    power: float,
    alpha: float,
    sides: int,
    null: float = 0.5,
    method: str = "obuchowski",
) -> SampleSize:
    """Positives and negatives needed to show AUROC > `null`.

    Parameters
    ----------
    ratio : float
        Negatives per positive.
    sides : {1, 2}
        Of `alpha`; pROC's default is two.

    Examples
    --------
    >>> size_for_auc(0.8, ratio=1.0, power=0.9, alpha=0.05, sides=1)
    SampleSize(positives=14, negatives=14, total=28, achieved=0.9121, method='obuchowski, null 0.5, 1-sided')
    """
    check_choice(str(sides), ("1", "2"), "sides")
    check_between(power, 0, 1, "power", open_ends=True)
    if not auc > null:
        raise ValueError(f"auc must exceed the null value. Given {auc:g} and {null:g}.")
    z = stats.norm.isf(alpha / sides)

    def achieved(positives: float) -> float:
        spread_null = np.sqrt(auc_variance(null, positives, ratio * positives, method=method))
        spread = np.sqrt(auc_variance(auc, positives, ratio * positives, method=method))
        return float(stats.norm.cdf((auc - null - z * spread_null) / spread))

    n = _smallest(achieved, power)
    negatives = int(np.ceil(ratio * n - 1e-9))
    return SampleSize(
        n, negatives, n + negatives, round(achieved(n), 4), f"{method}, null {null:g}, {sides}-sided"
    )


def size_for_auc_precision(
    auc: float, *, ratio: float, half_width: float, confidence: float = 0.95, method: str = "obuchowski"
) -> SampleSize:
    """Positives and negatives so that the expected Wald half width is at most `half_width`.

    Examples
    --------
    >>> size_for_auc_precision(0.9, ratio=1.0, half_width=0.05).total
    212
    """
    check_between(half_width, 0, 0.5, "half_width", open_ends=True)
    z = stats.norm.isf((1 - confidence) / 2)

    def width(positives: float) -> float:
        return float(z * np.sqrt(auc_variance(auc, positives, ratio * positives, method=method)))

    n = _smallest(lambda m: -width(m), -half_width)
    negatives = int(np.ceil(ratio * n - 1e-9))
    return SampleSize(n, negatives, n + negatives, round(width(n), 5), f"{method}, Wald half width")


def power_paired_reads(pairs: int, gain: float, loss: float, *, alpha: float = 0.05) -> float:
    """Exact unconditional power of the two-sided exact McNemar test for two reads of the same examinations.

    Parameters
    ----------
    gain, loss : float
        Probabilities that only the new, or only the old read is right (discordant cells).

    Examples
    --------
    >>> round(power_paired_reads(50, 0.25, 0.05), 4)
    0.6993
    """
    discordant = gain + loss
    if not 0 < discordant <= 1 or min(gain, loss) < 0:
        raise ValueError(
            f"gain and loss must be probabilities with 0 < gain + loss ≤ 1. Given {gain:g} and {loss:g}."
        )
    power = 0.0
    for m in range(1, pairs + 1):
        weight = stats.binom.pmf(m, pairs, discordant)
        if weight < 1e-14:
            continue
        critical = int(stats.binom.ppf(alpha / 2, m, 0.5))
        while critical >= 0 and 2 * stats.binom.cdf(critical, m, 0.5) > alpha:
            critical -= 1
        if critical >= 0:
            share = gain / discordant
            power += weight * (
                stats.binom.cdf(critical, m, share) + stats.binom.sf(m - critical - 1, m, share)
            )
    return float(power)


def size_for_paired_reads(
    gain: float, loss: float, *, power: float, alpha: float = 0.05, design_effect: float = 1.0
) -> SampleSize:
    """Pairs for McNemar's test (Connor 1987), multiplied by the design effect of examinations within
    patients.

    `achieved` is the exact power at the uninflated size; Connor's formula has no continuity correction, so
    the exact test stays some points below the target.

    Examples
    --------
    >>> size_for_paired_reads(0.25, 0.05, power=0.8).total
    57
    """
    discordant, difference = gain + loss, gain - loss
    if difference == 0:
        raise ValueError(f"gain and loss must differ. Given {gain:g} twice.")
    upper, beta = stats.norm.isf(alpha / 2), stats.norm.ppf(power)
    root = upper * np.sqrt(discordant) + beta * np.sqrt(discordant - difference**2)
    n = int(np.ceil((root / difference) ** 2))
    achieved = round(power_paired_reads(n, gain, loss, alpha=alpha), 4)
    return SampleSize(0, 0, int(np.ceil(n * design_effect)), achieved, "Connor 1987")


def size_for_correlation(r: float, *, power: float, alpha: float = 0.05) -> float:
    """Independent samples needed to find `r`; multiply by the design effect for nested ones.

    Examples
    --------
    >>> round(size_for_correlation(0.41, power=0.8), 1)
    43.6
    """
    check_between(power, alpha, 1, "power", open_ends=True)
    if power_correlation(r, 4, alpha=alpha) >= power:
        return 4.0
    return float(optimize.brentq(lambda n: power_correlation(r, n, alpha=alpha) - power, 4, 1e9))


def _smallest(function: Callable[[float], float], target: float) -> int:
    """Smallest integer ≥ 2 at which an increasing function reaches the target."""
    high = 2
    while function(high) < target:
        high *= 2
        if high > 10**9:
            raise ValueError(f"No finite size reaches {abs(target):g}. Given {high} and more.")
    low = max(2, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if function(middle) >= target else (middle + 1, high)
    return low
