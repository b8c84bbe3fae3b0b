"""Resolve versions: once for the cluster, the same Ray and the same full Python on all hosts."""

from __future__ import annotations

import hashlib
import json
import re

from tasks.node.subject import Finding
from tasks.plan.desired import Versions, env_id
from tasks.plan.versions import agree, choose_python
from tasks.run.run import Failure, Node, Run, Stop
from tasks.runtimes.conda.steps import resolve as conda
from tasks.runtimes.packages.lock import subdir
from tasks.runtimes.uv.steps.resolve import compile_lock, platform_of

title = "Resolve versions"


def request_of(node: Node) -> str:
    """What was asked for; as long as it stays the same, the versions that were found for it stay too."""
    host = node.host
    if host.runtime == "conda":
        return conda.request_of(node)
    asked = [host.ray.version, list(host.uv.packages), host.uv.python]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]


def run(run: Run) -> None:
    run.request = request_of(run.head)
    nodes = [n for n in run.living if n.facts is not None]
    containers = [n for n in nodes if n.host.runtime == "docker"]
    from_conda = [n for n in conda.nodes_of(run) if n.facts is not None]
    direct = [n for n in nodes if n.host.runtime == "uv"]
    for node in containers:
        ray, python, user = node.image_versions or _guess(node)
        image = node.facts.image or node.subject.image
        node.versions = Versions(ray, python, image=image, image_user=user)
    if from_conda:
        _conda(run, from_conda, containers)
    if direct:
        _direct(run, direct, [*containers, *from_conda])
    versions = {n.name: (n.versions.ray, n.versions.python) for n in nodes if n.versions and n.versions.ray}
    _stop_at(run, agree(versions) + _not_as_asked(nodes))


def _guess(node: Node) -> tuple[str, str, str]:
    """Before the image is there only its tag can say something."""
    found = re.search(r":(\d+\.\d+\.\d+)", node.subject.image)
    return (found.group(1) if found else node.host.ray.version or "", "", "")


def _conda(run: Run, nodes: list[Node], containers: list[Node]) -> None:
    """Conda's hosts have the Python that the file asks for; it shows afterwards whether the others have it too."""
    anchor = next((n.versions.ray for n in containers if n.versions and n.versions.ray), None)
    locks = conda.locks(run, nodes, nodes[0].host.ray.version or anchor)
    for node in nodes:
        lock = locks[subdir(node.facts)]
        id_ = f"ray-{lock.ray}-py{lock.python}-{lock.id}"
        node.versions = Versions(lock.ray, lock.python, None, lock.text, id_)


def _direct(run: Run, direct: list[Node], others: list[Node]) -> None:
    anchor = next((n.versions for n in others if n.versions and n.versions.python), None)
    kept = _kept(run, direct)
    ray = direct[0].host.ray.version or (anchor.ray if anchor else kept.get("ray"))
    must_be = anchor.python if anchor else (kept.get("python") if run.limit is not None else None)
    subjects = [n.subject for n in direct]
    choice = choose_python(subjects, ray, must_be=must_be, kept=kept.get("python"))
    if isinstance(choice, list):
        _stop_at(run, choice)
        return
    locks: dict[str, str] = {}
    for node in sorted(direct, key=lambda n: not n.is_head):
        platform = platform_of(node.facts)
        if platform not in locks:
            locks[platform] = _kept_lock(run, direct, platform, choice.version, ray) or compile_lock(
                run.console, node.host, choice.version, platform, ray
            )
            ray = _ray_in(locks[platform])
        lock = locks[platform]
        path = choice.paths.get(node.name)
        node.versions = Versions(ray, choice.version, path, lock, env_id(ray, choice.version, lock))


def _kept(run: Run, direct: list[Node]) -> dict:
    if run.upgrade:
        return {}
    for node in sorted(direct, key=lambda n: not n.is_head):
        state = node.subject.state
        if state.get("request") == run.request or (run.limit is not None and node.is_head):
            return state
    return {}


def _kept_lock(run: Run, direct: list[Node], platform: str, python: str, ray: str | None) -> str:
    if run.upgrade:
        return ""
    for node in sorted(direct, key=lambda n: not n.is_head):
        state = node.subject.state
        same = state.get("request") == run.request and state.get("python") == python
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


def _not_as_asked(nodes: list[Node]) -> list[Finding]:
    out = []
    for node in nodes:
        asked = node.host.ray.version
        if asked and node.image_versions and node.image_versions[0] != asked:
            message = f"ray.version is {asked}, but the image {node.host.docker.image} holds {node.image_versions[0]}"
            out.append(
                Finding(node.name, message, "choose an image with that version, or remove ray.version")
            )
    return out


def _stop_at(run: Run, findings: list[Finding]) -> None:
    if not findings:
        return
    by_name = {n.name: n for n in run.nodes}
    for finding in findings:
        run.fail(by_name[finding.name], Failure(finding.message, finding.hint))
    raise Stop("the hosts cannot all run the same versions; nothing was started", findings[0].hint)
