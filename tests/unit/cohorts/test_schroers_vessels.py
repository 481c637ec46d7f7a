"""Phantom animals for learned vessels: the same vessels in every condition, displaced as much as was asked for."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from compendium import paths
from compendium.cohorts.schroers_learning import CONDITIONS, SEEDS, mean_width_error
from compendium.cohorts.schroers_vessels import (
    checksum,
    displace_mask,
    displacement_field,
    make_cohort,
)
from compendium.microscopy.overlap import dice
from compendium.microscopy.vessel_paths import widths_across

FOLDER = paths.root() / "data" / "derived" / "schroers2026"


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(4, animals=2, slices=2)


def test_a_cohort_is_reproducible_and_counts_as_asked(cohort):
    assert (
        len(cohort) == 2 * 2 * 2
        and len({s.animal for s in cohort}) == 2
        and len({s.dataset for s in cohort}) == 4
    )
    assert checksum(cohort) == checksum(make_cohort(4, animals=2, slices=2))
    assert checksum(cohort) != checksum(make_cohort(5, animals=2, slices=2))


def test_registration_error_moves_the_microscopy_and_nothing_else(cohort):
    exact = make_cohort(4, animals=2, slices=2, registration_um=0)
    for s, e in zip(cohort, exact):
        assert np.array_equal(s.image, e.image) and np.array_equal(s.vessels, e.vessels)
        assert np.array_equal(e.registered, e.vessels) and e.error_um == 0
    assert 0.2 < np.mean([dice(s.vessels, s.registered) for s in cohort]) < 0.8


def test_time_points_of_an_animal_share_vessels_but_not_noise(cohort):
    first, later = cohort[0], cohort[2]
    assert first.animal == later.animal and first.dataset != later.dataset
    assert not np.array_equal(first.image, later.image)
    best = max(dice(np.roll(first.vessels, (dy, dx), (0, 1))[8:-8, 8:-8], later.vessels[8:-8, 8:-8])
               for dy in range(-4, 5) for dx in range(-4, 5))  # fmt: skip
    assert best > 0.8


def test_vessels_are_dark_and_wider_ones_darker(cohort):
    inside = np.mean([s.image[s.vessels].mean() for s in cohort])
    outside = np.mean([s.image[~s.vessels].mean() for s in cohort])
    assert inside < outside - 0.1


def test_the_filter_leaves_thin_vessels_out():
    every, wide = make_cohort(4, animals=1, filter_um=0), make_cohort(4, animals=1, filter_um=60)
    kept = [(w.vessels <= e.vessels).all() for e, w in zip(every, wide)]
    assert all(kept) and sum(w.vessels.sum() for w in wide) < 0.8 * sum(e.vessels.sum() for e in every)


def test_paths_lie_in_vessels_of_their_diameter(cohort):
    every = make_cohort(4, animals=2, slices=2, filter_um=0)
    errors = [
        np.nanmedian(widths_across(s.vessels, p, (25, 25))) - p.diameter_um for s in every for p in s.paths
    ]
    assert len(errors) > 10 and np.abs(errors).max() <= 25.0
    assert [len(s.paths) for s in every] == [len(s.paths) for s in cohort]
    assert abs(mean_width_error(every, [s.vessels for s in every])) < 15


def test_displacements_have_the_size_and_are_smooth():
    field = displacement_field(np.random.default_rng(1), (80, 80), 50.0)
    assert np.abs(np.diff(field, axis=1)).max() < 10
    assert (displacement_field(np.random.default_rng(1), (80, 80), 0.0) == 0).all()
    mask = np.zeros((30, 30), bool)
    mask[10:15, 10:15] = True
    moved = displace_mask(mask, np.full((2, 30, 30), 75.0))
    assert np.array_equal(moved, np.roll(mask, (3, 3), (0, 1)))


@pytest.mark.parametrize(("wrong", "message"), [({"slices": 5}, "slices"), ({"animals": 0}, "animals"),
                                                ({"snr": 0.1}, "snr"), ({"registration_um": -1}, "registration_um")])  # fmt: skip
def test_impossible_cohorts_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_cohort(1, **wrong)


def test_stored_table_has_its_checksum_and_every_condition():
    recipe = json.loads((FOLDER / "learned_vessels.json").read_text(encoding="utf-8"))
    content = (FOLDER / "learned_vessels.csv").read_bytes()
    assert recipe["sha256"]["learned_vessels.csv"] == hashlib.sha256(content).hexdigest()
    table = pd.read_csv(FOLDER / "learned_vessels.csv")
    assert set(table["condition"]) == {c.name for c in CONDITIONS} and set(table["seed"]) == set(SEEDS)
    assert len(table) == 2 * len(CONDITIONS) * len(SEEDS) and table.notna().all().all()
