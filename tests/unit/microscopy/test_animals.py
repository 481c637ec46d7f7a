"""Animals as units: means, intervals and slopes against direct computation, and what few or one animal give."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compendium.microscopy.animals import (
    animal_means,
    animal_slopes,
    compare_bins,
    mean_interval,
    voxel_tests,
)


@pytest.fixture
def frame():
    rng = np.random.default_rng(3)
    rows = []
    for animal, slope in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        x = rng.uniform(0, 1, 200)
        c = 0.5 * x + rng.normal(0, 0.1, 200)
        rows.append(pd.DataFrame({"animal": animal, "x": x, "c": c, "y": 7 + slope * x - 4 * c}))
    return pd.concat(rows, ignore_index=True)


def test_slopes_recover_what_was_planted_when_the_covariate_is_there(frame):
    assert animal_slopes(frame, "y", "x", adjust=["c"]).round(9).to_dict() == {"a": 1.0, "b": 2.0, "c": 3.0}
    assert (animal_slopes(frame, "y", "x") < animal_slopes(frame, "y", "x", adjust=["c"])).all()


def test_slope_equals_linregress_without_covariates(frame):
    own = frame[frame["animal"] == "b"]
    expected = stats.linregress(own["x"], own["y"]).slope
    assert animal_slopes(own, "y", "x")["b"] == pytest.approx(expected, rel=1e-10)


def test_a_text_covariate_becomes_indicators(frame):
    shifted = frame.assign(day=np.where(np.arange(len(frame)) % 2, "d1", "d2"))
    shifted["y"] += np.where(shifted["day"] == "d1", 100.0, 0.0)
    assert animal_slopes(shifted, "y", "x", adjust=["c", "day"])["a"] == pytest.approx(1.0)


@pytest.mark.parametrize("spoil", ["few", "constant", "same"])
def test_an_animal_that_gives_no_slope_is_missing_not_zero(frame, spoil):
    if spoil == "few":
        frame = frame.drop(frame[frame["animal"] == "a"].index[5:])
    elif spoil == "constant":
        frame.loc[frame["animal"] == "a", "x"] = 0.3
    else:
        frame.loc[frame["animal"] == "a", "c"] = frame.loc[frame["animal"] == "a", "x"]
    slopes = animal_slopes(frame, "y", "x", adjust=["c"])
    assert np.isnan(slopes["a"]) and np.isfinite(slopes["b"])


def test_mean_interval_is_the_t_interval():
    values = [1.2, 0.4, 2.2, 1.9]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    made = mean_interval(values, 0.9)
    assert (made.lower, made.upper) == pytest.approx((low, high))


def test_one_animal_has_no_interval_and_none_has_no_mean():
    assert mean_interval([2.0]).estimate == 2.0 and np.isnan(mean_interval([2.0]).lower)
    assert np.isnan(mean_interval([np.nan]).estimate)


def test_bins_are_compared_within_animals_that_have_both():
    means = pd.DataFrame({"none": [0.0, 1.0, 2.0], "full": [1.0, 3.0, np.nan]})
    row = compare_bins(means, "none").iloc[0]
    assert (row["animals"], row["difference"]) == (2, 1.5)


def test_an_unknown_reference_bin_is_refused():
    with pytest.raises(ValueError, match=r"must be a bin \(none\). Given 'full'"):
        compare_bins(pd.DataFrame({"none": [0.0]}), "full")


def test_bins_of_few_voxels_have_no_mean():
    frame = pd.DataFrame({"animal": "a", "bin": ["x"] * 4 + ["y"] * 6, "v": 1.0})
    means = animal_means(frame, "v", "bin")
    assert np.isnan(means.loc["a", "x"]) and means.loc["a", "y"] == 1.0


def test_voxel_tests_equal_scipy():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {"bin": np.repeat(list("abc"), 40), "v": rng.normal(0, 1, 120) + np.repeat([0, 0.3, 1], 40)}
    )
    groups = [g["v"].to_numpy() for _, g in frame.groupby("bin")]
    made = voxel_tests(frame, "v", "bin")
    assert (made.f, made.p) == pytest.approx(tuple(stats.f_oneway(*groups)))
    assert sorted(made.pairs["p"]) == pytest.approx(
        sorted(stats.tukey_hsd(*groups).pvalue[np.triu_indices(3, 1)]), rel=1e-6
    )


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="must have the columns c"):
        animal_slopes(pd.DataFrame({"animal": ["a"], "x": [1.0], "y": [1.0]}), "y", "x", adjust=["c"])
