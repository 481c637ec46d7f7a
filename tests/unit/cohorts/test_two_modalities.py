"""The cohort of two modalities: what was planted is there, and what was not is not."""

import numpy as np
import pytest

from compendium.cohorts.two_modalities import (
    Truth,
    draw_outcome,
    feature_table,
    lose_second,
    pixel_table,
    simulate_two_modalities,
)
from compendium.cohorts.two_modalities_study import area_of, false_relations, out_of_fold, select_columns
from compendium.radiopathomics.fusion import Joining


def test_the_same_seed_gives_the_same_cohort():
    a, b = (simulate_two_modalities(10, 2, 5) for _ in range(2))
    assert np.array_equal(a.first, b.first) and a.rows.equals(b.rows)
    assert not np.array_equal(a.first, simulate_two_modalities(10, 2, 6).first)


def test_regions_of_a_subject_resemble_each_other_because_of_the_fingerprint():
    def likeness(fingerprint):
        cohort = simulate_two_modalities(40, 2, 1, Truth(fingerprint=fingerprint, noise=1.0))
        one, two = (cohort.first[i::2].reshape(40, -1) for i in (0, 1))
        own = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one, two, strict=True)])
        return own - np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one, np.roll(two, 1, 0), strict=True)])

    assert likeness(2.0) > likeness(0.0) + 0.1


def test_a_private_factor_is_seen_by_one_modality_and_a_shared_one_by_both():
    truth = Truth(shared=0.0, private=6.0, fingerprint=0.2, noise=0.2, site_gain=0.0)
    table = pixel_table(simulate_two_modalities(80, 1, 3, truth))
    areas = {
        way: area_of(out_of_fold(table, Joining(way), 3), table) for way in ("first", "second", "embedding")
    }
    assert areas["embedding"] > max(areas["first"], areas["second"]) + 0.05
    assert min(areas.values()) > 0.6


def test_displacement_moves_the_second_modality_only():
    still, moved = (simulate_two_modalities(8, 1, 2, Truth(shift=s)) for s in (0.0, 2.0))
    assert np.array_equal(still.first, moved.first) and not np.allclose(still.second, moved.second)


def test_the_second_modality_is_lost_in_whole_subjects():
    table = lose_second(feature_table(simulate_two_modalities(20, 3, 1)), 0.3, 1)
    gone = table["second_mean"].isna().groupby(table["subject"]).mean()
    assert set(gone) == {0.0, 1.0} and gone.sum() == 6
    assert not table.filter(regex="^first_").isna().any().any()


def test_outcomes_by_lot_keep_their_number_and_their_subjects():
    table = pixel_table(simulate_two_modalities(30, 2, 1))
    dealt = draw_outcome(table, 4)
    assert dealt.groupby("subject")["outcome"].nunique().max() == 1
    assert dealt["outcome"].sum() == table["outcome"].sum() and not dealt["outcome"].equals(table["outcome"])


def test_selected_columns_are_ten_of_each_modality():
    chosen = select_columns(pixel_table(simulate_two_modalities(12, 2, 1)), keep=10)
    assert [sum(c.startswith(m) for c in chosen) for m in ("first_", "second_")] == [10, 10]


def test_counting_filled_values_makes_p_small():
    table = false_relations(300, 40, 0.5, 1)
    rejected = (table["p"] < 0.05).groupby(table["values"]).mean()
    assert rejected["imputed"] > 2 * rejected["complete"] and rejected["complete"] < 0.1


@pytest.mark.parametrize("size", [(5, 1), (10, 0)])
def test_too_small_a_cohort_fails(size):
    with pytest.raises(ValueError, match="six subjects and one region"):
        simulate_two_modalities(*size, seed=1)
