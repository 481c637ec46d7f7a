"""Clusters, co-localisation, enhancement, stability and visibility."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from compendium.microscopy.lesions import (
    clusters_per_lesion,
    colocalise,
    percent_signal_enhancement,
    proportions_stable,
)
from compendium.microscopy.visibility import (
    classify_visibility,
    diameter_bias,
    vessel_contrast,
    visibility_by_diameter,
)


def drawn(text):
    return np.array([[int(c) for c in line] for line in text.split()])


def test_clusters_are_counted_in_their_lesion():
    lesions = drawn("1110222 1110222 1110222")
    mask = drawn("1010111 0000000 1000001")
    table = clusters_per_lesion(mask, lesions, (10, 10)).set_index("lesion")
    assert table.clusters.to_dict() == {1: 3, 2: 2}
    assert table.cluster_volume_um3.to_dict() == {1: 300, 2: 400}
    assert table.largest_um3.to_dict() == {1: 100, 2: 300}
    assert table.fraction.to_numpy() == pytest.approx([3 / 9, 4 / 9])


def test_diagonal_neighbours_touch_only_with_full_connectivity():
    mask, lesions = drawn("10 01"), drawn("11 11")
    counts = [
        clusters_per_lesion(mask, lesions, (1, 1), connectivity=c).clusters[0] for c in ("full", "faces")
    ]
    assert counts == [1, 2]


def test_cluster_across_two_lesions_is_split_or_goes_to_the_larger_part():
    mask, lesions = drawn("111110"), drawn("112220")
    split = clusters_per_lesion(mask, lesions, (1, 1)).cluster_volume_um3.tolist()
    whole = clusters_per_lesion(mask, lesions, (1, 1), cut="whole").cluster_volume_um3.tolist()
    assert (split, whole) == ([2, 3], [0, 5])


def test_cluster_cut_into_pieces_by_its_lesion_counts_as_pieces():
    mask, lesions = drawn("111 001 111"), drawn("110 000 110")
    assert clusters_per_lesion(mask, lesions, (1, 1)).clusters[0] == 2
    assert clusters_per_lesion(mask, lesions, (1, 1), cut="whole").clusters[0] == 1


def test_volume_limit_drops_small_clusters():
    mask, lesions = drawn("1011"), drawn("1111")
    table = clusters_per_lesion(mask, lesions, (10, 10), min_volume_um3=150)
    assert (table.clusters[0], table.cluster_volume_um3[0]) == (1, 200)


@pytest.mark.parametrize("cut", ["split", "whole"])
def test_total_volume_is_that_of_the_mask_inside_lesions(cut):
    rng = np.random.default_rng(1)
    mask = ndimage.gaussian_filter(rng.normal(size=(8, 30, 30)), 1) > 0.1
    lesions = np.ones(mask.shape, int)
    lesions[:, :, 15:] = 2
    table = clusters_per_lesion(mask, lesions, (2, 3, 4), cut=cut)
    assert table.cluster_volume_um3.sum() == pytest.approx(mask.sum() * 24)


def test_awkward_lesions_are_refused():
    with pytest.raises(ValueError, match="Too few lesions"):
        clusters_per_lesion([[1]], [[0]], (1, 1))
    with pytest.raises(ValueError, match="whole numbers"):
        clusters_per_lesion([[1]], [[0.5]], (1, 1))
    with pytest.raises(ValueError, match="same shape"):
        clusters_per_lesion([[1]], [[1, 1]], (1, 1))


def test_colocalisation_counts_cells():
    found = colocalise([1, 1, 1, 0, 0, 1], [1, 1, 0, 1, 0, 1], list("aaabbb"), n_resamples=50)
    assert (found.both, found.marker_only, found.reference_only, found.n_clusters) == (3, 1, 1, 2)
    assert found.sensitivity.interval.estimate == found.predictive_value.interval.estimate == 0.75


def test_interval_over_sections_is_wider_than_over_cells():
    rng = np.random.default_rng(1)
    share = rng.beta(2, 2, 10)
    section = np.repeat(np.arange(10), 60)
    marker = rng.random(600) < share[section]
    wide, narrow = (
        colocalise(marker, np.ones(600), group, n_resamples=400).sensitivity.interval
        for group in (section, np.arange(600))
    )
    assert wide.upper - wide.lower > 2 * (narrow.upper - narrow.lower)


def test_colocalisation_without_cells_is_refused():
    with pytest.raises(ValueError, match="cells with the marker"):
        colocalise([0, 0], [1, 1], ["a", "b"])
    with pytest.raises(ValueError, match="Too few clusters"):
        colocalise([1, 1], [1, 1], ["a", "a"])


def test_enhancement_is_relative_to_the_signal_before():
    assert percent_signal_enhancement(100, 150) == 50
    assert np.isnan(percent_signal_enhancement([-1.0], [3.0])).all()
    with pytest.raises(ValueError, match="same shape"):
        percent_signal_enhancement([1.0], [1.0, 2.0])


def test_stability_rule_takes_the_worst_time_point_and_its_margin_is_inclusive():
    counts = pd.DataFrame({"a": [50, 55, 40], "b": [50, 45, 60]}, index=["t1", "t2", "t3"])
    table = proportions_stable(counts).set_index("category")
    assert table.largest.to_dict() == pytest.approx({"a": 10, "b": 10}) and set(table["at"]) == {"t3"}
    assert not table.stable.any()
    assert proportions_stable(counts.iloc[:2]).stable.all()


def test_few_vessels_move_by_chance():
    few, many = (pd.DataFrame({"a": [n // 2] * 3, "b": [n // 2] * 3}) for n in (30, 30_000))
    assert proportions_stable(few).chance.min() > 0.5
    assert proportions_stable(many).chance.max() < 0.01


@pytest.mark.parametrize("rows", [[[1, 2]], [[0, 0], [1, 1]], [[-1, 2], [1, 1]]])
def test_useless_counts_are_refused(rows):
    with pytest.raises(ValueError):
        proportions_stable(pd.DataFrame(rows, columns=["a", "b"]))


# Visibility


def test_contrast_recovers_a_planted_difference():
    rng = np.random.default_rng(2)
    image = rng.normal(100, 4, (6, 60, 60))
    vessel = np.zeros(image.shape, bool)
    vessel[:, 30, :] = True
    image[vessel] -= 20
    found = vessel_contrast(image, vessel, (40, 40, 100))
    assert found.contrast_to_noise == pytest.approx(-5, rel=0.05)
    other = np.zeros_like(vessel)
    other[:, 34, :] = True
    image[other] -= 300
    assert vessel_contrast(image, vessel, (40, 40, 100), others=other).contrast_to_noise == pytest.approx(
        -5, rel=0.05
    )


def test_vessel_without_background_is_refused():
    with pytest.raises(ValueError, match="voxels of background"):
        vessel_contrast(np.ones((3, 3)), np.ones((3, 3), bool), (10, 10))
    with pytest.raises(ValueError, match="voxels of the vessel"):
        vessel_contrast(np.ones((3, 3)), np.zeros((3, 3), bool), (10, 10))


def test_dark_and_bright_vessels_are_equally_visible():
    made = classify_visibility([-6, 6, 2, 1.99, np.inf], barely=2, strongly=5)
    assert list(made) == [
        "strongly visible",
        "strongly visible",
        "barely visible",
        "not visible",
        "strongly visible",
    ]


def test_every_vessel_is_in_the_table():
    rng = np.random.default_rng(1)
    size = rng.uniform(0, 90, 51)
    table = visibility_by_diameter(
        size, classify_visibility(size / 10, barely=2, strongly=5), [0, 30, 60, 90]
    )
    assert table.n.sum() == 51
    assert table.loc["0–30", "strongly visible"] == 0
    with pytest.raises(ValueError, match=r"Diameters must lie in \[0, 60\]"):
        visibility_by_diameter(size, classify_visibility(size, barely=2, strongly=5), [0, 30, 60])
    with pytest.raises(ValueError, match="Given 'clear'"):
        visibility_by_diameter([1], ["clear"], [0, 2])


def test_bias_tells_constant_from_proportional():
    truth = np.array([20.0, 40, 60])
    assert diameter_bias(truth + 15, truth)["slope"] == pytest.approx(0)
    got = diameter_bias(np.full(3, 80.0), truth)  # everything looks 80 µm wide
    assert (got["bias"], got["slope"]) == (pytest.approx(40), pytest.approx(-1))
