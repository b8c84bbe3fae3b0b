"""A web server laid out as a mirror of Anaconda's site, which counts what it sends and can break.

Nothing but Python's own library is used: it runs on a lab host by itself. `/-/` is where a test talks to it.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import http.server
import json
import re
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path

CHUNK = 1 << 16
PAGE = """<!DOCTYPE html>
<html><head><title>{title}</title></head>
<body><h1>{title}</h1>
<table>
{rows}
</table></body></html>
"""


class Mirror(http.server.ThreadingHTTPServer):
    """Serves a folder. `listing`: what a folder's page tells: `sums` as Anaconda's own does, `plain` as mirrors do."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], folder: Path, listing: str = "sums") -> None:
        super().__init__(address, Handler)
        self.folder, self.listing = folder.resolve(), listing
        self.lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """No counts and no faults."""
        self.sent: Counter[str] = Counter()  # path -> bytes of content
        self.asked: Counter[str] = Counter()  # path -> requests
        self.clients: dict[str, Counter[str]] = {}  # address -> path -> bytes of content
        self.faults: dict[str, dict] = {}

    def report(self) -> dict:
        with self.lock:
            clients = {name: dict(paths) for name, paths in self.clients.items()}
            return {"sent": dict(self.sent), "asked": dict(self.asked), "clients": clients}

    def count(self, client: str, path: str, sent: int) -> None:
        with self.lock:
            self.sent[path] += sent
            self.clients.setdefault(client, Counter())[path] += sent

    def fault(self, path: str, head: bool) -> dict:
        """What is to go wrong with this request; `times` of 0 means always. Asking for the head uses nothing up."""
        with self.lock:
            self.asked[path] += not head
            found = next((f for pattern, f in self.faults.items() if re.search(pattern, path)), None)
            if found is None or found["times"] == -1:
                return {}
            if found["times"] and not head:
                found["times"] -= 1
                if not found["times"]:
                    found["times"] = -1  # used up
            return found


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Mirror

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        told = json.loads(self.rfile.read(length) or b"{}")
        if self.path == "/-/forget":
            self.server.forget()
        elif self.path == "/-/fault":
            self.server.faults[told["path"]] = told
        elif self.path == "/-/listing":
            self.server.listing = told["listing"]
        self._text("application/json", "{}")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if path == "/-/report":
            self._text("application/json", json.dumps(self.server.report()))
            return
        fault = self.server.fault(path, self.command == "HEAD")
        if fault.get("status"):
            self.send_error(fault["status"])
            return
        time.sleep(fault.get("wait") or 0)
        file = (self.server.folder / path.lstrip("/")).resolve()
        if not file.is_relative_to(self.server.folder) or not file.exists():
            self.send_error(404)
        elif file.is_dir() and not path.endswith("/"):
            self.send_response(301)
            self.send_header("Location", urllib.parse.quote(f"{path}/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif (file / "index.html").exists():
            self._text("text/html", (file / "index.html").read_text())
        elif file.is_dir():
            self._text("text/html", page(file, path, self.server.listing))
        else:
            self._file(file, path, fault)

    def _text(self, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _file(self, file: Path, path: str, fault: dict) -> None:
        size, changed = file.stat().st_size, int(file.stat().st_mtime)
        tag = f'"{changed:x}-{size:x}"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.send_header("ETag", tag)
            self.end_headers()
            return
        start, end, status = 0, size, 200
        if wanted := re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", "")):
            first, last = wanted.groups()
            start = int(first) if first else max(size - int(last or 0), 0)
            end = min(int(last) + 1, size) if first and last else size
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            status = 206
        self.send_response(status)
        self.send_header("Content-Length", str(end - start))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", self.date_time_string(changed))
        self.send_header("ETag", tag)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()
        if self.command != "HEAD":
            self._send(file, path, start, end, fault)

    def _send(self, file: Path, path: str, start: int, end: int, fault: dict) -> None:
        stop = min(end, start + fault["cut"]) if fault.get("cut") is not None else end
        wrong = fault.get("wrong")
        client = self.client_address[0]
        with file.open("rb") as source:
            source.seek(start)
            while start < stop:
                data = bytearray(source.read(min(CHUNK, stop - start)))
                if wrong is not None and start <= wrong < start + len(data):
                    data[wrong - start] ^= 0xFF
                # before the other side can have it and ask for the count
                self.server.count(client, path, len(data))
                try:
                    self.wfile.write(data)
                except OSError:
                    self.server.count(client, path, -len(data))
                    self.close_connection = True  # the other side has had enough
                    return
                start += len(data)
        if stop < end:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


_sums: dict[tuple[Path, float], str] = {}


def sha256(file: Path) -> str:
    key = (file, file.stat().st_mtime)
    if key not in _sums:
        digest = hashlib.sha256()
        with file.open("rb") as source:
            while data := source.read(1 << 20):
                digest.update(data)
        _sums[key] = digest.hexdigest()
    return _sums[key]


def page(folder: Path, path: str, listing: str) -> str:
    """A folder's page: as repo.anaconda.com shows installers, or as a mirror's web server lists files."""
    rows = []
    for file in sorted(folder.iterdir()):
        name = html.escape(file.name + ("/" if file.is_dir() else ""))
        size = f"{file.stat().st_size / 2**20:.1f}M" if file.is_file() else "-"
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(file.stat().st_mtime))
        cells = [f'<td><a href="{name}">{name}</a></td>', f'<td class="s">{size}</td>', f"<td>{when}</td>"]
        if listing == "sums":
            cells.append(f"<td>{sha256(file) if file.suffix == '.sh' else ''}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    heads = ["Filename", "Size", "Last Modified", *(["SHA256"] if listing == "sums" else [])]
    head = "".join(f"<th>{text}</th>" for text in heads)
    title = f"Index of {html.escape(path)} (a stand-in)"
    return PAGE.format(title=title, rows="\n".join([f"<tr>{head}</tr>", *rows]))


def main() -> None:
    parser = argparse.ArgumentParser(description="a stand-in for a mirror of Anaconda's site")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8088)
    args = parser.parse_args()
    Mirror((args.bind, args.port), args.folder).serve_forever()


if __name__ == "__main__":
    main()
