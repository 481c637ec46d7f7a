"""Chapters: the notebooks below `analysis/`, their titles, parameters and inputs, read without executing anything."""

import ast
import difflib
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from compendium.io.messages import show_name
from compendium.paths import root

_FILE = re.compile(r"\d\d_[a-z0-9_]+\.py")
_CELL = re.compile(r"^# %%", re.MULTILINE)
_PLAIN_TYPES = {"int": int, "float": float, "bool": bool, "str": str}
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class RequestError(ValueError):
    """The request or an input cannot be served; one line for the user, exit code 2."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a chapter: its type is the annotation in the parameters cell or that of its default.

    `minimum` and `maximum` (both allowed) come from the chapter's header.
    """

    name: str
    type: str
    default: Any
    help: str = ""
    minimum: float | None = None
    maximum: float | None = None

    @property
    def range_text(self) -> str:
        """The allowed range in words; empty without one."""
        low = f"at least {self.minimum:g}" if self.minimum is not None else ""
        high = f"at most {self.maximum:g}" if self.maximum is not None else ""
        return " and ".join(filter(None, [low, high]))

    def read(self, text: str) -> Any:
        """Return the value that a command-line text stands for.

        Raises
        ------
        RequestError : the text is not of the parameter's type, or outside its range.
        """
        value = self._read_type(text)
        too_low = self.minimum is not None and value < self.minimum
        if too_low or (self.maximum is not None and value > self.maximum):
            raise RequestError(
                f'Parameter "{self.name}" is {self.range_text}. Given "{show_name(text, 60)}".'
            )
        return value

    def _read_type(self, text: str) -> Any:
        rule = f'Parameter "{self.name}" is of type {self.type}.'
        try:
            if self.type == "bool":
                return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[text.lower()]
            value = _PLAIN_TYPES[self.type](text)
        except (ValueError, KeyError):
            raise RequestError(f'{rule} Given "{show_name(text, 60)}".') from None
        if self.type == "float" and value not in (float("inf"), float("-inf")) and value == value:
            return value
        if self.type == "float":
            raise RequestError(f'{rule} It must be finite. Given "{show_name(text, 60)}".')
        return value


METHODS = ("estimand", "unit", "analysis", "missing", "reporting")
"""What a chapter's header declares for its methods paragraph."""


@dataclass(frozen=True)
class Input:
    """Something that a user may hand in: a name, a kind (table, image, protocol) and the schema of a table."""

    name: str
    kind: str
    schema: str
    required: bool = False


@dataclass(frozen=True)
class Chapter:
    """A notebook: `id` is `study/NN_question`."""

    id: str
    path: Path
    title: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    inputs: dict[str, Input] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)

    @property
    def study(self) -> str:
        """The study that the chapter belongs to."""
        return self.id.split("/")[0]

    def as_dict(self) -> dict[str, Any]:
        """Return the machine format of `compendium list --format json`."""
        return {
            "id": self.id,
            "title": self.title,
            "parameters": {p.name: {"type": p.type, "default": p.default} for p in self.parameters.values()},
            "inputs": [
                {"name": i.name, "kind": i.kind, "required": i.required} for i in self.inputs.values()
            ],
        }


def list_chapters(folder: Path | None = None) -> list[Chapter]:
    """Return every chapter below `analysis/`, ordered by id."""
    folder = folder or root() / "analysis"
    paths = sorted(p for p in folder.glob("*/*.py") if _FILE.fullmatch(p.name))
    return [read_chapter(p) for p in paths]


