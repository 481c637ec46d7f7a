"""Vessels learned pixel by pixel: features that turn with the image, folds that keep animals together, planted vessels found."""

import numpy as np
import pytest
from scipy import ndimage

from compendium.microscopy.learned import (
    Training,
    animal_folds,
    apply_symmetry,
    draw_pixels,
    pixel_features,
    predict_out_of_fold,
    predict_vessels,
    random_slice_folds,
    standardise,
    train_vessels,
)
from compendium.microscopy.mask_scores import (
    average_scores,
    best_threshold,
    cut_out_of_fold,
    flip_masks,
    score_masks,
    score_slices,
)
from compendium.microscopy.overlap import dice
from compendium.microscopy.vessel_paths import VesselPath, shown_share, trace_paths, widths_across

PX = (25.0, 25.0)
SMALL = Training(rounds=15, pixels=150)


def slices(count, seed=1, noise=0.4):
    """Curves as dark vessels, in another place in every slice."""
    rng = np.random.default_rng(seed)
    images, masks = [], []
    for _ in range(count):
        mask = np.zeros((48, 52), bool)
        x = np.arange(52)
        for _ in range(2):
            y = rng.uniform(6, 42) + 5 * np.sin(x / rng.uniform(6, 12) + rng.uniform(0, 6))
            for k in range(-1, 2):
                mask[np.clip(y.astype(int) + k, 0, 47), x] = True
        images.append(
            3 - ndimage.gaussian_filter(mask.astype(float), 1) + noise * rng.standard_normal(mask.shape)
        )
        masks.append(mask)
    return images, masks


def test_features_turn_and_flip_with_the_image_except_the_directions():
    image = slices(1)[0][0]
    plain = pixel_features(image)
    for number in range(8):
        turned = pixel_features(apply_symmetry(image, number))
        for column in range(13):  # image, smooth, gradient and eigenvalues
            assert np.allclose(turned[..., column], apply_symmetry(plain[..., column], number), atol=2e-4)
        rings = np.sort(turned[..., 13:], axis=-1)
        assert np.allclose(rings, apply_symmetry(np.sort(plain[..., 13:], axis=-1), number), atol=2e-4)


def test_features_do_not_know_the_units_of_the_image():
    image = slices(1)[0][0]
    assert np.allclose(pixel_features(image), pixel_features(1000 * image - 7), atol=1e-4)
    assert (standardise(np.full((20, 20), 3.0)) == 0).all()


def test_the_eight_symmetries_differ_and_keep_the_pixels():
    plane = np.arange(12).reshape(3, 4)
    made = {apply_symmetry(plane, k).tobytes() + bytes(apply_symmetry(plane, k).shape) for k in range(8)}
    assert len(made) == 8
    assert all(sorted(apply_symmetry(plane, k).ravel()) == list(range(12)) for k in range(8))


@pytest.mark.parametrize("folds", [2, 3, 5, 9])
def test_no_animal_is_on_both_sides_and_every_slice_is_tested_once(folds):
    animals = np.repeat([f"m{i}" for i in range(7)], [1, 4, 2, 6, 3, 1, 2])
    parts = animal_folds(animals, folds, seed=3)
    assert len(parts) == min(folds, 7)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(animals)))
    for rows in parts:
        assert not set(animals[rows]) & set(np.delete(animals, rows))


def test_random_folds_do_split_animals():
    animals = np.repeat(["a", "b", "c"], 6)
    parts = random_slice_folds(18, 3, seed=1)
    assert any(set(animals[rows]) & set(np.delete(animals, rows)) for rows in parts)


def test_planted_vessels_are_found_and_flipped_masks_teach_nothing():
    images, masks = slices(12)
    parts = animal_folds(np.repeat(list("abcd"), 3), 4, seed=1)
    found = cut_out_of_fold(predict_out_of_fold(images, masks, parts, SMALL), masks, parts)
    assert np.mean([dice(p, m) for p, m in zip(found, masks)]) > 0.75
    wrong = flip_masks(masks, seed=1)
    control = cut_out_of_fold(predict_out_of_fold(images, wrong, parts, SMALL), wrong, parts)
    assert np.mean([dice(p, m) for p, m in zip(control, masks)]) < 0.4


def test_a_prediction_does_not_depend_on_the_masks_of_its_own_fold():
    images, masks = slices(6)
    parts = animal_folds(list("aabbcc"), 3, seed=1)
    other = [m.copy() for m in masks]
    rows = parts[0]
    for i in rows:
        other[i] = ~masks[i]
    first, second = (predict_out_of_fold(images, m, parts, SMALL) for m in (masks, other))
    assert all(np.array_equal(first[i], second[i]) for i in rows)
    assert not any(np.array_equal(first[i], second[i]) for i in parts[1])


def test_probabilities_are_those_of_the_slices_not_of_the_draw():
    images, masks = slices(8, noise=3.0)
    model = train_vessels(images, masks, Training(rounds=30, pixels=400))
    mean = np.mean([predict_vessels(model, i).mean() for i in images])
    assert mean == pytest.approx(np.mean([m.mean() for m in masks]), rel=0.35)


def test_blocks_change_nothing_and_seeds_decide():
    images, masks = slices(4)
    model = train_vessels(images, masks, SMALL)
    whole = predict_vessels(model, images[0])
    assert np.array_equal(whole, predict_vessels(model, images[0], block=97))
    again = predict_vessels(train_vessels(images, masks, SMALL), images[0])
    assert np.array_equal(whole, again)
    other = train_vessels(images, masks, Training(rounds=15, pixels=150, seed=2))
    assert not np.array_equal(whole, predict_vessels(other, images[0]))


