"""ssh's configuration files: which blocks match a host, and how to read them without an ssh client."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import paramiko

from tasks.ssh.errors import ConfigProblem
from tasks.ssh.target import Settings

_SYSTEM = Path("/etc/ssh/ssh_config")


@dataclass(frozen=True)
class Block:
    """The lines under one `Host` or `Match` line; `header` is None for the lines before the first one."""

    header: tuple[str, str] | None
    lines: tuple[tuple[str, str], ...]

    @property
    def varies(self) -> bool:
        """Whether it may set different values for two hosts that both match it."""
        if self.header and self.header[0] == "match":
            return True
        return any(
            k == "hostname" or k.startswith("canonical") or any(t in v for t in ("%h", "%n", "%k", "%C"))
            for k, v in self.lines
        )


@dataclass(frozen=True)
class ConfigFiles:
    files: tuple[Path, ...]
    blocks: tuple[Block, ...]
    home: Path

    def shape(self, host: str) -> tuple[bool, ...] | None:
        """Which blocks match. Hosts with the same shape have the same `ssh -G`, except for the name.

        None if that is not certain.
        """
        shape = []
        for block in self.blocks:
            inside = block.header is None or block.header[0] == "match" or _matches(block.header[1], host)
            if inside and block.varies:
                return None
            shape.append(inside)
        return tuple(shape)

    def lookup(self, host: str, user: str | None, port: int | None) -> dict[str, list[str]]:
        """What `ssh -G` would print, for machines without an ssh client."""
        lines = [f"User {user}"] if user else []
        lines += [f"Port {port}"] if port else []
        for path in self.files:
            lines += ["Host *", *_flat(path, host, self.home, 0)]
        try:
            found = paramiko.SSHConfig.from_text("\n".join(lines)).lookup(host)
        except paramiko.ConfigParseError as error:
            raise ConfigProblem(f"ssh configuration: {error}") from error
        return {name: value if isinstance(value, list) else [value] for name, value in found.items() if value}


def read(settings: Settings) -> ConfigFiles:
    """The files that ssh would read. Raises ConfigProblem if the file that the settings name is missing."""
    if settings.ssh_config is not None:
        if not settings.ssh_config.is_file():
            raise ConfigProblem(f"ssh configuration {settings.ssh_config} is not there")
        files = (settings.ssh_config,)
    else:
        files = (settings.home / ".ssh" / "config", _SYSTEM)
    files = tuple(p for p in files if p.is_file())
    blocks = tuple(b for path in files for b in _blocks(path, settings.home, 0))
    return ConfigFiles(files, blocks, settings.home)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """(keyword in lower case, the rest) of each line that is neither empty nor a comment."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise ConfigProblem(f"ssh configuration {path} cannot be read: {error.strerror}") from error
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            keyword, _, rest = (
                line.replace("=", " ", 1).partition(" ") if _equals(line) else line.partition(" ")
            )
            if "\t" in keyword:
                keyword, _, more = keyword.partition("\t")
                rest = f"{more} {rest}"
            yield keyword.lower(), rest.strip()


def _equals(line: str) -> bool:
    head = line.split(None, 1)
    return "=" in head[0] or (len(head) > 1 and head[1].startswith("="))


def _included(path: Path, argument: str, home: Path, depth: int) -> Iterator[Path]:
    if depth >= 16:  # as ssh does
        raise ConfigProblem(f"{path}: Include goes deeper than 16 files")
    for word in _split(argument):
        base = home / ".ssh" if path.is_relative_to(home) or path != _SYSTEM else path.parent
        pattern = str(home / word[2:]) if word.startswith("~/") else str(base / word)
        yield from (Path(p) for p in sorted(glob.glob(pattern)))


def _blocks(path: Path, home: Path, depth: int) -> Iterator[Block]:
    header: tuple[str, str] | None = None
    lines: list[tuple[str, str]] = []
    for keyword, rest in _lines(path):
        if keyword in ("host", "match"):
            yield Block(header, tuple(lines))
            header, lines = (keyword, rest), []
        elif keyword == "include":
            for file in _included(path, rest, home, depth):
                for block in _blocks(file, home, depth + 1):
                    # Lines before the first Host of an included file belong to the block that includes it.
                    yield Block(block.header or header, block.lines)
        else:
            lines.append((keyword, rest))
    yield Block(header, tuple(lines))


def _flat(path: Path, host: str, home: Path, depth: int) -> Iterator[str]:
    """The lines of the file for `host`, with included files in place: paramiko does not read Include."""
    header: tuple[str, str] | None = None
    for keyword, rest in _lines(path):
        if keyword == "include":
            if header and header[0] == "match" and header[1].strip().lower() != "all":
                raise ConfigProblem(
                    f"{path}: Include inside Match needs OpenSSH's client on this machine", "install it"
                )
            if header is None or header[0] == "match" or _matches(header[1], host):
                for file in _included(path, rest, home, depth):
                    yield from _flat(file, host, home, depth + 1)
                yield f"{header[0]} {header[1]}" if header else "Host *"
        else:
            header = (keyword, rest) if keyword in ("host", "match") else header
            yield f"{keyword} {rest}"


def _matches(patterns: str, host: str) -> bool:
    """As a `Host` line matches: any pattern, and no `!pattern`."""
    hit = False
    for pattern in _split(patterns):
        if pattern.startswith("!"):
            if fnmatchcase(host, pattern[1:]):
                return False
        elif fnmatchcase(host, pattern):
            hit = True
    return hit


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigProblem(f"ssh configuration: {text!r}: {error}", "close the quotation mark") from error
