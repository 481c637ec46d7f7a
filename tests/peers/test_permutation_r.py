"""Permutation tests: against coin, exactRankTests and enumeration in R."""

import pytest

from compendium.statistics.permutation import permute_groups, permute_pairing, permute_signs

TOPIC = "Groups"
METHODS = {
    "Permutation of labels": ("permute_groups, permutation_p", "all arrangements; rule |T| or one-sided", "coin::oneway_test"),
    "Permutation of labels, second peer": ("permute_groups", "all arrangements; rule |T|", "exactRankTests::perm.test"),
    "Permutation of signs": ("permute_signs", "all signs; rule |T|", "exactRankTests::perm.test"),
    "Permutation of a pairing": ("permute_pairing", "all orders; rules |T| and 2·min; values or ranks", "enumeration of all orders"),
}  # fmt: skip
COUNTED = {"rel": 1e-12, "why": "counted on both sides"}


@pytest.fixture(scope="module")
def r(peer):
    return peer("permutation")


@pytest.mark.parametrize(("rule", "name"), [("absolute", "groups_absolute"), ("greater", "groups_greater")])
def test_exchanged_labels_equal_coin(r, agree, rule, name):
    ours = permute_groups(r["data"]["a"], r["data"]["b"], rule=rule)
    assert ours.exact
    agree("Permutation of labels", ours.p, r[name], **COUNTED)


def test_exchanged_labels_equal_exact_rank_tests(r, agree):
    ours = permute_groups(r["data"]["a"], r["data"]["b"], rule="absolute")
    agree("Permutation of labels, second peer", ours.p, r["groups_perm"], **COUNTED)


def test_exchanged_signs_equal_r(r, agree):
    ours = permute_signs(r["data"]["first"], r["data"]["second"], rule="absolute")
    agree("Permutation of signs", ours.p, r["signs_absolute"], **COUNTED)


@pytest.mark.parametrize(
    ("rule", "ranked", "name"),
    [("absolute", False, "pairing_absolute"), ("doubled", False, "pairing_doubled"),
     ("absolute", True, "spearman_absolute")],
)  # fmt: skip
def test_exchanged_pairing_equals_enumeration(r, agree, rule, ranked, name):
    ours = permute_pairing(r["data"]["x"], r["data"]["y"], rule=rule, ranked=ranked)
    agree("Permutation of a pairing", ours.p, r[name], **COUNTED)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("permutation"))
