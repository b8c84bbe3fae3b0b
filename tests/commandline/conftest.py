"""A program with tasks that only say how they were called, beside the project's own."""

from __future__ import annotations

import sys

import pytest
from invoke import Collection, task

from fabfile import ns
from tasks.commandline import program
from tasks.commandline.line import line

CALLS: list[tuple[str, dict]] = []


@task(auto_shortflags=False, positional=[], iterable=["limit"], name="change")
def change(c, limit=None, dry_run=False, debug=False):
    """Has everything that a flag of Fabric's can become."""
    CALLS.append(("change", {"limit": limit, "dry_run": dry_run, "debug": debug}))


@task(auto_shortflags=False, positional=[], name="bare")
def bare(c):
    """Has no flag at all."""
    CALLS.append(("bare", {}))


@task(auto_shortflags=False, positional=[], name="go")
def go(c, host=None, command=None, output=None, count=3):
    """Takes a command after --."""
    CALLS.append(("go", {"host": host, "behind": list(line.remainder), "count": count}))


@task(auto_shortflags=False, positional=[], name="needy")
def needy(c, output):
    """Has a flag that must be given."""
    CALLS.append(("needy", {"output": output}))


@task(name="mine")
def mine(c):
    """A user's own task, which Fabric's flags are for."""
    CALLS.append(("mine", {"dry": c.config.run.dry, "echo": c.config.run.echo}))


for one in (change, bare, go, needy):
    one.body.__module__ = "tasks.toy"


class Done:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err
        self.calls = list(CALLS)


@pytest.fixture
def run(capsys, monkeypatch):
    """run("--dry", "change") -> status, output and the calls of the toy tasks; namespace=ns: the real ones."""
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)

    def call(*arguments: str, namespace: Collection | None = None) -> Done:
        CALLS.clear()
        line.remainder = []
        toys = namespace or Collection(change, bare, go, needy, mine)
        status = 0
        try:
            program.main(toys, ["fab", *arguments])
        except SystemExit as end:
            status = end.code or 0
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def real(run):
    """The project's own tasks; only for command lines that are refused before any of them begins."""
    return lambda *arguments: run(*arguments, namespace=ns)
