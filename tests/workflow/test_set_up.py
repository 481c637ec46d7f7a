"""The set-up: the files that pin packages agree, and run.py says in one line what is missing."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FIXED = {
    "jupyter-book", "jupytext", "papermill", "numpy", "scipy", "pandas", "statsmodels", "seaborn", "nibabel", "simpleitk",
}  # fmt: skip


def locked() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", LOCK, re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def wanted() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    assert set(extras) == {
        "test",
        "tools",
        "deep",
    }  # deep: a network that nothing else needs, outside the lock
    return PROJECT["dependencies"] + extras["test"] + extras["tools"]


def test_pyproject_lock_and_environment_name_the_same_packages_and_versions():
    from packaging.requirements import Requirement
    from packaging.version import Version

    direct = {Requirement(text).name.lower(): Requirement(text) for text in wanted()}
    assert set(direct) >= FIXED
    for name, requirement in direct.items():
        assert all(Version(v) in requirement.specifier for v in locked()[name]), name
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pinned = dict(line.split("==") for line in conda[-1]["pip"])
    assert set(pinned) == set(direct)
    assert {name: {version} for name, version in pinned.items()} == {name: locked()[name] for name in direct}


def test_environment_yml_is_what_run_py_writes():
    spec = importlib.util.spec_from_file_location("run_py", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.conda_environment() == (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_every_locked_package_has_hashes_and_no_index_is_named():
    entries = re.split(r"\n(?=\S)", LOCK)
    packages = [e for e in entries if re.match(r"[a-z0-9]", e)]
    assert len(packages) > 100
    assert all("--hash=sha256:" in e for e in packages)
    assert "://" not in LOCK and "--index" not in LOCK


def run_py(
    *arguments: str, python: str = sys.executable, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COMPENDIUM")}
    return subprocess.run(
        [python, str(cwd / "run.py"), *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_without_pip_one_line_says_so(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    done = run_py(
        "list", python=str(tmp_path / "bare" / "bin" / "python"), COMPENDIUM_VENV=str(tmp_path / "venv")
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("run.py: pip is missing for")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("version", [(3, 10, 2), (3, 14, 0), (2, 7, 18)])
def test_another_python_is_refused_in_a_line(tmp_path, version):
    code = f"import sys, runpy, platform; sys.version_info = {version}; platform.python_version = lambda: '{'.'.join(map(str, version))}'; sys.argv = ['run.py']; runpy.run_path({str(ROOT / 'run.py')!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PATH": str(tmp_path)}
    )
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == f"run.py: Python 3.11, 3.12 or 3.13 is needed; this is {'.'.join(map(str, version))} and none of them is on the path."
    )


def find_python() -> str | None:
    """Return an interpreter of the system with pip, which is what a new user has."""
    for name in ("/usr/bin/python3", sys._base_executable, shutil.which("python3")):
        if name and subprocess.run([name, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return name
    return None


@pytest.mark.skipif(not os.environ.get("CI"), reason="sets up a whole environment from the network: CI only")
def test_a_fresh_copy_in_a_path_with_spaces_without_ensurepip_and_with_an_unusable_home(tmp_path):
    copy = tmp_path / "a path with spaces"
    copy.mkdir()
    for name in ("run.py", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    for name in ("src", "data", "analysis"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "ensurepip.py").write_text("raise ImportError('Debian keeps this in python3-venv')\n")
    unusable = {"HOME": "/proc/none", "PYTHONPATH": str(shadow), "XDG_CACHE_HOME": ""}
    first = run_py("list", python=find_python(), cwd=copy, **unusable)
    assert first.returncode == 0, first.stderr
    assert "stadlbauer2025/01_detection" in first.stdout
    offline = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "UV_OFFLINE": "1",
        "http_proxy": "http://127.0.0.1:9",
    }
    second = run_py("list", python=find_python(), cwd=copy, **unusable, **offline)
    assert second.returncode == 0 and "setting up" not in second.stderr
    third = run_py("run", "stadlbauer2025/01", cwd=copy, python=find_python(), **unusable, **offline)
    assert third.returncode == 0, third.stderr
    moved = copy.rename(tmp_path / "moved elsewhere")
    assert run_py("list", cwd=moved, python=find_python(), **offline).returncode == 0


def test_without_a_package_index_one_line_says_so(tmp_path):
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    nowhere |= {"PIP_FIND_LINKS": "", "COMPENDIUM_VENV": str(tmp_path / "venv"), "PIP_NO_CACHE_DIR": "1"}
    done = run_py("list", python=find_python(), **nowhere)
    assert done.returncode == 1
    assert "is the package index reachable?" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
