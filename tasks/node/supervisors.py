"""The files that keep a node alive on the host itself: environment, start script, unit, launchd's job, loop."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence

from tasks.node.names import DRAIN_SECONDS, node_dir, unit
from tasks.text.quoting import posix as quote


def env_sh(
    home: str,
    cluster: str,
    env_dir: str,
    environment: Mapping[str, str],
    *,
    token: bool,
    conda: str = "",
) -> str:
    """What a command needs to be in the node's environment; read by the start script and by `fab exec`.

    :param conda: the name of a conda environment; empty: it is one of uv's.
    """
    if conda:
        # Unlike a virtual environment it would see ~/.local. LD_LIBRARY_PATH stays: conda's own `activate` leaves it
        # too, and it may lead to the driver of a GPU.
        known = {"CONDA_PREFIX": env_dir, "CONDA_DEFAULT_ENV": conda, "PYTHONNOUSERSITE": "1"}
        gone = "VIRTUAL_ENV PYTHONHOME PYTHONPATH"
    else:
        known, gone = {"VIRTUAL_ENV": env_dir}, "PYTHONHOME PYTHONPATH"
    lines = [
        f"HOME={quote(home)}",
        f"PATH={quote(env_dir + '/bin')}:$PATH",
        *(f"{name}={quote(value)}" for name, value in known.items()),
        f"export HOME PATH {' '.join(known)}",
        f"unset {gone}",
        *(f"export {name}={quote(value)}" for name, value in environment.items()),
    ]
    if token:
        lines.append(f"export RAY_AUTH_TOKEN_PATH={quote(node_dir(home, cluster) + '/token')}")
    return "\n".join(lines) + "\n"


def start_sh(home: str, cluster: str, start_words: Sequence[str]) -> str:
    """The script that runs `ray start --block` in the node's environment, and clears up when that has ended."""
    return f"""#!/bin/sh
# Starts Ray on this host. Written by a deploy; the next one overwrites what is changed here.
# A parameter, since env.sh may set any variable.
set -- {quote(node_dir(home, cluster))}
. "$1/env.sh"
cd "$HOME" || exit 1
# shellcheck disable=SC3045
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)" 2>/dev/null
if [ -f "$1/start.log" ]; then
    grep -oE '/[^ ]*/session_[0-9_-]+' "$1/start.log" | sort -u >>"$1/sessions"
    mv -f "$1/start.log" "$1/start.log.1"
fi
date >>"$1/starts"
# Ray's parts leave their temporary folders behind when they are ended; in one of our own they can be removed.
rayfab_tmp=
if [ -z "${{TMPDIR-}}" ]; then
    rayfab_tmp=/tmp/{unit(cluster)}-$(id -u)
    mkdir -m 700 "$rayfab_tmp" 2>/dev/null
    # shellcheck disable=SC3067
    if [ -d "$rayfab_tmp" ] && [ ! -h "$rayfab_tmp" ] && [ -O "$rayfab_tmp" ]; then
        TMPDIR=$rayfab_tmp
        export TMPDIR
        # for a destroy, where this script itself is killed or the power fails
        echo "$rayfab_tmp" >"$1/tmpdir"
    else
        rayfab_tmp=
    fi
fi
RAYFAB_NODE=$1/
export RAYFAB_NODE
{" ".join(quote(word) for word in [*start_words, "--block"])} >"$1/start.log" 2>&1 &
rayfab_pid=$!
unset RAYFAB_NODE
rayfab_told=
trap 'rayfab_told=1; kill -TERM $rayfab_pid 2>/dev/null' TERM INT HUP
# a signal ends the waiting, but not yet Ray; and a status can be asked for only once
while :; do
    wait $rayfab_pid
    rayfab_status=$?
    kill -0 $rayfab_pid 2>/dev/null || break
done
# What Ray leaves behind (agents on their way out, workers) holds ports; it is known by the mark above.
if [ -r /proc/self/environ ]; then
    rayfab_left=$(grep -lsF "RAYFAB_NODE=$1/" /proc/[0-9]*/environ | sed 's|/proc/\\([0-9]*\\)/.*|\\1|')
else
    # macOS shows a process's environment behind its words
    rayfab_left=$(ps -axwwE -o pid=,command= |
        RAYFAB=$1/ awk 'index($0, "RAYFAB_" "NODE=" ENVIRON["RAYFAB"]) {{ print $1 }}')
fi
# shellcheck disable=SC2086
[ -z "$rayfab_left" ] || kill -KILL $rayfab_left 2>/dev/null
[ -z "$rayfab_tmp" ] || rm -rf "$rayfab_tmp" "$1/tmpdir"
# Ray ends with 1 when it is told to stop, as after a crash; a supervisor has to tell the two apart.
[ -z "$rayfab_told" ] || rayfab_status=0
exit $rayfab_status
"""


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


def plist_text(home: str, cluster: str, user: str | None) -> str:
    """A job of launchd's on a Mac; ``user`` is None for an agent of the user's own.

    Interactive: a job of the standard kind gets less of the CPU than what a person runs.
    Background: an agent of that session comes with a login of any kind, and never twice for one user.
    """
    job = {
        "Label": unit(cluster),
        "ProgramArguments": ["/bin/sh", node_dir(home, cluster) + "/start.sh"],
        "RunAtLoad": True,
        "KeepAlive": True,
        "ThrottleInterval": 5,
        "ExitTimeOut": DRAIN_SECONDS,
        "ProcessType": "Interactive",
        "SoftResourceLimits": {"NumberOfFiles": 65536},
    }
    job |= {"UserName": user} if user else {"LimitLoadToSessionType": "Background"}
    return plistlib.dumps(job, sort_keys=False).decode()


def loop_sh(home: str, cluster: str) -> str:
    """A supervisor for hosts without systemd or launchd: it starts Ray again until it is told to end."""
    node = node_dir(home, cluster)
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
