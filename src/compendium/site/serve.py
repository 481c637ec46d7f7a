"""Shows a built site in a browser on this computer."""

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from compendium import paths
from compendium.site.errors import SiteError


class _QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without writing a line for each request, and never lists a folder."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""

    def list_directory(self, path: str) -> None:  # type: ignore[override]
        """Answer 404 where a folder has no first page."""
        self.send_error(404, "No such page")


def open_server(port: int = 8000, folder: Path | None = None) -> ThreadingHTTPServer:
    """Return a server of `folder` (default: the published book) on 127.0.0.1; port 0 takes any free one.

    Raises
    ------
    SiteError : there is no site yet, or the port is taken.
    """
    folder = folder or paths.build() / "site"
    if not (folder / "index.html").is_file():
        raise SiteError(f"There is no site to serve in {folder}. `python3 run.py book` builds it.")
    try:
        return ThreadingHTTPServer(
            ("127.0.0.1", port), functools.partial(_QuietHandler, directory=str(folder))
        )
    except OSError as error:
        raise SiteError(f"Port {port} cannot be used: {error.strerror}. Give another one.") from None


def serve(port: int = 8000, folder: Path | None = None) -> None:
    """Serve a site until Ctrl-C; prints its address."""
    with open_server(port, folder) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/  (Ctrl-C stops)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
