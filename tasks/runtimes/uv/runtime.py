"""``runtime: uv``: an environment that uv creates on the host, with one of the host's Pythons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tasks.inventory import Host
from tasks.node import on_host
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts, Questions
from tasks.node.platforms import ARM, X86, conda_name, machine
from tasks.node.subject import Subject
from tasks.node.supervisors import Activation
from tasks.runtimes.packages import environments
from tasks.runtimes.packages.problems import notes as limits
from tasks.runtimes.packages.problems import room, system
from tasks.runtimes.protocol import Answers, Problem, Runtime
from tasks.runtimes.uv.facts import UvFacts, parse, pythons_of
from tasks.script.script import Script


class Uv(Runtime):
    """See :class:`tasks.runtimes.protocol.Runtime`."""

    name = "uv"

    def questions(self, host: Host) -> Questions:
        return Questions(("python_find",))

    def facts(self, values: Answers, texts: Answers) -> UvFacts:
        return parse(values)

    def summary(self, facts: Facts) -> str:
        return ", ".join(sorted({version for version, _ in pythons_of(facts)})) or "-"

    def refusal(self, facts: Facts) -> Problem | None:
        if facts.system == "Windows":
            return "the runtime uv cannot be deployed on Windows yet", "runtime: conda or docker"
        return None

    def problems(self, subject: Subject) -> Iterator[Problem]:
        yield from system(subject)
        facts = subject.facts
        if facts.system == "Linux" and facts.bits == 64 and not _has_ray(subject):
            way = "runtime: docker with an image for it, or mirrors.pypi: an index that has them"
            yield f"Ray has no packages for Linux on {facts.arch}", way
        elif not pythons_of(facts) and conda_name(facts.system, facts.arch) is None:
            yield (
                f"there is no Python 3 here, and no build of it for {facts.arch}",
                "install one, or runtime: docker",
            )
        yield from room(subject)

    def desire(
        self, subject: Subject, cluster: str, versions: Versions, node_ip: str, head_address: str
    ) -> Desired:
        return on_host.desire(subject, cluster, versions, node_ip, head_address, activate=_activation)

    def lacking(self, subject: Subject, desired: Desired) -> tuple[list[str], list[str]]:
        return environments.lacking(subject, desired)

    def repairs_running(self, subject: Subject, desired: Desired) -> bool:
        return environments.repairs_running(subject, desired)

    def notes(self, subject: Subject) -> Iterator[Problem]:
        yield from environments.notes(subject)
        yield from limits(subject)

    def differences(self, state: Mapping[str, Any], desired: Desired) -> list[str]:
        return environments.differs(state, desired)

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
        return on_host.start_script(host, cluster, desired, home, state, sudo=sudo, token=token)


def _has_ray(subject: Subject) -> bool:
    """Whether an index may have Ray's packages for the host's architecture; PyPI has them for two."""
    return machine(subject.facts.arch) in (X86, ARM) or bool(subject.host.mirrors.pypi)


def _activation(env_dir: str) -> Activation:
    return Activation({"VIRTUAL_ENV": env_dir})


RUNTIME = Uv()
