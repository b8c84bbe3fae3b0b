"""The steps that uv adds to an operation."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tasks.inventory import Host
from tasks.node.desired import Versions
from tasks.node.subject import Finding
from tasks.report.console import Board
from tasks.run.failures import Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Planned, Resolved
from tasks.runtimes import steps
from tasks.runtimes.packages.web import Web
from tasks.runtimes.uv import builds
from tasks.runtimes.uv.python import choose_python
from tasks.runtimes.uv.scripts import uv_script
from tasks.runtimes.uv.steps.resolve import compile_lock, env_id, platform_of, uv_binary_for, uv_version
from tasks.script.script import Script

TIMEOUT = 3600.0


class Installation(steps.Installation):
    """Each host downloads its own packages; uv itself is copied to hosts that cannot get it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._folder = tempfile.TemporaryDirectory(prefix="rayfab-install-")

    def install(self, node: Planned, board: Board) -> None:
        answer = self.run.ask(node, self._script(node), board, timeout=TIMEOUT)
        if "need_uv" in answer.values:
            self._carry_uv(node, board)
            answer = self.run.ask(node, self._script(node, carried=True), board, timeout=TIMEOUT)
        if answer.values.get("changed") == "1":
            self.run.did(node, "installed")

    def scripts(self, node: Planned) -> list[Script]:
        return [self._script(node)]

    def end(self) -> None:
        self._folder.cleanup()

    def _script(self, node: Planned, *, carried: bool = False) -> Script:
        versions = node.versions
        return uv_script(
            node.host,
            self.run.cluster.name,
            uv_version=uv_version(),
            env_id=versions.env_id,
            python=versions.python,
            python_path=versions.python_path,
            lock=versions.lock,
            carried=carried,
        )

    def _carry_uv(self, node: Planned, board: Board) -> None:
        binary = uv_binary_for(node.host, node.facts, Path(self._folder.name))

        def on_bytes(sent: int, total: int) -> None:
            board.step(node.name, f"carrying uv, {sent >> 20} of {total >> 20} MiB")

        target = f"{node.facts.home}/.rayfab/.uv/{uv_version()}/uv"
        self.run.carry(node, binary, target, mode=0o700, on_bytes=on_bytes)


class UvSteps(steps.Steps):
    """See :class:`tasks.runtimes.steps.Steps`."""

    def request_of(self, host: Host) -> str:
        return steps.digest_of([host.ray.version, list(host.uv.packages), host.uv.python])

    def resolve(
        self, run: Run, nodes: Sequence[Known], settled: Sequence[Resolved]
    ) -> tuple[list[Resolved], list[Finding]]:
        nodes = sorted(nodes, key=lambda node: not node.is_head)
        anchor = next((n.versions for n in settled if n.versions.python), None)
        kept = _kept(run, nodes)
        ray = nodes[0].host.ray.version or (anchor.ray if anchor else kept.get("ray"))
        must_be = anchor.python if anchor else (kept.get("python") if run.options.limit is not None else None)
        web = Web.of(nodes[0].host)
        choice = choose_python(
            [n.subject for n in nodes],
            ray,
            must_be=must_be,
            kept=kept.get("python"),
            known=lambda platform: builds.known(nodes[0].host, platform, web),
        )
        if isinstance(choice, list):
            return [], choice
        locks: dict[str, str] = {}
        resolved = []
        for node in nodes:
            platform = platform_of(node.facts)
            if platform not in locks:
                locks[platform] = _kept_lock(run, nodes, platform, choice.version, ray) or compile_lock(
                    run.console, node.host, choice.version, platform, ray
                )
                ray = _ray_in(locks[platform])
            lock = locks[platform]
            path = choice.paths.get(node.name)
            versions = Versions(ray, choice.version, path, lock, env_id(ray, choice.version, lock))
            resolved.append(node.resolved(versions))
        return resolved, []

    def installation(self, run: Run) -> Installation:
        return Installation(run)


def _kept(run: Run, nodes: Sequence[Known]) -> dict:
    """The state that an earlier deploy of the same request recorded on one of these hosts; else empty."""
    if run.options.upgrade:
        return {}
    for node in nodes:
        state = node.state
        if state.get("request") == run.learned.request or (run.options.limit is not None and node.is_head):
            return state
    return {}


def _kept_lock(run: Run, nodes: Sequence[Known], platform: str, python: str, ray: str | None) -> str:
    """The lock of one of these hosts, if it was made for the same request; else ''."""
    if run.options.upgrade:
        return ""
    for node in nodes:
        state = node.state
        same = state.get("request") == run.learned.request and state.get("python") == python
        if (
            same
            and node.lock_text
            and platform_of(node.facts) == platform
            and ray in (None, _ray_in(node.lock_text))
        ):
            return node.lock_text + "\n"
    return ""


def _ray_in(lock: str) -> str:
    found = re.search(r"^ray(?:\[[^\]]*\])?==([^\s;]+)", lock, re.MULTILINE)
    if not found:
        raise Stop("the packages do not include ray", "add ray to uv.packages", code=2)
    return found.group(1)


STEPS = UvSteps()
