"""Line scans with a planted velocity, and the lines that a hand would draw on them.

Cells of a given size lie at random along a track that moves past the line; noise is white. Turbulence, cells that change
shape and vessels that leave the line are not in it: the planted velocity is what a method must find.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from compendium.microscopy.drawn_lines import velocity_from_lines
from compendium.microscopy.line_scans import measure_velocity

Array = NDArray[np.floating[Any]]


def draw_kymograph(
    velocity_um_s: float, *, pixel_um: float, line_ms: float, lines: int, pixels: int = 128, snr: float = 5.0,
    cell_um: float = 6.0, spacing_um: float = 12.0, seed: int = 1,
) -> Array:  # fmt: skip
    """Kymograph of blood at one velocity.

    Parameters
    ----------
    velocity_um_s : float
        Signed; 0 is standing blood.
    pixel_um, line_ms : float
    lines, pixels : int
    snr : float
        SD of the streaks over SD of the noise, per pixel.
    cell_um : float
        Diameter of a cell (full width at half maximum); a murine erythrocyte has about 6 µm.
    spacing_um : float
        Mean distance from cell to cell.
    seed : int

    Returns
    -------
    ndarray, shape (lines, pixels)

    Examples
    --------
    >>> image = draw_kymograph(0.0, pixel_um=0.5, line_ms=1.0, lines=50, snr=np.inf)
    >>> image.shape, bool((image == image[0]).all())
    ((50, 128), True)
    """
    rng = np.random.default_rng(seed)
    step = velocity_um_s * line_ms / 1000  # µm from line to line
    margin = 4 * cell_um + 20 * spacing_um
    length = pixels * pixel_um + abs(step) * lines + 2 * margin
    fine = min(pixel_um, cell_um / 8)
    track = (rng.random(int(length / fine) + 2) < fine / spacing_um).astype(float)
    track = gaussian_filter1d(track, cell_um / 2.3548 / fine)
    place = np.arange(pixels) * pixel_um - step * np.arange(lines)[:, None]
    image = np.interp(place - place.min() + margin, np.arange(track.size) * fine, track)
    image = (image - image.mean()) / (image.std() or 1.0)
    return image + rng.normal(size=image.shape) / snr if np.isfinite(snr) else image


def draw_lines(
    velocity_um_s: float, *, pixel_um: float, line_ms: float, lines: int, pixels: int = 128, count: int = 10,
    click_px: float = 2.0, seed: int = 1,
) -> Array:  # fmt: skip
    """Ends of lines drawn by hand along the streaks, each in its own part of the scan.

    A hand takes the longest piece of a streak that it can see: nine tenths of the line, or of the part's height.
    Both ends are off by `click_px` (SD) in both directions.

    Returns
    -------
    ndarray, shape (count, 4)
        Distance and time of one end, of the other, pixels.

    Examples
    --------
    >>> ends = draw_lines(500.0, pixel_um=0.5, line_ms=1.0, lines=4000, click_px=0.0)
    >>> velocity_from_lines(ends, pixel_um=0.5, line_ms=1.0)[1].__round__(6)
    500.0
    """
    rng = np.random.default_rng(seed)
    slope = velocity_um_s * line_ms / 1000 / pixel_um  # pixels per line
    height = 0.9 * lines / count
    if abs(slope) > 0:
        height = min(height, 0.9 * pixels / abs(slope))
    start = rng.uniform(0, np.maximum(lines / count - height, 0), count) + np.arange(count) * lines / count
    across = slope * height
    first = rng.uniform(max(0.0, -across), pixels - max(0.0, across), count)
    ends = np.column_stack([first, start, first + across, start + height])
    return ends + rng.normal(0, click_px, ends.shape) if click_px > 0 else ends


def measure_planted(
    velocities: Sequence[float], *, pixel_um: float, line_ms: float, lines: int, snr: Sequence[float], repeats: int,
    seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Plant velocities, measure them.

    Returns
    -------
    DataFrame
        snr, velocity (planted), measured, state, score; a row per scan.
    """
    rows = []
    for i, ratio in enumerate(snr):
        for j, v in enumerate(velocities):
            for k in range(repeats):
                image = draw_kymograph(
                    v, pixel_um=pixel_um, line_ms=line_ms, lines=lines, snr=ratio,
                    seed=seed + 10_007 * i + 101 * j + 1009 * k,
                )  # fmt: skip
                flow = measure_velocity(image, pixel_um=pixel_um, line_ms=line_ms)
                score = float(np.median([max(w.score, w.static) for w in flow.windows]))
                rows.append((ratio, v, flow.velocity_um_s, flow.state, score))
    return pd.DataFrame(rows, columns=["snr", "velocity", "measured", "state", "score"])


def measure_by_hand(
    velocities: Sequence[float],
    *,
    pixel_um: float,
    line_ms: float,
    lines: int,
    click_px: float,
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """Draw ten lines by hand on scans of planted velocities, often.

    Returns
    -------
    DataFrame
        velocity (planted), mean of the ten lines and SD of the single lines, relative to it in percent: bias, scatter.
    """
    rows = []
    for j, v in enumerate(velocities):
        means, singles = [], []
        for k in range(repeats):
            ends = draw_lines(
                v,
                pixel_um=pixel_um,
                line_ms=line_ms,
                lines=lines,
                click_px=click_px,
                seed=seed + 97 * j + 1009 * k,
            )
            found, printed, _ = velocity_from_lines(ends, pixel_um=pixel_um, line_ms=line_ms)
            means.append(printed)
            singles.append(found[np.isfinite(found)])
        scatter = float(np.concatenate(singles).std())
        rows.append((v, 100 * (float(np.median(means)) / v - 1), 100 * scatter / v))
    return pd.DataFrame(rows, columns=["velocity", "bias", "scatter"])
