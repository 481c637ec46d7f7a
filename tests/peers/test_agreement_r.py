"""agreement and reliability against R (psych, base) and printed values; made by agreement.R."""

import numpy as np
import pytest
from pytest import approx

from compendium.statistics import agreement as ours

FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


@pytest.fixture(scope="module")
def r(peer):
    return peer("agreement")


@pytest.mark.parametrize(("table", "key"), [("shrout", "icc"), ("noise", "icc_noise")])
def test_six_forms_of_icc_equal_psych(r, table, key):
    for form, (estimate, lower, upper) in zip(FORMS, r[key], strict=True):
        got = ours.intraclass_correlation(r["data"][table], form)
        assert got.estimate == approx(estimate, rel=1e-9), form
        assert list(got) == approx([lower, upper], rel=1e-7), form


def test_icc_of_noise_is_negative_and_not_clipped(r):
    assert ours.intraclass_correlation(r["data"]["noise"], "1,1").estimate == approx(r["icc_noise"][0][0])
    assert r["icc_noise"][0][0] < 0


def test_one_way_icc_of_unequal_clusters_equals_r(r):
    got = ours.icc_oneway(r["data"]["value"], r["data"]["subject"])
    assert [got.estimate, *got] == approx(r["oneway"], rel=1e-9)


def test_bland_altman_equals_t_test_and_the_printed_limits_of_1986(r):
    got = ours.bland_altman(r["data"]["wright"], r["data"]["mini"], method="1986", multiplier=2)
    assert [got.bias.estimate, *got.bias] == approx([r["bias"]["estimate"], *r["bias"]["ci"]], rel=1e-11)
    assert got.sd == approx(r["bias"]["sd"], rel=1e-12)
    # printed for Wright less mini: mean -2.1, SD 38.8, limits -79.7 and 75.5; standard error of a limit 16.3
    assert round(got.sd, 1) == 38.8
    # the paper computed with the rounded mean and SD: half a unit of one and twice half a unit of the other
    assert -got.upper.estimate == approx(-79.7, abs=0.15)
    assert -got.lower.estimate == approx(75.5, abs=0.15)
    assert (got.upper.upper - got.upper.estimate) / 2.119905 == approx(16.3, abs=0.06)


def test_bland_altman_regression_equals_lm(r):
    got = ours.bland_altman_regression(r["data"]["wright"], r["data"]["mini"])
    assert [got.intercept, got.slope] == approx(r["regression"]["line"], rel=1e-9)
    assert [got.spread_intercept, got.spread_slope] == approx(r["regression"]["spread"], rel=1e-9)


def test_bland_altman_of_repeated_pairs_equals_variance_components(r):
    got = ours.bland_altman(r["data"]["value"], r["data"]["other"], r["data"]["subject"])
    assert [got.sd, got.sd_within] == approx([r["nested"]["sd"], r["nested"]["within"]], rel=1e-10)


def test_within_subject_sd_and_limits_equal_lm(r):
    got = ours.repeatability(r["data"]["value"], r["data"]["subject"], cv="log")
    assert [got.sd.estimate, *got.sd] == approx([r["within"], *r["within_ci"]], rel=1e-10)
    assert got.cv == approx(r["log_cv"], rel=1e-10)


def test_concordance_equals_its_meaning_over_all_pairs(r):
    got = ours.concordance(r["data"]["wright"], r["data"]["mini"])
    assert got.estimate == approx(r["concordance"], rel=1e-12)


def test_three_meanings_of_rmse_equal_r(r):
    mini, wright = np.array(r["data"]["mini"]), np.array(r["data"]["wright"])
    got = [ours.rmse(mini, wright, v) for v in ("difference", "centred", "calibrated")]
    assert [*got, ours.rmse(mini, wright, "calibrated", "df")] == approx(r["rmse"], rel=1e-11)


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("agreement"), rerun_r("agreement"))
