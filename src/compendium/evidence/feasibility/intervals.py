"""Estimate, interval and p against each other: differences and ratios, normal and t quantiles.

A Wald interval has its estimate in the middle, on its own scale for differences and in logarithms for ratios. Estimate
and limits are therefore not free to vary each within its rounding: with middle m and half width h, all of m, m − h and
m + h lie inside what is printed. That is a polygon, and the ratio m/h, which decides p, is extreme at its corners.
"""

from __future__ import annotations

from itertools import combinations
from math import inf, log

import numpy as np
from scipy import special

from compendium.evidence.feasibility.verdict import RangeLike, Verdict, as_floats, judge, meet

SCALES = ("difference", "ratio")
TRIED_DF = (*range(1, 30), 35, 40, 50, 60, 80, 100, 150, 200, 400, inf)
SLACK = 1e-9
"""Relative play at a corner: limits and logarithms are floats."""
Triple = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


def interval_corners(
    estimate: RangeLike, lower: RangeLike, upper: RangeLike, *, scale: str = "difference"
) -> list[tuple[float, float]]:
    """Corners (m, h) of all middles and half widths that what is printed admits; none if the estimate is off the middle.

    Parameters
    ----------
    scale : "difference", or "ratio": everything in logarithms.

    Raises
    ------
    ValueError : unknown scale; a ratio whose values are not all above zero.

    Examples
    --------
    >>> corners = interval_corners((1.95, 2.05), (0.95, 1.05), (2.95, 3.05))
    >>> [round(f(h for _, h in corners), 2) for f in (min, max)]
    [0.95, 1.05]
    >>> interval_corners((2.45, 2.55), (0.95, 1.05), (2.95, 3.05))
    []
    """
    (e, f), (a, b), (c, d) = _on_scale(estimate, lower, upper, scale)
    sides = [(1, 0, f), (-1, 0, -e), (1, -1, b), (-1, 1, -a), (1, 1, d), (-1, -1, -c), (0, -1, 0.0)]
    size = SLACK * max(1e-300, *(abs(v) for v in (e, f, a, b, c, d) if np.isfinite(v)))
    found = []
    for (p, q, r), (s, t, u) in combinations(sides, 2):
        if determinant := p * t - q * s:
            m, h = (r * t - q * u) / determinant, (p * u - r * s) / determinant
            if np.isfinite(m) and np.isfinite(h) and all(x * m + y * h <= z + size for x, y, z in sides):
                found.append((m, max(h, 0.0)))
    return found


def _on_scale(estimate: RangeLike, lower: RangeLike, upper: RangeLike, scale: str) -> Triple:
    ranges = [as_floats(value) for value in (estimate, lower, upper)]
    if scale == "ratio":
        if any(high <= 0 for _, high in ranges):
            raise ValueError(f"Ratios and their limits are above zero. Given {ranges[0]} with {ranges[1:]}.")
        ranges = [(log(low) if low > 0 else -1e3, log(high)) for low, high in ranges]
    elif scale != "difference":
        raise ValueError(f"scale must be one of {', '.join(SCALES)}. Given {scale!r}.")
    return ranges[0], ranges[1], ranges[2]


def interval_scales(estimate: RangeLike, lower: RangeLike, upper: RangeLike) -> tuple[str, ...]:
    """Scales on which the estimate can be the middle of its interval.

    Examples
    --------
    >>> interval_scales((1.195, 1.205), (0.395, 0.405), (3.595, 3.605))
    ('ratio',)
    >>> interval_scales((2.95, 3.05), (0.95, 1.05), (4.95, 5.05)), interval_scales((1.5, 1.5), (0.9, 0.9), (1.6, 1.6))
    (('difference',), ())
    """
    positive = min(as_floats(v)[1] for v in (estimate, lower, upper)) > 0
    tried = SCALES if positive else SCALES[:1]
    return tuple(s for s in tried if interval_corners(estimate, lower, upper, scale=s))


