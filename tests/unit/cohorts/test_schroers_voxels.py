"""The simulated animals of schroers2026: limits of the forward model, displacement, printed counts kept, studies."""

from dataclasses import replace

import numpy as np
import pytest

from compendium.cohorts import schroers_illustration as drawn
from compendium.cohorts import schroers_study as study
from compendium.cohorts.schroers_embedding import CONTRASTS, checksum, embed, embedding_input
from compendium.cohorts.schroers_voxels import (
    BULKY,
    COOLED,
    SURFACE,
    Coil,
    displace,
    scan_cohort,
    scan_tumour,
    scan_vessels,
    spin_echo,
)  # fmt: skip
from compendium.cohorts.tumour import simulate_mri
from compendium.microscopy.voxels import GLIOMA_BINS, GROWTH_BINS, VESSEL_BINS, bin_density

GG16 = ((5408, 4636, 7691, 4930, 4890), (14173, 2224, 2313, 2192, 2566, 4087), (1, 3, 3, 3, 3))
S24 = ((11752, 20541, 17593, 27689, 18025), (69490, 12333, 8881, 3292, 1156, 447), (3, 8, 8, 11, 7))


def test_spin_echo_equals_the_full_forward_model_without_noise():
    rng = np.random.default_rng(1)
    density, blood = rng.random((20, 20, 20)), 0.3 * rng.random((20, 20, 20))
    full = simulate_mri(density, blood, np.zeros(blood.shape, bool), 10.0, snr=np.inf).t2w
    assert spin_echo(density, blood, 10.0, snr=np.inf, seed=1) == pytest.approx(full, rel=1e-5)


def test_displacement_has_the_stated_size():
    ramp = np.arange(80.0)[None, None, :] * np.ones((35, 80, 1))
    moved = np.stack([displace(ramp, 20.0, 60.0, seed) - ramp for seed in range(40)])[..., 20:60]
    assert moved.std() * 20 == pytest.approx(60 / np.sqrt(3), rel=0.12)


def test_nothing_has_grown_on_day_0_and_more_later():
    volumes = [scan_tumour([4, 0], BULKY, day, COOLED)["density"].mean() for day in (0, 30, 60)]
    assert volumes[0] == 0 < volumes[1] < volumes[2]


def test_signal_of_normal_voxels_is_0_and_1_by_construction():
    frame = scan_tumour([4, 0], BULKY, 50, COOLED)
    normal = frame.loc[frame["label"] == 3, "t2w"]
    assert abs(normal.mean()) < 1e-9 and normal.std(ddof=0) == pytest.approx(1)


def test_tissue_of_an_animal_does_not_depend_on_coil_or_registration():
    one, two = (
        scan_tumour([4, 1], BULKY, 50, coil, registration_um=um)
        for coil, um in ((COOLED, 0.0), (SURFACE, 80.0))
    )
    assert (one["truth"] == two["truth"]).all() and (one["density"] != two["density"]).any()


def test_without_registration_error_density_is_the_truth_up_to_counting():
    frame = scan_tumour([4, 1], BULKY, 60, COOLED)
    assert np.abs(frame["density"] - frame["truth"]).max() < 6 * 0.5 / np.sqrt(125)


def test_a_noisier_coil_has_smaller_z_and_the_same_raw_change():
    means = {}
    for coil in (Coil("quiet", 200.0), Coil("loud", 10.0)):
        frame = scan_cohort(BULKY, coil, 1, (60,), seed=2)
        dense, none = frame[frame["density"] > 0.5], frame[frame["density"] == 0]
        means[coil.name] = dense["t2w"].mean(), dense["t2w_raw"].mean() / none["t2w_raw"].mean()
    assert means["quiet"][0] > 2 * means["loud"][0]
    assert means["quiet"][1] == pytest.approx(means["loud"][1], rel=0.05)


def test_vessels_darken():
    frame = scan_vessels([1, 2])
    assert frame["density"].corr(frame["t2w"]) < -0.3


