"""The groups in which tasks are listed: by what they are used for."""

from __future__ import annotations

from collections.abc import Iterable

GROUPS: dict[str, tuple[str, ...]] = {
    "look": (
        "status",
        "check",
        "doctor",
        "plan",
        "logs",
        "collect",
        "history",
        "disk",
        "alerts",
        "metrics",
    ),
    "deploy": ("init", "deploy-cluster", "pull-image", "bundle"),
    "change": (
        "add-worker",
        "remove-worker",
        "drain",
        "maintenance",
        "start",
        "stop",
        "restart",
        "upgrade",
        "rollback",
        "test-head",
        "move-head",
        "clean",
        "destroy",
    ),
    "keep": ("backup", "restore"),
    "use": ("submit", "jobs", "sync", "exec", "ssh", "dashboard", "docs", "completion", "version"),
    "lab": ("lab-up", "lab-status", "lab-down", "test"),
}
OTHERS = "your own"
EXAMPLES = (
    ("deploy-cluster", "turn the machines of the hosts file into a cluster"),
    ("add-worker --host 10.0.0.5", "one more machine"),
    ("submit -- python job.py", "run a job on it"),
)


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Task names by group, in the order of each group; those of no group come last."""
    rest = set(names)
    out: dict[str, list[str]] = {}
    for title, members in GROUPS.items():
        out[title] = [name for name in members if name in rest]
        rest -= set(members)
    out[OTHERS] = sorted(rest)
    return {title: members for title, members in out.items() if members}
