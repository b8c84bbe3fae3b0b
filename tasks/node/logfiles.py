"""The files in `session_latest/logs` that belong to each of Ray's components."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

COMPONENTS: dict[str, tuple[str, ...]] = {
    "start": ("start",),
    "gcs": ("gcs_server.*",),
    "raylet": ("raylet.*",),
    "dashboard": ("dashboard.*", "dashboard_*Head*"),
    "agent": ("dashboard_agent.*", "runtime_env_agent.*"),
    "runtime-env": ("runtime_env_setup-*.log",),
    "monitor": ("monitor.*", "log_monitor.*"),
    "client": ("ray_client_server*",),
    "worker": ("worker-*", "python-core-worker-*"),
    "driver": ("job-driver-*", "python-core-driver-*"),
}


def patterns(components: Sequence[str]) -> list[str]:
    """The file patterns of components; ``all`` stands for every one.

    :raises ValueError: an unknown component; the text names the nearest known one.
    """
    out: list[str] = []
    for name in components:
        name = name.strip()
        if name == "all":
            return [p for known in COMPONENTS.values() for p in known]
        if name not in COMPONENTS:
            near = difflib.get_close_matches(name, COMPONENTS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"--component: no component {name}{hint} Known: {', '.join(COMPONENTS)}, all")
        out += COMPONENTS[name]
    return out


# The lines about a traceback, a process that has ended, a kill for want of memory, a full disk, a lost node. Only what
# extended regular expressions of POSIX have, since awk on the hosts reads it.
ERRORS = "|".join(
    (
        r"^Traceback \(most recent call last\)",
        r"^(The above exception was|During handling of the above)",
        r"^[A-Za-z_][A-Za-z0-9_.]*(Error|Exception|Interrupt|Exit)(\(|:|$)",
        r"exited unexpectedly:|^ +[a-z_]+ \[exit code=",
        r"killing policy|OOM kill|memory pressure \(OOM\)|Killed process [0-9]",
        r"^\[[^]]* [CF] [0-9]+ [0-9]+\]|^F[0-9][0-9][0-9][0-9] ",
        r"marked dead|health check failed|A worker died or was killed",
        r"No space left on device|over [0-9.]+% full|OutOfDiskError",
    )
)
# where they are looked for; the logs of agents and of the dashboard repeat what these say
WITH_ERRORS = (
    "start",
    "ray_process_exit.log",
    "raylet.*",
    "gcs_server.*",
    "worker-*.err",
    "job-driver-*",
    "dashboard_agent.log*",
    "runtime_env_agent.log*",
)


@dataclass(frozen=True)
class Query:
    """Which lines of which files.

    :param patterns: of the files' names.
    :param lines: at most so many of each file.
    :param age: only those of the last so many seconds; None: all.
    :param errors: only those that match :data:`ERRORS`, each after its time and a bar.
    :param node_id: how the id of the node in Ray begins; '' for any.
    """

    patterns: tuple[str, ...]
    lines: int
    age: int | None = None
    errors: bool = False
    node_id: str = ""

    @property
    def plain(self) -> bool:
        """Whether these are the last lines of the files, and nothing else."""
        return self.age is None and not self.errors and not self.node_id


def of_job(job: str) -> tuple[str, ...]:
    """The files of one job.

    :param job: its id in Ray, 8 hexadecimal digits, or the id under which it was submitted.
    """
    if re.fullmatch(r"[0-9a-f]{8}", job):
        return (f"worker-*-{job}-*", f"job:{job}", f"python-core-driver-{job}*")
    return (f"job-driver-{job}.log", f"jobs/supervisor-{job}.log")
