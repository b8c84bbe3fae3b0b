"""The kinds of values in a hosts file, each as one `Rule`."""

from __future__ import annotations

from typing import Annotated, Literal

from tasks import runtimes
from tasks.inventory import accept
from tasks.inventory.rule import Rule, number, one_of, pattern, text, whole
from tasks.inventory.secret import SecretSource
from tasks.inventory.sizes import Size

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

Text = Annotated[str, text("text", "text", minLength=1)]
AnyText = Annotated[str, text("text", "text", lambda _: True)]
Argument = Annotated[str, text("text", "text that does not start with '-'", accept.argument, pattern="^[^-]")]
Flag = Annotated[
    bool,
    Rule("true \\| false", "true or false", accept.boolean, {"enum": [True, False, *accept.BOOLEAN_WORDS]}),
]
Port = Annotated[int, whole(1, 65535, "port")]
Parallel = Annotated[int, whole(1, 500)]
Count = Annotated[int, whole(0, 100_000)]
Days = Annotated[int, whole(1, 3650)]
LogFiles = Annotated[int, whole(100, 1_000_000)]
Seconds = Annotated[float, number(1, 600)]
Amount = Annotated[float, number(0, 1e15)]
SizeText = Annotated[
    Size,
    Rule(
        "size",
        "a size such as 8gb or 512mb (1mb to 1024tb)",
        accept.size,
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?[kmgtKMGT]?([iI]?[bB])?$"},
    ),
]
ClusterName = Annotated[
    str,
    pattern("name", "a name of 1-41 letters, digits, '_', '.' or '-'", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}"),
]
HostPattern = Annotated[str, text("host", "a host name or address", accept.host, minLength=1)]
HostName = Annotated[str, text("name", "a name", accept.name, minLength=1)]
User = Annotated[str, text("user", "a user name", accept.user, minLength=1)]
IpPattern = Annotated[str, text("IP address", "an IP address", accept.ip, minLength=1)]
Listen = Annotated[str, text("address", "an address or host name", accept.listen, minLength=1)]
Jump = Annotated[
    tuple[str, ...],
    Rule(
        "hosts",
        "hosts such as me@bastion:2222, several with commas",
        accept.jump,
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ]
        },
    ),
]
GroupName = Annotated[
    str,
    text(
        "name",
        "a name of letters, digits, '_', '.' or '-' that starts with a letter",
        accept.group_name,
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$",
    ),
]
Group = Annotated[
    tuple[str, ...],
    Rule(
        "hosts",
        "hosts such as node[01-04], several as a list or with commas",
        accept.group,
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "null"},
            ]
        },
    ),
]
Password = Annotated[
    SecretSource,
    Rule(
        "password",
        '{env: NAME}, {command: "..."}, {prompt: true} or quoted text',
        accept.password,
        _PASSWORD_SCHEMA,
    ),
]
HostKeys = Annotated[
    Literal["strict", "accept-new", "off"], one_of("strict", "accept-new", "off", spellings={False: "off"})
]
Runtime = Annotated[str, one_of(*runtimes.NAMES)]
Via = Annotated[Literal["ssh", "local", "openssh"], one_of("ssh", "local", "openssh")]
Auth = Annotated[Literal["token", "none"], one_of("token", "none")]
HeadState = Annotated[Literal["kept", "memory"], one_of("kept", "memory")]
Network = Annotated[Literal["auto", "host", "bridge"], one_of("auto", "host", "bridge")]
Install = Annotated[
    Literal["auto", "distro", "docker-ce", "none"], one_of("auto", "distro", "docker-ce", "none")
]
Url = Annotated[
    str, text("URL", "a URL such as https://mirror.example/path", accept.url, pattern="^(https?|file)://")
]
WebUrl = Annotated[
    str, text("URL", "a URL such as https://mirror.example", accept.web_url, pattern="^https?://")
]
Image = Annotated[
    str, pattern("image", "an image such as rayproject/ray:2.60.0", r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,250}")
]
ImageSource = Annotated[
    str,
    text(
        "pull \\| seed \\| file:PATH",
        "pull, seed or file:PATH.tar",
        accept.image_source,
        pattern="^(pull|seed|file:.+)$",
    ),
]
PackageSource = Annotated[Literal["pull", "seed"], one_of("pull", "seed")]
Installer = Annotated[
    str,
    text(
        "miniconda \\| miniforge \\| URL \\| file",
        "miniconda, miniforge, a URL or a file",
        accept.installer,
        minLength=1,
    ),
]
Sha256 = Annotated[str, pattern("SHA-256", "64 hexadecimal digits", r"[0-9a-fA-F]{64}")]
RemotePath = Annotated[
    str,
    text(
        "path",
        "an absolute path, or one that starts with ~/",
        accept.remote_path,
        pattern=r"^(/|~(/|$)|[A-Za-z]:[\\/])",
    ),
]
RayFolder = Annotated[
    str,
    pattern(
        "path",
        "a folder such as /data/ray or ~/ray, not directly below /, without spaces",
        r"(~|/[A-Za-z0-9_.@+-]*[A-Za-z0-9_@+-])(/\.?[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*)+",
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
    str, pattern("name", "a variable name: letters, digits and '_'", r"[A-Za-z_][A-Za-z0-9_]{0,200}")
]
LabelKey = Annotated[
    str,
    pattern(
        "label",
        "a label name",
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
