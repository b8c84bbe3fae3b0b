"""A web server on loopback for a folder, which can break, lie and count."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote


class Site(str):
    """Its URL. ``asked``: the paths that were asked for; ``cut``: end the next answer after so many bytes.

    ``before``: called with each path before it is answered.
    """

    asked: list[str]
    cut: int | None
    tells: bool  # the length of what it sends
    before: Callable[[str], object]


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Site]:
    """``folder`` over HTTP, with ranges."""
    state: dict = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(head=True)

        def do_GET(self):
            self.answer()

        def answer(self, head=False):
            site = state["site"]
            site.asked.append(self.path)
            site.before(self.path)
            path = folder / unquote(re.sub("^http://[^/]*", "", self.path)).lstrip("/")
            if path.is_dir():
                path = path / "index.html"
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            start = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
            self.send_response(206 if start else 200)
            data = data[int(start.group(1)) if start else 0 :]
            if site.tells:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if head:
                return
            if site.cut is not None:
                data, site.cut = data[: site.cut], None
                self.close_connection = True
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    site.asked, site.cut, site.tells, site.before = [], None, True, lambda path: None
    state["site"] = site
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
