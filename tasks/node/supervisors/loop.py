"""This project's own loop, for hosts without systemd or launchd."""

from __future__ import annotations

from tasks.node.facts import Facts
from tasks.node.supervisors.environment import Start, posix_files
from tasks.text.quoting import posix as quote

KINDS = ("loop",)


def kind_on(facts: Facts) -> str | None:
    """Every system with a POSIX shell can run it."""
    return "loop"


def files(kind: str, start: Start) -> dict[str, str]:
    """See :class:`tasks.node.supervisors.Supervisor`."""
    return posix_files(start, loop_sh=loop_sh(start.node))


def loop_sh(node: str) -> str:
    """A supervisor for hosts without systemd or launchd: it restarts Ray until it is stopped itself."""
    return f"""#!/bin/sh
# Keeps Ray alive on a host without systemd. Written by a deploy.
NODE={quote(node)}
echo $$ >"$NODE/loop.pid"
child=
trap 'trap "" TERM; kill -TERM $child 2>/dev/null; wait $child; rm -f "$NODE/loop.pid"; exit 0' TERM
while :; do
    sh "$NODE/start.sh" &
    child=$!
    wait $child
    sleep 3
done
"""
