"""A "Windows" machine of the lab: the stand-in's SSH server, with the real Docker Engine of a lab host behind it."""

from __future__ import annotations

from pathlib import Path

import paramiko

from tasks.testbed import keys
from tasks.testbed.engine import docker
from tasks.testbed.host import LabHost
from tests.standins.windows.machine import Machine
from tests.standins.windows.server import WindowsSshd

DRIVE = "/srv/drive-c"  # on the lab host


class WindowsHost:
    """`host` is the machine below; what its engine mounts lies there."""

    def __init__(self, host: LabHost, shell: str = "cmd") -> None:
        self.host, self.name = host, host.name
        host.must(["mkdir", "-p", DRIVE])
        pid = docker("inspect", "--format", "{{.State.Pid}}", host.name)
        self.machine = Machine(
            Path(f"/proc/{pid}/root{DRIVE}"),
            host.name,
            docker=["docker", "exec", "-i", host.name, "docker"],
            seen_as=DRIVE,
            cards=[
                ("vEthernet (WSL (Hyper-V firewall))", "172.28.0.1", 20, False),
                ("Ethernet 2", host.address, 24, True),
            ],
            listening=self._listening,
        )
        self.sshd = WindowsSshd(self.machine, paramiko.Ed25519Key(filename=str(keys.login_key())), shell)

    def _listening(self) -> list[int]:
        table = self.host.must("cat /proc/net/tcp")
        rows = [line.split() for line in table.splitlines()[1:]]
        return sorted({int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"})

    def entry(self) -> dict[str, object]:
        """What its entry in a hosts file says."""
        return {"host": self.sshd.address, "port": self.sshd.port, "user": self.machine.user}

    def close(self) -> None:
        self.sshd.close()
