"""p, degrees of freedom, r, t, F, χ² and intervals from one another, as ranges.

Monotone relations are evaluated at the corners of the printed intervals. p falls with the statistic for
every df; where df is itself a range (Welch), all its corners and integers are tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, isinf, sqrt

import numpy as np
from scipy import stats

from compendium.evidence.feasibility.verdict import RangeLike, Verdict, as_floats, judge, meet

FloatRange = tuple[float, float]
KINDS = ("t", "z", "F", "chi2", "r")


def _absolute(value: RangeLike) -> FloatRange:
    low, high = as_floats(value)
    if low <= 0 <= high:
        return 0.0, max(-low, high)
    return min(abs(low), abs(high)), max(abs(low), abs(high))


def _trial_df(df: RangeLike) -> list[float]:
    low, high = as_floats(df)
    if not low > 0:
        raise ValueError(f"Degrees of freedom must be positive. Given {low:g}.")
    inner = range(ceil(low), min(floor(high), ceil(low) + 1000) + 1) if not isinf(high) else ()
    return sorted({low, high, *map(float, inner)})


def p_range(
    kind: str,
    statistic: RangeLike,
    df: RangeLike | tuple[RangeLike, RangeLike] | None = None,
    *,
    sides: int = 2,
) -> FloatRange:
    """Smallest and largest p that a printed statistic admits.

    Parameters
    ----------
    kind : {"t", "z", "F", "chi2", "r"}
    df : range; for F a pair of ranges; for r the number of pairs n (df = n − 2); None for z.
    sides : {1, 2}
        For t, z and r; one-sided p is taken in the direction observed.

    Examples
    --------
    >>> tuple(round(p, 4) for p in p_range("r", (0.405, 0.415), 34))
    (0.0147, 0.0175)
    """
    low, high = _absolute(statistic) if kind in ("t", "z", "r") else as_floats(statistic)
    factor = 1.0 if kind in ("F", "chi2") else float(sides)
    values = []
    for x in (low, high):
        values += [min(1.0, factor * p) for p in _tails(kind, x, df)]
    return min(values), max(values)


def _tails(kind: str, x: float, df: RangeLike | None) -> list[float]:
    if kind == "z":
        return [float(stats.norm.sf(x))]
    if kind == "F":
        first, second = df  # type: ignore[misc]
        return [float(stats.f.sf(x, a, b)) for a in _trial_df(first) for b in _trial_df(second)]
    if kind == "chi2":
        return [float(stats.chi2.sf(x, a)) for a in _trial_df(df)]
    if kind == "t":
        return [float(stats.t.sf(x, a)) for a in _trial_df(df)]
    if kind == "r":
        return [float(stats.t.sf(t_from_r(min(x, 1.0), n), n - 2)) for n in _trial_df(df)]
    raise ValueError(f"kind must be one of {', '.join(KINDS)}. Given {kind!r}.")


def t_from_r(r: float, n: float) -> float:
    """t = r √((n − 2)/(1 − r²)).

    Examples
    --------
    >>> round(t_from_r(0.5, 27), 4)
    2.8868
    """
    if not n > 2:
        raise ValueError(f"A correlation needs n above 2 to be tested. Given {n:g}.")
    return float("inf") if abs(r) >= 1 else r * sqrt((n - 2) / (1 - r * r))


def r_from_t(t: float, df: float) -> float:
    """r = t / √(t² + df).

    Examples
    --------
    >>> round(r_from_t(2.8868, 25), 4)
    0.5
    """
    return t / sqrt(t * t + df)


def statistic_range(
    kind: str, p: RangeLike, df: float | tuple[float, float] | None = None, *, sides: int = 2
) -> FloatRange:
    """Size of the statistic that a printed p admits (|t|, |z|, |r|, F or χ²).

    Examples
    --------
    >>> tuple(round(r, 3) for r in statistic_range("r", (0.0085, 0.0095), 33))     # nocera2025: p = .009
    (0.445, 0.451)
    """
    low, high = as_floats(p)
    found = [_isf(kind, min(max(value, 0.0), 1.0), df, sides) for value in (high, low)]
    return found[0], found[1]


def _isf(kind: str, p: float, df: float | tuple[float, float] | None, sides: int) -> float:
    if kind in ("F", "chi2"):
        return float(stats.f.isf(p, *df) if kind == "F" else stats.chi2.isf(p, df))  # type: ignore[misc]
    if kind == "z":
        return max(0.0, float(stats.norm.isf(p / sides)))
    if kind == "r":
        t = float(stats.t.isf(p / sides, df - 2))  # type: ignore[operator]
        return 1.0 if isinf(t) else max(0.0, r_from_t(t, df - 2))  # type: ignore[operator]
    if kind == "t":
        return max(0.0, float(stats.t.isf(p / sides, df)))
    raise ValueError(f"kind must be one of {', '.join(KINDS)}. Given {kind!r}.")


def check_p(kind: str, statistic: RangeLike, df: RangeLike | None, p: RangeLike) -> Verdict:
    """Printed p against the p of the printed statistic; `solutions` lists the sidedness that fits.

    Examples
    --------
    >>> check_p("t", (2.195, 2.205), 28, (0.0355, 0.0365)).solutions
    (2,)
    """
    printed = as_floats(p)
    tried = {s: p_range(kind, statistic, df, sides=s) for s in ((2, 1) if kind in ("t", "z", "r") else (1,))}
    fits = tuple(s for s, implied in tried.items() if meet(implied, printed)[0])
    best = tried[fits[0]] if fits else next(iter(tried.values()))
    assumptions = ["the statistic has its textbook null distribution", "no correction for several tests"]
    if kind == "r":
        assumptions.append("p by the t approximation, n pairs independent")
    verdict = judge(f"p from {kind}", best, printed, tuple(assumptions), solutions=fits)
    return verdict


def sizes_for_p(
    kind: str, statistic: RangeLike, p: RangeLike, candidates: Iterable[int], *, sides: int = 2
) -> Verdict:
    """Sample sizes (r) or degrees of freedom (t, χ²) among the candidates for which statistic and p fit.

    Examples
    --------
    >>> sizes_for_p("r", (0.195 ** 0.5, 0.205 ** 0.5), (0.0085, 0.0095), range(20, 67)).solutions
    (32, 33, 34)
    """
    tried = list(candidates)
    printed = as_floats(p)
    low, high = _p_limits(kind, statistic, tried, sides)
    fits = tuple(n for n, a, b in zip(tried, low, high, strict=True) if meet((a, b), printed)[0])
    what = "n" if kind == "r" else "df"
    return Verdict(
        bool(fits),
        f"{what} from {kind} and p",
        None,
        printed,
        fits,
        False,
        (f"{sides}-sided p", f"{what} between {min(tried)} and {max(tried)}", "observations independent"),
        f"{what} that fit: {_spans(fits) or 'none'}",
    )


def _spans(numbers: tuple[int, ...]) -> str:
    """Whole numbers in rising order as runs: (3, 4, 5, 9) → "3–5, 9"."""
    held = set(numbers)
    starts, ends = ([n for n in numbers if n + step not in held] for step in (-1, 1))
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in zip(starts, ends, strict=True))


def _p_limits(
    kind: str, statistic: RangeLike, sizes: list[int], sides: int
) -> tuple[list[float], list[float]]:
    """`p_range` of whole sizes (n for r, df for t and χ²), all at once."""
    if kind not in ("r", "t", "chi2"):
        raise ValueError(f"kind must be one of r, t, chi2. Given {kind!r}.")
    if min(sizes) < (3 if kind == "r" else 1):
        raise ValueError(f"Sizes start at {3 if kind == 'r' else 1}. Given {min(sizes)}.")
    n, ends = np.asarray(sizes, dtype=float), as_floats(statistic)
    if kind == "chi2":
        tails = [stats.chi2.sf(x, n) for x in ends]
    elif kind == "t":
        tails = [sides * stats.t.sf(x, n) for x in _absolute(ends)]
    else:
        size = [min(x, 1.0) for x in _absolute(ends)]
        t = [np.full(n.shape, np.inf) if x == 1 else x * np.sqrt((n - 2) / (1 - x * x)) for x in size]
        tails = [sides * stats.t.sf(x, n - 2) for x in t]
    return np.minimum(tails[1], 1.0).tolist(), np.minimum(tails[0], 1.0).tolist()


def standard_error_from_interval(
    lower: RangeLike, upper: RangeLike, *, confidence: float = 0.95, df: float | None = None
) -> FloatRange:
    """Standard error of a Wald interval: width / (2 · quantile); t quantile if `df` is given.

    Examples
    --------
    >>> tuple(round(s, 4) for s in standard_error_from_interval((0.9745, 0.9755), (0.9975, 0.9985)))
    (0.0056, 0.0061)
    """
    (a, b), (c, d) = as_floats(lower), as_floats(upper)
    tail = (1 - confidence) / 2
    quantile = float(stats.norm.isf(tail) if df is None else stats.t.isf(tail, df))
    return max(0.0, (c - b) / (2 * quantile)), (d - a) / (2 * quantile)


def check_interval_p(
    estimate: RangeLike,
    lower: RangeLike,
    upper: RangeLike,
    p: RangeLike,
    *,
    confidence: float = 0.95,
    df: float | None = None,
) -> Verdict:
    """Printed p against estimate and Wald interval (null value 0; give logarithms for ratios).

    Examples
    --------
    >>> check_interval_p((1.35, 1.45), (0.335, 0.375), (2.425, 2.435), (0.0085, 0.0095)).compatible
    True
    """
    low, high = standard_error_from_interval(lower, upper, confidence=confidence, df=df)
    a, b = _absolute(estimate)
    if low == 0:
        raise ValueError(
            f"The interval must have a width after rounding. Given a standard error from 0 to {high:g}."
        )
    ratio = (a / high, b / low)
    implied = p_range("z", ratio) if df is None else p_range("t", ratio, df)
    return judge(
        "p from estimate and interval",
        implied,
        as_floats(p),
        ("symmetric Wald interval", "two-sided p from the same standard error", "null value 0"),
    )
