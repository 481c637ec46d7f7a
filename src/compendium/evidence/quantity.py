"""Numbers that know where they come from: printed roots, what was derived from them, and the interval that follows.

A `Quantity` is a node of a computation. Roots are printed claims (with the interval their digits admit) or data; derived
nodes hold the function and the sources they were computed from, so that the rounding box of all printed roots can be
propagated through the whole chain at once. Propagating step by step would forget that two steps share a root.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize
from scipy.stats import qmc

from compendium.evidence.labels import weakest

MAX_CORNER_ROOTS = 8
"""Up to this many uncertain roots every corner of the rounding box is evaluated (256 evaluations)."""
INTERIOR_POINTS = 64
SEARCH_STARTS = 3


@dataclass(frozen=True, eq=False)
class Quantity:
    """A value with its history.

    Attributes
    ----------
    name : result name, claim id or input name.
    value : number, array or table.
    evidence : label derived from the sources (`compendium.evidence.labels`).
    roots : the printed roots of the whole history by claim id, each a root `Quantity`.
    box : for a root, the (lower, upper) that its printed digits admit; None for anything else.
    function, sources : how a derived quantity is computed; None and () for roots and data.
    """

    name: str
    value: Any
    evidence: str
    unit: str = ""
    box: tuple[float, float] | None = None
    function: Callable[..., Any] | None = None
    sources: tuple["Quantity", ...] = ()
    roots: Mapping[str, "Quantity"] = field(default_factory=dict)
    data: frozenset[str] = frozenset()
    interval: tuple[float, float] | None = None

    def __repr__(self) -> str:
        shown = f"{self.value:.6g}" if is_number(self.value) else type(self.value).__name__
        return (
            f"{self.name} = {shown} {'' if self.unit == '1' else self.unit}".rstrip() + f" [{self.evidence}]"
        )

    @property
    def uses(self) -> list[str]:
        """Ids of the printed claims and data sets in this quantity's history, sorted."""
        return sorted(set(self.roots) | self.data)

    def evaluate(self, assignment: Mapping[str, float], cache: dict[int, Any] | None = None) -> Any:
        """Recompute this quantity with some printed roots set to other values."""
        cache = {} if cache is None else cache
        if id(self) not in cache:
            if self.function is None:
                cache[id(self)] = assignment.get(self.name, self.value)
            elif not any(root in assignment for root in self.roots):
                cache[id(self)] = self.value
            else:
                cache[id(self)] = self.function(*[s.evaluate(assignment, cache) for s in self.sources])
        return cache[id(self)]


def printed_root(claim_id: str, value: float, box: tuple[float, float], unit: str = "") -> Quantity:
    """Return a printed number as a root. Its evidence is "internal": what follows from it is internal consistency."""
    root = Quantity(claim_id, value, "internal", unit, box=box, interval=box)
    object.__setattr__(root, "roots", {claim_id: root})
    return root


def data_root(name: str, value: Any, evidence: str) -> Quantity:
    """Return data (a user's table, an authors' table, a simulation) as a root with the label that it carries."""
    return Quantity(name, value, evidence, data=frozenset({name}))


def derive(
    name: str, function: Callable[..., Any], sources: tuple[Quantity, ...], unit: str = "", probe: bool = True
) -> Quantity:
    """Compute `function(*values)` and derive evidence, uses and interval from the sources.

    Parameters
    ----------
    name, unit : of the new quantity.
    function : takes the sources' values in order; returns a number, an array or a table; must be pure.
    sources : the quantities it is computed from.
    probe : change each printed root a little and see whether the value moves. A function that ignores all its sources
        was not computed from them, and its evidence is "none". False for costly functions.

    Returns
    -------
    Quantity. Its `interval` is the range over the rounding box of all printed roots, None without such roots or for
    values that are not numbers.

    Examples
    --------
    >>> tp, fn = printed_root("tp", 283, (283, 283)), printed_root("fn", 58, (58, 58))
    >>> q = derive("sensitivity", lambda a, b: 100 * a / (a + b), (tp, fn), "%")
    >>> round(q.value, 1), q.uses, q.evidence
    (83.0, ['fn', 'tp'], 'internal')
    >>> derive("typed", lambda a: 83.0, (tp,)).evidence
    'none'
    """
    roots: dict[str, Quantity] = {}
    for source in sources:
        roots.update(source.roots)
    value = function(*[s.value for s in sources])
    data = frozenset().union(*[s.data for s in sources])
    evidence = weakest([s.evidence for s in sources])
    made = Quantity(name, value, evidence, unit, None, function, sources, roots, data)
    if probe and roots and not data and not any(_moves(made, root) for root in roots.values()):
        object.__setattr__(made, "evidence", "none")
    if roots and is_number(value):
        object.__setattr__(made, "interval", propagate(made))
    return made


