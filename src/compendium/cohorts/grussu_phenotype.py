"""An illustration cohort for grussu2025/06: invented patients and tumours matched to what the paper prints.

The tables of the paper (Supplementary Data S3 to S5) were not obtained. What is drawn here meets printed correlations,
p-values and moments as far as they are compatible, so that the paper's figures can be drawn and its analysis run.
Nothing that follows from the cohort is evidence about patients. `UNMATCHED` lists what is printed and not met, and
`CHOSEN` what is not printed and was chosen. Tumours are drawn in `grussu_phenotype_tumours`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from compendium.cohorts.grussu_phenotype_tumours import (
    CENTRE,
    PRIMARY,
    draw_ki67,
    draw_tumours,
    ki67_correlations,
)
from compendium.statistics.combat import combat

Array = NDArray[np.float64]
BIOPSIED = (0, 1, 2, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21, 26, 35)
TREATED = (9, 17)  # one with colon and one with rectal cancer
LOW_FIELD = (0, 1, 5, 18, 19, 20, 21, 26, 27, 30, 31)  # one colorectal cancer, four melanomas
CHOSEN = (
    "tumours of each patient", "which patients were scanned on which scanner",
    "means and SDs of the metrics except in two tumours",
    "correlations within a patient", "all values but those of two tumours",
)  # fmt: skip
UNMATCHED = (
    "correlations between metrics that are not compatible with those with Ki-67, for which the nearest are taken",
    "medians and interquartile ranges of age", "the range of r over the folds", "the place where volume peaks",
    "that size with diffusivity predicts volume best of the four pairs",
    "histological fraction beside Ki-67",
)  # fmt: skip


@dataclass(frozen=True)
class Ages:
    """Printed mean and SD of age: all patients, and those with a biopsy."""

    all: tuple[float, float]
    biopsied: tuple[float, float]


@dataclass(frozen=True)
class Targets:
    """What is printed and is met.

    Attributes
    ----------
    ki67 : metric → correlation with the Ki-67 fraction, 10 tumours.
    cases : metric → (value of the ovarian metastasis, value of the hepatocellular carcinoma).
    volumes : their volumes, mm³.
    volume : metric → correlation with volume, 140 tumours.
    predicted : correlation of predicted and observed log10 volume, of D0 and vCS and of ADC and K.
    ages : `Ages`.
    groups : metric → Student's t of melanoma minus colorectal cancer.
    """

    ki67: Mapping[str, float]
    cases: Mapping[str, tuple[float, float]]
    volumes: tuple[float, float]
    volume: Mapping[str, float]
    predicted: tuple[float, float]
    ages: Ages
    groups: Mapping[str, float]


@dataclass(frozen=True)
class PhenotypeCohort:
    """Tumours, patients before and after harmonisation, and the largest change of a printed correlation between metrics."""

    tumours: pd.DataFrame
    patients: pd.DataFrame
    harmonised: pd.DataFrame
    largest_change: float


def illustration_cohort(targets: Targets, folds: int, seed: int) -> PhenotypeCohort:
    """Draw the cohort; costs about two seconds.

    Raises
    ------
    ValueError
        If no plausible draw meets the targets.
    """
    matched = ki67_correlations(targets.ki67)
    tumours = None
    for attempt in range(20):  # a draw of the ten may leave no room for the correlations of all
        ki67 = draw_ki67(matched.used, targets.cases, seed + 1000 * attempt)
        try:
            tumours = draw_tumours(ki67, targets.volumes, targets.volume, targets.predicted, folds, seed)
            break
        except ValueError:
            continue
    if tumours is None:
        raise ValueError(f"A cohort must meet the targets. Given none from seed {seed}.")
    before, after = draw_patients(tumours, targets.ages, targets.groups, seed)
    return PhenotypeCohort(tumours, before, after, matched.largest_change)


def draw_patients(
    tumours: pd.DataFrame, ages: Ages, t_values: Mapping[str, float], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """38 patients before and after harmonisation between two scanners.

    Parameters
    ----------
    tumours : from `draw_tumours`: volumes and Ki-67 are carried over.
    t_values : metric → Student's t of melanoma minus colorectal cancer after harmonisation (MRI), or of the twelve
        with histology (`f_histo`); metrics without one get a small difference.

    Returns
    -------
    before, after : DataFrame
        `after` is parametric ComBat of `before` with the 3 T scanner as reference and no covariates.
    """
    rng = np.random.default_rng(seed + 1000)
    patients = pd.DataFrame({"patient": [f"P{i + 1:02d}" for i in range(38)], "primary": PRIMARY})
    patients["scanner"] = np.where(np.isin(np.arange(38), LOW_FIELD), "1.5T", "3T")
    patients["age"] = _draw_ages(rng, ages)
    patients["sex"] = _draw_sexes()
    patients["volume_mm3"] = (
        tumours.groupby("patient")["volume_mm3"].sum().reindex(patients["patient"]).to_numpy()
    )
    melanoma, colorectal = patients["primary"] == "melanoma", patients["primary"].isin(["colon", "rectal"])
    for name in ("f_histo", "vcs_histo_um", "cd_histo_per_mm2", "f_ki67"):
        patients[name] = np.nan
    histology = patients.index.isin(BIOPSIED)
    groups = (melanoma & histology).to_numpy(), (colorectal & histology).to_numpy()
    for name, (mean, sd) in {
        "f_histo": (0.68, 0.08),
        "vcs_histo_um": (26.5, 4.0),
        "cd_histo_per_mm2": (3300.0, 900.0),
    }.items():
        z = _separated(rng.standard_normal(38), *groups, t_values.get(name, 0.4))
        patients.loc[histology, name] = (mean + sd * z)[histology]
    with_ki67 = tumours.dropna(subset=["f_ki67"]).set_index("patient")["f_ki67"]
    patients["f_ki67"] = patients["patient"].map(with_ki67)
    patients["after_treatment"] = np.where(histology, patients.index.isin(TREATED).astype(float), np.nan)
    return _harmonised(patients, melanoma.to_numpy(), colorectal.to_numpy(), t_values, rng)


def _draw_ages(rng: np.random.Generator, ages: Ages) -> Array:
    """Ages with the exact mean and SD of all and of those with a biopsy; the others take up the rest."""
    n, inside = 38, np.isin(np.arange(38), BIOPSIED)
    k = int(inside.sum())
    rest = (n * ages.all[0] - k * ages.biopsied[0]) / (n - k)
    squares = (n - 1) * ages.all[1] ** 2 - (k - 1) * ages.biopsied[1] ** 2
    squares -= k * (ages.biopsied[0] - ages.all[0]) ** 2 + (n - k) * (rest - ages.all[0]) ** 2
    z = rng.standard_normal(n)
    made = np.empty(n)
    for part, mean, sd in ((inside, *ages.biopsied), (~inside, rest, np.sqrt(squares / (n - k - 1)))):
        made[part] = mean + sd * (z[part] - z[part].mean()) / z[part].std(ddof=1)
    return made


def _draw_sexes() -> list[str]:
    """19 men and 19 women, 8 men among the 18 with a biopsy."""
    made = ["F"] * 38
    others = [i for i in range(38) if i not in BIOPSIED]
    for i in (*BIOPSIED[:8], *others[:11]):
        made[i] = "M"
    return made


def _separated(z: Array, first: NDArray[np.bool_], second: NDArray[np.bool_], t: float) -> Array:
    """The same values with group means moved so that Student's t of first minus second is exact."""
    made = z.copy()
    n1, n2 = int(first.sum()), int(second.sum())
    pooled = np.sqrt(((n1 - 1) * z[first].var(ddof=1) + (n2 - 1) * z[second].var(ddof=1)) / (n1 + n2 - 2))
    gap = t * pooled * np.sqrt(1 / n1 + 1 / n2) - (z[first].mean() - z[second].mean())
    made[first] += gap * n2 / (n1 + n2)
    made[second] -= gap * n1 / (n1 + n2)
    return made


