"""``runtime: conda``: an environment that conda creates on the host, including Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tasks.inventory import Host
from tasks.node import on_host
from tasks.node.desired import Desired, Versions
from tasks.node.facts import Facts, Questions
from tasks.node.subject import Subject
from tasks.runtimes.conda import facts as conda_facts
from tasks.runtimes.conda.activation import activation
from tasks.runtimes.conda.facts import CondaFacts, conda_of
from tasks.runtimes.conda.problems import problems
from tasks.runtimes.packages import environments
from tasks.runtimes.packages.problems import notes as limits
from tasks.runtimes.packages.problems import room, system
from tasks.runtimes.protocol import Answers, Problem, Runtime
from tasks.script.script import Script


class CondaRuntime(Runtime):
    """See :class:`tasks.runtimes.protocol.Runtime`."""

    name = "conda"

    def questions(self, host: Host) -> Questions:
        return conda_facts.questions(host)

    def facts(self, values: Answers, texts: Answers) -> CondaFacts:
        return conda_facts.parse(values)

    def summary(self, facts: Facts) -> str:
        condas = conda_of(facts).condas
        return f"{condas[0].kind} {condas[0].version}" if condas else "no conda yet"

    def problems(self, subject: Subject) -> Iterator[Problem]:
        yield from system(subject)
        yield from room(subject)
        yield from problems(subject)

    def desire(
        self, subject: Subject, cluster: str, versions: Versions, node_ip: str, head_address: str
    ) -> Desired:
        activate = partial(activation, subject.host.conda.env, subject.facts.system)
        return on_host.desire(subject, cluster, versions, node_ip, head_address, activate=activate)

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
        return on_host.start_script(
            host,
            cluster,
            desired,
            home,
            state,
            sudo=sudo,
            token=token,
            named=("conda_name",),
            ENV_NAME=host.conda.env,
        )


RUNTIME = CondaRuntime()
