"""When a chapter must run, and why: its source, parameters, inputs, claims, package code and environment, by hash."""

import ast
import hashlib
import json
import platform
import sys
import sysconfig
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from compendium.evidence.claims import Study
from compendium.paths import root
from compendium.run.chapters import Chapter

PACKAGE = Path(__file__).resolve().parents[1]
RUNNER_MODULES = (
    "compendium.run.worker",
    "compendium.run.normalise",
    "compendium.run.kernel",
    "compendium.run.processes",
)
"""They make the notebook, so a change of theirs makes every chapter stale."""


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def hash_path(path: Path) -> str:
    """Return the sha256 of a file, or of the names and contents of all files below a folder."""
    if not path.is_dir():
        return hash_file(path)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return hash_text("\n".join(f"{p.relative_to(path).as_posix()} {hash_file(p)}" for p in files))


def hash_text(text: str) -> str:
    """Return the sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(chapter: Chapter, parameters: dict[str, Any], inputs: dict[str, Path]) -> dict[str, Any]:
    """Return everything a chapter's result depends on, apart from claims, by kind."""
    modules = imported_modules(chapter.path.read_text(encoding="utf-8"))
    return {
        "source": hash_file(chapter.path),
        "parameters": parameters,
        "inputs": {name: hash_path(path) for name, path in sorted(inputs.items())},
        "data": {name: hash_file(path) for name, path in sorted(_stored_data(chapter.study).items())},
        "package": {name: _module_hash(name) for name in sorted(modules | set(RUNNER_MODULES))},
        "environment": environment_stamp(),
    }


def _stored_data(study: str) -> dict[str, Path]:
    """Return what a study's chapters may read of `data/` beside claims: what was computed once, and predictions."""
    folder = root() / "data"
    found = [*(folder / "derived" / study).rglob("*"), *(folder / "predictions").glob(f"{study}-*")]
    return {str(path.relative_to(folder)): path for path in found if path.is_file()}


def claims_stamp(claims_read: dict[str, Any], studies: dict[str, Study]) -> dict[str, Any]:
    """Return the present content of the claims that a chapter read last time."""
    found = {
        c.id: c.content for study in studies.values() for c in study.claims.values() if c.id in claims_read
    }
    return {claim_id: found.get(claim_id) for claim_id in claims_read}


def reasons(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """Return, in words, what differs between two fingerprints."""
    found = []
    for kind in ("source", "environment"):
        if new[kind] != old.get(kind):
            found.append(f"{kind} changed")
    for kind in ("parameters", "inputs", "readings", "data", "published data", "package", "claims"):
        changed = sorted(
            name
            for name in {**new.get(kind, {}), **old.get(kind, {})}
            if new.get(kind, {}).get(name) != old.get(kind, {}).get(name)
        )
        if changed:
            more = f" (+{len(changed) - 2} more)" if len(changed) > 2 else ""
            found.append(f"{kind} changed: {', '.join(changed[:2])}{more}")
    return found


@lru_cache(maxsize=1)
def environment_stamp() -> str:
    """Return a hash of the Python version and of the names and versions of all installed packages."""
    names: list[str] = []
    for key in ("purelib", "platlib"):
        folder = Path(sysconfig.get_paths()[key])
        names += [p.name for p in folder.glob("*.dist-info")]
    return hash_text(
        json.dumps([platform.python_version(), sys.platform, platform.machine(), sorted(set(names))])
    )


def imported_modules(source: str) -> set[str]:
    """Return the modules of this package that some source imports, directly or through each other."""
    found: set[str] = set()
    queue = sorted(_imports(ast.parse(source)))
    while queue:
        name = queue.pop()
        if name in found or _module_path(name) is None:
            continue
        found.add(name)
        queue += sorted(_module_imports(name) - found)
    return found


def _imports(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *[f"{node.module}.{a.name}" for a in node.names]}
    parents = {".".join(n.split(".")[:i]) for n in names for i in range(1, n.count(".") + 2)}
    return {n for n in parents if n.split(".")[0] == "compendium"}


@cache
def _module_path(name: str) -> Path | None:
    base = PACKAGE.parent.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.exists():
            return path
    return None


@cache
def _module_imports(name: str) -> set[str]:
    path = _module_path(name)
    return set() if path is None else _imports(ast.parse(path.read_text(encoding="utf-8")))


@cache
def _module_hash(name: str) -> str:
    path = _module_path(name)
    return "missing" if path is None else hash_file(path)
