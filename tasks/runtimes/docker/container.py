"""`docker run` for a node: on the host's own network, or on a bridge with every port published."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tasks.inventory import Host
from tasks.node import gcs_store, journal, pruning, ray
from tasks.node.heal import program, watch_words
from tasks.node.names import DRAIN_SECONDS, RAY_DIR, SPILL_DIR, unit
from tasks.script import files
from tasks.script.packed import packed

AUTHORITIES = "/etc/rayfab-ca.pem"  # in the container
OWN_DIR = (
    "/var/tmp/ray"  # Ray's own folder in a container whose mounts hold no sockets, see drivers/bridge.py
)


@dataclass(frozen=True)
class Container:
    """A node's container, without the arguments of Ray.

    :param variables: the environment variables of Ray's processes.
    :param authorities: the host's file with certificates that is mounted at :data:`AUTHORITIES`; '' for none.
    :param jobs: the host's folder of a head's journal of jobs; '' for none.
    :param store: the volume in which a head keeps its state; '' for none.
    :param head: ``ip:port`` of the head's GCS.
    :param image: name or id; the id is the image that was checked.
    :param user: ``uid:gid`` that Ray runs as, from ``run_args`` or the image; empty while unknown.
    :param temp_dir: the host's folder that is mounted as Ray's own folder.
    :param spill_dir: the host's folder that is mounted for spilled objects; '' for none.
    :param options: the options that depend on the engine, see ``engine.facts.run_options``.
    :param cpus: number of CPUs for the size of the range of worker ports; None if unknown.
    :param hostname: the host's own name, which Ray's dashboard shows; set because a container on a bridge has another.
    """

    host: Host
    cluster: str
    variables: Mapping[str, str]
    image: str
    user: str
    node_ip: str
    head: str
    temp_dir: str
    options: tuple[str, ...]
    bridge: bool
    cpus: int | None
    hostname: str = ""
    authorities: str = ""
    spill_dir: str = ""
    store: str = ""
    jobs: str = ""


def store_of(cluster: str) -> str:
    """The volume of a head that keeps its state; kind_docker.sh has the same name."""
    return f"{unit(cluster)}-gcs"


def run_arguments(
    box: Container, start_arguments: Sequence[str], hash_: str, pack: Callable[[str], str] = packed
) -> list[str]:
    """The arguments after ``docker run --env-file FILE``: options, image, and Ray as the container's command.

    :param pack: how programs are written; for a hash, as they are.
    """
    host = box.host
    out = ["--detach", "--name", unit(box.cluster)]
    out += _bridge(box) if box.bridge else ["--network=host"]
    out += ["--init", *box.options]
    out += ["--volume", f"{box.temp_dir}:{RAY_DIR}"]
    out += ["--volume", f"{box.spill_dir}:{SPILL_DIR}"] if box.spill_dir else []
    out += ["--restart", "unless-stopped", "--stop-timeout", str(DRAIN_SECONDS)]
    # set, since the engines of some distributions log to the journal, which does not support sizes
    out += ["--log-driver", "json-file", "--log-opt", "max-size=20m", "--log-opt", "max-file=3"]
    out += ["--label", f"rayfab.cluster={box.cluster}", "--label", f"rayfab.hash={hash_}"]
    if box.authorities:
        out += ["--volume", f"{box.authorities}:{AUTHORITIES}:ro"]
    if box.store:
        out += ["--volume", f"{box.store}:{gcs_store.IN_CONTAINER}"]
    if box.jobs:
        out += ["--volume", f"{box.jobs}:{journal.IN_CONTAINER}"]
    for name, value in box.variables.items():
        # the script extends no_proxy, and puts it into the file
        out += ["--env", f"{name}={value}"] if name.lower() != "no_proxy" else []
    out += host.docker.run_args
    # root at first, even if run_args name a user: entry() changes to that user
    out += ["--user", "0:0", box.image] if box.bridge else [box.image]
    if box.bridge:
        uid, _, gid = box.user.partition(":")
        out += ["python", "-c", entry(), box.node_ip, uid, gid or uid, ",".join(_ranges(box))]
    if box.store:
        start_arguments = [*gcs_store.entry(pack), *start_arguments]
    life = f"{RAY_DIR}/{unit(box.cluster)}.json"
    watched = watch_words(host, life, box.node_ip, box.head, start_arguments, box="/var/tmp/rayfab-watch")
    return [*out, *_pruned(box, pack), "python", "-I", "-c", pack(program()), *watched]


# The first process of a container, or what the one on a bridge becomes: what keeps Ray's folders small is beside it.
_BESIDE = f"""\
sh -c "$0" rayfab-prune python -c "$1" "$2" "$3" "$4" "$5" "$6" {RAY_DIR} {OWN_DIR} </dev/null >/dev/null 2>&1 &
shift 6
exec "$@\""""


# The same for the head's journal of jobs.
_JOURNAL = """\
python -I -c "$0" keep "$1" "$2" </dev/null >/dev/null 2>&1 &
shift 2
exec "$@\""""


def _pruned(box: Container, pack: Callable[[str], str]) -> list[str]:
    limits = pruning.limits(box.host, box.spill_dir and SPILL_DIR)
    out = ["sh", "-c", _BESIDE, pruning.HOURLY, pack(pruning.program()), *limits]
    if box.jobs:
        out += [
            "sh",
            "-c",
            _JOURNAL,
            pack(journal.program()),
            journal.IN_CONTAINER,
            journal.address(box.host),
        ]
    return out


@cache
def entry() -> str:
    """The first process of a container on a bridge: it takes the node's address, then becomes Ray.

    The text is part of the node's hash: any change to it, even in a comment, restarts nodes at the next deploy.
    """
    return files.text("drivers", "bridge")


def _bridge(box: Container) -> list[str]:
    """Options for the bridge. The container starts as root to take the address, then changes to the image's user."""
    out = ["--network=bridge", "--cap-add", "NET_ADMIN"]
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", box.hostname):
        out += ["--hostname", box.hostname]
    for ports in _ranges(box):
        # IPv4 only: with IPv6 an engine would start a second proxy process for each port
        out += ["--publish", f"0.0.0.0:{ports}:{ports}"]
    if box.host.role == "head":
        port = box.host.ray.dashboard_port
        out += ["--publish", f"{_listen(box.host.ray.dashboard_host)}:{port}:{port}"]
    return out


def _listen(address: str) -> str:
    """One of the host's addresses as Docker needs it, which accepts no names."""
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return "127.0.0.1"
    return f"[{found}]" if found.version == 6 else str(found)


def _ranges(box: Container) -> list[str]:
    """Published ports except the dashboard's, with neighbours joined: ``["6379", "10002-10099", "20000-20005"]``."""
    low, high = ray.worker_ports(box.host, bridge=True, cpus=box.cpus)
    single = {port for what, port in ray.ports_needed(box.host).items() if what != "dashboard"}
    out: list[str] = []
    for port in sorted(single | set(range(low, high + 1))):
        first, _, last = out[-1].partition("-") if out else ("", "", "")
        if out and port == int(last or first) + 1:
            out[-1] = f"{first}-{port}"
        else:
            out.append(str(port))
    return out
