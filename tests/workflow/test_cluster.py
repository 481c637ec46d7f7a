"""Chapters on a Dask cluster give the bytes of a local run, and a lost cluster is said in a line."""

import shutil
import subprocess
import sys
import time

import pytest


@pytest.fixture
def cluster(toy, tmp_path):
    """A scheduler and one worker on this machine; the worker can be killed."""
    scheduler_file = tmp_path / "scheduler.json"
    common = {
        "env": toy.environment(),
        "cwd": tmp_path,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    dask = [sys.executable, "-m", "dask"]
    arguments = [
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(scheduler_file),
    ]
    scheduler = subprocess.Popen([*dask, *arguments], **common)
    workers: list[subprocess.Popen] = []

    def add_worker() -> subprocess.Popen:
        arguments = [
            "worker",
            "--scheduler-file",
            str(scheduler_file),
            "--no-dashboard",
            "--no-nanny",
            "--nthreads",
            "1",
        ]
        workers.append(subprocess.Popen([*dask, *arguments, "--local-directory", str(tmp_path)], **common))
        return workers[-1]

    deadline = time.monotonic() + 30
    while not scheduler_file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield scheduler_file, add_worker
    for process in [*workers, scheduler]:
        process.kill()
        process.wait()


def run_when_workers_are_there(toy, *arguments):
    for _ in range(20):
        done = toy.run(*arguments)
        if "has no workers" not in done.stderr:
            return done
        time.sleep(0.5)
    return done


def test_a_cluster_gives_the_same_bytes_and_survives_the_loss_of_a_worker(toy, cluster):
    scheduler_file, add_worker = cluster
    toy.plain_chapter("02_second", "import time; time.sleep(4)")
    assert toy.run("run").returncode == 0
    local = {
        c: toy.published("notebooks", c, ".ipynb").read_bytes()
        for c in ("toy2025/01_first", "toy2025/02_second")
    }
    shutil.rmtree(toy.build)
    first = add_worker()
    process = subprocess.Popen(
        ["bash", "-c", 'for i in $(seq 20); do "$@" && exit 0; sleep 0.5; done; exit 1', "run", *toy.command("run", "--cluster", str(scheduler_file))],
        env=toy.environment(), cwd=toy.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    started = toy.build / "runs" / "published" / "logs" / "toy2025" / "02_second.log"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (started.exists() and "cell 3" in started.read_text()):
        time.sleep(0.1)
    add_worker()
    first.kill()
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 0, out
    assert "2 executed" in out
    assert local == {c: toy.published("notebooks", c, ".ipynb").read_bytes() for c in local}


def test_a_scheduler_without_workers_is_said(toy, cluster):
    scheduler_file, _ = cluster
    done = toy.run("run", "--cluster", str(scheduler_file))
    assert done.returncode == 2
    assert "has no workers" in done.stderr and len(done.stderr.strip().splitlines()) == 1
