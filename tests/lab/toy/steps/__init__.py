"""What the toy adds to an operation: it knows the versions from the facts."""

from __future__ import annotations

from tasks.node.desired import Versions
from tasks.runtimes import steps


class ToySteps(steps.Steps):
    installs = False

    def request_of(self, host):
        return steps.digest_of(host.toy.folder)

    def resolve(self, run, nodes, settled):
        for node in nodes:
            node.versions = Versions(node.facts.own.ray, node.facts.own.python)
        return []


STEPS = ToySteps()
