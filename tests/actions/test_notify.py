"""The webhook: a real server on this machine gets the result, and none of its failures changes anything."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jsonschema
import pytest

from tasks.actions import cli
from tasks.phases import operation
from tests.phases.conftest import THREE, fleet, world  # noqa: F401
from tests.phases.world import refused

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "events.json").read_text("utf-8"))
PATH = "/services/T0-secret"


class Server(HTTPServer):
    """Keeps what was posted; answers with ``status``."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got, self.status = [], 200
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setenv("HOOK_URL", f"http://127.0.0.1:{made.server_port}{PATH}")
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def finish(fleet, monkeypatch):  # noqa: F811
    """finish(steps): as a task does it; the exit status, and what was printed is in ``fleet.out``."""
    monkeypatch.setattr(cli, "record", lambda run, code: None)
    fleet.write(f"{THREE}\nnotify: {{webhook: {{env: HOOK_URL}}}}\n")

    def do(steps, **more):
        fleet.run, code = fleet.make(**more), 0
        try:
            cli.finish(fleet.run, steps)
        except cli.Exit as end:
            code = end.code
        fleet.out = fleet._file.getvalue()
        return code

    return do


def test_the_result_of_a_deploy(finish, server):
    assert finish(operation.DEPLOY, user="me@here") == 0
    ((path, kind, body),) = server.got
    assert (path, kind) == (PATH, "application/json")
    assert body["text"] == "lab: deploy-cluster ok, by me@here (3 hosts changed)"
    assert body["version"] == 1
    jsonschema.validate(body, {**SCHEMA["$defs"]["result"], "$defs": SCHEMA["$defs"]})


def test_a_failure_names_the_host_and_the_reason(finish, server, world):  # noqa: F811
    world["one"].replies["install Ray with uv"] = refused("no space left")
    assert finish(operation.DEPLOY, user="me@here") == 1
    assert server.got[0][2]["text"] == "lab: deploy-cluster failed, by me@here: one: no space left"


def test_what_only_looks_is_told_only_if_it_fails(finish, server, world):  # noqa: F811
    assert finish(operation.FACTS) == 0
    assert finish(operation.PREPARE, dry_run=True) == 0
    assert server.got == []
    world["two"].reachable = False
    assert finish(operation.FACTS) == 1
    assert len(server.got) == 1


@pytest.mark.parametrize(
    ("status", "said"), [(404, "the server answered 404 Not Found"), (500, "the server answered 500")]
)
def test_a_server_that_refuses_is_a_note_without_the_address(finish, server, fleet, status, said):  # noqa: F811
    server.status = status
    assert finish(operation.DEPLOY) == 0
    assert any(said in line for line in fleet.lines("nobody was told"))
    assert "T0-secret" not in fleet.out


def test_no_server_no_variable_and_no_address_are_notes(finish, server, fleet, monkeypatch):  # noqa: F811
    for value, said in (
        ("http://127.0.0.1:9/T0-secret", "the server cannot be reached"),
        ("", "the environment variable HOOK_URL is not set"),
        ("hooks.example/T0-secret", "not a URL"),
        ("http://[T0-secret", "not valid"),
    ):
        monkeypatch.setenv("HOOK_URL", value)
        assert finish(operation.DEPLOY) == 0
        assert any(said in line for line in fleet.lines("nobody was told")), fleet.out
        assert "T0-secret" not in fleet.out
