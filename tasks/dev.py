"""docs, test."""

from __future__ import annotations

from tasks.commandline import options


@options.task(
    help={
        "build": "write the pages into this folder, instead of serving them",
        "port": "the port on this machine",
    }
)
def docs(c, build="", port=8000):
    """
    Show the manual with a search, in English and Chinese.

    The pages are in docs/, and readable without this. What makes them is installed on first use.
    """
    from invoke import Exit

    from tasks.actions import manual

    if code := manual.run(build, port):
        raise Exit(code=code)


@options.task(
    help={
        "only": "a path or a pytest expression: tests/node, or -k 'lock and not lab'",
        "unit": "leave out the lab",
    }
)
def test(c, only="", unit=False):
    """
    Run all tests, including those on the lab's real hosts.

    The lab needs Linux and root. Elsewhere its tests are skipped, with a message.
    """
    from invoke import Exit

    from tasks.actions import suite

    if code := suite.run(only, unit=unit):
        raise Exit(code=code)
