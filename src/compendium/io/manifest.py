"""The manifest of data sets that come from outside: `data/manifest.yaml`, its structure checked by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from compendium.io.messages import show_plain
from compendium.io.practice import STATEMENT_SCHEMA, Standing, standing_of
from compendium.io.yaml_lines import (
    StructureError,
    load_yaml,
    place_of,
    validate_structure,
)

KINDS = ("table", "document", "code", "images")
EVIDENCE = ("author-data", "author-code", "independent-data")
_TEXT = {"type": "string", "minLength": 1}
_OPTIONAL = {"type": ["string", "null"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["datasets"],
    "additionalProperties": False,
    "properties": {
        "datasets": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    "id",
                    "study",
                    "kind",
                    "evidence",
                    "source",
                    "url",
                    "file",
                    "sha256",
                    "licence",
                    "how",
                ],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "pattern": r"^[a-z0-9][a-z0-9-]*$"},
                    "study": {"type": "string", "pattern": r"^[a-z]+[0-9]{4}$"},
                    "kind": {"enum": list(KINDS)},
                    "evidence": {"enum": list(EVIDENCE)},
                    "source": _TEXT,
                    "url": {"type": ["string", "null"], "pattern": r"^https?://[^\s/]+\S*$"},
                    "file": _TEXT,
                    "sha256": {"type": ["string", "null"], "pattern": r"^[0-9a-f]{64}$"},
                    "licence": _TEXT,
                    "units": _OPTIONAL,
                    "how": _TEXT,
                    "note": _OPTIONAL,
                    "practice": STATEMENT_SCHEMA,
                },
            },
        }
    },
}


@dataclass(frozen=True)
class Dataset:
    """A data set: what it is, where it comes from, and the file below the data folder that it becomes."""

    id: str
    study: str
    kind: str
    evidence: str
    source: str
    url: str | None
    file: str
    sha256: str | None
    licence: str
    how: str
    units: str | None = None
    note: str | None = None
    practice: Mapping[str, str] = field(default_factory=dict)

    @property
    def standing(self) -> Standing:
        """What the entry states of what `compendium.io.practice` asks, and what is missing."""
        stated = {"licence": self.licence, "units": self.units or "", **self.practice}
        return standing_of({key: text for key, text in stated.items() if text})


def load_manifest(path: str | Path) -> tuple[Dataset, ...]:
    """Read the manifest.

    Raises
    ------
    StructureError
        Not valid YAML, a broken structure, an id or file named twice, or a file name that leaves the data
        folder; one line with file, line, field, rule and value.
    """
    data = load_yaml(path)
    validate_structure(path, data, SCHEMA)
    datasets = tuple(Dataset(**entry) for entry in data["datasets"])
    for index, dataset in enumerate(datasets):
        for key in ("id", "file"):
            value = getattr(dataset, key)
            # Many file systems do not tell capitals from small letters.
            if any(getattr(other, key).casefold() == value.casefold() for other in datasets[:index]):
                _refuse(path, index, key, f"every {key} stands once", value)
        if not is_safe_name(dataset.file):
            _refuse(
                path,
                index,
                "file",
                "must be a plain relative path that stays in the data folder",
                dataset.file,
            )
    return datasets


def is_safe_name(name: str) -> bool:
    """Tell whether a file name stays below its folder on every system.

    Examples
    --------
    >>> is_safe_name("grussu2025/table.csv"), is_safe_name("../table.csv"), is_safe_name("/etc/passwd")
    (True, False, False)
    >>> [is_safe_name(name) for name in ("C:table.csv", "a\\\\..\\\\b", ".hidden", "a//b")]
    [False, False, False, False]
    """
    parts = name.split("/")
    plain = all(character.isprintable() and character not in '\\:*?"<>|' for character in name)
    return (
        plain
        and not PurePosixPath(name).is_absolute()
        and all(part.strip() and part[0] not in ".~" for part in parts)
    )


def _refuse(path: str | Path, index: int, key: str, rule: str, value: str) -> None:
    place = place_of(path, ["datasets", index, key])
    raise StructureError(f"{place}: datasets[{index}].{key}: {rule}. Given {show_plain(value)}.")
