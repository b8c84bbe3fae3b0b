"""What lab tests are written with: a lab, hosts files for its hosts, and `fab` as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tasks.testbed import keys
from tasks.testbed.engine import ROOT
from tasks.testbed.host import LabHost
from tasks.testbed.lab import Lab

Fab = Callable[..., "subprocess.CompletedProcess[str]"]


def test_lab() -> Lab:
    """The lab of this pytest process, apart from the user's and other workers'. Raises LabError."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = int(worker.removeprefix("gw")) + 1 if worker else 0
    return Lab(f"test{worker and '-' + worker}", f"198.18.{16 * (number + 1)}.0/24")


test_lab.__test__ = False  # type: ignore[attr-defined]


def write_hosts_file(
    folder: Path,
    hosts: Sequence[LabHost],
    runtime: str = "uv",
    *,
    user: str = "root",
    settings: Mapping[str, Any] | None = None,
    per_host: Mapping[str, Mapping[str, Any]] | None = None,
    name: str = "hosts.yml",
) -> Path:
    """Write a hosts file into `folder`; the first host is the head.

    settings: laid over the top level (mappings one level deep); per_host: keys by a host's name.
    """
    head, *workers = [_entry(host, per_host or {}) for host in hosts]
    data: dict[str, Any] = {
        "cluster": "test",
        "runtime": runtime,
        "ssh": {"user": user, "key": str(keys.login_key())},
        "head": head,
        "workers": workers,
    }
    for key, value in (settings or {}).items():
        both = isinstance(value, Mapping) and isinstance(data.get(key), Mapping)
        data[key] = {**data[key], **value} if both else value
    path = folder / name
    with path.open("w") as out:
        yaml.safe_dump(data, out, sort_keys=False)
    return path


def _entry(host: LabHost, per_host: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    port = {"port": host.port} if host.port != 22 else {}
    return {"host": host.address, "name": host.name, **port, **per_host.get(host.name, {})}


def _fab(
    home: Path, args: Sequence[str], hosts_file: Path | None, env: Mapping[str, str], top: Path = ROOT
) -> dict[str, Any]:
    """What subprocess needs to run `fab ARGS` from a project's top as a user with that home would."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    strip = ("SSH_AUTH_SOCK", "RAY_HOSTS_FILE", "RAY_ADDRESS", "FORCE_COLOR")
    clean = {key: value for key, value in os.environ.items() if key not in strip}
    clean |= {"HOME": str(home), "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "120", **env}
    where = ["--hosts-file", str(hosts_file)] if hosts_file else []
    return {
        "args": [sys.executable, "-m", "fabric", *args[:1], *where, *args[1:]],
        "cwd": top,
        "env": clean,
        "text": True,
    }


def run_fab(
    home: Path,
    *args: str,
    hosts_file: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
    stdin: str | None = None,
    top: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run `fab ARGS` and wait for it; output as a CI log has it.

    Without stdin there is none to ask on. env is added to this process's environment.
    """
    return subprocess.run(
        **_fab(home, args, hosts_file, env or {}, top),
        timeout=timeout,
        capture_output=True,
        check=False,
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
    )


def begin_fab(home: Path, *args: str, hosts_file: Path | None = None) -> subprocess.Popen[str]:
    """The same, under way: both streams of its output are ``stdout``."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(**_fab(home, args, hosts_file, {}), **streams)


def ssh(
    host: LabHost, command: str, user: str = "root", timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command through OpenSSH's own client, strict about the host's key."""
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={keys.known_hosts()}"]
    flags = [word for option in options for word in ("-o", option)]
    return subprocess.run(
        [
            "ssh",
            "-F",
            "none",
            "-i",
            str(keys.login_key()),
            "-p",
            str(host.port),
            *flags,
            f"{user}@{host.address}",
            command,
        ],
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