def is_number(value: Any) -> bool:
    """Tell whether a value is a plain real number."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, (bool, np.bool_)
    )


def _moves(quantity: Quantity, root: Quantity) -> bool:
    value = float(root.value)
    for other in (value + 1, value - 1, 1.5 * value, 0.5 * value):
        if other == value:
            continue
        try:
            moved = quantity.evaluate({root.name: other})
        except (ValueError, ArithmeticError, IndexError, KeyError):
            return True
        if not _same(moved, quantity.value):
            return True
    return False


def _same(a: Any, b: Any) -> bool:
    if is_number(a) and is_number(b):
        return bool(a == b) or (np.isnan(a) and np.isnan(b))
    if hasattr(a, "equals"):
        return bool(a.equals(b))
    try:
        return bool(np.array_equal(np.asarray(a), np.asarray(b)))
    except (TypeError, ValueError):
        return a is b


def propagate(quantity: Quantity) -> tuple[float, float]:
    """Return the range of a number over the rounding box of its printed roots.

    Every corner is evaluated for up to `MAX_CORNER_ROOTS` uncertain roots, otherwise the corners that the signs of the
    one-at-a-time changes point to, and a fixed set of interior points. Unless all corners agree on the direction of every
    root and no interior point lies beyond them, bounded searches start from the best points. A one-sided root ("<.001")
    bounds nothing: the range is unbounded.
    """
    uncertain = [
        (r.name, r.box) for r in quantity.roots.values() if r.box is not None and r.box[0] < r.box[1]
    ]
    if not uncertain:
        return float(quantity.value), float(quantity.value)
    names = [name for name, _ in uncertain]
    low, high = (np.array([box[i] for _, box in uncertain]) for i in (0, 1))
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        return -np.inf, np.inf

    def at(point: np.ndarray) -> float:
        return float(quantity.evaluate(dict(zip(names, map(float, point), strict=True))))

    centre = np.array([float(quantity.roots[name].value) for name in names])
    corners = _corners(at, centre, low, high)
    interior = qmc.scale(qmc.Sobol(len(names), scramble=False).random(INTERIOR_POINTS)[1:], low, high)
    points = np.vstack([centre, corners, interior])
    values = np.array([at(p) for p in points])
    if _is_monotone(values[1 : len(corners) + 1], len(names)) and _corners_hold(values, len(corners)):
        return float(values.min()), float(values.max())
    return _search(at, points, values, low, high, 1.0), _search(at, points, values, low, high, -1.0)


def _corners(
    at: Callable[[np.ndarray], float], centre: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    if len(centre) <= MAX_CORNER_ROOTS:
        return np.array(
            [np.where(pick, high, low) for pick in itertools.product([False, True], repeat=len(centre))]
        )
    rises = np.empty(len(centre), dtype=bool)
    for i in range(len(centre)):
        down, up = centre.copy(), centre.copy()
        down[i], up[i] = low[i], high[i]
        rises[i] = at(up) >= at(down)
    return np.array([np.where(rises, high, low), np.where(rises, low, high)])


def _is_monotone(corners: np.ndarray, roots: int) -> bool:
    """Tell whether all corners agree on the direction in which each root moves the value."""
    if len(corners) != 2**roots:
        return False
    cube = corners.reshape((2,) * roots)
    steps = [np.diff(cube, axis=axis) for axis in range(roots)]
    return all(bool((step > 0).all() or (step < 0).all()) for step in steps)


def _corners_hold(values: np.ndarray, corners: int) -> bool:
    """Tell whether no other point lies beyond the corners."""
    found, rest = values[1 : corners + 1], np.delete(values, slice(1, corners + 1))
    return bool(found.min() <= rest.min() and rest.max() <= found.max())


def _search(
    at: Callable[[np.ndarray], float],
    points: np.ndarray,
    values: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    sign: float,
) -> float:
    """Return the lowest (sign 1) or highest (sign -1) value found by bounded searches from the best points."""
    starts = points[np.argsort(sign * values, kind="stable")[:SEARCH_STARTS]]
    bounds = list(zip(low, high, strict=True))
    found = [optimize.minimize(lambda p: sign * at(p), start, bounds=bounds).fun for start in starts]
    return sign * min(*map(float, found), float((sign * values).min()))
