"""One shift in time between two injections, below TR, with its uncertainty and the zero that it implies.

A loop's area depends on how the two injections are laid over each other, so the shift is one number per examination and
never one per voxel: aligning every voxel would remove what the loop measures. The zero is a choice:

``arterial``   the arterial boluses of both sequences peak together (the peak time of an artery survives any power law).
               A loop then says how a voxel's curves differ from its artery's.
``tissue``     the mean curves of the brain peak together. This moves the mean loop area of the brain towards zero:
               a loop says how a voxel differs from the mean of this brain.
``reference``  the loop of a reference region has no area: a voxel is compared with that region.
``given``      a shift from elsewhere, such as zero for echoes of one injection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, least_squares

from compendium.perfusion.gamma import GammaFit, first_pass_window, fit_gamma_variates, gamma_variate
from compendium.perfusion.hysteresis import fitted_loop_area

MEANING = {
    "arterial": "the arterial boluses of both sequences peak together",
    "tissue": "the mean curves of the brain peak together; the mean loop area is drawn towards zero",
    "reference": "the loop of the reference region has no area",
    "given": "a given shift",
}


@dataclass(frozen=True)
class Alignment:
    """How the spin-echo injection is laid over the gradient-echo one.

    Attributes
    ----------
    shift_s : added to the times of the spin-echo curves, s.
    sd_s : its standard deviation, s.
    zero : "arterial", "tissue", "reference" or "given".
    peak_ge_s, peak_se_s : peak times of the curves that were aligned, s; NaN for a given shift.
    """

    shift_s: float
    sd_s: float
    zero: str
    peak_ge_s: float
    peak_se_s: float

    @property
    def meaning(self) -> str:
        """What the zero of a loop area then is, in words."""
        return MEANING[self.zero]


def fit_first_pass(
    t: ArrayLike, curve: ArrayLike, used: ArrayLike | None = None, skip: int = 0, te_ms: float = 0.0
) -> GammaFit:
    """Fit the first pass of one mean curve (an artery, a region); arguments as in `fit_gamma_variates`.

    Raises
    ------
    ValueError : the curve has no first pass that a gamma-variate fits.
    """
    values = np.asarray(curve, dtype=np.float64)
    if (
        not np.isfinite(values).all()
        or np.nanargmax(np.nan_to_num(values, nan=-np.inf)) < skip + 4
        or values.max() <= 0
    ):
        raise ValueError(
            f"A curve must have a first pass with a single peak, after the baseline. Given one with maximum "
            f"{np.nanmax(values):.3g} 1/s in volume {int(np.nanargmax(values))}."
        )
    before = int(np.argmax(values > 0.05 * np.nanmax(values))) - skip
    fit = fit_gamma_variates(t, values[None], (skip, first_pass_window(values)), used, te_ms, max(before, 1))
    if not fit.ok[0]:
        raise ValueError(
            f"A curve must have a first pass with a single peak. Given one with maximum {np.nanmax(values):.3g} 1/s "
            f"in volume {int(np.nanargmax(values))}."
        )
    return fit


def align_injections(
    t: ArrayLike,
    ge_curve: ArrayLike,
    se_curve: ArrayLike,
    zero: str = "arterial",
    used_ge: ArrayLike | None = None,
    used_se: ArrayLike | None = None,
    skip: int = 0,
    te_ms: tuple[float, float] = (0.0, 0.0),
) -> Alignment:
    """Find the shift that lays the spin-echo injection over the gradient-echo one.

    Parameters
    ----------
    t : (t,) times of the volumes from the start of each series, s.
    ge_curve, se_curve : (t,) mean curves of the arteries (zero "arterial"), of the brain ("tissue") or of a reference
        region ("reference"), 1/s.
    zero : what the shift implies; see the module.
    used_ge, used_se : (t,) bool; volumes that were not dropped.
    skip : volumes left out at the start.
    te_ms : echo times of gradient and spin echo, ms; the noise of a falling signal enters the uncertainty.

    Raises
    ------
    ValueError : an unknown zero, or a curve without a first pass.

    Examples
    --------
    >>> from compendium.perfusion.gamma import gamma_variate
    >>> t = 1.74 * np.arange(60)
    >>> found = align_injections(t, gamma_variate(t, 50, 24.5, 2.6, 3), gamma_variate(t, 6, 23.9, 2.6, 3))
    >>> round(found.shift_s, 6), found.zero
    (0.6, 'arterial')
    """
    if zero not in ("arterial", "tissue", "reference"):
        raise ValueError(f"The zero must be 'arterial', 'tissue' or 'reference'. Given {zero!r}.")
    ge = fit_first_pass(t, ge_curve, used_ge, skip, te_ms[0])
    se = fit_first_pass(t, se_curve, used_se, skip, te_ms[1])
    peaks = float(ge.parameters[0, 1]), float(se.parameters[0, 1])
    variance = float(se.covariance[0, 1, 1])
    if zero == "arterial":
        late, variance = _fit_power(t, se_curve, used_se, skip, ge, peaks[1])
        peaks = peaks[0], late
    shift = peaks[0] - peaks[1]
    sd = float(np.sqrt(ge.covariance[0, 1, 1] + variance))
    if zero == "reference":
        shift, sd = _shift_without_loop(ge, se, shift)
    return Alignment(shift, sd, zero, *peaks)


def given_shift(shift_s: float = 0.0, sd_s: float = 0.0) -> Alignment:
    """Shift that is known, such as zero when both echoes belong to one injection."""
    return Alignment(shift_s, sd_s, "given", float("nan"), float("nan"))


def _fit_power(
    t: ArrayLike, curve: ArrayLike, used: ArrayLike | None, skip: int, ge: GammaFit, start: float
) -> tuple[float, float]:
    """Peak time of the spin-echo bolus of an artery, and its variance, as a power of the gradient-echo bolus.

    Three unknowns (height, time, power) instead of four: the weaker sequence borrows the shape of the stronger one. The
    variance contains the error of the baseline, which moves the whole curve.
    """
    times, values = np.asarray(t, dtype=np.float64), np.asarray(curve, dtype=np.float64)
    keep = np.zeros(len(times), dtype=bool)
    keep[skip : first_pass_window(values)] = True
    if used is not None:
        keep &= np.asarray(used, dtype=bool)
    log_w, log_a = ge.parameters[0, 2:]

    def misfit(p: NDArray[np.float64]) -> NDArray[np.float64]:
        model = gamma_variate(
            times[keep], p[0], p[1], float(np.exp(log_w - p[2] / 2)), float(np.exp(log_a + p[2]))
        )
        return model - values[keep]

    first = np.array([values[keep].max(), start, 0.0])
    found = least_squares(
        misfit, first, x_scale=np.array([first[0], 1.0, 0.3]), xtol=1e-12, ftol=1e-12, gtol=1e-12
    )
    noise = 2 * found.cost / max(int(keep.sum()) - 3, 1)
    before = max(int((misfit(found.x) + values[keep] < 0.01 * found.x[0]).sum()), 1)
    normal, total = found.jac.T @ found.jac, found.jac.sum(axis=0)
    inverse = np.linalg.pinv(normal)
    return float(found.x[1]), float(
        noise * (inverse @ (normal + np.outer(total, total) / before) @ inverse)[1, 1]
    )


def _shift_without_loop(ge: GammaFit, se: GammaFit, start: float) -> tuple[float, float]:
    def area(shift: float) -> float:
        return float(fitted_loop_area(ge, se, shift).area[0])

    reach = 0.25
    while area(start - reach) * area(start + reach) > 0:
        reach *= 2
        if reach > 8:
            raise ValueError(
                f"The reference loop must change its direction within 8 s of its peaks. Given {area(start):.3g}."
            )
    shift = float(brentq(area, start - reach, start + reach, xtol=1e-6))
    found = fitted_loop_area(ge, se, shift)
    return shift, abs(float(found.sd[0] / found.per_second[0]))
