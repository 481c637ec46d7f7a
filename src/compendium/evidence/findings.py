"""Findings (where a paper disagrees with itself) and the inventory of its figures and tables."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compendium.evidence.claims import CHAPTER, IDENTIFIER, POINTER
from compendium.io.yaml_lines import StructureError, load_yaml, validate_structure
from compendium.paths import root

_text = {"type": "string", "minLength": 1}
_PLACE = {
    "type": "object",
    "required": ["where", "quote"],
    "additionalProperties": False,
    "properties": {"where": _text, "quote": _text, "claim": {"type": "string", "pattern": IDENTIFIER}},
}
_BENIGN = {
    "type": "object",
    "required": ["explanation", "outcome"],
    "additionalProperties": False,
    "properties": {"explanation": _text, "outcome": _text},
}
FINDINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["study", "findings"],
    "additionalProperties": False,
    "properties": {
        "study": _text,
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    "id", "title", "weight", "places", "assumptions", "benign", "changes", "supplement_read", "result",
                ],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "pattern": IDENTIFIER},
                    "title": _text,
                    "weight": {"enum": ["substantive", "note"]},
                    "places": {"type": "array", "minItems": 2, "items": _PLACE},
                    "assumptions": {"type": "array", "minItems": 1, "items": _text},
                    "benign": {"type": "array", "minItems": 1, "items": _BENIGN},
                    "changes": _text,
                    "supplement_read": {"type": "boolean"},
                    "result": {"type": "string", "pattern": POINTER},
                },
            },
        },
    },
}  # fmt: skip
REASONS = ("image-only", "instrument", "not-obtained", "waits")
INVENTORY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["items"],
    "additionalProperties": False,
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["study", "item", "shows", "figure"],
                "additionalProperties": False,
                "properties": {
                    "study": _text,
                    "item": _text,
                    "shows": _text,
                    "figure": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": POINTER}]},
                    "drawn_from": _text,
                    "reason": {"enum": list(REASONS)},
                    "waits_for": {"type": "string", "pattern": CHAPTER},
                    "note": _text,
                },
            },
        }
    },
}
UNWELCOME = ("wrong", "impossible", "careless", "sloppy", "fraud", "fabricat")
"""Words that a finding does not use: it says what is not compatible with what, under which assumptions."""


def load_findings(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Read every findings file; keys are `<study>/<id>`.

    Raises
    ------
    StructureError : structure, repeated ids, or a word that is not neutral.
    """
    folder = folder or root() / "data" / "findings"
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.yaml")):
        data = load_yaml(path)
        validate_structure(path, data, FINDINGS_SCHEMA)
        for finding in data["findings"]:
            key = f"{data['study']}/{finding['id']}"
            if key in found:
                raise StructureError(f'{path.name}: finding ids are unique. "{key}" stands twice.')
            _check_wording(path, finding)
            found[key] = {**finding, "study": data["study"]}
    return found


def _check_wording(path: Path, finding: dict[str, Any]) -> None:
    text = " ".join(
        [
            finding["title"],
            finding["changes"],
            *finding["assumptions"],
            *[b["outcome"] for b in finding["benign"]],
        ]
    )
    for word in UNWELCOME:
        if word in text.lower():
            raise StructureError(
                f'{path.name}: finding "{finding["id"]}": wording is neutral. Given "{word}".'
            )


_FIELD = re.compile(r"\{([a-z][a-z0-9_.]*)(?:@(lower|upper))?(?::([^{}]*))?\}")
FILLED = ("title", "changes", "assumptions", "benign")
"""Fields of a finding whose text may quote results of its chapter: "{name:.1f}"."""


def fill(text: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Fill `{result.name:format}` fields of a finding's text from its chapter's results; `@lower` and `@upper` are the ends
    of the interval that rounding admits.

    Raises
    ------
    KeyError : a field names no result.

    Examples
    --------
    >>> fill("it would be {finding.share:.1f} %", {"finding.share": {"value": 14.035}})
    'it would be 14.0 %'
    >>> fill("at least {volume@lower:.1f}", {"volume": {"value": 138.1, "interval": [137.6, 138.7]}})
    'at least 137.6'
    """

    def replace(match: re.Match[str]) -> str:
        value = results[match[1]]["value"]
        if match[2]:
            value = results[match[1]]["interval"][match[2] == "upper"]
        return "not estimable" if value is None else format(value, match[3] or "g").replace("-", "−")

    return _FIELD.sub(replace, text)


def quoted_results(finding: Mapping[str, Any]) -> list[str]:
    """Return the names of all results that a finding's texts quote."""
    texts = [finding["title"], finding["changes"], *finding["assumptions"]]
    texts += [part for benign in finding["benign"] for part in benign.values()]
    return [match[1] for text in texts for match in _FIELD.finditer(text)]


def load_inventory(path: Path | None = None) -> list[dict[str, Any]]:
    """Read the inventory: a row per figure and table, with the figure that draws it or the reason why none does.

    Raises
    ------
    StructureError : structure, or a row with neither a figure and its source nor a reason.
    """
    path = path or root() / "data" / "inventory.yaml"
    if not path.exists():
        return []
    data = load_yaml(path)
    validate_structure(path, data, INVENTORY_SCHEMA)
    for item in data["items"]:
        place = f"{path.name}: {item['study']} {item['item']}"
        if item["figure"] and "drawn_from" not in item:
            raise StructureError(f"{place}: a drawn figure says what it was drawn from.")
        if not item["figure"] and "reason" not in item:
            raise StructureError(f"{place}: an item without a figure gives a reason ({', '.join(REASONS)}).")
        if item.get("reason") == "waits" and "waits_for" not in item:
            raise StructureError(f"{place}: an item that waits names the chapter it waits for.")
    return data["items"]
