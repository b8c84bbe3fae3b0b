"""Problems that prevent `runtime: conda` on a host."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.node.platforms import CONDA, X86, machine
from tasks.node.subject import Subject
from tasks.runtimes.conda.facts import conda_of
from tasks.runtimes.packages.lock import subdir


def problems(subject: Subject) -> Iterator[tuple[str, str]]:
    """Each problem with its fix."""
    host, facts = subject.host, subject.facts
    if facts.system == "Windows" and machine(facts.arch) != X86:
        yield "Ray has no packages for Windows on ARM", "runtime: docker"
    if subdir(facts) is None:
        known = ", ".join(sorted(CONDA))
        yield f"conda has no packages for {facts.system} on {facts.arch}", f"it has: {known}"
    prefix = host.conda.prefix
    conda = conda_of(facts)
    if conda.condas:
        return
    if conda.prefix == "foreign":
        yield (
            f"{prefix} exists, but contains no working conda",
            "set conda.prefix to another folder, or move away what is there",
        )
    where = prefix.replace("~", facts.home, 1) if prefix.startswith("~") else prefix
    if " " in where:
        yield (
            f"conda cannot be installed in a folder whose path has spaces: {where}",
            "conda.prefix: a path without spaces",
        )
