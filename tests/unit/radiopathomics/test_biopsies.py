"""Imaging against histology in samples of patients."""

import numpy as np
import pytest
from scipy import stats

from compendium.cohorts.nocera import simulate_biopsies
from compendium.radiopathomics.biopsies import (
    compare_two_groups,
    judge_closeness,
    pooled_line,
    relate_samples,
)


def test_the_slopes_within_and_between_patients_are_told_apart():
    table = simulate_biopsies(
        [4] * 400, slope_within=0.6, slope_between=-0.5, icc_x=0.5, icc_y=0.1, residual_sd=0.4, seed=1
    )
    got = relate_samples(table["truth"], table["histology"], table["patient"], resamples=50, draws=20)
    within, between, gap = (got.estimates[k] for k in ("within", "between", "gap"))
    assert within.lower < 0.6 < within.upper and within.estimate > 0.5
    assert between.estimate < 0 < within.estimate and gap.p < 1e-6
    assert gap.estimate == pytest.approx(between.estimate - within.estimate)
    assert between.estimate < got.estimates["mixed"].estimate < within.estimate


def test_single_samples_have_no_slope_within_and_keep_their_correlation():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 12))
    got = relate_samples(x, y, np.arange(12), resamples=50, draws=10)
    assert np.isnan(got.estimates["within"]).all() and np.isnan(got.estimates["r_within"]).all()
    assert got.estimates["rho"].estimate == pytest.approx(stats.spearmanr(x, y)[0])
    assert (got.n, got.patients) == (12, 12)


@pytest.mark.parametrize("x", [[1.0, 1, 1, 1], [2.0, 2, 2, 2]])
def test_a_constant_predictor_gives_no_number_and_no_error(x):
    got = relate_samples(x, [1, 2, 3, 4], list("aabb"), resamples=10, draws=10)
    assert np.isnan(got.estimates["pooled"].estimate) and np.isnan(got.estimates["rho"].estimate)


def test_the_pooled_line_is_that_of_scipy():
    x, y = np.arange(8.0), np.array([1, 3, 2, 5, 4, 6, 8, 7.0])
    line = stats.linregress(x, y)
    got = pooled_line(x, y)
    assert (got.estimate, got.p) == (pytest.approx(line.slope), pytest.approx(line.pvalue))
    assert got.upper - got.estimate == pytest.approx(stats.t.isf(0.025, 6) * line.stderr)


def test_an_interaction_that_was_planted_is_found_and_none_where_there_is_none():
    parts = [simulate_biopsies([3] * 40, slope_within=s, slope_between=s, residual_sd=0.5, seed=i)
             for i, s in ((1, 0.8), (2, -0.4), (3, 0.8))]  # fmt: skip
    x, y = (np.concatenate([p[c] for p in parts]) for c in ("truth", "histology"))
    patient = np.concatenate([p["patient"] + str(i) for i, p in enumerate(parts)])
    group = np.repeat([0, 1, 2], 120)
    unlike, alike = (
        compare_two_groups(x[k], y[k], patient[k], group[k] > 0, permutations=199)
        for k in (group < 2, group != 1)
    )
    assert unlike["slope"].estimate == pytest.approx(-1.2, abs=0.25)
    assert all(e.p < 0.02 for e in unlike.values()) and all(e.p > 0.02 for e in alike.values())


def test_one_group_has_no_interaction():
    got = compare_two_groups([1, 2, 3, 4], [1, 2, 4, 3], list("aabb"), [0, 0, 0, 0])
    assert all(np.isnan(e).all() for e in got.values())


def test_closeness_of_a_shifted_prediction():
    y = np.array([10.0, 12, 15, 11, 18, 16])
    got = judge_closeness(y - 4, y, list("aabbcc"))
    assert (got["bias"], got["rmse"]) == (pytest.approx(-4), pytest.approx(4))
    assert got["rmse_calibrated"] == pytest.approx(0, abs=1e-9)
    assert got["skill"] == pytest.approx(1 - 16 / y.var())
    assert got["loa_lower"] == pytest.approx(-4) and got["loa_upper"] == pytest.approx(-4)
