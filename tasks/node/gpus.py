"""GPUs: the number that the hosts file asks for, compared with what the host's driver reports."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.node.facts import Facts
from tasks.node.subject import Subject


def problems(subject: Subject) -> Iterator[tuple[str, str]]:
    """Reports a requested number of GPUs that the host does not have: message and fix."""
    host, facts = subject.host, subject.facts
    if not host.gpus:
        return
    asked, there = f"gpus: {host.gpus} is requested", len(facts.gpus)
    if facts.system == "Darwin":
        yield f"{asked}, but no NVIDIA GPU works on macOS", "drop gpus"
    elif facts.gpu_says and not there:
        yield (
            f"{asked}, but nvidia-smi says: {facts.gpu_says}",
            "repair the driver (a reboot after its update), or remove gpus",
        )
    elif not there:
        yield f"{asked}, but nvidia-smi names no GPU", "install the driver, or remove gpus"
    elif there < host.gpus:
        yield f"{asked}, but there {_are(there)}: {names(facts)}", f"gpus: {there}, or remove gpus to use all"


def notes(subject: Subject) -> Iterator[tuple[str, str]]:
    """GPUs that the hosts file does not mention, and that Ray cannot use."""
    if subject.host.gpus is None and subject.facts.gpu_says:
        yield (
            f"no GPU is used, since nvidia-smi says: {subject.facts.gpu_says}",
            "set gpus: 0 if that is intended",
        )


def names(facts: Facts) -> str:
    """The models, each with its number where there are several: ``2 x NVIDIA L4``."""
    return ", ".join(
        name if facts.gpus.count(name) == 1 else f"{facts.gpus.count(name)} x {name}"
        for name in dict.fromkeys(facts.gpus)
    )


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"
