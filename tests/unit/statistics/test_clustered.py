"""Clustered statistics: full enumeration, copies against weights, simulated error rates, awkward clusters."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx
from scipy import stats

from compendium.statistics import clustered as ours
from compendium.statistics.cluster_bootstrap import correlation_from_counts
from compendium.statistics.diagnosis import mcnemar_asymptotic


def spearman(a, b):
    if a.max() == a.min() or b.max() == b.min():
        return np.nan
    return stats.spearmanr(a, b)[0]


def pearson(a, b):
    return np.nan if a.max() == a.min() or b.max() == b.min() else stats.pearsonr(a, b)[0]


@pytest.mark.parametrize(("kind", "statistic"), [("spearman", spearman), ("pearson", pearson)])
@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_weights_give_the_same_replicates_as_copied_rows(cohort, kind, statistic, rounded, method):
    x, y, patient = cohort
    x = np.round(x) if rounded else x
    fast = ours.cluster_bootstrap_correlation(x, y, patient, kind, n_resamples=60, method=method)
    slow = ours.cluster_bootstrap(statistic, x, y, cluster=patient, n_resamples=60, method=method)
    assert fast.replicates == approx(slow.replicates, abs=1e-12)
    assert tuple(fast.interval) == approx(tuple(slow.interval), abs=1e-12)
    assert fast.interval.estimate == approx(statistic(x, y), abs=1e-13)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), min_size=4, max_size=12))
def test_every_possible_resample_is_ranked_as_if_copied(rows):
    x, y, label = np.array(rows, dtype=float).T
    _, code = np.unique(label, return_inverse=True)
    k = code.max() + 1
    counts = np.array([np.bincount(draw, minlength=k) for draw in product(range(k), repeat=k)])
    got = correlation_from_counts(x, y, code, "spearman")(counts)
    for weight, value in zip(counts, got, strict=True):
        copies = np.repeat(np.arange(len(x)), weight[code])
        assert value == approx(spearman(x[copies], y[copies]), nan_ok=True, abs=1e-12)


def test_resampling_converges_to_the_full_enumeration_of_resamples(rng):
    code = np.repeat(np.arange(5), [2, 1, 3, 2, 4])
    x, y = rng.normal(size=12), rng.normal(size=12)
    counts = np.array([np.bincount(draw, minlength=5) for draw in product(range(5), repeat=5)])
    exact = correlation_from_counts(x, y, code, "spearman")(counts)
    boot = ours.cluster_bootstrap_correlation(x, y, code, n_resamples=40_000)
    assert boot.undefined / 40_000 == approx(np.isnan(exact).mean(), abs=0.002)
    assert np.nanmean(boot.replicates) == approx(np.nanmean(exact), abs=4 * np.nanstd(exact) / 200)
    assert boot.standard_error == approx(np.nanstd(exact), rel=0.02)


def test_blocks_of_replicates_do_not_change_the_result(cohort, monkeypatch):
    x, y, patient = cohort
    whole = ours.cluster_bootstrap_correlation(x, y, patient, n_resamples=100)
    monkeypatch.setattr("compendium.statistics.cluster_bootstrap._CELLS_PER_BLOCK", 66 * 7)
    assert ours.cluster_bootstrap_correlation(x, y, patient, n_resamples=100).replicates == approx(
        whole.replicates
    )


def test_units_and_large_offsets_do_not_change_pearson_replicates(cohort):
    x, y, patient = cohort
    plain = ours.cluster_bootstrap_correlation(x, y, patient, "pearson", n_resamples=200)
    moved = ours.cluster_bootstrap_correlation(1e-6 * x + 1e3, y, patient, "pearson", n_resamples=200)
    assert moved.replicates == approx(plain.replicates, abs=1e-6)


def test_names_and_types_of_clusters_do_not_matter(cohort):
    x, y, patient = cohort
    plain = ours.cluster_bootstrap_correlation(x, y, patient + 100, n_resamples=200)
    named = ours.cluster_bootstrap_correlation(x, y, [f"p{i + 100}" for i in patient], n_resamples=200)
    assert tuple(plain.interval) == tuple(named.interval)


def test_row_order_does_not_matter(cohort, rng):
    x, y, patient = cohort
    order = rng.permutation(66)
    for method in ("percentile", "bca"):
        plain = ours.cluster_bootstrap_correlation(x, y, patient, n_resamples=300, method=method)
        mixed = ours.cluster_bootstrap_correlation(
            x[order], y[order], patient[order], n_resamples=300, method=method
        )
        assert tuple(plain.interval) == approx(tuple(mixed.interval))


def test_incomplete_rows_are_dropped_and_counted(cohort):
    x, y, patient = (list(v) for v in cohort)
    x[3], y[5], patient[7] = None, np.nan, None
    boot = ours.cluster_bootstrap_correlation(x, y, patient, n_resamples=20)
    assert (boot.dropped, boot.n) == (3, 63)


def test_constant_column_gives_undefined_replicates_and_no_limits():
    boot = ours.cluster_bootstrap_correlation([1, 1, 1, 1], [1, 2, 3, 4], list("aabb"), n_resamples=30)
    assert boot.undefined == 30
    assert np.isnan(boot.interval.lower)


def test_cluster_bootstrap_covers_a_planted_mean_where_rows_do_not(rng):
    # values share noise within a patient: resampling rows understates the spread of the mean
    hits = np.zeros(2)
    patient = np.repeat(np.arange(30), 5)
    for i in range(120):
        values = 1 + rng.normal(size=30)[patient] + 0.5 * rng.normal(size=150)
        for j, label in enumerate((patient, np.arange(150))):
            boot = ours.cluster_bootstrap(np.mean, values, cluster=label, n_resamples=200, seed=i)
            hits[j] += 1 in boot.interval
    assert hits[0] / 120 > 0.85
    assert hits[1] / 120 < 0.75


def test_design_effect_of_the_cohort_of_66_samples():
    sizes = [1] * 7 + [2] * 6 + [3] * 9 + [4] * 5
    for icc, n in ((0.1, 55), (0.3, 42), (0.5, 34), (1, 23)):
        assert round(ours.design_effect(sizes, icc).n_effective) == n
    assert ours.design_effect([1] * 9, 0.7).n_effective == 9
    assert ours.design_effect([4, 4], -0.2).factor == approx(0.4)


def test_clustered_mcnemar_without_discordance_has_p_one():
    for method in ("obuchowski", "durkalski"):
        assert ours.clustered_mcnemar([1, 0, 1], [1, 0, 1], list("abc"), method).p == 1


def test_clustered_mcnemar_with_clusters_of_one_is_nearly_mcnemar():
    first, second = [1] * 9 + [0] * 3 + [1] * 20, [0] * 9 + [1] * 3 + [1] * 20
    got = ours.clustered_mcnemar(first, second, range(32), "durkalski")
    assert got.statistic == approx(36 / 12)  # (b - c)²/(b + c)
    assert ours.clustered_mcnemar(first, second, range(32)).statistic == approx(36 / 12 * 31 / 32)


@pytest.mark.parametrize("method", ["obuchowski", "durkalski"])
def test_clustered_mcnemar_holds_its_level_where_mcnemar_does_not(rng, method):

    patient = np.repeat(np.arange(60), 6)
    rejected = np.zeros(2)
    for _ in range(300):
        tilt = rng.choice([0.1, 0.9], size=60)[
            patient
        ]  # a patient whose lesions one of the reads tends to miss
        first = rng.random(360) < tilt
        second = np.where(rng.random(360) < 0.5, ~first, first)
        rejected[0] += ours.clustered_mcnemar(first, second, patient, method).p < 0.05
        b, c = int((first & ~second).sum()), int((~first & second).sum())
        rejected[1] += mcnemar_asymptotic(b, c, correction=False).p < 0.05
    assert rejected[0] / 300 < 0.085
    assert rejected[1] / 300 > 0.1


def gap(values, group):
    return values[group].mean() - values[~group].mean()


def test_permutation_of_clusters_enumerates_all_arrangements(rng):
    patient, values = np.repeat(np.arange(6), [3, 1, 2, 2, 1, 4]), rng.normal(size=13)
    group = np.isin(patient, [0, 3, 4])
    got = ours.cluster_permutation_test(gap, values, group=group, cluster=patient, n_resamples=20)

    every = [gap(values, np.isin(patient, chosen)) for chosen in combinations(range(6), 3)]
    assert got.p == approx(np.mean(np.abs(every) >= abs(gap(values, group)) - 1e-12))


def test_random_permutation_approaches_enumeration_and_never_gives_zero(rng):
    patient, values = np.repeat(np.arange(10), 2), rng.normal(size=20)
    group = patient < 5
    exact = ours.cluster_permutation_test(gap, values, group=group, cluster=patient)
    random = ours.cluster_permutation_test(gap, values, group=group, cluster=patient, n_resamples=251, seed=3)
    assert "all 252" in exact.method
    assert random.p == approx(exact.p, abs=0.13)
    extreme = ours.cluster_permutation_test(
        gap, values + 99 * group, group=group, cluster=patient, n_resamples=99
    )
    assert extreme.p >= 0.01


def test_one_sided_and_doubled_p(rng):
    patient, values = np.repeat(np.arange(8), 2), rng.normal(size=16)
    p = {
        kind: ours.cluster_permutation_test(gap, values, group=patient < 4, cluster=patient, **options).p
        for kind, options in {"greater": {"alternative": "greater"}, "less": {"alternative": "less"},
                              "double": {"two_sided": "double"}}.items()
    }  # fmt: skip
    assert p["double"] == approx(min(1, 2 * min(p["greater"], p["less"])))


def test_permutation_within_clusters_ignores_differences_between_them(rng):
    patient = np.repeat(np.arange(12), 5)
    level = 10 * rng.normal(size=12)[patient]
    x, y = level + rng.normal(size=60), level + rng.normal(size=60)
    corr = lambda a, b: np.corrcoef(a, b)[0, 1]  # noqa: E731
    assert corr(x, y) > 0.9
    assert ours.within_cluster_permutation_test(corr, x, y, patient, n_resamples=400).p > 0.05
    tied = ours.within_cluster_permutation_test(
        corr, x, x + 0.1 * rng.normal(size=60), patient, n_resamples=400
    )
    assert tied.p == approx(1 / 401)


def test_mean_over_draws_is_the_same_by_draws_and_in_closed_form(cohort):
    x, y, patient = cohort
    closed = ours.one_per_cluster_spearman(x, y, patient)
    drawn = ours.one_per_cluster_spearman(x, y, patient, method="draws", n_draws=20_000)
    assert drawn.mean == approx(closed.mean, abs=4 * drawn.draws.std() / np.sqrt(20_000))
    assert closed.draws.size == 0


def test_one_sample_per_cluster_from_the_start_is_plain_spearman(rng):
    x, y = rng.normal(size=15), rng.normal(size=15)
    rho = stats.spearmanr(x, y)[0]
    assert ours.one_per_cluster_spearman(x, y, range(15)).mean == approx(rho)
    drawn = ours.one_per_cluster_spearman(x, y, range(15), method="draws", n_draws=10)
    assert drawn.draws == approx(np.full(10, rho))


def test_the_mean_over_draws_varies_less_than_a_draw():
    null = ours.one_per_cluster_null([3] * 9 + [2] * 4, icc_x=0.5, icc_y=0.5, n_simulations=1500)
    single = 1 / np.sqrt(12)
    assert null.mean() == approx(0, abs=0.02)
    assert 0.17 < null.std() < 0.23 < single
    alone = ours.one_per_cluster_null([1] * 13, icc_x=0.3, icc_y=0.9, n_simulations=1500)
    assert alone.std() == approx(single, rel=0.06)


def test_draws_with_ties_use_midranks(rng):
    x, y = rng.integers(0, 3, 14).astype(float), rng.integers(0, 3, 14).astype(float)
    drawn = ours.one_per_cluster_spearman(x, y, range(14), method="draws", n_draws=3)
    assert drawn.draws == approx(np.full(3, stats.spearmanr(x, y)[0]))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ours.cluster_bootstrap(np.mean, [1, 2], cluster=["a", "a"]), "Too few clusters: at least 2"),
    (lambda: ours.cluster_bootstrap_correlation([1, 2], [1, 2], ["a", "b"], "kendall"), "kind must be one of"),
    (lambda: ours.cluster_bootstrap_correlation([1, 2], [1, 2], ["a", "b"], method="t"), "method must be one of"),
    (lambda: ours.cluster_bootstrap(np.mean, [], cluster=[]), "Too few clusters: at least 2 are needed. Given 0"),
    (lambda: ours.cluster_permutation_test(gap, [1, 2, 3], group=[0, 1, 1], cluster=list("aab")),
     "group must be constant within a cluster. Given both values in the cluster of row"),
    (lambda: ours.cluster_permutation_test(gap, [1, 2], group=[1, 1], cluster=list("ab")), "Both groups must hold"),
    (lambda: ours.design_effect([0, 2], 0.1), "sizes must be whole numbers, 1 or more"),
    (lambda: ours.design_effect([2], 1.5), r"icc must lie in \[-1, 1\]. Given 1.5"),
    (lambda: ours.one_per_cluster_spearman([1, 2, 1], [1, 2, 3], list("abc")), "x must not be tied between clusters"),
    (lambda: ours.one_per_cluster_spearman([1, 2], [1, 2], list("ab")), "Too few clusters: at least 3"),
    (lambda: ours.one_per_cluster_null([2, 2, 2], 1.0, 0.1), "icc_x must lie in"),
    (lambda: ours.clustered_mcnemar([1, 2], [0, 1], ["a", "b"]), "first must hold 0 and 1 only"),
])  # fmt: skip
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
