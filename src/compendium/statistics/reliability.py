"""How well repeated measurements of a subject agree: intraclass correlations and test–retest measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from compendium.base.validation import check_between, check_choice, check_minimum, drop_incomplete
from compendium.statistics.results import Interval

Array = NDArray[np.float64]
FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


@dataclass(frozen=True)
class Repeatability:
    """Test–retest spread of a measurement.

    Attributes
    ----------
    sd : Interval
        Within-subject standard deviation, in the unit of the measurement; χ² limits.
    coefficient : Interval
        Repeatability coefficient, √2·z·sd: two measurements of an unchanged subject differ by less, with the
        stated probability.
    cv : float
        Within-subject coefficient of variation, a fraction.
    coefficient_percent : float
        √2·z·cv, in per cent.
    df, n_subjects, n, dropped : int
        ``df`` is the number of measurements less the number of subjects.
    method : str
    """

    sd: Interval
    coefficient: Interval
    cv: float
    coefficient_percent: float
    df: int
    n_subjects: int
    n: int
    dropped: int
    method: str


def intraclass_correlation(ratings: ArrayLike, form: str = "2,1", confidence: float = 0.95) -> Interval:
    """Intraclass correlation in one of the six forms of Shrout & Fleiss (1979).

    Parameters
    ----------
    ratings : array-like, shape (subjects, raters)
        Subjects with a missing rating are dropped.
    form : {"1,1", "2,1", "3,1", "1,k", "2,k", "3,k"}
        1: raters differ from subject to subject; 2: random raters, absolute agreement (A of McGraw & Wong);
        3: fixed raters, consistency (C). k: mean of the k raters. Negative values are reported as they are.
    confidence : float
        F limits; for form 2 with Satterthwaite's degrees of freedom.

    Raises
    ------
    ValueError
        With fewer than two complete subjects or raters, or ratings that are all equal.

    Examples
    --------
    >>> table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    >>> [round(intraclass_correlation(table, form).estimate, 2) for form in ("1,1", "2,1", "3,1")]
    [0.17, 0.29, 0.71]
    """
    check_choice(form, list(FORMS), "form")
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    values, dropped = _complete_table(ratings)
    n, k = values.shape
    rows, columns, error, inside = _mean_squares(values)
    alpha = (1 - confidence) / 2
    model, single = form[0], form.endswith("1")
    if model == "1":
        ratio, df = _quotient(rows, inside), (n - 1, n * (k - 1))
        limits = [
            _from_f(ratio / stats.f.isf(alpha, *df), k),
            _from_f(ratio * stats.f.isf(alpha, *df[::-1]), k),
        ]
        estimate = _from_f(ratio, k)
    elif model == "3":
        ratio, df = _quotient(rows, error), (n - 1, (n - 1) * (k - 1))
        limits = [
            _from_f(ratio / stats.f.isf(alpha, *df), k),
            _from_f(ratio * stats.f.isf(alpha, *df[::-1]), k),
        ]
        estimate = _from_f(ratio, k)
    else:
        estimate = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
        limits = _absolute_limits(estimate, rows, columns, error, n, k, alpha)
    if not single:  # Spearman–Brown: the same as Shrout & Fleiss' formulas for the mean of k
        estimate, *limits = (k * v / (1 + (k - 1) * v) for v in (estimate, *limits))
    name = f"ICC({form}), {n} subjects, {k} raters, {dropped} dropped"
    return Interval(float(estimate), float(limits[0]), float(limits[1]), confidence, name)


def icc_oneway(values: ArrayLike, cluster: ArrayLike, confidence: float = 0.95) -> Interval:
    """Intraclass correlation of samples in clusters of unequal size, by one-way analysis of variance.

    The size n₀ = (n − Σnᵢ²/n)/(K − 1) replaces the common size (Donner 1986); exact F limits for equal sizes,
    approximate otherwise. Negative values are not clipped.

    Examples
    --------
    >>> round(icc_oneway([1, 2, 5, 6, 9, 8], list("aabbcc")).estimate, 3)
    0.96
    """
    check_between(confidence, 0, 1, "confidence", open_ends=True)
    (x, label), _ = drop_incomplete(values=values, cluster=cluster, labels=["cluster"])
    _, code = np.unique(label.astype(str), return_inverse=True)
    size = np.bincount(code)
    k, n = len(size), len(x)
    check_minimum(k, 2, "clusters")
    check_minimum(n - k, 1, "repeated samples (samples less clusters)")
    means = np.bincount(code, x) / size
    within = float(np.sum((x - means[code]) ** 2)) / (n - k)
    between = float(size @ (means - x.mean()) ** 2) / (k - 1)
    typical = (n - float(size @ size) / n) / (k - 1)
    ratio = _quotient(between, within)
    alpha, df = (1 - confidence) / 2, (k - 1, n - k)
    low, high = ratio / stats.f.isf(alpha, *df), ratio * stats.f.isf(alpha, *df[::-1])
    name = f"one-way ANOVA, {k} clusters, n0 = {typical:.3g}"
    limits = (_from_f(float(low), typical), _from_f(float(high), typical))
    return Interval(_from_f(ratio, typical), *limits, confidence, name)


def repeatability(
    values: ArrayLike, subject: ArrayLike, cv: str = "rms", confidence: float = 0.95, coverage: float = 0.95
) -> Repeatability:
    """Within-subject SD, coefficient of variation and repeatability coefficient from repeated measurements.

    Parameters
    ----------
    values, subject : array-like, shape (n,)
        Two or more measurements of each subject; subjects with one are counted but carry no information.
    cv : {"rms", "log", "mean"}
        ``"rms"``: root mean square of each subject's SD/mean (weighted by freedom); ``"log"``: exp of
        the within-subject SD of logarithms, less 1; ``"mean"``: within-subject SD over the grand mean.
    coverage : float
        Probability of the repeatability coefficient (0.95 gives 2.77·sd).

    Raises
    ------
    ValueError
        Without repeated measurements, or for ``"rms"`` and ``"log"`` with values that are not positive.

    Examples
    --------
    >>> got = repeatability([10, 11, 20, 19, 31, 30], list("aabbcc"))
    >>> round(got.sd.estimate, 4), round(got.coefficient.estimate, 3), round(got.cv, 4)
    (0.7071, 1.96, 0.0461)
    """
    check_choice(cv, ["rms", "log", "mean"], "cv")
    for name, level in (("confidence", confidence), ("coverage", coverage)):
        check_between(level, 0, 1, name, open_ends=True)
    (x, label), dropped = drop_incomplete(values=values, subject=subject, labels=["subject"])
    _, code = np.unique(label.astype(str), return_inverse=True)
    size = np.bincount(code)
    df = len(x) - len(size)
    check_minimum(df, 1, "repeated measurements (measurements less subjects)")
    if cv != "mean" and x.min() <= 0:
        raise ValueError(f"values must be positive for the {cv} coefficient of variation. Given {x.min():g}.")
    sd = float(np.sqrt(_squares_within(x, code, size).sum() / df))
    variation = _variation(x, code, size, cv, sd, df)
    alpha = (1 - confidence) / 2
    low, high = sd * np.sqrt(df / stats.chi2.isf([alpha, 1 - alpha], df))
    factor = float(np.sqrt(2) * stats.norm.isf((1 - coverage) / 2))
    name = f"{len(size)} subjects, df {df}, χ² limits"
    return Repeatability(
        Interval(sd, float(low), float(high), confidence, name),
        Interval(factor * sd, factor * float(low), factor * float(high), confidence, name),
        variation, 100 * factor * variation, df, len(size), len(x), dropped,
        f"CV: {cv}; coverage {coverage:g}",
    )  # fmt: skip


def _variation(
    x: Array, code: NDArray[np.intp], size: NDArray[np.intp], cv: str, sd: float, df: int
) -> float:
    if cv == "mean":
        if x.mean() == 0:
            raise ValueError(
                "values must not have a mean of zero for a coefficient of variation. Given mean 0."
            )
        return sd / abs(float(x.mean()))
    if cv == "log":
        return float(np.expm1(np.sqrt(_squares_within(np.log(x), code, size).sum() / df)))
    mean = np.bincount(code, x) / size
    return float(np.sqrt(np.sum(_squares_within(x, code, size) / mean**2) / df))


def _squares_within(x: Array, code: NDArray[np.intp], size: NDArray[np.intp]) -> Array:
    """Per subject: sum of squared deviations from the subject's mean."""
    mean = np.bincount(code, x) / size
    return np.asarray(np.bincount(code, (x - mean[code]) ** 2), dtype=np.float64)


