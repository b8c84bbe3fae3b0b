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

    def mount_without_sockets(self) -> None:
        """As on Docker Desktop, Ray's folder lies in a file system that can hold no sockets: here that of sshfs."""
        folder = f"{DRIVE}/Users/{self.machine.user}/tmp/ray"
        script = """
        set -e
        export DEBIAN_FRONTEND=noninteractive
        command -v sshfs >/dev/null || { apt-get update -qq; apt-get install -y -qq sshfs; }
        [ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
        [ -e /root/.ssh/own ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/own
        cat /root/.ssh/own.pub >>/root/.ssh/authorized_keys
        mkdir -p /srv/far "$1"
        chmod 777 /srv/far
        options=allow_other,IdentityFile=/root/.ssh/own,StrictHostKeyChecking=no,umask=0
        sshfs -o "$options" localhost:/srv/far "$1" </dev/null >/dev/null 2>&1
        ! python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1/socket" 2>/dev/null
        """
        self.host.must(["sh", "-c", script, "sh", folder])

    def entry(self) -> dict[str, object]:
        """What its entry in a hosts file says."""
        return {"host": self.sshd.address, "port": self.sshd.port, "user": self.machine.user}

    def close(self) -> None:
        self.sshd.close()
        # nothing where nothing was mounted; left mounted, it would hold up the end of the machine
        self.host.exec("umount -l -a -t fuse.sshfs")
