"""The runtimes: what Ray runs in on a host. A folder for each, and one line for each in this table.

A runtime's folder holds

- ``section.py``: its section of the hosts file (``SECTION``) and what `fab init` writes of it (``STARTER``)
- ``runtime.py``: its implementation of :class:`tasks.runtimes.protocol.Runtime` (``RUNTIME``), pure
- ``steps/__init__.py``: its implementation of :class:`tasks.runtimes.steps.Steps` (``STEPS``), which works on hosts
- ``sh/``, ``ps/``, ``drivers/``: the fragments of its scripts, found by their names

Nothing outside these folders compares a runtime's name. A module is imported when it is first needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from tasks.inventory import Host
    from tasks.runtimes.protocol import Runtime

# The versions of a cluster are chosen in this order: an image determines its own, conda installs those of the hosts
# file, and uv adopts those of the other hosts.
NAMES = (
    "docker",
    "conda",
    "uv",
)


@cache
def _part(name: str, part: str) -> Any:
    """A module in a runtime's folder.

    :raises KeyError: there is no such runtime.
    """
    if name not in NAMES:
        raise KeyError(name)
    return import_module(f"tasks.runtimes.{name}.{part}")


def section_by_name(name: str) -> Any:
    """The module with a runtime's section of the hosts file."""
    return _part(name, "section")


def by_name(name: str) -> Runtime:
    """The pure part of a runtime."""
    return _part(name, "runtime").RUNTIME


def steps_by_name(name: str) -> Any:
    """A runtime's :class:`tasks.runtimes.steps.Steps`, which belong to a layer above this one."""
    return _part(name, "steps").STEPS


def of(host: Host) -> Runtime:
    """The runtime of a host."""
    return by_name(host.runtime)


def steps_of(host: Host) -> Any:
    """The steps that a host's runtime adds to an operation."""
    return steps_by_name(host.runtime)


class OnHost(Protocol):
    """Any object that belongs to one host, such as a node or a subject."""

    host: Host


One = TypeVar("One", bound=OnHost)


def grouped(ones: Iterable[One]) -> dict[str, list[One]]:
    """Groups objects by their hosts' runtime, in the order of the table; unused runtimes are left out."""
    found: dict[str, list[One]] = {name: [] for name in NAMES}
    for one in ones:
        found[one.host.runtime].append(one)
    return {name: group for name, group in found.items() if group}
