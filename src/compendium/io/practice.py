"""What bischof2024 asks of anyone who shares or combines images, as a checklist: what is stated, what is missing.

The items come from Box 1 (points 1, 2 and 5), Box 2 (point 4) and the paragraphs on registration error of the paper.
A statement is a person's: nothing is guessed from a file, and what nobody stated is listed as missing. What does not
apply is stated too, as "not applicable: why"; "not stated …" is no statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compendium.io.yaml_lines import StructureError, load_yaml, validate_structure

__all__ = ["ITEMS", "Item", "Standing", "read_statements", "standing_of", "template_text", "write_template"]


@dataclass(frozen=True)
class Item:
    """One thing to state.

    Attributes
    ----------
    key : its name in a file.
    question : what it answers.
    place : where the paper asks for it.
    example : a statement of the right form.
    """

    key: str
    question: str
    place: str
    example: str


ITEMS = (
    Item("modality", "Which imaging and which microscopy", "Box 1, point 1", "7 T MRI; two-photon microscopy"),
    Item("acquisition_order", "In which order, and how long apart", "Box 1, point 2", "MRI, then biopsy 3 days later"),
    Item("scale", "Size of a voxel, pixel or sample in each", "Data analysis challenges", "MRI 0.1 mm; microscopy 1 um"),
    Item("units", "Units of every value", "Box 1, point 5", "ADC in 1e-6 mm2/s; density in cells/mm2"),
    Item("independence_unit", "What counts as one independent observation", "Data analysis challenges", "patient"),
    Item("licence", "On which terms others may use it", "Box 2, point 4", "CC BY 4.0"),
    Item("contact", "Whom to ask", "Box 2, point 4", "imaging core facility, name and address"),
    Item("registration_method", "How the modalities were aligned", "Data analysis challenges", "affine, 12 landmarks"),
    Item("registration_error", "How far off, measured how", "Data analysis challenges", "70 um, held-out landmarks"),
)  # fmt: skip
"""What is asked, in the order in which it is shown."""

NOT_APPLICABLE = "not applicable"
NOT_STATED = "not stated"
STATEMENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        item.key: {"type": "string", "minLength": 1, "maxLength": 500, "pattern": r"\S"} for item in ITEMS
    },
}
"""JSON schema of a mapping of statements; the manifest uses it for its entries."""


@dataclass(frozen=True)
class Standing:
    """How a data set or a run stands: what is stated by key, what does not apply and why, and what is missing."""

    stated: Mapping[str, str]
    not_applicable: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """True when nothing is missing."""
        return not self.missing


def standing_of(statements: Mapping[str, str]) -> Standing:
    """Sort statements into stated, not applicable and missing, in the order of `ITEMS`.

    Raises
    ------
    ValueError : a key that is no item, or "not applicable" without a reason.

    Examples
    --------
    >>> standing = standing_of({"modality": "CT", "registration_method": "not applicable: one modality"})
    >>> dict(standing.stated), dict(standing.not_applicable), standing.missing[:2]
    ({'modality': 'CT'}, {'registration_method': 'one modality'}, ('acquisition_order', 'scale'))
    """
    known = [item.key for item in ITEMS]
    for key in statements:
        if key not in known:
            raise ValueError(f"A statement answers one of {', '.join(known)}. Given {key!r}.")
    stated, without = {}, {}
    for key in known:
        text = " ".join(str(statements.get(key, "")).split())
        if text.casefold().startswith(NOT_APPLICABLE):
            without[key] = _reason(key, text)
        elif text and not text.casefold().startswith(NOT_STATED):
            stated[key] = text
    return Standing(stated, without, tuple(key for key in known if key not in stated and key not in without))


def _reason(key: str, text: str) -> str:
    reason = re.fullmatch(rf"{NOT_APPLICABLE}\s*[:,;(–-]\s*(\S.*?)\)?", text, re.IGNORECASE)
    if not reason:
        raise ValueError(
            f'"{NOT_APPLICABLE}" is followed by a colon and the reason. Given {text!r} for {key}.'
        )
    return reason[1]


def read_statements(path: str | Path) -> dict[str, str]:
    """Read a YAML file of statements: a mapping from the keys of `ITEMS` to text.

    Raises
    ------
    StructureError
        Not YAML, not such a mapping, or "not applicable" without a reason; one line with file and line.
    """
    data = load_yaml(path)
    if data is None:
        data = {}
    validate_structure(path, data, STATEMENT_SCHEMA)
    try:
        standing_of(data)
    except ValueError as error:
        raise StructureError(f"{Path(path).name}: {error}") from None
    return {str(key): str(value) for key, value in data.items()}


def template_text() -> str:
    """Return an empty, documented file of statements; read back, it states nothing."""
    lines = [
        "# What others must know before they combine, compare or pool these data (after Bischof et al. 2024).",
        '# Fill in what you know and take the # away; what does not apply is stated too: "not applicable: why".',
        "# What is left out is listed as missing, never guessed.",
    ]
    for item in ITEMS:
        lines += ["", f"# {item.question} ({item.place}):", f'# {item.key}: "{item.example}"']
    return "\n".join(lines) + "\n"


def write_template(path: str | Path) -> Path:
    """Write an empty, documented file of statements; an existing file is left alone.

    Raises
    ------
    StructureError
        The file exists already, or cannot be written.
    """
    path = Path(path)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(template_text())
    except FileExistsError:
        raise StructureError(
            f"{path}: a template must not overwrite a file: name another one with -o."
        ) from None
    except OSError as error:
        raise StructureError(f"{path}: a template must be writable. Given {error.strerror}.") from None
    return path
