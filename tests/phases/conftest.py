from __future__ import annotations

import io
import re

import pytest

from tasks.inventory import load
from tasks.phases import connect
from tasks.report.console import Console
from tasks.run.failures import Failure, Stop
from tasks.run.operate import operate
from tasks.run.options import Options
from tasks.run.run import Run
from tasks.run.stages import Listed
from tasks.runtimes.packages import pypi
from tasks.runtimes.uv import builds
from tasks.ssh import Settings
from tests.phases.world import World, item

THREE = """
cluster: lab
head: {host: 10.0.0.1, name: head}
workers:
  - {host: 10.0.0.2, name: one}
  - {host: 10.0.0.3, name: two}
"""


class Fleet:
    """A hosts file, the made-up hosts that it names, and operations on them."""

    def __init__(self, world: World, folder) -> None:
        self.world, self.path = world, folder / "hosts.yml"
        self.run: Run | None = None
        self.out = ""
        self.asked: list[list[str]] = []
        self.yes = True
        self.write(THREE)

    def write(self, text: str) -> None:
        """Another hosts file; hosts that are new in it come into being."""
        self.path.write_text(text, "utf-8")
        self.cluster = load(self.path)
        for host in self.cluster.hosts:
            if host.host not in self.world.hosts:
                self.world.add(host.name, host.host)

    def edit(self, old: str, new: str) -> None:
        text = self.path.read_text("utf-8")
        assert old in text
        self.write(text.replace(old, new))

    def make(self, what: str = "deploy-cluster", *, names=None, **more) -> Run:
        """A run over all hosts, or those of these names, as a task would make it."""
        self._file = io.StringIO()
        options = Options(
            what, **{"holder": "me@here since today: deploy-cluster", "agree": self.agree, **more}
        )
        nodes = [Listed(host) for host in self.cluster.hosts if names is None or host.name in names]
        settings = Settings(agent="", ssh_client=None)
        return Run(self.cluster, Console(self._file), nodes, settings, options)

    def agree(self, lines, question) -> None:
        """The person's answer to a question; what was asked is in ``asked``."""
        self.asked.append([*lines, question])
        if not self.yes:
            raise Stop("nothing was changed")

    def operate(self, steps, end=None, *, limit=None, report=True, **more) -> int:
        """Runs ``steps``; the exit status. What was printed is in ``out`` then, the run in ``run``."""
        names = None if limit is None else frozenset(limit)
        self.world.forget_titles()
        self.run = self.make(limit=names, **more)
        try:
            return operate(self.run, steps, end, report=report)
        finally:
            self.out = self._file.getvalue()

    def node(self, name: str) -> Listed:
        """A host at the stage to which it has come."""
        return next(node for node in self.run.every() if node.name == name)

    def failure(self, name: str) -> Failure | None:
        return self.run.record.failures.get(name)

    def done(self) -> list[list[str]]:
        """What was done on each host, in the order of the hosts file."""
        return [list(self.run.done(node)) for node in self.run.every()]

    def lines(self, word: str) -> list[str]:
        """The printed lines that hold ``word``."""
        return [line.strip() for line in self.out.splitlines() if re.search(re.escape(word), line)]


@pytest.fixture
def world(monkeypatch) -> World:
    made = World()
    monkeypatch.setattr(connect, "connect", made.connect)
    monkeypatch.setattr(pypi, "choose", made.choose)
    monkeypatch.setattr(
        pypi, "uv_wheel", lambda host, platform, glibc: item("tool", "uv-1.0-py3-none-any.whl")
    )
    monkeypatch.setattr(builds, "known", lambda host, platform, web: list(made.builds))
    monkeypatch.setattr(
        builds, "find", lambda host, version, platform, web: item("python", f"cpython-{version}")
    )
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def fleet(world, tmp_path) -> Fleet:
    return Fleet(world, tmp_path)
