"""Builds the site: nothing when nothing changed, otherwise assemble, render, complete, swap in one step."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from compendium import paths
from compendium.site.errors import SiteError

YOURS = "my-site"
RENDERERS = ("jupyter-book", "sphinx", "myst-nb", "sphinx-book-theme", "sphinx-mathjax-offline")


def build_site(
    run: str = "published", report: dict[str, Any] | None = None, named: bool = False, pdf: bool = False
) -> Path:
    """Build the published book, or with `named` the site of all named runs; return its first page.

    Parameters
    ----------
    run : whose results the published book shows.
    report : the check report: `claims`, `references`, `totals`.
    named : build `build/my-site` from every named run instead of `build/site`.
    pdf : also print the book to one PDF beside the first page: `build/site/compendium.pdf`.

    Raises
    ------
    SiteError : one line: a warning of the renderer, a missing page, a broken link, a request to another host.
    """
    name = YOURS if named else run
    target = paths.build() / (YOURS if named else "site")
    stamp = paths.build() / "site-src" / f"{name}.stamp.json"
    key = content_key(run, report, named)
    index = target / "index.html"
    if not is_current(stamp, key, target):
        stamp.unlink(missing_ok=True)
        pages = _build(name, run, report, named, target)
        stamp.write_text(json.dumps({"key": key, "pages": pages}), encoding="utf8")
    if pdf:
        from compendium.site.pdf import print_pdf

        print_pdf(paths.build() / "site-src" / name, target)
    return index


def is_current(stamp: Path, key: str, target: Path) -> bool:
    """Tell whether the last finished build was made from the same content and its pages are still there."""
    try:
        known = json.loads(stamp.read_text(encoding="utf8"))
        return known["key"] == key and all((target / f"{page}.html").is_file() for page in known["pages"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def content_key(run: str, report: dict[str, Any] | None, named: bool) -> str:
    """Return a hash over everything the site is made from: files, report, versions of the renderer."""
    digest = hashlib.blake2b(digest_size=20)
    versions = {name: metadata.version(name) for name in RENDERERS}
    digest.update(json.dumps([run, named, versions, report], sort_keys=True, default=str).encode())
    for path in _source_files(run, named):
        digest.update(f"\0{path}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files(run: str, named: bool) -> Iterator[Path]:
    root, renderer = paths.root(), Path(__file__).resolve().parent
    yield from (
        path
        for path in (
            root / "_config.yml",
            root / "CHANGELOG.md",
            root / "CITATION.cff",
            root / "data" / "inventory.yaml",
        )
        if path.is_file()
    )
    runs = paths.build() / "runs"
    folders = [
        root / "book",
        root / "data" / "claims",
        root / "data" / "findings",
        root / "data" / "derived" / "statistics",
        root / "data" / "derived" / "benchmarks",
        root / "data" / "derived" / "audit",
        root / "analysis",
        root / "src",
        renderer,
    ]
    folders += (
        [path for path in sorted(runs.glob("*")) if path.name != "published"]
        + [runs / "published" / "results"]
        if named
        else [runs / run]
    )
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix not in {".pyc", ".log"} and path.is_file():
                yield path


def _build(name: str, run: str, report: dict[str, Any] | None, named: bool, target: Path) -> list[str]:
    from compendium.site.assemble import assemble
    from compendium.site.content import read_content
    from compendium.site.finish import finish

    content = read_content(report, named, run)
    book = assemble(content, paths.build() / "site-src" / name)
    html = render(book.folder, "html")
    finish(html, content, book)
    _swap(html, target)
    shutil.rmtree(work_folder(name), ignore_errors=True)
    return book.pages


def work_folder(name: str) -> Path:
    """Return where the renderer works; it is removed once the site stands."""
    return paths.build() / "site-work" / name


def render(source: Path, builder: str) -> Path:
    """Render an assembled source tree with jupyter-book, warnings as errors, and return the folder of pages.

    Raises
    ------
    SiteError : the first warning or error, as the renderer wrote it.
    """
    output = work_folder(source.name)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    command = [
        sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(source),
        "--config", str(source / "_config.yml"), "--toc", str(source / "_toc.yml"),
        "--path-output", str(output), "--builder", builder, "-W", "--keep-going", "-q",
    ]  # fmt: skip
    done = subprocess.run(command, env=_environment(output), capture_output=True, text=True, check=False)
    log = source.with_name(f"{source.name}.log")
    log.write_text(done.stdout + done.stderr, encoding="utf8")
    html = output / "_build" / builder
    if done.returncode != 0 or not (html / "index.html").is_file():
        raise SiteError(
            f"The book renders without warnings. {first_warning(done.stderr + done.stdout)} (all: {log})"
        )
    return html


def _environment(output: Path) -> dict[str, str]:
    private = {
        name: str(output / "home")
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "SPHINX"))}
    return {
        **kept,
        **private,
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def first_warning(log: str) -> str:
    """Return the line of a renderer's log that says what went wrong.

    >>> first_warning("reading\\n\\x1b[91mindex.md:3: WARNING: no such page\\x1b[39;49;00m\\ndone")
    'index.md:3: WARNING: no such page'
    """
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in log.splitlines()]
    for word in ("WARNING", "ERROR", "Error"):
        for line in lines:
            if word in line:
                return line
    return next((line for line in reversed(lines) if line), "It stopped without a message.")


def _swap(html: Path, target: Path) -> None:
    old = target.with_name(f"{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    html.rename(target)
    shutil.rmtree(old, ignore_errors=True)
