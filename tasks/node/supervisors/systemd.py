"""systemd: a unit of the system where root can be had, else one of the user's own manager."""

from __future__ import annotations

from tasks.node.facts import Facts
from tasks.node.names import DRAIN_SECONDS, node_dir
from tasks.node.supervisors.environment import Start, posix_files

SYSTEM, USER = "system", "user"
KINDS = (SYSTEM, USER)


def kind_on(facts: Facts) -> str | None:
    """The kind of unit that this host can have; None where systemd does not run, or root's help is missing."""
    if facts.systemd and facts.can_root:
        return SYSTEM
    return USER if facts.systemd and facts.user_systemd else None


def files(kind: str, start: Start) -> dict[str, str]:
    """See :class:`tasks.node.supervisors.Supervisor`."""
    user = start.user if kind == SYSTEM else None
    return posix_files(start, unit_text=unit_text(start.home, start.cluster, user))


def _unit_word(text: str) -> str:
    """A word of ExecStart=: quoted, with systemd's own signs doubled."""
    for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        text = text.replace(sign, escaped)
    return f'"{text}"'


def unit_text(home: str, cluster: str, user: str | None) -> str:
    """A systemd unit; ``user`` is None for a user's own manager.

    OOMPolicy=continue: one Python worker that the kernel ends must not take the whole node with it.
    StartLimitIntervalSec=0: a worker goes on trying for as long as its head is away.
    """
    wanted = "multi-user.target" if user else "default.target"
    who = [f"User={user}"] if user else []
    after = ["After=network-online.target", "Wants=network-online.target"] if user else []
    return "\n".join(
        [
            "[Unit]",
            f"Description=Ray node of the cluster {cluster}",
            *after,
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            "Type=simple",
            *who,
            f"ExecStart=/bin/sh {_unit_word(node_dir(home, cluster) + '/start.sh')}",
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
