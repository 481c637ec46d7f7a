"""Bootstraps and random walks give the same bits in this process, in several, and on a cluster that loses a worker."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from distributed import Client, LocalCluster

from compendium.base.parallel import ClusterError, parallel_map
from compendium.diffusion.montecarlo import simulate_displacement, simulate_signals
from compendium.diffusion.montecarlo_tissue import Tissue
from compendium.diffusion.protocols import pgse_protocol
from compendium.statistics.cluster_bootstrap import cluster_bootstrap

TISSUE = Tissue(12, 0.4, 2.0, 1.5, permeability_um_s=20)
PROTOCOL = pgse_protocol([0, 0.5, 1.5], 10, 30)


def slow_median(values):
    """A statistic that can be sent to another process."""
    time.sleep(0.002)
    return np.median(values)


@pytest.fixture(scope="module")
def dask():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster


def sample():
    rng = np.random.default_rng(5)
    return rng.normal(size=60).cumsum(), rng.integers(0, 17, size=60)


def test_a_bootstrap_does_not_depend_on_where_it_is_computed(dask):
    values, patients = sample()
    options = {"cluster": patients, "n_resamples": 600, "seed": 3}
    here = cluster_bootstrap(np.median, values, **options)
    for there in (
        cluster_bootstrap(np.median, values, **options, jobs=2),
        cluster_bootstrap(np.median, values, **options, scheduler=dask.scheduler_address),
    ):
        assert there.replicates.tobytes() == here.replicates.tobytes()
        assert there.interval == here.interval
    other = cluster_bootstrap(np.median, values, **{**options, "seed": 4}, jobs=2)
    assert other.replicates.tobytes() != here.replicates.tobytes()


def test_random_walks_do_not_depend_on_where_they_are_traced(dask):
    here = simulate_signals(TISSUE, [PROTOCOL], walkers=1600, seed=7)[0]
    for options in ({"jobs": 2}, {"scheduler": dask.scheduler_address}, {"threads": 2}):
        there = simulate_signals(TISSUE, [PROTOCOL], walkers=1600, seed=7, **options)[0]
        assert there.signal.tobytes() == here.signal.tobytes()
        assert there.error.tobytes() == here.error.tobytes()
    assert (
        simulate_signals(TISSUE, [PROTOCOL], walkers=1600, seed=8)[0].signal.tobytes()
        != here.signal.tobytes()
    )


def test_displacements_do_not_depend_on_where_they_are_traced(dask):
    here = simulate_displacement(TISSUE, [5.0, 20.0], walkers=1100, seed=2)
    there = simulate_displacement(TISSUE, [5.0, 20.0], walkers=1100, seed=2, scheduler=dask.scheduler_address)
    assert there.adc.tobytes() == here.adc.tobytes()
    assert there.inside_share.tobytes() == here.inside_share.tobytes()


def test_a_bootstrap_outlives_a_worker_that_is_killed(dask):
    values, patients = sample()
    here = cluster_bootstrap(np.median, values, cluster=patients, n_resamples=1500)
    with Client(dask.scheduler_address) as client:
        victims = list(client.run(os.getpid).values())
    threading.Timer(0.7, os.kill, (victims[0], signal.SIGKILL)).start()
    began = time.monotonic()
    there = cluster_bootstrap(
        slow_median, values, cluster=patients, n_resamples=1500, scheduler=dask.scheduler_address
    )
    assert time.monotonic() - began > 0.7  # the worker died while it was at work
    assert there.replicates.tobytes() == here.replicates.tobytes()


def test_a_scheduler_that_is_not_there_is_said_in_a_line():
    values, patients = sample()
    with pytest.raises(ClusterError, match=r"must answer\. Given 'tcp://127\.0\.0\.1:9'") as refused:
        cluster_bootstrap(np.median, values, cluster=patients, n_resamples=300, scheduler="tcp://127.0.0.1:9")
    assert "\n" not in str(refused.value)


def test_a_scheduler_that_dies_on_the_way_is_said_in_a_line(tmp_path):
    file = tmp_path / "scheduler.json"
    base = [sys.executable, "-m", "dask"]
    where = ["--scheduler-file", str(file), "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen([*base, "scheduler", "--host", "127.0.0.1", "--port", "0", *where], **quiet)
    wait_for(file.exists)
    worker = subprocess.Popen(
        [*base, "worker", *where, "--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path)],
        **quiet,
    )
    try:
        with Client(scheduler_file=str(file), timeout=20) as client:
            client.wait_for_workers(1, timeout=30)
        threading.Timer(1.5, scheduler.kill).start()
        with pytest.raises(ClusterError, match="The cluster was lost: scheduler-connection-lost"):
            list(parallel_map(time.sleep, [0.5] * 20, cluster=str(file)))
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def wait_for(condition, seconds=30):
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()
