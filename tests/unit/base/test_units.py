"""Units: exact factors between spellings of one dimension, and refusals."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.base.units import COMMON, UnitError, conversion_factor, likely_units, parse_unit
from compendium.run.schemas import SCHEMAS

SAME = [
    ("um2/ms", "1e-3 mm2/s"), ("µm²/ms", "um^2/ms"), ("×10⁻³ mm²/s", "10-3 mm2/s"), ("x10^-3 mm^2/s", "um2/ms"),
    ("mm2 s-1", "mm2/s"), ("mL", "cm3"), ("cc", "mL"), ("uL", "mm3"), ("cells/mm²", "cell/mm2"), ("1/mm2", "mm-2"),
    ("s/mm2", "1e-3 ms/um2"), ("percent", "%"), ("h", "60 min"), ("year", "12 months"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_unit_are_one_unit(one, other):
    assert conversion_factor(one, other) == 1


FACTORS = [
    ("cm", "um", 10_000), ("m2", "um2", 10**12), ("mm2/s", "um2/ms", 1000), ("um2/ms", "1e-6 mm2/s", 1000),
    ("min", "ms", 60_000), ("L", "cm3", 1000), ("cells/um2", "cells/mm2", 10**6), ("%", "1", Fraction(1, 100)),
    ("d", "h", 24), ("mL/100g/min", "mL/g/min", Fraction(1, 100)), ("ms/um2", "s/mm2", 1000),
]  # fmt: skip


@pytest.mark.parametrize(("given_unit", "wanted", "factor"), FACTORS)
def test_factors_are_exact(given_unit, wanted, factor):
    assert conversion_factor(given_unit, wanted) == factor
    assert conversion_factor(wanted, given_unit) == 1 / Fraction(factor)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MM",
        "furlong",
        "mm//s",
        "um2/ms/",
        "0 mm",
        "mm99",
        "10e-6 mm2/s",
        "10",
        "1e-6",
        "mm" * 30,
        "m²s^",
        "é",
    ],
)
def test_what_is_no_unit_is_refused_in_one_line(text):
    with pytest.raises(UnitError, match="must be made of known symbols") as error:
        parse_unit(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [("cm2", "cm3"), ("cells/mm2", "nuclei/mm2"), ("month", "d"), ("mm2/s", "mm2"), ("cells", "1")],
)
def test_units_of_two_dimensions_are_not_converted(one, other):
    with pytest.raises(UnitError, match="must measure the same as"):
        conversion_factor(one, other)


@given(st.text("µumcksdLl0123456789e-+^²³/·×* %()", max_size=14))
def test_any_text_is_a_unit_or_one_line(text):
    try:
        assert parse_unit(text).size > 0
    except UnitError as error:
        assert "\n" not in str(error)


@given(*[st.sampled_from(COMMON)] * 3)
def test_factors_multiply_along_any_way(a, b, c):
    try:
        assert conversion_factor(a, b) * conversion_factor(b, c) == conversion_factor(a, c)
    except UnitError:
        assert len({parse_unit(unit).powers for unit in (a, b, c)}) > 1


def test_every_unit_of_a_declared_column_is_known_or_a_word_for_what_is_counted():
    for schema in SCHEMAS.values():
        for field in (*schema.fields, *schema.patterns):
            for one in (field, *field.special):
                if one.unit and not re.fullmatch("[a-z]+", one.unit):
                    assert likely_units(one.unit) is not None, one.name
