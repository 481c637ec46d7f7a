"""Units of measurement as people write them, and the exact factor between two of one dimension.

A unit is a product of powers of the symbols below, with an optional number in front: ``um2/ms``, ``mm²/s``,
``1e-6 mm2/s``, ``×10⁻³ mm²/s``, ``cells/mm2``, ``mL/100g/min``. Symbols keep their case (``mm``, not ``MM``).
What is counted is part of a unit, so cells per area do not turn into nuclei per area; months and years do not
turn into days, because no number of days is a month. ``10e-6`` is refused: some mean 1e-6 by it and some 1e-5.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["SYMBOLS", "Unit", "UnitError", "conversion_factor", "likely_units", "parse_unit"]

_MILLI, _MICRO, _NANO, _PICO = (Fraction(1, 10**n) for n in (3, 6, 9, 12))
_CM3 = Fraction(1, 10**6)
SYMBOLS: dict[str, dict[str, Fraction]] = {
    "length": {"m": Fraction(1), "cm": Fraction(1, 100), "mm": _MILLI, "um": _MICRO, "nm": _NANO},
    "volume": {"L": 1000 * _CM3, "dL": 100 * _CM3, "mL": _CM3, "uL": _CM3 * _MILLI, "nL": _CM3 * _MICRO},
    "time": {
        "s": Fraction(1), "ms": _MILLI, "us": _MICRO,
        "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86400), "week": Fraction(604800),
    },
    "calendar": {"month": Fraction(1), "year": Fraction(12)},
    "mass": {"kg": Fraction(1000), "g": Fraction(1), "mg": _MILLI, "ug": _MICRO},
    "amount": {"mol": Fraction(1), "mmol": _MILLI, "umol": _MICRO, "nmol": _NANO},
    "field": {"T": Fraction(1), "mT": _MILLI, "uT": _MICRO},
    "cells": {"cells": Fraction(1)},
    "nuclei": {"nuclei": Fraction(1)},
    "voxels": {"voxels": Fraction(1)},
    "pixels": {"pixels": Fraction(1)},
    "": {"1": Fraction(1), "%": Fraction(1, 100), "permille": _MILLI, "ppm": _MICRO},
}  # fmt: skip
"""Symbols by what they measure, each with its size in the first unit of its kind (volumes in cubic metres)."""
SPELLINGS = {
    "micron": "um", "microns": "um", "l": "L", "dl": "dL", "ml": "mL", "ul": "uL", "cc": "mL", "ccm": "mL",
    "sec": "s", "seconds": "s", "second": "s", "msec": "ms", "minutes": "min", "minute": "min", "hours": "h",
    "hour": "h", "days": "d", "day": "d", "weeks": "week", "months": "month", "years": "year", "yr": "year",
    "cell": "cells", "nucleus": "nuclei", "voxel": "voxels", "pixel": "pixels", "px": "pixels", "percent": "%",
}  # fmt: skip
"""Other spellings of symbols."""
_KNOWN = {symbol: (kind, size) for kind, symbols in SYMBOLS.items() for symbol, size in symbols.items()}
_NUMBER = r"(?:1e[-+]?\d{1,2}|10[-+]\d{1,2}|\d{1,9}(?:\.\d{1,9})?)"
_FACTOR = re.compile(rf"(?P<number>{_NUMBER})?\s*(?:(?P<symbol>[A-Za-z%]+)(?P<power>[-+]?\d)?)?\Z")
MAX_LENGTH = 40
COMMON = (
    "um", "mm", "cm", "m", "um2", "mm2", "cm2", "mm3", "mL", "L", "um3", "1e-6 mm2/s", "um2/ms", "mm2/s", "m2/s",
    "ms", "s", "min", "h", "d", "month", "year", "cells/mm2", "cells/um2", "cells/mm3", "%", "1", "s/mm2", "ms/um2",
)  # fmt: skip
"""Units that values are likely to be in."""


class UnitError(ValueError):
    """A unit is not known, or two units do not measure the same."""


@dataclass(frozen=True)
class Unit:
    """A unit: how it was written, its size, and the powers of what it measures.

    Examples
    --------
    >>> parse_unit("um2/ms").measures
    'length2/time'
    """

    text: str
    size: Fraction
    powers: tuple[tuple[str, int], ...]

    @property
    def measures(self) -> str:
        """What it measures, in words."""
        up = [_power(kind, n) for kind, n in self.powers if n > 0]
        down = [_power(kind, -n) for kind, n in self.powers if n < 0]
        return "/".join(["·".join(up) or "1", *down]) if self.powers else "a pure number"


def parse_unit(text: str) -> Unit:
    """Read a unit.

    Raises
    ------
    UnitError : a symbol is not known, or the text is no product of symbols.

    Examples
    --------
    >>> parse_unit("×10⁻³ mm²/s").size == parse_unit("µm²/ms").size
    True
    >>> parse_unit("furlong")
    Traceback (most recent call last):
        ...
    compendium.base.units.UnitError: a unit must be made of known symbols (such as mm, um2/ms, cells/mm2). Given 'furlong'.
    """
    plain = _plain(text)
    if not plain or len(plain) > MAX_LENGTH:
        raise _unknown(text)
    size, powers = Fraction(1), dict[str, int]()
    for position, part in enumerate(plain.split("/")):
        sign = 1 if position == 0 else -1
        for word in re.split(r"[*\s]+", part.strip()):
            factor, kind, power = _read_factor(word, text)
            size *= factor**sign
            if kind:
                powers[kind] = powers.get(kind, 0) + sign * power
    if size <= 0 or (plain != "1" and not re.search(r"[A-Za-z%]", re.sub(_NUMBER, "", plain))):
        raise _unknown(text)
    return Unit(" ".join(text.split()), size, tuple(sorted((k, n) for k, n in powers.items() if n)))


def conversion_factor(given: str, wanted: str) -> Fraction:
    """Number by which values in the unit `given` are multiplied to be in the unit `wanted`.

    Raises
    ------
    UnitError : a unit is not known, or they do not measure the same.

    Examples
    --------
    >>> conversion_factor("um2/ms", "1e-6 mm2/s"), conversion_factor("mL", "cm3"), conversion_factor("cm", "um")
    (Fraction(1000, 1), Fraction(1, 1), Fraction(10000, 1))
    >>> conversion_factor("cm3", "cm2")
    Traceback (most recent call last):
        ...
    compendium.base.units.UnitError: cm3 (length3) must measure the same as cm2 (length2). Given cm3.
    """
    source, target = parse_unit(given), parse_unit(wanted)
    if source.powers != target.powers:
        rule = f"{source.text} ({source.measures}) must measure the same as {target.text} ({target.measures})"
        raise UnitError(f"{rule}. Given {source.text}.")
    return source.size / target.size


def likely_units(wanted: str) -> list[str]:
    """Common units that measure the same as `wanted`, without those of the same size.

    >>> likely_units("mm")
    ['um', 'cm', 'm']
    """
    target = parse_unit(wanted)
    found = [parse_unit(text) for text in COMMON]
    return [unit.text for unit in found if unit.powers == target.powers and unit.size != target.size]


def _plain(text: str) -> str:
    """The text with signs that have several forms written in one."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").replace("μ", "u").replace("µ", "u")
    plain = re.sub(r"[×·∙⋅]", "*", plain).replace("^", "").strip()
    plain = re.sub(r"^x\s*(?=1)", "", plain).lstrip("* ")
    plain = re.sub(rf"^({_NUMBER})\s*[x*]?\s*(?=[A-Za-z%])", r"\1 ", plain)
    return re.sub(r"\s*([/*])\s*", r"\1", plain)


