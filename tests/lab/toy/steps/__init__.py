"""What the toy adds to an operation: it knows the versions from the facts."""

from __future__ import annotations

from tasks.node.desired import Versions
from tasks.runtimes import steps


class ToySteps(steps.Steps):
    installs = False

    def request_of(self, host):
        return steps.digest_of(host.toy.folder)

    def resolve(self, run, nodes, settled):
        versions = [Versions(node.facts.own.ray, node.facts.own.python) for node in nodes]
        return [node.resolved(found) for node, found in zip(nodes, versions, strict=True)], []


STEPS = ToySteps()
