"""Sites to look at: one of a toy project, and the real one when it has been built."""

import importlib.util
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from compendium import paths
from compendium.site import build_site
from compendium.site.serve import open_server

REAL_BUILD = paths.build()
BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


def skip_or_fail(reason: str) -> None:
    """Skip on a person's computer; fail where CI=true, so that nothing goes untested there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """The module that writes toy projects."""
    spec = importlib.util.spec_from_file_location("book_toy", Path(__file__).with_name("toy.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def toy_project(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy project whose book, and whose site of named runs, have been built."""
    folder = toy.make_project(tmp_path_factory.mktemp("a book") / "project")
    toy.add_run(folder / "build", "my-cohort")
    toy.add_run(folder / "build", "other-seed", handed_in=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPENDIUM_ROOT", str(folder))
        patch.setenv("COMPENDIUM_BUILD", str(folder / "build"))
        build_site(report=toy.report())
        build_site(named=True)
    return folder


@pytest.fixture(scope="session", params=["toy", "yours", pytest.param("real", marks=pytest.mark.project)])
def site(request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """A site on disk, served: the toy book, the toy's named runs, and the real book."""
    if request.param == "real":
        folder = REAL_BUILD / "site"
        if not (folder / "index.html").is_file():
            skip_or_fail(f"The book has not been built ({folder}); `python3 run.py book` builds it.")
    else:
        project = request.getfixturevalue("toy_project")
        folder = project / "build" / {"toy": "site", "yours": "my-site"}[request.param]
    with open_server(0, folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pages = sorted(
            p.relative_to(folder).as_posix() for p in folder.rglob("*.html") if "_static" not in p.parts
        )
        yield SimpleNamespace(
            name=request.param,
            folder=folder,
            pages=pages,
            address=f"http://127.0.0.1:{server.server_address[1]}/",
        )
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """A headless Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        skip_or_fail("Chromium is not installed (Debian: apt install chromium).")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright comes with the test extra")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, installed from npm into build/node."""
    folder = REAL_BUILD / "node"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        npm = shutil.which("npm")
        if not npm:
            skip_or_fail("axe-core needs npm (Debian: apt install npm).")
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(npm), "install", "--prefix", str(folder), "--no-audit", "--no-fund", "axe-core@4"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0 or not script.is_file():
            skip_or_fail(
                f"axe-core could not be installed from npm: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
            )
    return script.read_text(encoding="utf8")
