"""Velocity of blood from line scans: the slope of the streaks that cells leave in a kymograph.

Rows are repeats of the line (time), columns its pixels (distance). The streaks are found by shearing: every row is
shifted by velocity × time, and where the shift is right the columns become constant along time. The score is the share
of variance that then lies between columns, less what noise alone would give.

Two traps decide the result more than the method. Standing blood has streaks parallel to time, which least-squares PIV
and structure tensors turn into mm/s: the *static* share is tested first. And a window in which cells cross less than the
line carries no slope: each window needs |v|·T of at least the line's length.

Pixel size and line period have no default. schroers2026 prints a line of 128 pixels of 1.1838 µm (151.5 µm) that is
10.6066 µm long, and its macro sets 0.1657 µm (21.2 µm): every velocity scales with the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.compiled import compiled
from compendium.base.validation import check_between

Array = NDArray[np.floating[Any]]
ENOUGH_CROSSINGS = (
    3.0  # of the line per window; with one or two, errors of 40 % occur where a single cell is in view
)


@dataclass(frozen=True)
class Window:
    """One stretch of time.

    Attributes
    ----------
    start_ms, length_ms : float
    velocity_um_s : float
        Signed, positive towards higher columns; 0 when stopped, NaN when no slope stands out.
    score : float
        Excess share of variance that the best shear explains, 0 (noise) to 1.
    static : float
        The same for no shear at all.
    state : str
        "moving", "stalled", "unclear", or "short" (cells move, but cross less than the line in the window).
    """

    start_ms: float
    length_ms: float
    velocity_um_s: float
    score: float
    static: float
    state: str


@dataclass(frozen=True)
class Flow:
    """Velocity of a line scan.

    Attributes
    ----------
    velocity_um_s : float
        Median of the moving windows, signed; 0 when stalled; NaN when unclear.
    spread_um_s : float
        Half the interquartile range over moving windows; NaN with fewer than two.
    state : str
        "moving", "stalled" or "unclear": what most windows are.
    windows : tuple of Window
    pixel_um, line_ms : float
    """

    velocity_um_s: float
    spread_um_s: float
    state: str
    windows: tuple[Window, ...]
    pixel_um: float
    line_ms: float


def measure_velocity(
    kymograph: ArrayLike,
    *,
    pixel_um: float,
    line_ms: float,
    window_ms: float | None = None,
    range_um_s: tuple[float, float] = (100.0, 20_000.0),
    stall_share: float = 0.5,
    least_score: float = 0.02,
) -> Flow:
    """Velocity and state of blood in a line scan, window by window.

    Parameters
    ----------
    kymograph : array-like, shape (time, distance)
    pixel_um, line_ms : float
        Pixel size along the line and time from one line to the next.
    window_ms : float, optional
        Length of a window; the last, shorter rest is left out. By default a tenth of the scan, then a quarter, then all
        of it, until cells cross the line `ENOUGH_CROSSINGS` times in a window: one cell alone misleads on a short line.
    range_um_s : (float, float)
        Slowest and fastest speed searched, both directions; an answer within some 8 % of either end is none.
    stall_share : float
        A window whose variance between columns (without any shear) exceeds this share of what signal there is counts
        as stalled, unless a shear explains clearly more.
    least_score : float
        Below it, or below what noise reaches by chance in so small a window, a window is "unclear".

    Raises
    ------
    ValueError
        Without variance, with missing values, or a scale that is not positive.

    Examples
    --------
    >>> from numpy.random import default_rng
    >>> track = default_rng(1).normal(size=4000)
    >>> t, x = np.arange(600)[:, None], np.arange(128)
    >>> image = np.interp(x - 2.5 * t + 2000, np.arange(4000), track)
    >>> flow = measure_velocity(image, pixel_um=0.5, line_ms=0.5)
    >>> flow.state, round(flow.velocity_um_s, -1)
    ('moving', 2500.0)
    """
    image = _as_kymograph(kymograph)
    slowest, fastest = range_um_s
    for value, name in ((pixel_um, "pixel_um"), (line_ms, "line_ms")):
        check_between(value, 1e-9, 1e9, name)
    if not 0 < slowest < fastest < np.inf:
        raise ValueError(f"range_um_s must be two rising positive numbers. Given {range_um_s}.")
    check_between(stall_share, 0, 1, "stall_share", open_ends=True)
    scale = pixel_um / line_ms * 1000  # µm/s of one pixel per line
    lengths = [len(image) / k for k in (10, 4, 1)] if window_ms is None else [window_ms / line_ms]
    tried = []
    for wanted in lengths:
        rows = min(max(round(wanted), 8), len(image))
        windows = tuple(
            _measure(
                image[start : start + rows], start, scale, line_ms, range_um_s, (stall_share, least_score)
            )
            for start in range(0, len(image) - rows + 1, rows)
        )
        tried.append(_summarise(windows, pixel_um, line_ms))
        if _crossings(tried[-1], image.shape[1] * pixel_um) >= ENOUGH_CROSSINGS:
            break
    if tried[-1].state == "moving":
        return tried[-1]
    return next(flow for flow in tried if flow.state == tried[-1].state)  # more windows say more


def _crossings(flow: Flow, line_um: float) -> float:
    return (
        abs(flow.velocity_um_s) * flow.windows[0].length_ms / 1000 / line_um
        if flow.state == "moving"
        else 0.0
    )


def _measure(
    part: Array,
    start: int,
    scale: float,
    line_ms: float,
    limits: tuple[float, float],
    rules: tuple[float, float],
) -> Window:
    place, (stall, least) = (start * line_ms, len(part) * line_ms), rules
    flat = part - part.mean()
    total = float(np.sum(flat**2))
    if not total > 1e-20 * float(np.sum(part**2)):
        return Window(*place, float("nan"), 0.0, 0.0, "unclear")
    static = _shear_score(flat, 0.0)
    moving = flat - flat.mean(axis=0)  # without what stands still: dirt on the glass, vessel walls
    fastest = min(limits[1] / scale, part.shape[1] / 2)
    slope, score = _best_shear(moving, limits[0] / scale, max(fastest, 1.5 * limits[0] / scale))
    score *= float(np.sum(moving**2)) / total
    least = max(least, _chance_score(part.shape, slope))
    if max(static, score) < least:
        return Window(*place, float("nan"), score, static, "unclear")
    if static > score and static / (static + max(score, 0.0)) > stall:
        if _creeps(flat, static):
            return Window(*place, float("nan"), score, static, "short")
        return Window(*place, 0.0, score, static, "stalled")
    if score < least:
        return Window(*place, float("nan"), score, static, "unclear")
    at_edge = abs(slope) < 1.08 * limits[0] / scale or abs(slope) > 0.93 * fastest
    if at_edge:  # the best of the range is not the best there is
        return Window(*place, float("nan"), score, static, "short" if abs(slope) < fastest / 2 else "unclear")
    state = "moving" if abs(slope) * len(part) >= part.shape[1] else "short"
    return Window(*place, float(slope * scale), score, static, state)


def _chance_score(shape: tuple[int, ...], slope: float) -> float:
    """Score that the best of all shears reaches by chance in noise: 4.5 SD of one shear's score.

    Every sheared column adds a variance of 2, and fast shears have many columns: small windows of noise alone reach 0.04.
    """
    rows, columns = shape
    return float(4.5 * np.sqrt(2 * (columns + abs(slope) * rows)) / (rows * columns))


def _creeps(image: Array, static: float) -> bool:
    """Whether a displacement of some pixels over the whole window explains more than none: slow, not standing."""
    slopes = [way * pixels / len(image) for way in (-1, 1) for pixels in (2, 4, 8, 16, 32, 64)]
    return max(_shear_score(image, slope) for slope in slopes) > 1.02 * static + 0.002


def _best_shear(image: Array, slowest: float, fastest: float) -> tuple[float, float]:
    """Slope in pixels per line with the highest score: coarse columns first, where streaks cannot be missed."""
    width = max(image.shape[1] // 32, 1)
    usable = image.shape[1] // width * width
    coarse = image[:, :usable].reshape(len(image), -1, width).mean(axis=2)
    count = int(np.ceil(np.log(fastest / slowest) / np.log(1.06))) + 1
    grid = np.geomspace(slowest, fastest, count)
    slopes = np.r_[-grid[::-1], grid]
    scores = np.array([_shear_score(coarse, s / width) for s in slopes])
    slope = float(slopes[int(scores.argmax())])
    step, score = 0.06, 0.0
    for _ in range(9):
        tried = slope * (1 + step * np.linspace(-1, 1, 5))
        found = np.array([_shear_score(image, s) for s in tried])
        slope, score = float(tried[int(found.argmax())]), float(found.max())
        step /= 2.0
    return slope, score


def _shear_score(image: Array, slope: float) -> float:
    """Share of the variance between sheared columns beyond what independent noise gives (adjusted η²)."""
    rows, columns = image.shape
    first = min(0.0, -slope * (rows - 1))
    bins = int(columns + abs(slope) * (rows - 1)) + 3
    count, sums, squares = np.zeros(bins), np.zeros(bins), np.zeros(bins)
    noise = _fill_bins(image, slope, first, count, sums, squares) / image.size
    used = count >= max(4.0, 0.1 * min(rows, columns / max(abs(slope), 1e-9)))
    if used.sum() < 3 or not noise > 0:
        return 0.0
    spread = squares[used] / count[used]
    # E[mean²] of pure noise is noise · Σw²/(Σw)²: what remains is signal, weighted by how much data carries it
    between = float(np.sum(sums[used] ** 2 / count[used]) - noise * np.sum(spread))
    return between / (noise * image.size)  # of all data: few columns in use cannot make a high score


@compiled
def _fill_bins(image: Array, slope: float, first: float, count: Array, sums: Array, squares: Array) -> float:
    """Weights, weighted values and squared weights per sheared column; returns the sum of squared values."""
    total = 0.0
    for i in range(image.shape[0]):
        shift = -slope * i - first
        whole = int(shift)
        part = shift - whole
        for j in range(image.shape[1]):
            value = image[i, j]
            total += value * value
            k = whole + j
            count[k] += 1 - part
            count[k + 1] += part
            sums[k] += (1 - part) * value
            sums[k + 1] += part * value
            squares[k] += (1 - part) ** 2
            squares[k + 1] += part * part
    return total


def _summarise(windows: tuple[Window, ...], pixel_um: float, line_ms: float) -> Flow:
    states = [w.state for w in windows]
    moving = np.array([w.velocity_um_s for w in windows if w.state == "moving"])
    stalled = states.count("stalled")
    if len(moving) and len(moving) >= stalled and 4 * len(moving) >= len(windows):
        spread = float(np.subtract(*np.percentile(moving, [75, 25])) / 2) if len(moving) > 1 else float("nan")
        return Flow(float(np.median(moving)), spread, "moving", windows, pixel_um, line_ms)
    if stalled and 2 * stalled >= len(windows):
        return Flow(0.0, float("nan"), "stalled", windows, pixel_um, line_ms)
    return Flow(float("nan"), float("nan"), "unclear", windows, pixel_um, line_ms)


def _as_kymograph(kymograph: ArrayLike) -> Array:
    image = np.asarray(kymograph)
    if image.ndim != 2 or image.dtype.kind not in "biuf":
        raise ValueError(
            f"kymograph must be numbers with axes time, distance. Given {image.dtype}, shape {image.shape}."
        )
    if image.shape[0] < 16 or image.shape[1] < 8:
        raise ValueError(f"kymograph must have at least 16 lines of 8 pixels. Given shape {image.shape}.")
    read = image.astype(float)
    if not np.isfinite(read).all():
        raise ValueError("kymograph must have no missing values. Given NaN or infinity.")
    return read
