"""A mirror on this machine: real HTTP with ranges, and with the faults that a test asks for."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote


class Mirror:
    """What it serves, by path, and who asked for what. A fault holds for one path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []  # path and range, in the order of asking
        self.ranges = True
        self.cut: dict[str, list[int]] = defaultdict(list)  # bytes after which the next answers end
        self.dropped: dict[str, int] = defaultdict(int)  # how often it hangs up without an answer
        self.wrong: dict[str, list[bytes]] = defaultdict(list)  # what the next answers hold instead
        self.status: dict[str, int] = {}
        self.pace: dict[str, float] = {}  # seconds between two pieces of 64 KiB
        self.pauses: dict[str, list[float]] = defaultdict(
            list
        )  # seconds before the last piece of the next answers
        self.connections = 0
        self.kept = False  # whether a connection outlives an answer
        self.moved: dict[str, str] = {}  # where else it is
        self.at_once = 0
        self._now: set[http.server.BaseHTTPRequestHandler] = set()
        self._lock = threading.Lock()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self, ranged: bool = False) -> list[str]:
        return [path for path, wanted in self.asked if wanted or not ranged]

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        # asked as a proxy, the whole URL is the path; how it is escaped makes no difference
        path, wanted = unquote(request.path), request.headers.get("Range", "")
        with self._lock:
            self.asked.append((path, wanted))
            self._now.add(request)
            self.at_once = max(self.at_once, len(self._now))
        try:
            self._send(request, path, wanted)
        except OSError:
            request.close_connection = True
        finally:
            self._over(request)

    def _over(self, request: http.server.BaseHTTPRequestHandler) -> None:
        with self._lock:
            self._now.discard(request)

    def _send(self, request, path: str, wanted: str) -> None:
        if self.dropped[path]:
            self.dropped[path] -= 1
            request.close_connection = True
            return
        if path in self.moved:
            request.send_response(302)
            request.send_header("Location", self.moved[path])
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        data = self.wrong[path].pop(0) if self.wrong[path] else self.files.get(path)
        status = self.status.get(path, 200 if data is not None else 404)
        if status != 200:
            request.send_error(status)
            return
        start = 0
        found = re.fullmatch(r"bytes=(\d+)-", wanted) if self.ranges else None
        if found and int(found.group(1)) >= len(data):
            request.send_error(416)
            return
        if found:
            start = int(found.group(1))
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            request.send_response(200)
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        end = self.cut[path].pop(0) if self.cut[path] else len(data)
        pause = self.pauses[path].pop(0) if self.pauses[path] else 0
        for at in range(start, end, 1 << 16):
            time.sleep(self.pace.get(path, 0) + (pause if at + (1 << 16) >= end else 0))
            if at + (1 << 16) >= end:
                # who has the last piece may ask again before this thread goes on
                self._over(request)
            request.wfile.write(data[at : min(at + (1 << 16), end)])
        if end < len(data):
            request.close_connection = True


@contextmanager
def mirror() -> Iterator[Mirror]:
    made = Mirror()

    class Handler(http.server.BaseHTTPRequestHandler):
        def setup(self):
            super().setup()
            made.connections += 1
            if made.kept:
                self.protocol_version = "HTTP/1.1"

        def do_GET(self):
            made._answer(self)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()
