"""``runtime: docker``: Ray in a container that Docker's restart policy keeps alive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.inventory import Host, SecretSource
from tasks.node import life, ray
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts, Questions
from tasks.node.gcs_store import Place
from tasks.node.life import Life
from tasks.node.processes import RayProcess
from tasks.node.remembered import differences
from tasks.node.subject import Subject
from tasks.runtimes.docker import facts as docker_facts
from tasks.runtimes.docker import node, problems
from tasks.runtimes.docker.engine import gpus
from tasks.runtimes.docker.engine.choice import engine_for, lacks_engine
from tasks.runtimes.docker.engine.install import Engine
from tasks.runtimes.docker.facts import DockerFacts, docker_of, image_of
from tasks.runtimes.docker.image.state import short
from tasks.runtimes.protocol import Answers, Problem, Runtime
from tasks.script.script import Script


class Docker(Runtime):
    """See :class:`tasks.runtimes.protocol.Runtime`."""

    name = "docker"
    stays = "Docker and its images were kept: other software on these hosts may need them"

    def questions(self, host: Host) -> Questions:
        return docker_facts.questions(host)

    def facts(self, values: Answers, texts: Answers) -> DockerFacts:
        return docker_facts.parse(values, texts)

    def temp_dir(self, host: Host) -> str:
        default = node.IN_HOME if host.docker.network == "bridge" else super().temp_dir(host)
        return host.ray.temp_dir or default

    def longest_temp_dir(self, facts: Facts) -> int | None:
        return None

    def system(self, facts: Facts) -> str:
        return "Linux"

    def unclear(self, facts: Facts) -> bool:
        return bool(docker_of(facts).problem)

    def summary(self, facts: Facts) -> str:
        docker = docker_of(facts)
        if facts.system == "Linux" and docker.problem == "missing":
            return "no Docker yet"
        return f"Docker {docker.version}" if docker.version else "-"

    def problems(self, subject: Subject) -> Iterator[Problem]:
        return problems.problems(subject)

    def gpu_problems(self, subject: Subject) -> Iterator[Problem]:
        return gpus.problems(subject)

    def notes(self, subject: Subject) -> Iterator[Problem]:
        yield from gpus.notes(subject)
        yield from problems.smaller_machine(subject)
        yield from problems.own_tmp(subject)

    def announcements(self, subjects: Sequence[Subject]) -> Iterator[str]:
        names: dict[str, list[str]] = {}
        for subject in subjects:
            if lacks_engine(subject) and isinstance(engine := engine_for(subject), Engine):
                names.setdefault(engine.what, []).append(subject.name)
        for what, hosts in names.items():
            yield f"install Docker ({what}) on {', '.join(hosts)}"

    def ports_needed(self, subject: Subject) -> dict[str, range]:
        if not node.on_bridge(subject):
            return {}
        # Docker publishes a range completely or not at all
        low, high = ray.worker_ports(subject.host, bridge=True, cpus=subject.host.cpus or subject.cpus)
        return {f"worker processes, {low}-{high}": range(low, high + 1)}

    def owns(self, process: RayProcess, facts: Facts) -> bool:
        container = docker_of(facts).container
        return bool(container) and container[:12] in process.cgroup

    def life(self, facts: Facts) -> Life:
        docker = docker_of(facts)
        mine = [
            one for one in facts.raylets or () if docker.container and docker.container[:12] in one.cgroup
        ]
        # where the engine runs in a virtual machine, or in a namespace of its own, its processes cannot be seen
        starts = facts.watched.starts
        return life.of_raylets(mine, facts, starts) if mine else life.of_watch(facts, starts, age=docker.up)

    def listens_on_host(self, subject: Subject) -> bool:
        return not node.on_bridge(subject)

    def state_place(self, subject: Subject, cluster: str) -> Place:
        engine = docker_of(subject.facts).engine
        return Place(engine.root or "Docker's folder", engine.root_kind)

    def address_problem(self, ip: str, subject: Subject) -> str:
        return problems.address_problem(ip, subject)

    def asked(self, host: Host) -> dict[str, str | None]:
        return {**super().asked(host), "docker.image": host.docker.image}

    def desire(
        self, subject: Subject, cluster: str, versions: Versions, node_ip: str, head_address: str
    ) -> Desired:
        return node.desire(subject, cluster, versions, node_ip, head_address, self.system(subject.facts))

    def lacking(self, subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
        steps: list[str] = []
        why: list[str] = []
        if lacks_engine(subject):
            engine = engine_for(subject)
            steps.append("install Docker")
            why += [engine.what] if isinstance(engine, Engine) else []
        if docker_of(subject.facts).image is None:
            step, image = _image_comes(subject)
            steps.append(step)
            start = subject.state.get("start")
            old = start.get("image") if isinstance(start, dict) else None
            why.append(f"image {old} -> {image}" if old and old != image else image)
        return steps, why

    def differences(self, state: Mapping[str, Any], desired: Desired) -> list[str]:
        start = state.get("start")
        found = []
        if isinstance(start, dict) and start:
            found = differences(
                start,
                desired.start,
                texts=("image", "network"),
                shown={"docker": "docker "},
                secret={"run_args": "docker "},
            )
        old, new = state.get("image"), desired.versions.image
        # while the image is not on the host, its name is used in place of its id
        named = any(text.startswith("image ") for text in found)
        if old and new.startswith("sha256:") and old != new and not named:
            found.insert(0, f"image {short(old)} -> {short(new)}")
        return found

    def start_notes(self, subject: Subject) -> Iterator[str]:
        if note := node.shm_note(subject):
            yield note

    def certain_restart(self, subject: Subject) -> bool:
        return docker_of(subject.facts).image is None

    def start_script(
        self,
        host: Host,
        cluster: str,
        desired: Desired,
        home: str,
        state: Mapping[str, Any],
        *,
        sudo: bool = False,
        token: bool = False,
    ) -> Script:
        return node.start_script(host, cluster, desired, state, sudo=sudo, token=token)

    def password(self, host: Host) -> SecretSource | None:
        return host.docker.registry_password


def _image_comes(subject: Subject) -> tuple[str, str]:
    """The step that gets the image, and the image's name."""
    kind, _, path = subject.host.docker.image_source.partition(":")
    image = image_of(subject)
    if kind == "file":
        return "copy the image", f"{image} from {path}"
    return ("take the image from one host" if kind == "seed" else "pull the image"), image


RUNTIME = Docker()
