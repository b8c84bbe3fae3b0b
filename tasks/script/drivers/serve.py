"""Runs on a host: serves a folder's files over HTTP below a secret path, until there was no request for a while.

Arguments: the folder (its file .token holds the secret), the address to listen on, seconds without a request after
which it ends, ports to try in order (0: any).
"""

import hmac
import os
import re
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn

PART = 1 << 20
last = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    timeout = 60
    token = folder = ""

    def do_GET(self):
        global last
        # hidden and incomplete files are not served
        found = re.fullmatch(r"/([0-9a-f]+)/([A-Za-z0-9_][A-Za-z0-9._+!-]*)(?<!\.part)", self.path)
        path = os.path.join(self.folder, found.group(2)) if found else ""
        if not found or not hmac.compare_digest(found.group(1), self.token) or not os.path.isfile(path):
            self.send_error(404)
            return
        last = time.monotonic()
        try:
            with open(path, "rb") as piece:
                size = os.path.getsize(path)
                asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                start = int(asked.group(1)) if asked else 0
                if start > size or (asked and start == size):
                    self.send_error(416)
                    return
                piece.seek(start)
                self.send_response(206 if asked else 200)
                if asked:
                    self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
                self.send_header("Content-Length", str(size - start))
                self.end_headers()
                for part in iter(lambda: piece.read(PART), b""):
                    self.wfile.write(part)
                    last = time.monotonic()
        except OSError:
            self.close_connection = True

    def log_message(self, *args):
        pass


class Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def server_bind(self):
        # HTTPServer's method would look up the host's name, which can take long
        TCPServer.server_bind(self)


def listen(address, ports):
    if ":" in address:
        Server.address_family = socket.AF_INET6
    for port in ports:
        try:
            return Server((address, port), Handler)
        except OSError as error:
            reason = error
    raise SystemExit(f"cannot listen on {address}: {reason}")


def main():
    Handler.folder, address, idle = sys.argv[1], sys.argv[2], float(sys.argv[3])
    ports = [int(port) for port in sys.argv[4:]]
    with open(os.path.join(Handler.folder, ".token")) as file:
        Handler.token = file.read()
    server = listen(address, ports)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("port", server.server_address[1], flush=True)
    while time.monotonic() - last < idle:
        time.sleep(1)


main()
