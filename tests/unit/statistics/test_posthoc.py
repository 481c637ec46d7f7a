"""Pairs of groups: identities with two groups, planted error rates, public implementations."""

import numpy as np
import pytest
import scikit_posthocs
from scipy import stats

from compendium.statistics.groups import welch_test
from compendium.statistics.posthoc import (
    dunn_test,
    dunnett_t3_test,
    games_howell_test,
    maximum_modulus_quantile,
    maximum_modulus_sf,
    tukey_test,
)

GROUPS = {"a": [12.1, 9.8, 15.3, 11.0], "b": [8.4, 10.9, 7.7], "c": [20.3, 11.8, 35.0]}


def test_two_groups_make_dunnett_t3_and_games_howell_welchs_t():
    pair = {k: GROUPS[k] for k in "ab"}
    welch = welch_test(pair["a"], pair["b"])
    t3, gh = dunnett_t3_test(pair)[0], games_howell_test(pair)[0]
    assert (t3.p_adjusted, t3.df) == pytest.approx((welch.p, welch.df), rel=1e-12)
    assert tuple(t3.interval) == pytest.approx(tuple(welch.interval), rel=1e-10)
    assert gh.p_adjusted == pytest.approx(welch.p, abs=1e-9)


def test_dunn_equals_scikit_posthocs():
    theirs = scikit_posthocs.posthoc_dunn(list(GROUPS.values()), p_adjust="holm").to_numpy()
    ours = [pair.p_adjusted for pair in dunn_test(GROUPS, adjust="holm")]
    np.testing.assert_allclose(ours, theirs[np.triu_indices(3, 1)], rtol=1e-10)


def test_maximum_modulus_tends_to_the_normal_case():
    normal = maximum_modulus_sf(2.5, 6, np.inf)
    assert normal == pytest.approx(1 - (1 - 2 * stats.norm.sf(2.5)) ** 6, rel=1e-12)
    assert maximum_modulus_sf(2.5, 6, 1e7) == pytest.approx(normal, rel=1e-5)


@pytest.mark.parametrize("df", [1.0, 1.37, 2.5, 7.9, 40.2, 900.0])
def test_quadrature_with_one_comparison_is_students_t(df):
    """`count` just above one takes the quadrature and must join Student's t."""
    q = np.array([0.3, 2.0, 9.0])
    for value in q:
        ours = maximum_modulus_sf(value, 1 + 1e-12, df)
        assert ours == pytest.approx(2 * stats.t.sf(value, df), rel=1e-9)


def test_maximum_modulus_lies_between_one_comparison_and_bonferroni():
    single, many = maximum_modulus_sf(2.7, 1, 6.3), maximum_modulus_sf(2.7, 6, 6.3)
    assert single < many < 6 * single
    assert maximum_modulus_sf(0, 3, 5) == 1
    assert maximum_modulus_sf(maximum_modulus_quantile(0.9, 6, 3.3), 6, 3.3) == pytest.approx(0.1, rel=1e-9)


def test_maximum_modulus_refuses_nonsense():
    with pytest.raises(ValueError, match="q ≥ 0, count ≥ 1, df > 0. Given q=-1"):
        maximum_modulus_sf(-1, 3, 5)


def test_dunnett_t3_keeps_the_family_error_under_unequal_variances():
    rng = np.random.default_rng(2)
    spread = np.repeat([1.0, 1.0, 5.0, 3.0], [6, 10, 5, 8])
    cuts = np.cumsum([6, 10, 5])
    trials = [np.split(rng.normal(0, spread), cuts) for _ in range(200)]
    t3 = np.mean([min(p.p_adjusted for p in dunnett_t3_test(g)) < 0.05 for g in trials])
    assert t3 < 0.085  # conservative in expectation; SE .015


def test_all_values_equal_gives_p_one_in_dunn_and_an_error_elsewhere():
    equal = {"a": [2, 2], "b": [2, 2, 2]}
    assert [pair.p for pair in dunn_test(equal, adjust="bonferroni")] == [1.0]
    for function in (tukey_test, games_howell_test, dunnett_t3_test):
        with pytest.raises(ValueError, match="must vary"):
            function(equal)


def test_empty_group_is_named():
    with pytest.raises(ValueError, match="Group 'c' is too small: at least 2 values are needed. Given 1"):
        dunnett_t3_test({"a": [1, 2], "b": [2, 3], "c": [1, None]})


def test_row_order_changes_nothing():
    turned = {name: values[::-1] for name, values in GROUPS.items()}
    for function in (tukey_test, games_howell_test, dunnett_t3_test):
        assert function(turned) == function(GROUPS)
