"""The stored comparisons are those that the tests make, and no method is left out of them."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STORED = ROOT / "data" / "derived" / "statistics" / "agreement.json"
UNIT = ROOT / "tests" / "unit" / "statistics"
FEASIBILITY = ROOT / "src" / "compendium" / "evidence" / "feasibility"
NOISE = 1e-10  # below it a difference is rounding, and rounding is another on every type of processor
DECADE = 10.0  # above it, numerical optimisers end within a decade of each other


@pytest.fixture(scope="module")
def stored():
    return json.loads(STORED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def planted():
    return yaml.safe_load((HERE / "planted.yaml").read_text(encoding="utf-8"))


def rounded_alike(a, b):
    return max(a, b) <= NOISE or (min(a, b) > 0 and max(a, b) / min(a, b) <= DECADE)


def test_stored_comparisons_are_what_the_tests_find(stored, tmp_path):
    target = tmp_path / "agreement.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-m",
        "not r",
    ]
    done = subprocess.run(
        [*command, *map(str, sorted(HERE.glob("test_*_r.py")))],
        cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "COMPENDIUM_AGREEMENT": str(target), "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    found = json.loads(target.read_text(encoding="utf-8"))
    again = f"{STORED.relative_to(ROOT)} must equal what the tests find. Make it again: {found['recipe']}"
    assert stored["planted"] == found["planted"], again
    assert [row["method"] for row in stored["comparisons"]] == [
        row["method"] for row in found["comparisons"]
    ], again
    for old, new in zip(stored["comparisons"], found["comparisons"], strict=True):
        for key in old.keys() | new.keys():
            if key.startswith("largest_"):
                assert rounded_alike(old[key], new[key]), (
                    f"{old['method']}: {key} {old[key]}, now {new[key]}. {again}"
                )
            else:
                assert old[key] == new[key], f"{old['method']}: {key}. {again}"


def test_decades_are_told_apart():
    assert rounded_alike(1e-15, 0.0) and rounded_alike(2e-6, 9e-6)
    assert not rounded_alike(2e-6, 9e-5) and not rounded_alike(0.0, 1e-5)


def test_every_planted_truth_is_a_test(planted):
    for row in planted["planted"]:
        file, _, name = row["test"].partition("::")
        assert f"def {name}(" in (UNIT / file).read_text(encoding="utf-8"), row["test"]


def public_functions(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")}


@pytest.fixture(scope="module")
def named_in_tests():
    return set(
        re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in UNIT.glob("test_*.py")))
    )


def test_every_method_of_the_package_has_a_peer_or_a_planted_truth(stored, planted, named_in_tests):
    listed = {name for row in stored["comparisons"] + stored["planted"] for name in row["functions"]}
    feasibility = set().union(*(public_functions(module) for module in FEASIBILITY.glob("*.py")))
    assert {
        name for row in stored["planted"] if row["topic"] == "Printed numbers" for name in row["functions"]
    } <= feasibility
    listed -= feasibility
    known = listed | set(planted["plumbing"])
    modules = sorted((ROOT / "src" / "compendium" / "statistics").glob("*.py"))
    every = {module.stem: public_functions(module) for module in modules}
    assert not listed - set().union(*every.values()), "listed, but no longer in the package"
    assert not set(planted["plumbing"]) & listed
    assert set(planted["topics"]) <= set(every)
    unlisted = {stem: names - known for stem, names in every.items()}
    missing = {f"{stem}.{name}" for stem in planted["topics"] for name in unlisted.pop(stem)}
    assert not missing, (
        "compare each with R (METHODS of a test here), or plant its truth and list it in planted.yaml"
    )
    untested = {f"{stem}.{name}" for stem, names in unlisted.items() for name in names - named_in_tests}
    assert not untested, "a module made for a chapter has a test of each function in tests/unit/statistics"


def test_every_function_of_the_feasibility_engine_is_tested():
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "unit" / "evidence").glob("test_*.py")
    )
    named = set(re.findall(r"\w+", text))
    for name in ("arithmetic", "conversions", "counts", "integers", "moments", "roc"):
        assert not public_functions(FEASIBILITY / f"{name}.py") - named, name


@pytest.mark.parametrize(
    "script", [*sorted(HERE.glob("*.R")), *sorted(ROOT.glob("benchmarks/*/*.R"))], ids=lambda p: p.name
)
def test_debian_packages_of_every_r_script_are_installed_in_ci(script):
    needed = set(
        re.search(r"needed=\((.*?)\)", (ROOT / ".ci" / "system-packages").read_text(), re.S).group(1).split()
    )
    for name in re.findall(r"library\((\w+)\)", script.read_text(encoding="utf-8")):
        assert {f"r-cran-{name.lower()}", f"r-bioc-{name.lower()}"} & needed, f"{script.name} loads {name}"


@pytest.mark.parametrize("script", sorted(HERE.glob("[!_]*.R")), ids=lambda p: p.name)
def test_values_and_tests_of_every_r_script_are_named_after_it(script):
    assert json.loads(script.with_suffix(".json").read_text(encoding="utf-8"))["versions"]["R"]
    assert "rerun_r" in (HERE / f"test_{script.stem}_r.py").read_text(encoding="utf-8")
