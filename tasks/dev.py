"""test."""

from __future__ import annotations

from tasks.commandline import options


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
