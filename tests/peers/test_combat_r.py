"""ComBat: against sva."""

import numpy as np
import pytest

from compendium.statistics.combat import combat


@pytest.fixture(scope="module")
def r(peer):
    return peer("combat")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("converged", {}),
        ("covariate", {"covariates": True}),
        ("reference", {"reference": "b"}),
        ("reference_covariate", {"covariates": True, "reference": "a"}),
        ("mean_only", {"mean_only": True}),
    ],
)
def test_combat_equals_sva(r, name, options):
    if options.pop("covariates", False):
        options["covariates"] = {"group": r["data"]["group"]}
    ours = combat(r["data"]["values"], r["data"]["batch"], **options)
    np.testing.assert_allclose(ours.values, r[name], rtol=1e-9)  # both iterate to their fixed point


def test_default_of_sva_stops_early(r):
    """sva stops at 1e-4 and does not look at features with a negative shift: it differs, but by little."""
    ours = combat(r["data"]["values"], r["data"]["batch"]).values
    worst = np.abs(ours - np.array(r["default"])).max()
    assert 1e-9 < worst < 2e-3  # values run to 80 with SD 1 to 12


def test_feature_constant_in_a_batch_is_returned_unchanged_as_in_sva(r):
    ours = combat(r["data"]["constant"], r["data"]["batch"])
    assert ours.unchanged == (1,)
    np.testing.assert_allclose(ours.values, r["constant"], rtol=1e-9)


def test_batch_of_one_equals_svas_silent_mean_only(r):
    batch = r["data"]["batch"][:14]
    with pytest.raises(ValueError, match="mean_only"):
        combat(r["data"]["lone"], batch)
    np.testing.assert_allclose(combat(r["data"]["lone"], batch, mean_only=True).values, r["lone"], rtol=1e-9)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("combat"))
