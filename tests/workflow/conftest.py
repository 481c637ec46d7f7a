"""A toy project in a temporary folder, driven through the command line as a user would."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
HEADER = """\
# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   compendium:
#     inputs: {INPUTS}
# ---

# %% [markdown]
# # TITLE

# %% tags=["parameters"]
"""
CLAIMS = """\
study: toy2025
paper: {title: "A toy", short: "Toy 2025", journal: "None", doi: "10.0/0", supplement_read: false}
claims:
  - {id: tp, where: Results, quote: "TP = 283", printed: "283", unit: examinations, exact: true, role: description, evidence: internal, result: null}
  - {id: fn, where: Results, quote: "FN = 58", printed: "58", unit: examinations, exact: true, role: description, evidence: internal, result: null}
  - {id: sensitivity, where: Results, quote: "sensitivity 83.0%", printed: "83.0", unit: "%", role: inference, range: [0, 100], evidence: internal, result: "toy2025/01_first#sensitivity"}
"""
FIRST = """
# %%
from compendium.run.results import open_chapter

chapter = open_chapter("toy2025/01_first")
tp, fn = chapter.printed("tp"), chapter.printed("fn")
chapter.derive("sensitivity", lambda a, b: 100 * a / (a + b), tp, fn, unit="%")

# %% [markdown] tags=["paper"]
# The paper prints 83.0 %.

# %%
chapter.say("Sensitivity {sensitivity:.1f} %")
print("factor", factor)

# %%
chapter.save()
"""


class Toy:
    """A project with claims and chapters of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.build = root / "build"
        (root / "analysis" / "toy2025").mkdir(parents=True)
        (root / "data" / "claims").mkdir(parents=True)
        (root / "data" / "findings").mkdir(parents=True)
        self.claims = root / "data" / "claims" / "toy2025.yaml"
        self.claims.write_text(CLAIMS, encoding="utf-8")
        self.first = self.chapter(
            "01_first",
            FIRST,
            "factor: float = 2.0  # a factor\nlabel: str = 'a'\ncount: int = 3\nfast: bool = True\n",
        )

    def chapter(
        self,
        name: str,
        body: str,
        parameters: str = "seed: int = 1\n",
        inputs: str = "{}",
        title: str = "A question",
    ) -> Path:
        """Write a chapter and return its path."""
        path = self.root / "analysis" / "toy2025" / f"{name}.py"
        text = (
            HEADER.replace("INPUTS", "I").replace("{I}", inputs).replace("TITLE", title)
            + parameters
            + textwrap.dedent(body)
        )
        path.write_text(text, encoding="utf-8")
        return path

    def plain_chapter(self, name: str, code: str) -> Path:
        """Write a chapter that records one number and runs some code before it saves."""
        body = f"""
# %%
from compendium.run.results import open_chapter

chapter = open_chapter("toy2025/{name}")
chapter.derive("twice", lambda v: 2 * v, chapter.printed("tp"), unit="examinations")

# %%
{code}

# %%
chapter.save()
"""
        return self.chapter(name, body)

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of the command line for this project."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COMPENDIUM")}
        return {**kept, "PYTHONPATH": str(SOURCE), "COMPENDIUM_ROOT": str(self.root), **extra}

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs a verb."""
        return [sys.executable, "-m", "compendium", *arguments]

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**extra),
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def published(self, kind: str, chapter: str = "toy2025/01_first", suffix: str = ".json") -> Path:
        """Return a published file of a chapter."""
        return self.build / "runs" / "published" / kind / f"{chapter}{suffix}"

    def results(self, chapter: str = "toy2025/01_first") -> dict:
        """Return a chapter's published results."""
        return json.loads(self.published("results", chapter).read_text(encoding="utf-8"))

    def processes(self) -> list[int]:
        """Return the ids of living processes that were started for this project."""
        found = []
        needle = f"COMPENDIUM_ROOT={self.root}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                dead = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
                if (
                    not dead
                    and int(folder.name) != os.getpid()
                    and needle in (folder / "environ").read_bytes().split(b"\0")
                ):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path / "a toy")


@pytest.fixture
def accepted(toy: Toy) -> Toy:
    """A toy project that has run and whose check passes."""
    assert toy.run("run").returncode == 0
    assert toy.run("accept", "toy2025/01").returncode == 0
    assert toy.run("check").returncode == 0
    return toy
