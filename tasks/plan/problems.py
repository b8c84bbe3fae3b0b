"""Problems that prevent a deploy, found before anything is changed; each with its fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median_low

from tasks import runtimes
from tasks.node import gpus, ray, sudo
from tasks.node.processes import RayProcess
from tasks.node.subject import Finding, Subject
from tasks.node.supervisors import launchd, systemd
from tasks.plan import places, strangers

SYSTEMS = ("Linux", "Darwin", "Windows")
MAX_SKEW = 120  # seconds
# kinds of service that only root starts and stops
SYSTEM_SERVICES = (systemd.SYSTEM, launchd.DAEMON)
Problem = tuple[str, str]  # what is wrong, and how to fix it


def host_problems(subject: Subject, cluster: str) -> list[Finding]:
    """The problems of one host that don't depend on other hosts."""
    found = [Finding(subject.name, message, hint) for message, hint in _each(subject, cluster)]
    notes = (
        *_sudo_notes(subject, found),
        *places.hung(subject),
        *places.notes(subject),
        *gpus.notes(subject),
        *runtimes.of(subject.host).notes(subject),
    )
    return found + [Finding(subject.name, *note, note=True) for note in notes]


def _each(subject: Subject, cluster: str) -> Iterator[Problem]:
    facts, runtime = subject.facts, runtimes.of(subject.host)
    if refusal := runtime.refusal(facts):
        yield refusal
        return
    if facts.system not in SYSTEMS:
        yield (
            f"{facts.system or 'an unknown system'} is not supported yet with the runtime {runtime.name}",
            "",
        )
        return
    if not facts.home_writable:
        yield f"the home folder {facts.home} is not writable", f"make it writable for {facts.user}"
    yield from places.problems(subject)
    if facts.service in SYSTEM_SERVICES and (refused := sudo.refusal(facts)):
        yield f"Ray is a system service here, and {refused[0]}", refused[1]
    yield from runtime.problems(subject)
    yield from _occupied(subject, cluster)
    yield from runtime.gpu_problems(subject)


def _sudo_notes(subject: Subject, found: Sequence[Finding]) -> Iterator[Problem]:
    """What is wrong with sudo, where a host can do without it. :param found: the problems, which may say it already."""
    facts = subject.facts
    refused = sudo.refusal(facts) if facts.sudo == "refused" else None
    if refused and not any(refused[0] in problem.message for problem in found):
        yield f"{refused[0]}, so nothing runs as root here", refused[1]
    if name := sudo.unresolved(facts):
        message = (
            f"sudo cannot resolve this host's own name {name}, and may wait for name servers at each command"
        )
        yield message, f"as root: echo 127.0.1.1 {name} >> /etc/hosts"


def _occupied(subject: Subject, cluster: str) -> Iterator[Problem]:
    """Another Ray on the host, or ports that other programs use."""
    host, facts = subject.host, subject.facts
    foreign = [process for process in facts.ray_processes if not _is_ours(process, subject, cluster)]
    # another cluster of this project may run beside this one, on other ports
    besides = {name: None for process in foreign if (name := strangers.cluster_of(process, facts))}
    # our own Ray may be running although its supervisor has died; a start replaces it
    ours = (bool(facts.state) and facts.active) or len(foreign) < len(facts.ray_processes)
    # an interrupted run may have left processes that were starting or stopping
    ours = ours or facts.node_processes
    unknown = [process for process in foreign if not strangers.cluster_of(process, facts)]
    if unknown:
        yield strangers.stranger(unknown, facts)
    if not ours and not unknown:
        busy = {what: port for what, port in ray.ports_needed(host).items() if port in facts.ports}
        for what, ports in runtimes.of(host).ports_needed(subject).items():
            if taken := sorted(port for port in facts.ports if port in ports):
                busy[what] = taken[0]
        if busy:
            listed = ", ".join(f"{port} ({what})" for what, port in busy.items())
            if besides:
                names = ", ".join(besides)
                yield (
                    f"ports in use: {listed}; the cluster {names} of this project runs here",
                    f"other ports under ray.ports; or, if it is this one under its former name: cluster: {names} in "
                    "the hosts file, fab destroy, then the new name",
                )
                return
            yield f"ports in use: {listed}", "stop what listens there, or choose other ports under ray.ports"


def _is_ours(process: RayProcess, subject: Subject, cluster: str) -> bool:
    if f"/.rayfab/{cluster}/envs/" in process.exe or f"rayfab-{cluster}.service" in process.cgroup:
        return True
    return runtimes.of(subject.host).owns(process, subject.facts)


def cluster_problems(subjects: Sequence[Subject]) -> list[Finding]:
    """Problems that show only when hosts are compared: one machine under two names, differing clocks."""
    out = []
    seen: dict[tuple, str] = {}
    for subject in subjects:
        facts = subject.facts
        own = tuple(
            sorted(a.ip for a in facts.addresses if not a.virtual and not a.ip.startswith(("127.", "::1")))
        )
        key = (facts.boot_id, facts.machine_id, facts.hostname, own)
        if any(key[:2]) and key in seen:
            out.append(Finding(subject.name, f"is the same machine as {seen[key]}", "list it once"))
        seen.setdefault(key, subject.name)
    clocks = {s.name: s.facts.clock for s in subjects if s.facts.clock}
    if len(clocks) > 1:
        middle = median_low(clocks.values())
        for name, clock in clocks.items():
            if abs(clock - middle) > MAX_SKEW:
                skew = clock - middle
                out.append(
                    Finding(
                        name,
                        f"its clock differs by {skew:+d} s from the others",
                        "set it, or run an NTP client",
                        note=True,
                    )
                )
    return out
