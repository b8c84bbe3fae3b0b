"""Which hosts an argument means: the one place for ``--limit``, ``--host`` and what edits the hosts file.

An expression is a list with commas. Its items are names, addresses as in the hosts file (``10.0.0.2``,
``user@host:2222``, ``[fe80::1]:22``), ranges (``node[1-3]``), globs (``gpu*``), groups of the hosts file (``@gpu``),
``@failed``, ``label:zone=a``, ``label:zone`` and ``state:down``. ``!`` before an item leaves its hosts out, and ``&``
between two means the hosts of both. A host's own name comes first, whatever is in it. Upper and lower case are the
same, except in labels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from tasks.inventory import address, ranges
from tasks.inventory.cluster import Cluster, Host
from tasks.text.wording import counted, did_you_mean, shown

SSH_PORT = 22
# the words of "state" in `fab status --json`, and before them those of its table
STATES = (
    *("alive", "down"),
    *(
        "running",
        "starting",
        "flapping",
        "zombie",
        "maintenance",
        "drain",
        "restart",
        "stopped",
        "stays-down",
    ),
    *("unreachable", "partitioned", "not-deployed", "differs", "moved", "unknown"),
)
_STATE, _LABEL = "state:", "label:"


class SelectionError(ValueError):
    """An expression means no host, or several where one is needed. :ivar hint: what to type instead; may be empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def items(expressions: Iterable[str] | str) -> list[str]:
    """The items of one or more expressions, in their order; a range stays one item."""
    every = (expressions,) if isinstance(expressions, str) else expressions
    return [item for text in every for item in ranges.listed(text)]


def expand(item: str, *, flag: str = "--host") -> list[str]:
    """The single hosts that an item names: all those of a range, else the item itself.

    :raises SelectionError: the range cannot be read.
    """
    try:
        return ranges.expand(item) if ranges.is_range(item) else [item]
    except ValueError as error:
        raise SelectionError(f"{flag} {item}: {error}".lstrip()) from None


def needs_states(cluster: Cluster, expression: str, *, flag: str = "--limit") -> bool:
    """Whether the hosts must be asked for their states before :func:`select`.

    :raises SelectionError: the expression has a word that is no state.
    """
    names = {host.name.casefold() for host in cluster.hosts}
    parts = [
        part.strip().lstrip("!").strip()
        for item in items(expression)
        if item.casefold() not in names
        for part in item.split("&")
    ]
    asked = [part for part in parts if part.casefold().startswith(_STATE) and part.casefold() not in names]
    for part in asked:
        _state(part, flag)
    return bool(asked)


def select(
    cluster: Cluster,
    expression: str,
    failed: Collection[str] | None = None,
    *,
    states: Mapping[str, Collection[str]] | None = None,
    flag: str = "--limit",
) -> tuple[Host, ...]:
    """The hosts that an expression means, in the order of the hosts file.

    :param failed: names of the hosts that failed in the last run, for ``@failed``; None: not known.
    :param states: the states of each host by its name, words of :data:`STATES`; None: not known.
    :param flag: the option that the expression was given to; error messages begin with it.
    :raises SelectionError: an item means no host of the cluster, or all items together mean none.
    """
    wanted = items(expression)
    if not wanted:
        raise SelectionError(f"{flag} is empty; name hosts, such as 10.0.0.2,node*")
    look = Look(
        cluster.hosts,
        by_group(cluster.groups),
        flag,
        str(cluster.path),
        tuple(cluster.groups),
        failed,
        states,
    )
    found = look.every(wanted)
    if not found:
        raise SelectionError(f"{flag} {_none(wanted)}")
    return found


def select_one(
    cluster: Cluster,
    expression: str,
    failed: Collection[str] | None = None,
    *,
    states: Mapping[str, Collection[str]] | None = None,
    flag: str = "--host",
) -> Host:
    """As :func:`select`, for an expression that must mean exactly one host.

    :raises SelectionError: it means none, or several.
    """
    found = select(cluster, expression, failed, states=states, flag=flag)
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
    return _unknown(cluster.hosts, item, flag, str(cluster.path))


def by_group(groups: Mapping[str, Sequence[str]]) -> Callable[[str], Collection[str] | None]:
    """What finds a group's hosts, for :class:`Look`."""
    return {name.casefold(): names for name, names in groups.items()}.get


