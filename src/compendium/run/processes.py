"""Processes that do not outlive the one that started them, and environments that no user configuration leaks into."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
LEAST_FREE_BYTES = 100_000_000
SINGLE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Thread counts change the order of sums and so the last digits: one thread per chapter, chapters in parallel."""


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when the thread that started it ends (Linux; elsewhere nothing happens).

    Parameters
    ----------
    parent : process id that started this one; when it is gone already, this process ends at once.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def clean_environment(home: Path) -> dict[str, str]:
    """Return an environment for chapters: this project's package and settings, nothing of the user's.

    IPython profiles, matplotlibrc, Jupyter configuration and kernels, user site-packages and PYTHONPATH are left out:
    the same chapter must give the same bytes for everybody.
    """
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("JUPYTER", "IPYTHON", "PYTHON", "MPL", "PAPERMILL"))
    }
    source = Path(__file__).resolve().parents[2]
    if sys.dont_write_bytecode:
        kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return {
        **kept,
        **dict.fromkeys(SINGLE_THREAD, "1"),
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "MATPLOTLIBRC": str(home / "matplotlib" / "matplotlibrc"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter" / "config"),
        "JUPYTER_DATA_DIR": str(home / "jupyter" / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter" / "runtime"),
        "JUPYTER_NO_CONFIG": "1",
        "JUPYTER_PLATFORM_DIRS": "1",
        "NUMBA_CACHE_DIR": str(home / "numba"),
        "PYTHONPATH": str(source),
        "PYTHONNOUSERSITE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONWARNINGS": "default",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }


def spare_bytecode() -> None:
    """Write no compiled modules where little space is left: Python 3.11 would keep one that was cut off by a full disk.

    Every later import of such a module fails, also when there is space again.
    """
    with contextlib.suppress(OSError):
        if shutil.disk_usage(Path(__file__).parent).free < LEAST_FREE_BYTES:
            sys.dont_write_bytecode = True


def write_kernelspec(home: Path) -> None:
    """Write the kernel that chapters run in: this interpreter, started through `compendium.run.kernel`."""
    folder = home / "jupyter" / "data" / "kernels" / "python3"
    folder.mkdir(parents=True, exist_ok=True)
    (home / "matplotlib").mkdir(parents=True, exist_ok=True)
    (home / "matplotlib" / "matplotlibrc").touch()
    argv = [sys.executable, "-m", "compendium.run.kernel", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python", "metadata": {}}
    text = json.dumps(spec)
    target = folder / "kernel.json"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Task:
    """What a worker process needs: the job, its scratch and settings folders, its log, its limit in seconds."""

    content: dict[str, Any]
    scratch: str
    home: str
    log: str
    time_limit: float


class Running:
    """The worker processes of a run, so that an interrupt can end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[Any]] = set()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """True once everything was told to stop."""
        return self._stopped

    def add(self, process: subprocess.Popen[Any]) -> None:
        """Remember a process; after `stop` it is killed at once."""
        with self._lock:
            self._processes.add(process)
            if self._stopped:
                kill_group(process)

    def remove(self, process: subprocess.Popen[Any]) -> None:
        """Forget a process that has ended."""
        with self._lock:
            self._processes.discard(process)

    def stop(self) -> None:
        """Kill everything that runs."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                kill_group(process)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a worker with its process group; its kernel follows it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run_process(
    task: Task, tell: Callable[[int, int], None] | None = None, running: Running | None = None
) -> str | None:
    """Run a worker process for a task; return None when it finished, otherwise why not, in one line.

    Parameters
    ----------
    task : what to run. Its scratch folder is emptied first, so that a task can be tried again.
    tell : is called with the number of the cell that starts and how many there are.
    running : where the process is registered while it runs.
    """
    running = running or Running()
    scratch, log = Path(task.scratch), Path(task.log)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    (scratch / "job.json").write_text(json.dumps({**task.content, "runner": os.getpid()}), encoding="utf-8")
    command = [sys.executable, "-m", "compendium.run.worker", str(scratch / "job.json")]
    with log.open("w", encoding="utf-8") as handle:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=handle,
            env=clean_environment(Path(task.home)), start_new_session=True, text=True,
        )  # fmt: skip
        running.add(process)
        expired = threading.Event()
        timer = threading.Timer(task.time_limit, _expire, [process, expired])
        timer.start()
        try:
            state = _follow(process, tell or (lambda number, count: None))
        finally:
            timer.cancel()
            running.remove(process)
    if process.returncode == 0:
        return None
    if expired.is_set():
        return f"it took longer than its limit of {task.time_limit:g} s, in cell {state.get('cell', 1)}"
    return (
        state.get("failed")
        or f"its process ended with code {process.returncode} in cell {state.get('cell', 1)}"
    )


def _expire(process: subprocess.Popen[Any], expired: threading.Event) -> None:
    expired.set()
    kill_group(process)


def _follow(process: subprocess.Popen[str], tell: Callable[[int, int], None]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    assert process.stdout is not None
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
