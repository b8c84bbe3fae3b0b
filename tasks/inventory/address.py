"""Addresses of hosts: ``host``, ``user@host``, ``user@host:port``, IPv6 with or without brackets."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from tasks.inventory import ranges

# what ssh refuses in a host name, and what would be ambiguous in --limit or in a file name
_NOT_IN_HOST = frozenset("'`\"$\\;&<>|(){},*?!/@[]")
_NOT_IN_USER = frozenset("'`\";&<>|(){}[],")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_FOUR_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+){3}")


@dataclass(frozen=True)
class Address:
    user: str | None
    host: str
    port: int | None


def parse(text: str) -> Address:
    """Split an address. The host can contain a range.

    :raises ValueError: it is not an address; the message says why and never quotes a password.
    """
    user, at, place = text.rpartition("@")
    if at:
        if ":" in user:
            raise ValueError("an address cannot contain a password; use password:")
        check_user(user)
    host, port = _split_port(place)
    for name in ranges.expand(host):
        check_host(name)
    return Address(user if at else None, host, port)


def check_host(name: str) -> None:
    """:raises ValueError: ssh would not accept this as a host name, an address or an alias."""
    check_text(name)
    if not name:
        raise ValueError("the host name is empty")
    if name.startswith("-"):
        raise ValueError("a host name cannot start with '-'")
    if len(name) > 253:
        raise ValueError("the host name is longer than 253 characters")
    base, percent, zone = name.partition("%")
    if ":" in name:
        if not _is_ip(base) or (percent and not _ZONE.fullmatch(zone)):
            raise ValueError(f"{name} is not an IPv6 address; write a port as host:port or [address]:port")
        return
    bad = next((char for char in name if char.isspace() or char in _NOT_IN_HOST), None)
    if bad and " - " in name:
        raise ValueError("two items of the list were read as one; check the indentation of each '- '")
    if bad:
        raise ValueError(f"a host name cannot contain {bad!r}")
    if _FOUR_NUMBERS.fullmatch(name) and not _is_ip(name):
        raise ValueError(f"{name} is not an IP address; each part is 0-255, without leading zeros")


def check_user(user: str) -> None:
    """:raises ValueError: ssh would not accept this as a user name."""
    check_text(user)
    if not user:
        raise ValueError("the user name before '@' is empty")
    bad = next((char for char in user if char in _NOT_IN_USER), None)
    if user.startswith("-") or user != user.strip() or bad:
        raise ValueError(
            f"a user name cannot contain {bad!r}" if bad else "a user name cannot start with '-' or a space"
        )


def check_text(text: str) -> None:
    """:raises ValueError: it contains a control character, a line break or a surrogate."""
    for char in text:
        if not char.isprintable() and unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            raise ValueError(f"a control character (U+{ord(char):04X}) is in it")


@cache
def canonical(host: str) -> str:
    """One spelling for each address: lower case, IPv6 in its shortest form, no dot at the end."""
    base, percent, zone = host.partition("%")
    try:
        return str(ipaddress.ip_address(base)) + percent + zone
    except ValueError:
        return host.lower().rstrip(".")


def _split_port(place: str) -> tuple[str, int | None]:
    if place.startswith("[") and not ranges.is_range(place.split("]")[0] + "]"):
        host, closed, rest = place[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError("an IPv6 address with a port is written [address]:port")
        if ":" not in host:
            raise ValueError("brackets are for an IPv6 address or for numbers such as [1-9]")
        port = rest[1:] if rest else None
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    else:
        host, port = place, None
    if port is None:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise ValueError("the port after ':' must be 1-65535")
    return host, int(port)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
