"""One host of the lab, and the faults of a machine: power cut, reboot, hang, no Internet access."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tasks.testbed import keys, network
from tasks.testbed.engine import LabError, command, docker
from tasks.text.quoting import posix

SUDO = {
    "none": "",
    "nopasswd": "usermod -aG sudo {name}; echo '{name} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/{name}",
    "password": "usermod -aG sudo {name}",
}


class Result(NamedTuple):
    """The result of a command on a host: exit status, standard output, standard error."""

    rc: int
    out: str
    err: str


class LabHost:
    """A machine with systemd, sshd and its own address.

    name: its host name; address: on the lab's first network; addresses: one per network; port: of its sshd;
    kind: what it was prepared as, see tasks/testbed/kinds.py.
    """

    def __init__(self, name: str, addresses: Sequence[str], flavour: str, port: int = 22, kind: str = ""):
        self.name, self.addresses, self.flavour, self.port = name, tuple(addresses), flavour, port
        self.kind = kind

    def __repr__(self) -> str:
        return f"LabHost({self.name}, {self.address}, {self.flavour})"

    @property
    def address(self) -> str:
        return self.addresses[0]

    def exec(
        self,
        what: str | Sequence[str],
        *,
        user: str = "root",
        stdin: str | bytes | None = None,
        timeout: float = 300,
    ) -> Result:
        """Run an argv, or a text with sh, without SSH and without the tool under test."""
        argv = ["sh", "-c", what] if isinstance(what, str) else list(what)
        flags = ["-i"] if stdin is not None else []
        done = command(["docker", "exec", *flags, "-u", user, self.name, *argv], stdin=stdin, timeout=timeout)
        return Result(done.returncode, done.stdout, done.stderr)

    def must(
        self, what: str | Sequence[str], *, stdin: str | bytes | None = None, timeout: float = 300
    ) -> str:
        """Like exec, but returns only the output and raises LabError if the command failed."""
        done = self.exec(what, stdin=stdin, timeout=timeout)
        if done.rc != 0:
            last = (done.err or done.out).strip().splitlines()[-1:]
            raise LabError(f"{self.name}: {' '.join(last) or f'exit status {done.rc}'}")
        return done.out

    @property
    def up(self) -> bool:
        """Whether the machine is on and not frozen."""
        return docker("inspect", "--format", "{{.State.Status}}", self.name) == "running"

    # Faults

    def wait_ssh(self, timeout: float = 120) -> None:
        """Wait until the host has booted and its sshd accepts logins. Raises LabError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            # while /run/nologin exists, pam rejects users although sshd already answers
            if _banner(self.address, self.port) and self.exec("test ! -e /run/nologin").rc == 0:
                return
            time.sleep(0.2)
        raise LabError(f"{self.name} ({self.address}:{self.port}): no SSH after {timeout:.0f} s")

    def reboot(self) -> None:
        """Restart cleanly; returns when sshd answers again."""
        docker("restart", "--time", "30", self.name)
        self.wait_ssh()

    def stop(self) -> None:
        """Cut the power: nothing on the host can clean up."""
        docker("kill", self.name)

    def start(self) -> None:
        docker("start", self.name)
        self.wait_ssh()

    def freeze(self) -> None:
        """Freeze the host: its ports still accept connections, but nothing answers."""
        docker("pause", self.name)

    def unfreeze(self) -> None:
        docker("unpause", self.name)
        self.wait_ssh()  # a reboot requested before systemd runs again would be lost

    def cut_internet(self, silent: bool = False) -> None:
        """Make only the lab's networks reachable, also after reboots; silent: packets are dropped without an answer."""
        network.cut(self.name, list(self.addresses), silent)

    def restore_internet(self) -> None:
        network.restore(self.name)

    # Preparation by an administrator

    def write_file(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        script = 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod "$1" "$0"'
        self.must(["sh", "-c", script, path, f"{mode:o}"], stdin=text)

    def copy_in(self, path: str | Path, dest: str) -> None:
        """Copy a file or folder from this machine to `dest` on the host."""
        docker("cp", str(path), f"{self.name}:{dest}")

    def add_user(
        self,
        name: str,
        shell: str = "/bin/bash",
        password: str | None = None,
        sudo: str = "none",
        key: bool = True,
    ) -> None:
        """Create a user with a home folder. sudo: none | nopasswd | password; key: the lab's key may log in."""
        if sudo not in SUDO:
            raise LabError(f"sudo: expected {' | '.join(SUDO)}, got {sudo}")
        self.must(f"useradd --create-home --shell {posix(shell)} {name}; {SUDO[sudo].format(name=name)}")
        if password is not None:
            self.must(["chpasswd"], stdin=f"{name}:{password}\n")
        if key:
            line = keys.public(keys.login_key())
            self.must(f"install -d -m 700 -o {name} -g {name} ~{name}/.ssh")
            self.write_file(f"/home/{name}/.ssh/authorized_keys", line, 0o600)
            self.must(f"chown {name}:{name} ~{name}/.ssh/authorized_keys")

    def set_sshd(self, port: int = 22, extra: str = "") -> None:
        """Move sshd to another port and add sshd_config lines, which override the host's own."""
        self.write_file("/etc/ssh/sshd_config.d/00-test.conf", f"Port {port}\n{extra}\n")
        self.must("sshd -t && { systemctl reset-failed ssh; systemctl restart ssh; }")
        self.port = port
        self.wait_ssh()

    def remove_packages(self, *names: str) -> None:
        """Purge Debian packages and everything that depends on them."""
        self.must(
            f"SUDO_FORCE_REMOVE=yes DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq {' '.join(names)}"
        )


def _banner(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=2) as wire:
            wire.settimeout(5)
            return wire.recv(8).startswith(b"SSH-")
    except OSError:
        return False
