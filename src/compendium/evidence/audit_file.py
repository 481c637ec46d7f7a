"""Files of printed statistics: YAML or CSV in, statements out, with errors that name the line."""

import io
from pathlib import Path
from typing import Any

from compendium.evidence.audit import KINDS, Statement
from compendium.io.tables import TableError, read_table
from compendium.io.yaml_lines import StructureError, load_yaml, validate_structure

_scalar = {"type": ["string", "number", "integer", "boolean"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["statements"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string"},
        "statements": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["id", "kind"],
                "additionalProperties": {"anyOf": [_scalar, {"type": "array", "items": _scalar}]},
                "properties": {
                    "id": {"type": "string"},
                    "kind": {"enum": list(KINDS)},
                    "where": {"type": "string"},
                },
            },
        },
    },
}
_OWN = ("id", "kind", "where")


def read_statements(path: Path) -> tuple[str, list[Statement]]:
    """Read a file of printed statistics.

    Parameters
    ----------
    path : `.yaml`/`.yml` with `statements:` (and a `title:`), or a table with columns id, kind, where and one column per
        field; lists are written "a; b; c". Numbers are best quoted: 83.0 is not "83.0" once YAML has read it.

    Returns
    -------
    title, statements

    Raises
    ------
    StructureError : the file is malformed, repeats an id, or holds a number that lost its printed digits.
    TableError : the table cannot be read.
    """
    if path.suffix.lower() in (".yaml", ".yml"):
        return _from_yaml(path)
    return path.stem, _from_table(path)


def _from_yaml(path: Path) -> tuple[str, list[Statement]]:
    data = load_yaml(path)
    validate_structure(path, data, SCHEMA)
    statements = []
    for entry in data["statements"]:
        for name, value in entry.items():
            if isinstance(value, float):
                raise StructureError(
                    f'{path.name}: statement "{entry["id"]}", {name}: a printed number is quoted, so that its digits are '
                    f"kept. Given {value}."
                )
        values = {k: v for k, v in entry.items() if k not in _OWN}
        statements.append(Statement(entry["id"], entry["kind"], values, entry.get("where", "")))
    _check_unique(path, statements)
    return str(data.get("title", path.stem)), statements


def _from_table(path: Path) -> list[Statement]:
    table = read_table(path)
    for name in ("id", "kind"):
        if name not in table.frame.columns:
            raise TableError(str(path), rule="a table of statements has the columns id and kind", value=name)
    statements = []
    for row in table.frame.to_dict("records"):
        values = {str(k): v for k, v in row.items() if k not in _OWN and isinstance(v, str) and v.strip()}
        statements.append(Statement(row["id"], row["kind"], values, str(row.get("where", "") or "")))
    _check_unique(path, statements)
    return statements


def _check_unique(path: Path, statements: list[Statement]) -> None:
    seen: set[str] = set()
    for statement in statements:
        if statement.id in seen:
            raise StructureError(f'{path.name}: ids are unique. "{statement.id}" stands twice.')
        seen.add(statement.id)


def template_text() -> str:
    """Return a documented example file, a statement of each kind with its fields explained."""
    out = io.StringIO()
    out.write(
        '# Printed statistics, exactly as printed and quoted. Lists are written ["1", "2"] or "1; 2".\n'
    )
    out.write("title: A paper\nstatements:\n")
    for name, kind in KINDS.items():
        out.write(f"  # {name}: {kind.about}\n")
        for fields, word in ((kind.required, "required"), (kind.optional, "optional")):
            for item, meaning in fields.items():
                out.write(f"  #   {item} ({word}): {meaning}\n")
    out.write('  - {id: example, kind: correlation, where: Results, r: "0.41", n: "34", p: ".016"}\n')
    return out.getvalue()
