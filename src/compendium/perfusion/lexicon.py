"""Names, units and codes of the maps, after the OSIPI lexicon (CAPLEX), version of 2024; "–" where it has no entry."""

from __future__ import annotations

from typing import NamedTuple


class MapName(NamedTuple):
    """What a map is called, what it holds and in which unit."""

    name: str
    unit: str
    code: str
    about: str


MAPS: dict[str, MapName] = {
    "cbv": MapName(
        "Blood volume (gradient echo, macrovascular)", "mL/100g", "Q.PH1.001.b", "area over arterial area"
    ),
    "ucbv": MapName(
        "Blood volume (spin echo, microvascular)", "mL/100g", "Q.PH1.001.b", "the same from spin echo"
    ),
    "mti": MapName("Signed area of the vascular hysteresis loop", "s^-2.5", "–", "clockwise positive"),
    "mti_per_second": MapName(
        "Change of the loop area per second of shift", "s^-3.5", "–", "bias of a timing error"
    ),
    "cbf": MapName("Blood flow", "mL/min/100g", "Q.PH1.003", "maximum of the impulse response function"),
    "mtt": MapName("Mean transit time", "s", "Q.PH1.006.b", "blood volume over blood flow"),
    "tmax": MapName("Time of the residue's maximum", "s", "–", "delay and dispersion against the artery"),
    "ttp": MapName("Time to peak (gradient echo)", "s", "Q.CD1.010", "from the end of the baseline"),
    "k2": MapName(
        "Leakage scaling term (gradient echo)", "1/s", "Q.LC1.002", "positive: T1 effect, negative: T2*"
    ),
    "k2_se": MapName("Leakage scaling term (spin echo)", "1/s", "Q.LC1.002", "the same from spin echo"),
    "flags": MapName(
        "Flags", "1", "–", "sum of 1 noise floor GE, 2 noise floor SE, 4 no fit GE, 8 no fit SE"
    ),
}
"""Maps by file name; those with a standard deviation have a second file, `<name>_sd`, in the same unit."""

FLAG_FLOOR_GE, FLAG_FLOOR_SE, FLAG_NO_FIT_GE, FLAG_NO_FIT_SE = 1, 2, 4, 8


def describe_map(name: str) -> MapName:
    """Name, unit and code of a map by its file name; `_sd` and `_relative` are understood.

    Examples
    --------
    >>> describe_map("cbv_sd").unit, describe_map("cbv_relative").unit
    ('mL/100g', '1')
    """
    stem = name.removesuffix("_sd").removesuffix("_relative")
    entry = MAPS[stem]
    if name.removesuffix("_sd").endswith("_relative"):
        entry = entry._replace(name=f"{entry.name}, relative to the reference region", unit="1")
    if name.endswith("_sd"):
        entry = entry._replace(name=f"{entry.name}: standard deviation", code="Q.US1.004")
    return entry
