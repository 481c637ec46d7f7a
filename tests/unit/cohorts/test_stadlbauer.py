"""The illustration cohorts meet what is printed where it is compatible, and say where they do not."""

import numpy as np
import pytest

from compendium.cohorts.stadlbauer import check_marker_cohort, marker_cohort
from compendium.cohorts.stadlbauer_detections import check_detection_cohort, detection_cohort
from compendium.statistics.auc import auroc

TARGETS = {"cbv": (0.941, 0.918, 0.965), "ucbv": (0.982, 0.965, 0.998), "mti": (0.987, 0.976, 0.999)}


@pytest.fixture(scope="module")
def markers():
    return marker_cohort(TARGETS)


@pytest.fixture(scope="module")
def detections():
    return detection_cohort()


def test_paired_reads_and_patients_are_the_printed_ones(markers):
    cells = markers.groupby(["reference", "read_cmri", "read_uperf"]).agg(
        n=("patient", "size"), k=("patient", "nunique")
    )
    assert cells["n"].to_dict() == {(0, 0, 0): 75, (0, 0, 1): 1, (0, 1, 0): 2, (0, 1, 1): 3,
                                    (1, 0, 0): 1, (1, 0, 1): 57, (1, 1, 0): 6, (1, 1, 1): 277}  # fmt: skip
    assert [int(cells["k"][1, c, u]) for c, u in ((1, 1), (0, 1), (1, 0), (0, 0))] == [239, 55, 6, 1]
    recurrences = markers[markers["reference"] == 1].groupby("patient").size().value_counts().to_dict()
    assert recurrences == {1: 239, 2: 37, 3: 8, 4: 1}
    assert markers["patient"].nunique() == 351 and markers["examination"].is_unique


def test_areas_and_intervals_round_to_the_printed_ones(markers):
    fit = check_marker_cohort(markers, TARGETS).set_index("statement")
    assert fit.loc[[s for s in fit.index if "AUROC" in s or "limit" in s], "met"].all()


def test_what_is_not_met_is_listed(markers):
    fit = check_marker_cohort(markers, TARGETS)
    assert set(fit.loc[~fit["met"], "statement"]) == {
        "cbv: FN against TN", "cbv: FN against white matter", "ucbv: FP against white matter", "mti: FP against white matter",
    }  # fmt: skip


def test_another_area_is_followed():
    cohort = marker_cohort({"mti": (0.95, 0.925, 0.975)}, seed=2)
    assert auroc(cohort["reference"], cohort["marker_mti"]) == pytest.approx(0.95, abs=0.001)


def test_examinations_of_one_patient_are_alike_when_asked():
    def likeness(alike):
        cohort = marker_cohort({"mti": TARGETS["mti"]}, seed=1, alike=alike)
        found = cohort[(cohort["reference"] == 1) & (cohort["read_cmri"] == 1) & (cohort["read_uperf"] == 1)]
        pairs = [g["marker_mti"].to_numpy() for _, g in found.groupby("patient") if len(g) > 1]
        return np.corrcoef([p[0] for p in pairs], [p[1] for p in pairs])[0, 1]

    assert likeness(1.0) == pytest.approx(1) and abs(likeness(0.0)) < 0.6


def test_a_share_outside_zero_and_one_is_refused():
    with pytest.raises(ValueError, match=r"alike must lie in \[0, 1\]. Given 1.2"):
        marker_cohort(TARGETS, alike=1.2)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_only_the_largest_first_volume_is_not_met(seed):
    fit = check_detection_cohort(detection_cohort(seed=seed))
    assert fit.loc[~fit["met"], "statement"].to_list() == ["first max"]


def test_pairs_grow_by_the_printed_least_growth_and_dates_are_in_order(detections):
    later = detections[detections["date_later"] > detections["date_first"]]
    assert len(later) == 35
    assert (later["volume_later"] / later["volume_first"] - 1).min() >= 0.375
    assert (later["date_negative"] < later["date_later"]).all()
    assert (later["date_negative"] > later["date_first"]).sum() == 7
    assert detections["date_later"].isna().sum() == 22


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match="At least 15 pairs are needed to match the moments. Given 6"):
        detection_cohort(pairs=6)


def test_the_same_seed_gives_the_same_cohort(markers, detections):
    assert markers.equals(marker_cohort(TARGETS)) and detections.equals(detection_cohort())