def test_half_of_the_drawn_pixels_are_vessels_where_there_are_enough():
    images, masks = slices(2)
    drawn = draw_pixels(images, masks, Training(pixels=100))
    assert [len(d.truth) for d in drawn] == [200, 200] and drawn[0].truth.mean() == 0.5
    empty = draw_pixels(images, [np.zeros_like(m) for m in masks], Training(pixels=100))
    assert len(empty[0].truth) == 200 and not empty[0].truth.any()


def test_the_best_threshold_is_the_best_of_all():
    image, mask = slices(1)[0][0], slices(1)[1][0]
    cut = best_threshold([-image], [mask])
    every = [dice(-image > c, mask) for c in np.quantile(-image, np.linspace(0.5, 0.999, 400))]
    assert dice(-image > cut, mask) == pytest.approx(max(every), abs=0.01)


def test_a_threshold_never_sees_its_own_fold():
    values = [np.arange(16.0).reshape(4, 4) * k for k in (1, 1, 5, 5)]
    masks = [v > v.max() / 2 for v in values]
    parts = [np.array([0, 1]), np.array([2, 3])]
    changed = [np.zeros((4, 4), bool), np.zeros((4, 4), bool), *masks[2:]]
    first, second = cut_out_of_fold(values, masks, parts), cut_out_of_fold(values, changed, parts)
    assert np.array_equal(first[0], second[0])


def test_scores_leave_empty_masks_out_of_distances_only():
    mask = np.eye(20, dtype=bool)
    empty = np.zeros_like(mask)
    frame = score_slices([mask, mask, empty], [mask, empty, empty], [PX] * 3, 50)
    assert frame["masd"].tolist()[:2] == [0, np.inf] and np.isnan(frame["dice"][2])
    mean = average_scores(frame)
    assert mean["dice"] == 0.5 and mean["masd"] == 0
    with pytest.raises(ValueError, match="dilation_um must lie"):
        score_masks(mask, mask, PX, -1)


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        ([np.zeros((20, 20))], [], "Every slice needs a mask. Given 1 slices and 0 masks"),
        ([np.zeros((20, 20))], [np.zeros((20, 21), bool)], "must share a shape"),
        ([np.zeros((20, 20))], [np.zeros((20, 20), bool)], "Given no vessel"),
        ([np.zeros((20, 20))], [np.ones((20, 20), bool)], "Given vessels only"),
        ([np.full((20, 20), np.nan)], [np.eye(20, dtype=bool)], "finite slice"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(images, masks, message):
    with pytest.raises(ValueError, match=message):
        train_vessels(images, masks, SMALL)


def test_folds_that_miss_a_slice_or_have_one_animal_are_refused():
    images, masks = slices(3)
    with pytest.raises(ValueError, match="test every slice once"):
        predict_out_of_fold(images, masks, [np.array([0]), np.array([1])], SMALL)
    with pytest.raises(ValueError, match="animals"):
        animal_folds(["a", "a"], 2, seed=1)
    with pytest.raises(ValueError, match="must belong to an animal"):
        animal_folds(["a", None, "b"], 2, seed=1)


# Single vessels


@pytest.mark.parametrize("angle", [0, 20, 45, 90, 133])
@pytest.mark.parametrize("width", [50.0, 100.0, 140.0])
def test_the_width_of_a_straight_vessel_is_found_in_every_direction(angle, width):
    u = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    y, x = (np.indices((80, 80)) + 0.5) * 25.0 - 1000.0
    mask = np.abs(x * u[0] - y * u[1]) <= width / 2
    points = 1000.0 + np.linspace(-500, 500, 60)[:, None] * u
    path = VesselPath(points, np.tile(u, (60, 1)), width)
    assert np.nanmean(widths_across(mask, path, PX)) == pytest.approx(
        width, abs=18
    )  # pixels along a diagonal are 17.7 µm apart
    assert shown_share(mask, path, PX) == 1.0
    assert shown_share(np.zeros_like(mask), path, PX) == 0.0


def test_a_neighbouring_vessel_is_not_counted_and_a_displaced_one_is():
    mask = np.zeros((60, 60), bool)
    mask[:, 30:32], mask[:, 36:40] = True, True
    points = np.column_stack([np.linspace(200, 1300, 20), np.full(20, 775.0)])
    path = VesselPath(points, np.tile([1.0, 0.0], (20, 1)), 50.0)
    assert np.allclose(widths_across(mask, path, PX), 50.0)
    aside = VesselPath(points - [0, 60], path.directions, 50.0)
    assert shown_share(mask, aside, PX) == 1.0
    assert shown_share(mask, VesselPath(points - [0, 120], path.directions, 50.0), PX) == 0.0


def test_traced_vessels_have_the_width_of_the_mask_on_any_scale():
    for pixel in (1.0, 25.0, 500.0):
        mask = np.zeros((300, 300), bool)
        mask[100:104, 10:290] = True
        found = trace_paths(mask, (pixel, pixel))
        assert len(found) == 1 and found[0].diameter_um == pytest.approx(
            4 * pixel, rel=0.7 if pixel == 1 else 0.1
        )


def test_branches_are_cut_where_they_meet_and_short_ones_left_out():
    mask = np.zeros((80, 80), bool)
    mask[38:41, :], mask[40:, 38:41] = True, True
    assert len(trace_paths(mask, PX)) == 3
    speck = np.zeros((80, 80), bool)
    speck[10:13, 10:14] = True
    assert trace_paths(speck, PX) == []
