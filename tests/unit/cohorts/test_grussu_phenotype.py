"""The illustration cohort of grussu2025/06 meets what it says it meets; simulations behave where theory says how."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compendium.cohorts.grussu_clusters import (
    confounding_grid,
    false_positives,
    fold_leakage,
    harmonised_differences,
)
from compendium.cohorts.grussu_phenotype import Ages, Targets, illustration_cohort
from compendium.cohorts.grussu_phenotype_tumours import (
    KI67_ORDER,
    SIZE_BOUNDS_UM,
    density,
    draw_ki67,
    exact_sample,
    ki67_correlations,
    nearest_with_first_row,
    voxel_sizes,
)
from compendium.statistics.combat import combat
from compendium.statistics.polynomials import GRUSSU_EQ_17, cross_validate_polynomial

TARGETS = Targets(
    ki67={"vcs_mri_um": -0.53, "vcs_histo_um": -0.68, "cd_mri_per_mm3": 0.80, "cd_histo_per_mm2": 0.66, "adc_um2_ms": 0.17,
          "kurtosis": 0.12, "f_mri": -0.35, "d0_um2_ms": 0.07},
    cases={"f_ki67": (0.197, 0.008), "vcs_histo_um": (23.41, 27.5), "cd_histo_per_mm2": (5240, 2440),
           "vcs_mri_um": (25.15, 29.39), "cd_mri_per_mm3": (2.08e5, 0.58e5)},
    volumes=(21e3, 431e3),
    volume={"d0_um2_ms": -0.305, "vcs_mri_um": 0.256, "adc_um2_ms": -0.092, "kurtosis": -0.035},
    predicted=(0.396, 0.244), ages=Ages((61.88, 11.90), (61.1, 12.0)),
    groups={"f_mri": 2.82, "adc_um2_ms": -2.23, "f_histo": 2.45},
)  # fmt: skip


@pytest.fixture(scope="module")
def cohort():
    return illustration_cohort(TARGETS, folds=5, seed=1)


def test_tumours_meet_the_printed_correlations_and_cases(cohort):
    t = cohort.tumours
    with_ki67 = t.dropna(subset=["f_ki67"])
    assert (len(t), t["patient"].nunique(), len(with_ki67)) == (140, 38, 10)
    for metric, r in TARGETS.ki67.items():
        assert np.corrcoef(with_ki67[metric], with_ki67["f_ki67"])[0, 1] == pytest.approx(r, abs=1e-9)
    for metric, r in TARGETS.volume.items():
        assert np.corrcoef(t[metric], t["volume_mm3"])[0, 1] == pytest.approx(r, abs=1e-9)
    for (_, row), i in zip(with_ki67.head(2).iterrows(), (0, 1), strict=True):
        assert row["volume_mm3"] == pytest.approx(TARGETS.volumes[i])
        assert all(row[m] == pytest.approx(v[i]) for m, v in TARGETS.cases.items())
    assert np.ptp(np.log10(t["volume_mm3"])) == pytest.approx(3.9, abs=0.1)
    assert (t["primary"] == "HCC").sum() == 3


def test_prediction_out_of_fold_is_as_strong_as_printed(cohort):
    t = cohort.tumours
    for (x, y), r in zip(
        (("d0_um2_ms", "vcs_mri_um"), ("adc_um2_ms", "kurtosis")), TARGETS.predicted, strict=True
    ):
        got = cross_validate_polynomial(np.log10(t["volume_mm3"]), t[x], t[y], exponents=GRUSSU_EQ_17, groups=None,
                                        folds=5, seed=1, scale="none")  # fmt: skip
        assert got.r == pytest.approx(r, abs=0.002)


def test_patients_meet_counts_moments_and_tests(cohort):
    p, h = cohort.patients, cohort.harmonised
    melanoma, crc = p["primary"] == "melanoma", p["primary"].isin(["colon", "rectal"])
    biopsied = p["f_histo"].notna()
    assert (len(p), melanoma.sum(), crc.sum(), biopsied.sum()) == (38, 8, 13, 18)
    assert (p["scanner"] == "1.5T").sum() == 11 and ((p["scanner"] == "1.5T") & crc).sum() == 1
    assert (p["sex"] == "M").sum() == 19 and (p.loc[biopsied, "sex"] == "M").sum() == 8
    assert p["age"].mean() == pytest.approx(61.88) and p["age"].std() == pytest.approx(11.90)
    assert p.loc[biopsied, "age"].mean() == pytest.approx(61.1) and p.loc[
        biopsied, "age"
    ].std() == pytest.approx(12.0)
    for column, frame in (("f_mri", h), ("adc_um2_ms", h), ("f_histo", p)):
        t = stats.ttest_ind(frame.loc[melanoma, column].dropna(), frame.loc[crc, column].dropna()).statistic
        assert t == pytest.approx(TARGETS.groups[column], abs=1e-6)
    assert p.loc[crc, "f_ki67"].notna().sum() == 4 and p.loc[melanoma, "f_ki67"].notna().sum() == 2
    assert (p["after_treatment"] == 1).sum() == 2


def test_after_is_combat_of_before(cohort):
    columns = ["adc_um2_ms", "kurtosis", "f_mri", "d0_um2_ms", "vcs_mri_um", "cd_mri_per_mm3"]
    made = combat(cohort.patients[columns], cohort.patients["scanner"], reference="3T").values
    assert np.allclose(made, cohort.harmonised[columns], rtol=1e-12)


def test_another_seed_is_another_cohort_with_the_same_statistics(cohort):
    other = illustration_cohort(TARGETS, folds=5, seed=2).tumours
    assert not np.allclose(other["adc_um2_ms"], cohort.tumours["adc_um2_ms"])
    assert np.corrcoef(other["vcs_mri_um"], other["volume_mm3"])[0, 1] == pytest.approx(0.256, abs=1e-9)


def test_density_is_a_mean_over_voxels_where_a_ratio_of_means_would_need_a_fraction_above_one():
    mean, printed, f = 25.15, 2.08e5, 0.39
    sizes = voxel_sizes(mean, printed / f / 1e9)
    low, high = SIZE_BOUNDS_UM
    assert sizes.mean() == pytest.approx(mean, abs=1e-6) and low <= sizes.min() and sizes.max() <= high
    assert density(f, sizes) == pytest.approx(printed) and printed * mean**3 * 1e-9 > 3
    with pytest.raises(ValueError, match="must admit the density"):
        voxel_sizes(mean, 0.5 / mean**3)


def test_a_compatible_matrix_is_left_alone_and_an_incompatible_one_keeps_its_first_row():
    good = np.array([[1, 0.5, 0.3], [0.5, 1, 0.2], [0.3, 0.2, 1]])
    assert np.allclose(nearest_with_first_row(good), good, atol=1e-9)
    matched = ki67_correlations(TARGETS.ki67)
    assert np.linalg.eigvalsh(matched.used)[0] > 0
    first = matched.target[0]
    assert np.array_equal(matched.used[0, 1:], first[1:]) and 0 < matched.largest_change < 0.3


def test_exact_sample_fails_with_too_few_rows_and_draws_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="at least 4 rows. Given 3"):
        exact_sample(np.eye(3), 3, np.random.default_rng(1))
    backwards = {**TARGETS.cases, "cd_mri_per_mm3": (1.0, 1e9)}
    with pytest.raises(ValueError, match="plausible draw"):
        draw_ki67(np.eye(len(KI67_ORDER)), {**backwards, "vcs_mri_um": (99.0, 98.0)}, 1)


def test_rate_of_false_positives_is_nominal_without_clusters_and_grows_as_the_formula_says():
    alone = false_positives([1] * 60, 0.5, 400, 60, seed=2)["plain"]
    assert alone == pytest.approx(0.05, abs=0.035)
    sizes, icc = [6] * 20, 0.6
    growth = 1 + (6 - 1) * icc**2
    expected = 2 * stats.norm.sf(1.96 / np.sqrt(growth))
    found = false_positives(sizes, icc, 400, 60, seed=2)
    assert found["plain"] == pytest.approx(expected, abs=0.08)
    assert 0.01 < found["patients"] < 0.6 * found["plain"]  # whole patients resampled


def test_folds_agree_on_average_when_nothing_is_shared():
    leak = fold_leakage([1] * 60, 0.0, 5, 20, seed=1)
    assert abs(leak["rows"].mean() - leak["patients"].mean()) < 0.08
    shared = fold_leakage([6] * 20, 0.8, 5, 20, seed=1)
    assert shared["rows"].mean() > 0.1 > 0.05 > shared["patients"].mean()


def test_one_scanner_and_kept_groups_give_the_planted_difference_back():
    seen = harmonised_differences((13, 8, 17), (1, 4), 11, 1.0, 1.0, 150, seed=5).mean()
    assert seen["none"] == pytest.approx(1 + 4 / 8 - 1 / 13, abs=0.15)
    assert seen["group"] == pytest.approx(1, abs=0.15) and seen["one"] == pytest.approx(1, abs=0.15)
    assert seen["plain"] < seen["group"]
    with pytest.raises(ValueError, match="must fit the groups"):
        harmonised_differences((13, 8, 17), (14, 4), 18, 1.0, 1.0, 2, seed=1)


def test_grid_of_confounding_has_its_limits():
    grid = confounding_grid(13, 8, [0, 13], [0, 8]).set_index(["low_first", "low_second"])["v"]
    assert grid[0, 8] == pytest.approx(1) and grid[13, 0] == pytest.approx(1) and grid[0, 0] == 0
    assert isinstance(grid, pd.Series)
