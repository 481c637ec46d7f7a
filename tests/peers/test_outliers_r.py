"""ROUT: against a second coding in R that shares no step with ours; Prism, where it was published, is closed."""

import pytest

from compendium.statistics.outliers import rout

TOPIC = "Outliers"
METHODS = {
    "ROUT, robust fit": (
        "rout", "Motulsky & Brown 2006; RSDR = P68·n/(n − K), four percentile definitions", "optim on the Lorentzian merit function"),
    "ROUT, points flagged": ("rout", "false discovery rate Q on the outer 30 % of residuals; off unless asked for", "p.adjust"),
}  # fmt: skip


@pytest.fixture(scope="module")
def r(peer):
    return peer("outliers")


@pytest.mark.parametrize(
    ("key", "y", "x", "q", "interpolation"),
    [
        ("line", "line", "x", 0.01, "linear"),
        ("line_strict", "line", "x", 0.0001, "linear"),
        ("heavy", "heavy", None, 0.01, "linear"),
        ("heavy_loose", "heavy", None, 0.1, "linear"),
        ("wide", "wide", None, 0.01, "linear"),
        ("weibull", "wide", None, 0.01, "weibull"),
        ("hazen", "wide", None, 0.01, "hazen"),
        ("median_unbiased", "wide", None, 0.01, "median_unbiased"),
    ],
)
def test_rout_equals_a_second_coding(r, agree, key, y, x, q, interpolation):
    got = rout(r["data"][y], r["data"][x] if x else None, q=q, interpolation=interpolation)
    fit = [*got.coefficients, got.rsdr]
    why = "our iteration stops when no fitted value moves by 1e-10 of the spread"
    agree("ROUT, robust fit", fit, [*r[key]["coefficients"], r[key]["rsdr"]], rel=1e-8, why=why)
    agree("ROUT, points flagged", got.outlier.nonzero()[0], r[key]["outlier"])


@pytest.mark.r
def test_r_gives_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("outliers"), rerun_r("outliers"))