@dataclass(frozen=True)
class Look:
    """Finds the hosts of items.

    :param group: the names of the hosts of a group, by its name in lower case; None: there is no such group.
    :param place: the hosts file, for messages.
    :param groups: the names of all groups, for messages.
    :param failed, states: as for :func:`select`.
    """

    hosts: tuple[Host, ...]
    group: Callable[[str], Collection[str] | None]
    flag: str
    place: str
    groups: tuple[str, ...] = ()
    failed: Collection[str] | None = None
    states: Mapping[str, Collection[str]] | None = None

    def every(self, wanted: Sequence[str]) -> tuple[Host, ...]:
        """The hosts of all items, without those of items after ``!``; with only such items, of all hosts.

        :raises SelectionError: an item names a host, group, label or state that there is not.
        """
        added = [item for item in wanted if not self._leaves_out(item)]
        chosen = set().union(*map(self.of, added)) if added else set(self.hosts)
        left_out = set().union(*(self.of(item[1:].strip()) for item in wanted if self._leaves_out(item)))
        return tuple(host for host in self.hosts if host in chosen - left_out)

    def of(self, item: str) -> set[Host]:
        """The hosts of one item. :raises SelectionError: as :meth:`every`."""
        kind = item.casefold()
        if kind in self._names:
            return set(self._matching(item))
        if "&" in item:
            return set.intersection(*(self.of(part.strip()) for part in item.split("&")))
        if item.startswith("!"):
            return set(self.hosts) - self.of(item[1:].strip())
        if item.startswith("@"):
            return self._grouped(item)
        if kind.startswith(_LABEL):
            return self._labelled(item)
        if kind.startswith(_STATE):
            word = _state(item, self.flag)
            if self.states is None:
                raise SelectionError(
                    f"{self.flag} {item}: the states of the hosts are not known here".lstrip()
                )
            return {host for host in self.hosts if word in self.states.get(host.name, ())}
        return self._named(item)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(host.name.casefold() for host in self.hosts)

    def _leaves_out(self, item: str) -> bool:
        return item.startswith("!") and item.casefold() not in self._names

    def _grouped(self, item: str) -> set[Host]:
        failed = item.casefold() == "@failed"
        if failed and self.failed is None:
            raise SelectionError(f"{self.flag} {item}: there is no record of an earlier run".lstrip())
        names = self.failed if failed else self.group(item[1:].casefold())
        if names is None:
            near = did_you_mean(item, [*(f"@{name}" for name in self.groups), "@failed"])
            raise SelectionError(f"{self.flag} {item}: unknown group{near}".lstrip())
        wanted = frozenset(names)
        return {host for host in self.hosts if host.name in wanted}

    def _labelled(self, item: str) -> set[Host]:
        key, equals, value = item[len(_LABEL) :].partition("=")
        found = {h for h in self.hosts if key in h.labels and (not equals or h.labels[key] == value)}
        if not found:
            pairs = [pair for host in self.hosts for pair in host.labels.items()]
            known = [f"{_LABEL}{k}={v}" if equals else f"{_LABEL}{k}" for k, v in pairs]
            message = f"{self.flag} {item}: no host of {self.place} has this label{did_you_mean(item, known)}"
            raise SelectionError(message.lstrip())
        return found

    def _named(self, item: str) -> set[Host]:
        found: set[Host] = set()
        for one in expand(item, flag=self.flag):
            matching = self._matching(one)
            if not matching:
                raise _unknown(self.hosts, one, self.flag, self.place)
            found.update(matching)
        return found

    def _matching(self, item: str) -> list[Host]:
        glob = item.casefold()
        if "*" in item or "?" in item:
            return [
                h
                for h in self.hosts
                if fnmatchcase(h.name.casefold(), glob) or fnmatchcase(h.host.casefold(), glob)
            ]
        try:
            same_address = _at(self.hosts, item, None)
        except ValueError:
            same_address = []
        return [host for host in self.hosts if host.name.casefold() == glob or host in same_address]


def _state(item: str, flag: str) -> str:
    """The word of ``state:WORD``. :raises SelectionError: there is no such state."""
    word = item[len(_STATE) :].casefold()
    if word not in STATES:
        near = did_you_mean(word, STATES)
        raise SelectionError(
            f"{flag} {item}: there is no such state{near}".lstrip(), f"one of {', '.join(STATES)}"
        )
    return word


def _none(wanted: Sequence[str]) -> str:
    """Why these items, each right by itself, mean no host."""
    kind = wanted[0].casefold()
    if len(wanted) > 1 or "&" in kind or not kind.startswith(("@", _STATE)):
        return f"{shown(','.join(wanted))}: no host is left"
    if kind == "@failed":
        return f"{wanted[0]}: no host failed in the last run"
    return f"{wanted[0]}: no host is in this {'group' if kind.startswith('@') else 'state'}"


def _unknown(hosts: Sequence[Host], item: str, flag: str, place: str) -> SelectionError:
    known = [text for host in hosts for text in (host.name, host.host)]
    return SelectionError(f"{flag} {item}: no such host in {place}{did_you_mean(item, known)}".lstrip())


def _ambiguous(what: str, found: Sequence[Host]) -> SelectionError:
    names = ", ".join(host.name for host in found[:4]) + (", ..." if len(found) > 4 else "")
    return SelectionError(f"{what} means {counted(len(found), 'host')}: {names}", "use the name of one")


def _at(hosts: Sequence[Host], item: str, port: int | None) -> list[Host]:
    """The hosts of an address. :raises ValueError: the item is no address."""
    wanted = address.parse(item)
    port = wanted.port or port
    same = [host for host in hosts if address.canonical(host.host) == address.canonical(wanted.host)]
    return [host for host in same if port is None or (host.port or SSH_PORT) == port]
