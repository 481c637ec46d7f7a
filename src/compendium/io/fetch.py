"""Data sets from outside: downloaded by manifest, verified before anything can use them.

A download goes to a folder of its own and reaches its place by one rename, after its sha256 agreed; so a file
that stands in the data folder is complete, and verified unless the manifest has no sha256 for it yet
("unverified": its hash is said, so that it can be compared and written down). Only the manifest's own URL is
asked.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from compendium.io.manifest import Dataset, load_manifest
from compendium.io.messages import show, show_name

Progress = Callable[[str, int, int | None], None]

TIMEOUT_S = (10.0, 30.0)  # to connect; between two pieces
MAX_SECONDS = 3600.0  # for one file
MAX_BYTES = 20_000_000_000  # for one file; no data set of the manifest comes near
CHUNK_BYTES = 1 << 16
_MAGIC = {  # what a file of this name begins with
    ".pdf": b"%PDF",
    ".xlsx": b"PK\x03\x04",
    ".docx": b"PK\x03\x04",
    ".zip": b"PK\x03\x04",
    ".gz": b"\x1f\x8b",
    ".xls": b"\xd0\xcf\x11\xe0",
    ".parquet": b"PAR1",
}
_PAGES = (".html", ".htm", ".xhtml", ".xml", ".svg")


class FetchError(ValueError):
    """The request cannot be met: a data set that the manifest does not hold."""


@dataclass(frozen=True)
class Fetched:
    """What became of one data set.

    Attributes
    ----------
    id : str
    status : str
        `verified` (the file is there and its sha256 agrees), `unverified` (there, no sha256 to agree with),
        `by-hand` (nothing to download: `message` says how to get it), `failed` (`message` says why).
    path : Path or None
        The file, when it may be used.
    sha256 : str or None
    downloaded : bool
        Whether this call downloaded it.
    message : str
        One line.
    """

    id: str
    status: str
    path: Path | None
    sha256: str | None
    downloaded: bool
    message: str

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong; a data set to be got by hand counts as well."""
        return self.status != "failed"


def fetch(
    datasets: Iterable[str] | None = None,
    manifest: str | Path | None = None,
    target: str | Path | None = None,
    progress: Progress | None = None,
) -> list[Fetched]:
    """Download data sets and verify them.

    Parameters
    ----------
    datasets : iterable of str, optional
        Ids; all of the manifest by default.
    manifest : path, optional
        `data/manifest.yaml` of the project by default.
    target : path, optional
        Folder of the files; `build/data` by default.
    progress : callable (id, bytes so far, bytes in all or None), optional

    Returns
    -------
    list of Fetched
        In the order of the manifest. One data set that fails does not keep the others from being fetched.

    Raises
    ------
    StructureError
        The manifest is not as it must be.
    FetchError
        An id that the manifest does not hold.
    """
    from compendium import paths

    known = load_manifest(manifest or paths.root() / "data" / "manifest.yaml")
    wanted = None if datasets is None else list(datasets)
    unknown = [name for name in wanted or () if name not in {dataset.id for dataset in known}]
    if unknown:
        ids = ", ".join(dataset.id for dataset in known) or "none"
        raise FetchError(f"A data set must be one of the manifest's: {ids}. Given {show(unknown[0])}.")
    folder = Path(target) if target else paths.build() / "data"
    chosen = [dataset for dataset in known if wanted is None or dataset.id in wanted]
    return [_fetch_one(dataset, folder, progress) for dataset in chosen]


def find_dataset(dataset: Dataset, folder: Path) -> Fetched | None:
    """What is there already of a data set, without any network; None when its file is absent."""
    path = folder / dataset.file
    if path.is_dir() and dataset.url is None:
        message = f"{dataset.id}: {path} is there, unverified: a folder has no sha256 of its own."
        return Fetched(dataset.id, "unverified", path, None, False, message)
    if not path.is_file():
        return None
    digest = _sha256(path)
    if dataset.sha256 is None:
        return _unverified(dataset, path, digest, downloaded=False)
    if digest == dataset.sha256:
        return Fetched(
            dataset.id, "verified", path, digest, False, f"{dataset.id}: {path} is there, sha256 verified."
        )
    return _failed(dataset, f"{path} must have sha256 {dataset.sha256}. Given {digest}", digest)


def _fetch_one(dataset: Dataset, folder: Path, progress: Progress | None) -> Fetched:
    try:
        if not _stays_inside(folder, dataset.file):
            return _failed(
                dataset,
                f"the file must stay in {folder}. Given {show(dataset.file)}, which a link leads out of it",
            )
        found = find_dataset(dataset, folder)
        if found and found.ok:
            return found
        if dataset.url is None:
            return found or _by_hand(dataset, folder / dataset.file)
        return _download(dataset, folder, progress)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        return _failed(dataset, f"its file must be writable in {folder}. Given {problem}")


