"""Which tests would still pass if a function of the statistics returned its input?

    python tests/find_weak.py [FUNCTION…]

Each public function of `compendium.statistics` is replaced, in a process of its own, by one that returns its first
argument; then the unit tests that call it are run. Those that still pass are printed; `tests/WEAK.md` says why each
of them may stay. Takes some minutes; POSIX only (fork).
"""

import ast
import contextlib
import importlib
import io
import os
import pkgutil
import re
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UNIT = ROOT / "tests" / "unit" / "statistics"
SECONDS = 60  # of processor time for the tests of one function
BY_TABLE = {"test_awkward.py"}  # calls every method through one table


def public_functions():
    """Name and module of every public function."""
    package = importlib.import_module("compendium.statistics")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"compendium.statistics.{info.name}")
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield node.name, module


def tests_that_name(function):
    """Node ids of the test functions whose own text calls the function."""
    for path in sorted(UNIT.glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if path.name in BY_TABLE or function not in text:
            continue
        body_of_file = ast.parse(text).body
        if any(isinstance(node, ast.FunctionDef) and node.name == function for node in body_of_file):
            continue  # the file has a function of its own by that name
        for node in body_of_file:
            named = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
            body = "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
            if named and re.search(rf"\b{function}\(", body):
                yield f"{path}::{node.name}"


def replace(name, module):
    """Put a function that returns its first argument wherever the package holds the real one."""
    real = getattr(module, name)

    def returns_its_input(*given, **named):
        return given[0] if given else next(iter(named.values()), None)

    for other in [m for key, m in sys.modules.items() if key.startswith("compendium")]:
        for key, value in list(vars(other).items()):
            if value is real:
                setattr(other, key, returns_its_input)


class Passed:
    """Collects the tests that passed in every one of their cases."""

    def __init__(self):
        self.outcome = {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("[")[0].split("/")[-1]
        if report.when == "call" or report.failed:
            self.outcome[name] = self.outcome.get(name, True) and report.passed


def weak_tests(name, module):
    """Run in a child: print the tests that pass although the function returns its input."""
    nodes = list(tests_that_name(name))
    if not nodes:
        return
    sys.stdout.flush()
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            print(f"{name}: ended after {SECONDS} s without an answer", flush=True)
        return
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # a test that loops on nonsense is ended
    replace(name, module)
    passed = Passed()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", *nodes], plugins=[passed])
    for test in sorted(test for test, always in passed.outcome.items() if always):
        print(f"{name}: {test}")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    wanted = set(sys.argv[1:])
    for function, home in list(public_functions()):
        if not wanted or function in wanted:
            weak_tests(function, home)
