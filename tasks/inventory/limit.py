"""`--limit`: which of the hosts an operation is for."""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase

from tasks.inventory import address, ranges
from tasks.inventory.cluster import Cluster, Host
from tasks.text.wording import did_you_mean

_COMMAS = re.compile(r",(?![^\[\]]*\])")  # not those inside [1-3,7]


class LimitError(ValueError):
    """The expression names a host that is not in the file, or nothing at all."""


def select(
    cluster: Cluster, expression: str, failed: Collection[str] | None = None, *, flag: str = "--limit"
) -> tuple[Host, ...]:
    """The hosts that a comma-separated list of names, addresses, ranges and globs means, in the file's order.

    :param failed: names of the hosts that failed in the last run, for `@failed`; None: not known.
    :param flag: where the expression was typed, for the error.
    :raises LimitError: a word means no host of the cluster.
    """
    words = split(expression)
    if not words:
        raise LimitError(f"{flag} is empty; name hosts, such as 10.0.0.2,node*")
    picked: set[Host] = set()
    for word in words:
        picked |= _meant(cluster, word, failed, flag)
    return tuple(host for host in cluster.hosts if host in picked)


def split(expression: str) -> list[str]:
    """The items of a list with commas; a comma inside a range parts nothing."""
    return [word.strip() for word in _COMMAS.split(expression) if word.strip()]


def _meant(cluster: Cluster, word: str, failed: Collection[str] | None, flag: str) -> set[Host]:
    if word.startswith("@"):
        return _group(cluster, word, failed, flag)
    if ranges.is_range(word):
        try:
            names = ranges.expand(word)
        except ValueError as error:
            raise LimitError(f"{flag} {word}: {error}") from None
        return set().union(*(_meant(cluster, name, failed, flag) for name in names))
    found = {host for host in cluster.hosts if _matches(host, word)}
    if not found:
        known = [text for host in cluster.hosts for text in (host.name, host.host)]
        raise LimitError(f"{flag} {word}: no such host in {cluster.path}{did_you_mean(word, known)}")
    return found


def _group(cluster: Cluster, word: str, failed: Collection[str] | None, flag: str) -> set[Host]:
    if word != "@failed":
        raise LimitError(f"{flag} {word}: unknown group; did you mean @failed?")
    if failed is None:
        raise LimitError(f"{flag} @failed: there is no record of an earlier run")
    found = {host for host in cluster.hosts if host.name in failed}
    if not found:
        raise LimitError(f"{flag} @failed: no host failed in the last run")
    return found


def _matches(host: Host, word: str) -> bool:
    if "*" in word or "?" in word:
        glob = word.casefold()
        return fnmatchcase(host.name.casefold(), glob) or fnmatchcase(host.host.casefold(), glob)
    return host.name.casefold() == word.casefold() or address.canonical(host.host) == address.canonical(
        word.strip("[]")
    )
