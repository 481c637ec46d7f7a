"""Simulated windows: what is planted is found again, and seeds keep what they should."""

from dataclasses import replace

import numpy as np
import pytest

from compendium.cohorts.window import Scene, draw_pair, draw_warp, field_points, find_forks, thin_out
from compendium.cohorts.window_sequences import count_visible_forks, paint_pair
from compendium.cohorts.window_study import (
    awkward_landmarks,
    compare_raters,
    find_swaps,
    free_form_map,
    judge_registrations,
    map_difference,
    mean_rmse,
    recover_warps,
    repeat_design,
    rms,
)
from compendium.registration import Grid, UnusableLandmarksError, estimate_landmark_transform
from compendium.registration.resample import resample_mean, resample_volume

SMALL = Scene(landmarks=12)


def test_warp_has_the_stated_size_and_its_derivative():
    scene = Scene(
        turn_deg=0, stretch=0, warp_um=25, warp_length_um=100
    )  # many lengths: the mean is the shift
    points = field_points(scene.size_um, 4000, 1)
    moved = draw_warp(scene, 2).apply(points) - points
    assert (moved - moved.mean(axis=0)).std() == pytest.approx(25, rel=0.1)
    warp, step = draw_warp(Scene(), 3), 0.01
    numeric = [(warp.apply(points[:5] + step * e) - warp.apply(points[:5])) / step for e in np.eye(3)]
    assert np.allclose(warp.jacobian(points[:5]), np.stack(numeric, axis=2), atol=1e-4)


def test_more_landmarks_keep_the_first_and_another_click_error_keeps_directions():
    few, many = draw_pair(SMALL, 5), draw_pair(replace(SMALL, landmarks=20), 5)
    assert np.array_equal(few.clicked_um, many.clicked_um[:12])
    wide = draw_pair(replace(SMALL, click_um=40, depth_um=60), 5)
    assert np.allclose(wide.clicked_um - wide.true_um, 2 * (few.clicked_um - few.true_um))
    assert draw_pair(SMALL, 5, vessels=1).tree is draw_pair(SMALL, 6, vessels=1).tree


def test_landmarks_are_forks_apart_from_each_other():
    pair = draw_pair(SMALL, 7)
    forks = find_forks(pair.tree)
    assert all(np.isclose(forks, p).all(axis=1).any() for p in pair.fixed_um)
    assert len(thin_out(pair.fixed_um, 120)) == len(pair.fixed_um)
    with pytest.raises(ValueError, match="as many forks as landmarks"):
        draw_pair(replace(SMALL, landmarks=5000), 7)


def test_without_warp_and_clicks_every_transform_is_exact():
    plain = Scene(warp_um=0, click_um=0, depth_um=0, stretch=0, landmarks=12)
    table = judge_registrations(plain, 1, 2)
    assert table[["residual", "left_out", "held_out", "true"]].to_numpy().max() < 1e-6


def test_error_grows_with_clicks_and_warp():
    quiet = recover_warps(SMALL, (12,), (0, 1, 3), 3, 1).groupby(["clicks", "mode"])["true"].mean()
    for mode in ("rigid", "affine", "elastic"):
        assert quiet[0, mode] < quiet[1, mode] < quiet[3, mode]
    strong = recover_warps(replace(SMALL, warp_um=80), (12,), (0,), 3, 1).groupby("mode")["true"].mean()
    assert strong["elastic"] < strong["affine"] < strong["rigid"]
    assert strong["rigid"] > 2 * quiet[0, "rigid"]


def test_raters_who_share_all_their_error_agree_and_are_no_better():
    cells = compare_raters(SMALL, 2, (0.0, 0.999), seed=3)
    for share, part in cells.groupby("shared"):
        assert len(part) == 12 and set(part["slice"]) <= set(range(1, 8))
        disagreement, error = mean_rmse(part, ["apart"]), mean_rmse(part, ["error_1", "error_2"])
        assert (disagreement < 3 < 15 < error) if share else (error < disagreement < 3 * error)
    exact = compare_raters(replace(SMALL, click_um=0, depth_um=0), 1, (0.0,), seed=3)
    assert exact["apart"].max() < 1e-6 and exact["error_1"].max() > 0.1  # what landmarks do not sample


