"""Executing chapters: each test shows the failure that a property of the runner prevents."""

import json
import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest


def test_an_unchanged_chapter_does_not_run_again(toy):
    assert "1 executed" in toy.run("run").stdout
    before = toy.published("provenance").read_bytes()
    assert "0 executed, 1 up to date" in toy.run("run").stdout
    assert toy.published("provenance").read_bytes() == before


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: edit(t.first, "Sensitivity {", "Its sensitivity {"), "source changed"),
        (lambda t: edit(t.first, "factor: float = 2.0", "factor: float = 3.0"), "parameters changed: factor"),
        (lambda t: edit(t.claims, 'printed: "283"', 'printed: "284"'), "claims changed: toy2025/tp"),
        (
            lambda t: edit(t.published("results"), "82.99", "83.99"),
            "results/toy2025/01_first.json was changed after the run",
        ),
        (
            lambda t: t.published("notebooks", suffix=".ipynb").unlink(),
            "notebooks/toy2025/01_first.ipynb is missing",
        ),
        (
            lambda t: write(t.root / "data" / "derived" / "toy2025" / "grid.csv", "x"),
            "data changed: derived/toy2025/grid.csv",
        ),
        (
            lambda t: write(t.root / "data" / "predictions" / "toy2025-01.yaml", "x"),
            "data changed: predictions/toy2025-01.yaml",
        ),
        (lambda t: t.published("provenance").unlink(), "no finished result"),
        (lambda t: t.published("provenance").write_text("{"), "no finished result"),
    ],
)
def test_a_stale_chapter_runs_and_says_why(toy, change, reason):
    toy.run("run")
    change(toy)
    second = toy.run("run")
    assert "toy2025/01_first: runs because: " in second.stderr
    assert reason in second.stderr
    assert "1 executed" in second.stdout
    assert "0 executed" in toy.run("run").stdout


def test_a_claim_that_the_chapter_does_not_read_leaves_it_alone(toy):
    toy.run("run")
    edit(toy.claims, 'printed: "83.0"', 'printed: "83.1"')
    assert "0 executed, 1 up to date" in toy.run("run").stdout


def test_a_change_of_the_package_reruns_only_chapters_that_import_it(toy, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(
        Path(toy.environment()["PYTHONPATH"]), source, ignore=shutil.ignore_patterns("__pycache__")
    )
    toy.run("run", PYTHONPATH=str(source))
    (source / "compendium" / "cli.py").open("a").write("\n# not imported by a chapter\n")
    assert "0 executed" in toy.run("run", PYTHONPATH=str(source)).stdout
    (source / "compendium" / "evidence" / "quantity.py").open("a").write(
        "\n# imported through the recorder\n"
    )
    second = toy.run("run", PYTHONPATH=str(source))
    assert "package changed: compendium.evidence.quantity" in second.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('first\\nsecond')", "ValueError: first second"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("import os; os._exit(0)", "cell 4"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "cell 4"),
        ("chapter.save = lambda: None", "there are no results"),
        ("chapter.derive('twice', lambda v: v, chapter.printed('tp'))", "recorded once"),
        ("chapter.printed('nothing')", "must be a claim"),
    ],
)
def test_a_chapter_that_does_not_end_well_counts_for_nothing(toy, code, message):
    toy.plain_chapter("02_second", code)
    done = toy.run("run")
    assert done.returncode == 1
    assert "FAILED" in done.stderr and message in done.stderr
    assert len([line for line in done.stderr.splitlines() if "FAILED" in line]) == 1
    assert "Traceback" not in done.stderr
    assert toy.published("provenance").exists(), "the other chapter is not affected"
    assert not toy.published("provenance", "toy2025/02_second").exists()
    assert not toy.published("notebooks", "toy2025/02_second", ".ipynb").exists()
    assert toy.run("check").returncode == 1


def test_a_failure_withdraws_the_old_result(toy):
    second = toy.plain_chapter("02_second", "pass")
    assert toy.run("run").returncode == 0
    edit(second, "pass", "1 / 0")
    assert toy.run("run").returncode == 1
    assert not toy.published("provenance", "toy2025/02_second").exists()
    assert "missing result: toy2025/02_second" in toy.run("check").stdout


def test_each_chapter_has_a_log_with_what_it_printed_and_its_traceback(toy):
    toy.plain_chapter("02_second", "import sys; print('to the log', file=sys.stderr); 1 / 0")
    toy.run("run")
    log = (toy.build / "runs" / "published" / "logs" / "toy2025" / "02_second.log").read_text(
        encoding="utf-8"
    )
    assert "to the log" in log and "ZeroDivisionError" in log and "cell 4 of 5" in log


def test_a_chapter_over_its_time_limit_is_ended(toy):
    toy.plain_chapter("02_second", "import time\nfor _ in range(600): time.sleep(0.1)")
    began = time.monotonic()
    done = toy.run("run", "toy2025/02", "--time-limit", "4")
    assert time.monotonic() - began < 15
    assert done.returncode == 1
    assert "longer than its limit of 4 s, in cell 4" in done.stderr
    wait_until(lambda: not toy.processes(), 2)


