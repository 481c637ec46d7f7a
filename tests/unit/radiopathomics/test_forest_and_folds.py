"""Tiles, folds that keep subjects apart, a forest that recovers what was planted, and what division does."""

import numpy as np
import pytest

from compendium.radiopathomics.folds import (
    Fold,
    LeakageError,
    check_disjoint,
    leave_one_out,
    random_folds,
    random_group_folds,
)
from compendium.radiopathomics.forest import (
    Settings,
    predict_density,
    predict_out_of_fold,
    score_out_of_fold,
    train_forest,
)
from compendium.radiopathomics.normalise import brain_sd, normalise_contrasts, normalise_map
from compendium.radiopathomics.tiles import feature_names, tile_features

FEW = Settings(trees=15, seed=3)


@pytest.fixture(scope="module")
def planted():
    """Eight subjects; density follows the first feature, and every subject has an offset of its own."""
    rng = np.random.default_rng(5)
    subject = np.repeat([f"s{i}" for i in range(8)], 30)
    x = rng.standard_normal((240, 4))
    fingerprint = np.repeat(rng.standard_normal(8), 30)  # by which a forest can tell subjects apart
    x[:, 3] = fingerprint + 0.01 * rng.standard_normal(240)
    y = 2000 + 500 * x[:, 0] + np.repeat(800 * rng.standard_normal(8), 30) + 50 * rng.standard_normal(240)
    return x, y, subject


def test_a_tile_holds_its_contrasts_one_after_the_other():
    volumes = np.random.default_rng(1).random((2, 9, 8, 3)).astype(np.float32)
    tile = tile_features(volumes, [[4, 3, 1]], side=5)[0]
    assert tile.tolist() == [*volumes[0, 2:7, 1:6, 1].ravel(), *volumes[1, 2:7, 1:6, 1].ravel()]
    assert len(feature_names(("a", "b"))) == len(tile) == 50


def test_a_tile_at_the_border_repeats_the_border_and_does_not_wrap():
    volume = np.arange(12.0).reshape(1, 3, 4, 1)
    assert tile_features(volume, [[0, 0, 0]], side=3)[0].tolist() == [0, 0, 1, 0, 0, 1, 4, 4, 5]


@pytest.mark.parametrize(
    ("index", "side", "message"),
    [
        ([[0, 0, 3]], 3, "must lie in the image"),
        ([[0, -1, 0]], 3, "must lie"),
        ([[0, 0, 0]], 2, "odd number"),
        ([0, 0, 0], 3, "voxels"),
    ],
)
def test_a_tile_outside_the_image_or_without_a_middle_is_refused(index, side, message):
    with pytest.raises(ValueError, match=message):
        tile_features(np.zeros((1, 5, 5, 3)), index, side)


def test_every_row_is_tested_once_and_never_beside_its_subject(planted):
    folds = list(leave_one_out(planted[2]))
    assert sorted(np.concatenate([f.test for f in folds])) == list(range(240)) and len(folds) == 8
    for fold in folds:
        check_disjoint(fold, planted[2])


def test_the_guard_fails_when_tiles_of_a_subject_are_on_both_sides(planted):
    with pytest.raises(LeakageError, match="must not be trained on and tested. Given 's"):
        predict_out_of_fold(*planted, FEW, random_folds(240, 5, seed=1))


def test_the_guard_fails_when_one_tile_stands_under_two_subjects(planted):
    tile = np.arange(240)
    tile[0] = tile[239]
    with pytest.raises(LeakageError, match="A tile must not be"):
        predict_out_of_fold(*planted, FEW, tile=tile)


def test_samples_split_at_random_share_no_tile_but_a_subject(planted):
    sample = np.repeat(np.arange(24), 10)
    fold = next(random_group_folds(sample, 4, seed=2))
    check_disjoint(fold, sample)
    with pytest.raises(LeakageError):
        check_disjoint(fold, planted[2])


def test_two_subjects_are_too_few_and_a_row_without_subject_is_refused():
    with pytest.raises(ValueError, match="at least 3 are needed"):
        list(leave_one_out(["a", "b", "b"]))
    with pytest.raises(ValueError, match="Given none in row 1"):
        list(leave_one_out(["a", None, "b", "c"]))


