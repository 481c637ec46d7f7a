"""ComBat: against sva."""

import numpy as np
import pytest

from compendium.statistics.combat import combat

TOPIC = "Models"
STOPS = "sva's default stops at 1e-4 and overlooks features with a negative shift; compared with its own iteration carried on to 1e-13"
METHODS = {
    "ComBat": ("combat", "parametric, iterated to the fixed point; covariates protected", "sva::ComBat", STOPS),
    "ComBat, reference batch": ("combat", "one batch returned bit for bit", "sva::ComBat", STOPS),
    "ComBat, shifts only": ("combat", "mean_only: scales left alone", "sva::ComBat"),
    "ComBat, constant feature": ("combat", "constant within a batch: returned unchanged and named", "sva::ComBat"),
    "ComBat, batch of one": (
        "combat", "refused unless mean_only is asked for", "sva::ComBat", "sva switches to shifts only without asking"),
}  # fmt: skip
ITERATED = {"rel": 1e-9, "why": "both iterate to their fixed point"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("combat")


@pytest.mark.parametrize(
    ("name", "method", "options"),
    [
        ("converged", "ComBat", {}),
        ("covariate", "ComBat", {"covariates": True}),
        ("reference", "ComBat, reference batch", {"reference": "b"}),
        ("reference_covariate", "ComBat, reference batch", {"covariates": True, "reference": "a"}),
        ("mean_only", "ComBat, shifts only", {"mean_only": True}),
    ],
)
def test_combat_equals_sva(r, agree, name, method, options):
    if options.pop("covariates", False):
        options["covariates"] = {"group": r["data"]["group"]}
    agree(method, combat(r["data"]["values"], r["data"]["batch"], **options).values, r[name], **ITERATED)


def test_default_of_sva_stops_early(r):
    """sva stops at 1e-4 and does not look at features with a negative shift: it differs, but by little."""
    ours = combat(r["data"]["values"], r["data"]["batch"]).values
    worst = np.abs(ours - np.array(r["default"])).max()
    assert 1e-9 < worst < 2e-3  # values run to 80 with SD 1 to 12


def test_feature_constant_in_a_batch_is_returned_unchanged_as_in_sva(r, agree):
    ours = combat(r["data"]["constant"], r["data"]["batch"])
    assert ours.unchanged == (1,)
    agree("ComBat, constant feature", ours.values, r["constant"], **ITERATED)


def test_batch_of_one_equals_svas_silent_mean_only(r, agree):
    batch = r["data"]["batch"][:14]
    with pytest.raises(ValueError, match="mean_only"):
        combat(r["data"]["lone"], batch)
    agree(
        "ComBat, batch of one", combat(r["data"]["lone"], batch, mean_only=True).values, r["lone"], **ITERATED
    )


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("combat"))
