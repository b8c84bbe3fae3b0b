"""launchd on a Mac: a daemon if commands can run as root, else an agent of the user."""

from __future__ import annotations

import plistlib

from tasks.node.facts import Facts
from tasks.node.names import DRAIN_SECONDS, unit
from tasks.node.supervisors.environment import Start, posix_files

DAEMON, AGENT = "daemon", "agent"
KINDS = (DAEMON, AGENT)


def kind_on(facts: Facts) -> str | None:
    """The kind of job that this host supports; None on other systems than macOS."""
    if facts.system != "Darwin":
        return None
    return DAEMON if facts.can_root else AGENT


def files(kind: str, start: Start) -> dict[str, str]:
    """See :class:`tasks.node.supervisors.Supervisor`."""
    user = start.user if kind == DAEMON else None
    return posix_files(start, unit_text=plist_text(start.node, start.cluster, user))


def plist_text(node: str, cluster: str, user: str | None) -> str:
    """The property list of a launchd job; ``user`` is None for an agent.

    Interactive: a job of the standard type gets less CPU time than programs that a person runs.
    Background: an agent of this session type starts at a login of any kind, and once only for each user.
    """
    job = {
        "Label": unit(cluster),
        "ProgramArguments": ["/bin/sh", node + "/start.sh"],
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 5,
        "ExitTimeOut": DRAIN_SECONDS,
        "ProcessType": "Interactive",
        "SoftResourceLimits": {"NumberOfFiles": 65536},
    }
    job |= {"UserName": user} if user else {"LimitLoadToSessionType": "Background"}
    return plistlib.dumps(job, sort_keys=False).decode()
