"""``runtime: toy``: it asks for the versions, and starts the Ray that is there."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.node import on_host
from tasks.node.facts import OwnFacts, Questions
from tasks.node.remembered import differences
from tasks.runtimes.protocol import Runtime


@dataclass(frozen=True)
class ToyFacts(OwnFacts):
    ray: str = ""
    python: str = ""


class ToyRuntime(Runtime):
    name = "toy"
    stays = "the Ray of runtime: toy stays: this tool has not installed it"

    def questions(self, host):
        return Questions(("toy_facts",), {"TOY_FOLDER": host.toy.folder})

    def facts(self, values, texts):
        return ToyFacts(*(values.get("toy") or [""])[-1].split()[:2])

    def summary(self, facts):
        return f"Ray {facts.own.ray}" if facts.own.ray else "no Ray"

    def problems(self, subject):
        if not subject.facts.own.ray:
            yield f"there is no Ray in {subject.host.toy.folder}", "toy.folder names the right one"

    def desire(self, subject, cluster, versions, node_ip, head_address):
        folder = subject.host.toy.folder
        return on_host.desire(subject, cluster, versions, node_ip, head_address, environment=folder)

    def differences(self, state, desired):
        return differences(state.get("start") or {}, desired.start)

    def start_script(self, host, cluster, desired, home, state, *, sudo=False, token=False):
        folder = host.toy.folder
        return on_host.start_script(
            host, cluster, desired, home, state, sudo=sudo, token=token, environment=folder
        )


RUNTIME = ToyRuntime()
