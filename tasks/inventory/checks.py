"""Checks that need more than one value: duplicates, colliding ports, an open dashboard, versions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tasks.inventory import address
from tasks.inventory.cluster import Host
from tasks.inventory.document import Document, Flaw
from tasks.inventory.problems import Where, dotted
from tasks.inventory.ray_versions import NO_SPILL_DIR, has_own_spill_dir, has_token_auth, keeps_head_state
from tasks.inventory.runtime_sections import SECTIONS
from tasks.inventory.sections import Ray

RAY_WORKER_PORTS = (10002, 19999)  # Ray's own default range
_CLUSTER_WIDE = ("version", "port", "dashboard_port", "dashboard_host", "auth", "state")
_ONLY_ON_HEAD = ("client", "autoscaler_metric", "dashboard_metric")
_AUTH_VARIABLES = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE")
_OWN_FLAGS = {
    "--head": "head:",
    "--address": "head:",
    "--block": "the project itself",
    "--node-ip-address": "node_ip",
    "--node-name": "name of the host",
    "--temp-dir": "ray.temp_dir",
    "--object-spilling-directory": "ray.spill_dir",
    "--disable-usage-stats": "the project itself",
    "--port": "ray.port",
    "--dashboard-port": "ray.dashboard_port",
    "--dashboard-host": "ray.dashboard_host",
    "--ray-client-server-port": "ray.ports.client",
    "--node-manager-port": "ray.ports.node_manager",
    "--object-manager-port": "ray.ports.object_manager",
    "--dashboard-agent-grpc-port": "ray.ports.dashboard_agent_grpc",
    "--dashboard-agent-listen-port": "ray.ports.dashboard_agent_listen",
    "--runtime-env-agent-port": "ray.ports.runtime_env_agent",
    "--metrics-export-port": "ray.ports.metrics_export",
    "--min-worker-port": "ray.ports.min_worker",
    "--max-worker-port": "ray.ports.max_worker",
    "--num-cpus": "cpus of the host",
    "--num-gpus": "gpus of the host",
    "--memory": "memory of the host",
    "--resources": "resources of the host",
    "--labels": "labels of the host",
}
# names of resources that Ray gives itself -> the key that sets them
_OWN_RESOURCES = {
    "CPU": "cpus: on the host",
    "GPU": "gpus: on the host",
    "memory": "memory: on the host",
    "object_store_memory": 'ray.head_args and ray.worker_args: ["--object-store-memory=BYTES"]',
    "node": "node_ip: or labels: on the host",
    "accelerator_type": "labels: on the host",
}


@dataclass(frozen=True)
class Placed:
    """A host and its path in the file."""

    host: Host
    where: Where

    @cached_property
    def key(self) -> str:
        return address.canonical(self.host.host)


def check(placed: list[Placed], document: Document) -> Iterator[Flaw]:
    """Each flaw once, even if many hosts share it."""
    seen: set[tuple[int, Where, str]] = set()
    for flaw in (*_duplicates(placed), *_sections(placed, document)):
        if (flaw.line, flaw.where, flaw.message) not in seen:
            seen.add((flaw.line, flaw.where, flaw.message))
            yield flaw


def _duplicates(placed: list[Placed]) -> Iterator[Flaw]:
    machines: dict[tuple[str, int], Placed] = {}
    names: dict[str, Placed] = {}
    addresses: dict[str, Placed] = {}
    local: Placed | None = None
    for one in placed:
        addresses.setdefault(one.key, one)
    for one in placed:
        host = one.host
        first = machines.setdefault((one.key, host.port or 22), one)
        same_name = names.setdefault(host.name.casefold(), one)
        other = addresses.get(address.canonical(host.name))
        if first is not one:
            yield _listed_twice(one, f"{host.host} is", first)
        elif host.connection == "local" and local:
            yield _listed_twice(one, "this machine is", local)
        elif same_name is not one:
            yield Flaw(
                host.line,
                one.where,
                f"{host.name} is also the name of {_at(same_name)}; set name: to tell them apart",
            )
        elif other and other.host is not host and host.name != host.host:
            yield Flaw(
                host.line,
                one.where,
                f"the name {host.name} is the address of {_at(other)}; set name: to tell them apart",
            )
        local = local or (one if host.connection == "local" else None)


def _listed_twice(one: Placed, subject: str, first: Placed) -> Flaw:
    if first.host.role == "head":
        message = f"{subject} the head (line {first.host.line}) already, and the head runs tasks too; leave it out here"
    else:
        message = f"{subject} listed twice, first as {_at(first)}; leave one out"
    return Flaw(one.host.line, one.where, message)


def _at(one: Placed) -> str:
    return f"{dotted(one.where)} (line {one.host.line})"


def _sections(placed: list[Placed], document: Document) -> Iterator[Flaw]:
    for one in placed:
        blame = _Blame(document, one.where)
        ray = one.host.ray
        yield from _cluster_wide(one, blame)
        yield from _open_dashboard(ray, blame)
        if ray.state == "kept" and ray.version is not None and not keeps_head_state(ray.version):
            way_out = "use state: memory, leave it out, or a version from 2.57 on"
            yield blame.flaw(("ray", "state"), f"Ray {ray.version} cannot keep its state; {way_out}")
        yield from _ports(one.host, blame)
        yield from _arguments(ray, blame)
        if ray.spill_dir and ray.version and not has_own_spill_dir(ray.version):
            yield blame.flaw(("ray", "spill_dir"), f"{NO_SPILL_DIR.format(ray.version)}; leave it out here")
        yield from _resources(one.host, blame)
        for variable in _AUTH_VARIABLES:
            if variable in ray.env:
                yield blame.flaw(
                    ("ray", "env", variable),
                    "ray.auth creates the token and sends it to the hosts; leave this out",
                )
        for name in SECTIONS:
            for found in getattr(one.host, name).lacking():
                if not blame.written((name, found.needs)):
                    yield blame.flaw((name, found.key), found.message)


class _Blame:
    """Reports a flaw of a merged value where it is written: on the host, else at the top of the file."""

    def __init__(self, document: Document, where: Where) -> None:
        self.document, self.where = document, where

    def written(self, key: Where) -> bool:
        return self.document.has((*self.where, *key)) or self.document.has(key)

    def flaw(self, key: Where, message: str) -> Flaw:
        where = (*self.where, *key) if self.document.has((*self.where, *key)) else key
        return Flaw(self.document.line(where), where, message)


def _cluster_wide(one: Placed, blame: _Blame) -> Iterator[Flaw]:
    for key in _CLUSTER_WIDE:
        if blame.document.has((*one.where, "ray", key)):
            yield blame.flaw(
                ("ray", key),
                f"applies to the whole cluster; write it under ray: at the top of the file, as ray.{key}",
            )


def _open_dashboard(ray: Ray, blame: _Blame) -> Iterator[Flaw]:
    old = ray.version is not None and not has_token_auth(ray.version)
    if old and ray.auth == "token":
        yield blame.flaw(
            ("ray", "auth"),
            f"Ray {ray.version} has no tokens, which came with 2.52; use auth: none or a newer version",
        )
    elif (old or ray.auth == "none") and not _is_loopback(ray.dashboard_host):
        why = f"Ray {ray.version} has no tokens" if old else "with auth: none"
        way_out = "use 127.0.0.1 and fab dashboard, or "
        way_out += "a version from 2.52 on" if old else "auth: token"
        where = ("ray", "dashboard_host")
        yield blame.flaw(
            where, f"{why}, and anyone who reaches {ray.dashboard_host} could run code; {way_out}"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _ports(host: Host, blame: _Blame) -> Iterator[Flaw]:
    taken: dict[int, Where] = {}
    pinned: list[tuple[Where, int]] = []
    if host.role == "head":
        pinned += [(("ray", "port"), host.ray.port), (("ray", "dashboard_port"), host.ray.dashboard_port)]
    ports = host.ray.ports
    for key in type(ports).model_fields:
        if key not in ("min_worker", "max_worker") and (host.role == "head" or key not in _ONLY_ON_HEAD):
            pinned.append((("ray", "ports", key), getattr(ports, key)))
    for where, port in pinned:
        other = taken.setdefault(port, where)
        if other != where:
            # report the port that is written in the file rather than a default
            here, there = (where, other) if blame.written(where) else (other, where)
            yield blame.flaw(here, f"port {port} is {dotted(there)} already; choose another")
    yield from _worker_ports(host, pinned, blame)


def _worker_ports(host: Host, pinned: list[tuple[Where, int]], blame: _Blame) -> Iterator[Flaw]:
    ports = host.ray.ports
    if ports.min_worker is None and ports.max_worker is None:
        return
    low, high = ports.min_worker or RAY_WORKER_PORTS[0], ports.max_worker or RAY_WORKER_PORTS[1]
    bound = ("ray", "ports", "max_worker" if ports.max_worker else "min_worker")
    if low > high:
        yield blame.flaw(
            bound, f"the worker ports {low}-{high} end before they begin; exchange min_worker and max_worker"
        )
    inside = [(where, port) for where, port in pinned if low <= port <= high]
    for where, port in inside:
        if blame.written(where):
            yield blame.flaw(where, f"port {port} is one of the worker ports {low}-{high}; choose another")
    defaults = [f"{dotted(where)} ({port})" for where, port in inside if not blame.written(where)]
    if defaults:
        yield blame.flaw(
            bound, f"the worker ports {low}-{high} include {', '.join(defaults)}; choose another range"
        )


def _arguments(ray: Ray, blame: _Blame) -> Iterator[Flaw]:
    for key in ("head_args", "worker_args"):
        for index, argument in enumerate(getattr(ray, key)):
            flag = re.split(r"[=\s]", argument.strip(), maxsplit=1)[0]
            if flag in _OWN_FLAGS:
                yield blame.flaw(
                    ("ray", key, index), f"{flag} is set by {_OWN_FLAGS[flag]}; leave it out here"
                )


def _resources(host: Host, blame: _Blame) -> Iterator[Flaw]:
    for name in host.resources:
        kind, colon, _ = name.partition(":")
        # node: and accelerator_type: begin the names that Ray makes
        if kind in _OWN_RESOURCES and bool(colon) == (kind in ("node", "accelerator_type")):
            yield blame.flaw(("resources", name), f"Ray itself sets {name}; use {_OWN_RESOURCES[kind]}")
