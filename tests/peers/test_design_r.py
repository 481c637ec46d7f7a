"""Power and sample size: against pwr, pROC and enumeration in R."""

import pytest

from compendium.statistics.design import plan_difference, power_correlation
from compendium.statistics.sample_size import power_paired_reads, size_for_auc, size_for_correlation


@pytest.fixture(scope="module")
def r(peer):
    return peer("design")


def test_power_of_a_correlation_equals_pwr(r):
    case = r["correlation"]
    for rho, n, two, one in zip(case["r"], case["n"], case["power"], case["greater"], strict=True):
        assert power_correlation(rho, n) == pytest.approx(two, rel=1e-9)
        assert power_correlation(rho, n, alternative="greater") == pytest.approx(one, rel=1e-9)


def test_size_for_a_correlation_equals_pwr(r):
    for rho, n in zip(r["correlation_size"]["r"], r["correlation_size"]["n"], strict=True):
        assert size_for_correlation(rho, power=0.8) == pytest.approx(
            n, rel=1e-4
        )  # pwr's uniroot stops at 1e-4


def test_power_of_a_difference_with_one_sample_a_patient_equals_pwr(r):
    case = r["difference"]
    for d, n1, n2, power in zip(case["d"], case["n1"], case["n2"], case["power"], strict=True):
        ours = plan_difference(d, patients=(n1, n2), samples=1, icc=0.4).power
        assert ours == pytest.approx(power, rel=1e-6)  # noncentral t: R's pt is accurate to about 1e-8


def test_positives_for_an_auc_equal_proc_rounded_up(r):
    case = r["auc"]
    rows = zip(
        case["auc"], case["kappa"], case["power"], case["alpha"], case["sides"], case["cases"], strict=True
    )
    for auc, kappa, power, alpha, sides, cases in rows:
        ours = size_for_auc(auc, ratio=kappa, power=power, alpha=alpha, sides=sides)
        assert 0 <= ours.positives - cases < 1 + 1e-9


def test_power_of_paired_reads_equals_enumeration(r):
    case = r["paired_reads"]
    for n, gain, loss, power in zip(case["n"], case["gain"], case["loss"], case["power"], strict=True):
        assert power_paired_reads(n, gain, loss) == pytest.approx(power, rel=1e-9)


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("design"))
