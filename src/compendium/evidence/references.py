"""Stored references: what a chapter gave last time it was accepted, with a tolerance and its reason for every value."""

import json
import math
from pathlib import Path
from typing import Any

from compendium.io.yaml_lines import StructureError

DEFAULT_TOLERANCES: dict[str, dict[str, Any]] = {
    "exact": {
        "relative": 1e-9,
        "absolute": 1e-12,
        "reason": "closed-form double arithmetic: processors differ in the last digits only",
    },
    "iterative": {
        "relative": 1e-5,
        "absolute": 1e-8,
        "reason": "an optimiser or quadrature stops within about 1e-8 and its error is amplified by the formula behind it",
    },
    "resampled": {
        "relative": 1e-6,
        "absolute": 1e-8,
        "reason": "seeded resampling draws the same samples everywhere; sums differ by summation order",
    },
}
VALUE_FIELDS = ("value", "interval", "unit", "evidence", "uses")


CLAIM_FIELDS = ("status", "evidence", "role", "admits")


def reference_path(chapter_source: Path) -> Path:
    """Return the path of a chapter's stored reference, beside its source."""
    return chapter_source.with_name(chapter_source.stem + ".reference.json")


def claims_reference_path(analysis: Path, study: str) -> Path:
    """Return the path of the stored statuses of a study's claims."""
    return analysis / study / "claims.reference.json"


def load_claims_reference(path: Path) -> dict[str, dict[str, Any]] | None:
    """Read the stored status, evidence, role and admitted interval of a study's claims; None without a file.

    The entry "obtained" of a claim holds the same four as they are when published data are here.

    Raises
    ------
    StructureError : not JSON, or not an object of objects.
    """
    if not path.exists():
        return None
    data = _load_json(path)
    if not isinstance(data, dict) or not all(isinstance(entry, dict) for entry in data.values()):
        raise StructureError(f"{path.name}: stored statuses are an object by claim.")
    return data


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StructureError(f"{path.name}: not JSON ({error}).") from None


def load_reference(path: Path) -> dict[str, Any]:
    """Read a stored reference; an empty one when the file does not exist.

    Its "obtained" part, which need not be there, holds results that use published data.

    Raises
    ------
    StructureError : not JSON, or not an object with `tolerances` and `results`.
    """
    if not path.exists():
        return {"tolerances": dict(DEFAULT_TOLERANCES), "results": {}}
    data = _load_json(path)
    if not isinstance(data, dict) or not all(
        isinstance(data.get(k), dict) for k in ("tolerances", "results", *({"obtained"} & data.keys()))
    ):
        raise StructureError(f'{path.name}: a reference is an object with "tolerances" and "results".')
    return data


def tolerance_of(reference: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """Return the tolerance of a stored value: its own, or the named class of its file; empty when neither exists."""
    own = entry.get("tolerance", "exact")
    return dict(own) if isinstance(own, dict) else dict(reference["tolerances"].get(own, {}))


def within(new: float | None, old: float | None, tolerance: dict[str, Any]) -> bool:
    """Tell whether two values agree within a tolerance; missing and not-a-number values agree only with their like."""
    if new is None or old is None or isinstance(new, str) or isinstance(old, str):
        return new == old
    if math.isinf(new) or math.isinf(old):
        return new == old
    return abs(new - old) <= tolerance.get("absolute", 0.0) + tolerance.get("relative", 0.0) * abs(old)


def compare_entry(entry: dict[str, Any], stored: dict[str, Any], tolerance: dict[str, Any]) -> list[str]:
    """Return, in words, how a result differs from its stored reference; empty when it holds."""
    differences = []
    if not within(entry["value"], stored["value"], tolerance):
        differences.append(f"value {stored['value']!r} → {entry['value']!r}")
    new, old = entry.get("interval"), stored.get("interval")
    if (new is None) != (old is None) or (
        new and old and not all(map(lambda a, b: within(a, b, tolerance), new, old))
    ):
        differences.append(f"interval {old} → {new}")
    for field in ("unit", "evidence"):
        if entry.get(field) != stored.get(field):
            differences.append(f'{field} "{stored.get(field)}" → "{entry.get(field)}"')
    if sorted(entry.get("uses", [])) != sorted(stored.get("uses", [])):
        gone = sorted(set(stored.get("uses", [])) - set(entry.get("uses", [])))
        new_uses = sorted(set(entry.get("uses", [])) - set(stored.get("uses", [])))
        differences.append(f"uses: no longer {gone or 'none'}, newly {new_uses or 'none'}")
    return differences


def accepted(
    results: dict[str, Any], old: dict[str, Any], with_published_data: bool = False
) -> dict[str, Any]:
    """Return the reference that accepts the present results and keeps stored tolerances and reasons.

    Published data are not part of the project. What a chapter gives while they are here is stored apart, under "obtained"
    (the results that use them, or differ because of them); what was stored without them stays, and is what a checkout
    without the data is held against.
    """
    before, obtained = old["results"], dict(old.get("obtained", {}))
    tolerances = {**DEFAULT_TOLERANCES, **old.get("tolerances", {})}
    if with_published_data:
        stored = dict(before)
        for name, entry in results.items():
            known = before.get(name)
            if known and not compare_entry(entry, known, tolerance_of(old, known)):
                obtained.pop(name, None)
            else:
                obtained[name] = _stored_entry(entry, obtained.get(name) or known or {})
    else:
        stored = {name: _stored_entry(entry, before.get(name, {})) for name, entry in results.items()}
    return {"tolerances": tolerances, "results": stored, **({"obtained": obtained} if obtained else {})}


def _stored_entry(entry: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    found = {field: entry[field] for field in VALUE_FIELDS if entry.get(field) is not None}
    found.setdefault("value", None)
    return {**found, "tolerance": kept.get("tolerance", entry.get("precision", "exact"))}