def test_leakage_flatters_a_forest_that_can_tell_subjects_apart(planted):
    x, y, subject = planted
    apart = score_out_of_fold(predict_out_of_fold(x, y, subject, FEW), y, subject)
    leaky = predict_out_of_fold(x, y, subject, FEW, random_folds(240, 8, seed=1), allow_leakage=True)
    assert score_out_of_fold(leaky, y, subject).rmse < 0.6 * apart.rmse


def test_a_planted_relation_without_subject_effects_is_learned(planted):
    x, _, subject = planted
    y = 2000 + 500 * x[:, 0]
    score = score_out_of_fold(predict_out_of_fold(x, y, subject, Settings(trees=30, share=1.0)), y, subject)
    assert score.skill > 0.9 and score.correlation > 0.95 and abs(score.bias) < 50


def test_noise_has_no_skill(planted):
    x, _, subject = planted
    y = np.random.default_rng(9).standard_normal(240)
    assert score_out_of_fold(predict_out_of_fold(x, y, subject, FEW), y, subject).skill < 0.05


def test_a_forest_gives_the_same_bits_again_and_others_for_another_seed(planted):
    first, again, other = (predict_out_of_fold(*planted, Settings(trees=10, seed=s)) for s in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_rows_without_weight_do_not_count(planted):
    x, y, subject = planted
    spoiled, weight = y.copy(), np.ones(240)
    spoiled[::2] += 1e5
    weight[::2] = 0
    model = train_forest(x, spoiled, subject, Settings(trees=10, min_leaf=1), weight)
    assert predict_density(model, x).max() < 1e4


def test_a_forest_from_simulation_meets_no_image_of_a_patient(planted):
    x, y, subject = planted
    model = train_forest(x, y, subject, FEW, origin="simulation")
    assert len(predict_density(model, x[:2], origin="simulation")) == 2
    with pytest.raises(ValueError, match="training on simulation, images of samples"):
        predict_density(model, x[:2], origin="samples")


def test_features_that_are_not_finite_are_refused(planted):
    x, y, subject = planted
    x = x.copy()
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        train_forest(x, y, subject)


def test_equal_predictions_have_no_correlation_and_a_score():
    score = score_out_of_fold([1, 1, 1], [1, 2, 3], ["a", "b", "c"])
    assert np.isnan(score.correlation) and score.bias == pytest.approx(-1)


def test_division_by_the_sd_takes_the_gain_of_a_scanner_away_and_leaves_adc():
    rng = np.random.default_rng(1)
    t1, adc = rng.random((6, 6, 2)), 1000 * rng.random((6, 6, 2))
    mask = np.ones((6, 6, 2), dtype=bool)
    one, two = (normalise_contrasts({"t1": g * t1, "adc": adc}, mask) for g in (1.0, 7.0))
    assert np.allclose(one, two) and np.allclose(one[1], adc)
    assert not np.allclose(*(normalise_contrasts({"t1": g * t1}, mask, "none") for g in (1.0, 7.0)))
    assert np.array_equal(
        normalise_contrasts({"t1": t1}, mask, "map"), normalise_contrasts({"t1": t1}, mask, "none")
    )


def test_the_lesion_is_part_of_the_ruler():
    healthy = np.random.default_rng(1).normal(100, 10, (20, 20, 1))
    lesion = healthy.copy()
    lesion[:8, :8] += 80
    mask = np.ones(healthy.shape, dtype=bool)
    assert 100 / brain_sd(lesion, mask) < 0.5 * 100 / brain_sd(healthy, mask)


def test_a_map_over_its_sd_has_sd_one_and_a_flat_one_is_refused():
    values = np.random.default_rng(1).normal(1300, 300, 500)
    assert normalise_map(values, values).std(ddof=1) == pytest.approx(1)
    with pytest.raises(ValueError, match="must vary over the brain"):
        normalise_map(np.ones(5), np.ones(5))
    with pytest.raises(ValueError, match="must vary inside the mask"):
        brain_sd(np.ones((2, 2, 2)), np.ones((2, 2, 2), dtype=bool))


def test_folds_name_what_they_leave_out():
    with pytest.raises(LeakageError, match="in fold s2 in both"):
        check_disjoint(Fold("s2", np.array([0, 1]), np.array([2])), ["s1", "s2", "s2"])
