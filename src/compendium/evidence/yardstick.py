"""What a printed number admits, and whether a computed interval can be reconciled with it.

Arithmetic on printed strings is decimal, so that "97.35" is exactly 97.35. Intervals are closed on both sides because
papers do not say how they round ties.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from compendium.io.messages import show_name

_NUMBER = re.compile(r"(?=[+-]?\.?\d)[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
MAX_LENGTH = 60
_BOUNDS = {"<": "<", ">": ">", "≤": "<=", "≥": ">=", "<=": "<=", ">=": ">="}
FLOAT_SLACK = 1e-12
"""Relative width by which a computed number may miss a bound: binary arithmetic on decimal ties, nothing else."""


@dataclass(frozen=True)
class PrintedInterval:
    """The values that a printed string admits: from `lower` to `upper`, open where the string says so."""

    text: str
    lower: Decimal
    upper: Decimal
    lower_open: bool = False
    upper_open: bool = False

    @property
    def width(self) -> float:
        """Width of the interval; infinite for one-sided statements."""
        return float(self.upper - self.lower)

    @property
    def centre(self) -> float:
        """Midpoint, or the finite bound of a one-sided statement."""
        if not self.lower.is_finite():
            return float(self.upper)
        return float(self.lower if not self.upper.is_finite() else (self.lower + self.upper) / 2)

    def bounds(self) -> tuple[float, float]:
        """Return both bounds as floats."""
        return float(self.lower), float(self.upper)

    def overlaps(self, low: float, high: float) -> bool:
        """Tell whether the closed interval [low, high] shares a value with this one, up to `FLOAT_SLACK`."""
        slack = FLOAT_SLACK * max(abs(low), abs(high), 1e-300)
        lower, upper = self.bounds()
        above = high > lower if self.lower_open else high + slack >= lower
        below = low < upper if self.upper_open else low - slack <= upper
        return above and below

    def __str__(self) -> str:
        if not self.lower.is_finite():
            return f"{'<' if self.upper_open else '≤'} {self.upper:f}"
        if not self.upper.is_finite():
            return f"{'>' if self.lower_open else '≥'} {self.lower:f}"
        return f"{self.lower:f}" if self.lower == self.upper else f"[{self.lower:f}, {self.upper:f}]"


def parse_printed(text: str, exact: bool = False, half_unit: float | str | None = None) -> PrintedInterval:
    """Read a printed number as the interval of values that would be printed like it.

    Parameters
    ----------
    text : the number as printed, without its unit: "97.4", "−0.37", "2,003", ".05", "<.001", "≥ 1", "41–353", "97.4 %".
    exact : a count or nominal value: the interval has no width.
    half_unit : half a unit of the last meaningful digit, where it is not half a unit of the last digit printed
        ("850 patients" rounded to tens: 5).

    Returns
    -------
    PrintedInterval. A range "a–b" runs from the lowest value that rounds to a to the highest that rounds to b.
    "<a" admits everything below a; the bound itself is not rounded.

    Raises
    ------
    ValueError : the text is not a printed number.

    Examples
    --------
    >>> print(parse_printed("97.4"))
    [97.35, 97.45]
    >>> print(parse_printed("283", exact=True), parse_printed("<.001"), parse_printed("850", half_unit=5))
    283 < 0.001 [845, 855]
    >>> parse_printed("about ten")
    Traceback (most recent call last):
    ...
    ValueError: A printed number has digits, an optional sign, bound or range. Given "about ten".
    """
    bound, body = _split_bound(_normalise(text))
    if bound:
        value, _ = _read_number(body, text)
        return _one_sided(text, bound, value)
    low_text, high_text = _split_range(body)
    low, low_half = _read_number(low_text, text)
    high, high_half = _read_number(high_text, text)
    if low > high:
        raise ValueError(f'A printed range runs upwards. Given "{text}".')
    if exact:
        low_half = high_half = Decimal(0)
    elif half_unit is not None:
        low_half = high_half = _positive_half_unit(half_unit)
    return PrintedInterval(text, low - low_half, high + high_half)


def _positive_half_unit(half_unit: float | str) -> Decimal:
    value = Decimal(str(half_unit))
    if not value.is_finite() or value < 0:
        raise ValueError(f"Half a unit is a number of at least 0. Given {half_unit}.")
    return value


def _normalise(text: str) -> str:
    plain = str(text).replace("−", "-").replace("‐", "-").replace("\u00a0", " ").replace("·", ".")
    return plain.strip().removesuffix("%").removesuffix("-fold").strip()


def _split_bound(body: str) -> tuple[str | None, str]:
    match = re.match(r"(<=|>=|[<>≤≥])\s*", body)
    return (_BOUNDS[match[1]], body[match.end() :]) if match else (None, body.lstrip("~≈").strip())


def _split_range(body: str) -> tuple[str, str]:
    parts = re.split(r"\s*(?:–|—|\bto\b|\.\.)\s*|(?<=\d)\s*-\s*(?=[\d.])", body)
    return (parts[0], parts[1]) if len(parts) == 2 else (body, body)


def _read_number(body: str, text: str) -> tuple[Decimal, Decimal]:
    """Return the value and half a unit of its last printed digit."""
    if len(body) > MAX_LENGTH or not _NUMBER.fullmatch(body):
        given = show_name(str(text), MAX_LENGTH)
        raise ValueError(f'A printed number has digits, an optional sign, bound or range. Given "{given}".')
    value = Decimal(body.replace(",", ""))
    exponent = value.as_tuple().exponent
    return value, Decimal(5).scaleb(int(exponent) - 1)


def _one_sided(text: str, bound: str, value: Decimal) -> PrintedInterval:
    infinite = Decimal("Infinity")
    if bound.startswith("<"):
        return PrintedInterval(text, -infinite, value, True, bound == "<")
    return PrintedInterval(text, value, infinite, bound == ">", True)


@dataclass(frozen=True)
class Judgement:
    """How a printed interval and a computed one meet.

    `agrees` is None when the comparison could not have failed. `overlap` is the shared width as a share of the narrower
    of the two (1 when the narrower lies inside the other), `gap` the distance between them when they do not meet.
    """

    agrees: bool | None
    overlap: float
    gap: float
    reason: str


def judge(
    printed: PrintedInterval, low: float, high: float, admissible: tuple[float, float] | None = None
) -> Judgement:
    """Compare a computed interval with what a printed number admits.

    Parameters
    ----------
    printed : what the printed string admits.
    low, high : the computed interval, ends included; equal for a single value.
    admissible : values the quantity can take before anything is known, for example (0, 100) for a percentage. When the
        printed or the computed interval covers all of them the comparison could not have failed.

    Returns
    -------
    Judgement

    Examples
    --------
    >>> judge(parse_printed("97.4"), 97.393, 97.393).agrees
    True
    >>> judge(parse_printed("97.4"), 90.0, 91.0).gap > 6
    True
    >>> judge(parse_printed("97.4"), 0, 100, admissible=(0, 100)).agrees is None
    True
    """
    if math.isnan(low) or math.isnan(high):
        return Judgement(None, 0.0, math.nan, "the computation gives no value")
    if low > high:
        raise ValueError(f"A computed interval runs upwards. Given ({low}, {high}).")
    least, most = printed.bounds()
    floor, ceiling = admissible or (-math.inf, math.inf)
    if low <= floor and high >= ceiling:
        return Judgement(None, 1.0, 0.0, "the computed interval covers every value the quantity can take")
    if least <= floor and most >= ceiling:
        return Judgement(None, 1.0, 0.0, "what is printed admits every value the quantity can take")
    if printed.overlaps(low, high):
        return Judgement(True, _overlap_share(least, most, low, high), 0.0, "the intervals overlap")
    return Judgement(False, 0.0, max(least - high, low - most, 0.0), "the intervals do not meet")


def _overlap_share(least: float, most: float, low: float, high: float) -> float:
    shared = max(0.0, min(most, high) - max(least, low))
    narrower = min(most - least, high - low)
    return min(1.0, shared / narrower) if narrower > 0 else 1.0
