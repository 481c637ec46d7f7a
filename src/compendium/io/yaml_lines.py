"""YAML read safely, with the line of every mistake.

The text is read event by event, without recursion and without any object but dict, list, str, int, float,
bool and None: tags, anchors and aliases (and so "anchor bombs"), repeated keys, deep nesting and non-finite
numbers are refused where they stand. Plain words resolve as in the core schema of YAML 1.2, narrowed so that
nothing changes its meaning unseen: `no`, `12:30`, `007`, `1_000`, `2025-01-01` and `.inf` stay text; only
`true`, `false`, `null`, `~` and decimal numbers do not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from compendium.io.messages import show_name, show_plain
from compendium.io.structure_rules import Key, Keys, deepest, field_of, keys_of, rule_of

MAX_BYTES = 10_000_000  # the project's largest file of claims has some 100 kB
MAX_DEPTH = (
    40  # deeper nesting is a mistake or an attack: libyaml's composer overflows the stack at some 10 000
)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,400})\Z")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]{1,4})?\Z|[-+]?\.[0-9]+\Z")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class StructureError(ValueError):
    """A file does not have the structure it must have; one line with file, line, field, rule and value."""


def load_yaml(path: str | Path) -> Any:
    """Read one YAML document.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    dict, list, str, int, float, bool or None
        Keys of mappings are text.

    Raises
    ------
    StructureError
        The file is missing, not UTF-8, not YAML, or uses what is refused (see the module).

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "claims.yaml"
    >>> _ = file.write_text('printed: "97.40"\\nexact: no\\nunit: 1\\n')
    >>> load_yaml(file)
    {'printed': '97.40', 'exact': 'no', 'unit': 1}
    >>> _ = file.write_text("a: 1\\nb: 2\\na: 3\\n")
    >>> load_yaml(file)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    compendium.io.yaml_lines.StructureError: ...claims.yaml:3: a: keys are unique. Given in line 1.
    """
    path = Path(path)
    return _Builder(path).build(_read_text(path))


def line_of(path: str | Path, keys: Iterable[Key]) -> int:
    """Line of a value in a YAML file (1 is the first); of the enclosing value when `keys` lead nowhere.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "claims.yaml"
    >>> _ = file.write_text("claims:\\n  - id: a\\n    unit: ms\\n  - id: b\\n")
    >>> line_of(file, ["claims", 0, "unit"]), line_of(file, ["claims", 1, "unit"])
    (3, 4)
    """
    return _nearest(_lines(Path(path)), tuple(keys))


def place_of(path: str | Path, keys: Iterable[Key]) -> str:
    """`folder/file:line` of a value, the way every message of this module names it."""
    return f"{_label(Path(path))}:{line_of(path, keys)}"


def validate_structure(path: str | Path, data: Any, schema: dict[str, Any]) -> None:
    """Hold what `load_yaml` read against a JSON schema.

    Parameters
    ----------
    path : str or Path
        The file `data` came from; it is read again for line numbers when something is amiss.
    data : any
        What `load_yaml(path)` returned.
    schema : dict
        JSON schema, draft 2020-12.

    Raises
    ------
    StructureError
        One line for the first mistake in the file: file, line, field, rule, value, and "(+N more)".

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "claims.yaml"
    >>> _ = file.write_text("claims:\\n  - id: a\\n    printed: 97.4\\n")
    >>> item = {"type": "object", "properties": {"printed": {"type": "string"}}}
    >>> schema = {"properties": {"claims": {"type": "array", "items": item}}}
    >>> validate_structure(file, load_yaml(file), schema)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    compendium.io.yaml_lines.StructureError: ...claims.yaml:3: claims[0].printed (a): must be text...97.4.
    """
    from jsonschema import Draft202012Validator

    errors = [deepest(error) for error in Draft202012Validator(schema).iter_errors(data)]
    if not errors:
        return
    lines = _lines(Path(path))
    found = sorted((_place(error, lines), field_of(data, keys_of(error)), rule_of(error)) for error in errors)
    found = list(dict.fromkeys(found))
    line, field, rule = found[0]
    more = f" (+{len(found) - 1} more)" if len(found) > 1 else ""
    raise StructureError(f"{_label(Path(path))}:{line}: {field}: {rule}{more}")


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            given = "a folder" if path.is_dir() else "nothing"
            raise StructureError(f"{_label(path)}: must be an existing file. Given {given}.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise StructureError(f"{_label(path)}: must have at most {MAX_BYTES:,} bytes. Given {size:,}.")
        raw = path.read_bytes()
    except OSError as error:
        raise StructureError(f"{_label(path)}: must be readable. Given {error.strerror}.") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise StructureError(
            f"{_label(path)}:{line}: text must be UTF-8. Given byte 0x{raw[error.start]:02x}."
        ) from None


class _Builder:
    """Builds data from parser events; with `record`, also the line of every value by its keys."""

    def __init__(self, path: Path, record: bool = False) -> None:
        self.path = path
        self.record = record
        self.lines: dict[Keys, int] = {}
        self.stack: list[_Container] = []
        self.result: Any = None
        self.documents = 0

    def build(self, text: str) -> Any:
        try:
            parser = _Loader(text)
        except yaml.YAMLError as error:  # characters that YAML does not admit
            self._refuse_yaml(error)
        try:
            while parser.check_event():
                self._take(parser.get_event())
        except yaml.YAMLError as error:
            self._refuse_yaml(error)
        finally:
            parser.dispose()
        return self.result

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._check_plain(event)
            self._put(self._scalar(event), event.start_mark.line + 1)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._check_plain(event)
            container: dict[str, Any] | list[Any] = {} if kind is yaml.MappingStartEvent else []
            keys = self._put(container, event.start_mark.line + 1)
            if len(self.stack) >= MAX_DEPTH:
                self._refuse(event, f"values nest at most {MAX_DEPTH} deep", "more")
            self.stack.append(_Container(container, keys))
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self.stack.pop()
        elif kind is yaml.AliasEvent:
            self._refuse(event, "aliases are not used: write the value out", f"*{event.anchor}")
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, "a file holds one document", "a second '---'")

    def _check_plain(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse(event, "anchors are not used: write the value out", f"&{event.anchor}")
        if event.tag is not None:
            self._refuse(event, "tags are not used", show_plain(event.tag))

    def _put(self, value: Any, line: int) -> Keys:
        """Place a value in the open container and return its keys."""
        if not self.stack:
            self.result = value
            self.lines[()] = line
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            key: Key = len(top.value)
            top.value.append(value)
        elif top.key is None:
            self._open_key(top, value, line)
            return top.keys
        else:
            key, line = top.key, top.key_line
            top.value[key] = value
            top.key = None
        if not self.record:
            return ()
        keys = (*top.keys, key)
        self.lines[keys] = line
        return keys

    def _open_key(self, top: _Container, key: Any, line: int) -> None:
        if not isinstance(key, str):
            self._stop(
                line, "keys are text (numbers and true, false, null as keys stand in quotes)", show_plain(key)
            )
        if key == "<<":
            self._stop(line, "merge keys are not used: write the values out", "<<")
        if key in top.value:
            first = top.key_lines[key]
            raise StructureError(
                f"{_label(self.path)}:{line}: {show_name(key)}: keys are unique. Given in line {first}."
            )
        top.key, top.key_line, top.key_lines[key] = key, line, line

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if event.style in ("'", '"', "|", ">"):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text):
            return int(text)
        if _FLOAT.match(text):
            number = float(text)
            if not math.isfinite(number):
                self._refuse(event, "numbers are finite", show_plain(text))
            return number
        return text

    def _refuse(self, event: Any, rule: str, given: str) -> NoReturn:
        self._stop(event.start_mark.line + 1, rule, given)

    def _stop(self, line: int, rule: str, given: str) -> NoReturn:
        raise StructureError(f"{_label(self.path)}:{line}: {rule}. Given {given}.") from None

    def _refuse_yaml(self, error: yaml.YAMLError) -> NoReturn:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = show_name(getattr(error, "problem", None) or getattr(error, "reason", None) or str(error))
        place = f"{_label(self.path)}:{mark.line + 1}" if mark else _label(self.path)
        raise StructureError(f"{place}: must be valid YAML. Given: {problem}.") from None


class _Container:
    """A mapping or list under construction."""

    __slots__ = ("key", "key_line", "key_lines", "keys", "value")

    def __init__(self, value: Any, keys: Keys) -> None:
        self.value = value
        self.keys = keys
        self.key: str | None = None
        self.key_line = 0
        self.key_lines: dict[str, int] = {}


def _lines(path: Path) -> dict[Keys, int]:
    builder = _Builder(path, record=True)
    builder.build(_read_text(path))
    return builder.lines


def _nearest(lines: dict[Keys, int], keys: Keys) -> int:
    while keys and keys not in lines:
        keys = keys[:-1]
    return lines.get(keys, 1)


def _place(error: Any, lines: dict[Keys, int]) -> int:
    return _nearest(lines, keys_of(error))


def _label(path: Path) -> str:
    """Folder and name: enough to find the file, without where a person keeps the project."""
    return show_name(f"{path.parent.name}/{path.name}" if path.parent.name else path.name)
