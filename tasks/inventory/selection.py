"""Which hosts an argument means: the one place for ``--limit``, ``--host`` and what edits the hosts file.

An expression is a list with commas. Its items are names, addresses as in the hosts file (``10.0.0.2``,
``user@host:2222``, ``[fe80::1]:22``), ranges (``node[1-3]``), globs (``gpu*``) and ``@failed``. Upper and lower case
are the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from tasks.inventory import address, ranges
from tasks.inventory.cluster import Cluster, Host
from tasks.text.wording import did_you_mean, shown

_COMMA = re.compile(r",(?![^\[\]]*\])")  # not one inside [1-3,7]
SSH_PORT = 22


class SelectionError(ValueError):
    """An expression means no host, or several where one is needed. :ivar hint: what to type instead; may be empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def items(expressions: Iterable[str] | str) -> list[str]:
    """The items of one or more expressions, in their order; a range stays one item."""
    every = (expressions,) if isinstance(expressions, str) else expressions
    return [item.strip() for text in every for item in _COMMA.split(text) if item.strip()]


def expand(item: str, *, flag: str = "--host") -> list[str]:
    """The single hosts that an item names: all those of a range, else the item itself.

    :raises SelectionError: the range cannot be read.
    """
    try:
        return ranges.expand(item) if ranges.is_range(item) else [item]
    except ValueError as error:
        raise SelectionError(f"{flag} {item}: {error}") from None


def select(
    cluster: Cluster, expression: str, failed: Collection[str] | None = None, *, flag: str = "--limit"
) -> tuple[Host, ...]:
    """The hosts that an expression means, in the order of the hosts file.

    :param failed: names of the hosts that failed in the last run, for ``@failed``; None: not known.
    :param flag: the option that the expression was given to; error messages begin with it.
    :raises SelectionError: an item means no host of the cluster.
    """
    wanted = items(expression)
    if not wanted:
        raise SelectionError(f"{flag} is empty; name hosts, such as 10.0.0.2,node*")
    picked: set[Host] = set()
    for item in wanted:
        picked |= (
            _failed(cluster, item, failed, flag) if item.startswith("@") else _named(cluster, item, flag)
        )
    return tuple(host for host in cluster.hosts if host in picked)


def select_one(
    cluster: Cluster, expression: str, failed: Collection[str] | None = None, *, flag: str = "--host"
) -> Host:
    """As :func:`select`, for an expression that must mean exactly one host.

    :raises SelectionError: it means none, or several.
    """
    found = select(cluster, expression, failed, flag=flag)
    if len(found) > 1:
        raise _ambiguous(f"{flag} {shown(expression)}", found)
    return found[0]


def find(hosts: Sequence[Host], item: str, port: int | None = None, *, flag: str = "--host") -> Host | None:
    """The host of exactly that name, else of that address; None if there is none, as for a host that is new.

    :param port: the port of the item if it names none itself; None: any.
    :raises SelectionError: it is no address, or several hosts have it.
    """
    named = [host for host in hosts if host.name.casefold() == item.casefold()]
    try:
        found = named or _at(hosts, item, port)
    except ValueError as error:
        raise SelectionError(f"{flag} {item}: {error}".lstrip()) from None
    if len(found) > 1:
        raise _ambiguous(f"{flag} {item}".lstrip(), found)
    return found[0] if found else None


def unknown(cluster: Cluster, item: str, *, flag: str = "--host") -> SelectionError:
    """The error for an item that means no host of the cluster, with the nearest name or address."""
    known = [text for host in cluster.hosts for text in (host.name, host.host)]
    return SelectionError(
        f"{flag} {item}: no such host in {cluster.path}{did_you_mean(item, known)}".lstrip()
    )


def _ambiguous(what: str, found: Sequence[Host]) -> SelectionError:
    names = ", ".join(host.name for host in found[:4]) + (", ..." if len(found) > 4 else "")
    return SelectionError(f"{what} means {len(found)} hosts: {names}", "use the name of one")


def _named(cluster: Cluster, item: str, flag: str) -> set[Host]:
    found: set[Host] = set()
    for one in expand(item, flag=flag):
        matching = _matching(cluster.hosts, one)
        if not matching:
            raise unknown(cluster, one, flag=flag)
        found.update(matching)
    return found


def _matching(hosts: Sequence[Host], item: str) -> list[Host]:
    glob = item.casefold()
    if "*" in item or "?" in item:
        return [
            h for h in hosts if fnmatchcase(h.name.casefold(), glob) or fnmatchcase(h.host.casefold(), glob)
        ]
    try:
        same_address = _at(hosts, item, None)
    except ValueError:
        same_address = []
    return [host for host in hosts if host.name.casefold() == glob or host in same_address]


def _at(hosts: Sequence[Host], item: str, port: int | None) -> list[Host]:
    """The hosts of an address. :raises ValueError: the item is no address."""
    wanted = address.parse(item)
    port = wanted.port or port
    same = [host for host in hosts if address.canonical(host.host) == address.canonical(wanted.host)]
    return [host for host in same if port is None or (host.port or SSH_PORT) == port]


def _failed(cluster: Cluster, item: str, failed: Collection[str] | None, flag: str) -> set[Host]:
    if item != "@failed":
        raise SelectionError(f"{flag} {item}: unknown group; did you mean @failed?")
    if failed is None:
        raise SelectionError(f"{flag} @failed: there is no record of an earlier run")
    found = {host for host in cluster.hosts if host.name in failed}
    if not found:
        raise SelectionError(f"{flag} @failed: no host failed in the last run")
    return found
