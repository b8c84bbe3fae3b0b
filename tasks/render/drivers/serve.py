"""Runs in a container of the image: serves /pieces over HTTP below a secret path, until nobody has asked for a while.

Arguments: the address to listen on, seconds without a request after which it ends, ports to try in order (0: any).
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

FOLDER = "/pieces"
PART = 1 << 20
last = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    timeout = 60
    token = ""

    def do_GET(self):
        global last
        found = re.fullmatch("/([0-9a-f]+)/([0-9a-f]{64})", self.path)
        path = os.path.join(FOLDER, found.group(2)) if found else ""
        if not found or not hmac.compare_digest(found.group(1), self.token) or not os.path.isfile(path):
            self.send_error(404)
            return
        last = time.monotonic()
        try:
            with open(path, "rb") as piece:
                self.send_response(200)
                self.send_header("Content-Length", str(os.path.getsize(path)))
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
        # HTTPServer's own would look its name up, which can take long
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
    address, idle, ports = sys.argv[1], float(sys.argv[2]), [int(port) for port in sys.argv[3:]]
    with open(os.path.join(FOLDER, "token")) as file:
        Handler.token = file.read()
    server = listen(address, ports)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("port", server.server_address[1], flush=True)
    while time.monotonic() - last < idle:
        time.sleep(1)


main()
