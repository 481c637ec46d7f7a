"""Executing chapters: what is stale, in parallel, each in a process of its own, finished or not there at all."""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from compendium.evidence.claims import Study
from compendium.paths import build
from compendium.run.chapters import Chapter
from compendium.run.processes import clean_environment, write_kernelspec
from compendium.run.staleness import claims_stamp, fingerprint, hash_file, reasons
from compendium.run.store import PUBLISHED, RunStore

TIME_LIMIT = 600.0
"""Wall-clock seconds a chapter may take unless the caller says otherwise."""
SHOWN_PACKAGES = ("numpy", "scipy", "pandas", "statsmodels", "matplotlib", "seaborn", "scikit-learn", "nibabel", "simpleitk", "papermill")


@dataclass(frozen=True)
class Job:
    """One chapter to execute: the values that differ from its defaults, its inputs, and the run it belongs to."""

    chapter: Chapter
    run: str = PUBLISHED
    values: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Path] = field(default_factory=dict)

    @property
    def named(self) -> bool:
        """True for a run on a user's data or parameters."""
        return self.run != PUBLISHED

    @property
    def all_parameters(self) -> dict[str, Any]:
        """Every parameter with the value it has in this run."""
        defaults = {p.name: p.default for p in self.chapter.parameters.values()}
        return {**defaults, **self.values}


@dataclass(frozen=True)
class Outcome:
    """What became of a job: `state` is "fresh" (nothing to do), "done" or "failed"; `message` says why or what."""

    job: Job
    state: str
    message: str = ""
    seconds: float = 0.0


class Listener:
    """Is told what happens; the command line prints it, tests collect it."""

    def starts(self, job: Job, why: str) -> None:
        """Tell that a chapter starts, and why."""

    def cell(self, job: Job, number: int, count: int) -> None:
        """Tell that a cell starts."""

    def ends(self, outcome: Outcome) -> None:
        """Tell that a chapter has ended."""


def why_stale(job: Job, studies: dict[str, Study]) -> tuple[str | None, dict[str, Any]]:
    """Return why a chapter must run (None when its result stands) and its fingerprint without claims."""
    new = fingerprint(job.chapter, job.all_parameters, job.inputs)
    store = RunStore(job.run)
    sidecar = store.read_provenance(job.chapter.id)
    if sidecar is None:
        return "no finished result", new
    old = sidecar["fingerprint"]
    now = {**new, "claims": claims_stamp(old.get("claims", {}), studies)}
    changed = reasons(now, old)
    if changed:
        return "; ".join(changed), new
    return store.damage(job.chapter.id, sidecar), new


def execute(
    jobs: list[Job],
    studies: dict[str, Study],
    workers: int = 1,
    listener: Listener | None = None,
    time_limit: float = TIME_LIMIT,
    cluster: str | None = None,
) -> list[Outcome]:
    """Execute the jobs that are stale, `workers` at a time, and return what became of each, in their order.

    Call it inside `build_lock()`. A failing chapter does not stop the others; its old result is withdrawn.
    """
    listener = listener or Listener()
    home = build() / "home"
    write_kernelspec(home)
    for run in {job.run for job in jobs}:
        shutil.rmtree(RunStore(run).folder / ".scratch", ignore_errors=True)
    running = _Running()

    def one(job: Job) -> Outcome:
        outcome = _execute_one(job, studies, listener, running, home, time_limit)
        listener.ends(outcome)
        return outcome

    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(jobs) or 1))) as pool:
        futures = [pool.submit(one, job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            running.stop()
            raise


class _Running:
    """The worker processes of this run, so that an interrupt can end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[Any]] = set()
        self._stopped = False

    def add(self, process: subprocess.Popen[Any]) -> None:
        with self._lock:
            self._processes.add(process)
            if self._stopped:
                kill_group(process)

    def remove(self, process: subprocess.Popen[Any]) -> None:
        with self._lock:
            self._processes.discard(process)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._processes:
                kill_group(process)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a worker with its process group; its kernel follows it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _execute_one(
    job: Job, studies: dict[str, Study], listener: Listener, running: _Running, home: Path, time_limit: float
) -> Outcome:
    why, stamp = why_stale(job, studies)
    if why is None:
        return Outcome(job, "fresh")
    listener.starts(job, why)
    store = RunStore(job.run)
    store.withdraw(job.chapter.id)
    scratch = store.folder / ".scratch" / job.chapter.id
    scratch.mkdir(parents=True, exist_ok=True)
    began, started = time.monotonic(), datetime.now(UTC)
    failure = _run_worker(job, scratch, home, listener, running, time_limit, store.log(job.chapter.id))
    seconds = time.monotonic() - began
    if failure is not None:
        return Outcome(job, "failed", f"{failure} (log: {store.log(job.chapter.id)})", seconds)
    read = json.loads((scratch / "results.json").read_text(encoding="utf-8"))["claims_read"]
    if claims_stamp(read, studies) != read:
        return Outcome(job, "failed", "the claims changed while it ran: run it again", seconds)
    store.publish(job.chapter.id, scratch, _sidecar(job, {**stamp, "claims": read}, why, started, seconds))
    shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(job, "done", why, seconds)


def _sidecar(job: Job, stamp: dict[str, Any], why: str, started: datetime, seconds: float) -> dict[str, Any]:
    inputs = {
        name: {"path": path.name, "sha256": hash_file(path), "bytes": path.stat().st_size} for name, path in job.inputs.items()
    }
    return {
        "chapter": job.chapter.id,
        "run": job.run,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "reason": why,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "parameters": job.all_parameters,
        "packages": {name: metadata.version(name) for name in SHOWN_PACKAGES},
        "inputs": inputs,
        "fingerprint": stamp,
    }


def _run_worker(
    job: Job, scratch: Path, home: Path, listener: Listener, running: _Running, time_limit: float, log: Path
) -> str | None:
    """Run the worker process; return None when it finished, otherwise why not, in one line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    parameters = {**job.values, **{name: str(path) for name, path in job.inputs.items()}}
    content = {
        "chapter": job.chapter.id,
        "title": job.chapter.title,
        "path": str(job.chapter.path),
        "named": job.named,
        "parameters": parameters,
        "all_parameters": job.all_parameters,
        "scratch": str(scratch),
        "runner": os.getpid(),
    }
    (scratch / "job.json").write_text(json.dumps(content), encoding="utf-8")
    command = [sys.executable, "-m", "compendium.run.worker", str(scratch / "job.json")]
    with log.open("w", encoding="utf-8") as handle:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=handle, env=clean_environment(home),
            start_new_session=True, text=True,
        )  # fmt: skip
        running.add(process)
        timer = threading.Timer(time_limit, kill_group, [process])
        timer.start()
        try:
            state = _follow(process, lambda n, of: listener.cell(job, n, of))
        finally:
            expired = not timer.is_alive()
            timer.cancel()
            running.remove(process)
    if process.returncode == 0:
        return None
    if expired:
        return f"it took longer than its limit of {time_limit:g} s, in cell {state.get('cell', 1)}"
    return state.get("failed") or f"its process ended with code {process.returncode} in cell {state.get('cell', 1)}"


def _follow(process: subprocess.Popen[str], tell: Callable[[int, int], None]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    assert process.stdout is not None  # noqa: S101 - opened as a pipe
    with process.stdout:
        for line in process.stdout:
            try:
                state.update(json.loads(line))
            except ValueError:
                continue
            if "cell" in state and "failed" not in state:
                tell(state["cell"], state["of"])
    process.wait()
    return state
