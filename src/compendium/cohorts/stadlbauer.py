"""Illustration cohort for stadlbauer2025: marker values by diagnostic subgroup.

The paper prints counts, areas under ROC curves and words about subgroups, no values. The cohort is invented and
matched to these as far as they are compatible; `check_marker_cohort` computes what is met and what is not.
Nothing that follows from it is evidence about patients. Volumes over time are in `stadlbauer_detections`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.statistics.auc import delong_interval
from compendium.statistics.posthoc import dunnett_t3_test
from compendium.statistics.ranks import wilcoxon_signed_rank
from compendium.statistics.subgroups import diagnostic_subgroups, group_values

Array = NDArray[np.float64]
Target = tuple[float, float, float]  # AUROC, lower and upper limit as printed

BOTH, CMRI_ONLY, UPERF_ONLY, NEITHER = (1, 1), (1, 0), (0, 1), (0, 0)  # (read_cmri, read_uperf)
PATIENTS: tuple[tuple[int, int, tuple[tuple[int, int], ...]], ...] = (
    (1, 1, (BOTH,) * 4), (8, 1, (BOTH,) * 3), (19, 1, (BOTH,) * 2), (2, 1, (UPERF_ONLY,) * 2),
    (16, 1, (BOTH, UPERF_ONLY)), (195, 1, (BOTH,)), (37, 1, (UPERF_ONLY,)), (6, 1, (CMRI_ONLY,)),
    (1, 1, (NEITHER,)), (15, 0, (NEITHER,) * 2), (45, 0, (NEITHER,)), (2, 0, (CMRI_ONLY,)),
    (1, 0, (UPERF_ONLY,)), (3, 0, (BOTH,)),
)  # fmt: skip
"""Patients, reference, reads of each examination. With recurrence this is one of the splits that meet every printed
count of patients and examinations (239, 37, 8 and 1 patients with one to four; 239, 55, 6 and 1 by combination);
without, the 81 examinations of 66 patients are split as evenly as can be."""
READ_OF = {"cbv": "cmri", "ucbv": "uperf", "mti": "uperf"}
SHIFT_TP = {
    "cbv": 3.0,
    "ucbv": 4.0,
    "mti": 4.0,
}  # in SD of the noise; the scale is free, only ranks are printed
CBV_FP_SPREAD = 2.0  # false positives vary more, as the text says
WHITE_SHIFT, WHITE_SD = -0.1, 0.5
HALF_UNIT = 0.0005  # areas and limits are printed with three decimals


def marker_cohort(
    targets: Mapping[str, Target], cbv_fp: tuple[float, float] = (2.3, 21.0),
    seed: int = 3, alike: float = 0.3, shared: float = 0.5,
) -> pd.DataFrame:  # fmt: skip
    """Examinations with reads and three markers whose areas and DeLong intervals round to printed ones.

    Parameters
    ----------
    targets : mapping "cbv", "ucbv", "mti" → (AUROC, lower, upper), fractions
    cbv_fp : (float, float)
        Lowest and highest CBV of the false positives of cMRI, in %; they set the scale of CBV.
    seed : int
        Of the first two dozen, 3 meets most of what the text states about the subgroups.
    alike : float
        Share of the noise variance that examinations of one patient have in common, in [0, 1].
    shared : float
        Share of the noise variance that the markers have in common, in [0, 1].

    Returns
    -------
    DataFrame, 422 rows
        patient, examination, reference, read_cmri, read_uperf, marker_cbv, marker_ucbv (%), marker_mti (a.u.)
        and normal_* (contralateral white matter). High values speak for recurrence.

    Raises
    ------
    ValueError
        If `alike` or `shared` lies outside [0, 1].

    Examples
    --------
    >>> cohort = marker_cohort({"cbv": (0.941, 0.918, 0.965), "ucbv": (0.982, 0.965, 0.998),
    ...                         "mti": (0.987, 0.976, 0.999)})
    >>> len(cohort), cohort.patient.nunique(), round(delong_interval(cohort.reference, cohort.marker_mti).lower, 3)
    (422, 351, 0.976)
    """
    for name, share in (("alike", alike), ("shared", shared)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must lie in [0, 1]. Given {share}.")
    rng = np.random.default_rng(seed)
    frame = _examinations()
    common = _noise(rng, frame, alike)
    for name, target in targets.items():
        noise = np.sqrt(shared) * common + np.sqrt(1 - shared) * _noise(rng, frame, alike)
        group = diagnostic_subgroups(frame["reference"], frame[f"read_{READ_OF[name]}"])
        if name == "cbv":
            noise = np.where(group == "FP", CBV_FP_SPREAD * noise, noise)
        score = calibrate(noise, group, frame["reference"].to_numpy(), target, SHIFT_TP[name])
        white = WHITE_SHIFT + WHITE_SD * rng.standard_normal(len(frame))
        scale = _scale_of(name, score[group == "FP"], cbv_fp)
        frame[f"marker_{name}"], frame[f"normal_{name}"] = scale(score), scale(white)
    return frame


def calibrate(
    noise: Array, group: NDArray[np.str_], reference: NDArray[np.int_], target: Target, tp: float
) -> Array:
    """Shift FN and FP until the area under the curve and its DeLong interval are close to the printed ones.

    For every shift of the false positives, the shift of the false negatives that gives the area is found by
    bisection; of these pairs the one whose three numbers miss the printed ones least is kept.

    Parameters
    ----------
    noise, group, reference : shape (n,)
    target : (AUROC, lower, upper)
    tp : float
        Shift of the true positives; the true negatives stay at 0.

    Returns
    -------
    ndarray, shape (n,)
    """
    areas = target[0] + np.array([-0.0003, 0.0, 0.0003])
    best: tuple[float, Array] = (np.inf, noise)
    for stretch in (
        1.0,
        0.85,
        1.2,
        1.4,
    ):  # the shift of the true positives is free: another one if the first misses
        fixed = noise + stretch * tp * (group == "TP")
        for fp in np.linspace(-1.0, 4.0, 41):
            for area in areas:
                best = min(best, _with_area(fixed + fp * (group == "FP"), group == "FN", reference, target, area),
                           key=lambda found: found[0])  # fmt: skip
        if best[0] < HALF_UNIT:
            break
    return best[1]


def _with_area(
    score: Array, moved: NDArray[np.bool_], reference: NDArray[np.int_], target: Target, area: float
) -> tuple[float, Array]:
    """Largest miss of the three printed numbers, and the scores, when the moved cases give the wanted area."""
    left, right = -4.0, 9.0
    for _ in range(22):
        middle = (left + right) / 2
        below = _area(score + middle * moved, reference) < area
        left, right = (middle, right) if below else (left, middle)
    got = delong_interval(reference, score + right * moved)
    ours = np.array([got.estimate, got.lower, got.upper])
    return float(np.abs(ours - target).max()), score + right * moved


def check_marker_cohort(
    frame: pd.DataFrame, targets: Mapping[str, Target], cbv_fp: tuple[float, float] = (2.3, 21.0)
) -> pd.DataFrame:
    """What the paper states about the markers, what this cohort has, and whether it meets it.

    Returns
    -------
    DataFrame
        Columns statement, printed, cohort (text) and met (bool). Comparisons of subgroups are Dunnett's T3 over
        five subgroups, against white matter Wilcoxon's signed-rank test.
    """
    rows = []
    for name, printed in targets.items():
        got = delong_interval(frame["reference"], frame[f"marker_{name}"])
        for part, value, ours in zip(("AUROC", "lower limit", "upper limit"), printed,
                                     (got.estimate, got.lower, got.upper), strict=True):  # fmt: skip
            rows.append(
                (f"{part} of {name}", f"{value:.3f}", f"{ours:.4f}", abs(ours - value) <= HALF_UNIT + 1e-12)
            )
    false = frame.loc[diagnostic_subgroups(frame["reference"], frame["read_cmri"]) == "FP", "marker_cbv"]
    for part, value, ours in (("lowest", cbv_fp[0], false.min()), ("highest", cbv_fp[1], false.max())):
        rows.append((f"{part} cbv of FP", f"{value:g} %", f"{ours:.3g} %", abs(ours - value) < 0.05))
    rows += [_statement(frame, *case) for case in STATEMENTS]
    return pd.DataFrame(rows, columns=["statement", "printed", "cohort", "met"])


STATEMENTS: tuple[tuple[str, str, str, str, float], ...] = (
    ("cbv", "FN", "TP", "<", 0.001), ("cbv", "FN", "TN", "n.s.", 0.05), ("cbv", "FN", "white matter", "n.s.", 0.05),
    ("cbv", "FP", "TP", "n.s.", 0.05), ("cbv", "FP", "TN", "n.s.", 0.05), ("cbv", "FP", "FN", "n.s.", 0.05),
    *((m, "TP alone", other, how, p) for m in ("ucbv", "mti")
      for other, how, p in (("TN", "<", 0.001), ("white matter", "<", 0.001), ("TP", "n.s.", 0.05))),
    ("ucbv", "FN", "TP", "<", 0.01), ("mti", "FN", "TP", "<", 0.001),
    *((m, *case, 0.05) for m in ("ucbv", "mti")
      for case in (("FN", "TN", "n.s."), ("FN", "white matter", "n.s."),
                   ("FP", "TP", "n.s."), ("FP", "white matter", "<"))),
)  # fmt: skip
"""Comparisons in the text: marker, subgroup, compared with, "<" significant below p or "n.s." above it."""


def _statement(
    frame: pd.DataFrame, name: str, first: str, second: str, how: str, level: float
) -> tuple[str, str, str, bool]:
    read, other = ("read_cmri", "read_uperf")[:: 1 if READ_OF[name] == "cmri" else -1]
    group = diagnostic_subgroups(frame["reference"], frame[read], frame[[other]])
    values = frame[f"marker_{name}"].to_numpy()
    if second == "white matter":
        rows = group == first
        p = wilcoxon_signed_rank(
            values[rows], frame[f"normal_{name}"].to_numpy()[rows], method="r", zeros="wilcoxon"
        ).p
    else:
        tested = dunnett_t3_test(group_values(values, group))
        p = next(c.p_adjusted for c in tested if {c.first, c.second} == {first, second})
    met = p < level if how == "<" else p >= level
    return (
        f"{name}: {first} against {second}",
        f"p {how} {level:g}" if how == "<" else how,
        f"p = {p:.2g}",
        bool(met),
    )


def _examinations() -> pd.DataFrame:
    rows = []
    patient = 0
    for count, reference, reads in PATIENTS:
        for _ in range(count):
            patient += 1
            rows += [(f"P{patient:03d}", reference, *said) for said in reads]
    frame = pd.DataFrame(rows, columns=["patient", "reference", "read_cmri", "read_uperf"])
    frame.insert(1, "examination", [f"E{i + 1:04d}" for i in range(len(frame))])
    return frame


def _noise(rng: np.random.Generator, frame: pd.DataFrame, alike: float) -> Array:
    code, names = pd.factorize(frame["patient"])
    common = rng.standard_normal(len(names))[code]
    return np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.standard_normal(len(frame))


def _area(score: Array, reference: NDArray[np.int_]) -> float:
    negative = np.sort(score[reference == 0])
    positive = score[reference == 1]
    return float(np.searchsorted(negative, positive).sum() / (len(negative) * len(positive)))


def _scale_of(name: str, false_positive: Array, cbv_fp: tuple[float, float]) -> Callable[[Array], Array]:
    """Monotone map from scores to plausible units; that of CBV runs through the printed extremes of its FP."""
    if name == "mti":
        return lambda score: np.round(score, 4)
    if name == "ucbv":
        return lambda score: np.round(1.5 * np.exp(0.3 * score), 4)
    low, high = false_positive.min(), false_positive.max()
    slope = np.log(cbv_fp[1] / cbv_fp[0]) / (high - low)

    def cbv(score: Array) -> Array:  # exponential up to the highest, straight beyond: no absurd values
        beyond = np.maximum(score - high, 0.0)
        return np.round(cbv_fp[0] * np.exp(slope * (np.minimum(score, high) - low)) * (1 + slope * beyond), 4)

    return cbv
