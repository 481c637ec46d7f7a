"""Studies on the DSC reference object: how well markers come back, and when the sign of a loop can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from compendium.cohorts.dsc import (
    CLASSES,
    STEP_S,
    Physics,
    Protocol,
    ReferenceObject,
    artery_curves,
    simulate_object,
    true_markers,
)
from compendium.perfusion.gamma import fit_gamma_variates
from compendium.perfusion.hysteresis import fitted_loop_area
from compendium.perfusion.markers import Examination, Settings, estimate_markers, prepare_examination
from compendium.perfusion.signals import to_relaxation

ARTERIES = {"artery": 30, "partial artery": 60}
MARKERS = ("cbv", "ucbv", "mti")


class Recovery(NamedTuple):
    """A simulated examination after processing: the object, what its voxels share, their markers."""

    source: ReferenceObject
    examination: Examination
    maps: dict[str, NDArray[np.float64]]


def recover_markers(
    counts: dict[str, int],
    protocol: Protocol,
    physics: Physics,
    seed: int,
    aligned: bool = True,
    **choices: Any,
) -> Recovery:
    """Simulate an examination and process it as a user's would be.

    Parameters
    ----------
    counts : voxels by class; arteries are added.
    protocol, physics, seed : of the simulation.
    aligned : False gives the true shift of the injections instead of estimating it.
    choices : of `compendium.perfusion.markers.Settings`. The arterial fraction is known here, as it never is.
    """
    source = simulate_object({**counts, **ARTERIES}, protocol, physics, seed)
    if not aligned:
        choices = {"zero": "given", "shift_s": -protocol.late_se_s, **choices}
    settings = Settings(
        protocol.te_ge_ms,
        protocol.te_se_ms,
        protocol.tr_s,
        arterial_fraction=physics.artery_fraction,
        **choices,
    )
    reference = source.label == "white matter"
    examination = prepare_examination(source.ge, source.se, settings, reference=reference)
    return Recovery(source, examination, estimate_markers(source.ge, source.se, examination))


def summarise_recovery(found: Recovery) -> pd.DataFrame:
    """Compare markers with the truth, a row per class and marker.

    Columns: class, marker, true, median, mean, bias (% of the truth, of the median), error (median of the absolute error,
    %), sd (over voxels), stated_sd (median of the voxels' own), missing (%).
    """
    rows = []
    for name, truth in found.source.truth.items():
        inside = found.source.label == name
        for marker in MARKERS:
            true, values = float(getattr(truth, marker)), found.maps[marker][inside]
            given = values[np.isfinite(values)]
            rows.append({
                "class": name, "marker": marker, "true": true, "median": float(np.median(given)), "mean": given.mean(),
                "bias": 100 * float(np.median(given) / true - 1), "error": 100 * float(np.median(np.abs(given / true - 1))),
                "sd": float(given.std()), "stated_sd": float(np.nanmedian(found.maps[f"{marker}_sd"][inside])),
                "missing": 100 * float(np.mean(~np.isfinite(values))),
            })  # fmt: skip
    return pd.DataFrame(rows)


def sign_accuracy(
    found: Recovery, sizes: Sequence[int], draws: int, seed: int, shift_sd_s: float = 0.0
) -> pd.DataFrame:
    """How often the mean loop area of a region has the sign of the truth.

    Parameters
    ----------
    found : processed with the true shift.
    sizes : voxels per region; regions are drawn with replacement among the voxels of a class.
    draws : regions per class and size.
    seed : of the draws.
    shift_sd_s : error of the shift, drawn once per region as if each came from another examination, s.

    Returns
    -------
    DataFrame: class, voxels, true, mean, sd (of region means), ratio (|true|/sd), right (share), expected (normal
    distribution function of the ratio).
    """
    rng = np.random.default_rng(seed)
    rows = []
    for name, truth in found.source.truth.items():
        inside = (found.source.label == name) & np.isfinite(found.maps["mti"])
        area, slope = found.maps["mti"][inside], found.maps["mti_per_second"][inside]
        for size in sizes:
            picked = rng.integers(0, len(area), (draws, size))
            error = shift_sd_s * rng.standard_normal(draws)
            means = area[picked].mean(axis=1) + error * slope[picked].mean(axis=1)
            ratio = abs(truth.mti) / float(means.std())
            rows.append({
                "class": name, "voxels": size, "true": truth.mti, "mean": float(means.mean()), "sd": float(means.std()),
                "ratio": ratio, "right": float(np.mean(np.sign(means) == np.sign(truth.mti))),
                "expected": float(stats.norm.cdf(ratio)),
            })  # fmt: skip
    return pd.DataFrame(rows)


def timing_bias(
    classes: Sequence[str], protocol: Protocol, physics: Physics, errors_s: Sequence[float]
) -> pd.DataFrame:
    """Loop area by class when the spin-echo curve is laid too late by given errors, without noise.

    Returns
    -------
    DataFrame: class, error_s, mti, true.
    """
    clean = replace(protocol, snr_ge=np.inf, snr_se=np.inf, late_se_s=0.0)
    found = recover_markers(
        {**dict.fromkeys(classes, 1), "grey matter": 20}, clean, physics, 1, aligned=False, leakage="none"
    )
    fits = []
    for signal, part in ((found.source.ge, found.examination.ge), (found.source.se, found.examination.se)):
        relaxation = to_relaxation(signal, part.te_ms, part.baseline, part.dropped)
        window = (found.examination.settings.skip, part.stop)
        fits.append(fit_gamma_variates(found.examination.times_s, relaxation.curves, window, relaxation.used))
    rows = []
    for error in errors_s:
        area = fitted_loop_area(fits[0], fits[1], float(error)).area
        for name in classes:
            index = int(np.flatnonzero(found.source.label == name)[0])
            true = true_markers(CLASSES[name], physics).mti
            rows.append({"class": name, "error_s": float(error), "mti": float(area[index]), "true": true})
    return pd.DataFrame(rows)


def turning_point(bias: pd.DataFrame, name: str) -> float:
    """Timing error at which the loop of a class changes its direction, s; NaN when none of the errors does it."""
    rows = bias[bias["class"] == name].sort_values("error_s")
    error, area = rows["error_s"].to_numpy(), rows["mti"].to_numpy()
    flips = np.flatnonzero(np.diff(np.sign(area)) != 0)
    if not len(flips):
        return float("nan")
    k = flips[np.argmin(np.abs(error[flips]))]
    return float(error[k] - area[k] * (error[k + 1] - error[k]) / (area[k + 1] - area[k]))


def examination_errors(
    counts: dict[str, int], protocol: Protocol, physics: Physics, examinations: int, seed: int
) -> pd.DataFrame:
    """What differs between simulated examinations and is common to all voxels of each.

    The second injection comes early or late by up to one TR, evenly, so that volumes fall anywhere on the bolus.

    Returns
    -------
    DataFrame: late_s, error_s (of the estimated shift), stated_sd_s, pure_ge and pure_se (share of the chosen arterial
    voxels that are pure arteries), area_own and area_ge (area of the spin-echo arterial input over the true one, with
    voxels chosen in the spin echo and in the gradient echo).
    """
    rng = np.random.default_rng([seed, 7])
    settings = Settings(
        protocol.te_ge_ms, protocol.te_se_ms, protocol.tr_s, leakage="none", se_arteries="own"
    )
    true = float(artery_curves(physics)[1].sum() * STEP_S)
    rows = []
    for k in range(examinations):
        late = float(rng.uniform(-protocol.tr_s, protocol.tr_s))
        source = simulate_object({**counts, **ARTERIES}, replace(protocol, late_se_s=late), physics, seed + k)
        own = prepare_examination(source.ge, source.se, settings)
        shared = prepare_examination(source.ge, source.se, replace(settings, se_arteries="from GE"))
        rows.append({
            "late_s": late, "error_s": own.alignment.shift_s + late, "stated_sd_s": own.alignment.sd_s,
            "pure_ge": float(np.mean(source.label[own.ge.artery.voxels] == "artery")),
            "pure_se": float(np.mean(source.label[own.se.artery.voxels] == "artery")),
            "area_own": own.se.artery_area / true, "area_ge": shared.se.artery_area / true,
        })  # fmt: skip
    return pd.DataFrame(rows)
