"""The files of a node that are the same under every supervisor of a POSIX system: its environment, its start script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.node import pruning
from tasks.node.heal import program
from tasks.node.names import RAY_DIR, unit
from tasks.text.quoting import posix as quote

# Extends both cases of the variable by loopback and all nodes; a * already means everything. gRPC has its own.
NO_PROXY = """\
case ,${no_proxy-},${NO_PROXY-}, in
    *',*,'*) no_proxy='*' ;;
    *)
        [ -z "${NO_PROXY-}" ] || [ "${no_proxy-}" = "$NO_PROXY" ] || no_proxy=${no_proxy-}${no_proxy:+,}$NO_PROXY
        no_proxy=${no_proxy-}${no_proxy:+,}$rayfab_direct
        ;;
esac
NO_PROXY=$no_proxy
export no_proxy NO_PROXY
if [ -n "${no_grpc_proxy-}" ]; then
    no_grpc_proxy=$no_grpc_proxy,$rayfab_direct
    export no_grpc_proxy
fi"""


@dataclass(frozen=True)
class Activation:
    """The changes that the runtime's `activate` makes to the environment of a process.

    :param variables: the variables that it sets, except ``PATH``.
    :param unset: the variables that would lead Python to packages outside the environment.
    :param code: shell code for what is only known on the host; not on Windows.
    :param folders: on Windows, the folders inside the environment that come first on ``PATH``.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ("PYTHONHOME", "PYTHONPATH")
    folders: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True)
class Start:
    """A node that runs on the host itself, in an environment.

    :param home: the user's home folder on the host.
    :param node: the folder of this node's files.
    :param env_dir: the environment's folder.
    :param variables: the environment variables of Ray's processes.
    :param arguments: ``ray start`` with its arguments, without ``--block``.
    :param token: whether the node authenticates with the cluster's token.
    :param temp_dir: Ray's own folder.
    :param prune: the arguments of the program that keeps it small, see :mod:`tasks.node.pruning`.
    :param journal: where the job server of a head answers; '' for a worker.
    :param watched: the words for the watch that runs them, see :mod:`tasks.node.heal`.
    """

    home: str
    node: str
    cluster: str
    user: str
    env_dir: str
    variables: Mapping[str, str]
    arguments: Sequence[str]
    token: bool
    activation: Activation = Activation()
    temp_dir: str = RAY_DIR
    prune: Sequence[str] = ()
    watched: Sequence[str] = ()
    journal: str = ""


def posix_files(start: Start, *, unit_text: str = "", loop_sh: str = "") -> dict[str, str]:
    """The files, by the name of the script value that holds each.

    :param unit_text: the unit or job that systemd or launchd reads; '' for other supervisors.
    :param loop_sh: this project's own supervisor; '' for others.
    """
    return {
        "ENV_SH": env_sh(start),
        "START_SH": start_sh(
            start.node, start.cluster, start.watched, start.temp_dir, start.prune, start.journal
        ),
        "PRUNE_PY": pruning.program(),
        "WATCH_PY": program(),
        "UNIT_TEXT": unit_text,
        "LOOP_SH": loop_sh,
    }


def env_sh(start: Start) -> str:
    """The node's environment as shell code, which the start script and `fab exec` read."""
    known = start.activation.variables
    node = quote(start.node)
    lines = [
        # first, so that everything below comes before what the session saw
        "rayfab_direct=localhost,127.0.0.1",
        "# shellcheck source=/dev/null",
        f"[ ! -r {node}/session.sh ] || . {node}/session.sh",
        f"HOME={quote(start.home)}",
        f"PATH={quote(start.env_dir + '/bin')}:$PATH",
        *(f"{name}={quote(value)}" for name, value in known.items()),
        f"export {' '.join(['HOME', 'PATH', *known])}",
        *([f"unset {' '.join(start.activation.unset)}"] if start.activation.unset else []),
        *([start.activation.code] if start.activation.code else []),
        *(f"export {name}={quote(value)}" for name, value in start.variables.items()),
    ]
    if start.token:
        lines.append(f"export RAY_AUTH_TOKEN_PATH={quote(start.node + '/token')}")
    return "\n".join([*lines, NO_PROXY]) + "\n"


def start_sh(
    node: str,
    cluster: str,
    watched: Sequence[str],
    temp_dir: str = RAY_DIR,
    prune: Sequence[str] = (),
    journal: str = "",
) -> str:
    """The script that runs `ray start --block` under its watch in the node's environment, and cleans up when it ends.

    The text is part of the node's hash: any change to it, even in a comment, restarts nodes at the next deploy.
    """
    # where /tmp does not suit Ray, it does not suit what Ray's parts write there either
    temporary = quote(f"{'/tmp' if temp_dir == RAY_DIR else temp_dir}/{unit(cluster)}-")
    words = ['"$1/env/bin/python"', '"$1/prune.py"', *map(quote, prune)]
    hourly = f"sh -c {quote(pruning.HOURLY)} rayfab-prune {' '.join(words)} </dev/null >/dev/null 2>&1 &\n"
    pruned = f"# Keeps Ray's folder small; it ends with this script.\n{hourly}" if prune else ""
    if journal:
        words = ['"$1/journal.py"', "keep", '"$1/jobs"', quote(journal)]
        pruned += f"python -I {' '.join(words)} </dev/null >/dev/null 2>&1 &\n"
    return f"""#!/bin/sh
# Starts Ray on this host. Written by a deploy; the next one overwrites what is changed here.
# A parameter, since env.sh may set any variable.
set -- {quote(node)}
# drained, or in maintenance: until a start on purpose
while [ -e "$1/hold" ]; do sleep 3; done
. "$1/env.sh"
cd "$HOME" || exit 1
# shellcheck disable=SC3045
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)" 2>/dev/null
# as many processes and threads as the user may have: bash says -u, dash and busybox -p
# shellcheck disable=SC3045
(ulimit -S -u "$(ulimit -H -u)") 2>/dev/null && ulimit -S -u "$(ulimit -H -u)" ||
    {{ (ulimit -S -p "$(ulimit -H -p)") 2>/dev/null && ulimit -S -p "$(ulimit -H -p)"; }}
if [ -f "$1/start.log" ]; then
    grep -oE '/[^ ]*/session_[0-9_-]+' "$1/start.log" | sort -u >>"$1/sessions"
    mv -f "$1/start.log" "$1/start.log.1"
fi
date >>"$1/starts"
# Ray's parts leave their temporary folders behind when they are ended; in one of our own they can be removed.
rayfab_tmp=
if [ -z "${{TMPDIR-}}" ]; then
    rayfab_tmp={temporary}$(id -u)
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
{pruned}python -I "$1/watch.py" {" ".join(quote(word) for word in watched)} >"$1/start.log" 2>&1 &
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