def find_chapter(name: str) -> Chapter:
    """Return the one chapter whose id is, or unambiguously starts with, `name`.

    Raises
    ------
    RequestError : none or several match.
    """
    chapters = list_chapters()
    exact = [c for c in chapters if c.id == name]
    found = exact or [c for c in chapters if c.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RequestError(f'"{name}" stands for several chapters: {", ".join(c.id for c in found)}.')
    known = [c.id for c in chapters]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Close: {', '.join(close)}." if close else "`compendium list` shows all."
    raise RequestError(f'"{show_name(name, 60)}" names no chapter. {hint}')


def find_chapters(names: list[str]) -> list[Chapter]:
    """Return the chapters that some prefixes name, each once; a study's name stands for all its chapters."""
    chapters, found = list_chapters(), {}
    for name in names:
        matching = [c for c in chapters if c.id == name or c.id.startswith(name)]
        if not matching or (len({c.study for c in matching}) > 1):
            matching = [find_chapter(name)]
        found.update({c.id: c for c in matching})
    return list(found.values()) if names else chapters


def read_chapter(path: Path) -> Chapter:
    """Read a chapter's header, title and parameters.

    Raises
    ------
    RequestError : no title, no parameters cell, or a parameter that is not a plain literal.
    """
    stat = path.stat()
    return _read_chapter(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _read_chapter(path: Path, _mtime: int, _size: int) -> Chapter:
    text = path.read_text(encoding="utf-8")
    chapter_id = f"{path.parent.name}/{path.stem}"
    title = re.search(r"^# # (.+)$", text, re.MULTILINE)
    if not title:
        raise RequestError(f"{chapter_id}: a chapter has a title, a first-level heading. None found.")
    header = _header(text, chapter_id)
    inputs = {
        name: Input(
            name, declared["kind"], declared.get("schema", name), bool(declared.get("required", False))
        )
        for name, declared in (header.get("inputs") or {}).items()
    }
    parameters = _parameters(text, chapter_id)
    for name, bounds in (header.get("parameters") or {}).items():
        parameters[name] = _bounded(parameters.get(name), name, bounds, chapter_id)
    for name in inputs:
        if name not in parameters:
            raise RequestError(f'{chapter_id}: an input has a parameter of its name. "{name}" has none.')
        del parameters[name]
    return Chapter(chapter_id, path, title[1].strip(), parameters, inputs, _methods(header, chapter_id))


def _header(text: str, chapter_id: str) -> dict[str, Any]:
    """Return what the YAML header says below `jupyter: compendium:`."""
    match = re.match(r"# ---\n((?:#.*\n)*?)# ---\n", text)
    if not match:
        return {}
    lines = [line[2:] if line.startswith("# ") else line[1:] for line in match[1].splitlines()]
    try:
        header = yaml.safe_load("\n".join(lines)) or {}
    except yaml.YAMLError as error:
        raise RequestError(f"{chapter_id}: its header is not YAML ({str(error).splitlines()[0]}).") from None
    return (header.get("jupyter") or {}).get("compendium") or {}


def _parameters(text: str, chapter_id: str) -> dict[str, Parameter]:
    cells = _CELL.split(text)
    source = next(
        (c.split("\n", 1)[1] for c in cells if re.match(r'[^\n]*tags=\[[^\]]*"parameters"', c)), None
    )
    if source is None:
        raise RequestError(f'{chapter_id}: a chapter has a cell tagged "parameters". None found.')
    lines = source.splitlines()
    found = {}
    for node in ast.parse(source).body:
        target = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
        if not isinstance(target, ast.Name) or not isinstance(node, (ast.Assign, ast.AnnAssign)):
            continue
        parameter = _parameter(node, target.id, lines[node.lineno - 1], chapter_id)
        found[parameter.name] = parameter
    return found


def _methods(header: dict[str, Any], chapter_id: str) -> dict[str, str]:
    """Return what a chapter declares for its methods paragraph: all of `METHODS`, as text."""
    declared = header.get("methods") or {}
    if declared and (
        sorted(declared) != sorted(METHODS) or not all(isinstance(v, str) for v in declared.values())
    ):
        raise RequestError(
            f"{chapter_id}: methods are the texts {', '.join(METHODS)}. Given {', '.join(map(str, declared))}."
        )
    return {key: declared[key] for key in METHODS if key in declared}


def _bounded(parameter: Parameter | None, name: str, bounds: dict[str, Any], chapter_id: str) -> Parameter:
    if parameter is None or parameter.type not in ("int", "float") or set(bounds) - {"minimum", "maximum"}:
        raise RequestError(
            f'{chapter_id}: "minimum" and "maximum" belong to a number of the parameters cell. Given "{name}".'
        )
    return replace(parameter, **bounds)


def _parameter(node: ast.Assign | ast.AnnAssign, name: str, line: str, chapter_id: str) -> Parameter:
    try:
        default = ast.literal_eval(node.value)  # type: ignore[arg-type]
    except ValueError:
        raise RequestError(f'{chapter_id}: a parameter has a literal default. "{name}" has not.') from None
    kind = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else type(default).__name__
    if kind not in _PLAIN_TYPES:
        raise RequestError(f'{chapter_id}: parameters are int, float, bool or str. "{name}" is {kind}.')
    if kind == "float" and isinstance(default, int):
        default = float(default)
    return Parameter(name, kind, default, line.split("#", 1)[1].strip() if "#" in line else "")


def read_parameters(chapter: Chapter, given: list[str]) -> dict[str, Any]:
    """Read `NAME=VALUE` texts as typed values of known parameters.

    Raises
    ------
    RequestError : not of this form, unknown, given twice, of another type, or an input.
    """
    values: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals:
            raise RequestError(f'A parameter is given as NAME=VALUE. Given "{show_name(item, 60)}".')
        if name in chapter.inputs:
            raise RequestError(f'"{name}" is an input: give it as -i {name}=PATH.')
        if name not in chapter.parameters:
            known = ", ".join(chapter.parameters) or "none"
            raise RequestError(f'{chapter.id} has no parameter "{show_name(name, 60)}". It has: {known}.')
        if name in values:
            raise RequestError(f'A parameter is given once. "{name}" is given twice.')
        values[name] = chapter.parameters[name].read(text)
    return values


def read_inputs(chapter: Chapter, given: list[str]) -> dict[str, Path]:
    """Read `INPUT=PATH` texts as absolute paths of known inputs; the files themselves are validated later.

    Raises
    ------
    RequestError : not of this form, unknown, or given twice.
    """
    values: dict[str, Path] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not text:
            raise RequestError(f'An input is given as INPUT=PATH. Given "{show_name(item, 60)}".')
        if name not in chapter.inputs:
            known = ", ".join(chapter.inputs) or "none"
            raise RequestError(f'{chapter.id} has no input "{show_name(name, 60)}". It has: {known}.')
        if name in values:
            raise RequestError(f'An input is given once. "{name}" is given twice.')
        values[name] = Path(text).expanduser().resolve()
    return values
