"""The one read-only script that gathers facts, and the parsing of its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.node.gcs_store import Store, parse_store
from tasks.node.hold import Hold
from tasks.node.hold import parse as parse_hold
from tasks.node.interfaces import Address, addresses_of, default_interface
from tasks.node.names import RAY_DIR, basics
from tasks.node.places import Places, parse_places
from tasks.node.platforms import machine
from tasks.node.processes import Raylet, RayProcess, ray_processes, raylets_of
from tasks.node.watched import NOT_WATCHED, Watched, parse_watched
from tasks.script.script import Effect, Script, Value, render


@dataclass(frozen=True)
class OwnFacts:
    """The answers to the questions of one runtime; a runtime with questions has its own subclass."""

    @property
    def cpus(self) -> int | None:
        """CPUs of the virtual machine that Ray runs in; None if Ray runs in none."""
        return None

    @property
    def memory(self) -> int | None:
        """Memory of that virtual machine in bytes; None if Ray runs in none."""
        return None


@dataclass(frozen=True)
class Questions:
    """The part of the facts script that one runtime adds.

    :param body: names of the fragments.
    :param values: the values that they read.
    """

    body: tuple[str, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What a host reported. Sizes are in bytes, the clock in seconds since 1970.

    :param own: the answers to the questions of the host's runtime.
    """

    system: str
    arch: str
    hostname: str
    user: str
    uid: int
    home: str
    ssh_server_ip: str | None
    clock: int | None
    os_id: str
    cpus: int | None
    memory: int | None
    machine_id: str
    boot_id: str
    libc: str
    addresses: tuple[Address, ...]
    default_interface: str | None
    disk_free: dict[str, int]
    home_writable: bool
    tmp_writable: bool
    tools: frozenset[str]
    systemd: bool
    user_systemd: bool
    sudo: str | None
    gpus: tuple[str, ...]
    state: dict[str, Any] | None
    service: str | None
    active: bool
    envs: frozenset[str]
    ports: frozenset[int]
    ray_processes: tuple[RayProcess, ...] = field(default=())
    os_release: Mapping[str, str] = field(default_factory=dict)  # ID_LIKE, VERSION_ID, VERSION_CODENAME...
    gpu_driver: str = ""
    gpu_says: str = ""
    supervisor: str = ""  # the service's state as its supervisor names it: active, inactive, activating...
    node_processes: bool = False  # whether any process of this cluster's node exists, Ray's own or not
    ray_containers: Mapping[str, tuple[str, str]] = field(
        default_factory=dict
    )  # id: docker or podman, and name
    node: str = ""  # the folder of what belongs to this host alone
    home_files: tuple[str, ...] = ()  # what only hosts with the same home report alike
    home_hosts: frozenset[str] = frozenset()  # the hosts of this home, if it has several
    places: Places = field(default_factory=Places)
    bits: int = 64  # of the programs on the host, not of its kernel
    hung: tuple[tuple[str, int], ...] = ()  # programs that gave no answer, each with its limit in seconds
    lost: str = ""  # the session of the running node, if files of it were removed
    sudo_says: str = ""  # sudo's own words, whether it worked or not
    env_changes: tuple[str, ...] = ()  # what the environment's user has changed: "- FILE", "+ FILE"
    raylets: tuple[Raylet, ...] | None = None  # None: it is unknown which there are
    ssh_client_ip: str | None = None  # the operator's machine, or the last jump host, as this host sees it
    starts: tuple[str, ...] = ()  # the last starts of the node since its deploy, as `date` prints them
    deployed: str = ""  # of the head: the hosts that were deployed, see tasks.plan.deployed
    restored: tuple[str, ...] = ()  # of the head: the locks that `fab restore` has put there
    hold: Hold | None = None  # why the node is held back
    store: Store | None = None  # the state that a head keeps
    metrics: tuple[
        str, ...
    ] = ()  # of the head: which of prometheus and grafana `fab metrics up` has put there
    watched: Watched = NOT_WATCHED  # what the node's watch knows
    own: OwnFacts = OwnFacts()

    @property
    def root(self) -> bool:
        return self.uid == 0

    @property
    def can_root(self) -> bool:
        """Whether commands can be run as root on this host now."""
        return self.root or self.sudo in ("nopasswd", "password")


def facts_script(
    cluster: str,
    questions: Questions,
    *,
    temp_dir: str = RAY_DIR,
    spill_dir: str = "",
    sudo_password: bool = False,
    holder: str | None = None,
    settle: tuple[str, str] | None = None,
) -> Script:
    """The facts script for one host.

    :param questions: the part that its runtime adds.
    :param temp_dir: Ray's own folder; it may begin with ``~/``.
    :param spill_dir: the same for spilled objects, '' for none.
    :param holder: first take the cluster's lock for this holder (on the head, when the run may change something).
    :param settle: first give the host a folder of its own in a home of several hosts; the name of the host that keeps
        the folder of the whole home, or '', and the holder of that host's lock.
    """
    values = {**basics(cluster), **questions.values, "TEMP_DIR": temp_dir, "SPILL_DIR": spill_dir}
    body = ("facts", *questions.body)
    if holder is not None:
        values["HOLDER"] = holder
        body = ("lock", *body)
    if settle is not None:
        values |= {"FIRST": settle[0], "LOCKED_BY": settle[1]}
        body = ("settle", *body)
    secrets = ("RF_SUDO",) if sudo_password else ()
    effect = Effect.READS if holder is None and settle is None else Effect.LOCKS
    return render("gather facts", body, values, secrets=secrets, effect=effect)


