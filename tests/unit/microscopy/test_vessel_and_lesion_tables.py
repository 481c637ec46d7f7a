"""Vessels cut from masks, tables of scans, vessels and lesions: planted truth, limits and awkward inputs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compendium.cohorts.line_scans import draw_kymograph, draw_lines, measure_by_hand
from compendium.cohorts.schroers_flow import illustrate_vessels, rule_characteristics
from compendium.cohorts.schroers_lesions import (
    illustrate_appearance,
    illustrate_clusters,
    spread_sizes,
    study_coverage,
    study_false_positives,
)
from compendium.microscopy.drawn_lines import velocity_from_lines
from compendium.microscopy.lesion_tables import (
    compare_lesions,
    counts_that_round_to,
    nearest_share,
    share_at_icc,
    shares_by_group,
    within_subject_p,
    zone_differences,
)
from compendium.microscopy.scan_table import measure_scans
from compendium.microscopy.segments import contrast_by_vessel, split_vessels
from compendium.microscopy.vessel_tables import (
    as_binary,
    block_means,
    coarse_mask,
    compare_groups,
    kept_by_diameter,
    shares_by_session,
    tost_by_animal,
    visibility_tests,
)
from compendium.statistics.diagnosis import proportion_interval

CLASSES = ["not visible", "barely visible", "visible", "strongly visible"]


def tube(shape, axis, centre, radius):
    """Straight tube along an axis; centre and radius in voxels."""
    grid = np.indices(shape)
    others = [a for a in range(3) if a != axis]
    return sum((grid[a] - c) ** 2 for a, c in zip(others, centre)) <= radius**2


# Vessels from masks


@pytest.mark.parametrize("radius", [3, 5, 8])
def test_a_tube_is_one_vessel_with_its_diameter(radius):
    mask = tube((30, 30, 60), 2, (15, 15), radius)
    labels, table = split_vessels(mask, (2, 2, 2))
    assert len(table) == 1 and (labels[mask] == 1).all() and (labels[~mask] == 0).all()
    assert table["diameter_um"].item() == pytest.approx(4 * radius, abs=3)


def test_a_cross_is_cut_where_it_branches():
    mask = tube((21, 81, 81), 2, (10, 40), 3) | tube((21, 81, 81), 1, (10, 40), 3)
    _, table = split_vessels(mask, (5, 5, 5))
    assert len(table) == 4 and table["diameter_um"].between(25, 36).all()


def test_short_pieces_and_empty_masks_give_no_vessels():
    mask = np.zeros((20, 20, 20), bool)
    assert len(split_vessels(mask, (1, 1, 1))[1]) == 0
    mask[8:12, 8:12, 8:12] = True
    labels, table = split_vessels(mask, (1, 1, 1))
    assert len(table) == 0 and not labels.any()


def test_contrast_belongs_to_its_vessel_and_other_vessels_stay_out_of_the_ring():
    rng = np.random.default_rng(2)
    labels = np.zeros((80, 80), int)
    labels[:, 20:22], labels[:, 50:52] = 1, 2
    image = rng.normal(100, 4, labels.shape)
    image[labels == 1] -= 40
    image[labels == 2] -= 8
    got = contrast_by_vessel(image, labels, (10, 10), gap_um=20, width_um=400)["contrast_to_noise"]
    assert got[0] == pytest.approx(-10, abs=1) and got[1] == pytest.approx(-2, abs=0.6)
    with pytest.raises(ValueError, match="same shape"):
        contrast_by_vessel(image[1:], labels, (10, 10))


def test_a_vessel_without_background_has_no_contrast():
    assert np.isnan(
        contrast_by_vessel(np.ones((9, 9)), np.ones((9, 9), int), (10, 10))["contrast_to_noise"][0]
    )


def test_coarse_pixels_keep_what_the_fine_filter_removes():
    mask = tube((25, 60, 60), 2, (12, 27), 3)  # 28 µm on voxels of 4 µm
    truth = np.where(mask, 28.0, 0)
    kept = kept_by_diameter({"coarse": coarse_mask(mask, 6, 25, (4, 4, 4), 30)}, truth, [20, 30, 40])
    assert (
        kept["voxels"].tolist() == [mask.sum(), 0] and kept["coarse"][0] > 0 and np.isnan(kept["coarse"][1])
    )
    assert not coarse_mask(np.zeros((25, 60, 60), bool), 6, 25, (4, 4, 4), 30).any()


def test_block_means_keep_the_mean_of_whole_blocks_and_say_the_rest():
    volume = np.random.default_rng(1).random((5, 6))
    got = block_means(volume, 2)
    assert got[:4].mean() == pytest.approx(volume[:4].mean())
    assert got[4, 0] == pytest.approx(volume[4, :2].mean())


@pytest.mark.parametrize("values", [[0, 0, 0], [0, 1, 2], [1.0, 2.0, 3.0]])
def test_masks_have_two_values(values):
    with pytest.raises(ValueError, match="two values"):
        as_binary(values)


# Line scans


def test_scans_keep_their_columns_and_get_velocity_state_and_hand_drawn_lines():
    options = {"pixel_um": 0.5, "line_ms": 0.5, "lines": 2000}
    images = [draw_kymograph(v, seed=3, **options) for v in (1500.0, -700.0, 0.0)]
    scans = pd.DataFrame(
        {"file": ["a", "b", "c"], "pixel_um": 0.5, "line_ms": 0.5, "animal": ["M1", "M1", "M2"]}
    )
    lines = pd.DataFrame(
        draw_lines(-700.0, click_px=0, **options), columns=["x1_px", "t1_px", "x2_px", "t2_px"]
    )
    table, flows = measure_scans(scans, images, lines.assign(file="b"))
    assert table["state"].tolist() == ["moving", "moving", "stalled"] and len(flows) == 3
    assert table["velocity_um_s"].tolist() == pytest.approx([1500, -700, 0], rel=0.02)
    assert table["drawn_n"].tolist() == [0, 10, 0]
    assert table["drawn_speed_um_s"][1] == pytest.approx(700) and np.isnan(table["drawn_speed_um_s"][0])
    assert table["animal"].tolist() == ["M1", "M1", "M2"]
    with pytest.raises(ValueError, match="one kymograph"):
        measure_scans(scans, images[:2])


def test_opposite_lines_cancel_in_the_printed_mean_and_not_in_the_mean_of_sizes():
    scans = pd.DataFrame({"file": ["a"], "pixel_um": 0.5, "line_ms": 1.0})
    image = np.tile(np.random.default_rng(1).normal(size=64), (99, 1))
    lines = pd.DataFrame(
        [["a", 0, 0, 20, 10], ["a", 20, 30, 0, 40]], columns=["file", "x1_px", "t1_px", "x2_px", "t2_px"]
    )
    row = measure_scans(scans, [image], lines)[0].iloc[0]
    assert row["drawn_speed_um_s"] == 0 and row["drawn_mean_um_s"] == 1000


def test_drawn_lines_stay_in_the_image_and_have_the_planted_slope():
    for v in (-9000.0, -300.0, 50.0, 4000.0):
        ends = draw_lines(v, pixel_um=0.2, line_ms=0.15, lines=6000, click_px=0)
        assert ends[:, [0, 2]].min() >= -1e-9 and ends[:, [0, 2]].max() <= 128 + 1e-9
        assert ends[:, [1, 3]].max() <= 6000
        assert velocity_from_lines(ends, pixel_um=0.2, line_ms=0.15)[0] == pytest.approx(np.full(10, v))


def test_click_errors_matter_more_for_fast_blood():
    got = measure_by_hand(
        [300.0, 9000.0], pixel_um=0.17, line_ms=0.15, lines=6000, click_px=2, repeats=30, seed=1
    )
    assert got["scatter"][1] > 3 * got["scatter"][0] > 0


# Tables of vessels


def test_visibility_follows_the_trait_that_it_was_made_from_and_only_that():
    table = illustrate_vessels({"t2star": (4, 11, 4, 6), "tof": (15, 3, 4, 3)}, seed=4)
    got = visibility_tests(table, ["t2star", "tof"], ["diameter_um", "velocity_um_s"], CLASSES, 199, 1)
    p = got.set_index(["sequence", "trait"])["p_within"]
    assert p["t2star", "diameter_um"] < 0.02 and p["tof", "velocity_um_s"] < 0.02
    assert p["tof", "diameter_um"] > 0.02
    row = got.iloc[0]
    code = table["visibility_t2star"].map({c: i for i, c in enumerate(CLASSES)})
    assert row["rho"] == pytest.approx(stats.spearmanr(code, table["diameter_um"]).statistic)
    assert row["p_kruskal"] == pytest.approx(
        stats.kruskal(*[g for _, g in table["diameter_um"].groupby(code)]).pvalue
    )


def test_a_difference_between_animals_is_no_evidence_within_them():
    table = pd.DataFrame({"animal": ["a"] * 6 + ["b"] * 6, "d": [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16],
                          "visibility_x": ["not visible"] * 6 + ["visible"] * 6})  # fmt: skip
    row = visibility_tests(table, ["x"], ["d"], CLASSES, 99, 1).iloc[0]
    assert row["p_kruskal"] < 0.01 and np.isnan(row["p_within"])


def test_one_class_or_missing_values_give_no_test():
    table = pd.DataFrame({"animal": list("ab"), "d": [1.0, np.nan], "visibility_x": ["visible", None]})
    row = visibility_tests(table, ["x"], ["d"], CLASSES, 9, 1).iloc[0]
    assert row["n"] == 1 and np.isnan(row["rho"])


def test_standing_blood_decides_a_comparison_of_groups():
    v = np.r_[np.linspace(400, 600, 40), np.linspace(400, 600, 24), np.zeros(16)]
    table = pd.DataFrame({"animal": np.tile(list("abcd"), 20), "g": ["x"] * 40 + ["y"] * 40, "v": v})
    row = compare_groups(table, "g", "v", 499, 1).iloc[0]
    assert row["p_within"] < 0.05 < row["p_moving"]
    alone = compare_groups(table.assign(animal="a"), "g", "v", 499, 1).iloc[0]
    assert alone["p_within"] == pytest.approx(alone["p_kruskal"], abs=0.03)
    one = compare_groups(table.assign(g="x"), "g", "v", 9, 1).iloc[0]
    assert one["n"] == 80 and np.isnan(one["p_kruskal"]) and np.isnan(one["p_within"])


def test_shares_count_every_vessel_once_and_keep_the_order_of_sessions():
    table = pd.DataFrame({"animal": list("aabb") * 2, "session": ["late"] * 4 + ["early"] * 4, "diameter_um": [5, 15, 25, 35] * 2,
                          "visibility_t2w": ["visible", None, "visible", "not visible"] * 2})  # fmt: skip
    got = shares_by_session(table, [0, 20, 50], CLASSES)
    assert got["session"].cat.categories.tolist() == ["late", "early"]
    assert got.groupby("what", sort=False)["n"].sum().to_dict() == {"t2w": 6, "diameter (µm)": 8}


def test_two_one_sided_tests_find_equal_shares_equal_and_shifted_ones_not():
    rng = np.random.default_rng(1)
    rows = []
    for animal in range(8):
        for session, share in (("1", 50), ("2", 50)):
            n = 400
            narrow = rng.binomial(n, share / 100)
            rows += [(animal, session, d) for d in [10] * narrow + [40] * (n - narrow)]
    table = pd.DataFrame(rows, columns=["animal", "session", "diameter_um"])
    assert (tost_by_animal(table, [0, 30, 60], [], 5)["p_tost"] < 0.05).all()
    moved = table.copy()
    later = moved.index[(moved["session"] == "2") & (moved["diameter_um"] == 10)][::4]
    moved.loc[later, "diameter_um"] = 40
    got = tost_by_animal(moved, [0, 30, 60], [], 5)
    assert (got["p_tost"] > 0.5).all() and got["shift"][0] < -8


def test_the_rule_is_broken_by_chance_with_few_vessels_and_by_shifts_with_many():
    got = rule_characteristics(
        [50, 5000], [0, 10], [25] * 4, margin=5, sessions=3, draws=300, seed=1
    ).set_index(["n", "shift"])
    assert got.loc[(50, 0), "unstable"] > 0.8 and got.loc[(5000, 0), "unstable"] < 0.01
    assert got.loc[(5000, 10), "unstable"] == 1


# Lesions


def test_intervals_widen_with_the_correlation_and_one_subject_has_none():
    width = [np.subtract(*list(share_at_icc(8, [3] * 7 + [2] * 3, icc))[::-1]) for icc in (0, 0.2, 0.5)]
    assert width == sorted(width)
    plain = proportion_interval(8, 27)
    assert list(share_at_icc(8, [1] * 27, 0.5)) == pytest.approx([plain.lower, plain.upper])
    assert np.isnan(list(share_at_icc(5, [17], 0.0))).all()


def test_shares_by_group_know_their_subjects():
    table = illustrate_appearance([("mouse", 1, 17, 5, 0), ("patient", 10, 27, 8, 5)])
    got = shares_by_group(table, "dark").set_index("group")
    assert got.loc["patient", ["subjects", "lesions", "count"]].tolist() == [10, 27, 19]
    assert np.isnan(got.loc["mouse", "lower"]) and got.loc["mouse", "lower_plain"] > 0
    assert got.loc["patient", "lower"] <= got.loc["patient", "share"] <= got.loc["patient", "upper"]


def test_lesions_are_compared_within_their_subjects():
    table = illustrate_clusters(20, 16, 3, seed=2)
    got = compare_lesions(table, ["cell_clusters", "erythrocyte_volume_um3"], 199, 1)
    assert got[["n_other", "n_dark"]].to_numpy().tolist() == [[20, 16]] * 2
    assert (got["p_within"] < 0.05).all() and (got["median_dark"] > got["median_other"]).all()
    apart = pd.DataFrame({"subject": ["a"] * 5 + ["b"] * 5, "dark": [0] * 5 + [1] * 5, "x": range(10)})
    row = compare_lesions(apart, ["x"], 99, 1).iloc[0]
    assert row["p_lesions"] < 0.05 and np.isnan(row["p_within"])
    same = compare_lesions(apart.assign(dark=1), ["x"], 99, 1).iloc[0]
    assert np.isnan(same["p_lesions"]) and np.isnan(same["median_other"])


def test_shuffling_within_subjects_agrees_with_scipy_for_one_subject():
    rng = np.random.default_rng(7)
    values, flag = rng.normal(size=30), np.arange(30) % 2
    exact = stats.mannwhitneyu(values[flag == 1], values[flag == 0], method="exact").pvalue
    assert within_subject_p(values, flag, ["a"] * 30, 4999, 1) == pytest.approx(exact, abs=0.02)


def test_tests_that_ignore_subjects_find_too_much():
    got = study_false_positives(
        36, 3, share=0.45, icc=0.3, mouse_sd=1.0, draws=150, n_resamples=99, seed=3
    ).iloc[0]
    assert got["lesions"] > 10 > got["within"]


def test_exact_intervals_undercover_when_lesions_are_alike():
    got = study_coverage([3] * 9, 0.3, [0.0, 0.6], draws=200, seed=1)
    assert got["exact"][0] > 93 and got["exact"][1] < 92


@pytest.mark.parametrize(("lesions", "subjects"), [(27, 10), (17, 1), (10, 10), (100, 7)])
def test_lesions_are_shared_out_exactly(lesions, subjects):
    sizes = spread_sizes(lesions, subjects)
    assert sum(sizes) == lesions and len(sizes) == subjects and min(sizes) >= 1


def test_counts_behind_a_percentage():
    assert counts_that_round_to(58.8, 0.05, range(1, 52)) == [(10, 17), (20, 34), (30, 51)]
    assert counts_that_round_to(18.5, 0.05, range(1, 27)) == []
    assert nearest_share(50, [3]) == (pytest.approx(100 / 6), 1, 3)


def test_zones_pair_within_patients():
    table = pd.DataFrame(
        {
            "subject": ["a", "a", "a", "b"],
            "zone": ["core", "core", "infiltration", "infiltration"],
            "fraction": [0.2, 0.4, 0.1, 0.5],
        }
    )
    got = zone_differences(table)
    assert got["subject"].tolist() == ["a"] and got["difference"].tolist() == pytest.approx([0.2])
    assert len(zone_differences(table[table["zone"] == "core"])) == 0
