"""Disks that fill at the worst moment, and two commands in one folder at once: nothing that looks finished, and resumable."""

import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from compendium.io.table_text import TableError
from compendium.maps.blocks import _lock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE")
SPARE = {"PYTHONDONTWRITEBYTECODE": "1"}  # Python 3.11 keeps compiled modules that a full disk has cut off
WRITE = "import os; chapter.write('a.bin', lambda p: p.write_bytes(os.urandom(15000)), 'bytes')"
NAMED = """
from compendium.evidence.claims import load_studies
from compendium.run.chapters import find_chapter
from compendium.run.execute import Job, execute
from compendium.run.store import build_lock
with build_lock():
    print(*[o.state for o in execute([Job(find_chapter("toy2025/01"), "trial", {"factor": 3.0})], load_studies())])
"""


def with_room_for(size, command, environment, folder):
    """Run a command on a disk where no file can have more than some bytes."""
    return subprocess.run(
        command, env={**environment, **SPARE}, cwd=folder, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )  # fmt: skip


def files(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("size", "said"), [(300, "writable"), (3_000, "its files must be writable"), (9_000, "cell 4: OSError")]
)
def test_a_disk_that_fills_while_a_chapter_writes(toy, size, said):
    """Before it starts, when its notebook is stored, and in the middle of a cell."""
    toy.plain_chapter("02_second", WRITE)
    full = with_room_for(size, toy.command("run", "toy2025/02"), toy.environment(), toy.root)
    assert full.returncode in (1, 2)
    assert "Traceback" not in full.stderr
    assert said in next(line for line in full.stderr.splitlines() if "FAILED" in line)
    run = toy.build / "runs" / "published"
    for kind in ("provenance", "results", "notebooks", "figures"):
        assert not files(run / kind)
    assert not list(toy.build.rglob("*.tmp"))
    again = toy.run("run", "toy2025/02")
    assert again.returncode == 0, again.stderr
    assert "1 executed" in again.stdout


def test_a_disk_that_fills_while_a_crate_is_written(toy):
    toy.plain_chapter("02_second", WRITE)
    toy.plain_chapter("03_third", WRITE.replace("a.bin", "b.bin"))
    full = with_room_for(22_000, toy.command("run"), toy.environment(), toy.root)
    assert full.returncode == 2, full.stderr
    assert full.stderr.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in full.stderr
    run = toy.build / "runs" / "published"
    assert not list(run.glob("*crate*"))
    again = toy.run("run")
    assert again.returncode == 0
    assert "0 executed, 3 up to date" in again.stdout  # finished before the disk was full
    with zipfile.ZipFile(run / "published.crate.zip") as crate:
        assert crate.testzip() is None
        assert {n.split("/")[-1] for n in crate.namelist()} >= {"a.bin", "b.bin"}


def test_a_disk_that_fills_while_maps_are_merged_and_then_goes_on(tmp_path):
    noise = np.random.default_rng(2).uniform(0.97, 1.03, size=(30, 30, 16, 4))
    signal = 1000 * np.exp(-np.array([0, 0.5, 1.0, 2.0])) * noise
    nib.save(nib.Nifti1Image(signal.astype(np.float32), np.diag([2.0, 2, 2, 1])), tmp_path / "dwi.nii")
    (tmp_path / "p.bval").write_text("0 500 1000 2000")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "compendium", "maps", "kurtosis", "--dwi", "dwi.nii", "--protocol", "p.bval",
               "-o", "out", "-j", "1", "--slices", "2"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")}
    full = with_room_for(45_000, command, environment, tmp_path)
    assert full.returncode == 2
    assert full.stderr.splitlines()[-1] == (
        "error: what is written: must find room on the disk; then give the same command again. Given: File too large."
    )
    assert not list(out.glob("*.nii.gz"))
    assert not list(out.glob(".*.nii.gz.*"))
    assert len(list(out.rglob("block-*.npz"))) == 8
    again = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert again.returncode == 0, again.stderr
    assert again.stderr.splitlines()[0] == "block 8 of 8"  # no block is computed again
    maps = [tmp_path / name for name in again.stdout.split() if name.endswith(".nii.gz")]
    assert maps
    for path in maps:
        assert nib.load(path).get_fdata().shape == (30, 30, 16)
    assert not (out / ".blocks").exists()