def p_from_interval(
    corners: list[tuple[float, float]], *, confidence: float = 0.95, df: float = inf
) -> tuple[float, float]:
    """Smallest and largest two-sided p of no effect that the corners of an interval admit.

    Examples
    --------
    >>> [round(p, 3) for p in p_from_interval([(1.0, 1.0)])], [round(p, 3) for p in p_from_interval([(2.0, 1.0)], df=5)]
    ([0.05, 0.05], [0.004, 0.004])
    """
    tail = (1 - confidence) / 2
    quantile = -float(special.ndtri(tail) if df == inf else special.stdtrit(df, tail))
    sizes = [abs(m) / h if h > 0 else inf for m, h in corners]
    least = 0.0 if min(m for m, _ in corners) <= 0 <= max(m for m, _ in corners) else min(sizes)
    low, high = (
        2 * float(special.ndtr(-quantile * size) if df == inf else special.stdtr(df, -quantile * size))
        for size in (max(sizes), least)
    )
    return low, high


def check_centred(
    estimate: RangeLike, lower: RangeLike, upper: RangeLike, *, scales: tuple[str, ...] = SCALES
) -> Verdict:
    """Estimate against the middle of its interval; ``solutions`` lists the scales on which it is there.

    Examples
    --------
    >>> check_centred((1.35, 1.45), (0.335, 0.375), (2.425, 2.435)).solutions
    ('difference',)
    """
    fits = tuple(s for s in interval_scales(estimate, lower, upper) if s in scales)
    return Verdict(
        bool(fits),
        "estimate in the middle of its interval",
        None,
        None,
        fits,
        False,
        ("Wald interval: symmetric, for ratios in logarithms", "estimate and interval from one model"),
        f"in the middle as a {' or a '.join(fits)}"
        if fits
        else f"off the middle as a {' and as a '.join(scales)}",
    )


def check_centred_p(
    estimate: RangeLike,
    lower: RangeLike,
    upper: RangeLike,
    p: RangeLike,
    *,
    scales: tuple[str, ...] = SCALES,
    df: float | None = None,
    confidence: float = 0.95,
) -> Verdict:
    """Printed p against estimate and interval, on the scales on which the estimate is in the middle.

    Parameters
    ----------
    df : degrees of freedom of the t quantile, `inf` for the normal; None tries the normal and then t with any.

    Returns
    -------
    Verdict
        ``solutions``: pairs (scale, largest degrees of freedom that fit); infinity is the normal quantile.

    Raises
    ------
    ValueError : the estimate is not in the middle on any of the scales.

    Examples
    --------
    >>> check_centred_p((1.35, 1.45), (0.335, 0.375), (2.425, 2.435), (0.0085, 0.0095)).solutions
    (('difference', inf),)
    >>> check_centred_p((2.095, 2.105), (1.195, 1.205), (3.685, 3.695), (0.0085, 0.0105)).solutions
    (('ratio', inf),)
    """
    corners = {
        s: interval_corners(estimate, lower, upper, scale=s)
        for s in scales
        if _fits(estimate, lower, upper, s)
    }
    if not corners:
        raise ValueError(
            f"The estimate must be in the middle of its interval. Given {estimate}, {lower}, {upper}."
        )
    printed, fits = as_floats(p), []
    tried = [df] if df is not None else [inf, *TRIED_DF[-2::-1]]
    for scale, found in corners.items():
        allowed = tried if scale == "difference" or df is not None else [inf]
        fit = [v for v in allowed if meet(p_from_interval(found, confidence=confidence, df=v), printed)[0]]
        if fit:
            fits.append((scale, fit[0]))
    nearest = fits[0] if fits else (next(iter(corners)), tried[0])
    implied = p_from_interval(corners[nearest[0]], confidence=confidence, df=nearest[1])
    quantile = (
        "normal quantile" if nearest[1] == inf else f"t quantile with {nearest[1]:g} degrees of freedom"
    )
    note = f"{quantile}, as a {nearest[0]}: p between {implied[0]:.3g} and {implied[1]:.3g}"
    assumptions = (
        f"symmetric {100 * confidence:g} % Wald interval",
        "two-sided p from the same standard error",
    )
    verdict = judge(
        "p from estimate and interval", implied, printed, (*assumptions, "null value 0, of ratios 1"), note
    )
    return Verdict(**{**vars(verdict), "compatible": bool(fits), "solutions": tuple(fits)})


def _fits(estimate: RangeLike, lower: RangeLike, upper: RangeLike, scale: str) -> bool:
    return scale in interval_scales(estimate, lower, upper)
