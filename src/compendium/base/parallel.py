"""One ordered parallel map: in this process, in several processes, or on a Dask cluster.

The results come in the order of the items whatever the executor, and a function sees one item at a time:
what is computed cannot depend on where.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 3  # items handed out per worker before the first is taken back: enough to keep it busy
CONNECT_SECONDS = 10
SINGLE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
PR_SET_PDEATHSIG = 1


class ClusterError(ValueError):
    """No Dask scheduler with workers answers at the address, or it was lost on the way."""


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int = 1,
    cluster: str | None = None,
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in order.

    Parameters
    ----------
    function : callable
        For ``jobs > 1`` and clusters it must be importable (a function of a module, or a partial of one).
    items : iterable
    jobs : int
        Processes; 1 computes in this one.
    cluster : str, optional
        Address of a Dask scheduler (``tcp://…``) or path of a scheduler file; `jobs` is then ignored.

    Raises
    ------
    ValueError
        With fewer than one job.
    ClusterError
        If no scheduler with workers answers.

    Examples
    --------
    >>> list(parallel_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1. Given {jobs}.")
    if cluster:
        return _on_cluster(function, items, cluster)
    if jobs == 1:
        return map(function, items)
    return _in_processes(function, items, jobs)


def _in_processes(function: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")  # no locks or threads of this process are inherited
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(os.getpid(),)) as pool:
        yield from _windowed(lambda item: pool.submit(function, item), items, AHEAD * jobs)


def _on_cluster(function: Callable[[Item], Result], items: Iterable[Item], address: str) -> Iterator[Result]:
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    client = _connect(address)
    try:
        ahead = AHEAD * max(1, sum(client.nthreads().values()))
        yield from _windowed(lambda item: client.submit(function, item, pure=False), items, ahead)
    except (FutureCancelledError, CommClosedError, KilledWorker) as error:
        reason = (
            " ".join(str(error).split()).partition("reason: ")[2].partition(". ")[0] or type(error).__name__
        )
        raise ClusterError(f"The cluster was lost: {reason}") from None
    finally:
        client.close()


def _windowed(submit: Callable[[Item], Any], items: Iterable[Item], ahead: int) -> Iterator[Any]:
    """Results in order, with at most `ahead` items handed out: neither items nor results pile up."""
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(submit(item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _connect(address: str) -> Any:
    from distributed import Client

    for name in ("distributed.client", "distributed.core", "distributed.utils"):
        logging.getLogger(name).setLevel(
            logging.CRITICAL
        )  # what matters of a lost connection is raised, in one line
    file = address.endswith(".json")
    if file and not Path(address).exists():
        raise ClusterError(f"A scheduler file must exist. Given '{address}'.")
    try:
        where = {"scheduler_file": address} if file else {"address": address}
        client = Client(**where, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClusterError(f"A Dask scheduler must answer. Given '{address}' ({reason}).") from None
    if not client.nthreads():
        client.close()
        raise ClusterError(f"A Dask scheduler must have workers. Given '{address}' with none.")
    return client


def _begin(parent: int) -> None:
    """Start of a worker process: one thread each, no interrupts of its own, and no life after its parent."""
    os.environ.update(dict.fromkeys(SINGLE_THREAD, "1"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
