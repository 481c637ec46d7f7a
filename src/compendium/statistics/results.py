"""What the statistics return: an estimate never travels without its n, interval and convention.

=============  ==========================================================================================
class          fields
=============  ==========================================================================================
`Interval`     ``estimate, lower, upper, confidence, method``
`TestResult`   ``statistic, p, df, n, method, alternative, estimate, interval`` (``df`` a number, a pair or
               None; ``interval`` an `Interval` or None)
`Correlation`  ``r, n, lower, upper, p, confidence, method, dropped``
=============  ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes
    ----------
    estimate, lower, upper : float
        In the unit of the estimate; proportions are fractions.
    confidence : float
        Confidence level as a fraction (0.95).
    method : str
        Convention by which the limits were computed.

    Examples
    --------
    >>> low, high = Interval(0.5, 0.2, 0.8, 0.95, "wilson")
    >>> 0.3 in Interval(0.5, 0.2, 0.8, 0.95, "wilson")
    True
    """

    estimate: float
    lower: float
    upper: float
    confidence: float
    method: str

    def __iter__(self) -> Iterator[float]:
        return iter((self.lower, self.upper))

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper


@dataclass(frozen=True)
class TestResult:
    """A hypothesis test.

    Attributes
    ----------
    statistic, p : float
    df : float, tuple of float or None
        Degrees of freedom; a pair for F; None where the reference distribution has none.
    n : int
        Observations (pairs, rows) that entered after incomplete ones were dropped.
    method, alternative : str
        Convention; ``"two-sided"``, ``"greater"`` or ``"less"``.
    estimate : float or None
        Effect tested, in its unit.
    interval : Interval or None
        Interval of the effect, where the method has one.
    """

    statistic: float
    p: float
    df: float | tuple[float, ...] | None
    n: int
    method: str
    alternative: str = "two-sided"
    estimate: float | None = None
    interval: Interval | None = None

    __test__ = False  # pytest collects classes named Test…; this is none of them


@dataclass(frozen=True)
class Correlation:
    """A correlation coefficient with its interval and p value.

    Attributes
    ----------
    r : float
    n : int
        Complete pairs.
    lower, upper : float
        NaN where the convention gives no interval (n = 3).
    p : float
        Two-sided.
    confidence : float
    method : str
        Coefficient, interval and p convention in words.
    dropped : int
        Incomplete pairs that were left out.
    """

    r: float
    n: int
    lower: float
    upper: float
    p: float
    confidence: float
    method: str
    dropped: int = 0
