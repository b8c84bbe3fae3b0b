"""The check of each kind of value.

A check takes a value and returns what `tasks.inventory.rule.text` or `Rule` expects of it: the value to keep, or
whether it is accepted, or `MISMATCH`. It raises ValueError where a more exact message is possible.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from tasks.inventory import address, ranges
from tasks.inventory.rule import MISMATCH
from tasks.inventory.secret import Secret, SecretSource
from tasks.inventory.sizes import Size

# text in YAML 1.2, but people write them for true and false
BOOLEAN_WORDS = {"yes": True, "on": True, "no": False, "off": False}


def boolean(value: Any) -> Any:
    if isinstance(value, str):
        return BOOLEAN_WORDS.get(value.lower(), MISMATCH)
    return value if isinstance(value, bool) else MISMATCH


def size(value: Any) -> Any:
    if not isinstance(value, str):
        return MISMATCH
    try:
        return Size(value)
    except ValueError:
        return MISMATCH


def host(value: str) -> bool:
    address.parse(value)
    return True


def user(value: str) -> bool:
    address.check_user(value)
    return True


def name(value: str) -> bool:
    for name in ranges.expand(value):
        bad = next((char for char in name if char in ",*?[]/\\"), None)
        if bad:
            raise ValueError(f"a name cannot contain {bad!r}")
        if name != name.strip() or name.startswith(("-", "@", ".")) or not 1 <= len(name) <= 253:
            raise ValueError(
                "a name cannot be empty, start with '-', '@', '.' or a space, or end with a space"
            )
    return True


def ip(value: str) -> bool:
    for name in ranges.expand(value):
        try:
            found = ipaddress.ip_address(name)
        except ValueError:
            return False
        if found.is_unspecified or found.is_multicast:
            raise ValueError(f"{name} is not an address that another host can reach")
    return True


def listen(value: str) -> bool:
    address.check_host(value)
    return True


def jump(value: Any) -> Any:
    if not isinstance(value, (str, list)):
        return MISMATCH
    hops = value.split(",") if isinstance(value, str) else value
    if not hops or not all(isinstance(hop, str) for hop in hops):
        return MISMATCH
    hops = [hop.strip() for hop in hops]
    for hop in hops:
        if hop.lower() == "none":
            raise ValueError("none is not a host; without a jump host leave it out or write null")
        if ranges.is_range(hop):
            raise ValueError("a jump host cannot be a range")
        address.parse(hop)
    return tuple(hops)


def group_name(value: str) -> bool:
    if value.lower() == "failed":
        raise ValueError("@failed names the hosts that failed in the last run; choose another name")
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{0,62}", value, re.ASCII) is not None


def group(value: Any) -> Any:
    if value is None:
        return ()
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        return MISMATCH
    for item in listed:
        address.check_text(item)
    return tuple(part for item in listed for part in ranges.listed(item))


def url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        ok = parts.scheme in ("http", "https", "file") and bool(parts.netloc or parts.scheme == "file")
        signed = parts.username is not None or parts.password is not None
    except ValueError:
        return False
    if signed:
        raise ValueError("a user or password in a URL would appear in logs; put it in ~/.netrc on the hosts")
    return ok and not any(char.isspace() for char in value)


def web_url(value: str) -> bool:
    return url(value) and not value.startswith("file:")


def image_source(value: str) -> bool:
    return value in ("pull", "seed") or (value.startswith("file:") and len(value) > len("file:"))


def installer(value: str) -> bool:
    if "://" in value:
        return url(value)
    return value in ("miniconda", "miniforge") or "/" in value or value.endswith((".sh", ".exe"))


def argument(value: str) -> bool:
    return bool(value.strip()) and not value.startswith("-")


def remote_path(value: str) -> bool:
    return bool(re.match(r"/|~(/|$)|[A-Za-z]:[\\/]", value))


def password(value: Any) -> Any:
    if isinstance(value, str):
        address.check_text(value)
        return SecretSource("plain", Secret(value)) if value else MISMATCH
    if not isinstance(value, dict) or len(value) != 1:
        return MISMATCH
    (kind, argument), *_ = value.items()
    if kind == "prompt":
        return SecretSource("prompt") if argument is True else MISMATCH
    if kind not in ("env", "command") or not isinstance(argument, str) or not argument.strip():
        return MISMATCH
    address.check_text(argument)
    return SecretSource(kind, argument)
