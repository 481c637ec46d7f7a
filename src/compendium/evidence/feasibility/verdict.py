"""What a feasibility check returns, and exact ranges made from printed intervals.

A range is a pair (lower, upper) of values that a printed number admits. Numbers are read as decimals, so
97.35 means 97.35 and not its binary neighbour; finite bounds are held as fractions and enumeration at a
rounding limit is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import isinf, isnan
from typing import Any

Number = int | float | Decimal | Fraction | str
Range = tuple[Fraction, Fraction]
RangeLike = Any  # a number, a pair (lower, upper), or anything with ``lower`` and ``upper`` (PrintedInterval)


@dataclass(frozen=True)
class Verdict:
    """One check of printed numbers against each other.

    Attributes
    ----------
    compatible : bool
        Some values inside all printed intervals satisfy the check, under the assumptions listed.
    check : str
        Name of the rule.
    implied : tuple of float or None
        What the other numbers imply, as (lower, upper).
    printed : tuple of float or None
        What the checked number admits.
    solutions : tuple
        The integers, splits or rules that fit, where the check enumerates them.
    touching : bool
        True if the numbers meet only at a rounding limit, so that the outcome depends on how a tie is
        rounded.
    assumptions : tuple of str
    note : str
        One line with the numbers.
    """

    compatible: bool
    check: str
    implied: tuple[float, float] | None = None
    printed: tuple[float, float] | None = None
    solutions: tuple[Any, ...] = ()
    touching: bool = False
    assumptions: tuple[str, ...] = ()
    note: str = ""


def as_fraction(value: Number) -> Fraction:
    """Exact fraction of a number read as a decimal.

    Examples
    --------
    >>> as_fraction(97.35) == Fraction(9735, 100)
    True
    """
    if isinstance(value, Fraction):
        return value
    if (isinstance(value, float) and (isinf(value) or isnan(value))) or (
        isinstance(value, Decimal) and not value.is_finite()
    ):
        raise ValueError(f"An exact range needs finite bounds. Given {value}.")
    return Fraction(value) if isinstance(value, (int, Decimal)) else Fraction(str(value))


def as_range(value: RangeLike) -> Range:
    """Exact (lower, upper) of a number, a pair, or an object with ``lower`` and ``upper``.

    Raises
    ------
    ValueError
        If a bound is infinite or the pair runs downwards.

    Examples
    --------
    >>> as_range((0.5, 1.5)), as_range(3)
    ((Fraction(1, 2), Fraction(3, 2)), (Fraction(3, 1), Fraction(3, 1)))
    """
    if hasattr(value, "lower") and not isinstance(value, str):
        value = (value.lower, value.upper)
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"A range is a pair (lower, upper). Given {len(value)} values.")
        low, high = as_fraction(value[0]), as_fraction(value[1])
    else:
        low = high = as_fraction(value)
    if low > high:
        raise ValueError(f"A range runs upwards. Given {float(low):g} to {float(high):g}.")
    return low, high


def as_floats(value: RangeLike) -> tuple[float, float]:
    """(lower, upper) as floats; infinite bounds allowed.

    Examples
    --------
    >>> as_floats((float("-inf"), 0.001))
    (-inf, 0.001)
    """
    if hasattr(value, "lower") and not isinstance(value, str):
        value = (value.lower, value.upper)
    low, high = value if isinstance(value, (tuple, list)) else (value, value)
    low, high = float(low), float(high)
    if not low <= high:
        raise ValueError(f"A range runs upwards. Given {low:g} to {high:g}.")
    return low, high


def meet(first: tuple[Any, Any], second: tuple[Any, Any]) -> tuple[bool, bool]:
    """Whether two closed ranges share a value, and whether they share one limit only.

    Examples
    --------
    >>> meet((0, 2), (1, 3)), meet((0, 1), (1, 3)), meet((0, 1), (2, 3))
    ((True, False), (True, True), (False, False))
    """
    low, high = max(first[0], second[0]), min(first[1], second[1])
    wide = first[0] < first[1] and second[0] < second[1]
    return bool(low <= high), bool(low == high and wide)


def judge(
    check: str,
    implied: tuple[Any, Any],
    printed: tuple[Any, Any],
    assumptions: tuple[str, ...],
    note: str = "",
    solutions: tuple[Any, ...] = (),
) -> Verdict:
    """Verdict on two ranges; a relative 1e-12 is forgiven where a bound was computed in floats.

    Examples
    --------
    >>> judge("sum", (1, 2), (2, 3), ("nothing is left out",)).touching
    True
    """
    low, high = implied
    if isinstance(low, float) or isinstance(high, float):
        slack = (
            1e-12 * max(abs(x) for x in (float(low), float(high)) if not isinf(x)) if not isinf(low) else 0.0
        )
        low, high = float(low) - slack, float(high) + slack
    shares, touching = meet((low, high), printed)
    shown = (float(implied[0]), float(implied[1])), (float(printed[0]), float(printed[1]))
    text = (
        note
        or f"implied {shown[0][0]:.6g} to {shown[0][1]:.6g}, printed {shown[1][0]:.6g} to {shown[1][1]:.6g}"
    )
    return Verdict(shares, check, *shown, solutions, touching, assumptions, text)
