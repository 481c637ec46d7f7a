"""Means and standard deviations of whole numbers: GRIM and GRIMMER.

Sources: Brown and Heathers 2017, Soc Psychol Personal Sci 8:363 (GRIM); Anaya 2016, PeerJ Preprints 4:e2400
(GRIMMER), here with the attainable sums of squares and not their parity alone: two integers of sum 0 have
squares 0, 2, 8, never 4.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, isqrt, sqrt

from compendium.evidence.feasibility.verdict import RangeLike, Verdict, as_range

SMALLEST_EXACT = 5  # from five integers on, every sum of squares of the right parity above the minimum occurs
LARGEST_SPREAD = 120  # widest scale (high − low) on which five or more integers are enumerated
LARGEST_SEARCH = 2_000_000  # trial values when three or four integers are searched one by one


def integer_sums(mean: RangeLike, n: int, *, items: int = 1) -> tuple[int, ...]:
    """Sums of n·items integers whose mean lies in the printed interval.

    Examples
    --------
    >>> integer_sums((3.445, 3.455), 20), integer_sums((3.465, 3.475), 20)
    ((69,), ())
    """
    low, high = as_range(mean)
    total = n * items
    return tuple(range(ceil(low * total), int(high * total // 1) + 1))


def check_grim(mean: RangeLike, n: int, *, items: int = 1) -> Verdict:
    """Tell whether a mean of n integers (each a mean of `items` integer items) can be printed like this.

    Examples
    --------
    >>> check_grim((3.465, 3.475), 20).compatible
    False
    """
    sums = integer_sums(mean, n, items=items)
    shown = tuple(map(float, as_range(mean)))
    return Verdict(
        bool(sums),
        "GRIM",
        None,
        (shown[0], shown[1]),
        sums,
        False,
        ("values are whole numbers", f"n = {n} without missing values", f"{items} item(s) per value"),
        f"sums that fit: {', '.join(map(str, sums[:10])) or 'none'}",
    )


def check_grimmer(
    mean: RangeLike,
    sd: RangeLike,
    n: int,
    *,
    items: int = 1,
    ddof: int = 1,
    bounds: tuple[int, int] | None = None,
) -> Verdict:
    """Tell whether n integers can have this mean and this standard deviation (GRIMMER).

    Parameters
    ----------
    bounds : (low, high), optional
        Smallest and largest value of the scale.
    ddof : {0, 1}
        Denominator n − ddof of the variance.

    Returns
    -------
    Verdict
        ``solutions``: pairs (sum, sum of squares) of the n·items-scaled integers, at most one per sum.

    Examples
    --------
    >>> check_grimmer((3.445, 3.455), (1.175, 1.185), 20).compatible
    False
    >>> check_grimmer((2.5, 2.5), (0.70, 0.71), 2).solutions
    ((5, 13),)
    """
    if n - ddof < 1:
        raise ValueError(f"A standard deviation needs n − ddof ≥ 1. Given n={n}, ddof={ddof}.")
    low, high = as_range(sd)
    low = max(low, Fraction(0))
    scaled = None if bounds is None else (bounds[0] * items, bounds[1] * items)
    exact, found = True, []
    for total in integer_sums(mean, n, items=items):
        centre = Fraction(total * total, n)
        least, most = ((n - ddof) * (bound * items) ** 2 + centre for bound in (low, high))
        squares, enumerated = _squares_between(n, total, ceil(least), int(most // 1), scaled)
        exact &= enumerated
        if squares is not None:
            found.append((total, squares))
    assumptions = [
        "values are whole numbers",
        f"n = {n} without missing values",
        f"{items} item(s) per value",
        f"SD with denominator n − {ddof}",
    ]
    assumptions += [] if bounds is None else [f"values between {bounds[0]} and {bounds[1]}"]
    assumptions += [] if exact else ["parity and limits of the sum of squares only: too wide to enumerate"]
    shown = (float(low), float(high))
    return Verdict(
        bool(found),
        "GRIMMER",
        None,
        shown,
        tuple(found),
        False,
        tuple(assumptions),
        f"(sum, sum of squares) that fit: {', '.join(map(str, found[:5])) or 'none'}",
    )


def _squares_between(
    n: int, total: int, least: int, most: int, bounds: tuple[int, int] | None
) -> tuple[int | None, bool]:
    """A sum of squares in [least, most] that n integers of this total attain; whether that was enumerated."""
    quotient, rest = divmod(total, n)
    minimum = n * quotient * quotient + rest * (2 * quotient + 1)
    start = max(least, minimum)
    start += (start - total) % 2  # x² and x share their parity, and so do their sums
    if bounds is not None:
        most = min(most, _largest_squares(n, total, *bounds))
    if start > most:
        return None, True
    reach = ceil(sqrt((most - total * total / n) * (n - 1) / n)) + 1  # no value lies farther from the mean
    low, high = quotient - reach, quotient + reach + 1
    if bounds is not None:
        binding = bounds[0] > low or bounds[1] < high
        low, high = max(low, bounds[0]), min(high, bounds[1])
    if n < SMALLEST_EXACT:
        return _search_squares(n, total, range(start, most + 1, 2), low, high)
    if bounds is None or not binding:
        return start, True
    if high - low > LARGEST_SPREAD or n * (high - low) > 4000:
        return start, False
    shifted = total - n * quotient
    attained = _attained_squares(n, shifted, low - quotient, high - quotient)
    for value in range(start, most + 1, 2):
        inner = value - 2 * quotient * shifted - n * quotient * quotient  # sum of squares about the quotient
        if attained >> inner & 1:
            return value, True
    return None, True


def _largest_squares(n: int, total: int, low: int, high: int) -> int:
    """Largest sum of squares of n integers in [low, high] with this total: all but one at a bound; −1 if none."""
    if not n * low <= total <= n * high:
        return -1
    if high == low:
        return n * low * low
    at_top, rest = divmod(total - n * low, high - low)
    return (
        at_top * high * high + max(0, n - at_top - 1) * low * low + ((low + rest) ** 2 if at_top < n else 0)
    )


def _search_squares(n: int, total: int, squares: range, low: int, high: int) -> tuple[int | None, bool]:
    """First of these sums of squares that one to four integers in [low, high] of this total have."""
    if len(squares) * (high - low + 1) ** max(0, n - 2) > LARGEST_SEARCH:
        return squares[0], False
    return next((value for value in squares if _splits(n, total, value, low, high)), None), True


def _splits(n: int, total: int, squares: int, low: int, high: int) -> bool:
    """Tell whether n integers in [low, high] have this sum and this sum of squares."""
    if n == 1:
        return low <= total <= high and total * total == squares
    if n == 2:
        gap = 2 * squares - total * total  # the squared difference of the two
        if gap < 0 or isqrt(gap) ** 2 != gap or (total - isqrt(gap)) % 2:
            return False
        return low <= (total - isqrt(gap)) // 2 and (total + isqrt(gap)) // 2 <= high
    return any(_splits(n - 1, total - x, squares - x * x, low, high) for x in range(low, high + 1))


def _attained_squares(n: int, total: int, low: int, high: int) -> int:
    """Bit s is set if n integers in [low, high] with this total can have sum of squares s."""
    reach = {0: 1}
    for left in range(n - 1, -1, -1):
        step: dict[int, int] = {}
        for part, mask in reach.items():
            for value in range(low, high + 1):
                new = part + value
                if left * low <= total - new <= left * high:
                    step[new] = step.get(new, 0) | mask << value * value
        reach = step
    return reach.get(total, 0)
