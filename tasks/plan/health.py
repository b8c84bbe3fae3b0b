"""What is wrong with one host, from its facts and its health; each with its fix. For the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.node import gpus
from tasks.node.health import Health
from tasks.node.places import IN_MEMORY
from tasks.node.subject import Subject
from tasks.plan import places
from tasks.plan.outcomes import FAIL, PASS, SKIP, WARN, Outcome
from tasks.plan.problems import host_problems
from tasks.text.wording import size

FEW_FILES, FEW_PROCESSES = 4096, 2000
ALMOST_FULL, FULL = 90, 95  # percent of a disk
LITTLE = 10  # percent of the memory
DIRECT = ("*",)


@dataclass(frozen=True)
class Patient:
    """One host that was looked at.

    :param health: None where the system has no script for it.
    :param skew: seconds by which its clock was at least ahead of the operator's; None if unknown.
    :param blur: seconds that may be added to that, since its answer was on the way for so long.
    :param lock: the packages of its environment, as they were locked.
    :param address: of its node; '' if it has none.
    """

    subject: Subject
    health: Health | None
    skew: float | None = None
    lock: str = ""
    address: str = ""
    blur: float = 0.0

    @property
    def name(self) -> str:
        return self.subject.name


def of_host(patient: Patient, cluster: str) -> list[Outcome]:
    """Everything that shows without the other hosts, passes too."""
    subject, health = patient.subject, patient.health
    found = list(_problems(subject, cluster))
    found += [Outcome((), "disk", *one) for one in _disk(subject)]
    if health is not None:
        found += [Outcome((), "memory", *one) for one in _memory(health)]
        found += [Outcome((), "limits", *one) for one in _limits(subject, health)]
        found += _name(health)
        found += [Outcome((), "gpu", *one) for one in _gpus(subject, health)]
    else:
        why = f"not available on {subject.facts.system} yet"
        found += [Outcome((), check, SKIP, why) for check in ("memory", "limits", "name", "gpu")]
    checks = {
        "host": "nothing keeps Ray from running",
        "disk": "there is room",
        "shm": "large enough",
        "memory": "some is free, none swapped out",
        "limits": "high enough",
        "name": "has an address",
        "gpu": "as the file says" if subject.facts.gpus else "none",
    }
    said = {one.check for one in found}
    found += [Outcome((), check, PASS, text) for check, text in checks.items() if check not in said]
    return [
        Outcome((patient.name,), one.check, one.result, one.message, one.hint, one.repair) for one in found
    ]


def _problems(subject: Subject, cluster: str) -> Iterator[Outcome]:
    """What a check finds, with the check that each belongs to."""
    disk = {text for text, _ in places.notes(subject)}
    cards = {text for text, _ in gpus.notes(subject)}
    for found in host_problems(subject, cluster):
        check = "disk" if found.message in disk else "gpu" if found.message in cards else "host"
        if found.message.startswith("/dev/shm"):
            check = "shm"
        repair = "name" if "cannot resolve this host's own name" in found.message else ""
        repair = "tmp" if found.message.startswith("/tmp is not writable") else repair
        yield Outcome((), check, WARN if found.note else FAIL, found.message, found.hint, repair)


def _disk(subject: Subject) -> Iterator[tuple[str, ...]]:
    at = subject.facts.places
    told = {text for text, _ in places.notes(subject)}
    for folder, room in at.rooms.items():
        if folder == "/dev/shm" or any(text.startswith(folder) for text in told if folder != "/"):
            continue
        kind = f" ({at.temp.kind})" if folder == at.temp.at and at.temp.kind in IN_MEMORY else ""
        text = f"{folder}{kind} is {room.used} % full, {size(room.free)} are free"
        way = "fab disk shows what takes it up; fab clean removes what nothing needs"
        if room.used >= FULL:
            yield FAIL, text, way, "clean"
        elif room.used >= ALMOST_FULL:
            yield WARN, text, way, "clean"


def _memory(health: Health) -> Iterator[tuple[str, ...]]:
    memory = health.memory
    total, free = memory.get("MemTotal", 0), memory.get("MemAvailable")
    if total and free is not None and free * 100 < total * LITTLE:
        yield (
            WARN,
            f"{size(free)} of {size(total)} are available; Ray ends tasks above 95 %",
            "see what uses it: ps aux --sort=-rss | head; fewer CPUs or less memory for that host in the hosts file",
        )
    swapped = memory.get("SwapTotal", 0) - memory.get("SwapFree", 0)
    if total and swapped * 100 > total * LITTLE:
        yield (
            WARN,
            f"{size(swapped)} are swapped out, so the host may be slow",
            "fewer tasks at once on it; once memory is free, as root: swapoff -a && swapon -a",
        )
    if killed := memory.get("oom_kill", 0):
        yield (
            WARN,
            "the kernel ended processes for lack of memory "
            f"{'once' if killed == 1 else f'{killed} times'} since the boot",
            "as root: journalctl -k | grep -i 'killed process' names them; memory: for the host in the hosts file",
        )


def _limits(subject: Subject, health: Health) -> Iterator[tuple[str, ...]]:
    limits = subject.facts.places
    own = {str(one.pid) for one in subject.facts.raylets or () if one.own}
    of_ray = [found for pid, found in health.limits.items() if pid in own or not own]
    least = {"open files": FEW_FILES, "processes": FEW_PROCESSES}
    for what, low in least.items():
        known = [found[what] for found in of_ray if found.get(what) is not None]
        if known and min(known) < low:
            yield (
                WARN,
                f"the raylet may have {min(known)} {what}, {low} are few",
                "fab restart, if the node was started long ago; else look for a limit in the unit or in ray.env",
            )
    if not of_ray and not subject.facts.root:
        for what, count, low in (
            ("open files (ulimit -n)", limits.files, FEW_FILES),
            ("processes (ulimit -u)", limits.processes, FEW_PROCESSES),
        ):
            if count is not None and count < low:
                word = "nofile" if "files" in what else "nproc"
                yield (
                    WARN,
                    f"a login may have {count} {what}, {low} are few",
                    f"as root: echo '{subject.facts.user} - {word} 65536' >/etc/security/limits.d/ray.conf",
                )


def _name(health: Health) -> Iterator[Outcome]:
    if health.own_address == "none":
        yield Outcome(
            (),
            "name",
            WARN,
            "its own name has no address, and some libraries ask for it",
            "fab doctor --fix adds it to /etc/hosts",
            "name",
        )


def _gpus(subject: Subject, health: Health) -> Iterator[tuple[str, ...]]:
    asked = subject.host.gpus
    if asked is not None and len(health.gpus) > asked:
        yield (
            WARN,
            f"gpus: {asked} in the hosts file, nvidia-smi names {len(health.gpus)}",
            "remove gpus to use them all",
        )
    for gpu in health.gpus:
        called = f"GPU {gpu.index} ({gpu.name})"
        if gpu.ecc:
            yield (
                FAIL,
                f"{called}: {gpu.ecc} uncorrected ECC errors",
                "take the host out (fab drain), then nvidia-smi -r or a reboot; if they come back, the card is broken",
            )
        if gpu.slowed:
            heat = f", {gpu.celsius} degrees" if gpu.celsius else ""
            yield (
                WARN,
                f"{called}: throttled by {', '.join(gpu.slowed)}{heat}",
                "look after its cooling and its power supply; nvidia-smi -q -d PERFORMANCE",
            )
    if health.xid:
        yield (
            FAIL,
            f"the driver reports {len(health.xid)} Xid errors, the last one: {health.xid[-1]}",
            "https://docs.nvidia.com/deploy/xid-errors explains the number; a reboot, or the card is broken",
        )
    elif health.xid is None:
        yield SKIP, "the kernel's log, where Xid errors are, may not be read", "log in as root, or with sudo"
