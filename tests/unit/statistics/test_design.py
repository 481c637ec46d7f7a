"""Planning: formulas against simulation of the data they plan for."""

import numpy as np
import pytest
from scipy import stats

from compendium.statistics.design import (
    effective_size,
    plan_correlation,
    plan_difference,
    power_correlation,
    targeting_attenuation,
)
from compendium.statistics.sample_size import (
    auc_variance,
    power_paired_reads,
    size_for_auc,
    size_for_auc_precision,
    size_for_correlation,
    size_for_paired_reads,
)


def clustered(rng, trials, patients, samples, icc):
    return np.sqrt(icc) * rng.normal(size=(trials, patients, 1)) + np.sqrt(1 - icc) * rng.normal(
        size=(trials, patients, samples)
    )


def test_null_variance_of_a_clustered_correlation_is_one_over_the_effective_size():
    rng = np.random.default_rng(1)
    patients, samples, icc_x, icc_y, trials = 20, 4, 0.6, 0.5, 4000
    x, y = (clustered(rng, trials, patients, samples, icc).reshape(trials, -1) for icc in (icc_x, icc_y))
    x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
    r = (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1))
    planned = plan_correlation(0.0, patients=patients, samples=samples, icc_x=icc_x, icc_y=icc_y).effective_n
    assert 1 / r.var() == pytest.approx(planned, rel=0.08)  # SE of a variance from 4000 draws: 2 %


def test_power_of_a_correlation_matches_simulation():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 34))
    y = 0.41 * x + np.sqrt(1 - 0.41**2) * rng.normal(size=x.shape)
    x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
    r = (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1))
    p = 2 * stats.t.sf(np.abs(r) * np.sqrt(32 / (1 - r**2)), 32)
    assert np.mean(p < 0.05) == pytest.approx(power_correlation(0.41, 34), abs=0.025)


def test_attenuation_matches_a_simulated_miss():
    rng = np.random.default_rng(3)
    miss = rng.normal(0, 2.0, (200_000, 3))
    simulated = np.exp(-(miss**2).sum(axis=1) / (2 * 4.0**2)).mean()
    assert targeting_attenuation(2.0, 4.0, error_is="per axis") == pytest.approx(simulated, abs=0.003)
    rms, mean = np.sqrt((miss**2).sum(1).mean()), np.sqrt((miss**2).sum(1)).mean()
    assert targeting_attenuation(rms, 4.0, error_is="rms distance") == pytest.approx(simulated, abs=0.004)
    assert targeting_attenuation(mean, 4.0, error_is="mean distance") == pytest.approx(simulated, abs=0.004)
    assert targeting_attenuation(0, 4.0, error_is="per axis") == 1


def test_power_of_a_difference_matches_simulated_patients():
    rng = np.random.default_rng(4)
    a, b = clustered(rng, 3000, 13, 3, 0.4).mean(2) + 0.9, clustered(rng, 3000, 14, 3, 0.4).mean(2)
    p = stats.ttest_ind(a, b, axis=1).pvalue
    plan = plan_difference(0.9, patients=(13, 14), samples=3, icc=0.4)
    assert np.mean(p < 0.05) == pytest.approx(plan.power, abs=0.03)
    assert (plan.lower + plan.upper) / 2 == pytest.approx(0.9)


def test_limits_of_the_design_effect():
    assert effective_size(60, 3, 0) == 60
    assert effective_size(60, 3, 1) == 20
    plans = [plan_correlation(0.5, patients=20, samples=m, icc_x=1, icc_y=1).power for m in (1, 2, 5)]
    assert plans == pytest.approx([plans[0]] * 3)  # more samples of one patient add nothing


def test_more_targeting_error_lowers_power():
    powers = [
        plan_correlation(0.5, patients=20, samples=3, icc_x=0.3, icc_y=0.3, attenuation=a).power
        for a in (1, 0.8, 0.5)
    ]
    assert powers == sorted(powers, reverse=True)


def test_auc_variance_matches_simulated_binormal_scores():
    rng = np.random.default_rng(5)
    shift = np.sqrt(2) * stats.norm.ppf(0.8)
    positive, negative = rng.normal(shift, 1, (3000, 40)), rng.normal(0, 1, (3000, 60))
    ranks = stats.rankdata(np.concatenate([positive, negative], axis=1), axis=1)
    auc = (ranks[:, :40].sum(axis=1) - 40 * 41 / 2) / (40 * 60)
    assert auc_variance(0.8, 40, 60, method="hanley-mcneil") == pytest.approx(auc.var(), rel=0.12)
    # Obuchowski's planning formula is a conservative approximation
    assert auc.var() < auc_variance(0.8, 40, 60, method="obuchowski") < 1.5 * auc.var()


@pytest.mark.parametrize("method", ["obuchowski", "hanley-mcneil"])
def test_auc_size_is_the_smallest_that_reaches_the_power(method):
    size = size_for_auc(0.7, ratio=1.5, power=0.8, alpha=0.05, sides=2, method=method)
    assert size.achieved >= 0.8
    assert size.negatives == int(np.ceil(1.5 * size.positives))
    assert size_for_auc(0.7, ratio=1.5, power=0.7, alpha=0.05, sides=2, method=method).total < size.total
    assert size_for_auc_precision(0.9, ratio=1, half_width=0.03).achieved <= 0.03


def test_power_of_paired_reads_matches_simulation():
    rng = np.random.default_rng(6)
    counts = rng.multinomial(60, [0.2, 0.06, 0.74], size=4000)
    p = [stats.binomtest(int(b), int(b + c)).pvalue if b + c else 1.0 for b, c, _ in counts]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(power_paired_reads(60, 0.2, 0.06), abs=0.025)


def test_paired_reads_without_a_difference_reject_at_most_at_the_level():
    assert power_paired_reads(80, 0.1, 0.1) <= 0.05
    assert size_for_paired_reads(0.15, 0.05, power=0.8, design_effect=1.4).total == pytest.approx(
        1.4 * size_for_paired_reads(0.15, 0.05, power=0.8).total, abs=1
    )


def test_size_for_a_correlation_inverts_power():
    assert power_correlation(0.3, size_for_correlation(0.3, power=0.9)) == pytest.approx(0.9)
    assert size_for_correlation(-0.3, power=0.9) == size_for_correlation(0.3, power=0.9)
    assert size_for_correlation(0.999, power=0.6) == 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power_correlation(1.0, 20), r"r must lie in \(-1, 1\). Given 1"),
        (lambda: power_correlation(0.5, 3), "effective n of at least 4. Given 3"),
        (lambda: effective_size(10, 2, 1.5), "icc must lie in"),
        (lambda: targeting_attenuation(1, 0, error_is="per axis"), "length > 0"),
        (lambda: targeting_attenuation(1, 1, error_is="sd"), "error_is must be one of"),
        (
            lambda: plan_difference(1, patients=(1, 5), samples=2, icc=0),
            "at least two patients. Given 1 and 5",
        ),
        (lambda: size_for_auc(0.5, ratio=1, power=0.8, alpha=0.05, sides=2), "must exceed the null value"),
        (lambda: size_for_paired_reads(0.1, 0.1, power=0.8), "must differ. Given 0.1 twice"),
        (lambda: power_paired_reads(10, 0.7, 0.7), "must be probabilities"),
    ],
)
def test_impossible_requests_fail(call, message):
    with pytest.raises(ValueError, match=message):
        call()
