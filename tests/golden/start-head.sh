#!/bin/sh
# Starts Ray on this host. Written by a deploy; the next one overwrites what is changed here.
# A parameter, since env.sh may set any variable.
set -- /root/.rayfab/lab
. "$1/env.sh"
cd "$HOME" || exit 1
# shellcheck disable=SC3045
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)" 2>/dev/null
if [ -f "$1/start.log" ]; then
    grep -oE '/[^ ]*/session_[0-9_-]+' "$1/start.log" | sort -u >>"$1/sessions"
    mv -f "$1/start.log" "$1/start.log.1"
fi
date >>"$1/starts"
exec ray start --head --port=6379 --dashboard-host=127.0.0.1 --dashboard-port=8265 --ray-client-server-port=10001 --node-ip-address=10.0.0.1 --node-name=head --node-manager-port=20000 --object-manager-port=20001 --min-worker-port=10002 --max-worker-port=19999 --metrics-export-port=20004 --dashboard-agent-grpc-port=20002 --dashboard-agent-listen-port=20005 --runtime-env-agent-port=20003 --disable-usage-stats --block >"$1/start.log" 2>&1
