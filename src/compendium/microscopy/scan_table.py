"""From line scans to a table of velocities, with the lines that somebody drew beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from compendium.microscopy.drawn_lines import velocity_from_lines
from compendium.microscopy.line_scans import Flow, measure_velocity

ENDS = ["x1_px", "t1_px", "x2_px", "t2_px"]


def measure_scans(
    scans: pd.DataFrame, kymographs: Sequence[ArrayLike], lines: pd.DataFrame | None = None, *,
    range_um_s: tuple[float, float] = (100.0, 20_000.0),
) -> tuple[pd.DataFrame, list[Flow]]:  # fmt: skip
    """Velocity of every line scan.

    Parameters
    ----------
    scans : DataFrame
        file, pixel_um, line_ms and any further columns, which are kept.
    kymographs : sequence of array-like, shape (time, distance)
        In the order of `scans`.
    lines : DataFrame, optional
        Lines drawn by hand: file, x1_px, t1_px, x2_px, t2_px.
    range_um_s : (float, float)
        Speeds searched.

    Returns
    -------
    table : DataFrame
        The scans with state, velocity_um_s (signed), speed_um_s, spread_um_s, windows, standing (share of windows);
        with lines also drawn_n, drawn_speed_um_s (size of the signed mean, as the published macro has it),
        drawn_mean_um_s (mean of the sizes) and drawn_sd_um_s.
    flows : list of Flow

    Examples
    --------
    >>> scans = pd.DataFrame({"file": ["a"], "pixel_um": [0.5], "line_ms": [1.0]})
    >>> measure_scans(scans, [np.tile(np.random.default_rng(1).normal(size=64), (99, 1))])[0]["state"].tolist()
    ['stalled']
    """
    if len(scans) != len(kymographs):
        raise ValueError(f"Every scan needs one kymograph. Given {len(scans)} and {len(kymographs)}.")
    flows = [
        measure_velocity(
            image, pixel_um=float(row.pixel_um), line_ms=float(row.line_ms), range_um_s=range_um_s
        )
        for row, image in zip(scans.itertuples(), kymographs, strict=True)
    ]
    table = scans.reset_index(drop=True).assign(
        state=[f.state for f in flows],
        velocity_um_s=[f.velocity_um_s for f in flows],
        speed_um_s=[abs(f.velocity_um_s) for f in flows],
        spread_um_s=[f.spread_um_s for f in flows],
        windows=[len(f.windows) for f in flows],
        standing=[float(np.mean([w.state == "stalled" for w in f.windows])) for f in flows],
    )
    return (table if lines is None else table.assign(**_drawn(table, lines))), flows


def _drawn(table: pd.DataFrame, lines: pd.DataFrame) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {
        name: [] for name in ("drawn_n", "drawn_speed_um_s", "drawn_mean_um_s", "drawn_sd_um_s")
    }
    for row in table.itertuples():
        own = lines.loc[lines["file"] == row.file, ENDS]
        values = [0.0, np.nan, np.nan, np.nan]
        if len(own):
            velocity, printed, sd = velocity_from_lines(
                own, pixel_um=float(row.pixel_um), line_ms=float(row.line_ms)
            )
            values = [float(len(own)), printed, float(np.abs(velocity).mean()), sd]
        for name, value in zip(found, values, strict=True):
            found[name].append(value)
    return found
