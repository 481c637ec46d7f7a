"""A study of several readings of the same cases: paired cells, patients resampled, and what could change the answer.

Cells of two readings are counted with the condition present and absent; a `Pair` holds both. What a study leaves open
(clustering that is not reported, finds that nothing confirmed, cases that were not analysed) is bounded or varied here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.statistics.confusion import ConfusionCounts
from compendium.statistics.reads import mcnemar_exact

Array = NDArray[np.float64]
METRICS = ("sensitivity", "specificity", "accuracy")


@dataclass(frozen=True)
class Cells:
    """Cases of one stratum by what two readings say: both positive, only the first, only the second, neither."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def n(self) -> int:
        """All cases of the stratum that have both readings."""
        return self.both + self.first_only + self.second_only + self.neither


@dataclass(frozen=True)
class Pair:
    """Two readings of the same cases, with the condition present and absent."""

    present: Cells
    absent: Cells

    @property
    def agreement(self) -> float:
        """Share of cases on which the readings agree; not-a-number without cases."""
        n = self.present.n + self.absent.n
        same = sum(s.both + s.neither for s in (self.present, self.absent))
        return same / n if n else float("nan")

    def right_only(self, metric: str) -> tuple[int, int, int]:
        """Return the cases that only the first and only the second reading judges rightly, and all cases.

        Parameters
        ----------
        metric : "sensitivity" (condition present), "specificity" (absent) or "accuracy" (both).

        Examples
        --------
        >>> Pair(Cells(277, 6, 57, 1), Cells(3, 2, 1, 75)).right_only("accuracy")
        (7, 59, 422)
        """
        found = (self.present.first_only, self.present.second_only, self.present.n)
        cleared = (self.absent.second_only, self.absent.first_only, self.absent.n)
        if metric not in METRICS:
            raise ValueError(f'A metric is one of {", ".join(METRICS)}. Given "{metric}".')
        if metric == "accuracy":
            return found[0] + cleared[0], found[1] + cleared[1], found[2] + cleared[2]
        return found if metric == "sensitivity" else cleared


def count_pair(reference: ArrayLike, first: ArrayLike, second: ArrayLike) -> Pair:
    """Count the paired cells of two readings; cases without either of them are left out.

    Parameters
    ----------
    reference, first, second : array-like of 0/1, shape (n,); missing readings as not-a-number.

    Examples
    --------
    >>> count_pair([1, 1, 1, 0], [1, 0, 1, 0], [1, 1, float("nan"), 0]).present
    Cells(both=1, first_only=0, second_only=1, neither=0)
    """
    truth, x, y = (np.asarray(v, dtype=float) for v in (reference, first, second))
    read = np.isfinite(x) & np.isfinite(y)
    strata = [_count_cells(x[read & (truth == code)] == 1, y[read & (truth == code)] == 1) for code in (1, 0)]
    return Pair(*strata)


def _count_cells(x: NDArray[np.bool_], y: NDArray[np.bool_]) -> Cells:
    return Cells(*(int(c.sum()) for c in (x & y, x & ~y, ~x & y, ~x & ~y)))


def mcnemar_at_design_effect(first: int, second: int, factor: float) -> float:
    """Return McNemar's two-sided p by the normal approximation with the variance inflated by a design effect.

    1 without any discordant case. With the largest possible factor it is what clustering can do at most.

    Examples
    --------
    >>> f"{mcnemar_at_design_effect(6, 57, 1.0):.1e}"
    '1.3e-10'
    """
    if factor < 1:
        raise ValueError(f"A design effect for a bound is at least 1. Given {factor:g}.")
    z = abs(second - first) / np.sqrt((first + second) * factor) if first + second else 0.0
    return float(2 * stats.norm.sf(z))


def mcnemar_with_fewest_clusters(
    first: float, second: float, first_clusters: float, second_clusters: float
) -> float:
    """Return the largest two-sided p of a clustered McNemar test when only the numbers of clusters are known.

    The discordant cases of each kind are split over their clusters as unevenly as possible, no cluster holding both kinds;
    the variance of their difference is then the sum of squared cluster totals (Obuchowski 1998 without its K/(K−1)).

    Parameters
    ----------
    first, second : cases that only the first and only the second reading judges rightly.
    first_clusters, second_clusters : clusters that these cases come from.

    Examples
    --------
    >>> f"{mcnemar_with_fewest_clusters(6, 57, 6, 57):.1e}", f"{mcnemar_with_fewest_clusters(6, 57, 6, 55):.1e}"
    ('1.3e-10', '8.3e-10')
    """
    sizes = [(first, first_clusters), (second, second_clusters)]
    squares = sum(float((most_uneven_sizes(k, n) ** 2).sum()) for n, k in sizes if n)
    return float(2 * stats.norm.sf(abs(second - first) / np.sqrt(squares))) if squares else 1.0


def stretch_limit(estimate: float, limit: float, factor: float, bound: float = np.inf) -> float:
    """Return a limit moved away from the estimate by the root of a design effect, within ±bound.

    Examples
    --------
    >>> stretch_limit(0.5, 0.25, factor=4)
    0.0
    """
    return float(np.clip(estimate + (limit - estimate) * np.sqrt(factor), -bound, bound))


