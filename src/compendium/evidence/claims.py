"""The claims: every number that a paper prints, one per entry, as typed from the paper in `data/claims/<study>.yaml`."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from compendium.evidence.labels import NEVER_COMPUTED, STRENGTH
from compendium.evidence.yardstick import PrintedInterval, parse_printed
from compendium.io.yaml_lines import StructureError, load_yaml, validate_structure
from compendium.paths import root

ROLES = ("inference", "method", "description", "setting", "context")
IDENTIFIER = r"^[a-z0-9][a-z0-9.-]*$"
CHAPTER = r"^[a-z]+\d{4}/\d\d_[a-z0-9_]+$"
POINTER = r"^[a-z]+\d{4}/\d\d_[a-z0-9_]+#[A-Za-z0-9_.-]+$"
MAX_QUOTE_WORDS = 14
_text = {"type": "string", "minLength": 1}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["study", "paper", "claims"],
    "additionalProperties": False,
    "properties": {
        "study": {"type": "string", "pattern": r"^[a-z]+\d{4}$"},
        "paper": {
            "type": "object",
            "required": ["title", "short", "journal", "doi", "supplement_read"],
            "properties": {
                "title": _text,
                "short": _text,
                "journal": _text,
                "doi": _text,
                "supplement_read": {"type": "boolean"},
            },
        },
        "claims": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "where", "quote", "printed", "unit", "role", "evidence"],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "pattern": IDENTIFIER},
                    "where": _text,
                    "quote": _text,
                    "printed": _text,
                    "unit": _text,
                    "exact": {"type": "boolean"},
                    "half_unit": {"type": "number", "minimum": 0},
                    "role": {"enum": list(ROLES)},
                    "range": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
                    "evidence": {"enum": [*STRENGTH[:6], *NEVER_COMPUTED]},
                    "needs": _text,
                    "result": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": POINTER}]},
                    "waits_for": {"type": "string", "pattern": CHAPTER},
                    "finding": {"type": "string", "pattern": IDENTIFIER},
                    "repeats": {"type": "string", "pattern": IDENTIFIER},
                    "note": _text,
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Claim:
    """One printed number. `id` is `<study>/<name>`; `result` points to `<chapter>#<result name>`.

    `repeats` names the claim that prints the same quantity with other digits: such a claim is judged, not counted.
    """

    id: str
    study: str
    where: str
    quote: str
    printed: str
    unit: str
    role: str
    evidence: str
    exact: bool = False
    half_unit: float | None = None
    range: tuple[float, float] | None = None
    needs: str | None = None
    result: str | None = None
    waits_for: str | None = None
    finding: str | None = None
    repeats: str | None = None
    note: str | None = None

    @cached_property
    def interval(self) -> PrintedInterval:
        """What the printed string admits."""
        return parse_printed(self.printed, self.exact, self.half_unit)

    @property
    def content(self) -> list[Any]:
        """What a chapter that uses this claim depends on: its number and unit."""
        return [self.printed, self.unit, self.exact, self.half_unit]


@dataclass(frozen=True)
class Study:
    """A paper and its claims."""

    id: str
    paper: dict[str, Any]
    claims: dict[str, Claim]


def load_study(path: Path) -> Study:
    """Read one claims file.

    Raises
    ------
    StructureError : the file is not valid YAML, breaks the schema, repeats an id, or holds a string that is not a printed
        number; the message names file, line, field, rule and value.
    """
    data = load_yaml(path)
    validate_structure(path, data, SCHEMA)
    study = data["study"]
    if study != path.stem:
        raise StructureError(f'{path.name}: study must equal the file name "{path.stem}". Given "{study}".')
    claims: dict[str, Claim] = {}
    for entry in data["claims"]:
        claim = _read_claim(study, entry, path)
        if claim.id in claims:
            raise StructureError(f'{path.name}: claim ids are unique. "{claim.id}" stands twice.')
        claims[claim.id] = claim
    for claim in claims.values():
        if claim.repeats and f"{study}/{claim.repeats}" not in claims:
            raise StructureError(
                f'{path.name}: claim "{claim.id}" repeats "{claim.repeats}", which does not exist.'
            )
    return Study(study, data["paper"], claims)


def _read_claim(study: str, entry: dict[str, Any], path: Path) -> Claim:
    fields = dict(entry)
    if "range" in fields:
        fields["range"] = tuple(fields["range"])
    claim = Claim(**{**fields, "id": f"{study}/{entry['id']}", "study": study})
    place = f'{path.name}: claim "{entry["id"]}"'
    try:
        claim.interval  # noqa: B018 - reading it parses the string
    except ValueError as error:
        raise StructureError(f"{place}: {error}") from None
    if len(claim.quote.split()) > MAX_QUOTE_WORDS:
        raise StructureError(
            f"{place}: a quote has at most {MAX_QUOTE_WORDS} words. Given {len(claim.quote.split())}."
        )
    if claim.result and claim.waits_for:
        raise StructureError(f"{place}: a claim has a result or waits for a chapter, not both.")
    if claim.role == "setting" and claim.evidence != "setting":
        raise StructureError(f'{place}: a setting has evidence "setting". Given "{claim.evidence}".')
    return claim


def load_studies(folder: Path | None = None) -> dict[str, Study]:
    """Read every claims file of the project, by study, in alphabetical order."""
    folder = folder or root() / "data" / "claims"
    return {path.stem: load_study(path) for path in sorted(folder.glob("*.yaml"))}
