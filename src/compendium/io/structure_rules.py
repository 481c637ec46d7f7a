"""Errors of a JSON schema in words: which field, which rule, which value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from compendium.io.messages import show_name, show_plain

Key = str | int
Keys = tuple[Key, ...]


def deepest(error: Any) -> Any:
    """The most telling error below an anyOf/oneOf: of the alternative that came furthest."""
    from jsonschema.exceptions import best_match

    while error.context:
        deeper = [e for e in error.context if len(e.absolute_path) > len(error.absolute_path)]
        if not deeper:
            break
        error = best_match(deeper)
    return error


def keys_of(error: Any) -> Keys:
    """Keys of the value at fault; a key that does not belong is itself at fault."""
    keys = tuple(error.absolute_path)
    unknown = _unknown_keys(error)
    return (*keys, unknown[0]) if unknown else keys


def _unknown_keys(error: Any) -> list[str]:
    if error.validator not in ("additionalProperties", "unevaluatedProperties") or not isinstance(
        error.instance, dict
    ):
        return []
    known = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    return [
        key for key in error.instance if key not in known and not any(re.search(p, key) for p in patterns)
    ]


def field_of(data: Any, keys: Keys) -> str:
    """`claims[3].printed (uperf-accuracy)`: the keys, and the id of the entry they lead through."""
    text, name = "", ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{show_name(key)}"
        data = data[key] if isinstance(key, int) or isinstance(data, dict) else None
        if isinstance(data, dict) and isinstance(data.get("id"), str):
            name = f" ({show_name(data['id'])})"
    return (text.lstrip(".") or "the whole file") + name


_TYPES = {
    "string": "text (in quotes)",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping (name: value)",
    "null": "null",
}


def rule_of(error: Any) -> str:
    """Rule and value of a schema error, in words."""
    rule, value, given = error.validator, error.validator_value, error.instance
    words = {
        "type": lambda: f"must be {' or '.join(_TYPES[t] for t in _as_list(value))}",
        "enum": lambda: f"must be one of {', '.join(map(show_plain, value))}",
        "const": lambda: f"must be {show_plain(value)}",
        "pattern": lambda: f"must match {value}",
        "minimum": lambda: f"must be at least {value}",
        "maximum": lambda: f"must be at most {value}",
        "exclusiveMinimum": lambda: f"must be greater than {value}",
        "exclusiveMaximum": lambda: f"must be less than {value}",
        "minItems": lambda: f"must have at least {value} entries",
        "maxItems": lambda: f"must have at most {value} entries",
        "minLength": lambda: f"must have at least {value} characters",
        "maxLength": lambda: f"must have at most {value} characters",
        "uniqueItems": lambda: "must not repeat an entry",
        "anyOf": lambda: f"must be {' or '.join(_alternatives(value))}",
        "oneOf": lambda: f"must be exactly one of {' or '.join(_alternatives(value))}",
        "not": lambda: "must not have this form",
    }
    if rule == "required":
        missing = [key for key in value if key not in given]
        present = ", ".join(map(show_name, given)) or "nothing"
        return f"must have {', '.join(map(show_plain, missing))}. Given {present}."
    unknown = _unknown_keys(error)
    if unknown:
        return _unknown_rule(unknown, list(error.schema.get("properties", {})))
    text = words[rule]() if rule in words else show_name(error.message)
    return f"{text}. Given {show_plain(given)}."


def _unknown_rule(unknown: list[str], known: list[str]) -> str:
    close = difflib.get_close_matches(unknown[0], known, n=1)
    hint = f" (did you mean {show_plain(close[0])}?)" if close else ""
    others = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
    return f"must be one of {', '.join(known) or 'no keys'}. Given {show_plain(unknown[0])}{others}{hint}."


def _alternatives(schemas: list[dict[str, Any]]) -> Iterator[str]:
    for schema in schemas:
        if "type" in schema:
            yield " or ".join(_TYPES[t] for t in _as_list(schema["type"]))
        elif "required" in schema:
            yield f"a mapping with {', '.join(schema['required'])}"
        elif "enum" in schema or "const" in schema:
            yield ", ".join(map(show_plain, schema.get("enum", [schema.get("const")])))
        else:
            yield "another form"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
