"""A small package index on a lab host: one package of its own, all others by a redirect. Its log is the witness.

Run on the host: python3 package_index.py FOLDER ADDRESS PORT UPSTREAM
"""

from __future__ import annotations

import base64
import hashlib
import io
import sys
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, VERSION = "lab_probe", "1.0"
WHEEL = f"{NAME}-{VERSION}-py3-none-any.whl"
LOG = "asked.log"


def wheel(version: str = VERSION) -> bytes:
    """A package with one module, which says where it is."""
    info = f"{NAME}-{version}.dist-info"
    files = {
        f"{NAME}.py": "PLACE = __file__\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return out.getvalue()


def serve(folder: Path, address: str, port: int, upstream: str) -> None:
    data = wheel()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with (folder / LOG).open("a") as log:
                log.write(f"{self.client_address[0]} {self.headers.get('User-Agent', '-')[:4]} {self.path}\n")
            project = self.path.strip("/").split("/")[-1]
            if project == WHEEL:
                self._answer(data, "application/octet-stream")
            elif project.replace("-", "_") == NAME:
                digest = hashlib.sha256(data).hexdigest()
                self._answer(f'<a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>'.encode(), "text/html")
            else:
                self.send_response(302)
                self.send_header("Location", f"{upstream.rstrip('/')}/{project}/")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    ThreadingHTTPServer((address, port), Handler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
