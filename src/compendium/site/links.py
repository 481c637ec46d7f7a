"""What leads from one page to another: the cell that records a result, the functions that a chapter calls."""

import ast
import re
from collections.abc import Iterable
from typing import Any

NOT_ON_PAGE = {"remove-cell"}


def result_cells(cells: Iterable[dict[str, Any]], names: Iterable[str]) -> dict[str, int]:
    """Return the number of the code cell that first names each result, where one does.

    Parameters
    ----------
    cells : cells of an executed notebook; code cells are numbered from 1.
    names : names of recorded results. A name that is put together in the notebook (f"{read}.accuracy") is found by its
        fixed part, after names that stand there in full.
    """
    full: dict[str, int] = {}
    patterns: list[tuple[re.Pattern[str], int]] = []
    number = 0
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        number += 1
        if NOT_ON_PAGE & set(cell.get("metadata", {}).get("tags", [])):
            continue
        for node in ast.walk(_parse(cell)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                full.setdefault(node.value, number)
            elif isinstance(node, ast.JoinedStr):
                pattern = _pattern(node)
                patterns += [(pattern, number)] if pattern else []
    found = {}
    for name in names:
        near = next((cell for pattern, cell in patterns if pattern.fullmatch(name)), None)
        cell_number = full.get(name, near)
        if cell_number is not None:
            found[name] = cell_number
    return found


def called_functions(cells: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Return what a notebook imports from the package: module (without the package's name) → names.

    >>> called_functions([{"cell_type": "code", "source": "from compendium.statistics.auc import auc"}])
    {'statistics.auc': ['auc']}
    """
    called: dict[str, list[str]] = {}
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(_parse(cell)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("compendium."):
                names = called.setdefault(str(node.module).removeprefix("compendium."), [])
                names += [alias.name for alias in node.names if alias.name not in names]
    return dict(sorted(called.items()))


def _parse(cell: dict[str, Any]) -> ast.Module:
    source = cell.get("source", "")
    try:
        return ast.parse(source if isinstance(source, str) else "".join(source))
    except SyntaxError:  # a magic
        return ast.Module(body=[], type_ignores=[])


def _pattern(node: ast.JoinedStr) -> re.Pattern[str] | None:
    parts = [
        re.escape(part.value) if isinstance(part, ast.Constant) and isinstance(part.value, str) else ".+"
        for part in node.values
    ]
    fixed = "".join(part for part in parts if part != ".+")
    plain = re.fullmatch(r"[\\\w.-]{3,}", fixed)
    return re.compile("".join(parts)) if plain else None
