"""The variant of ComBat that made a table is found, and no other is called exact."""

import numpy as np
import pytest

from compendium.statistics.combat import combat
from compendium.statistics.harmonisation import compare_harmonisations, reference_change


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    batch = np.array(["a"] * 14 + ["b"] * 9)
    group = (rng.random(23) < np.where(batch == "a", 0.3, 0.6)).astype(float)
    values = rng.standard_normal((23, 4)) * [1, 20, 300, 0.1] + 0.7 * (batch == "b")[:, None]
    return values, batch, {"group": group}


@pytest.mark.parametrize(("variant", "options"), [
    ("ComBat", {"reference": "a"}),
    ("ComBat, shift only", {"reference": "a", "mean_only": True}),
    ("ComBat to the common mean", {}),
])  # fmt: skip
@pytest.mark.parametrize("kept", [False, True])
def test_the_planted_variant_alone_is_exact(data, variant, options, kept):
    values, batch, groups = data
    after = combat(values, batch, covariates=groups if kept else None, **options).values
    found = compare_harmonisations(values, after, batch, "a", groups)
    assert found["variant"][0] == variant + ", groups kept" * kept and found["exact"].sum() == 1
    assert found["largest"].is_monotonic_increasing and found["largest"][1] > 0.01


def test_no_shrinkage_is_told_apart(data):
    values, batch, _ = data
    after = np.column_stack([combat(values[:, [j]], batch, reference="a").values for j in range(4)])
    found = compare_harmonisations(values, after, batch, "a")
    assert found["variant"][0] == "location and scale without shrinkage" and found["exact"][0]


def test_an_untouched_table_and_one_of_another_origin(data):
    values, batch, groups = data
    assert compare_harmonisations(values, values, batch, "a")["variant"][0] == "left as it was"
    other = values + 0.3 * (batch == "b")[:, None] * values.std(axis=0)
    assert not compare_harmonisations(values, other, batch, "a", groups)["exact"].any()


def test_missing_values_are_passed_over_and_variants_that_do_not_exist_are_last(data):
    values, batch, _ = data
    values = values.copy()
    values[0, 1] = np.nan
    after = combat(values, batch, reference="a").values
    found = compare_harmonisations(values, after, batch, "a", {"batch": (batch == "b").astype(float)})
    assert found["variant"][0] == "ComBat" and found["exact"][0]
    assert np.isnan(found["largest"].iloc[-1]) and not found["exact"].iloc[-1]


def test_reference_change_sees_a_moved_reference(data):
    values, batch, _ = data
    assert reference_change(values, combat(values, batch, reference="a").values, batch, "a") == 0
    assert reference_change(values, combat(values, batch).values, batch, "a") > 0.01


def test_tables_of_different_shape_fail(data):
    values, batch, _ = data
    with pytest.raises(ValueError, match=r"one shape .* Given \(23, 4\) and \(23, 3\)"):
        compare_harmonisations(values, values[:, :3], batch, "a")