def test_a_disk_that_fills_while_a_download_is_stored(tmp_path):
    table = b"patient,size\n" + b"P1,3\n" * 10_000

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(table)))
            self.end_headers()
            self.wfile.write(table)

        def log_message(self, *_):
            pass

    (tmp_path / "data").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "data" / "manifest.yaml").write_text(
            "datasets:\n  - {id: s1, study: toy2025, kind: table, evidence: author-data, source: s, file: s1.csv,\n"
            f"     url: 'http://127.0.0.1:{server.server_port}/t', sha256: {hashlib.sha256(table).hexdigest()},\n"
            "     licence: CC0, how: by hand}\n"
        )
        environment = {
            **os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"), "no_proxy": "127.0.0.1",
            "COMPENDIUM_ROOT": str(tmp_path), "COMPENDIUM_BUILD": str(tmp_path / "build"),
        }  # fmt: skip
        command = [sys.executable, "-m", "compendium", "fetch"]
        full = with_room_for(20_000, command, environment, tmp_path)
        assert full.returncode == 1
        assert full.stderr.count("\n") == 1
        assert "s1: its file must be writable" in full.stderr
        assert not files(tmp_path / "build")
        again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        server.shutdown()
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "build" / "data" / "s1.csv").read_bytes() == table


def both(commands, toy):
    """Start commands at the same time; return exit codes and outputs."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(c, env=toy.environment(), cwd=toy.root, **pipes) for c in commands]
    said = [process.communicate(timeout=120) for process in running]
    return [p.returncode for p in running], said


def test_two_runs_of_one_chapter_execute_it_once(toy):
    codes, said = both([toy.command("run", "toy2025/01")] * 2, toy)
    assert codes == [0, 0]
    counts = sorted(out.strip() for out, _ in said)
    assert counts == [
        "chapters: 0 executed, 1 up to date, 0 failed",
        "chapters: 1 executed, 0 up to date, 0 failed",
    ]
    assert toy.results()["results"]["sensitivity"]["value"] == pytest.approx(100 * 283 / 341)


def test_two_named_runs_of_one_name_execute_it_once(toy):
    codes, said = both([[sys.executable, "-c", NAMED]] * 2, toy)
    assert codes == [0, 0], said
    assert sorted(out.strip() for out, _ in said) == ["done", "fresh"]
    folder = toy.build / "runs" / "trial"
    sidecar = json.loads((folder / "provenance" / "toy2025" / "01_first.json").read_text())
    for name, digest in sidecar["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_a_book_that_is_asked_for_during_a_run_waits_for_it(toy):
    toy.plain_chapter("02_slow", "import time; time.sleep(3)")
    run = subprocess.Popen(
        toy.command("run", "toy2025/02"), env=toy.environment(), cwd=toy.root, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "runs because" in run.stderr.readline()
    book = subprocess.Popen(
        toy.command("book"), env=toy.environment(), cwd=toy.root, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert book.stderr.readline().startswith("waiting for another run")
        assert run.poll() is None
        run.communicate(timeout=60)
        assert run.returncode == 0
    finally:
        book.kill()
        book.communicate()
    assert toy.published("results", "toy2025/02_slow").is_file()


def test_maps_are_never_written_by_two_at_once(tmp_path):
    inside, most, refused, done = [0], [0], [], []

    def enter():
        for _ in range(300):
            try:
                with _lock(tmp_path):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    time.sleep(0)
                    inside[0] -= 1
                done.append(1)
            except TableError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert done
    assert all("two runs at once" in text for text in refused)
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("place", ["file/build", "/proc/compendium", "/dev/null/build"])
@pytest.mark.parametrize("verb", [["run", "toy2025/01"], ["check"], ["book"]])
def test_a_build_folder_that_cannot_be_made_is_said_in_one_line(toy, place, verb):
    (toy.root / "file").write_text("in the way")
    where = place if place.startswith("/") else str(toy.root / place)
    done = toy.run(*verb, COMPENDIUM_BUILD=where)
    assert "Traceback" not in done.stderr
    if verb == ["check"]:  # needs nothing written: it says what is missing
        assert done.returncode == 1
    else:
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
