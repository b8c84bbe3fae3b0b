"""What there is on a host: the same before a deploy and after a destroy."""

from __future__ import annotations

import time

from tasks.testbed.host import LabHost

# Files that change on any machine, whatever is done there; those of Docker's engine are listed by itself below.
OWN_LIFE = (
    *("/proc", "/sys", "/run", "/dev/pts", "/dev/mqueue", "/var/lib/docker", "/var/log/journal"),
    *("/var/lib/systemd/timers", "/var/lib/systemd/random-seed", "/var/cache/man", "/var/lib/logrotate"),
    *("/var/lib/containerd", "/var/lib/apt/periodic"),
)
SCRIPT = """
find / \\( {skip} \\) -prune -o -printf 'file %p %M %U\\n'
for comm in /proc/[0-9]*/comm; do echo "process $(cat "$comm")"; done
awk '$4 == "0A" {{ print "listens at", $2 }}' /proc/net/tcp /proc/net/tcp6
systemctl list-unit-files --no-legend | awk '{{ print "unit", $1, $2 }}'
systemctl list-units --all --no-legend --plain | awk '$3 == "failed" {{ print "failed", $1 }}'
systemctl is-system-running | sed 's/^/system /'
sysctl net.ipv4.ip_forward net.ipv4.ip_local_port_range vm.overcommit_memory kernel.shmmax fs.file-max
if command -v docker; then
    docker ps -a --format 'container {{{{.Names}}}}'
    docker volume ls --format 'volume {{{{.Name}}}}'
    docker network ls --format 'network {{{{.Name}}}}'
fi
"""
# a login's own, which go some seconds after it
OF_LOGINS = {"systemd", "(sd-pam)", "sshd", "sh", "cat", "bash", "polkitd", "dbus-daemon", "agetty"}


def snapshot(host: LabHost) -> set[str]:
    """Files with mode and owner, programs that run, open ports, units, and what Docker has but its images."""
    skip = " -o ".join(f"-path {path}" for path in OWN_LIFE)
    lines = host.exec(SCRIPT.format(skip=skip)).out.splitlines()
    return {line for line in lines if not _own_life(line)}


def _own_life(line: str) -> bool:
    """What another boot or login has in another way."""
    kind, _, rest = line.partition(" ")
    if kind == "process":
        return rest in OF_LOGINS or "kworker" in rest
    if kind == "listens":
        # the resolver and the container engine of the machine take any port of their own loopback
        address, _, port = rest.removeprefix("at ").partition(":")
        return address.endswith("7F") and int(port, 16) >= 32768
    return "/systemd-private-" in rest


def left_alone(host: LabHost, before: set[str], but: str = "") -> None:
    """Nothing has come and nothing has gone since; but: lines that begin so are passed over."""
    for _ in range(20):
        now = snapshot(host)
        new, gone = (
            sorted(line for line in lines if not but or not line.startswith(but))
            for lines in (now - before, before - now)
        )
        if not new and not gone:
            return
        time.sleep(1)  # what a login began ends some seconds after it
    raise AssertionError(f"{host.name}: new: {new}, gone: {gone}")


def healthy(host: LabHost) -> str:
    """What systemd says of the whole machine: running, or degraded where a unit has failed."""
    return host.exec("systemctl is-system-running").out.strip()
