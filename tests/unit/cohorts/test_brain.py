"""Simulated brains: what is planted is there, and displacement does what it says."""

import nibabel
import numpy as np
import pytest

from compendium.cohorts.brain import MARK, Tissue, simulate_brain, take_biopsies, take_slides, write_brain
from compendium.cohorts.brain_study import cut_tiles, healthy_flair, read_biopsies, stack_contrasts
from compendium.maps.cellularity_samples import SIMULATED

SMALL = {"shape": (44, 52, 12), "spacing_mm": 3.0}


@pytest.fixture(scope="module")
def brain():
    return simulate_brain("S1", [4, 0], **SMALL)


def test_the_same_seed_gives_the_same_brain_and_another_radius_moves_only_the_tumour(brain):
    again = simulate_brain("S1", [4, 0], **SMALL)
    assert all(np.array_equal(brain.contrasts[k], again.contrasts[k]) for k in brain.contrasts)
    larger = simulate_brain("S1", [4, 0], tumour_radius_mm=25, **SMALL)
    assert larger.core.sum() > brain.core.sum() and larger.staining == brain.staining
    far = (
        brain.mask & (np.indices(brain.mask.shape)[0] > 36)
        if np.argwhere(brain.core)[:, 0].mean() < 22
        else (brain.mask & (np.indices(brain.mask.shape)[0] < 8))
    )
    assert np.allclose(larger.density[far], brain.density[far], rtol=0.02)


def test_cells_lower_adc_when_nothing_else_differs():
    calm = Tissue(noise=0.0, patient_spread=0.0, gain_spread=0.0)
    b = simulate_brain("S1", [4, 0], calm, **SMALL)
    solid = b.core & (b.density > 3000)
    assert np.corrcoef(b.density[solid], b.contrasts["adc"][solid])[0, 1] < -0.3
    assert all((b.contrasts[k][~b.mask] == 0).all() for k in b.contrasts)


def test_gains_differ_between_brains_but_not_for_adc():
    made = [simulate_brain(f"S{i}", [4, i], **SMALL) for i in range(6)]
    t1 = [np.median(b.contrasts["t1"][b.mask]) for b in made]
    adc = [np.median(b.contrasts["adc"][b.mask]) for b in made]
    assert np.std(t1) / np.mean(t1) > 0.1 > np.std(adc) / np.mean(adc)


def test_slides_in_place_count_what_is_there_and_displaced_ones_do_not(brain):
    gaps = []
    for displaced in (0.0, 3.0, 9.0):
        index, table = take_slides(brain, 5, displaced, seed=2, step=2)
        assert len(index) == len(table) and brain.mask[tuple(index.T)].all()
        gaps.append(float(np.mean((table["histology"] / brain.staining - table["truth"]) ** 2)))
    assert gaps[0] < gaps[1] < gaps[2]


def test_biopsies_are_planned_at_the_same_places_whatever_the_targeting_error(brain):
    hit, miss = (take_biopsies(brain, 8, m, seed=3) for m in (0.0, 10.0))
    assert hit[["x_mm", "y_mm", "z_mm", "truth"]].equals(miss[["x_mm", "y_mm", "z_mm", "truth"]])
    assert np.allclose(hit["histology"] / hit["truth"] / brain.staining, 1, atol=0.2)
    assert (miss["histology"] / miss["truth"] / brain.staining - 1).abs().max() > 0.3


def test_planned_places_are_in_the_space_of_the_affine(brain):
    place = take_biopsies(brain, 5, 0.0, seed=3)[["x_mm", "y_mm", "z_mm"]].to_numpy()
    voxel = (place - brain.affine[:3, 3]) / brain.spacing_mm
    assert np.allclose(voxel, np.round(voxel)) and brain.mask[tuple(np.round(voxel).astype(int).T)].all()


def test_written_brains_say_that_they_are_simulated(brain, tmp_path):
    paths = write_brain(brain, tmp_path)
    image = nibabel.load(paths["adc"])
    assert MARK.encode() == SIMULATED and bytes(image.header["descrip"]).startswith(SIMULATED)
    assert np.array_equal(np.asarray(image.dataobj), brain.contrasts["adc"])


def test_tables_of_tiles_keep_their_rows_when_slides_are_displaced(brain):
    stacks = stack_contrasts([brain], "images")
    still, moved = (cut_tiles([brain], stacks, d, seed=1, side=3) for d in (0.0, 6.0))
    same = [c for c in still if c != "histology"]
    assert still[same].equals(moved[same]) and not np.allclose(still["histology"], moved["histology"])


def test_a_perfect_map_read_without_targeting_error_agrees_with_the_truth(brain):
    table = read_biopsies(
        [brain], lambda b, index: b.density[tuple(index.T)].astype(float), [0.0], seed=2, diameter_mm=9
    )
    assert np.allclose(table["map"], table["truth"], rtol=0.01)


def test_healthy_tissue_reads_fainter_beside_a_larger_tumour():
    assert healthy_flair(22, seed=1) < 0.9 * healthy_flair(9, seed=1)
