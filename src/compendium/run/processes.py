"""Processes that do not outlive the one that started them, and environments that no user configuration leaks into."""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
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
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON", "PYTHON", "MPL", "PAPERMILL"))}
    source = Path(__file__).resolve().parents[2]
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


def write_kernelspec(home: Path) -> None:
    """Write the kernel that chapters run in: this interpreter, started through `compendium.run.kernel`."""
    import json

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
