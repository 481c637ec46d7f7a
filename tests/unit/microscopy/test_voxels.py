"""Normalisation, extraction, bins, masks, growth."""

import numpy as np
import pandas as pd
import pytest

from compendium.microscopy.voxels import (
    GLIOMA_BINS,
    VESSEL_BINS,
    bin_density,
    change_per_day,
    extract_voxels,
    growth_table,
    merge_masks,
    normalise_on_reference,
)


def test_reference_tissue_has_mean_0_and_population_sd_1():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, (4, 20, 20))
    made = normalise_on_reference(rng.normal(700, 40, labels.shape), labels)
    own = made.volume[labels == 3]
    assert own.mean() == pytest.approx(0, abs=1e-12)
    assert own.std(ddof=0) == pytest.approx(1)
    assert made.n == (labels == 3).sum()


def test_normalisation_forgets_scale_and_offset():
    rng = np.random.default_rng(1)
    image, labels = rng.normal(size=100), rng.integers(2, 4, 100)
    assert np.allclose(
        normalise_on_reference(image, labels).volume, normalise_on_reference(7 * image + 900, labels).volume
    )


def test_missing_voxels_do_not_count():
    assert normalise_on_reference([1.0, 3.0, np.nan, 7.0], [3, 3, 3, 1]).n == 2


@pytest.mark.parametrize(
    "volume, labels, message",
    [
        ([1.0, 2], [1, 1], "carry label 3. Given 0; labels present"),
        ([5.0, 5], [3, 3], "must vary"),
        ([1.0], [3, 3], "same shape"),
    ],
)
def test_useless_reference_is_refused(volume, labels, message):
    with pytest.raises(ValueError, match=message):
        normalise_on_reference(volume, labels)


def test_rows_come_in_the_order_z_x_y_with_their_values():
    mask = np.array([[[1, 1], [1, 1]], [[0, 3], [0, 0]]])
    values = np.arange(8.0).reshape(2, 2, 2)
    table = extract_voxels({"t2w": values, "density": values / 10}, mask, dataset="m1d24")
    assert table[["z", "x", "y"]].to_numpy().tolist() == [
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
        [0, 1, 1],
        [1, 1, 0],
    ]
    assert (table.t2w == [values[z, y, x] for z, y, x in table[["z", "y", "x"]].to_numpy()]).all()
    assert table.label.tolist() == [1, 1, 1, 1, 3]
    assert (table.dataset == "m1d24").all()


def test_voxels_outside_a_field_of_view_are_left_out_on_request():
    image = np.array([[[1.0, np.nan]]])
    assert len(extract_voxels({"t": image}, np.ones((1, 1, 2)))) == 1
    assert len(extract_voxels({"t": image}, np.ones((1, 1, 2)), keep_missing=True)) == 2


def test_empty_mask_gives_an_empty_table_with_its_columns():
    table = extract_voxels({"t": np.ones((1, 2, 2))}, np.zeros((1, 2, 2)))
    assert list(table.columns) == ["dataset", "z", "y", "x", "label", "t"] and table.empty


def test_extraction_refuses_other_shapes_and_names():
    with pytest.raises(ValueError, match="same shape"):
        extract_voxels({"t": np.ones((1, 2, 3))}, np.ones((1, 2, 2)))
    with pytest.raises(ValueError, match="must not be named"):
        extract_voxels({"x": np.ones((1, 2, 2))}, np.ones((1, 2, 2)))


@pytest.mark.parametrize(
    "value, glioma, vessel",
    [(0, "none", "0–5"), (1e-9, "0–5", "0–5"), (0.05, "0–5", "0–5"), (0.0500001, "5–25", "5–25"), (0.75, "50–75", "50–75"), (1, "75–100", "75–100")],
)  # fmt: skip
def test_bins_hold_their_upper_edge(value, glioma, vessel):
    assert bin_density([value], GLIOMA_BINS)[0] == glioma
    assert bin_density([value], VESSEL_BINS)[0] == vessel


def test_bins_keep_missing_and_refuse_what_is_no_fraction():
    made = bin_density([0.1, np.nan], GLIOMA_BINS)
    assert made.ordered and pd.isna(made[1])
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]. Given 25 in row 1"):
        bin_density([0.1, 25], GLIOMA_BINS)
    with pytest.raises(ValueError, match="edges must rise"):
        bin_density([0.1], (0, 0.5, 0.5))


def test_merged_masks_are_their_intersection():
    masks = np.random.default_rng(1).integers(0, 3, (3, 5, 5))
    merged = merge_masks(list(masks))
    assert (merged == (masks > 0).all(axis=0)).all()
    agree = merge_masks(list(masks), labels="agree")
    assert ((agree > 0) <= (merged > 0)).all()
    assert (agree[agree > 0] == masks[0][agree > 0]).all()
    with pytest.raises(ValueError, match="same shape"):
        merge_masks([[1], [1, 1]])
    with pytest.raises(ValueError, match="At least one mask"):
        merge_masks([])


def growing(days=(0, 24, 42), rate=0.01, voxels=5):
    rng = np.random.default_rng(1)
    start = rng.uniform(0, 0.3, voxels)
    rows = [("m", d, 0, i, i, start[i] + rate * d, 2.0 + 0.1 * d) for d in days for i in range(voxels)]
    return pd.DataFrame(rows, columns=["animal", "day", "z", "y", "x", "density", "t2w"])


def test_growth_recovers_a_planted_rate_over_unequal_intervals():
    table = growth_table(growing(), values=["t2w"])
    assert table.growth.to_numpy() == pytest.approx(1)  # % of the voxel per day
    assert table.t2w_per_day.to_numpy() == pytest.approx(0.1)
    assert sorted(table.days.unique()) == [18, 24]
    assert (table.growth <= table.ceiling).all()


def test_voxels_seen_once_have_no_growth():
    frame = growing().drop(index=[0, 7])
    assert len(growth_table(frame)) == 10 - 3


def test_animals_are_not_mixed():
    two = pd.concat([growing((0, 10)).assign(animal="a"), growing((5, 15), rate=0.02).assign(animal="b")])
    assert growth_table(two).groupby("animal").growth.mean().to_dict() == pytest.approx({"a": 1, "b": 2})


def test_awkward_growth_tables_are_refused():
    with pytest.raises(ValueError, match="must have the columns day"):
        growth_table(growing().drop(columns="day"))
    with pytest.raises(ValueError, match="once per day"):
        growth_table(pd.concat([growing(), growing().iloc[:1]]))
    with pytest.raises(ValueError, match="two time points"):
        growth_table(growing((0,)))
    with pytest.raises(ValueError, match="days must be positive"):
        change_per_day([0.0], [1.0], 0)