def _read_factor(word: str, text: str) -> tuple[Fraction, str, int]:
    """Size, kind and power of one factor such as ``1e-6``, ``mm2`` or ``100g``; a length's power 3 is a volume."""
    match = _FACTOR.fullmatch(word)
    if not word or match is None:
        raise _unknown(text)
    number = _read_number(match["number"])
    if not number:
        raise _unknown(text)
    if match["symbol"] is None:
        return number, "", 1
    symbol = SPELLINGS.get(match["symbol"], match["symbol"])
    if symbol not in _KNOWN:
        raise _unknown(text)
    kind, size = _KNOWN[symbol]
    power = int(match["power"] or 1)
    if not 1 <= abs(power) <= 6:
        raise _unknown(text)
    if kind == "volume":
        return number * size**power, "length", 3 * power
    return number * size**power, kind, power


def _read_number(text: str | None) -> Fraction:
    if text is None:
        return Fraction(1)
    scientific = re.fullmatch(r"(?:1e|10(?=[-+]))([-+]?\d+)", text)
    return Fraction(10) ** int(scientific[1]) if scientific else Fraction(text)


def _power(kind: str, power: int) -> str:
    return kind if power == 1 else f"{kind}{power}"


def _unknown(text: str) -> UnitError:
    shown = "".join(c if c.isprintable() else "?" for c in text[:60])
    rule = "a unit must be made of known symbols (such as mm, um2/ms, cells/mm2)"
    return UnitError(f"{rule}. Given '{shown}'.")
