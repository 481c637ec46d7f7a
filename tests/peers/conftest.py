"""Values made by R: stored beside the script that made them, made again where R is installed, compared and listed.

Every comparison goes through the fixture `agree`, which asserts it and keeps what it found. With the variable
COMPENDIUM_AGREEMENT set to a path, the session writes all of it there; the page "Statistics" of the book is made
from that file (`data/derived/statistics/agreement.json`).
"""

import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

HERE = Path(__file__).parent
collect_ignore = ["ro_crate.py"]  # runs in an environment of its own
# relative; another build of R or LAPACK differs in the last digits, another method in the first. A script that ends in a
# numerical optimiser, or draws random numbers inside a package, says so and asks for more.
RERUN_TOLERANCE = 1e-9
FOUND = pytest.StashKey[dict]()
NO_PACKAGE = "there is no package called"


@pytest.fixture(scope="session")
def peer():
    """Return a function that reads ``tests/peers/<name>.json``."""
    return _read_peer


def _read_peer(name):
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def rerun_r(tmp_path):
    """Return a function that runs ``tests/peers/<name>.R`` again and returns its values; skips without R."""

    def run(name):
        rscript = shutil.which("Rscript")
        if rscript is None:
            _skip_or_fail("Rscript must be installed. Given none on PATH.")
        out = tmp_path / f"{name}.json"
        done = subprocess.run(
            [rscript, "--vanilla", str(HERE / f"{name}.R"), str(out)], capture_output=True, text=True
        )
        if done.returncode and NO_PACKAGE in done.stderr:
            _skip_or_fail(f"{name}.R: {done.stderr[done.stderr.index(NO_PACKAGE) :].splitlines()[0]}")
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(out.read_text(encoding="utf-8"))

    return run


def _skip_or_fail(reason):
    """R is optional on a person's computer and not in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def assert_same():
    """Return a function that compares two peer files value by value; versions are not compared."""

    def compare(stored, made, path="values", rel=RERUN_TOLERANCE, atol=1e-12):
        if isinstance(stored, dict):
            assert sorted(stored) == sorted(made), path
            for key in stored:
                if key != "versions":
                    compare(stored[key], made[key], f"{path}.{key}", rel, atol)
        elif isinstance(stored, list):
            assert len(stored) == len(made), path
            for i, (a, b) in enumerate(zip(stored, made, strict=True)):
                compare(a, b, f"{path}[{i}]", rel, atol)
        elif isinstance(stored, float) or isinstance(made, float):
            close = math.isclose(float(stored), float(made), rel_tol=rel, abs_tol=atol)
            assert close, f"{path}: stored {stored}, made {made}"
        else:
            assert stored == made, path

    return compare


@pytest.fixture
def agree(request):
    """Return a function that asserts that our values equal those of a peer, and keeps what it found.

    ``agree(method, ours, theirs, rel=…, atol=…, why=…)``: numbers or arrays of one shape; |ours − theirs| may reach
    ``atol`` or ``rel``·|theirs|, whichever is larger, and ``why`` says why that much; nothing is allowed without it.
    ``method`` is a key of the module's METHODS: (functions, convention, peer[, known disagreement]), the
    peer written ``package::function``, or anything else for base R, or ``printed: …``.
    """
    module, found = request.module, request.config.stash.setdefault(FOUND, {})

    def compare(method, ours, theirs, *, rel=0.0, atol=0.0, why=""):
        a, b = (np.asarray(v, dtype=float) for v in (ours, theirs))
        assert a.shape == b.shape, f"{method}: shapes {a.shape} and {b.shape}"
        assert why or not (rel or atol), f"{method}: a tolerance needs a reason"
        a, b = a.ravel(), b.ravel()
        assert a.size, method
        assert (np.isnan(a) == np.isnan(b)).all(), f"{method}: {a} against {b}"
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = np.where(np.isnan(a) | (a == b), 0.0, np.abs(a - b))
            relative = np.where(gap == 0, 0.0, gap / np.abs(b))
        allowed = np.maximum(rel * np.abs(b), atol)
        relative = relative[
            rel * np.abs(b) >= atol
        ]  # near zero, and where digits were printed, only the absolute one says anything
        worst = int(np.argmax(gap - allowed))
        assert (gap <= allowed).all(), (
            f"{method}: ours {a[worst]!r}, theirs {b[worst]!r}, allowed {allowed[worst]:.3g}"
        )
        _keep(
            found,
            module,
            method,
            a.size,
            gap.max(),
            relative,
            {"relative": rel, "absolute": atol, "reason": why},
        )

    return compare


def _keep(found, module, method, values, absolute, relative, tolerance):
    functions, convention, peer, *known = module.METHODS[method]
    row = found.setdefault(
        (module.TOPIC, method),
        {"topic": module.TOPIC, "method": method, "functions": functions.split(", "), "convention": convention,
         "peer": peer, "version": _version(module, peer), "values": 0, "largest_absolute": 0.0, "largest_relative": 0.0,
         "tolerances": [], "known": known[0] if known else "", "tests": Path(module.__file__).name,
            "place": list(module.METHODS).index(method)},
    )  # fmt: skip
    row["values"] += int(values)
    row["largest_absolute"] = max(row["largest_absolute"], float(absolute))
    row["largest_relative"] = max(row["largest_relative"], float(relative.max(initial=0.0)))
    if tolerance not in row["tolerances"]:
        row["tolerances"].append(tolerance)


def _version(module, peer):
    """R and package with versions, from the peer file of the module: test_<name>_r.py reads <name>.json."""
    if peer.startswith("printed"):
        return ""
    versions = _read_peer(Path(module.__file__).stem.removeprefix("test_").removesuffix("_r"))["versions"]
    package = peer.split("::")[0] if "::" in peer else ""
    return f"R {versions['R']}" + (f", {package} {versions[package]}" if package else "")


def pytest_sessionfinish(session):
    """Write what the comparisons found, if asked to."""
    target = os.environ.get("COMPENDIUM_AGREEMENT")
    if not target or hasattr(session.config, "workerinput"):
        return
    found = session.config.stash.get(FOUND, {}).values()
    rows = sorted(found, key=lambda row: (row["topic"], row["tests"], row.pop("place")))
    for row in rows:
        row["tolerances"].sort(key=lambda item: (item["relative"], item["absolute"], item["reason"]))
        for key in ("largest_absolute", "largest_relative"):
            row[key] = round_up(row[key])
    planted = yaml.safe_load((HERE / "planted.yaml").read_text(encoding="utf-8"))["planted"]
    text = {
        "about": "Statistics beside their peers. The tests write this file; no code or person writes into it otherwise.",
        "recipe": "COMPENDIUM_AGREEMENT=data/derived/statistics/agreement.json python -m pytest tests/peers -m 'not r'",
        "comparisons": rows,
        "planted": planted,
    }
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def round_up(value):
    """Return a difference rounded up to two significant digits."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / step - 1e-9) * step:.1e}")
