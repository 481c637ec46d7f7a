"""From the signals of an examination to its markers: what all voxels share, then any block of voxels.

`prepare_examination` finds what belongs to the examination as a whole: baselines, arterial inputs, the window of the first
pass, the shift between the injections, the reference curve of leakage. `estimate_markers` then treats any block of voxels
with it; a voxel's result does not depend on the block that it came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice
from compendium.perfusion.aif import ArterialInput, describe_curves, find_arterial_input, given_arterial_input
from compendium.perfusion.deconvolution import deconvolve
from compendium.perfusion.gamma import GammaFit, first_pass_window, fit_gamma_variates, gamma_area
from compendium.perfusion.hysteresis import fitted_loop_area
from compendium.perfusion.leakage import correct_leakage, reference_curve
from compendium.perfusion.lexicon import FLAG_FLOOR_GE, FLAG_FLOOR_SE, FLAG_NO_FIT_GE, FLAG_NO_FIT_SE
from compendium.perfusion.signals import (
    Baseline,
    RelaxationCurves,
    check_series,
    check_timing,
    fill_dropped,
    find_baseline,
    to_relaxation,
)
from compendium.perfusion.timing import Alignment, align_injections, fit_first_pass, given_shift
from compendium.perfusion.volume import DENSITY_G_ML, KAPPA_H, Estimate, blood_volume, window_area


@dataclass(frozen=True)
class Settings:
    """How an examination is processed; every choice that moves a map.

    Attributes
    ----------
    te_ge_ms, te_se_ms, tr_s : echo times (ms) and repetition time (s).
    skip : volumes left out at the start, before the steady state.
    dropped_ge, dropped_se : further volumes left out, counted from 0.
    area : "first pass" (under the fitted gamma-variate) or "window" (all volumes after the baseline).
    leakage : "none", "unidirectional" or "bidirectional".
    deconvolution : "oSVD" or "sSVD".
    se_arteries : "from GE" takes the spin-echo arterial input from the voxels that the gradient echo chose; "own" searches
        in the spin echo by itself, where tissue beside an artery can outshine the artery and halve µCBV.
    zero : what the shift of the injections implies: "arterial", "tissue", "reference" or "given".
    shift_s : the shift for "given", s.
    kappa_h, density_g_ml, arterial_fraction : scale of blood volumes.
    tail : share of its peak at which the mean curve ends the first pass.
    seed : of the clustering of arterial candidates.
    """

    te_ge_ms: float
    te_se_ms: float
    tr_s: float
    skip: int = 1
    dropped_ge: tuple[int, ...] = ()
    dropped_se: tuple[int, ...] = ()
    area: str = "first pass"
    leakage: str = "unidirectional"
    deconvolution: str = "oSVD"
    se_arteries: str = "from GE"
    zero: str = "arterial"
    shift_s: float = 0.0
    kappa_h: float = KAPPA_H
    density_g_ml: float = DENSITY_G_ML
    arterial_fraction: float = 1.0
    tail: float = 0.35
    seed: int = 1

    def __post_init__(self) -> None:
        check_timing(self.tr_s, self.te_ge_ms, self.te_se_ms)
        check_choice(self.area, ("first pass", "window"), "area")
        check_choice(self.leakage, ("none", "unidirectional", "bidirectional"), "leakage")
        check_choice(self.deconvolution, ("oSVD", "sSVD"), "deconvolution")
        check_choice(self.se_arteries, ("own", "from GE"), "se_arteries")
        check_choice(self.zero, ("arterial", "tissue", "reference", "given"), "zero")


@dataclass(frozen=True)
class SharedSequence:
    """What the voxels of one sequence share.

    Attributes
    ----------
    te_ms : echo time.
    baseline : volumes before the bolus.
    dropped : volumes left out.
    artery : arterial input function.
    artery_area, artery_area_sd : area under it, by the method of the settings.
    mean : (t,) mean curve of the brain, 1/s.
    stop : one past the last volume of the first pass.
    unleaked : (t,) reference curve of leakage, 1/s.
    """

    te_ms: float
    baseline: Baseline
    dropped: tuple[int, ...]
    artery: ArterialInput
    artery_area: float
    artery_area_sd: float
    mean: NDArray[np.float64]
    stop: int
    unleaked: NDArray[np.float64]


@dataclass(frozen=True)
class Examination:
    """What all voxels of an examination share."""

    settings: Settings
    times_s: NDArray[np.float64]
    ge: SharedSequence
    se: SharedSequence
    alignment: Alignment
    notes: tuple[str, ...] = ()


def prepare_examination(
    ge: ArrayLike,
    se: ArrayLike,
    settings: Settings,
    aif_ge: ArrayLike | None = None,
    aif_se: ArrayLike | None = None,
    reference: ArrayLike | None = None,
) -> Examination:
    """Find what the voxels of an examination share.

    Parameters
    ----------
    ge, se : (n, t) signals of the brain's voxels, or of a fair sample of them.
    settings : Settings
    aif_ge, aif_se : (n,) bool, optional; arterial voxels of each sequence. A given mask wins over the search.
    reference : (n,) bool, optional; region whose loop is the zero (settings.zero "reference").

    Raises
    ------
    ValueError : different numbers of voxels or volumes, no bolus, no baseline, no artery; each says which sequence.
    """
    first = check_series("GE", ge)
    second = check_series("SE", se, first.shape[1])
    if len(first) != len(second):
        raise ValueError(f"GE and SE must hold the same voxels. Given {len(first)} and {len(second)}.")
    times = settings.tr_s * np.arange(first.shape[1], dtype=np.float64)
    curves: list[RelaxationCurves] = []
    parts: list[SharedSequence] = []
    for name, signal, te, dropped, mask in (
        ("GE", first, settings.te_ge_ms, settings.dropped_ge, aif_ge),
        ("SE", second, settings.te_se_ms, settings.dropped_se, aif_se),
    ):
        if name == "SE" and mask is None and settings.se_arteries == "from GE":
            mask = np.isin(np.arange(len(first)), parts[0].artery.voxels)
        try:
            relaxation, part = _prepare_sequence(times, signal, te, dropped, mask, settings)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        curves.append(relaxation)
        parts.append(part)
    alignment = _align(times, curves, parts, settings, reference, aif_se is not None)
    return Examination(settings, times, parts[0], parts[1], alignment, _notes(parts, alignment, settings))


def _prepare_sequence(
    times: NDArray[np.float64],
    signal: NDArray[np.float64],
    te_ms: float,
    dropped: tuple[int, ...],
    mask: ArrayLike | None,
    settings: Settings,
) -> tuple[RelaxationCurves, SharedSequence]:
    inside = np.isfinite(signal).all(axis=1) & (signal.mean(axis=1) > 0)
    if not inside.any():
        raise ValueError(f"At least one voxel must have a signal. Given {len(signal)} voxels, none with.")
    mean_signal = signal[inside].mean(axis=0)[None].copy()
    used = np.ones(len(times), dtype=bool)
    used[list(dropped)] = False
    fill_dropped(mean_signal, used)
    baseline = find_baseline(mean_signal[0], settings.skip)
    relaxation = to_relaxation(signal, te_ms, baseline, _dropped(dropped, settings.skip))
    if mask is None:
        artery = find_arterial_input(relaxation, settings.tr_s, baseline.stop, seed=settings.seed)
    else:
        artery = given_arterial_input(relaxation, mask)
    mean = np.nanmean(relaxation.curves, axis=0)
    area = _artery_area(times, artery, relaxation, baseline, settings, te_ms)
    stop = first_pass_window(mean, settings.tail)
    unleaked = mean if settings.leakage == "none" else reference_curve(relaxation)
    return relaxation, SharedSequence(
        te_ms, baseline, _dropped(dropped, settings.skip), artery, *area, mean, stop, unleaked
    )


def _dropped(dropped: Sequence[int], skip: int) -> tuple[int, ...]:
    return tuple(sorted({*range(skip), *dropped}))


def _artery_area(
    times: NDArray[np.float64],
    artery: ArterialInput,
    relaxation: RelaxationCurves,
    baseline: Baseline,
    settings: Settings,
    te_ms: float,
) -> tuple[float, float]:
    if settings.area == "first pass":
        area, sd = gamma_area(fit_first_pass(times, artery.curve, relaxation.used, settings.skip, te_ms))
        return float(area[0]), float(sd[0])
    noise = float(np.median(relaxation.baseline_sd[artery.voxels])) / np.sqrt(len(artery.voxels))
    found = window_area(times, artery.curve[None], [noise], len(baseline), baseline.stop)
    return float(found.value[0]), float(found.sd[0])


def _align(
    times: NDArray[np.float64],
    curves: list[RelaxationCurves],
    parts: list[SharedSequence],
    settings: Settings,
    reference: ArrayLike | None,
    se_given: bool,
) -> Alignment:
    """Align by the arteries that the gradient echo found: spin-echo noise has then no part in choosing them."""
    if settings.zero == "given":
        return given_shift(settings.shift_s)
    if settings.zero == "arterial":
        pair = [parts[0].artery.curve, parts[1].artery.curve]
        if not se_given:
            pair[1] = curves[1].curves[parts[0].artery.voxels].mean(axis=0)
    elif settings.zero == "tissue":
        pair = [p.mean for p in parts]
    else:
        inside = (
            np.zeros(len(curves[0].curves), dtype=bool)
            if reference is None
            else np.asarray(reference, dtype=bool)
        )
        if not inside.any():
            raise ValueError("The zero 'reference' needs a reference region. Given none.")
        pair = [np.nanmean(c.curves[inside], axis=0) for c in curves]
    return align_injections(
        times, pair[0], pair[1], settings.zero, curves[0].used, curves[1].used, settings.skip,
        (settings.te_ge_ms, settings.te_se_ms),
    )  # fmt: skip


def _notes(parts: list[SharedSequence], alignment: Alignment, settings: Settings) -> tuple[str, ...]:
    notes = []
    for name, part in zip(("GE", "SE"), parts, strict=True):
        if part.artery.excluded:
            notes.append(
                f"{name}: {part.artery.excluded} voxels near the noise floor were no candidates for the artery"
            )
    if alignment.sd_s > 0.15:
        notes.append(
            f"The shift of the injections is uncertain by {alignment.sd_s:.2f} s, enough to turn weak loops"
        )
    if abs(alignment.shift_s) > 10 * settings.tr_s:
        notes.append(f"The injections lie {alignment.shift_s:.1f} s apart: check that the series start alike")
    return tuple(notes)


def estimate_markers(
    ge: ArrayLike, se: ArrayLike, examination: Examination
) -> dict[str, NDArray[np.float64]]:
    """Estimate the markers of a block of voxels.

    Parameters
    ----------
    ge, se : (n, t) signals of the same voxels.
    examination : what the voxels share.

    Returns
    -------
    dict of (n,) arrays by the names of `compendium.perfusion.lexicon.MAPS`, with `<name>_sd` where one exists. NaN where
    nothing could be estimated; `flags` says why.
    """
    settings = examination.settings
    volumes = len(examination.times_s)
    out: dict[str, NDArray[np.float64]] = {}
    flags = np.zeros(len(np.asarray(ge)))
    fits: list[GammaFit] = []
    for part, name, signal, low, none in (
        (examination.ge, "", check_series("GE", ge, volumes), FLAG_FLOOR_GE, FLAG_NO_FIT_GE),
        (examination.se, "_se", check_series("SE", se, volumes), FLAG_FLOOR_SE, FLAG_NO_FIT_SE),
    ):
        relaxation = to_relaxation(signal, part.te_ms, part.baseline, part.dropped)
        curves = relaxation.curves
        if settings.leakage != "none":
            leak = correct_leakage(
                examination.times_s, curves, part.unleaked, settings.leakage, relaxation.used
            )
            curves = leak.corrected
            out[f"k2{name}"], out[f"k2{name}_sd"] = leak.k2, leak.k2_sd
        fit = fit_gamma_variates(examination.times_s, curves, (settings.skip, part.stop), relaxation.used,
                                 part.te_ms, len(part.baseline))  # fmt: skip
        fits.append(fit)
        volume = _volume(examination, part, curves, relaxation, fit)
        out["ucbv" if name else "cbv"], out["ucbv_sd" if name else "cbv_sd"] = volume
        flags += low * relaxation.below_floor + none * ~fit.ok
        if not name:
            out |= _flow(examination, curves, relaxation, volume)
    loop = fitted_loop_area(fits[0], fits[1], examination.alignment.shift_s)
    out |= {"mti": loop.area, "mti_sd": loop.sd, "mti_per_second": loop.per_second, "flags": flags}
    return out


def _volume(
    examination: Examination,
    part: SharedSequence,
    curves: NDArray[np.float64],
    relaxation: RelaxationCurves,
    fit: GammaFit,
) -> Estimate:
    settings = examination.settings
    if settings.area == "first pass":
        area, sd = gamma_area(fit)
        area, sd = np.where(fit.ok, area, np.nan), np.where(fit.ok, sd, np.nan)
    else:
        area, sd = window_area(
            examination.times_s, curves, relaxation.baseline_sd, len(part.baseline), part.baseline.stop
        )
    return blood_volume(
        area,
        sd,
        part.artery_area,
        part.artery_area_sd,
        settings.kappa_h,
        settings.density_g_ml,
        settings.arterial_fraction,
    )


def _flow(
    examination: Examination, curves: NDArray[np.float64], relaxation: RelaxationCurves, volume: Estimate
) -> dict[str, NDArray[np.float64]]:
    settings, part = examination.settings, examination.ge
    flow = deconvolve(
        curves, part.artery.curve, settings.tr_s, relaxation.baseline_sd, settings.deconvolution,
        kappa_h=settings.kappa_h, density_g_ml=settings.density_g_ml, arterial_fraction=settings.arterial_fraction,
    )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        transit = np.where(flow.blood_flow > 0, 60 * volume.value / flow.blood_flow, np.nan)
        relative = np.hypot(volume.sd / volume.value, flow.blood_flow_sd / flow.blood_flow)
    shape = describe_curves(curves, settings.tr_s, part.baseline.stop)
    missing = ~np.isfinite(curves).all(axis=1)
    return {
        "cbf": flow.blood_flow, "cbf_sd": flow.blood_flow_sd, "mtt": transit, "mtt_sd": np.abs(transit) * relative,
        "tmax": flow.t_max, "tmax_sd": flow.t_max_sd, "ttp": np.where(missing, np.nan, shape.time_to_peak),
    }  # fmt: skip
