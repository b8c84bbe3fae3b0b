"""Ansible for comparison: the same hosts, keys and known_hosts; connections are closed after each run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import measure
import stage
from stage import Operator

from tasks.testbed.engine import command, ensure_packages


def get_ansible() -> str:
    """Installs Ansible if it is missing; returns its version."""
    ensure_packages({"ansible": "ansible-core"})
    return command(["ansible", "--version"]).stdout.split("]")[0].split()[-1]


def run(who: Operator, addresses: Sequence[str], *arguments: str) -> float:
    """Seconds of `ansible all ARGUMENTS`; SystemExit if a host failed."""
    # below the system's own folder, or the sockets' paths become too long
    with tempfile.TemporaryDirectory(prefix="rb-", dir="/tmp") as sockets:
        inventory = Path(sockets, "inventory")
        inventory.write_text("".join(f"{address}\n" for address in addresses))
        env = {
            **os.environ,
            **who.env(),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets,
            "ANSIBLE_SSH_COMMON_ARGS": shlex.join(stage.ssh_options(who)),
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        }
        argv = ["ansible", "all", "-i", str(inventory), "-u", "root", *arguments]
        done: list[subprocess.CompletedProcess] = []
        try:
            seconds = measure.timed(
                lambda: done.append(
                    subprocess.run(argv, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
                )
            )
        finally:
            for socket in Path(sockets).glob("*"):
                if socket.is_socket():
                    subprocess.run(["ssh", "-O", "exit", "-S", socket, "x"], capture_output=True)
    if done[0].returncode != 0:
        sys.exit(f"ansible failed: {(done[0].stdout + done[0].stderr)[-600:]}")
    return seconds
