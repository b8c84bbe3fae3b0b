"""A node that runs directly on the host, in an environment and under one of the host's supervisors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tasks.inventory import Host
from tasks.node import gcs_store, homes, journal, pruning, ray, supervisors, surroundings
from tasks.node.desired import Desired, Versions, digest
from tasks.node.heal import watch_words
from tasks.node.kept import kept_values
from tasks.node.names import RAY_DIR, authorities, node_dir
from tasks.node.remembered import remembered
from tasks.node.start import gcs_values, outside_value, secrets_of, start_values
from tasks.node.subject import Subject
from tasks.node.supervisors import Activation, Start
from tasks.node.temp import for_tools, spill_dir, temp_dir
from tasks.script.script import Script, Value, render


def env_dir(home: str, cluster: str, env_id: str) -> str:
    """The folder of an environment that this project creates on a host."""
    return f"{node_dir(home, cluster)}/envs/{env_id}"


def desire(
    subject: Subject,
    cluster: str,
    versions: Versions,
    node_ip: str,
    head_address: str,
    *,
    environment: str = "",
    activate: Callable[[str], Activation] = lambda folder: Activation(),
) -> Desired:
    """The node that the host should run.

    :param environment: the environment's folder; '' for the one that this project creates.
    :param activate: returns what activating the environment in this folder changes in a process.
    """
    host, facts = subject.host, subject.facts
    token = ray.uses_token(host, versions.ray)
    kind = supervisors.kind_on(facts)
    folder = supervisors.ray_dir(kind, facts.home, cluster)
    if folder == RAY_DIR:
        folder = temp_dir(host, facts.home)
    spilled = "" if facts.system == "Windows" else spill_dir(host, facts.home, cluster, versions.ray)
    cpus = host.cpus or subject.cpus
    arguments = ray.start_arguments(
        host, versions.ray, node_ip, head_address, cpus=cpus, temp_dir=folder, spill_dir=spilled
    )
    trusted = authorities(homes.folder(facts, cluster))
    own = {
        **surroundings.UV,
        **(for_tools(folder, homes.folder(facts, cluster)) if facts.system != "Windows" else {}),
    }
    node = homes.folder(facts, cluster)
    variables = {**own, **ray.environment(host, versions.ray, facts.system, trusted, node)}
    keeps = gcs_store.is_kept_by(host, versions.ray)
    words = [*gcs_store.entry(), *arguments] if keeps else arguments
    place = environment or env_dir(facts.home, cluster, versions.env_id)
    files = supervisors.files(
        kind,
        Start(
            home=facts.home,
            node=node,
            cluster=cluster,
            user=facts.user,
            env_dir=place,
            variables=variables,
            arguments=words,
            token=token,
            activation=activate(place),
            temp_dir=folder,
            prune=pruning.limits(host, spilled, folder),
            journal=journal.address(host) if host.role == "head" and facts.system != "Windows" else "",
            watched=watch_words(host, f"{node}/life.json", node_ip, head_address, words),
        ),
    )
    return Desired(
        name=host.name,
        role=host.role,
        kind=kind,
        node_ip=node_ip,
        head_address=head_address,
        versions=versions,
        hash=digest([files, kind, token]),
        arguments=tuple(arguments),
        token=token,
        temp_dir=folder,
        spill_dir=spilled,
        store=gcs_store.belongs_to("host", versions.ray) if keeps else "",
        files=files,
        start=remembered(host, arguments, variables),
    )


def start_script(
    host: Host,
    cluster: str,
    desired: Desired,
    home: str,
    state: Mapping[str, Any],
    *,
    sudo: bool = False,
    token: bool = False,
    environment: str = "",
    named: tuple[str, ...] = (),
    **more: Value,
) -> Script:
    """Puts the node under its supervisor, starts it (or starts it again), and waits until Ray has started.

    :param home: the user's home folder on the host.
    :param environment: as for :func:`desire`.
    :param named: the runtime's own fragments.
    :param more: the values that they read.
    """
    values = {
        **start_values(cluster, desired, state),
        "SERVICE": desired.kind,
        "ENV_DIR": environment or env_dir(home, cluster, desired.versions.env_id),
        **desired.files,
    }
    title = f"start the {host.role}"
    secrets = secrets_of(sudo=sudo, token=token)
    on_windows = desired.kind in supervisors.windows_task.KINDS
    body = "task_up" if on_windows else "service_up"
    if not on_windows:
        values |= {
            "SPILL_DIR": desired.spill_dir,
            "SETTLED": surroundings.settled(desired.start["env"]),
            **gcs_values(desired, state),
            **kept_values(desired, state),
            # not in the hash: another text of it restarts no node
            "JOURNAL_PY": journal.program() if host.role == "head" else "",
        }
    return render(title, body, {**values, **outside_value(), **more}, named=named, secrets=secrets)
