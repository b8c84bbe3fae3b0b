"""OpenSSH's configuration for a host; the Target's own settings override it."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tasks.ssh import sshfiles
from tasks.ssh.errors import ConfigProblem
from tasks.ssh.target import Settings, Target

_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
_DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ed25519")


@dataclass(frozen=True)
class Route:
    """Everything that is needed to reach one host: what `ssh -G` prints, unless the Target sets it.

    `key` is the file that the Target names, which is tried first. `proxy_jump` holds `user@host:port` texts.
    """

    alias: str
    hostname: str
    port: int
    user: str
    key: Path | None
    identity_files: tuple[Path, ...]
    certificate_files: tuple[Path, ...]
    identities_only: bool
    agent: str
    proxy_jump: tuple[str, ...]
    proxy_command: str | None
    host_key_alias: str | None
    user_known_hosts: tuple[Path, ...]
    global_known_hosts: tuple[Path, ...]
    hash_known_hosts: bool
    host_keys: str
    methods: tuple[str, ...]
    connect_timeout: float
    family: socket.AddressFamily
    bind_address: str
    keepalive: int
    forward_agent: bool
    control_path: Path | None  # the socket of a client that may be connected already
    beyond: tuple[str, ...]  # ways to log in that are configured, and that only OpenSSH's client has

    def __str__(self) -> str:
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{host}:{self.port}"


def resolve(target: Target, settings: Settings) -> Route:
    """The Route to `target`. Raises ConfigProblem for a missing key file, or a configuration that ssh refuses."""
    host, user, port = split_address(target.host)
    user, port = target.user or user, target.port or port
    got = _options(host, user, port, settings)

    def one(name: str, default: str = "") -> str:
        return got.get(name, [default])[0]

    def files(name: str, default: tuple[str, ...] = ()) -> tuple[Path, ...]:
        names = got.get(name) or list(default)
        return tuple(_path(n, settings, tokens) for n in names if n.lower() != "none")

    name = one("hostname", host)
    tokens = {"h": name, "n": host, "p": str(port or one("port", "22")), "d": str(settings.home), "%": "%"}
    tokens["r"] = user or one("user", getpass.getuser())
    tokens["u"] = getpass.getuser()

    def known_hosts(name: str, default: str) -> tuple[Path, ...]:
        line = one(name, default)  # several files on one line, which `ssh -G` does not quote
        whole = _path(line, settings, tokens)
        names = [line] if whole.is_file() else line.split()
        return tuple(_path(n, settings, tokens) for n in names if n.lower() != "none")

    user_known = known_hosts("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")
    global_known = known_hosts("globalknownhostsfile", "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2")
    jump = target.jump or _jumps(one("proxyjump"), host, name)
    command = one("proxycommand")
    limit = one("connecttimeout", "none")
    alive = one("serveraliveinterval", "0")
    return Route(
        alias=host,
        hostname=name,
        port=int(tokens["p"]),
        user=tokens["r"],
        key=_key(target, settings, tokens),
        identity_files=files("identityfile", tuple(f"~/.ssh/{k}" for k in _DEFAULT_KEYS)),
        certificate_files=files("certificatefile"),
        identities_only=_yes(one("identitiesonly", "no")),
        agent=_agent(one("identityagent", "SSH_AUTH_SOCK"), settings, tokens),
        proxy_jump=jump,
        proxy_command=None if jump or command in ("", "none") else _expand(command, tokens),
        host_key_alias=one("hostkeyalias") or None,
        user_known_hosts=(settings.known_hosts,) if settings.known_hosts else user_known,
        global_known_hosts=() if settings.known_hosts else global_known,
        hash_known_hosts=_yes(one("hashknownhosts", "no")),
        host_keys=target.host_keys,
        methods=_methods(got),
        connect_timeout=max(target.connect_timeout, float(limit) if limit.isdigit() else 0),
        family=_FAMILIES.get(one("addressfamily"), socket.AF_UNSPEC),
        bind_address=one("bindaddress"),
        keepalive=int(alive) if alive.isdigit() and int(alive) else settings.keepalive,
        forward_agent=one("forwardagent", "no") not in ("no", "false"),
        control_path=next(iter(files("controlpath")), None),
        beyond=_beyond(got),
    )


def split_address(text: str) -> tuple[str, str | None, int | None]:
    """`[ssh://][user@]host[:port]` with IPv6 in brackets or bare -> host, user, port."""
    rest = text.removeprefix("ssh://").rstrip("/")
    user, at, host = rest.rpartition("@")
    port = ""
    if host.startswith("["):
        host, closed, port = host[1:].partition("]")
        host, port = host if closed else "", port.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or (port and not (port.isdigit() and 0 < int(port) < 65536)):
        raise ConfigProblem(f"cannot read the address {text!r}", "write it as user@host:port")
    return host, user if at else None, int(port) if port else None


def _options(host: str, user: str | None, port: int | None, settings: Settings) -> dict[str, list[str]]:
    config = settings.once("ssh config", lambda: sshfiles.read(settings))
    if settings.ssh_client is None:
        return config.lookup(host, user, port)
    shape = config.shape(host)
    key = ("ssh -G", shape if shape is not None else host, user, port)
    output = dict(settings.once(key, lambda: _ssh_g(host, user, port, settings)))
    if shape is not None:
        output["hostname"] = [host]  # the only line that differs between hosts that match the same blocks
    return output


def _ssh_g(host: str, user: str | None, port: int | None, settings: Settings) -> dict[str, list[str]]:
    argv = [settings.ssh_client or "ssh", "-G"]
    argv += ["-F", str(settings.ssh_config)] if settings.ssh_config else []
    argv += ["-p", str(port)] if port else []
    argv += ["-l", user] if user else []
    done = subprocess.run(
        [*argv, "--", host], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise ConfigProblem(
            f"ssh cannot read its configuration for {host}: {lines[0] if lines else 'no reason given'}",
            f"try `ssh -G {host}`",
        )
    options: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        options.setdefault(name.lower(), []).append(value)
    return options


def _key(target: Target, settings: Settings, tokens: dict[str, str]) -> Path | None:
    if target.key is None:
        return None
    path = _path(target.key, settings, tokens)
    if not path.is_file():
        raise ConfigProblem(
            f"key {target.key} of {target.name} is not there",
            "make it with ssh-keygen, or correct `key:` in the hosts file",
        )
    return path


def _path(text: str, settings: Settings, tokens: dict[str, str]) -> Path:
    text = _expand(text.strip('"'), tokens)
    if text == "~" or text.startswith("~/"):
        return settings.home / text[2:]
    return Path(text).expanduser()


def _expand(text: str, tokens: dict[str, str]) -> str:
    out, rest = "", text
    while "%" in rest:
        before, _, rest = rest.partition("%")
        out += before + tokens.get(rest[:1], "%" + rest[:1])
        rest = rest[1:]
    return out + rest


def _jumps(value: str, *own: str) -> tuple[str, ...]:
    hops = tuple(word for word in value.split(",") if word and word != "none")
    # `Host *` with a ProxyJump also matches the jump host, which cannot be reached through itself.
    return () if hops and split_address(hops[-1])[0] in own else hops


def _agent(value: str, settings: Settings, tokens: dict[str, str]) -> str:
    if value == "none":
        return ""
    if value == "SSH_AUTH_SOCK":
        return settings.agent
    if value.startswith("$"):
        return os.environ.get(value.strip("${}"), "")
    return str(_path(value, settings, tokens))


def _methods(got: dict[str, list[str]]) -> tuple[str, ...]:
    """Login methods in order. `password` is before `keyboard-interactive`: it takes one round trip less."""
    wanted = got.get("preferredauthentications", ["publickey,password,keyboard-interactive"])[0].split(",")
    switches = {
        "publickey": "pubkeyauthentication",
        "password": "passwordauthentication",
        "keyboard-interactive": "kbdinteractiveauthentication",
    }
    return tuple(
        m for m in wanted if m in switches and got.get(switches[m], ["yes"])[0] not in ("no", "false")
    )


def _beyond(got: dict[str, list[str]]) -> tuple[str, ...]:
    """Of the methods of the protocol and PKCS#11 those that ssh's configuration turns on."""
    switches = {"gssapi-with-mic": "gssapiauthentication", "hostbased": "hostbasedauthentication"}
    found = [method for method, switch in switches.items() if _yes(got.get(switch, ["no"])[0])]
    provider = got.get("pkcs11provider", ["none"])[0]
    return (*found, *(() if provider in ("none", "") else ("PKCS#11",)))


def _yes(value: str) -> bool:
    return value in ("yes", "true")
