"""Values made by R: stored beside the script that made them, and made again where R is installed."""

import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RERUN_TOLERANCE = (
    1e-9  # relative; another build of R or LAPACK differs in the last digits, another method in the first
)


@pytest.fixture(scope="session")
def peer():
    """Return a function that reads ``tests/peers/<name>.json``."""

    def read(name):
        return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))

    return read


@pytest.fixture
def rerun_r(tmp_path):
    """Return a function that runs ``tests/peers/<name>.R`` again and returns its values; skips without R."""

    def run(name):
        rscript = shutil.which("Rscript")
        if rscript is None:
            if os.environ.get("CI") == "true":
                pytest.fail("Rscript must be installed in CI. Given none on PATH.")
            pytest.skip("R is not installed")
        out = tmp_path / f"{name}.json"
        done = subprocess.run(
            [rscript, "--vanilla", str(HERE / f"{name}.R"), str(out)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(out.read_text(encoding="utf-8"))

    return run


@pytest.fixture
def assert_same():
    """Return a function that compares two peer files value by value; versions are not compared."""

    def compare(stored, made, path="values"):
        if isinstance(stored, dict):
            assert sorted(stored) == sorted(made), path
            for key in stored:
                if key != "versions":
                    compare(stored[key], made[key], f"{path}.{key}")
        elif isinstance(stored, list):
            assert len(stored) == len(made), path
            for i, (a, b) in enumerate(zip(stored, made, strict=True)):
                compare(a, b, f"{path}[{i}]")
        elif isinstance(stored, float) or isinstance(made, float):
            close = math.isclose(float(stored), float(made), rel_tol=RERUN_TOLERANCE, abs_tol=1e-12)
            assert close, f"{path}: stored {stored}, made {made}"
        else:
            assert stored == made, path

    return compare
