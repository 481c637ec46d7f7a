import os
import time

import pytest

from compendium.base.parallel import ClusterError, parallel_map


def slow_square(x):
    time.sleep(0.02 * (x % 3))
    return x * x


def fail_on_three(x):
    if x == 3:
        raise ValueError("three is refused")
    return x


def process_id(_):
    time.sleep(0.05)
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs):
    assert list(parallel_map(slow_square, range(12), jobs)) == [x * x for x in range(12)]


def test_other_processes_do_the_work():
    seen = set(parallel_map(process_id, range(6), 2))
    assert os.getpid() not in seen


def test_an_error_of_an_item_reaches_the_caller():
    with pytest.raises(ValueError, match="three is refused"):
        list(parallel_map(fail_on_three, range(6), 2))


def test_items_are_taken_as_they_are_needed():
    taken = []

    def items():
        for i in range(1000):
            taken.append(i)
            yield i

    first = next(iter(parallel_map(abs, items())))
    assert first == 0 and len(taken) < 10


def test_zero_jobs_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        parallel_map(abs, [1], 0)


def test_a_cluster_that_is_not_there_is_said():
    with pytest.raises(ClusterError, match="must exist"):
        list(parallel_map(abs, [1], cluster="/nowhere/scheduler.json"))


def test_dask_gives_the_same_in_the_same_order():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        assert list(parallel_map(slow_square, range(8), cluster=cluster.scheduler_address)) == [
            x * x for x in range(8)
        ]
