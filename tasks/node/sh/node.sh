#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# A node under whatever keeps it alive. Each kind of service has a fragment kind_*.sh with these functions of its
# own; where it has none, the node is one that runs on the host itself, or there is none:
#   KIND_active      prints what its supervisor calls its state, such as active
#   KIND_up          starts it and keeps it alive
#   KIND_down        ends it and keeps it from coming back at the next boot
#   KIND_gone        removes what it has outside of $NODE, once it is down
#   KIND_replaces    is there where KIND_up alone replaces a service of the same kind
#   KIND_reach       prepares what the functions need; KIND_need fails the script where that is not to be had
#   KIND_words       prints the arguments of its processes
#   KIND_log         prints what `ray start` has said; KIND_log_before: before its last restart, too
#   KIND_log_file    prints the name of that file, if it is one; KIND_tell_log: puts its last lines into the answer
#   KIND_tries       prints how often the supervisor has restarted it
#   KIND_place       prints the folder in which a driver may unpack files; nothing: wherever it runs
#   KIND_exec        runs a command in the node's environment
NODE=$ROOT/$CLUSTER
# $1: the kind of service, $2: which of its functions, then its arguments
node_do() {
    rf_do=$1_$2
    have "$rf_do" || rf_do=host_$2
    shift 2
    "$rf_do" "$@"
}
host_active() { echo inactive; }
host_down() { :; }
host_gone() { :; }
host_reach() { :; }
host_need() { :; }
host_words() {
    if [ -r /proc/self/environ ]; then
        for rf_pid in $(node_pids); do tr '\0' ' ' 2>/dev/null <"/proc/$rf_pid/cmdline"; done
    else
        ps -axo command= 2>/dev/null | grep -F "$NODE/envs/"
    fi
}
host_log() { cat "$NODE/start.log" 2>/dev/null; }
host_log_before() { sed '' "$NODE/start.log.1" "$NODE/start.log" 2>/dev/null; }
host_log_file() { [ ! -f "$NODE/start.log" ] || echo "$NODE/start.log"; }
host_tell_log() {
    for rf_file in "$NODE/start.log" "$NODE/start.log.1"; do
        [ -f "$rf_file" ] && [ -r "$rf_file" ] || continue
        tail -n "$LINES_EACH" "$rf_file" 2>/dev/null | emit_text "log:${rf_file##*/}"
        # the one before is of interest while this one is still empty
        [ ! -s "$rf_file" ] || return 0
    done
}
host_tries() {
    rf_tries=$(wc -l 2>/dev/null <"$NODE/starts") || rf_tries=1
    echo "$((rf_tries - 1))"
}
host_place() { printf '%s' "$NODE"; }
host_exec() {
    # in a shell of its own: the node's environment may set any variable
    (
        # shellcheck source=/dev/null
        . "$NODE/env.sh"
        exec "$@"
    )
}
node_service() {
    rf_service=none
    [ ! -r "$NODE/service" ] || read -r rf_service <"$NODE/service" || :
    printf '%s' "$rf_service"
}
node_facts() {
    rf_service=$(node_service)
    emit service "$rf_service"
    node_do "$rf_service" reach
    emit active "$(node_do "$rf_service" active)"
    for rf_file in "$NODE"/envs/*/.complete; do
        rf_dir=${rf_file%/.complete}
        if env_whole "$rf_dir"; then emit env "${rf_dir##*/}"; fi
    done
    [ ! -r "$NODE/env/requirements.lock" ] || emit_text requirements <"$NODE/env/requirements.lock"
}
# $1: the kind of service; ends it and keeps it from coming back at the next boot
node_down() {
    node_do "$1" down
    node_reap
}
# Processes of this node, known by the mark in their environment.
node_pids() {
    if [ ! -r /proc/self/environ ]; then
        # macOS shows a process's environment behind its arguments
        ps -axwwE -o pid=,command= 2>/dev/null |
            RF_NODE=$NODE/ awk 'index($0, "RAYFAB_" "NODE=" ENVIRON["RF_NODE"]) { print $1 }'
        return
    fi
    for rf_file in $(grep -lsF "RAYFAB_NODE=$NODE/" /proc/[0-9]*/environ); do
        rf_file=${rf_file%/environ}
        echo "${rf_file#/proc/}"
    done
}
# Those that outlived their supervisor, and their temporary folder, which start.sh removes unless it is killed.
node_reap() {
    for rf_pid in $(node_pids); do kill -KILL "$rf_pid" 2>/dev/null || :; done
    [ -r "$NODE/tmpdir" ] && IFS= read -r rf_dir <"$NODE/tmpdir" || return 0
    case ${rf_dir#"/tmp/$UNIT-"} in */* | *[!0-9]* | '') ;; *) rm -rf "$rf_dir" ;; esac
    rm -f "$NODE/tmpdir"
}
# With root and systemd: Ray's folder is there again after a boot that cleared /tmp (open to the image's user,
# which Docker alone would not make it), and is spared by the cleaning of old files.
keep_temp() {
    write_file "$NODE/tmpfiles" 644 "d $1 1777 root root -${NL}x $1/*$NL"
    as_root install -D -m 644 "$NODE/tmpfiles" "/etc/tmpfiles.d/$UNIT.conf"
}
# Ray's session folders are named by `ray start` and in the arguments of this node's own processes (session_latest may
# be another Ray's); they are removed when the cluster is.
note_sessions() {
    node_do "$1" reach
    { node_do "$1" log_before; node_do "$1" words; } | grep -oE '/[^ =]*/session_[0-9_-]+' | sort -u >>"$NODE/sessions"
}
# Where Ray's own folder lies on this host, as the last start has left it.
node_temp() { [ ! -r "$NODE/temp" ] || IFS= read -r TEMP_DIR <"$NODE/temp" || :; }
# rf_logs: the log files of the newest session. Its link names a folder as Ray sees it, in a container maybe another.
node_logs() {
    node_temp
    rf_logs=$(readlink "$TEMP_DIR/session_latest" 2>/dev/null) || rf_logs=session_latest
    rf_logs=$TEMP_DIR/${rf_logs##*/}/logs
}