def _complete_table(ratings: ArrayLike) -> tuple[Array, int]:
    table = np.asarray(ratings, dtype=object)
    if table.ndim != 2:
        raise ValueError(
            f"ratings must have one row per subject and one column per rater. Given shape {table.shape}."
        )
    check_minimum(table.shape[1], 2, "raters")
    columns, dropped = drop_incomplete(**{f"rater {i + 1}": list(column) for i, column in enumerate(table.T)})
    values = np.stack(columns, axis=1)
    check_minimum(len(values), 2, "complete subjects")
    if values.max() == values.min():
        raise ValueError(f"ratings must vary. Given {values[0, 0]:g} throughout.")
    return values, dropped


def _mean_squares(values: Array) -> tuple[float, float, float, float]:
    """Mean squares of subjects, raters, residual (two-way), and within subjects (one-way)."""
    n, k = values.shape
    centred = values - values.mean()
    row, column = centred.mean(axis=1), centred.mean(axis=0)
    rest = centred - row[:, None] - column
    rows, columns = k * float(row @ row) / (n - 1), n * float(column @ column) / (k - 1)
    error = float(np.sum(rest**2)) / ((n - 1) * (k - 1))
    inside = float(np.sum((centred - row[:, None]) ** 2)) / (n * (k - 1))
    return rows, columns, error, inside


def _quotient(top: float, bottom: float) -> float:
    if bottom == 0:
        return float("inf") if top > 0 else float("nan")
    return top / bottom


def _from_f(ratio: float, k: float) -> float:
    return 1.0 if np.isinf(ratio) else float((ratio - 1) / (ratio + k - 1))


def _absolute_limits(
    icc: float, rows: float, columns: float, error: float, n: int, k: int, alpha: float
) -> list[float]:
    """Limits of ICC(2,1) with Satterthwaite's degrees of freedom (Shrout & Fleiss 1979)."""
    # raters that agree, up to the last digits of their means
    if max(error, columns) <= 1e-24 * rows or icc >= 1:
        return [1.0, 1.0]
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    v = (a * columns + b * error) ** 2 / (
        (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    )
    low, high = stats.f.isf(alpha, n - 1, v), stats.f.isf(alpha, v, n - 1)
    spread = k * columns + (k * n - k - n) * error
    lower = n * (rows - low * error) / (low * spread + n * rows)
    upper = n * (high * rows - error) / (spread + n * high * rows)
    return [float(lower), float(upper)]
