"""Resolve versions: once for the cluster, the same Ray and the same full Python on all hosts."""

from __future__ import annotations

import hashlib
import json
import re

from tasks.node.subject import Finding
from tasks.plan.desired import Versions, env_id
from tasks.plan.versions import agree, choose_python
from tasks.run.failures import Failure, Stop
from tasks.run.run import Run
from tasks.run.stages import Known, Listed, Resolved
from tasks.run.step import step
from tasks.runtimes.conda.steps import resolve as conda
from tasks.runtimes.packages.lock import subdir
from tasks.runtimes.uv.steps.resolve import compile_lock, platform_of


def request_of(node: Listed) -> str:
    """What was asked for; as long as it stays the same, the versions that were found for it stay too."""
    host = node.host
    if host.runtime == "conda":
        return conda.request_of(node)
    asked = [host.ray.version, list(host.uv.packages), host.uv.python]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]


@step("Resolve versions")
def resolve(run: Run) -> None:
    run.learned.request = request_of(run.head())
    containers = [node for node in run.living(Known) if node.host.runtime == "docker"]
    from_conda = conda.nodes_of(run, Known)
    direct = [node for node in run.living(Known) if node.host.runtime == "uv"]
    resolved: list[Resolved] = []
    for node in containers:
        ray, python, user = node.image_versions or _guess(node)
        image = node.facts.image or node.subject.image
        resolved.append(node.resolved(Versions(ray, python, image=image, image_user=user)))
    if from_conda:
        resolved += _conda(run, from_conda, resolved)
    if direct:
        resolved += _direct(run, direct, resolved)
    for node in resolved:
        run.put(node)
    by_name = {node.name: node.versions for node in run.living(Resolved)}
    versions = {name: (v.ray, v.python) for name, v in by_name.items() if v.ray}
    _stop_at(run, agree(versions) + _not_as_asked(run.living(Known)))


def _guess(node: Known) -> tuple[str, str, str]:
    """Before the image is there, only its tag tells its versions."""
    found = re.search(r":(\d+\.\d+\.\d+)", node.subject.image)
    return (found.group(1) if found else node.host.ray.version or "", "", "")


def _conda(run: Run, nodes: list[Known], containers: list[Resolved]) -> list[Resolved]:
    """Conda's hosts get the Python that the hosts file asks for; afterwards it shows whether the others have it."""
    anchor = next((node.versions.ray for node in containers if node.versions.ray), None)
    locks = conda.locks(run, nodes, nodes[0].host.ray.version or anchor)
    resolved = []
    for node in nodes:
        lock = locks[subdir(node.facts)]
        id_ = f"ray-{lock.ray}-py{lock.python}-{lock.id}"
        resolved.append(node.resolved(Versions(lock.ray, lock.python, None, lock.text, id_)))
    return resolved


def _direct(run: Run, direct: list[Known], others: list[Resolved]) -> list[Resolved]:
    limited = run.options.limit is not None
    anchor = next((node.versions for node in others if node.versions.python), None)
    kept = _kept(run, direct)
    ray = direct[0].host.ray.version or (anchor.ray if anchor else kept.get("ray"))
    must_be = anchor.python if anchor else (kept.get("python") if limited else None)
    subjects = [node.subject for node in direct]
    choice = choose_python(subjects, ray, must_be=must_be, kept=kept.get("python"))
    if isinstance(choice, list):
        _stop_at(run, choice)
        return []
    locks: dict[str, str] = {}
    resolved = []
    for node in _head_first(direct):
        platform = platform_of(node.facts)
        if platform not in locks:
            locks[platform] = _kept_lock(run, direct, platform, choice.version, ray) or compile_lock(
                run.console, node.host, choice.version, platform, ray
            )
            ray = _ray_in(locks[platform])
        lock = locks[platform]
        path = choice.paths.get(node.name)
        versions = Versions(ray, choice.version, path, lock, env_id(ray, choice.version, lock))
        resolved.append(node.resolved(versions))
    return resolved


def _head_first(nodes: list[Known]) -> list[Known]:
    return sorted(nodes, key=lambda node: not node.is_head)


def _kept(run: Run, direct: list[Known]) -> dict:
    if run.options.upgrade:
        return {}
    for node in _head_first(direct):
        state = node.state
        if state.get("request") == run.learned.request or (run.options.limit is not None and node.is_head):
            return state
    return {}


def _kept_lock(run: Run, direct: list[Known], platform: str, python: str, ray: str | None) -> str:
    if run.options.upgrade:
        return ""
    for node in _head_first(direct):
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
        raise Stop("the packages hold no ray", "name ray in uv.packages", code=2)
    return found.group(1)


def _not_as_asked(nodes: list[Known]) -> list[Finding]:
    out = []
    for node in nodes:
        asked = node.host.ray.version
        if asked and node.image_versions and node.image_versions[0] != asked:
            message = f"ray.version is {asked}, but the image {node.host.docker.image} holds {node.image_versions[0]}"
            out.append(Finding(node.name, message, "choose the image of that version, or drop ray.version"))
    return out


def _stop_at(run: Run, findings: list[Finding]) -> None:
    if not findings:
        return
    by_name = {n.name: n for n in run.every()}
    for finding in findings:
        run.fail(by_name[finding.name], Failure(finding.message, finding.hint))
    raise Stop("the hosts cannot all run the same versions; nothing was started", findings[0].hint)
