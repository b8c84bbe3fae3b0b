"""The hosts for all benchmarks, and the two ways to reach them: `fab` as a user runs it, and plain `ssh`."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tasks.testbed import hosts_file, keys  # noqa: E402
from tasks.testbed.engine import LabError, docker  # noqa: E402
from tasks.testbed.host import LabHost  # noqa: E402
from tasks.testbed.lab import Lab  # noqa: E402

SUBNET = "198.18.160.0/24"
CLUSTER = "bench"
OLD = "-old-"
ROOM = 25 << 30  # bytes that must be free on the disk
STRIP = ("SSH_AUTH_SOCK", "RAY_HOSTS_FILE", "RAY_ADDRESS", "FORCE_COLOR", "UV_CACHE_DIR")


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    """An empty lab, which is removed completely at the end, also if the script is interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        made = Lab("bench", SUBNET, say=lambda text: print(text, file=sys.stderr))
    except LabError as error:
        sys.exit(f"the benchmark cannot run here: {error}")
    made.down()
    try:
        yield made
    finally:
        made.down()


def fresh(made: Lab, count: int, keep: str = "") -> list[LabHost]:
    """New hosts at the same addresses: empty disks, empty caches, nothing running. ``keep``: a host that stays.

    The old ones are ended, and their files stay while the disk has room. ext4 without a journal does not use an inode
    again within a minute of its removal, and looks at each of them for every new file: up to ten seconds a host.
    """
    for host in made.hosts():
        if host.name != keep and OLD not in host.name:
            docker("kill", host.name)
            docker("rename", host.name, f"{host.name}{OLD}{time.time_ns()}")
    if shutil.disk_usage(docker("info", "--format", "{{.DockerRootDir}}")).free < ROOM:
        for host in made.hosts():
            if OLD in host.name:
                made.remove_host(host)
    os.sync()
    time.sleep(61)
    made_now = made.add_hosts([None] * count, flavour="python")
    # what the one before has written must not slow down this one
    os.sync()
    return made_now


@dataclass(frozen=True)
class Operator:
    """A person's home that knows the hosts' keys, and the hosts file."""

    home: Path
    file: Path

    def env(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if key not in STRIP}
        # the home's own cache: uv's resolver on this machine starts with an empty cache, like the hosts
        cache = {"UV_CACHE_DIR": str(self.home / "uv-cache")}
        plain = {"HOME": str(self.home), "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "160"}
        return {**clean, **plain, **cache}

    def fab(self, *args: str, timeout: float = 600) -> list[tuple[float, str]]:
        """Runs `fab ARGS`; returns every line of output with its time in seconds, then (seconds, '').

        Raises SystemExit with the output if fab failed: such a run must not count.
        """
        argv = [sys.executable, "-m", "fabric", *args[:1], "--hosts-file", str(self.file), *args[1:]]
        start, lines = time.monotonic(), []
        with subprocess.Popen(
            argv,
            cwd=ROOT,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout:
                lines.append((time.monotonic() - start, line.rstrip()))
            if process.wait(timeout) != 0:
                sys.exit("\n".join(line for _, line in lines))
        return [*lines, (time.monotonic() - start, "")]


@contextlib.contextmanager
def operator(hosts: Sequence[LabHost], text: str = "", names: Iterable[str] = ()) -> Iterator[Operator]:
    """A fresh home and a hosts file for these hosts.

    text: of the hosts file, instead of the usual one; names: further addresses of the first host.
    """
    with tempfile.TemporaryDirectory(prefix="rayfab-bench-") as folder:
        home, file = Path(folder, "home"), Path(folder, "hosts.yml")
        (home / ".ssh").mkdir(mode=0o700, parents=True)
        known = [f"{host.address} {keys.public(keys.host_key(host.address))}" for host in hosts]
        known += [f"{name} {keys.public(keys.host_key(hosts[0].address))}" for name in names]
        (home / ".ssh" / "known_hosts").write_text("".join(known))
        file.write_text(text or hosts_file.hosts_file(hosts, CLUSTER))
        yield Operator(home, file)


def ssh_options(who: Operator) -> list[str]:
    """Plain ssh, as strict about host keys as fab is."""
    known = f"UserKnownHostsFile={who.home}/.ssh/known_hosts"
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", known]
    return ["-F", "none", "-i", str(keys.login_key()), *[w for o in options for w in ("-o", o)]]


def ssh(who: Operator, address: str, command: str) -> list[str]:
    """The command line of one plain ssh."""
    return ["ssh", *ssh_options(who), f"root@{address}", command]


STEP = re.compile(r"^✓ (.+?)  .*?([\d.]+) s$")


def phases(lines: Sequence[tuple[float, str]]) -> dict[str, float]:
    """Title of a phase -> seconds since the previous phase ended; the sum is the time of the whole run."""
    found: dict[str, float] = {}
    last = 0.0
    for when, line in lines:
        if match := STEP.match(line):
            if not found:
                found["start of the process"] = last = when - float(match[2])
            found[match[1]] = when - last
            last = when
    found["report and exit"] = lines[-1][0] - last
    return found
