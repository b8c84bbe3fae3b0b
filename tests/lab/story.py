"""Small questions that lab tests ask behind the tool's back."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable

from tasks.testbed.host import LabHost


def ok(done: subprocess.CompletedProcess[str]) -> str:
    """The output of a run that had to succeed."""
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def sh(host: LabHost, script: str) -> str:
    """What a script printed on a host, through the lab's back door."""
    code, out, err = host.exec(script)
    assert code == 0, f"{host.name}: {script!r}: status {code}\n{out}\n{err}"
    return out.strip()


def raylet(host: LabHost) -> str:
    """Process id and start time of the host's raylet, '' if none runs: equal only if it is the same process."""
    return sh(
        host,
        "for c in $(grep -lx raylet /proc/[0-9]*/comm 2>/dev/null); do d=${c%/comm};"
        " echo ${d#/proc/} $(sed 's/.*) //' $d/stat | cut -d' ' -f20); done",
    )


def status(fab, path, **more) -> dict:
    """`fab status --json`, read."""
    done = fab("status", "--json", hosts_file=path, **more)
    return json.loads(done.stdout)


def until(what: Callable[[], object], seconds: float, pause: float = 1.0) -> float:
    """Waits until `what` is true; how long it took."""
    start = time.monotonic()
    while not what():
        assert time.monotonic() - start < seconds, f"not within {seconds} s"
        time.sleep(pause)
    return time.monotonic() - start


def sessions_begun(host: LabHost) -> int:
    """How many commands sshd has been asked to run since the host booted."""
    return int(
        sh(host, "journalctl -u ssh --no-pager 2>/dev/null | grep -c 'Starting session: command' || true")
    )
