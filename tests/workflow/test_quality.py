"""Format, lint, types and layers: what the tools say of the code is part of the tests."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "tool",
    [
        ["ruff", "check", "--no-cache", "."],
        ["ruff", "format", "--no-cache", "--check", "."],
        ["mypy", "--no-incremental", "--cache-dir=/dev/null"],
        ["lint-imports", "--no-cache"],
    ],
    ids=lambda t: " ".join(t[:2]),
)
def test_the_tools_have_nothing_to_say(tool):
    command = [str(Path(sys.executable).with_name(tool[0])), *tool[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_path_of_a_machine_and_no_address_of_a_package_index_is_tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    hosts = ["pypi." + "org", "files.python" + "hosted", "registry.npm" + "js", "deb.debian" + ".org"]
    homes = ["/" + name + "/" for name in ("home/user", "root", "Users")]
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.suffix in {".png", ".npz", ".lock", ".ico", ".woff2"} or not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        assert not [word for word in hosts + homes if word in text], name
