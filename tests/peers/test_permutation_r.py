"""Permutation tests: against coin, exactRankTests and enumeration in R."""

import pytest

from compendium.statistics.permutation import permute_groups, permute_pairing, permute_signs


@pytest.fixture(scope="module")
def r(peer):
    return peer("permutation")


@pytest.mark.parametrize(("rule", "name"), [("absolute", "groups_absolute"), ("greater", "groups_greater")])
def test_exchanged_labels_equal_coin(r, rule, name):
    ours = permute_groups(r["data"]["a"], r["data"]["b"], rule=rule)
    assert ours.exact
    assert ours.p == pytest.approx(r[name], rel=1e-12)


def test_exchanged_signs_equal_r(r):
    ours = permute_signs(r["data"]["first"], r["data"]["second"], rule="absolute")
    assert ours.p == pytest.approx(r["signs_absolute"], rel=1e-12)


@pytest.mark.parametrize(
    ("rule", "ranked", "name"),
    [("absolute", False, "pairing_absolute"), ("doubled", False, "pairing_doubled"),
     ("absolute", True, "spearman_absolute")],
)  # fmt: skip
def test_exchanged_pairing_equals_enumeration(r, rule, ranked, name):
    ours = permute_pairing(r["data"]["x"], r["data"]["y"], rule=rule, ranked=ranked)
    assert ours.p == pytest.approx(r[name], rel=1e-12)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("permutation"))