def parse_facts(
    all_values: Mapping[str, Sequence[str]], texts: Mapping[str, Sequence[str]], own: OwnFacts
) -> Facts:
    """The answer's values -> Facts. Whatever the host did not report is None, empty or False.

    :param own: the runtime's part, parsed from the same answer.
    """

    def one(key: str, default: str = "") -> str:
        got = all_values.get(key)
        return got[-1].strip() if got else default

    def number(key: str) -> int | None:
        return int(one(key)) if one(key).isdigit() else None

    system, _, arch = [*one("uname").split(), "", "", ""][:3]
    uid = re.search(r"uid=(\d+)(?:\(([^)]*)\))?", one("id"))
    connection = one("ssh_connection").split()
    memory = number("mem_bytes")
    if one("mem_MemTotal:").isdigit():
        memory = int(one("mem_MemTotal:")) * 1024
    # NVIDIA L4, 550.54.15
    gpus = [(n.strip(), v.strip()) for n, _, v in (t.rpartition(",") for t in texts.get("gpu", ())) if n]
    return Facts(
        system=system,
        # macOS and others keep their own names, such as arm64
        arch=machine(arch) if system in ("Linux", "Windows") else arch,
        hostname=one("hostname"),
        user=(uid.group(2) or "") if uid else one("user"),
        uid=int(uid.group(1)) if uid else -1,
        home=one("home"),
        ssh_client_ip=connection[0] if len(connection) == 4 else None,
        ssh_server_ip=connection[2] if len(connection) == 4 else None,
        clock=number("clock"),
        os_id=one("os_ID").strip('"'),
        cpus=number("cpus"),
        memory=memory,
        machine_id=one("machine-id"),
        boot_id=one("boot_id"),
        libc=one("libc") or ("musl" if one("musl") else ""),
        addresses=tuple(addresses_of(texts)),
        default_interface=default_interface(texts),
        disk_free=_disk(texts.get("df", ())),
        home_writable=bool(one("home_writable")),
        tmp_writable=bool(one("tmp_writable")),
        tools=frozenset(all_values.get("tool", ())),
        systemd=bool(one("systemd")),
        user_systemd=bool(one("user_systemd")),
        sudo=one("sudo") or None,
        sudo_says="\n".join(texts.get("sudo_says", ())),
        gpus=tuple(name for name, _ in gpus),
        gpu_driver=gpus[0][1] if gpus else "",
        gpu_says=one("gpu_says"),
        state=_state(one("state")),
        service=one("service") or None,
        active=one("active") == "active",
        supervisor=one("active"),
        envs=frozenset(all_values.get("env", ())),
        ports=frozenset(_ports(one("ports"), texts.get("netstat", ()))),
        ray_processes=tuple(ray_processes(all_values.get("ray_process", ()), texts.get("ray_ps", ()))),
        os_release={k[3:]: one(k).strip("\"'") for k in all_values if k.startswith("os_")},
        node_processes=bool(one("node_processes")),
        ray_containers={
            words[0]: (words[1], words[2])
            for value in all_values.get("ray_container", ())
            if len(words := value.split()) == 3
        },
        node=one("node"),
        home_files=_home_files(texts.get("home_files", ())),
        home_hosts=frozenset(all_values.get("home_host", ())),
        raylets=tuple(raylets_of(all_values.get("raylet", ()))) if one("raylets_read") else None,
        starts=tuple(line.strip() for line in texts.get("starts", ()) if line.strip()),
        watched=parse_watched(one("life")),
        places=parse_places(all_values, texts),
        bits=number("long_bit") or 64,
        hung=tuple(_hung(all_values.get("hung", ()))),
        lost=one("ray_lost"),
        store=parse_store(texts.get("store", ())),
        env_changes=tuple(line for line in texts.get("env_changes", ()) if line.strip()),
        deployed=one("deployed"),
        metrics=tuple(one("metrics").split()),
        restored=tuple(texts.get("restored", ())),
        hold=parse_hold(one("hold")),
        own=own,
    )


def _home_files(lines: Sequence[str]) -> tuple[str, ...]:
    """Inode and time of change of some files in the home folder; of that folder only the inode, since it changes."""
    first, *rest = [line.strip() for line in lines if line.strip()] or [""]
    return (first.partition(" ")[0], *rest) if first else ()


def _disk(lines: Sequence[str]) -> dict[str, int]:
    """Free bytes by path; the rows are in the order in which the script asked for the paths."""
    # a Mac's system and its users' files are on two volumes that share their space
    lines = [line.replace("/System/Volumes/Data", "/") for line in lines]
    rows = [line.split() for line in lines if re.search(r"\d+%", line)]
    return {row[-1]: int(row[-3]) * 1024 for row in rows if len(row) >= 6 and row[-3].isdigit()}


def _state(text: str) -> dict[str, Any] | None:
    try:
        state = json.loads(text) if text else None
    except ValueError:
        return None
    return state if isinstance(state, dict) else None


def _hung(values: Sequence[str]) -> list[tuple[str, int]]:
    split = [value.rpartition(" ") for value in values]
    return [(name, int(seconds)) for name, _, seconds in split if seconds.isdigit()]


def _ports(hexes: str, netstat: Sequence[str]) -> list[int]:
    out = [int(word, 16) for word in hexes.split() if re.fullmatch("[0-9A-F]+", word)]
    return out + [int(word) for line in netstat if (word := line.rsplit(".", 1)[-1]).isdigit()]
