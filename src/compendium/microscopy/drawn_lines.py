"""Velocity from lines drawn by hand along the streaks of a kymograph, as the published macro computes it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between, check_minimum

Array = NDArray[np.floating[Any]]


def velocity_from_lines(lines: ArrayLike, *, pixel_um: float, line_ms: float) -> tuple[Array, float, float]:
    """Velocities of lines drawn by hand along streaks.

    Parameters
    ----------
    lines : array-like, shape (n, 4)
        Ends of each line in pixels: distance and time of the first end, distance and time of the second.

    Returns
    -------
    velocities_um_s : ndarray, shape (n,)
        Signed; infinite for a line across all distances at one time, 0 for standing blood.
    printed_um_s : float
        Size of the *signed mean*, as the published macro computes it: lines of opposite slope cancel.
    sd_um_s : float
        Population SD of the signed velocities, as in the macro.

    Examples
    --------
    >>> v, printed, sd = velocity_from_lines([[0, 0, 10, 20], [0, 0, -10, 20]], pixel_um=0.5, line_ms=1)
    >>> v.tolist(), printed, sd
    ([250.0, -250.0], 0.0, 250.0)
    """
    ends = np.asarray(lines, dtype=float)
    if ends.ndim != 2 or ends.shape[1] != 4 or not np.isfinite(ends).all():
        raise ValueError(f"lines must have shape (n, 4), finite. Given shape {ends.shape}.")
    check_minimum(len(ends), 1, "lines")
    for value, name in ((pixel_um, "pixel_um"), (line_ms, "line_ms")):
        check_between(value, 1e-9, 1e9, name)
    across, along = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    bad = np.flatnonzero((across == 0) & (along == 0))
    if bad.size:
        raise ValueError(f"A line must have two different ends. Given a point in row {bad[0]}.")
    with np.errstate(divide="ignore"):
        velocity = across * pixel_um / (along * line_ms) * 1000
    finite = velocity[np.isfinite(velocity)]
    printed = float(abs(finite.mean())) if finite.size == velocity.size else float("inf")
    return velocity, printed, float(finite.std()) if finite.size else float("nan")
