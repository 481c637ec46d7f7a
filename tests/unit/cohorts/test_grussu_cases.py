"""The invented cases of grussu2025 keep what is printed, are possible, and say what they do not match."""

from pathlib import Path

import numpy as np
import pytest

from compendium import paths
from compendium.cohorts import grussu_cases as made
from compendium.cohorts.grussu_printed import count_livers, livers_of, printed_targets
from compendium.evidence.claims import load_study
from compendium.run.inputs import validate


@pytest.fixture(scope="module")
def targets():
    claims = load_study(paths.root() / "data" / "claims" / "grussu2025.yaml").claims
    return printed_targets(lambda name: claims[f"grussu2025/{name}"].interval.centre)


@pytest.fixture(scope="module")
def cohort(targets):
    return made.illustration_cohort(*targets)


@pytest.mark.parametrize("seed", [1, 5])
def test_every_printed_correlation_and_patient_is_kept_exactly(targets, seed):
    checked = made.check_cohort(made.illustration_cohort(*targets, seed=seed), *targets).set_index(
        "statistic"
    )
    near = checked.drop(index="mice vcs_histo")
    assert np.abs(near["cohort"] / near["printed"] - 1).max() < 1e-6
    assert checked.loc["mice vcs_histo", "cohort"] == pytest.approx(20, abs=5)


def test_the_matrix_is_valid_and_keeps_the_printed_entries(cohort):
    assert cohort.printed_gap < 1e-12 and cohort.eigenvalue > 0.01


def test_a_matrix_that_cannot_be_is_refused():
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    with pytest.raises(ValueError, match="must admit a matrix"):
        made.nearest_correlation(impossible, impossible != 2, steps=50)


def test_a_valid_start_is_returned_as_it_is():
    start = np.array([[1, 0.3], [0.3, 1]])
    assert np.array_equal(made.nearest_correlation(start, np.zeros((2, 2), bool)), start)


def test_scores_have_exactly_the_matrix_asked_for():
    matrix = made.nearest_correlation(np.eye(8), np.eye(8, dtype=bool)) * 0.7 + 0.3
    scores = made.exact_scores(matrix, np.random.default_rng(1))
    assert np.allclose(np.cov(scores, rowvar=False), matrix)
    assert np.allclose(scores.mean(0), 0)


def test_density_is_a_mean_over_voxels_and_no_ratio_of_means(cohort):
    own = cohort.high
    ratio = own["cd_diff_in"] * own["vcs_diff_in"] ** 3 / 1e9
    assert (ratio > own["f_diff_in"]).all()  # Jensen: the mean of 1/v³ lies above 1/mean³
    assert ratio.max() > 1  # no fraction could make it
    voxels = made.simulate_voxels(0.5, 25.0, 2e5)
    assert voxels.min() >= 8 and voxels.max() <= 40
    with pytest.raises(ValueError, match="must be possible"):
        made.simulate_voxels(0.5, 25.0, 1e4)


def test_tables_are_of_the_kind_that_the_chapter_reads_and_rankings_follow_the_text(cohort, tmp_path: Path):
    for name in ("whole", "high"):
        path = tmp_path / f"{name}.csv"
        getattr(cohort, name).to_csv(path, index=False)
        assert len(validate(path, "mri_histology")) == 25
    assert cohort.high["group"].value_counts().to_dict() == {"human": 18, "mouse": 7}
    assert cohort.high["primary"].value_counts().drop("").to_dict() == made.PRIMARIES


def test_livers_are_found_by_name_or_phenotype(cohort):
    assert [count_livers(cohort.high, k) for k in ("control", "normal", "necrosis", "infiltrated")] == [
        1,
        2,
        1,
        3,
    ]
    named = cohort.high.assign(case=[f"s{i}" for i in range(25)], phenotype=["Pat_infl"] * 7 + [""] * 18)
    assert count_livers(named, "infiltrated") == 7
    assert np.isnan(count_livers(cohort.high[cohort.high["group"] == "human"], "control"))
    assert livers_of(cohort.high.drop(columns="group")).empty


def test_what_is_said_not_to_be_matched_differs_between_seeds(targets, cohort):
    other = made.illustration_cohort(*targets, seed=5).high
    own = [
        t[t["group"] == "mouse"][["vcs_diff_in", "vcs_histo"]].corr().iloc[0, 1] for t in (cohort.high, other)
    ]
    assert abs(own[0] - own[1]) > 0.02 and "within mice" in made.NOT_MATCHED[0]