def test_a_signal_that_leads_is_brighter_where_no_tumour_is_yet():
    frames = [
        scan_tumour([4, 1], replace(BULKY, lead_um=lead), 60, Coil("quiet", 1e6), texture=0.0)
        for lead in (0.0, 150.0)
    ]
    change = [
        f["t2w_raw"][(f["truth"] > 0.02) & (f["truth"] < 0.1)].mean() / f["t2w_raw"].median() for f in frames
    ]
    assert (frames[0]["truth"] == frames[1]["truth"]).all() and change[1] > change[0]


@pytest.mark.parametrize(("model", "counts"), [("GG16", GG16), ("S24", S24)])
def test_the_illustration_keeps_the_printed_counts(model, counts):
    frame = drawn.draw_voxels(model, *counts, seed=3)
    by_bin = np.bincount(bin_density(frame["density"], GLIOMA_BINS).codes)
    by_day = frame.groupby("day").size().to_numpy()
    surplus = sum(counts[0]) - sum(counts[1])
    assert tuple(by_bin) == counts[1]
    assert np.abs(by_day - counts[0]).sum() == surplus
    assert tuple(frame.groupby("day")["dataset"].nunique()) == counts[2]


def test_vessel_and_growth_illustrations_keep_their_counts_and_limits():
    vessel = drawn.draw_vessel_voxels([19, 33, 8, 2, 1], VESSEL_BINS, seed=1)
    assert tuple(np.bincount(bin_density(vessel["density"], VESSEL_BINS).codes)) == (19, 33, 8, 2, 1)
    growth = drawn.draw_growth((50, 20, 9), seed=1)
    assert tuple(np.histogram(growth["growth"], GROWTH_BINS)[0]) == (50, 20, 9)
    end = growth["density"] + growth["growth"] * growth["days"] / 100
    assert end.between(-1e-9, 1 + 1e-9).all()


def test_sharing_out_keeps_both_margins_for_any_weights():
    rng = np.random.default_rng(1)
    for _ in range(20):
        table = rng.integers(0, 30, (4, 5))
        made = drawn.share_out(table.sum(axis=1), table.sum(axis=0), rng.random((4, 5)) + 0.01)
        assert (
            (made >= 0).all()
            and (made.sum(axis=0) == table.sum(axis=0)).all()
            and (made.sum(axis=1) == table.sum(axis=1)).all()
        )


def test_tests_over_voxels_find_relations_that_are_not_there():
    found = study.null_cohorts(25, 4, seed=5)
    assert (found["voxel_p"] < 0.05).mean() > 0.5 > 0.3 > (found["animal_p"] < 0.05).mean()


def test_independent_voxels_would_not():
    found = study.null_cohorts(40, 3, seed=5, width=0.01, noise=3.0)
    assert (found["voxel_p"] < 0.05).mean() < 0.2


def test_a_clean_map_has_no_bias_when_the_threshold_comes_first():
    truth, _ = study.make_probabilities(2, slices=66, pixels=40)
    rows = study.compare_orders(truth, (truth * 65535).astype(np.uint16)).set_index("way")
    assert rows.loc["threshold, then mean (macros)", "bias"] == pytest.approx(0, abs=1e-12)
    assert rows.loc["mean, then threshold (text)", "bias"] > 0.02
    assert rows.loc["macros, bilinear without averaging", "moved"] > 0.1


def test_alignment_by_whole_voxels_leaves_a_uniform_remainder():
    found = study.alignment_study(150, 0.0, 5, seed=1)
    assert np.sqrt((found["integer_um"] ** 2).mean()) == pytest.approx(50, rel=0.1)
    assert found["subvoxel_um"].max() < 1e-6


def test_registration_error_lowers_the_correlation():
    found = study.registration_cost(BULKY, (0.0, 300.0), 1, (50,), seed=1)
    assert found["ratio"].tolist()[0] == 1 > 0.95 > found["ratio"].tolist()[1]


def test_the_stored_embedding_belongs_to_the_voxels_that_are_simulated_now():
    import json

    from compendium import paths

    stored = json.loads((paths.root() / "data/derived/schroers2026/embedding.json").read_text())
    assert stored["sha256 of the contrasts"] == checksum(embedding_input())
    assert set(stored["contrasts"]) == set(CONTRASTS)


def test_an_embedding_of_too_few_voxels_is_refused():
    with pytest.raises(ValueError, match="at least 17 rows"):
        embed(np.ones((5, 3)), 1)
