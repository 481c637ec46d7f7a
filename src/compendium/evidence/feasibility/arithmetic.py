"""Interval arithmetic on printed digits: exact for + − × ÷ and squares, corners of a box for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product

import numpy as np

from compendium.evidence.feasibility.verdict import Range, RangeLike, as_floats, as_range


def add(*terms: RangeLike) -> Range:
    """Sum of ranges.

    Examples
    --------
    >>> tuple(map(float, add((0.5, 1.5), (1, 2), 10)))
    (11.5, 13.5)
    """
    ranges = [as_range(term) for term in terms]
    return sum((r[0] for r in ranges), Fraction(0)), sum((r[1] for r in ranges), Fraction(0))


def subtract(first: RangeLike, second: RangeLike) -> Range:
    """Difference of two unrelated ranges (the same number twice does not cancel).

    Examples
    --------
    >>> tuple(map(float, subtract((5, 6), (1, 2))))
    (3.0, 5.0)
    """
    (a, b), (c, d) = as_range(first), as_range(second)
    return a - d, b - c


def multiply(first: RangeLike, second: RangeLike) -> Range:
    """Product of two unrelated ranges.

    Examples
    --------
    >>> tuple(map(float, multiply((-1, 2), (3, 4))))
    (-4.0, 8.0)
    """
    values = [a * b for a in as_range(first) for b in as_range(second)]
    return min(values), max(values)


def divide(first: RangeLike, second: RangeLike) -> Range:
    """Quotient of two unrelated ranges.

    Raises
    ------
    ValueError
        If the divisor's range holds zero.

    Examples
    --------
    >>> tuple(map(float, divide((1, 2), (4, 5))))
    (0.2, 0.5)
    """
    low, high = as_range(second)
    if low <= 0 <= high:
        raise ValueError(f"A divisor's range must not hold zero. Given {float(low):g} to {float(high):g}.")
    return multiply(first, (1 / high, 1 / low))


def square(value: RangeLike) -> Range:
    """Square of a range (of one number: both factors are the same).

    Examples
    --------
    >>> tuple(map(float, square((-2, 3))))
    (0.0, 9.0)
    """
    low, high = as_range(value)
    largest = max(low * low, high * high)
    return (Fraction(0) if low <= 0 <= high else min(low * low, high * high)), largest


def range_over_box(
    function: Callable[..., float], boxes: Sequence[RangeLike], *, points: int = 2
) -> tuple[float, float]:
    """Smallest and largest value of a function over a box of ranges.

    Parameters
    ----------
    function : callable
        Of as many numbers as there are boxes.
    points : int
        Values per side. 2: corners, exact if the function is monotone in each argument. More: a grid, which
        can miss an extremum between its points and so gives a range that is too narrow, never too wide.

    Examples
    --------
    >>> range_over_box(lambda sd, mean: sd / mean, [(1, 2), (10, 20)])
    (0.05, 0.2)
    """
    sides = []
    for box in boxes:
        low, high = as_floats(box)
        sides.append([low] if low == high else np.linspace(low, high, max(points, 2)).tolist())
    values = [float(function(*corner)) for corner in product(*sides)]
    return min(values), max(values)