def test_notebooks_and_results_have_the_same_bytes_at_any_number_of_workers(toy):
    toy.plain_chapter(
        "02_second", "print(object()); import sys; print('a'); print('b', file=sys.stderr); print('c')"
    )
    toy.plain_chapter("03_third", "chapter.say('{twice}')")
    seen = []
    for workers in ("1", "3"):
        shutil.rmtree(toy.build, ignore_errors=True)
        assert toy.run("run", "-j", workers).returncode == 0
        files = [
            p
            for kind in ("notebooks", "results")
            for p in sorted((toy.build / "runs" / "published" / kind).rglob("*.*"))
        ]
        seen.append({p.relative_to(toy.build): p.read_bytes() for p in files})
    assert len(seen[0]) == 6
    assert seen[0] == seen[1]


def test_settings_of_the_user_do_not_reach_a_chapter(toy, tmp_path):
    home = tmp_path / "home"
    startup = home / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("leaked = 1\n")
    (home / ".config" / "matplotlib").mkdir(parents=True)
    (home / ".config" / "matplotlib" / "matplotlibrc").write_text("lines.linewidth: 17\n")
    (home / "matplotlibrc").write_text("lines.linewidth: 18\n")
    code = (
        "import os, matplotlib\nassert 'leaked' not in globals()\n"
        "assert matplotlib.rcParamsDefault['lines.linewidth'] not in (17.0, 18.0)\n"
        "import matplotlib.pyplot as plt; assert plt.rcParams['lines.linewidth'] < 5\n"
        "assert os.environ['PYTHONNOUSERSITE'] == '1' and os.environ['OMP_NUM_THREADS'] == '1'"
    )
    toy.plain_chapter("02_second", code)
    done = toy.run(
        "run", HOME=str(home), IPYTHONDIR=str(home / ".ipython"), MPLCONFIGDIR=str(home / ".config" / "matplotlib"),
        MATPLOTLIBRC=str(home), JUPYTER_CONFIG_DIR=str(home), OMP_NUM_THREADS="7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_two_runs_in_one_folder_wait_for_each_other(toy):
    toy.plain_chapter("02_second", "import time; time.sleep(3)")
    first = subprocess.Popen(
        toy.command("run"), env=toy.environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    wait_until(
        lambda: (toy.build / ".lock").exists() and (toy.build / ".lock").read_text() == str(first.pid), 20
    )
    second = toy.run("run")
    assert f"waiting for another run (process {first.pid})" in second.stderr
    assert second.returncode == 0 and "0 executed, 2 up to date" in second.stdout
    out, _ = first.communicate(timeout=30)
    assert first.returncode == 0 and "2 executed" in out


def test_a_terminal_sees_a_bar_and_a_pipe_sees_plain_lines(toy):
    toy.plain_chapter("02_second", "import time; time.sleep(1)")
    main, side = pty.openpty()
    process = subprocess.Popen(
        toy.command("run"), env=toy.environment(TERM="xterm", COLUMNS="120"), stdout=side, stderr=side
    )
    os.close(side)
    seen = b""
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(main)
    assert process.wait(timeout=60) == 0
    assert "━".encode() in seen and b"/5" in seen
    shutil.rmtree(toy.build)
    plain = toy.run("run")
    assert "━" not in plain.stderr and "\x1b" not in plain.stderr
    assert "toy2025/02_second: done in" in plain.stderr


def test_interrupting_a_run_ends_its_processes(toy):
    toy.plain_chapter("02_second", "import time; time.sleep(60)")
    process = subprocess.Popen(
        toy.command("run", "toy2025/02"), env=toy.environment(), stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(toy.processes()) >= 3, 20)
    process.send_signal(2)
    process.wait(timeout=10)
    wait_until(lambda: not toy.processes(), 2)
    assert process.returncode != 0


def test_the_package_versions_and_the_reason_stand_in_the_sidecar_not_in_the_notebook(toy):
    toy.run("run")
    sidecar = json.loads(toy.published("provenance").read_text())
    assert sidecar["reason"] == "no finished result"
    assert sidecar["packages"]["numpy"] and sidecar["seconds"] > 0 and sidecar["started"].startswith("20")
    notebook = toy.published("notebooks", suffix=".ipynb").read_text()
    assert sidecar["started"][:10] not in notebook and str(toy.root) not in notebook


def test_plain_papermill_executes_a_chapter(toy, tmp_path):
    notebook, out = tmp_path / "first.ipynb", tmp_path / "out.ipynb"
    tool = [sys.executable, "-m"]
    subprocess.run(
        [*tool, "jupytext", "--to", "ipynb", "-o", str(notebook), str(toy.first)],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [*tool, "papermill", str(notebook), str(out), "-p", "factor", "5"],
        check=True,
        capture_output=True,
        env=toy.environment(),
    )
    assert "factor 5" in out.read_text()
    assert (
        json.loads((toy.build / "plain" / "toy2025/01_first" / "results.json").read_text())["results"][
            "sensitivity"
        ]["value"]
        > 82
    )


def wait_until(condition, seconds: float) -> None:
    """Wait for a condition, failing after a bounded time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    assert condition(), f"not within {seconds} s"
