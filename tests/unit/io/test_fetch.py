"""Fetching by manifest, against a server on this machine: what is stored is whole and verified, or said."""

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import compendium.io.fetch as module
from compendium.io.fetch import FetchError, fetch
from compendium.io.manifest import load_manifest
from compendium.io.yaml_lines import StructureError

TABLE = b"patient,size\nP1,3\n" * 20_000
SHA = hashlib.sha256(TABLE).hexdigest()
PAGE = b"<!DOCTYPE html>\n<html><body>Not found</body></html>"


@dataclass
class Server:
    """A server whose paths misbehave in a known way, and the requests that it got."""

    address: str
    asked: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Server("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            state.asked.append(self.path)
            getattr(self, "do_" + self.path.strip("/").split(".")[0].replace("-", "_"))()

        def send(self, body: bytes, length: int | None = None, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def do_table(self) -> None:
            self.send(TABLE)

        def do_missing(self) -> None:
            self.send(PAGE, status=404)

        def do_page(self) -> None:
            self.send(PAGE)

        def do_other(self) -> None:
            self.send(TABLE + b"P2,4\n")

        def do_empty(self) -> None:
            self.send(b"")

        def do_truncated(self) -> None:
            self.send(TABLE[:100_000], length=len(TABLE))

        def do_silent(self) -> None:
            state.release.wait(10)
            self.close_connection = True

        def do_stalled(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(TABLE)))
            self.end_headers()
            self.wfile.write(TABLE[:1000])
            self.wfile.flush()
            state.release.wait(10)
            self.close_connection = True

        def do_circle(self) -> None:
            self.send_response(302)
            self.send_header("Location", "/circle.csv")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_nonsense(self) -> None:
            self.wfile.write(b"this is not HTTP\r\n\r\n")
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state.address = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    state.release.set()
    http.shutdown()
    http.server_close()
    thread.join(5)


ENTRY = """\
  - id: {id}
    study: nocera2025
    kind: table
    evidence: author-data
    source: "as printed"
    url: {url}
    file: {file}
    sha256: {sha256}
    licence: "CC BY 4.0"
    how: "ask the publisher for Table S1."
"""


def write_manifest(folder: Path, *entries: dict[str, str]) -> Path:
    defaults = {"id": "table", "url": "null", "file": "table.csv", "sha256": "null"}
    path = folder / "manifest.yaml"
    path.write_text("datasets:\n" + "".join(ENTRY.format(**{**defaults, **entry}) for entry in entries))
    return path


def fetch_one(tmp_path: Path, **entry: str) -> module.Fetched:
    (fetched,) = fetch(manifest=write_manifest(tmp_path, entry), target=tmp_path / "data")
    assert "\n" not in fetched.message
    return fetched


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_verified_download_is_stored_and_not_asked_for_again(tmp_path, server):
    entry = {"url": f"{server.address}/table.csv", "sha256": SHA, "file": "nocera2025/table.csv"}
    first = fetch_one(tmp_path, **entry)
    assert (first.status, first.downloaded, first.sha256, first.ok) == ("verified", True, SHA, True)
    assert first.path.read_bytes() == TABLE
    second = fetch_one(tmp_path, **entry)
    assert (second.status, second.downloaded) == ("verified", False)
    assert server.asked == ["/table.csv"]
    assert files_in(tmp_path / "data") == ["nocera2025/table.csv"]


def test_without_a_hash_it_is_unverified_and_its_hash_is_said(tmp_path, server):
    first = fetch_one(tmp_path, url=f"{server.address}/table.csv")
    assert (first.status, first.downloaded) == ("unverified", True)
    assert f"unverified: the manifest has no sha256 for it. Its sha256 is {SHA}." in first.message
    second = fetch_one(tmp_path, url=f"{server.address}/table.csv")
    assert (second.status, second.downloaded) == ("unverified", False)
    assert server.asked == ["/table.csv"]


FAILS = {
    "not found": ("missing.csv", SHA, "/missing.csv must answer with the file. Given HTTP status 404."),
    "page instead of the file": ("page.csv", SHA, f"the download must have sha256 {SHA}. Given "),
    "page is named": ("page.csv", SHA, "(a web page)."),
    "page without a hash": ("page.csv", "null", "must give table.csv. Given a web page."),
    "empty without a hash": ("empty.csv", "null", "must give table.csv. Given an empty file."),
    "wrong hash": ("other.csv", SHA, f"the download must have sha256 {SHA}. Given "),
    "truncated": ("truncated.csv", SHA, "must send the whole file. Given a connection that broke off after "),
    "truncated without a hash": (
        "truncated.csv",
        "null",
        "must send the whole file. Given a connection that broke",
    ),
    "redirected in a circle": ("circle.csv", SHA, "must be downloadable. Given TooManyRedirects."),
    "not HTTP": ("nonsense.csv", SHA, "must be reachable. Given no connection."),
}


@pytest.mark.parametrize("kind", FAILS)
def test_download_fails_in_one_line_and_leaves_nothing(tmp_path, server, kind):
    name, sha256, expected = FAILS[kind]
    fetched = fetch_one(tmp_path, url=f"{server.address}/{name}", sha256=sha256)
    assert (fetched.status, fetched.path, fetched.ok) == ("failed", None, False)
    assert expected in fetched.message
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("name", ["silent", "stalled"])
def test_server_that_hangs_fails_in_bounded_time(tmp_path, server, monkeypatch, name):
    monkeypatch.setattr(module, "TIMEOUT_S", (0.3, 0.3))
    start = time.monotonic()
    fetched = fetch_one(tmp_path, url=f"{server.address}/{name}.csv", sha256=SHA)
    assert fetched.message.endswith("must answer within 0.3 s. Given silence.")
    assert time.monotonic() - start < 5
    assert list((tmp_path / "data").iterdir()) == []


def test_refused_connection_fails(tmp_path, server):
    from socket import socket

    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fetched = fetch_one(tmp_path, url=f"http://127.0.0.1:{port}/table.csv", sha256=SHA)
    assert "must be reachable. Given no connection." in fetched.message


def test_download_larger_than_allowed_is_stopped(tmp_path, server, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    monkeypatch.setattr(module, "CHUNK_BYTES", 10_000)
    fetched = fetch_one(tmp_path, url=f"{server.address}/table.csv", sha256=SHA)
    assert "must send at most 100,000 bytes. Given more." in fetched.message
    assert list((tmp_path / "data").iterdir()) == []


def test_wrong_file_in_place_is_replaced_only_by_a_verified_one(tmp_path, server):
    file = tmp_path / "data" / "table.csv"
    file.parent.mkdir()
    file.write_bytes(b"half")
    assert not fetch_one(tmp_path, url=f"{server.address}/other.csv", sha256=SHA).ok
    assert file.read_bytes() == b"half"
    fetched = fetch_one(tmp_path, url=f"{server.address}/table.csv", sha256=SHA)
    assert "in place of a file with another sha256, sha256 verified." in fetched.message
    assert file.read_bytes() == TABLE


def test_without_url_it_says_how_to_get_it_and_where_to_put_it(tmp_path):
    fetched = fetch_one(tmp_path, sha256=SHA)
    assert (fetched.status, fetched.path, fetched.ok) == ("by-hand", None, True)
    place = tmp_path / "data" / "table.csv"
    assert fetched.message == (
        f"table: cannot be downloaded by itself. Ask the publisher for Table S1. Put the file at {place}."
    )
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(TABLE)
    assert fetch_one(tmp_path, sha256=SHA).status == "verified"
    place.write_bytes(TABLE[:-1])
    fetched = fetch_one(tmp_path, sha256=SHA)
    assert fetched.status == "failed"
    assert f"must have sha256 {SHA}. Given " in fetched.message


def test_folder_put_in_place_is_there_and_unverified(tmp_path):
    (tmp_path / "data" / "scripts").mkdir(parents=True)
    fetched = fetch_one(tmp_path, file="scripts")
    assert (fetched.status, fetched.path) == ("unverified", tmp_path / "data" / "scripts")
    assert "unverified: a folder has no sha256" in fetched.message


def test_one_failure_does_not_keep_the_others_away(tmp_path, server):
    entries = [
        {"id": "a", "file": "a.csv", "url": f"{server.address}/missing.csv"},
        {"id": "b", "file": "b.csv", "url": f"{server.address}/table.csv", "sha256": SHA},
    ]
    result = fetch(manifest=write_manifest(tmp_path, *entries), target=tmp_path / "data")
    assert [(f.id, f.status) for f in result] == [("a", "failed"), ("b", "verified")]
    only = fetch(["b"], manifest=tmp_path / "manifest.yaml", target=tmp_path / "data")
    assert [f.id for f in only] == ["b"]


def test_unknown_data_set_fails_before_anything_is_asked(tmp_path, server):
    manifest = write_manifest(tmp_path, {"url": f"{server.address}/table.csv"})
    with pytest.raises(FetchError, match="must be one of the manifest's: table. Given 'tabel'"):
        fetch(["table", "tabel"], manifest=manifest, target=tmp_path / "data")
    assert server.asked == []
    assert not (tmp_path / "data").exists()


def test_progress_reaches_the_whole(tmp_path, server):
    seen: list[tuple[str, int, int | None]] = []
    manifest = write_manifest(tmp_path, {"url": f"{server.address}/table.csv", "sha256": SHA})
    fetch(manifest=manifest, target=tmp_path / "data", progress=lambda *step: seen.append(step))
    assert seen[-1] == ("table", len(TABLE), len(TABLE))
    assert [step[1] for step in seen] == sorted(step[1] for step in seen)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_target_fails_in_one_line(tmp_path, server):
    (tmp_path / "data").mkdir(mode=0o500)
    fetched = fetch_one(tmp_path, url=f"{server.address}/table.csv", sha256=SHA)
    assert "must be writable" in fetched.message


def test_target_that_is_a_file_fails_in_one_line(tmp_path, server):
    (tmp_path / "data").write_text("a file")
    fetched = fetch_one(tmp_path, url=f"{server.address}/table.csv", sha256=SHA)
    assert "its file must be writable in" in fetched.message


def test_link_that_leads_out_of_the_folder_is_not_followed(tmp_path, server):
    (tmp_path / "data").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "data" / "sub").symlink_to(tmp_path / "outside")
    fetched = fetch_one(tmp_path, url=f"{server.address}/table.csv", sha256=SHA, file="sub/table.csv")
    assert "the file must stay in" in fetched.message
    assert files_in(tmp_path / "outside") == []
    assert server.asked == []


UNSAFE = [
    "../t.csv",
    "/etc/t.csv",
    "a/../../t.csv",
    "'a\\b.csv'",
    "C:t.csv",
    ".hidden",
    "~/t.csv",
    "a//b",
    "'a/'",
    "'a*'",
]


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_file_name_fails_with_its_line(tmp_path, name):
    path = write_manifest(tmp_path, {"file": "fine.csv"}, {"id": "other", "file": name})
    rule = (
        r"manifest\.yaml:18: datasets\[1\]\.file: must be a plain relative path that stays in the data folder"
    )
    with pytest.raises(StructureError, match=rule):
        load_manifest(path)


MANIFEST_FAILS = {
    "not an address": ({"url": "file:///etc/passwd"}, r":7: datasets\[0\].url \(table\): must match \^https"),
    "short hash": ({"sha256": "abc123"}, r":9: datasets\[0\].sha256 \(table\): must match"),
    "capitals in a hash": ({"sha256": SHA.upper()}, r":9: datasets\[0\].sha256 \(table\): must match"),
    "no id": ({"id": "A b"}, r":2: datasets\[0\].id .*: must match"),
    "key twice": ({"sha256": "null\n    url: null"}, ":10: url: keys are unique. Given in line 7"),
    "unknown key": (
        {"sha256": "null\n    md5: a"},
        r":10: datasets\[0\].md5 \(table\): must be one of id, study",
    ),
}


@pytest.mark.parametrize("kind", MANIFEST_FAILS)
def test_manifest_fails_with_its_line(tmp_path, kind):
    entry, expected = MANIFEST_FAILS[kind]
    with pytest.raises(StructureError, match=expected) as error:
        load_manifest(write_manifest(tmp_path, entry))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["id", "file"])
def test_manifest_with_an_id_or_file_twice_fails(tmp_path, key):
    second = {"id": "other", "file": "other.csv", key: {"id": "table", "file": "TABLE.csv"}[key]}
    with pytest.raises(StructureError, match=rf"datasets\[1\]\.{key}: every {key} stands once. Given '"):
        load_manifest(write_manifest(tmp_path, {}, second))


def test_manifest_passes(tmp_path):
    (dataset,) = load_manifest(write_manifest(tmp_path, {"sha256": SHA, "url": "https://example.org/t.csv"}))
    assert (dataset.id, dataset.file, dataset.sha256, dataset.units) == ("table", "table.csv", SHA, None)
