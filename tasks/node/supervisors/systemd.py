"""systemd: a system unit if commands can run as root, else a unit of the user's own manager."""

from __future__ import annotations

from tasks.node.facts import Facts
from tasks.node.names import DRAIN_SECONDS
from tasks.node.supervisors.environment import Start, posix_files

SYSTEM, USER = "system", "user"
KINDS = (SYSTEM, USER)


def kind_on(facts: Facts) -> str | None:
    """The kind of unit that this host supports; None if systemd is not running, or root would be needed."""
    if facts.systemd and facts.can_root:
        return SYSTEM
    return USER if facts.systemd and facts.user_systemd else None


def files(kind: str, start: Start) -> dict[str, str]:
    """See :class:`tasks.node.supervisors.Supervisor`."""
    user = start.user if kind == SYSTEM else None
    return posix_files(start, unit_text=unit_text(start.node, start.cluster, user))


def _unit_word(text: str) -> str:
    """An argument of ExecStart=: quoted, with systemd's special characters doubled."""
    for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        text = text.replace(sign, escaped)
    return f'"{text}"'


def unit_text(node: str, cluster: str, user: str | None, *, what: str = "") -> str:
    """A systemd unit that runs ``start.sh`` of a folder; ``user`` is None for a user's own manager.

    :param what: its description; '' for that of a node.

    OOMPolicy=continue: if the kernel kills one Python worker, the node keeps running.
    StartLimitIntervalSec=0: a worker keeps trying while its head is away.
    """
    wanted = "multi-user.target" if user else "default.target"
    who = [f"User={user}"] if user else []
    after = ["After=network-online.target", "Wants=network-online.target"] if user else []
    return "\n".join(
        [
            "[Unit]",
            f"Description={what or f'Ray node of the cluster {cluster}'}",
            *after,
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=simple",
            *who,
            f"ExecStart=/bin/sh {_unit_word(node + '/start.sh')}",
            "Restart=always",
            "RestartSec=3",
            "KillMode=mixed",
            f"TimeoutStopSec={DRAIN_SECONDS}",
            "OOMPolicy=continue",
            "LimitNOFILE=65536:524288",
            "TasksMax=infinity",
            "",
            "[Install]",
            f"WantedBy={wanted}",
            "",
        ]
    )
