"""Turnbull's estimate against survival::survfit, which stops its iteration some 1e-5 before convergence."""

import numpy as np
import pytest

from compendium.statistics.interval_censored import interval_censored_curve

TOPIC = "Times between visits"
METHODS = {
    "Turnbull's estimate": (
        "interval_censored_curve",
        "mass of an innermost interval counted from its end on",
        "survival::survfit",
        "survfit stops its iteration some 1e-5 before convergence",
    )
}
STOPPED_EARLY = 5e-5


def test_survival_equals_survfit(peer, agree):
    r = peer("intervals")
    upper = [np.inf if v is None else v for v in r["upper"]]
    curve = interval_censored_curve(r["lower"], upper)
    ours = [1 - curve.loc[curve["upper"] <= t, "mass"].sum() for t in r["times"]]
    agree("Turnbull's estimate", ours, r["survival"], atol=STOPPED_EARLY, why="survfit stops early")


@pytest.mark.r
def test_r_makes_the_stored_values_again(peer, rerun_r, assert_same):
    assert_same(peer("intervals"), rerun_r("intervals"), rel=STOPPED_EARLY)
