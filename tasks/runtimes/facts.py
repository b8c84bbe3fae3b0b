"""The facts script of a host, including the part of its runtime, and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks import runtimes
from tasks.inventory import Host
from tasks.node import facts as node
from tasks.node.facts import Facts
from tasks.script.script import Script


def facts_script(
    host: Host,
    cluster: str,
    *,
    sudo_password: bool = False,
    holder: str | None = None,
    settle: tuple[str, str] | None = None,
) -> Script:
    """The whole facts script of a host.

    :param holder: see :func:`tasks.node.facts.facts_script`.
    :param settle: likewise.
    """
    runtime = runtimes.of(host)
    return node.facts_script(
        cluster,
        runtime.questions(host),
        temp_dir=runtime.temp_dir(host),
        spill_dir=host.ray.spill_dir or "",
        sudo_password=sudo_password,
        holder=holder,
        settle=settle,
    )


def parse_facts(host: Host, values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]]) -> Facts:
    """Parses the answer of that script."""
    return node.parse_facts(values, texts, runtimes.of(host).facts(values, texts))
