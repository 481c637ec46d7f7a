"""ComBat: planted batch effects, missing values, and batches that coincide with groups."""

import numpy as np
import pytest

from compendium.statistics.combat import ConfoundedError, assess_confounding, combat


def make(seed=0, sizes=(20, 25, 15), features=30):
    rng = np.random.default_rng(seed)
    batch = np.repeat(list("abc"), sizes)
    clean = rng.normal(0, 1, (sum(sizes), features))
    shift, scale = {"a": 0.0, "b": 3.0, "c": -2.0}, {"a": 1.0, "b": 2.0, "c": 0.5}
    dirty = np.array([row * scale[b] + shift[b] for row, b in zip(clean, batch, strict=True)])
    return clean, dirty, batch


def test_planted_shift_and_scale_are_removed():
    clean, dirty, batch = make()
    made = combat(dirty, batch, reference="a").values
    for name in "bc":
        rows = batch == name
        assert abs(made[rows].mean() - clean[rows].mean()) < 0.1
        assert made[rows].std() == pytest.approx(clean[batch == "a"].std(), rel=0.08)


def test_reference_batch_is_returned_bit_for_bit():
    _, dirty, batch = make()
    assert np.array_equal(combat(dirty, batch, reference="b").values[batch == "b"], dirty[batch == "b"])


def test_protected_difference_survives_and_unprotected_one_shrinks():
    _, dirty, batch = make(1)
    group = np.where(batch == "a", np.arange(60) % 4 == 0, np.arange(60) % 4 != 0).astype(float)
    dirty = dirty + 2 * group[:, None] * np.where(batch == "b", 2, np.where(batch == "c", 0.5, 1))[:, None]
    kept = combat(dirty, batch, covariates={"group": group}).values
    lost = combat(dirty, batch).values
    difference = [(v[group == 1].mean() - v[group == 0].mean()) for v in (kept, lost)]
    assert difference[1] < difference[0]


def test_missing_values_stay_missing_and_do_not_spread():
    _, dirty, batch = make(2)
    holes = dirty.copy()
    holes[4, 3] = holes[30, 3] = np.nan
    made = combat(holes, batch)
    assert np.isnan(made.values).sum() == 2
    whole = combat(dirty, batch).values
    others = [j for j in range(30) if j != 3]
    np.testing.assert_allclose(made.values[:, others], whole[:, others], atol=0.02)  # only the priors move


def test_order_of_samples_does_not_matter():
    _, dirty, batch = make(3)
    order = np.random.default_rng(1).permutation(60)
    np.testing.assert_allclose(
        combat(dirty[order], batch[order]).values, combat(dirty, batch).values[order], rtol=1e-9, atol=1e-9
    )


def test_constant_feature_is_named_and_left():
    _, dirty, batch = make(4)
    dirty[:, 5] = 7.0
    made = combat(dirty, batch)
    assert made.unchanged == (5,)
    assert (made.values[:, 5] == 7).all()
    assert np.isnan(made.gamma[:, 5]).all()


def test_single_feature_is_adjusted_without_shrinkage():
    _, dirty, batch = make(5)
    made = combat(dirty[:, :1], batch).values
    means = [made[batch == name].mean() for name in "abc"]
    assert np.ptp(means) < 1e-9


def test_batch_of_one_needs_mean_only():
    _, dirty, batch = make(6, sizes=(10, 10, 1))
    with pytest.raises(ValueError, match="use mean_only=True. Given 'c'"):
        combat(dirty, batch)
    assert np.isfinite(combat(dirty, batch, mean_only=True).values).all()


def test_group_that_is_the_batch_is_refused():
    _, dirty, batch = make(7)
    with pytest.raises(ConfoundedError, match="must not coincide"):
        combat(dirty, batch, group=batch == "a")
    with pytest.raises(
        ConfoundedError, match="must not be determined by batch. Given 3 batches and covariates group"
    ):
        combat(dirty, batch, covariates={"group": (batch == "a").astype(float)})


def test_almost_coinciding_group_is_refused_or_warned_about_by_the_stated_limit():
    """grussu2025: one tumour type almost entirely on one scanner."""
    rng = np.random.default_rng(0)
    batch, group = ["1.5T"] * 13 + ["3T"] * 8, ["crc"] * 12 + ["melanoma"] * 7 + ["crc"] + ["melanoma"]
    values = rng.normal(size=(21, 6))
    found = assess_confounding(batch, group)
    assert found.p < 0.001
    assert not found.determined
    with pytest.raises(ConfoundedError, match="Cramér's V 0.8"):
        combat(values, batch, group=group, refuse_above=0.7)
    with pytest.warns(UserWarning, match="Batch and group are associated"):
        combat(values, batch, group=group, refuse_above=0.95)


def test_confounding_test_keeps_its_level():
    rng = np.random.default_rng(3)
    hits = [assess_confounding(rng.integers(0, 2, 40), rng.integers(0, 3, 40)).p < 0.05 for _ in range(500)]
    assert np.mean(hits) == pytest.approx(0.05, abs=0.03)


def test_fully_determined_group_is_marked():
    assert assess_confounding(list("aabb"), [0, 0, 1, 1]).determined
    assert assess_confounding(list("aabb"), [0, 0, 0, 0]).p == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v, b: (v, ["a"] * 60), "at least two batches"),
        (lambda v, b: (v[:, 0], b), "shape"),
        (lambda v, b: (v, [None, *b[1:]]), "batch must not be missing. Given a missing label in row 0"),
        (lambda v, b: (np.where(np.arange(60)[:, None] < 20, np.nan, v), b), "needs 2 values in every batch"),
        (lambda v, b: (np.where(v == v.max(), np.inf, v), b), "finite or missing. Given 1 infinite"),
        (lambda v, b: (v[:10], b), "same length"),
    ],
)
def test_bad_input_fails(change, message):
    _, dirty, batch = make(8)
    with pytest.raises(ValueError, match=message):
        combat(*change(dirty, list(batch)))


def test_unknown_reference_and_missing_covariate_fail():
    _, dirty, batch = make(9)
    with pytest.raises(ValueError, match="reference must be one of the batches a, b, c. Given 'z'"):
        combat(dirty, batch, reference="z")
    with pytest.raises(
        ValueError, match="Covariate 'age' must have 60 values, none missing. Given 60, 1 missing"
    ):
        combat(dirty, batch, covariates={"age": [None, *range(59)]})
