"""Evidence, uses and intervals follow from what a number was computed from."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compendium.evidence.labels import STRENGTH, is_stronger, weakest
from compendium.evidence.quantity import data_root, derive, printed_root


def root(name: str, value: float, half: float = 0.0):
    return printed_root(name, value, (value - half, value + half))


def test_a_number_that_is_typed_in_and_printed_back_has_no_evidence():
    tp = root("tp", 283)
    assert derive("typed", lambda v: 83.0, (tp,)).evidence == "none"
    assert derive("sourceless", lambda: 83.0, ()).evidence == "none"
    assert derive("computed", lambda v: v / 341, (tp,)).evidence == "internal"


def test_a_function_that_fails_elsewhere_depends_on_its_source():
    def strict(v):
        if v != 283:
            raise ValueError("only 283")
        return 1.0

    assert derive("strict", strict, (root("tp", 283),)).evidence == "internal"


def test_a_number_hidden_behind_a_table_still_depends_on_its_roots():
    tp, fn = root("tp", 3), root("fn", 2)
    table = derive("table", lambda a, b: pd.DataFrame({"read": [1] * int(a) + [0] * int(b)}), (tp, fn))
    mean = derive("mean", lambda t: float(t["read"].mean()), (table,))
    assert (mean.value, mean.uses, mean.evidence, mean.interval) == (
        0.6,
        ["fn", "tp"],
        "internal",
        (0.6, 0.6),
    )
    assert derive("shape", lambda t: float(t.shape[1]), (table,)).evidence == "none"


@pytest.mark.parametrize("label", STRENGTH[:-1])
def test_the_weakest_source_gives_the_evidence(label):
    mixed = derive("mixed", lambda a, b: a + b, (root("tp", 1), data_root("d", 2.0, label)))
    assert mixed.evidence == weakest(["internal", label])
    assert mixed.uses == ["d", "tp"]


def test_stronger_means_earlier_in_the_table():
    pairs = itertools.combinations(STRENGTH, 2)
    assert all(is_stronger(a, b) and not is_stronger(b, a) for a, b in pairs)


def test_two_steps_that_share_a_root_do_not_widen_the_interval():
    a = root("a", 10, 0.5)
    doubled = derive("doubled", lambda v: 2 * v, (a,))
    assert derive("zero", lambda x, y: x - 2 * y, (doubled, a), probe=False).interval == pytest.approx(
        (0.0, 0.0)
    )


def test_an_extreme_inside_the_box_is_found():
    a, b = root("a", 0.3, 1.0), root("b", -0.2, 1.0)
    low, high = derive("bowl", lambda x, y: (x - 0.1) ** 2 + (y + 0.4) ** 2, (a, b)).interval
    assert low == pytest.approx(0.0, abs=1e-9)
    assert high == pytest.approx(
        max((0.3 + s - 0.1) ** 2 + (-0.2 + t + 0.4) ** 2 for s in (-1, 1) for t in (-1, 1))
    )


def test_many_roots_go_to_the_corners_that_their_signs_point_to():
    roots = tuple(root(f"r{i}", float(i), 0.5) for i in range(12))
    signs = np.array([1 if i % 3 else -1 for i in range(12)])
    made = derive("sum", lambda *v: float(np.dot(signs, v)), roots)
    assert made.interval == pytest.approx((made.value - 6, made.value + 6))


@given(
    st.lists(st.tuples(st.floats(1, 50), st.floats(0.01, 0.9)), min_size=2, max_size=4),
    st.sampled_from(["ratio", "product", "spread"]),
)
@example(pairs=[(1.0, 0.5), (6.0, 0.5), (19.0, 0.5), (49.0, 0.5)], kind="spread")
@example(pairs=[(23.0, 0.5), (50.0, 0.5), (36.5, 0.5)], kind="spread")
def test_the_interval_holds_every_point_of_the_box(pairs, kind):
    functions = {
        "ratio": lambda *v: v[0] / sum(v),
        "product": lambda *v: float(np.prod(v)),
        "spread": lambda *v: float(np.std(v)),
    }
    roots = tuple(root(f"r{i}", value, half) for i, (value, half) in enumerate(pairs))
    low, high = derive("made", functions[kind], roots).interval
    grid = itertools.product(*[np.linspace(r.box[0], r.box[1], 4) for r in roots])
    values = [functions[kind](*point) for point in grid]
    slack = 1e-6 * max(1.0, abs(high))
    assert low - slack <= min(values) and max(values) <= high + slack


def test_a_one_sided_root_bounds_nothing():
    p = printed_root("p", 0.001, (-np.inf, 0.001))
    assert derive("double", lambda v: v * 2, (p,)).interval == (-np.inf, np.inf)


def test_a_quantity_prints_itself_in_a_line():
    assert repr(derive("x", lambda v: v / 3, (root("tp", 1),), "%")) == "x = 0.333333 % [internal]"
