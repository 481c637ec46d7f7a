"""Values of one MR image from its DICOM header, standard or enhanced, and b-values from private elements."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Image", "deep_number", "known", "number_of", "read_image"]

_GE_OFFSET = 1_000_000_000  # GE adds it to b in some releases
_PRIVATE_B = (  # group, creator, offset
    (0x0019, "SIEMENS MR HEADER", 0x0C),
    (0x0043, "GEMS_PARM_01", 0x39),
    (0x2001, "Philips Imaging DD 001", 0x03),
    (0x0065, "Image Private Header", 0x09),
)


@dataclass
class Image:
    """One slice of one volume."""

    order: tuple[int, int]
    position: float
    b: float
    te: float
    time: float


def read_image(data: Any, frame: Any, shared: Any, order: tuple[int, int]) -> Image:
    """Read one image: `frame` is the header itself, or one frame of an enhanced one with its `shared` part."""
    places = (deep_number(frame, "EffectiveEchoTime"), deep_number(shared, "EffectiveEchoTime"))
    te = next((v for v in (number_of(data.get("EchoTime")), *places) if not np.isnan(v)), float("nan"))
    position = _deep_vector(frame, "ImagePositionPatient", 3)
    axes = _deep_vector(frame, "ImageOrientationPatient", 6)
    if axes is None:
        axes = _deep_vector(shared, "ImageOrientationPatient", 6)
    along = float("nan")
    if position is not None:
        normal = np.cross(axes[:3], axes[3:]) if axes is not None else np.array([0.0, 0.0, 1.0])
        along = float(position @ normal)
    return Image(order, along, _b_value(data, frame), te, _time_of_day(data, frame))


def _b_value(data: Any, frame: Any) -> float:
    for place in (frame, data):
        standard = deep_number(place, "DiffusionBValue")
        if not np.isnan(standard):
            return standard
    for group, creator, offset in _PRIVATE_B:
        try:
            value = data.private_block(group, creator)[offset].value
        except KeyError:
            continue
        b = number_of(
            value[0] if isinstance(value, Sequence) and not isinstance(value, str | bytes) else value
        )
        return b - _GE_OFFSET if b >= _GE_OFFSET else b
    direction = str(_deep_value(frame, "DiffusionDirectionality") or "").upper()
    return 0.0 if direction == "NONE" else float("nan")


def _time_of_day(data: Any, frame: Any) -> float:
    text = str(_deep_value(frame, "FrameAcquisitionDateTime") or "")[8:] or str(
        data.get("AcquisitionTime", "") or ""
    )
    match = re.match(r"(\d{2})(\d{2})(\d{2}(?:\.\d{1,6})?)", text)
    return 3600.0 * int(match[1]) + 60.0 * int(match[2]) + float(match[3]) if match else float("nan")


def _deep_value(place: Any, keyword: str, depth: int = 3) -> Any:
    """Value of a keyword in a data set or in the sequences of an enhanced frame."""
    if place is None or depth < 0:
        return None
    if keyword in place:
        return place.get(keyword)
    for element in place:
        if element.VR == "SQ" and element.keyword not in ("PerFrameFunctionalGroupsSequence", ""):
            for item in element.value[:1]:
                found = _deep_value(item, keyword, depth - 1)
                if found is not None:
                    return found
    return None


def deep_number(place: Any, keyword: str) -> float:
    """Number of a keyword, also inside the sequences of a frame; NaN where there is none."""
    return number_of(_deep_value(place, keyword))


def _deep_vector(place: Any, keyword: str, length: int) -> NDArray[np.float64] | None:
    value = _deep_value(place, keyword)
    values = np.array([number_of(v) for v in value]) if value is not None else np.array([])
    return values if values.size == length and np.isfinite(values).all() else None


def number_of(value: Any) -> float:
    """A finite number, or NaN."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def known(*values: float) -> set[float]:
    """Those of some numbers that are known and positive."""
    return {value for value in values if not np.isnan(value) and value > 0}