def _download(dataset: Dataset, folder: Path, progress: Progress | None) -> Fetched:
    path = folder / dataset.file
    replaced = " in place of a file with another sha256" if path.is_file() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        part = Path(scratch) / "part"
        problem = _get(str(dataset.url), part, _Meter(dataset.id, progress))
        if problem:
            return _failed(dataset, f"{show_name(str(dataset.url))} {problem}")
        digest = _sha256(part)
        problem = _wrong_content(dataset, part)
        if dataset.sha256 is None and problem:
            return _failed(
                dataset, f"{show_name(str(dataset.url))} must give {dataset.file}. Given {problem}", digest
            )
        if dataset.sha256 not in (None, digest):
            seen = f" ({problem})" if problem else ""
            return _failed(
                dataset, f"the download must have sha256 {dataset.sha256}. Given {digest}{seen}", digest
            )
        os.replace(part, path)
    if dataset.sha256 is None:
        return _unverified(dataset, path, digest, downloaded=True)
    return Fetched(
        dataset.id,
        "verified",
        path,
        digest,
        True,
        f"{dataset.id}: downloaded to {path}{replaced}, sha256 verified.",
    )


def _get(url: str, part: Path, meter: _Meter) -> str | None:
    """Download through pooch; what went wrong in words, or None."""
    import pooch
    import requests

    headers = {
        "Accept-Encoding": "identity"
    }  # the bytes that the hash was taken of, and nothing that inflates
    downloader = pooch.HTTPDownloader(meter, CHUNK_BYTES, timeout=TIMEOUT_S, headers=headers)
    try:
        downloader(url, str(part), None)
    except requests.exceptions.HTTPError as error:
        status = error.response.status_code if error.response is not None else "unknown"
        return f"must answer with the file. Given HTTP status {status}"
    except requests.exceptions.Timeout:
        return f"must answer within {TIMEOUT_S[1]:g} s. Given silence"
    except requests.exceptions.ChunkedEncodingError:
        return (
            f"must send the whole file. Given a connection that broke off after {part.stat().st_size:,} bytes"
        )
    except requests.exceptions.SSLError:
        return "must have a valid certificate. Given another one"
    except requests.exceptions.ConnectionError as error:
        if "timed out" in str(error).lower():
            return f"must answer within {TIMEOUT_S[1]:g} s. Given silence"
        return "must be reachable. Given no connection"
    except (requests.exceptions.RequestException, ValueError) as error:
        return f"must be downloadable. Given {type(error).__name__}"
    except _LimitExceededError as error:
        return str(error)
    return None


class _LimitExceededError(Exception):
    """A download is larger or slower than any data set may be."""


class _Meter:
    """The progress bar that pooch asks for: passes bytes on, and stops what is too large or too slow."""

    def __init__(self, name: str, progress: Progress | None) -> None:
        self.name, self.progress = name, progress
        self.total = self.received = 0
        self.deadline = time.monotonic() + MAX_SECONDS

    def update(self, size: int) -> None:
        """Count a piece."""
        self.received += size
        if self.received > MAX_BYTES + CHUNK_BYTES:
            raise _LimitExceededError(f"must send at most {MAX_BYTES:,} bytes. Given more")
        if time.monotonic() > self.deadline:
            raise _LimitExceededError(f"must send the file within {MAX_SECONDS:g} s. Given a slower one")
        if self.progress:
            received = min(self.received, self.total) if self.total else self.received
            self.progress(self.name, received, self.total or None)

    def reset(self) -> None:
        """Start again from nothing (pooch does so once before it closes)."""
        self.received = 0

    def close(self) -> None:
        """Nothing to close."""


def _wrong_content(dataset: Dataset, part: Path) -> str | None:
    """What a download is when it cannot be what its name says: a web page, an empty file, another format."""
    with part.open("rb") as file:
        head = file.read(1024)
    suffix = Path(dataset.file).suffix.lower()
    if not head:
        return "an empty file"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if suffix not in _PAGES and start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "a web page"
    if suffix in _MAGIC and not head.startswith(_MAGIC[suffix]):
        return f"a file that is not {suffix[1:]}"
    return None


def _stays_inside(folder: Path, name: str) -> bool:
    root = folder.resolve()
    return (folder / name).resolve().is_relative_to(root)


def _sha256(path: Path) -> str:
    import pooch

    return str(pooch.file_hash(str(path), alg="sha256"))


def _unverified(dataset: Dataset, path: Path, digest: str, downloaded: bool) -> Fetched:
    what = "downloaded to" if downloaded else "found at"
    message = (
        f"{dataset.id}: {what} {path}, unverified: the manifest has no sha256 for it. Its sha256 is {digest}."
    )
    return Fetched(dataset.id, "unverified", path, digest, downloaded, message)


def _by_hand(dataset: Dataset, path: Path) -> Fetched:
    how = " ".join(dataset.how.split()).rstrip(".")
    how = how[:1].upper() + how[1:]
    message = f"{dataset.id}: cannot be downloaded by itself. {show_name(how, 500)}. Put the file at {path}."
    return Fetched(dataset.id, "by-hand", None, None, False, message)


def _failed(dataset: Dataset, problem: str, digest: str | None = None) -> Fetched:
    return Fetched(dataset.id, "failed", None, digest, False, f"{dataset.id}: {problem}.")
