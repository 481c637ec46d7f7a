"""One chapter in one process: jupytext reads it, papermill executes it, the normalised result is left in a scratch folder.

Started by `compendium.run.execute` with a job file; reports progress as JSON lines on the descriptor it was started with
as standard output. Everything else that is printed goes to the chapter's log.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

from compendium.run.processes import die_with_parent

READING_FILE = "readings.yaml"
"""As in `compendium.run.readings`, which this process does not import: its imports decide what is stale."""

MAX_IPC_PATH = 90
"""Sockets on the file system have paths of at most some 100 bytes."""


class ChapterFailedError(Exception):
    """A chapter did not finish; the message names the cell and the error in one line."""


def main() -> None:
    """Execute the job named on the command line; exit code 1 when the chapter fails."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    die_with_parent(job["runner"])
    report = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    os.environ["COMPENDIUM_WORKER"] = str(os.getpid())
    try:
        execute(job, report)
    except ChapterFailedError as error:
        print(json.dumps({"failed": str(error)}), file=report)
        sys.exit(1)
    except OSError as error:
        print(error, file=sys.stderr)
        words = error.strerror or type(error).__name__
        print(json.dumps({"failed": f"its files must be writable. Given: {words}"}), file=report)
        sys.exit(1)


def execute(job: dict[str, Any], report: TextIO) -> None:
    """Run one chapter to the end in its scratch folder.

    Raises
    ------
    ChapterFailedError : a cell raised or exited, or the chapter ended without saving its results.
    """
    import nbformat
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook

    scratch = Path(job["scratch"])
    os.environ["COMPENDIUM_RESULTS"] = str(scratch)
    if job.get("readings"):  # beside the figures: the chapter looks there, and it leaves with the results
        (scratch / "figures").mkdir(exist_ok=True)
        (scratch / "figures" / READING_FILE).write_text(job["readings"], encoding="utf-8")
    source = scratch / "source.ipynb"
    nbformat.write(prepare(Path(job["path"]), job["named"]), source)
    _register_engine(report)
    with tempfile.TemporaryDirectory(prefix="cmp-") as sockets:
        try:
            notebook = execute_notebook(
                str(source),
                str(scratch / "raw.ipynb"),
                parameters=job["parameters"],
                engine_name="compendium",
                kernel_name="python3",
                progress_bar=False,
                config=_kernel_config(sockets),
                cwd=str(scratch),
                stdout_file=sys.stderr,
                stderr_file=sys.stderr,
                start_timeout=60,
            )
        except PapermillExecutionError as error:
            print(error, file=sys.stderr)
            raise ChapterFailedError(_one_line(error)) from None
    finish(notebook, scratch, job)


def prepare(path: Path, named: bool) -> Any:
    """Return a chapter as a notebook; a named run leaves out the cells about the paper."""
    import jupytext

    notebook = jupytext.read(path)
    if named:
        notebook.cells = [c for c in notebook.cells if "paper" not in c.metadata.get("tags", [])]
    return notebook


def finish(notebook: Any, scratch: Path, job: dict[str, Any]) -> None:
    """Check that the chapter really ended, then write the normalised notebook and complete its results."""
    import nbformat

    from compendium.run.normalise import normalise

    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        left = next((o for o in cell.outputs if o.output_type == "error"), None)
        if left is not None or cell.execution_count is None:
            why = f"{left.ename} {left.evalue}".strip() if left is not None else "it was not executed"
            raise ChapterFailedError(f"cell {index + 1}: {why}")
    results = scratch / "results.json"
    if not results.exists():
        raise ChapterFailedError("it ended without chapter.save(): there are no results")
    content = json.loads(results.read_text(encoding="utf-8"))
    content = {
        "chapter": job["chapter"],
        "title": job["title"],
        "parameters": job["all_parameters"],
        **content,
    }
    results.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    nbformat.write(normalise(notebook), scratch / "notebook.ipynb")


def _one_line(error: Any) -> str:
    return f"cell {error.cell_index + 1}: {error.ename}: {' '.join(str(error.evalue).split())}"


def _kernel_config(folder: str) -> Any:
    """Talk to the kernel through sockets in a folder of its own: no port, no clash between two kernels."""
    from traitlets.config import Config

    address = str(Path(folder) / "k")
    if sys.platform == "win32" or len(address) > MAX_IPC_PATH:
        return Config()
    return Config({"KernelManager": {"transport": "ipc", "ip": address}})


def _register_engine(report: TextIO) -> None:
    from papermill.engines import NBClientEngine, papermill_engines

    class ReportingEngine(NBClientEngine):  # type: ignore[misc]
        """Papermill's own engine, reporting each cell as it starts and how long it took."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
            count = len(nb_man.nb.cells)
            start, complete = nb_man.cell_start, nb_man.cell_complete
            nb_man.autosave_cell = lambda: None
            began = [time.monotonic()]

            def started(cell: Any, cell_index: int | None = None, **rest: Any) -> None:
                began[0] = time.monotonic()
                print(json.dumps({"cell": (cell_index or 0) + 1, "of": count}), file=report)
                start(cell, cell_index, **rest)

            def completed(cell: Any, cell_index: int | None = None, **rest: Any) -> None:
                print(
                    f"cell {(cell_index or 0) + 1} of {count}: {time.monotonic() - began[0]:.2f} s",
                    file=sys.stderr,
                )
                complete(cell, cell_index, **rest)

            nb_man.cell_start, nb_man.cell_complete = started, completed
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register("compendium", ReportingEngine)


if __name__ == "__main__":
    main()
