"""Chapters on a Dask cluster whose workers see this folder: the same process, started by a worker there."""

from pathlib import Path
from typing import Any

from compendium.run.chapters import RequestError
from compendium.run.processes import Task, run_process

CONNECT_SECONDS = 10


def connect(address: str) -> Any:
    """Return a Dask client for a scheduler address (tcp://…) or a scheduler file.

    Raises
    ------
    RequestError : no scheduler answers there, or it has no workers.
    """
    from distributed import Client

    where = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    if "scheduler_file" in where and not Path(address).exists():
        raise RequestError(f'A scheduler file must exist. Given "{address}".')
    try:
        client = Client(**where, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RequestError(f'No Dask scheduler answers at "{address}" ({reason}).') from None
    if not client.nthreads():
        client.close()
        raise RequestError(f'The Dask scheduler at "{address}" has no workers.')
    return client


def run_on_cluster(client: Any, task: Task) -> str | None:
    """Run a task on the cluster and return None, or in one line why it did not finish.

    A worker that is lost is replaced by another one, which starts the chapter again from nothing.
    """
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    try:
        return client.submit(_run_here, task, pure=False).result()
    except KilledWorker:
        return "several cluster workers died while executing it"
    except (CommClosedError, FutureCancelledError, OSError, TimeoutError) as error:
        return f"the cluster was lost ({type(error).__name__}): {' '.join(str(error).split())[:200]}"


def _run_here(task: Task) -> str | None:
    if not Path(task.content["path"]).exists():
        return "the cluster's worker does not see this folder: chapters need a shared file system"
    return run_process(task)