def test_repeated_designs_find_a_strong_warp():
    scene = Scene(landmarks=25, warp_um=120, click_um=5, depth_um=5)
    table = repeat_design(scene, 3, 6, seed=1)
    assert (table["lowest"] == "elastic").all() and (table["friedman_p"] < 0.05).all()


def test_swapped_labels_are_found_or_refused():
    found, refused = find_swaps(SMALL, 6, 1)
    assert found + refused > 0.8


def test_every_awkward_set_is_refused():
    for x, y, kind in awkward_landmarks(draw_pair(SMALL, 9)).values():
        with pytest.raises(UnusableLandmarksError):
            estimate_landmark_transform(x, y, kind)


def test_free_form_map_follows_an_affine_exactly_and_differs_from_a_thin_plate():
    pair = draw_pair(Scene(), 4)
    points = field_points((2800, 2800, 600), 200, 1) + 60
    straight = pair.fixed_um @ np.diag([1.01, 0.99, 1.02]) + 5
    made = free_form_map(pair.fixed_um, straight, points, pair.scene.size_um)
    assert rms(made - (points @ np.diag([1.01, 0.99, 1.02]) + 5)) < 1e-3
    plate = estimate_landmark_transform(pair.fixed_um, pair.clicked_um, "thin-plate")
    apart = free_form_map(pair.fixed_um, pair.clicked_um, points, pair.scene.size_um) - plate.apply(points)
    assert 5 < rms(apart) < 60
    assert map_difference(plate, plate, pair.scene.size_um) == 0


def test_painted_pair_matches_after_the_true_warp():
    pair = draw_pair(SMALL, 2)
    (mri, fixed), (blood, moving) = paint_pair(pair, 1)
    assert fixed.shape == mri.shape == (7, 30, 30) and moving.contains(pair.true_um).all()
    right = resample_mean(blood, moving, pair.warp, fixed).volume
    dark = -(mri - np.median(mri))
    kept = np.isfinite(right)
    shifted = np.roll(right, 5, axis=2)
    assert np.corrcoef(dark[kept], right[kept])[0, 1] > 0.5
    assert abs(np.corrcoef(dark[kept], shifted[kept])[0, 1]) < 0.15


def test_mean_over_voxels_differs_from_reading_their_centres():
    rng = np.random.default_rng(1)
    fine = Grid((6, 30, 30), (10, 10, 10), (-25, -145, -145))
    volume = rng.normal(size=fine.shape)
    coarse = Grid((1, 5, 5), (60, 60, 60), (0, -120, -120))
    stay = estimate_landmark_transform(*2 * [rng.uniform(0, 99, (5, 3))], "rigid")
    mean = resample_mean(volume, fine, stay, coarse)
    blocks = volume.reshape(1, 6, 5, 6, 5, 6).mean(axis=(1, 3, 5))
    assert np.allclose(mean.volume, blocks, atol=1e-6) and "6×6×6 points" in mean.method
    assert not np.allclose(resample_volume(volume, fine, stay, coarse).volume, blocks, atol=0.1)
    fewer = resample_mean(volume, fine, stay, coarse, most_voxels=25 * 60)
    assert "fewer than the voxels" in fewer.method
    finer = resample_mean(volume, fine, stay, fine)
    assert np.allclose(finer.volume, volume, atol=1e-6)


def test_mean_is_missing_where_most_of_a_voxel_lies_outside():
    fine = Grid((2, 4, 4), (10, 10, 10))
    coarse = Grid((1, 2, 2), (20, 20, 20), (25, 5, 5))
    stay = estimate_landmark_transform(*2 * [np.random.default_rng(1).uniform(0, 99, (5, 3))], "rigid")
    found = resample_mean(np.ones(fine.shape), fine, stay, coarse).volume
    assert np.allclose(found[0, :, 0], 1) and np.isnan(found[0, :, 1]).all()


def test_more_signal_shows_more_forks_and_finer_voxels_do():
    scene = Scene(size_um=(1500, 1500, 500), landmarks=5)
    table = count_visible_forks(scene, 1, 2, (20.0, 200.0)).set_index(["snr", "sequence"])["landmarks"]
    assert table[20.0].sum() < table[200.0].sum()
    assert table[200.0, "T2*w, fine"] >= table[200.0, "T2*w"]
