"""Power and sample size: against pwr, pROC and enumeration in R."""

import pytest

from compendium.statistics.design import plan_difference, power_correlation
from compendium.statistics.sample_size import power_paired_reads, size_for_auc, size_for_correlation

TOPIC = "Design"
METHODS = {
    "Power of a correlation": ("power_correlation", "Fisher's z with bias r/(2(n − 1)) and critical r from t", "pwr::pwr.r.test"),
    "Size for a correlation": ("size_for_correlation", "smallest real n", "pwr::pwr.r.test"),
    "Power of a difference": (
        "plan_difference", "noncentral t; one sample a patient here, clusters by the design effect", "pwr::pwr.t2n.test"),
    "Size for an AUROC": (
        "size_for_auc", "Obuchowski's binormal variance; positives rounded up", "pROC::power.roc.test",
        "pROC returns real numbers: ours are the next whole ones"),
    "Power of paired reads": ("power_paired_reads", "exact McNemar, every table enumerated", "enumeration of all tables"),
}  # fmt: skip


@pytest.fixture(scope="module")
def r(peer):
    return peer("design")


def test_power_of_a_correlation_equals_pwr(r, agree):
    case = r["correlation"]
    rows = list(zip(case["r"], case["n"], strict=True))
    for key, alternative in (("power", "two-sided"), ("greater", "greater")):
        got = [power_correlation(rho, n, alternative=alternative) for rho, n in rows]
        agree(
            "Power of a correlation",
            got,
            case[key],
            rel=1e-9,
            why="the same formula, tails by another library",
        )


def test_size_for_a_correlation_equals_pwr(r, agree):
    got = [size_for_correlation(rho, power=0.8) for rho in r["correlation_size"]["r"]]
    agree(
        "Size for a correlation", got, r["correlation_size"]["n"], rel=1e-4, why="pwr's uniroot stops at 1e-4"
    )


def test_power_of_a_difference_with_one_sample_a_patient_equals_pwr(r, agree):
    case = r["difference"]
    got = [
        plan_difference(d, patients=(n1, n2), samples=1, icc=0.4).power
        for d, n1, n2 in zip(case["d"], case["n1"], case["n2"], strict=True)
    ]
    agree(
        "Power of a difference",
        got,
        case["power"],
        rel=1e-6,
        why="R's noncentral t is accurate to about 1e-8",
    )


def test_positives_for_an_auc_equal_proc_rounded_up(r, agree):
    case = r["auc"]
    rows = zip(
        case["auc"], case["kappa"], case["power"], case["alpha"], case["sides"], case["cases"], strict=True
    )
    for auc, kappa, power, alpha, sides, cases in rows:
        ours = size_for_auc(auc, ratio=kappa, power=power, alpha=alpha, sides=sides)
        agree("Size for an AUROC", ours.positives, cases, atol=1, why="rounded up to a whole number")
        assert 0 <= ours.positives - cases < 1 + 1e-9


def test_power_of_paired_reads_equals_enumeration(r, agree):
    case = r["paired_reads"]
    got = [
        power_paired_reads(n, gain, loss)
        for n, gain, loss in zip(case["n"], case["gain"], case["loss"], strict=True)
    ]
    agree("Power of paired reads", got, case["power"], rel=1e-9, why="summed in another order")


@pytest.mark.r
def test_stored_values_are_what_r_makes(r, rerun_r, assert_same):
    assert_same(r, rerun_r("design"), rel=1e-5)  # pwr and pROC solve for n with uniroot