def _harmonised(
    patients: pd.DataFrame, first: NDArray[np.bool_], second: NDArray[np.bool_], t_values: Mapping[str, float],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """MRI metrics before and after ComBat; group differences are adjusted until the t after it is as asked."""
    means = {**CENTRE, "cd_mri_per_mm3": (60_000.0, 15_000.0)}
    low = (patients["scanner"] == "1.5T").to_numpy()
    noise = {name: rng.standard_normal(38) for name in means}
    asked = {name: t_values.get(name, 0.3) for name in means}
    aimed = dict(asked)
    for _ in range(12):
        raw = {
            name: mean + sd * (_separated(noise[name], first, second, aimed[name]) + np.where(low, 0.8, 0.0))
            for name, (mean, sd) in means.items()
        }  # fmt: skip
        made = combat(np.column_stack(list(raw.values())), patients["scanner"], reference="3T").values
        aimed = {
            name: aimed[name] + asked[name] - _student_t(made[:, j], first, second)
            for j, name in enumerate(raw)
        }
    before, after = patients.copy(), patients.copy()
    for j, name in enumerate(raw):
        before[name], after[name] = raw[name], made[:, j]
    return before, after


def _student_t(values: Array, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    a, b = values[first], values[second]
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2)
    return float((a.mean() - b.mean()) / np.sqrt(pooled * (1 / len(a) + 1 / len(b))))


def read_targets(value: Callable[[str], float]) -> Targets:
    """Targets from the claims of grussu2025.

    Parameters
    ----------
    value : claim → printed number.
    """
    own = {
        "vcs_mri_um": "vcs-mri", "vcs_histo_um": "vcs-histo", "cd_mri_per_mm3": "cd-mri", "cd_histo_per_mm2": "cd-histo",
        "adc_um2_ms": "adc", "kurtosis": "k", "f_mri": "f-mri", "d0_um2_ms": "d0",
    }  # fmt: skip
    cases = {"f_ki67": "ki67", **{m: own[m] for m in list(own)[:4]}}
    volume = {"d0_um2_ms": "d0", "vcs_mri_um": "vcs", "adc_um2_ms": "adc", "kurtosis": "k"}
    tests = {
        "f_mri": (1, "crc-f-mri-p", "crc", "melanoma"), "adc_um2_ms": (-1, "crc-adc-p", "crc", "melanoma"),
        "f_histo": (1, "crc-f-histo-p", "fig8e-crc", "fig8e-melanoma"),
    }  # fmt: skip
    return Targets(
        ki67={m: value(f"ki67-{name}-r") for m, name in own.items()},
        cases={m: (value(f"ovarian-{name}"), value(f"hcc-{name}")) for m, name in cases.items()},
        volumes=(value("ovarian-volume"), value("hcc-volume")),
        volume={m: value(f"volume-{name}-r") for m, name in volume.items()},
        predicted=(value("volume-cv-r"), value("volume-cv-dki-r")),
        ages=Ages(
            (value("age-mean"), value("age-sd")), (value("biopsied-age-mean"), value("biopsied-age-sd"))
        ),
        groups={
            m: sign * float(stats.t.isf(value(p) / 2, value(a) + value(b) - 2))
            for m, (sign, p, a, b) in tests.items()
        },
    )
