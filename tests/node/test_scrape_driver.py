"""The driver that reads metrics, against real servers on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tasks.node.metrics import Scraped, read_script
from tests.ssh import sshd

TEXT = """# HELP ray_node_mem_used x
ray_node_mem_used{ip="a"} 5
ray_node_mem_used_host{ip="a"} 7
ray_resources{Name="CPU"} 1
python_info 1
"""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/metrics" else 404)
        self.end_headers()
        self.wfile.write(TEXT.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    made = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_reads_the_series_of_the_alerts_alone_and_says_why_a_node_does_not_answer(server):
    closed = f"127.0.0.1:{sshd.free_port()}"
    nodes = [Scraped("it's", "head", f"127.0.0.1:{server.server_port}"), Scraped("gone", "worker", closed)]
    values = read_script("lab", nodes, seconds=5.0).values
    done = subprocess.run(
        [sys.executable, "-I", "-", values["SPEC"]],
        input=values["DRIVER"],
        capture_output=True,
        text=True,
        # a proxy that is not there would be asked for it
        env={"http_proxy": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = {one["name"]: one for one in map(json.loads, done.stdout.replace("RF ", "").splitlines())}
    assert found["it's"]["lines"] == ['ray_node_mem_used{ip="a"} 5', 'ray_resources{Name="CPU"} 1']
    assert found["gone"]["error"] == f"{closed}: Connection refused"
