"""One sshd for all tests that need no configuration of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.ssh import Settings, Target, connect
from tests.ssh import sshd


class Server:
    """A running sshd together with a key that it lets in, and settings of which nothing is the user's own."""

    def __init__(self, server: sshd.Sshd, directory: Path) -> None:
        self.sshd = server
        self.port = server.port
        self.directory = directory
        self.key = server.authorize(sshd.keygen(directory / "client"))

    def settings(self, directory: Path, **more) -> Settings:
        config = directory / "ssh_config"
        if not config.exists():
            config.write_text("Host *\n  IdentityFile none\n")
        wanted = {"ssh_config": config, "known_hosts": directory / "known_hosts", "agent": "", **more}
        return Settings(**wanted)

    def target(self, **more) -> Target:
        return Target(**{"name": "a", "host": "127.0.0.1", "user": "root", "port": self.port, **more})


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ssh")
    directory.chmod(0o755)
    with sshd.running(directory / "server", "MaxSessions 50") as running:
        yield Server(running, directory)


@pytest.fixture
def settings(server, tmp_path):
    made = server.settings(tmp_path)
    yield made
    made.close()


@pytest.fixture
def connection(server, settings):
    with connect(server.target(key=str(server.key)), settings) as opened:
        yield opened
