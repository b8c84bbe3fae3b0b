"""A node in a container: its desired state, and the script that starts it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tasks.inventory import Host
from tasks.node import gcs_store, homes, journal, ray, surroundings
from tasks.node.desired import Desired, Versions, digest
from tasks.node.kept import kept_values
from tasks.node.names import RAY_DIR, SPILL_DIR, authorities, node_dir
from tasks.node.remembered import by_name, hidden, remembered
from tasks.node.start import gcs_values, secrets_of, start_values
from tasks.node.subject import Subject
from tasks.node.temp import spill_dir, temp_dir
from tasks.runtimes.docker.container import AUTHORITIES, Container, run_arguments, store_of
from tasks.runtimes.docker.engine.facts import has_option, option_values, run_options
from tasks.runtimes.docker.facts import docker_of, image_of
from tasks.script.script import Script, render

IN_HOME = "~/tmp/ray"
KIND = "docker"  # of service: Docker's restart policy keeps the container alive
STEP = 64 << 20
GIB = 1 << 30


def on_bridge(subject: Subject) -> bool:
    """Whether the container is on a bridge: if the hosts file sets it, and on systems whose Docker runs in a VM."""
    network = subject.host.docker.network
    return network == "bridge" or (network == "auto" and subject.facts.system != "Linux")


def host_folder(host: Host, home: str, *, bridge: bool) -> str:
    """Ray's own folder, as the host sees it; a node on a bridge keeps it in the user's home."""
    folder = temp_dir(host, home, IN_HOME if bridge else RAY_DIR)
    # on Windows, where the home is like C:/Users/me, Docker's command needs Windows' kind of path
    return folder.replace("/", "\\") if re.match("[A-Za-z]:", folder) else folder


def own_folder(subject: Subject) -> bool:
    """Whether Ray's folder is in the home: on a bridge, and where the engine sees another /tmp than the host."""
    return on_bridge(subject) or docker_of(subject.facts).engine.own_tmp


def shm_bytes(subject: Subject) -> int:
    """Bytes of shared memory: ``docker.shm_size`` if memory allows, else 30% as Ray recommends, in whole 64 MiB.

    Rounded, since the kernel reports slightly different memory at each boot, which must not cause a restart.
    """
    asked = subject.host.docker.shm_size.bytes
    memory = subject.memory
    return asked if memory is None or asked <= memory * 0.8 else max(int(memory * 0.3) // STEP, 1) * STEP


def shm_note(subject: Subject) -> str:
    """A line for the user if the container gets less shared memory than the hosts file requests; else ''."""
    asked, gets = subject.host.docker.shm_size, shm_bytes(subject)
    if gets == asked.bytes or has_option(subject.host.docker.run_args, "--shm-size"):
        return ""
    memory = f"30% of its {subject.memory / GIB:.1f} GiB of memory"
    return f"shared memory is {gets / GIB:.1f} GiB here ({memory}), where docker.shm_size asks for {asked}"


def desire(
    subject: Subject, cluster: str, versions: Versions, node_ip: str, head_address: str, system: str
) -> Desired:
    """The node that the host should run.

    :param system: the system that Ray sees in the container.
    """
    host, facts = subject.host, subject.facts
    bridge = on_bridge(subject)
    # hosts with the same home need different folders
    alone = homes.folder(facts, cluster) == node_dir(facts.home, cluster)
    cpus = host.cpus or subject.cpus
    token = ray.uses_token(host, versions.ray)
    folder = host_folder(host, facts.home, bridge=own_folder(subject) and (alone or not bridge))
    spilled = "" if facts.system == "Windows" else spill_dir(host, facts.home, cluster, versions.ray)
    arguments = ray.start_arguments(
        host,
        versions.ray,
        node_ip,
        head_address,
        bridge=bridge,
        cpus=cpus,
        spill_dir=spilled and SPILL_DIR,
    )
    trusts = bool(host.mirrors.ca) and facts.system != "Windows"
    variables = ray.environment(
        host, versions.ray, system, AUTHORITIES if trusts else "", gcs_store.IN_CONTAINER
    )
    keeps = gcs_store.is_kept_by(host, versions.ray)
    user = (option_values(host.docker.run_args, "--user", "-u") or [versions.image_user])[-1]
    engine = docker_of(facts).engine
    journaled = host.role == "head" and facts.system != "Windows"
    box = Container(
        host=host,
        cluster=cluster,
        variables=variables,
        image=versions.image or host.docker.image,
        user=user,
        node_ip=node_ip,
        head=head_address,
        temp_dir=folder,
        spill_dir=spilled,
        options=tuple(run_options(host, engine, len(facts.gpus), shm_bytes(subject))),
        bridge=bridge,
        cpus=cpus,
        hostname=facts.hostname,
        authorities=authorities(homes.folder(facts, cluster)) if trusts else "",
        store=store_of(cluster) if keeps else "",
        jobs=f"{homes.folder(facts, cluster)}/{journal.FOLDER}" if journaled else "",
    )
    own = surroundings.own_no_proxy(variables)
    hash_ = digest([run_arguments(box, arguments, "", pack=str), token, *([own] if own else [])])
    start = remembered(
        host,
        arguments,
        variables,
        docker=by_name(box.options),
        run_args=hidden(by_name(host.docker.run_args)),
        image=image_of(subject),
        network="bridge" if bridge else "host",
    )
    return Desired(
        name=host.name,
        role=host.role,
        kind=KIND,
        node_ip=node_ip,
        head_address=head_address,
        versions=versions,
        hash=hash_,
        arguments=tuple(run_arguments(box, arguments, hash_)),
        token=token,
        temp_dir=folder,
        spill_dir=spilled,
        user=user if bridge else "",
        runs_as=user,
        store=gcs_store.belongs_to(KIND, versions.ray, user) if keeps else "",
        start=start,
    )


def start_script(
    host: Host, cluster: str, desired: Desired, state: Mapping[str, Any], *, sudo: bool, token: bool
) -> Script:
    """The script that replaces the container and waits until Ray has started."""
    values = {
        **start_values(cluster, desired, state),
        **gcs_values(desired, state),
        "SPILL_DIR": desired.spill_dir,
        **kept_values(desired, state),
        "RUN": list(desired.arguments),
        "CONTAINER_USER": desired.user,
        "IMAGE": desired.versions.image or host.docker.image,
        "RAY_USER": desired.runs_as,
        "SETTLED": surroundings.settled(desired.start["env"]),
        "BRIDGE": desired.start["network"] == "bridge",
        "OWN_NO_PROXY": surroundings.own_no_proxy(host.ray.env),
    }
    title = f"start the {host.role}"
    secrets = secrets_of(sudo=sudo, token=token)
    return render(title, "docker_up", values, secrets=secrets)
