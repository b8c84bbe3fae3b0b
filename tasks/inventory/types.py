"""The kinds of values that a hosts file holds: what is accepted, how it is named, its JSON Schema.

A kind is one `Rule`: validation, error text, JSON Schema and the README's reference all read it.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError, core_schema

from tasks.inventory import address, ranges
from tasks.inventory.secret import Secret, SecretSource
from tasks.inventory.sizes import LARGEST, SMALLEST, Size

MISMATCH = object()  # a check returns it for: not what was expected


@dataclass(frozen=True)
class Rule:
    """`check` gives the value to keep or MISMATCH; a ValueError's text says what is wrong instead."""

    label: str  # in the reference: "port"
    expected: str  # in an error: "expected 1-65535, got 70000"
    check: Callable[[Any], Any]
    schema: dict[str, Any]

    def __hash__(self) -> int:
        return id(self)

    def validate(self, value: Any) -> Any:
        try:
            kept = self.check(value)
        except ValueError as error:
            raise PydanticCustomError("refused", "{reason}", {"reason": str(error)}) from None
        if kept is MISMATCH:
            words = self.schema.get("enum", [])
            quotable = self.schema.get("type") == "string" and self.label != "size" and not words
            context = {"expected": self.expected, "quotable": quotable, "words": words}
            raise PydanticCustomError("expected", "expected {expected}", context)
        return kept

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


def whole(low: int, high: int, label: str = "integer") -> Rule:
    def check(value: Any) -> Any:
        return value if type(value) is int and low <= value <= high else MISMATCH

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Rule(label, f"{low}-{high}", check, schema)


def number(low: float, high: float) -> Rule:
    def check(value: Any) -> Any:
        fits = type(value) in (int, float) and math.isfinite(value) and low <= value <= high
        return float(value) if fits else MISMATCH

    return Rule(
        "number", f"a number, {low:g}-{high:g}", check, {"type": "number", "minimum": low, "maximum": high}
    )


def one_of(*words: str, spellings: dict[Any, str] | None = None) -> Rule:
    also = spellings or {}

    def check(value: Any) -> Any:
        if isinstance(value, bool):
            return also.get(value, MISMATCH)
        return value if isinstance(value, str) and value in words else MISMATCH

    *first, last = words
    schema: dict[str, Any] = {"type": "string", "enum": list(words)}
    if also:
        schema = {"enum": [*words, *also]}
    return Rule(" \\| ".join(words), f"{', '.join(first)} or {last}", check, schema)


def text(label: str, expected: str, accept: Callable[[str], Any] = bool, **schema: Any) -> Rule:
    """A text without control characters for which `accept` is true (or gives the value to keep)."""

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            return MISMATCH
        address.check_text(value)
        kept = accept(value)
        return value if kept is True else MISMATCH if kept is False else kept

    return Rule(label, expected, check, {"type": "string", **schema})


def pattern(label: str, expected: str, regex: str) -> Rule:
    compiled = re.compile(regex, re.ASCII)
    return text(
        label, expected, lambda value: compiled.fullmatch(value) is not None, pattern=f"^(?:{regex})$"
    )


# YAML 1.2 reads these as texts; people mean them as true and false
_WORDS = {"yes": True, "on": True, "no": False, "off": False}


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        return _WORDS.get(value.lower(), MISMATCH)
    return value if isinstance(value, bool) else MISMATCH


def _size(value: Any) -> Any:
    if not isinstance(value, str):
        return MISMATCH
    try:
        return Size(value)
    except ValueError:
        return MISMATCH


def _host(value: str) -> bool:
    address.parse(value)
    return True


def _user(value: str) -> bool:
    address.check_user(value)
    return True


def _name(value: str) -> bool:
    for name in ranges.expand(value):
        bad = next((char for char in name if char in ",*?[]/\\"), None)
        if bad:
            raise ValueError(f"a name cannot hold {bad!r}")
        if name != name.strip() or name.startswith(("-", "@", ".")) or not 1 <= len(name) <= 253:
            raise ValueError(
                "a name cannot be empty, start with '-', '@', '.' or a space, or end with a space"
            )
    return True


def _ip(value: str) -> bool:
    for name in ranges.expand(value):
        try:
            found = ipaddress.ip_address(name)
        except ValueError:
            return False
        if found.is_unspecified or found.is_multicast:
            raise ValueError(f"{name} is no address that another host can reach")
    return True


def _listen(value: str) -> bool:
    address.check_host(value)
    return True


def _jump(value: Any) -> Any:
    if not isinstance(value, (str, list)):
        return MISMATCH
    hops = value.split(",") if isinstance(value, str) else value
    if not hops or not all(isinstance(hop, str) for hop in hops):
        return MISMATCH
    hops = [hop.strip() for hop in hops]
    for hop in hops:
        if hop.lower() == "none":
            raise ValueError("none is not a host; for no jump host leave it out or write null")
        if ranges.is_range(hop):
            raise ValueError("a jump host cannot be a range")
        address.parse(hop)
    return tuple(hops)


def _url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        ok = parts.scheme in ("http", "https", "file") and bool(parts.netloc or parts.scheme == "file")
        signed = parts.username is not None or parts.password is not None
    except ValueError:
        return False
    if signed:
        raise ValueError("a user or password in a URL would show in logs; put it into ~/.netrc on the hosts")
    return ok and not any(char.isspace() for char in value)


