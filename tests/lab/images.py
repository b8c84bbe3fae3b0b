"""What the tests of images share: small images, a slow link, and what a host has."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.testbed.host import LabHost
from tasks.testbed.registry import PORT, Registry
from tests.lab import hosts as helpers
from tests.lab.story import sh

IMAGE = "rayproject/ray:2.60.0-small"


class Fleet:
    """Hosts with engines of their own, a registry, and `fab` for them."""

    def __init__(self, hosts: list[LabHost], registry: Registry, folder: Path) -> None:
        self.hosts, self.registry, self.folder = hosts, registry, folder

    def fab(self, *args: str, only: list[LabHost] | None = None, docker=None, ssh=None, env=None, **more):
        """`fab ARGS` for these hosts (default: all); docker: settings over those of the mirror."""
        settings = {"image": IMAGE, "registry_mirror": self.registry.url, **(docker or {})}
        path = helpers.write_hosts_file(
            self.folder, only or self.hosts, runtime="docker", settings={"docker": settings, "ssh": ssh or {}}
        )
        return helpers.run_fab(self.folder / "home", *args, hosts_file=path, env=env, **more)

    def forget(self, *hosts: LabHost) -> None:
        """No image is left on these hosts (default: all)."""
        for host in hosts or self.hosts:
            sh(
                host,
                "docker image ls -q | sort -u | xargs -r docker rmi -f; rm -rf /root/.rayfab/test/image*",
            )


def place(registry: Registry) -> str:
    return f"{registry.host.address}:{PORT}"


def trust(host: LabHost, *places: str) -> None:
    """The engine takes plain HTTP from these places."""
    names = ", ".join(f'"{name}"' for name in places)
    host.write_file("/etc/docker/daemon.json", f'{{"insecure-registries": [{names}]}}\n')
    host.must("systemctl reset-failed docker; systemctl restart docker")  # however often in a minute


def slow(host: LabHost, rate: str) -> None:
    """Nothing leaves the host faster than that, such as 100mbit; '' lifts it."""
    host.must("tc qdisc del dev eth0 root 2>/dev/null; true")
    if rate:
        host.must(f"tc qdisc add dev eth0 root tbf rate {rate} burst 256kb latency 200ms")


def sent(host: LabHost) -> int:
    """Bytes that have left the host by its network."""
    return int(sh(host, "cat /sys/class/net/eth0/statistics/tx_bytes"))


def image_id(host: LabHost, name: str = IMAGE) -> str:
    return sh(host, f"docker image inspect -f '{{{{.Id}}}}' {name} 2>/dev/null || true")


def packed_size(registry: Registry, name: str) -> int:
    """Bytes of an image's layers as the registry keeps them."""
    path, _, tag = name.partition(":")
    base = "/var/lib/docker-registry/docker/registry/v2"
    link = sh(registry.host, f"cat {base}/repositories/{path}/_manifests/tags/{tag}/current/link")
    manifest = sh(registry.host, f"cat {base}/blobs/sha256/{link[7:9]}/{link[7:]}/data")
    return sum(map(int, re.findall(r'"size": ?(\d+)', manifest)))


def leftovers(host: LabHost) -> str:
    """What handing an image on must not leave: pieces, servers, logins."""
    return sh(
        host,
        "ls -d /root/.rayfab/test/image.parts /root/.rayfab/test/login.* 2>/dev/null; "
        "docker ps -aq --filter name=rayfab_seed_; ls -A /root/.docker 2>/dev/null; true",
    )