def wilson_limits(p: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[Array, Array]:
    """Return Wilson's limits of proportions, also for an effective n that is not whole.

    Source: Wilson (1927). For whole counts it equals `proportion_interval(..., method="wilson")`.

    Examples
    --------
    >>> [round(float(limit), 3) for limit in wilson_limits(0.5, 42.5)]
    [0.356, 0.644]
    """
    p, n = np.asarray(p, dtype=float), np.asarray(n, dtype=float)
    z = stats.norm.isf((1 - confidence) / 2)
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.clip((centre - half) / (1 + z**2 / n), 0, 1), np.clip((centre + half) / (1 + z**2 / n), 0, 1)


def most_uneven_sizes(clusters: float, total: float) -> Array:
    """Return the most uneven split of cases over clusters: every one has a case, the rest fall to a single one.

    Examples
    --------
    >>> most_uneven_sizes(3, 7)
    array([1., 1., 5.])
    """
    clusters, total = max(round(clusters), 1), round(total)
    return np.r_[np.ones(clusters - 1), max(total - clusters + 1, 1)]


def wilson_coverage(
    sizes: ArrayLike, icc: float, truth: float, confidence: float, seed: int, repeats: int = 4000
) -> float:
    """Return how often Wilson's interval contains a planted proportion when cases come in clusters.

    Parameters
    ----------
    sizes : cases per cluster; at most 300 of them, evenly spaced by size, are simulated.
    icc : correlation of two cases of one cluster, 0 to 1 (beta-binomial).
    truth, confidence : the planted proportion and the confidence that is promised.
    seed, repeats : of the simulation.

    Examples
    --------
    >>> wilson_coverage([4] * 25, 0.0, 0.5, 0.95, seed=1) > wilson_coverage([4] * 25, 0.6, 0.5, 0.95, seed=1)
    True
    """
    rng = np.random.default_rng([seed, round(1000 * icc)])
    size = np.sort(np.asarray(sizes, dtype=float))
    size = size[np.linspace(0, size.size - 1, min(size.size, 300)).astype(int)].astype(int)
    shape = (repeats, size.size)
    if icc in (0, 1):
        p = np.full(shape, truth) if icc == 0 else (rng.random(shape) < truth).astype(float)
    else:
        p = rng.beta(truth * (1 / icc - 1), (1 - truth) * (1 / icc - 1), shape)
    low, high = wilson_limits(rng.binomial(size, p).sum(axis=1) / size.sum(), size.sum(), confidence)
    return float(np.mean((low <= truth) & (truth <= high)))


def recount(pair: Pair, k: float) -> Pair:
    """Return the pair after k finds that the better reading alone made are recounted as cases without the condition.

    The better reading is the one with more finds of its own; at most all of them can be recounted.

    Examples
    --------
    >>> recount(Pair(Cells(9, 1, 4, 0), Cells(0, 0, 0, 5)), 3).absent
    Cells(both=0, first_only=0, second_only=3, neither=5)
    """
    better = "second_only" if pair.present.second_only >= pair.present.first_only else "first_only"
    moved = min(round(k), getattr(pair.present, better))
    present = replace(pair.present, **{better: getattr(pair.present, better) - moved})
    return Pair(present, replace(pair.absent, **{better: getattr(pair.absent, better) + moved}))


def recounted_accuracies(pair: Pair, k: float) -> tuple[float, float, float]:
    """Return the accuracies of both readings and McNemar's exact p after `recount(pair, k)`.

    Examples
    --------
    >>> [round(value, 3) for value in recounted_accuracies(Pair(Cells(9, 1, 4, 0), Cells(0, 0, 0, 5)), 0)]
    [0.789, 0.947, 0.375]
    """
    after = recount(pair, k)
    first, second, n = after.right_only("accuracy")
    both = after.present.both + after.absent.neither
    p = mcnemar_exact(first, second).p
    return ((both + first) / n, (both + second) / n, p) if n else (float("nan"), float("nan"), p)


def tipping_point(pair: Pair, most: float, alpha: float) -> float:
    """Return the fewest recounted finds, up to `most`, at which McNemar's exact p reaches alpha; else not-a-number.

    Examples
    --------
    >>> tipping_point(Pair(Cells(9, 0, 8, 0), Cells(0, 0, 0, 5)), most=8, alpha=0.05)
    1.0
    """
    ks = (k for k in range(round(most) + 1) if recounted_accuracies(pair, k)[2] >= alpha)
    return float(next(ks, float("nan")))


def with_unread_rest(counts: ConfusionCounts, rest: float, hidden: float) -> dict[str, float]:
    """Return metrics when further cases were all read negative and a share of them hides the condition.

    Parameters
    ----------
    counts : the cases that were analysed.
    rest : how many were not.
    hidden : share of the rest that has the condition, 0 to 1.

    Examples
    --------
    >>> with_unread_rest(ConfusionCounts(8, 1, 2, 9), rest=10, hidden=0.2)["sensitivity"]
    0.6666666666666666
    """
    fn, tn = counts.fn + rest * hidden, counts.tn + rest * (1 - hidden)
    return {
        "sensitivity": counts.tp / (counts.tp + fn),
        "specificity": tn / (tn + counts.fp),
        "accuracy": (counts.tp + tn) / (counts.n + rest),
    }


def resample_readings(
    reference: ArrayLike,
    reads: Mapping[str, ArrayLike],
    patient: ArrayLike,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Return percentile limits of all metrics and paired differences when patients are drawn with replacement.

    Patients are drawn across both strata, each with all its cases: the number with the condition varies too.

    Parameters
    ----------
    reference : array-like of 0/1, shape (n,).
    reads : readings by name, each array-like of 0/1, shape (n,); missing as not-a-number.
    patient : cluster labels, shape (n,).
    resamples, seed, confidence : of the bootstrap.

    Returns
    -------
    dict of (lower, upper) in percent, keys `<read>.<metric>` and `<first>-vs-<second>.<metric>` (second minus first, in
    points); not-a-number where no resample has a value, or all have the same one: a reading that is never wrong in the
    table, or a single patient, leaves nothing from which resampling could tell how far off the truth may be.

    Examples
    --------
    >>> limits = resample_readings([1, 1, 0, 0], {"a": [1, 0, 0, 0]}, list("pqrs"), resamples=200, seed=1)
    >>> limits["a.accuracy"], limits["a.specificity"]
    ((25.0, 100.0), (nan, nan))
    """
    said = {name: np.asarray(values, dtype=float) for name, values in reads.items()}
    names, sums = _sums_by_patient(np.asarray(reference) == 1, said, patient)
    with np.errstate(invalid="ignore", divide="ignore"):
        totals = _draw_totals(sums, resamples, seed)
        drawn = _metrics_of(dict(zip(names, totals.T, strict=True)), list(said))
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    return {name: _limits(100 * v[np.isfinite(v)], tails) for name, v in drawn.items()}


def _limits(drawn: Array, tails: list[float]) -> tuple[float, float]:
    """Percentiles of what was drawn; not-a-number where nothing varies."""
    if not drawn.size or np.ptp(drawn) <= 1e-9:
        return float("nan"), float("nan")
    low, high = np.percentile(drawn, tails)
    return float(low), float(high)


def _sums_by_patient(
    present: NDArray[np.bool_], said: Mapping[str, Array], patient: ArrayLike
) -> tuple[list[tuple[str, ...]], Array]:
    cells: dict[tuple[str, ...], NDArray[np.bool_]] = {}
    for r, x in said.items():
        cells |= {(r, "tp"): present & (x == 1), (r, "fn"): present & (x == 0)}
        cells |= {(r, "fp"): ~present & (x == 1), (r, "tn"): ~present & (x == 0)}
    for a, b in combinations(said, 2):
        x, y = said[a], said[b]
        for name, stratum in (("present", present), ("absent", ~present)):
            cells[a, b, name, "first"] = stratum & (x == 1) & (y == 0)
            cells[a, b, name, "second"] = stratum & (x == 0) & (y == 1)
            cells[a, b, name, "n"] = stratum & np.isfinite(x) & np.isfinite(y)
    codes, _ = pd.factorize(np.asarray(patient))
    return list(cells), np.stack([np.bincount(codes, cell) for cell in cells.values()], axis=1)


def _draw_totals(sums: Array, resamples: int, seed: int, block: int = 100) -> Array:
    rng, k, totals = np.random.default_rng(seed), len(sums), []
    for first in range(0, resamples, block):
        rows = min(block, resamples - first)
        drawn = rng.integers(0, k, (rows, k)) + k * np.arange(rows)[:, None]
        totals.append(np.bincount(drawn.ravel(), minlength=rows * k).reshape(rows, k) @ sums)
    return np.concatenate(totals)


def _metrics_of(cells: Mapping[tuple[str, ...], Array], reads: Sequence[str]) -> dict[str, Array]:
    out: dict[str, Array] = {}
    for r in reads:
        tp, fp, fn, tn = (cells[r, c] for c in ("tp", "fp", "fn", "tn"))
        out |= {f"{r}.sensitivity": tp / (tp + fn), f"{r}.specificity": tn / (tn + fp)}
        out |= {f"{r}.precision": tp / (tp + fp), f"{r}.npv": tn / (tn + fn)}
        out |= {f"{r}.accuracy": (tp + tn) / (tp + fp + fn + tn), f"{r}.f1": 2 * tp / (2 * tp + fp + fn)}
    for a, b in combinations(reads, 2):
        found, cleared = (
            sign * (cells[a, b, s, "second"] - cells[a, b, s, "first"])
            for s, sign in (("present", 1), ("absent", -1))
        )
        n = {s: cells[a, b, s, "n"] for s in ("present", "absent")}
        out |= {
            f"{a}-vs-{b}.sensitivity": found / n["present"],
            f"{a}-vs-{b}.specificity": cleared / n["absent"],
        }
        out[f"{a}-vs-{b}.accuracy"] = (found + cleared) / (n["present"] + n["absent"])
    return out
