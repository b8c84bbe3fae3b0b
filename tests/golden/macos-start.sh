#!/bin/sh
# Starts Ray on this host. Written by a deploy; the next one overwrites what is changed here.
# A parameter, since env.sh may set any variable.
set -- /Users/alice/.rayfab/lab
# drained, or in maintenance: until a start on purpose
while [ -e "$1/hold" ]; do sleep 3; done
. "$1/env.sh"
cd "$HOME" || exit 1
# shellcheck disable=SC3045
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)" 2>/dev/null
# as many processes and threads as the user may have: bash says -u, dash and busybox -p
# shellcheck disable=SC3045
(ulimit -S -u "$(ulimit -H -u)") 2>/dev/null && ulimit -S -u "$(ulimit -H -u)" ||
    { (ulimit -S -p "$(ulimit -H -p)") 2>/dev/null && ulimit -S -p "$(ulimit -H -p)"; }
if [ -f "$1/start.log" ]; then
    grep -oE '/[^ ]*/session_[0-9_-]+' "$1/start.log" | sort -u >>"$1/sessions"
    mv -f "$1/start.log" "$1/start.log.1"
fi
date >>"$1/starts"
# Ray's parts leave their temporary folders behind when they are ended; in one of our own they can be removed.
rayfab_tmp=
if [ -z "${TMPDIR-}" ]; then
    rayfab_tmp=/tmp/rayfab-lab-$(id -u)
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
# Keeps Ray's folder small; it ends with this script.
sh -c 'while kill -0 "$PPID" 2>/dev/null; do
    "$@"
    minute=0
    while [ "$minute" -lt 60 ] && kill -0 "$PPID" 2>/dev/null; do
        sleep 60
        minute=$((minute + 1))
    done
done' rayfab-prune "$1/env/bin/python" "$1/prune.py" prune 5368709120 14 5000 '' /tmp/ray </dev/null >/dev/null 2>&1 &
python -I "$1/watch.py" '{"agent": "10.0.0.2:20005", "box": "", "dashboard": "", "file": "/Users/alice/.rayfab/lab/life.json", "gcs": "10.0.0.1:6379", "head": false, "heal": true}' ray start --address=10.0.0.1:6379 --node-ip-address=10.0.0.2 --node-name=one --node-manager-port=20000 --object-manager-port=20001 --min-worker-port=10002 --max-worker-port=19999 --metrics-export-port=20004 --dashboard-agent-grpc-port=20002 --dashboard-agent-listen-port=20005 --runtime-env-agent-port=20003 --temp-dir=/tmp/ray --num-cpus=4 --num-gpus=0 --memory=2147483648 '--resources={"ssd": 1.0}' --labels=zone=a --block >"$1/start.log" 2>&1 &
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
    rayfab_left=$(grep -lsF "RAYFAB_NODE=$1/" /proc/[0-9]*/environ | sed 's|/proc/\([0-9]*\)/.*|\1|')
else
    # macOS shows a process's environment behind its words
    rayfab_left=$(ps -axwwE -o pid=,command= |
        RAYFAB=$1/ awk 'index($0, "RAYFAB_" "NODE=" ENVIRON["RAYFAB"]) { print $1 }')
fi
# shellcheck disable=SC2086
[ -z "$rayfab_left" ] || kill -KILL $rayfab_left 2>/dev/null
[ -z "$rayfab_tmp" ] || rm -rf "$rayfab_tmp" "$1/tmpdir"
# Ray ends with 1 when it is told to stop, as after a crash; a supervisor has to tell the two apart.
[ -z "$rayfab_told" ] || rayfab_status=0
exit $rayfab_status
