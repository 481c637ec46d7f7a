"""What a printed string admits, in decimal arithmetic, and how intervals are compared."""

import math
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.evidence.yardstick import judge, parse_printed

INF = math.inf


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("97.4", "97.35", "97.45"),
        ("97.4 %", "97.35", "97.45"),
        ("90.0", "89.95", "90.05"),
        ("283", "282.5", "283.5"),
        ("2,003", "2002.5", "2003.5"),
        (".05", "0.045", "0.055"),
        ("-0.37", "-0.375", "-0.365"),
        ("−0.37", "-0.375", "-0.365"),
        ("+1.3", "1.25", "1.35"),
        ("1.6e-11", "1.55e-11", "1.65e-11"),
        ("0", "-0.5", "0.5"),
        ("41–353", "40.5", "353.5"),
        ("0.976-0.999", "0.9755", "0.9995"),
        ("2 to 13", "1.5", "13.5"),
        ("~137", "136.5", "137.5"),
        ("14-fold", "13.5", "14.5"),
    ],
)
def test_a_printed_string_admits_half_a_unit_on_both_sides(text, lower, upper):
    printed = parse_printed(text)
    assert (printed.lower, printed.upper) == (Decimal(lower), Decimal(upper))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<.001", [0.0, 0.000999], [0.001, 0.5]),
        ("< 0.001", [1e-11], [0.001]),
        ("≤ .05", [0.05, 0.0], [0.0500001]),
        (">0.98", [0.981, 5], [0.98, 0.5]),
        ("≥ 1", [1, 7], [0.999]),
        (">= 1", [1], [0]),
    ],
)
def test_a_bound_is_not_rounded_and_is_open_where_it_says_so(text, inside, outside):
    printed = parse_printed(text)
    assert all(printed.overlaps(v, v) for v in inside)
    assert not any(printed.overlaps(v, v) for v in outside)


def test_exact_numbers_and_other_units_of_rounding():
    assert parse_printed("57", exact=True).bounds() == (57.0, 57.0)
    assert parse_printed("850", half_unit=5).bounds() == (845.0, 855.0)
    assert parse_printed("1.5", half_unit="0.25").bounds() == (1.25, 1.75)


@pytest.mark.parametrize(
    "text", ["", "ten", "1.2.3", "--3", "5 mg", "1,23", "<", "%", "1e", "0x10", "nan", "inf"]
)
def test_a_text_that_is_no_number_fails(text):
    with pytest.raises(ValueError, match="A printed number has digits"):
        parse_printed(text)


def test_a_range_that_runs_downwards_fails():
    with pytest.raises(ValueError, match="A printed range runs upwards"):
        parse_printed("353–41")


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
def test_half_a_unit_is_a_number_of_at_least_zero(bad):
    with pytest.raises(ValueError, match="Half a unit is a number of at least 0"):
        parse_printed("850", half_unit=bad)


@given(
    st.decimals(-10_000, 10_000, allow_nan=False, places=6),
    st.integers(0, 5),
    st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN]),
)
def test_every_number_lies_in_what_its_rounded_print_admits(value, digits, rule):
    text = f"{value.quantize(Decimal(1).scaleb(-digits), rule):f}"
    printed = parse_printed(text)
    assert printed.lower <= value <= printed.upper
    assert printed.overlaps(float(value), float(value))


@given(st.integers(1, 5000), st.integers(0, 5000), st.integers(0, 3))
def test_a_percentage_of_counts_agrees_with_its_own_print(n, k, digits):
    k = min(k, n)
    exact = Decimal(100 * k) / Decimal(n)
    text = f"{exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"
    assert judge(parse_printed(text), 100 * k / n, 100 * k / n, (-1, 101)).agrees is True


@given(st.integers(-(10**6), 10**6), st.integers(0, 4), st.integers(1, 40))
def test_a_number_beyond_half_a_unit_does_not_agree(mantissa, digits, tenths):
    value = Decimal(mantissa).scaleb(-digits)
    beyond = float(value + Decimal(5 * 10 + tenths).scaleb(-digits - 2))
    assert judge(parse_printed(f"{value:f}"), beyond, beyond).agrees is False


def test_a_decimal_tie_computed_in_binary_still_agrees():
    assert judge(parse_printed("0.15"), 0.1 + 0.045, 0.1 + 0.045).agrees
    assert judge(parse_printed("97.4"), 97.35, 97.35).agrees
    assert not judge(parse_printed("97.4"), 97.3499999, 97.3499999).agrees


@pytest.mark.parametrize(
    ("text", "low", "high", "admissible"),
    [
        ("83", 0, 100, (0, 100)),
        ("83", -INF, INF, None),
        (">0", 5, 5, (0.5, 100)),
        ("83", math.nan, math.nan, None),
    ],
)
def test_a_comparison_that_could_not_have_failed_is_no_agreement(text, low, high, admissible):
    assert judge(parse_printed(text), low, high, admissible).agrees is None


def test_the_gap_and_the_overlap_are_measured():
    apart = judge(parse_printed("6", exact=True), 5, 5)
    assert apart.agrees is False and apart.gap == 1.0
    half = judge(parse_printed("10"), 10.25, 11.25)
    assert half.agrees and half.overlap == pytest.approx(0.25)


def test_an_interval_that_runs_downwards_fails():
    with pytest.raises(ValueError, match="runs upwards"):
        judge(parse_printed("1"), 2, 1)
