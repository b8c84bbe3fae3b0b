"""A lab has a name and its own networks, so that a user's lab and the test suite's can exist side by side."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tasks.testbed import engine, image, keys, kinds, machine
from tasks.testbed.engine import LABEL, LabError, Say, command, docker, listed
from tasks.testbed.host import LabHost
from tasks.testbed.network import Network
from tasks.testbed.ray_image import ray_image
from tasks.testbed.registry import Registry

# Not --privileged, which fails if the outer machine itself lacks SYS_RESOURCE.
MACHINE = [
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--cgroupns=private", "--device-cgroup-rule=a *:* rwm"),
    *("--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"),
    *("--security-opt=systempaths=unconfined", "--tmpfs=/run", "--tmpfs=/run/lock", "--tty"),
    *("--stop-signal=SIGRTMIN+3", "--shm-size=8g"),
]
FIRST = 11  # last number of the address of host 1; that of host 100 is 110
NAMED = 151  # last number of the first host that has a name instead of a number
FLAVOUR = f"{LABEL}.flavour"
KIND = f"{LABEL}.kind"


class Lab:
    """A lab. Its hosts are found in Docker by label each time, so those of an interrupted run are found too.

    name: part of every container's, volume's and network's name; subnet: a /24 in 198.18.0.0/15; further
    networks use the next ones.
    """

    def __init__(self, name: str = "lab", subnet: str = "198.18.10.0/24", say: Say = print):
        self.name, self.say, self.prefix = name, say, f"rayfab-{name}"
        self.subnet = ipaddress.ip_network(subnet)
        self._networks: dict[str, Network] = {}
        engine.ensure_engine(say)
        found = [host for host in self._all() if host.flavour == "registry"]
        self.registry = Registry(found[0]) if found else None

    # Hosts

    def up(self, count: int, flavour: str = "docker", kind: str = "") -> list[LabHost]:
        """Bring the lab to exactly `count` running hosts; healthy hosts are left alone.

        kind: a key of tasks/testbed/kinds.py; new hosts are prepared like that.
        """
        if not 1 <= count <= 100:
            raise LabError(f"hosts: expected 1-100, got {count}")
        with engine.lock(f"up-{self.name}"):
            return self._up([self._numbered(number) for number in range(1, count + 1)], flavour, kind)

    def _up(self, want: Sequence[str], flavour: str, kind: str) -> list[LabHost]:
        have = {host.name: host for host in self.hosts()}
        if odd := [have[name] for name in want if name in have and have[name].kind != kind]:
            is_ = odd[0].kind or "an ordinary host"
            raise LabError(f"{odd[0].name} is {is_}, not {kind or 'ordinary'}: run `fab lab-down` first")
        if odd := [have[name] for name in want if name in have and have[name].flavour != flavour]:
            raise LabError(
                f"{odd[0].name} is of flavour {odd[0].flavour}, not {flavour}: run `fab lab-down` first"
            )
        numbered = [name for name in have if name.removeprefix(self.prefix + "-").isdigit()]
        self._each(self.remove_host, [have[name] for name in numbered if name not in want])
        self._each(self._revive, [have[name] for name in want if name in have])
        new = [name for name in want if name not in have]
        if kind:
            self.add_kind(kind, new, flavour, first=not have)
        else:
            self.add_hosts(new, flavour)
        have = {host.name: host for host in self.hosts()}
        return [have[name] for name in want]

    def add_kind(
        self, kind: str, names: Sequence[str | None], flavour: str = "docker", *, first: bool = True
    ) -> list[LabHost]:
        """Boot hosts and prepare them as a key of tasks/testbed/kinds.py says.

        first: the first one is the head; otherwise all are workers of the head that is there.
        """
        what = kinds.KINDS[kind]
        head = [] if first else [self.hosts()[0]]
        where = ("behind",) if what.apart else ("main",)
        inner = {"kind": kind, "volumes": what.volumes}
        hosts = self.add_hosts(names[:1] if first else [], flavour, **inner)
        hosts += self.add_hosts(names[1:] if first else names, flavour, where, **inner)
        # a preparation that is for workers alone takes the head first and leaves it as it is
        what.prepare([*head, *hosts])
        return hosts

    def hosts(self) -> list[LabHost]:
        """Every host of the lab, running or not, ordered by address, without the registry."""
        return [host for host in self._all() if host.flavour != "registry"]

    def _all(self) -> list[LabHost]:
        names = listed("container", self.name)
        found = []
        for box in json.loads(docker("inspect", *names)) if names else []:
            if box["State"]["Status"] == "created":  # not booted yet, or left by an interrupted run
                continue
            nets = box["NetworkSettings"]["Networks"].values()
            addresses = [net["IPAMConfig"]["IPv4Address"] for net in nets if net["IPAMConfig"]]
            addresses.sort(key=ipaddress.ip_address)
            labels = box["Config"]["Labels"]
            name = box["Name"].lstrip("/")
            found.append(LabHost(name, addresses, labels[FLAVOUR], kind=labels.get(KIND, "")))
        return sorted(found, key=lambda host: ipaddress.ip_address(host.address))

    def add_host(
        self, name: str | None = None, flavour: str = "docker", networks: Sequence[str] = ("main",)
    ) -> LabHost:
        """Boot one more host. networks: `main` first, then others, which are created on first use."""
        return self.add_hosts([f"{self.prefix}-{name}" if name else None], flavour, networks)[0]

    def add_hosts(
        self,
        names: Sequence[str | None],
        flavour: str = "docker",
        networks: Sequence[str] = ("main",),
        *,
        kind: str = "",
        volumes: Sequence[str] = (),
    ) -> list[LabHost]:
        """Boot several hosts of one flavour in parallel. A name of None means the next free number.

        volumes: folders that all hosts with this volume share, ``NAME:/path``.
        """
        if not names:
            return []
        tag = image.ensure_image(flavour, self.say)
        nets = [self.network(which) for which in networks]
        have = {host.name: int(host.address.rsplit(".", 1)[1]) for host in self._all()}
        hosts = []
        for wanted in names:
            name, number = self._place(wanted, have)
            if name in have:
                raise LabError(f"there is a host {name} already")
            have[name] = number
            hosts.append(LabHost(name, [net.address(number) for net in nets], flavour, kind=kind))
        for volume in volumes:
            docker(
                "volume",
                "create",
                f"--label={LABEL}={self.name}",
                f"{self.prefix}-{volume.partition(':')[0]}",
            )
        self._each(lambda host: self._boot(host, tag, nets, volumes), hosts)
        return hosts

    def _place(self, name: str | None, have: Mapping[str, int]) -> tuple[str, int]:
        """Name and last address number for a new host."""
        if name is None:
            name = next(n for n in map(self._numbered, range(1, 101)) if n not in have)
        tail = name.removeprefix(self.prefix + "-")
        if tail.isdigit():
            return name, FIRST - 1 + int(tail)
        return name, next(number for number in range(NAMED, 255) if number not in have.values())

    def _numbered(self, number: int) -> str:
        return f"{self.prefix}-{number}"

    def start_registry(self, version: str = "2.60.0") -> Registry:
        """A registry that serves rayproject/ray-ml of that Ray version; hosts booted later pull from it."""
        tag = ray_image(version, say=self.say)
        if self.registry is None:
            registry = Registry(self.add_hosts([f"{self.prefix}-registry"], "registry")[0])
            registry.configure()
            registry.push(tag)
            self.registry = registry
        else:
            self._revive(self.registry.host)
        return self.registry

    def remove_host(self, host: LabHost) -> None:
        """Remove the machine, its disk and its firewall rules."""
        host.restore_internet()
        docker("rm", "--force", "--volumes", host.name)
        command(["docker", "volume", "rm", "--force", f"{host.name}-docker"])

    def down(self) -> int:
        """Remove everything of this lab except the images; returns the number of hosts."""
        names = listed("container", self.name)
        self._each(self.remove_host, [LabHost(name, ["-"], "") for name in names])
        for kind in ("volume", "network"):
            if left := listed(kind, self.name):
                docker(kind, "rm", *left)
        self._networks.clear()
        self.registry = None
        folder = engine.LAB_DIR / "host_keys"
        inside = ipaddress.ip_network(f"{self.subnet.network_address}/20", strict=False)
        keys.forget(p.stem for p in folder.glob("*.pub") if ipaddress.ip_address(p.stem) in inside)
        return len(names)

    # Networks

    def network(self, which: str = "main") -> Network:
        """The lab's network of that name; hosts on different networks cannot reach each other."""
        if which not in self._networks:
            net = Network(self.name, self._network_name(which), self._subnet(which))
            net.ensure()
            self._networks[which] = net
        return self._networks[which]

    def _subnet(self, which: str) -> str:
        """The subnet of an existing network, or the first free /24 from the lab's own onward."""
        names = listed("network", self.name)
        form = "{{.Name}} {{(index .IPAM.Config 0).Subnet}}"
        have = (
            dict(line.split() for line in docker("network", "inspect", "--format", form, *names).splitlines())
            if names
            else {}
        )
        free = (f"{self.subnet.network_address + 256 * n}/24" for n in range(0 if which == "main" else 1, 16))
        return have.get(self._network_name(which)) or next(s for s in free if s not in have.values())

    def _network_name(self, which: str) -> str:
        return self.prefix if which == "main" else f"{self.prefix}-{which}"

    # Single hosts

    def _boot(self, host: LabHost, tag: str, nets: Sequence[Network], volumes: Sequence[str] = ()) -> None:
        label = [f"--label={LABEL}={self.name}", f"--label={FLAVOUR}={host.flavour}"]
        label += [f"--label={KIND}={host.kind}"] if host.kind else []
        # without a volume the inner engine falls back to a driver that copies every layer
        store = f"{host.name}-docker"
        docker("volume", "create", f"--label={LABEL}={self.name}", store)
        command(["docker", "rm", "--force", "--volumes", host.name])  # left by an interrupted run
        where = [f"--network={nets[0].name}", f"--ip={host.address}", f"--volume={store}:/var/lib/docker"]
        where += [f"--volume={self.prefix}-{volume}" for volume in volumes]
        docker("create", "--name", host.name, "--hostname", host.name, *label, *where, *MACHINE, tag)
        for net, address in zip(nets[1:], host.addresses[1:], strict=True):
            docker("network", "connect", "--ip", address, net.name, host.name)
        docker("cp", "-", f"{host.name}:/", stdin=image.archive(self._identity(host)))
        docker("start", host.name)
        host.wait_ssh()

    def _identity(self, host: LabHost) -> dict[str, tuple[str | bytes, int]]:
        key = keys.host_key(host.address)
        keys.supersede(host.address)
        files: dict[str, tuple[str | bytes, int]] = {
            "/root/.ssh/authorized_keys": (keys.public(keys.login_key()), 0o600),
            "/etc/ssh/ssh_host_ed25519_key": (key.read_bytes(), 0o600),
            "/etc/ssh/ssh_host_ed25519_key.pub": (keys.public(key), 0o644),
            # containers inside a host cannot use Docker's stub resolver
            "/etc/lab/resolv.conf": ("".join(f"nameserver {ns}\n" for ns in machine.nameservers()), 0o644),
        }
        if self.registry is not None and host.flavour == "docker":
            files["/etc/docker/daemon.json"] = (self.registry.daemon_json(), 0o644)
        return files

    def _revive(self, host: LabHost) -> None:
        status = docker("inspect", "--format", "{{.State.Status}}", host.name)
        if status == "paused":
            host.unfreeze()
        elif status != "running":
            host.start()
        else:
            host.wait_ssh()

    def _each(self, do, items: Iterable) -> None:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(do, list(items)))
