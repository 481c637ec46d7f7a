"""Broken and hostile input ends in one line, exit code 2, and nothing half-written; the book's table is what came out.

With COMPENDIUM_FAULTS set to a path, what was said is written there: `data/derived/faults/faults.json` is made so.
"""

import importlib.util
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from compendium.run.chapters import find_chapter

_spec = importlib.util.spec_from_file_location("fault_cases", Path(__file__).with_name("fault_cases.py"))
cases = importlib.util.module_from_spec(_spec)
sys.modules["fault_cases"] = cases
_spec.loader.exec_module(cases)

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "data" / "derived" / "faults" / "faults.json"
SECONDS = 30  # wall clock; a case that hangs would never end otherwise
FOUND = []


@pytest.fixture(scope="module", autouse=True)
def write_table():
    yield
    target = os.environ.get("COMPENDIUM_FAULTS")
    if target:
        Path(target).write_text(
            json.dumps({"faults": FOUND}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


@pytest.fixture(scope="module")
def server():
    """A server on this machine whose paths misbehave in a known way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body, status, length = {
                "/table": (cases.TABLE_BYTES, 200, None),
                "/page": (b"<!DOCTYPE html><html></html>", 200, None),
                "/short": (cases.TABLE_BYTES[:100], 200, len(cases.TABLE_BYTES)),
                "/loop": (b"", 302, None),
            }.get(self.path, (b"", 404, None))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            if status == 302:
                self.send_header("Location", "/loop")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Return a function that gives a command line to the program and returns exit code and what it said."""
    from compendium.cli import app

    monkeypatch.setenv("COMPENDIUM_BUILD", str(tmp_path / "build"))
    monkeypatch.chdir(tmp_path)

    def run(arguments):
        signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(SECONDS)
        try:
            done = CliRunner().invoke(app, arguments)
        finally:
            signal.alarm(0)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stderr.strip()

    return run


def _too_long(*_):
    raise TimeoutError(f"A case must end within {SECONDS} s.")


def landmarks_input():
    inputs = find_chapter("schroers2026/01").inputs.values()
    return next(i.name for i in inputs if i.kind == "landmarks")


@pytest.mark.parametrize("fault", cases.FAULTS, ids=lambda f: f"{f.topic}: {f.given}")
def test_what_cannot_be_used_is_refused_in_one_line(fault, said, server, tmp_path, monkeypatch):
    folder = tmp_path / "given"
    folder.mkdir()
    arguments = [
        a.replace("LANDMARKS", landmarks_input()) if a.startswith("LANDMARKS=") else a
        for a in fault.make(folder)
    ]
    own = folder / "data" / "manifest.yaml"
    if own.is_file():
        own.write_text(own.read_text().replace("SERVER", server))
        monkeypatch.setenv("COMPENDIUM_ROOT", str(folder))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
    if (folder / "build").is_file():
        monkeypatch.setenv("COMPENDIUM_BUILD", str(folder / "build" / "below"))
    if "--template" in arguments:
        (tmp_path / "examinations.csv").write_text("mine")
    code, text = said(arguments)
    assert code == fault.code, text
    keep(fault, arguments, code, text, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE")
@pytest.mark.parametrize("fault", cases.DISKS, ids=lambda f: f.given)
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing_finished(fault, tmp_path, server):
    folder = tmp_path / "given"
    folder.mkdir()
    arguments = fault.make(folder)
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT / "src"), "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1", "COMPENDIUM_BUILD": str(tmp_path / "build"),
    }  # fmt: skip
    own = folder / "data" / "manifest.yaml"
    if own.is_file():
        own.write_text(own.read_text().replace("SERVER", server))
        environment |= {"COMPENDIUM_ROOT": str(folder), "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-m", "compendium", *arguments], env=environment,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (cases.ROOM, cases.ROOM)),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert not list((tmp_path / "build").rglob("*.csv"))
    keep(fault, arguments, done.returncode, done.stderr.strip().splitlines()[-1], tmp_path)


def keep(fault, arguments, code, text, tmp_path):
    """Hold what was said against the case and against the stored table, and keep it for the table."""
    folder = tmp_path / "given"
    *before, text = text.splitlines()
    assert not before  # nothing had begun
    assert text.startswith("error: ")
    assert code == fault.code
    assert re.search(fault.message, text), text
    assert len(text) < 700
    assert not list(tmp_path.rglob("stolen"))
    assert not list((folder / "out").rglob("*.nii*"))
    assert not list((tmp_path / "build" / "runs").rglob("*.ipynb"))
    line = text.removeprefix("error: ").replace(f"{folder}/", "").replace(f"{tmp_path}/", "")
    line = re.sub(r"127\.0\.0\.1:\d{2,}", "127.0.0.1", line)
    row = {"topic": fault.topic, "given": fault.given, "verb": arguments[0], "code": code, "said": line}
    FOUND.append(row)
    if not os.environ.get("COMPENDIUM_FAULTS"):
        stored = {
            (r["topic"], r["given"]): r for r in json.loads(STORED.read_text(encoding="utf-8"))["faults"]
        }
        assert stored[(fault.topic, fault.given)] == row


def test_the_stored_table_has_every_case_and_no_other():
    stored = [(r["topic"], r["given"]) for r in json.loads(STORED.read_text(encoding="utf-8"))["faults"]]
    assert sorted(stored) == sorted((f.topic, f.given) for f in [*cases.FAULTS, *cases.DISKS])
    assert len(stored) >= 60
