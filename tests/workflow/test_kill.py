"""A run that is killed at any moment leaves nothing that looks finished and no process behind."""

import hashlib
import json
import random
import subprocess
import time

KILLS = 32


def test_killed_at_random_moments(toy):
    toy.plain_chapter("02_second", "import time; time.sleep(0.2)")
    began = time.monotonic()
    assert toy.run("run", "-j", "2").returncode == 0
    whole = time.monotonic() - began
    moments = random.Random(20).sample(range(1000), KILLS)
    finished = 0
    for i, moment in enumerate(moments):
        for sidecar in (toy.build / "runs" / "published" / "provenance").rglob("*.json"):
            sidecar.unlink()
        process = subprocess.Popen(
            toy.command("run", "-j", "2"),
            env=toy.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(whole * 1.1 * moment / 1000)
        process.kill()
        process.wait()
        assert no_process_after(toy, 2.0), f"a process survived kill {i} by 2 s"
        finished += check_finished(toy)
    assert 0 < finished < 2 * KILLS, "the moments reach before and after the end of a chapter"
    last = toy.run("run")
    assert last.returncode == 0, last.stderr
    assert check_finished(toy) == 2


def no_process_after(toy, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not toy.processes():
            return True
        time.sleep(0.05)
    return not toy.processes()


def check_finished(toy) -> int:
    """Return how many chapters count as finished, having checked that each of them really is."""
    folder = toy.build / "runs" / "published"
    finished = 0
    for path in (folder / "provenance").rglob("[!.]*.json"):
        sidecar = json.loads(path.read_text())
        files = sidecar["files"]
        assert (
            f"notebooks/{sidecar['chapter']}.ipynb" in files and f"results/{sidecar['chapter']}.json" in files
        )
        for name, digest in files.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        finished += 1
    return finished
