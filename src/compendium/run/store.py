"""Where the results of runs live below `build/runs/<run>/`, and when a chapter counts as finished.

A chapter's files are moved into place first; the provenance sidecar, which holds their hashes, is written last. Without a
valid sidecar nothing counts, so a run that is killed at any moment leaves nothing that looks finished.
"""

import fcntl
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from compendium.io.messages import show_name
from compendium.io.practice import read_statements
from compendium.paths import build
from compendium.run.chapters import RequestError
from compendium.run.staleness import hash_file

PUBLISHED = "published"
_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def check_run_name(name: str) -> str:
    """Return a run's name.

    Raises
    ------
    RequestError : it is not a plain name, or it is the name of the default run.
    """
    if not _RUN_NAME.fullmatch(name):
        raise RequestError(
            f'A run is named with letters, digits, "-" and "_", at most 60. Given "{show_name(name, 60)}".'
        )
    if name == PUBLISHED:
        raise RequestError(f'"{PUBLISHED}" is the book\'s own run; choose another name.')
    return name


class RunStore:
    """The files of one run: published, or a named one."""

    def __init__(self, run: str = PUBLISHED) -> None:
        self.run = run
        self.folder = build() / "runs" / run

    def notebook(self, chapter_id: str) -> Path:
        """Return the path of a chapter's executed notebook."""
        return self.folder / "notebooks" / f"{chapter_id}.ipynb"

    def results(self, chapter_id: str) -> Path:
        """Return the path of a chapter's results."""
        return self.folder / "results" / f"{chapter_id}.json"

    def figures(self, chapter_id: str) -> Path:
        """Return the folder of a chapter's figures and of the CSV files of its figures and tables."""
        return self.folder / "figures" / chapter_id

    def provenance(self, chapter_id: str) -> Path:
        """Return the path of the sidecar that is written last."""
        return self.folder / "provenance" / f"{chapter_id}.json"

    def log(self, chapter_id: str) -> Path:
        """Return the path of a chapter's log."""
        return self.folder / "logs" / f"{chapter_id}.log"

    @property
    def statements(self) -> Path:
        """The path of what the person who ran it states about the data (see `compendium.io.practice`)."""
        return self.folder / "about.yaml"

    def read_statements(self) -> dict[str, str]:
        """Return what is stated about the data of this run; nothing when nobody stated anything."""
        return read_statements(self.statements) if self.statements.is_file() else {}

    def state(self, statements: Mapping[str, str]) -> None:
        """Keep what is stated about the data of this run; its crate is written again."""
        write_atomically(
            self.statements, yaml.safe_dump(dict(statements), sort_keys=False, allow_unicode=True)
        )
        (self.folder / f"{self.run}.crate.zip").unlink(missing_ok=True)

    def read_provenance(self, chapter_id: str) -> dict[str, Any] | None:
        """Return a finished chapter's sidecar, or None."""
        path = self.provenance(chapter_id)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def read_results(self, chapter_id: str) -> dict[str, Any] | None:
        """Return a finished chapter's results, or None."""
        if self.read_provenance(chapter_id) is None:
            return None
        try:
            return json.loads(self.results(chapter_id).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def damage(self, chapter_id: str, sidecar: dict[str, Any]) -> str | None:
        """Return in words how a chapter's files differ from what its sidecar says, or None."""
        for name, digest in sidecar.get("files", {}).items():
            path = self.folder / name
            if not path.exists():
                return f"{name} is missing"
            if hash_file(path) != digest:
                return f"{name} was changed after the run"
        return None

    def publish(self, chapter_id: str, scratch: Path, sidecar: dict[str, Any]) -> None:
        """Move a finished chapter from its scratch folder into place, the sidecar last."""
        self.withdraw(chapter_id)
        self.notebook(chapter_id).parent.mkdir(parents=True, exist_ok=True)
        self.results(chapter_id).parent.mkdir(parents=True, exist_ok=True)
        (scratch / "notebook.ipynb").replace(self.notebook(chapter_id))
        (scratch / "results.json").replace(self.results(chapter_id))
        target = self.figures(chapter_id)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        source = scratch / "figures"
        source.mkdir(exist_ok=True)
        source.replace(target)
        files = [
            self.notebook(chapter_id),
            self.results(chapter_id),
            *sorted(p for p in target.rglob("*") if p.is_file()),
        ]
        sidecar = {**sidecar, "files": {str(p.relative_to(self.folder)): hash_file(p) for p in files}}
        write_atomically(self.provenance(chapter_id), json.dumps(sidecar, indent=1) + "\n")

    def withdraw(self, chapter_id: str) -> None:
        """Take back the sidecar: the chapter does not count as finished any more."""
        self.provenance(chapter_id).unlink(missing_ok=True)


def named_runs() -> list[str]:
    """Return the names of the runs on a user's data, in alphabetical order."""
    folder = build() / "runs"
    return (
        sorted(p.name for p in folder.glob("*") if p.is_dir() and p.name != PUBLISHED)
        if folder.exists()
        else []
    )


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def build_lock(wait_seconds: float = 3600.0) -> Iterator[None]:
    """Hold `build/` for one run at a time; a second one says whom it waits for.

    Raises
    ------
    RequestError : the other run is still there after `wait_seconds`.
    """
    build().mkdir(parents=True, exist_ok=True)
    with (build() / ".lock").open("a+", encoding="utf-8") as handle:
        started, said = time.monotonic(), False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                owner = _lock_owner(handle)
                if time.monotonic() - started > wait_seconds:
                    raise RequestError(
                        f"Another run (process {owner}) holds {build().name}/ for too long."
                    ) from None
                if not said:
                    print(
                        f"waiting for another run (process {owner}) in this folder …",
                        file=sys.stderr,
                        flush=True,
                    )
                    said = True
                time.sleep(0.1)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def _lock_owner(handle: Any) -> str:
    handle.seek(0)
    return handle.read().strip() or "unknown"
