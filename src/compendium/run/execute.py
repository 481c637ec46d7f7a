"""Executing chapters: what is stale, in parallel, each in a process of its own, finished or not there at all."""

import json
import platform
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from compendium.evidence.claims import Study
from compendium.paths import build
from compendium.run.author_data import data_stamp, describe_changes
from compendium.run.chapters import Chapter
from compendium.run.cluster import connect, run_on_cluster
from compendium.run.crate import crate_path, write_crate
from compendium.run.processes import Running, Task, run_process, write_kernelspec
from compendium.run.readings import Reading, readings_text
from compendium.run.staleness import claims_stamp, fingerprint, hash_path, reasons
from compendium.run.store import PUBLISHED, RunStore

TIME_LIMIT = 600.0
"""Wall-clock seconds a chapter may take unless the caller says otherwise."""
SHOWN_PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "statsmodels",
    "matplotlib",
    "seaborn",
    "scikit-learn",
    "nibabel",
    "simpleitk",
    "papermill",
)


@dataclass(frozen=True)
class Job:
    """One chapter to execute: the values that differ from its defaults, its inputs, and the run it belongs to."""

    chapter: Chapter
    run: str = PUBLISHED
    values: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Path] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)

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
    if job.readings:
        new["readings"] = {name: reading.as_dict() for name, reading in sorted(job.readings.items())}
    store = RunStore(job.run)
    sidecar = store.read_provenance(job.chapter.id)
    if sidecar is None:
        return "no finished result", new
    old = sidecar["fingerprint"]
    now = {**new, "claims": claims_stamp(old.get("claims", {}), studies)}
    now["published data"] = {dataset: data_stamp(dataset) for dataset in old.get("published data", {})}
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
    client = connect(cluster) if cluster else None
    workers = sum(client.nthreads().values()) if client else workers
    write_kernelspec(home)
    for run in {job.run for job in jobs}:
        shutil.rmtree(RunStore(run).folder / ".scratch", ignore_errors=True)
    running = Running()

    def one(job: Job) -> Outcome:
        try:
            outcome = _execute_one(job, studies, listener, running, home, time_limit, client)
        except OSError as error:  # a full disk, a folder that is gone
            RunStore(job.run).withdraw(job.chapter.id)
            words = error.strerror or type(error).__name__
            outcome = Outcome(job, "failed", f"its files must be readable and writable. Given: {words}")
        if not running.stopped:
            listener.ends(outcome)
        return outcome

    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(jobs) or 1))) as pool:
        futures = [pool.submit(one, job) for job in jobs]
        try:
            outcomes = [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            running.stop()
            raise
        finally:
            if client:
                client.close()
    for run in sorted(
        {o.job.run for o in outcomes if o.state == "done" or not crate_path(o.job.run).is_file()}
    ):
        write_crate(run)
    return outcomes


def _execute_one(
    job: Job,
    studies: dict[str, Study],
    listener: Listener,
    running: Running,
    home: Path,
    time_limit: float,
    client: Any,
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
    task = _task(job, scratch, home, store.log(job.chapter.id), time_limit)
    if client is None:
        failure = run_process(task, lambda n, of: listener.cell(job, n, of), running)
    else:
        failure = run_on_cluster(client, task)
    seconds = time.monotonic() - began
    if failure is not None:
        return Outcome(job, "failed", f"{failure} (log: {store.log(job.chapter.id)})", seconds)
    results = json.loads((scratch / "results.json").read_text(encoding="utf-8"))
    read, published = results["claims_read"], results.get("data_read", {})
    if claims_stamp(read, studies) != read or describe_changes(published):
        return Outcome(
            job, "failed", "the claims or published data changed while it ran: run it again", seconds
        )
    stamp = {**stamp, "claims": read, "published data": published}
    store.publish(job.chapter.id, scratch, _sidecar(job, stamp, why, started, seconds))
    shutil.rmtree(scratch, ignore_errors=True)
    return Outcome(job, "done", why, seconds)


def _sidecar(job: Job, stamp: dict[str, Any], why: str, started: datetime, seconds: float) -> dict[str, Any]:
    inputs = {
        name: {"path": path.name, "sha256": hash_path(path), "bytes": _size(path)}
        for name, path in job.inputs.items()
    }
    for name, reading in job.readings.items():
        inputs[name]["reading"] = reading.as_dict()
    return {
        "chapter": job.chapter.id,
        "run": job.run,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "reason": why,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "parameters": job.all_parameters,
        "changed": job.values,
        "methods": job.chapter.methods,
        "packages": {name: metadata.version(name) for name in SHOWN_PACKAGES},
        "inputs": inputs,
        "fingerprint": stamp,
    }


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _task(job: Job, scratch: Path, home: Path, log: Path, time_limit: float) -> Task:
    content = {
        "chapter": job.chapter.id,
        "title": job.chapter.title,
        "path": str(job.chapter.path),
        "named": job.named,
        "parameters": {**job.values, **{name: str(path) for name, path in job.inputs.items()}},
        "all_parameters": job.all_parameters,
        "scratch": str(scratch),
        "readings": readings_text(job.readings) if job.readings else "",
    }
    return Task(content, str(scratch), str(home), str(log), time_limit)