def _image_source(value: str) -> bool:
    return value in ("pull", "seed") or (value.startswith("file:") and len(value) > len("file:"))


def _installer(value: str) -> bool:
    if "://" in value:
        return _url(value)
    return value in ("miniconda", "miniforge") or "/" in value or value.endswith((".sh", ".exe"))


def _argument(value: str) -> bool:
    return bool(value.strip()) and not value.startswith("-")


def _remote_path(value: str) -> bool:
    return bool(re.match(r"/|~(/|$)|[A-Za-z]:[\\/]", value))


def _password(value: Any) -> Any:
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


_PASSWORD_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        *(
            {"type": "object", "properties": {key: kind}, "required": [key], "additionalProperties": False}
            for key, kind in (
                ("env", {"type": "string"}),
                ("command", {"type": "string"}),
                ("prompt", {"const": True}),
            )
        ),
    ]
}

Text = Annotated[str, text("text", "a text", minLength=1)]
AnyText = Annotated[str, text("text", "a text", lambda _: True)]
Argument = Annotated[str, text("text", "a text that does not start with '-'", _argument, pattern="^[^-]")]
Flag = Annotated[bool, Rule("true \\| false", "true or false", _boolean, {"enum": [True, False, *_WORDS]})]
Port = Annotated[int, whole(1, 65535, "port")]
Parallel = Annotated[int, whole(1, 500)]
Count = Annotated[int, whole(0, 100_000)]
Seconds = Annotated[float, number(1, 600)]
Amount = Annotated[float, number(0, 1e15)]
SizeText = Annotated[
    Size,
    Rule(
        "size",
        "a size such as 8gb or 512mb, 1mb-1024tb",
        _size,
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?[kmgtKMGT]?([iI]?[bB])?$"},
    ),
]
ClusterName = Annotated[
    str,
    pattern("name", "a name of 1-41 letters, digits, '_', '.' or '-'", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}"),
]
HostPattern = Annotated[str, text("host", "a host name or address", _host, minLength=1)]
HostName = Annotated[str, text("name", "a name", _name, minLength=1)]
User = Annotated[str, text("user", "a user name", _user, minLength=1)]
IpPattern = Annotated[str, text("IP address", "an IP address", _ip, minLength=1)]
Listen = Annotated[str, text("address", "an address or host name", _listen, minLength=1)]
Jump = Annotated[
    tuple[str, ...],
    Rule(
        "hosts",
        "hosts such as me@bastion:2222, several with commas",
        _jump,
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        },
    ),
]
Password = Annotated[
    SecretSource,
    Rule(
        "password",
        '{env: NAME}, {command: "..."}, {prompt: true} or a quoted text',
        _password,
        _PASSWORD_SCHEMA,
    ),
]
HostKeys = Annotated[
    Literal["strict", "accept-new", "off"], one_of("strict", "accept-new", "off", spellings={False: "off"})
]
Runtime = Annotated[Literal["docker", "conda", "uv"], one_of("docker", "conda", "uv")]
Via = Annotated[Literal["ssh", "local"], one_of("ssh", "local")]
Auth = Annotated[Literal["token", "none"], one_of("token", "none")]
Network = Annotated[Literal["auto", "host", "bridge"], one_of("auto", "host", "bridge")]
Install = Annotated[
    Literal["auto", "distro", "docker-ce", "none"], one_of("auto", "distro", "docker-ce", "none")
]
Url = Annotated[
    str, text("URL", "a URL such as https://mirror.example/path", _url, pattern="^(https?|file)://")
]
Image = Annotated[
    str, pattern("image", "an image such as rayproject/ray:2.60.0", r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,250}")
]
ImageSource = Annotated[
    str,
    text(
        "pull \\| seed \\| file:PATH",
        "pull, seed or file:PATH.tar",
        _image_source,
        pattern="^(pull|seed|file:.+)$",
    ),
]
Installer = Annotated[
    str,
    text(
        "miniconda \\| miniforge \\| URL \\| file",
        "miniconda, miniforge, a URL or a file",
        _installer,
        minLength=1,
    ),
]
Sha256 = Annotated[str, pattern("SHA-256", "64 hexadecimal digits", r"[0-9a-fA-F]{64}")]
RemotePath = Annotated[
    str,
    text(
        "path",
        "an absolute path, or one that starts with ~/",
        _remote_path,
        pattern=r"^(/|~(/|$)|[A-Za-z]:[\\/])",
    ),
]
RayVersion = Annotated[
    str,
    pattern(
        "version",
        'a version such as "2.60.0"',
        r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}((rc|\.post|\.dev)[0-9]{1,4})?",
    ),
]
PythonVersion = Annotated[
    str, pattern("version", 'a version such as "3.12" or "3.12.1"', r"[0-9]\.[0-9]{1,2}(\.[0-9]{1,3})?")
]
CondaEnv = Annotated[
    str, pattern("name", "a name of letters, digits, '_', '.' or '-'", r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}")
]
EnvName = Annotated[
    str, pattern("name", "a variable's name: letters, digits and '_'", r"[A-Za-z_][A-Za-z0-9_]{0,200}")
]
LabelKey = Annotated[
    str,
    pattern(
        "label",
        "a label's name",
        r"([a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
    ),
]
LabelValue = Annotated[
    str,
    pattern(
        "label",
        "at most 63 letters, digits, '_', '.' or '-', with a letter or digit at both ends",
        r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?",
    ),
]
