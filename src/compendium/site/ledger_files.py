"""The ledger to take away: every printed number as CSV and as JSON."""

import csv
import io
import json
import math
from typing import Any

from compendium.site.content import Content
from compendium.site.standing import kind_of

COLUMNS = (
    "id", "study", "where", "quote", "printed", "unit", "admitted_lower", "admitted_upper", "ours", "ours_lower",
    "ours_upper", "status", "evidence", "why_none", "counts_as", "role", "result", "uses", "finding", "repeats",
    "waits_for", "needs", "note",
)  # fmt: skip


def as_records(content: Content) -> list[dict[str, Any]]:
    """Return every claim as one flat record of plain values, in the columns of the downloads."""
    records = []
    for claim in content.claims:
        admitted, interval = claim["admitted"] or (None, None), claim.get("interval") or (None, None)
        numbers = {
            "admitted_lower": _finite(admitted[0]), "admitted_upper": _finite(admitted[1]), "ours": claim.get("ours"),
            "ours_lower": _finite(interval[0]), "ours_upper": _finite(interval[1]),
        }  # fmt: skip
        has_ours = claim.get("ours") is not None
        words = {
            "evidence": claim["evidence"] if has_ours else None,
            "why_none": None if has_ours else claim["basis"],
            "counts_as": kind_of(claim),
            "uses": list(claim.get("uses") or ()),
        }
        record = {**{key: claim.get(key) for key in COLUMNS}, **numbers, **words}
        records.append({key: record[key] for key in COLUMNS})
    return records


def _finite(value: Any) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def as_json(content: Content) -> str:
    """Return the ledger as JSON."""
    return json.dumps({"claims": as_records(content)}, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_csv(content: Content) -> str:
    """Return the ledger as CSV; what a result uses is one cell, separated by blanks."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for record in as_records(content):
        writer.writerow({**record, "uses": " ".join(record["uses"])})
    return text.getvalue()
