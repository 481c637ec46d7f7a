"""Which transform, which landmarks stand out, how many suffice; and measurements that do not average the same tissue."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from compendium.registration import estimate_landmark_transform, matching_scale
from compendium.registration.screening import MODES, compare_transforms, error_by_count, screen_landmarks
from compendium.registration.support import displaced_blocks, mean_correlation, part_of_whole, smoothness


def landmarks(n=20, noise=15.0, seed=3):
    rng = np.random.default_rng(seed)
    fixed = rng.uniform(0, 1, (n, 3)) * [3000, 3000, 700]
    return fixed, 1.02 * fixed + [30, -20, 10] + rng.normal(0, noise, (n, 3))


def test_comparison_holds_residuals_and_left_out_errors_of_each_transform():
    fixed, moving = landmarks()
    table, distances = compare_transforms(fixed, moving)
    table = table.set_index("mode")
    assert set(table.index) == set(MODES) == set(distances)
    assert table.loc["elastic", "residual"] < 1e-6 < table.loc["rigid", "residual"]
    assert (table["left_out"] > table["residual"]).all()
    made = estimate_landmark_transform(np.delete(fixed, 4, 0), np.delete(moving, 4, 0), "affine")
    assert distances["affine"][4] == pytest.approx(np.linalg.norm(made.apply(fixed[4:5])[0] - moving[4]))
    parts = table[["left_out_x", "left_out_y", "left_out_z"]]
    assert np.allclose((parts**2).sum(axis=1), table["left_out"] ** 2)


@pytest.mark.parametrize(
    "n, made, left",
    [(3, {"rigid", "similarity"}, set()), (4, {"rigid", "similarity", "affine"}, {"rigid", "similarity"})],
)
def test_few_landmarks_say_what_they_do_not_allow(n, made, left):
    fixed, moving = landmarks(n)
    table, distances = compare_transforms(fixed, moving)
    table = table.set_index("mode")
    assert set(table.index[table["residual"].notna()]) == made
    assert set(distances) == left
    assert all("landmark pairs are needed" in text for text in table.loc[table["left_out"].isna(), "refused"])


def test_a_displaced_landmark_is_suspected_and_clean_ones_are_not():
    fixed, moving = landmarks(25)
    assert screen_landmarks(fixed, moving).suspects.size == 0
    moving[7] += [0, 400, 0]
    found = screen_landmarks(fixed, moving)
    assert found.suspects.tolist() == [7]
    assert found.distances_um[7] > found.limit_um


def test_error_by_count_is_the_same_for_the_same_seed_and_counts_refusals():
    fixed, moving = landmarks(12)
    one, two = (error_by_count(fixed, moving, "affine", counts=(5, 9), repeats=30, seed=4) for _ in range(2))
    assert one == two and one.refused[1] == 0 and one.rmse_um[0] > one.rmse_um[1]
    flat = fixed * [1, 1, 0]
    flat[0, 2] = 400  # one landmark off the plane: a draw without it determines no affine transform
    some = error_by_count(flat, flat + 3, "affine", counts=(5,), repeats=40)
    assert 0 < some.refused[0] < 40 and some.rmse_um[0] < 1e-6
    none = error_by_count(fixed * [1, 1, 0], fixed, "affine", counts=(5,), repeats=5)
    assert none.refused == (5,) and np.isnan(none.rmse_um[0])


@pytest.mark.parametrize("counts", [(), (3,), (11,)])
def test_counts_that_cannot_be_drawn_are_refused(counts):
    with pytest.raises(ValueError, match="counts must lie between 4 and 9"):
        error_by_count(*landmarks(12), "affine", counts=counts)


@pytest.mark.parametrize("length", [20.0, 150.0, 2000.0])
def test_displaced_blocks_agree_with_the_matching_scale(length):
    made = matching_scale((30, 10, 60), (100, 50, 200), multiples=(1,), correlation_length_um=length)
    found = displaced_blocks([100, 50, 200], [100, 50, 200], length, error_um=[30, 10, 60])
    assert found.attenuation == pytest.approx(made.attenuation[0], rel=1e-9)


def test_mean_correlation_equals_the_mean_over_thrown_points():
    rng = np.random.default_rng(5)
    one, other = np.array([100, 40, 10.0]), np.array([60, 60, 200.0])
    u, v = ((rng.random((400_000, 3)) - 0.5) * box for box in (one, other))
    apart = u - v - [20, 0, -30] - rng.normal(0, [15, 0, 40], u.shape)
    thrown = np.exp(-(apart**2).sum(axis=1) / (2 * 70**2)).mean()
    exact = mean_correlation(one, other, 70, error_um=[15, 0, 40], offset_um=[20, 0, -30])
    assert exact == pytest.approx(thrown, abs=0.002)  # four standard errors


def test_limits_points_equal_boxes_and_far_boxes():
    assert mean_correlation([0] * 3, [0] * 3, 50) == pytest.approx(1)
    assert displaced_blocks([80] * 3, [80] * 3, 50).attenuation == pytest.approx(1)
    assert displaced_blocks([80] * 3, [80] * 3, 50, offset_um=[1000, 0, 0]).attenuation < 1e-9
    assert displaced_blocks([80] * 3, [80] * 3, 1e6, error_um=100).attenuation == pytest.approx(1, abs=1e-6)
    unlike = displaced_blocks([50] * 3, [100] * 3, 80)
    assert 0.9 < unlike.attenuation < 1
    assert displaced_blocks([100] * 3, [50] * 3, 80).attenuation == pytest.approx(unlike.attenuation)


@pytest.mark.parametrize("between", [0.0, 0.4])
def test_part_of_whole_equals_simulated_wholes(between):
    """Lines of 1000 µm with a part of 100 µm anywhere in each; wholes differ by a share of the variance."""
    rng = np.random.default_rng(6)
    wholes = gaussian_filter1d(rng.normal(size=(4000, 1600)), 60 / np.sqrt(2), axis=1)[:, 300:1300]
    wholes = np.sqrt(1 - between) * wholes / wholes.std() + np.sqrt(between) * rng.normal(size=(4000, 1))
    starts = rng.integers(0, 901, 4000)
    parts = np.array([line[k : k + 100].mean() for line, k in zip(wholes, starts, strict=True)])
    made = part_of_whole([100, 0, 0], [1000, 0, 0], 60, between=between)
    assert np.corrcoef(parts, wholes.mean(axis=1))[0, 1] == pytest.approx(made.attenuation, abs=0.05)


def test_a_part_keeps_more_with_more_variance_between_and_when_it_is_larger():
    by_share = [part_of_whole([50] * 3, [1000] * 3, 100, between=s).attenuation for s in (0, 0.3, 0.6, 1)]
    by_size = [part_of_whole([p] * 3, [1000] * 3, 100).attenuation for p in (0, 50, 400, 1000)]
    assert by_share == sorted(by_share) and by_share[-1] == pytest.approx(1)
    assert by_size == sorted(by_size) and by_size[-1] == pytest.approx(1)
    with pytest.raises(ValueError, match="must not be larger than the whole"):
        part_of_whole([200] * 3, [100] * 3, 50)


def test_smoothness_recovers_planted_lengths_through_noise_and_a_mask():
    rng = np.random.default_rng(7)
    field = gaussian_filter(rng.normal(size=(30, 80, 90)), np.array([2, 3, 5]) / np.sqrt(2), mode="wrap")
    noisy = field / field.std() + rng.normal(0, 1, field.shape)
    found = smoothness(noisy, (10, 20, 100))
    assert found == pytest.approx((50, 60, 200), rel=0.12)
    mask = np.ones(field.shape, bool)
    mask[:, :20] = False
    spoilt = np.where(mask, noisy, np.nan)
    assert smoothness(spoilt, (10, 20, 100)) == pytest.approx(smoothness(noisy, (10, 20, 100), mask=mask))


def test_smoothness_says_nothing_where_it_cannot():
    rng = np.random.default_rng(8)
    assert np.isnan(smoothness(rng.normal(size=(2, 60, 60)), (1, 1, 1))[2])
    with pytest.raises(ValueError, match="At least 10 voxels"):
        smoothness(np.full((3, 3, 3), np.nan), (1, 1, 1))
    with pytest.raises(ValueError, match="three voxel edges"):
        smoothness(np.zeros((3, 3)), (1, 1, 1))


@pytest.mark.parametrize("bad", [[-1, 1, 1], [1, 1], [np.inf, 1, 1]])
def test_boxes_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="must be three edges"):
        mean_correlation(bad, [1, 1, 1], 10)
