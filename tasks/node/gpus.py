"""GPUs: the number that the hosts file asks for, compared with what NVIDIA's driver reports."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.node.facts import Facts
from tasks.node.subject import Subject


def notes(subject: Subject) -> Iterator[tuple[str, str]]:
    """A requested number that nvidia-smi does not confirm, and GPUs that nobody mentions and that Ray cannot use.

    The number is taken as it is: nvidia-smi knows neither other makers' GPUs nor Jetson's, and counts a GPU once that
    is divided (MIG) or shared.
    """
    asked, facts, there = subject.host.gpus, subject.facts, len(subject.facts.gpus)
    if asked is None and facts.gpu_says:
        yield (
            f"no GPU is used, since nvidia-smi says: {facts.gpu_says}",
            "set gpus: 0 if that is intended",
        )
    elif asked and facts.gpu_says and not there:
        yield (
            f"gpus: {asked} is taken as it is, but nvidia-smi says: {facts.gpu_says}",
            "repair the driver (a reboot after its update), or remove gpus",
        )
    elif asked and there < asked:
        seen = names(facts) if there else "none"
        yield (
            f"gpus: {asked} is taken as it is; nvidia-smi names {seen}",
            "remove gpus if these are all; AMD's, Intel's, Jetson's and shared GPUs it does not count",
        )


def names(facts: Facts) -> str:
    """The models, each with its number where there are several: ``2 x NVIDIA L4``."""
    return ", ".join(
        name if facts.gpus.count(name) == 1 else f"{facts.gpus.count(name)} x {name}"
        for name in dict.fromkeys(facts.gpus)
    )
