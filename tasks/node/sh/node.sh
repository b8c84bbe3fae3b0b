#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib kind_*
# A node and what keeps it alive. Each kind of service has a fragment kind_*.sh with functions of its own. Where one is
# not there, the node runs on the host itself, or there is none, and the function host_... below is called:
#   KIND_active      prints active, or its supervisor's name for another state
#   KIND_up          starts it and keeps it alive (in a fragment up_*.sh)
#   KIND_there       whether the host has one of this name, although $NODE may be gone
#   KIND_boxed       exists where the node is in a container of its own
#   KIND_down        stops it and prevents its start at the next boot
#   KIND_hold        keeps it from being started again once it ends, where start.sh cannot see to it
#   KIND_gone        removes what it has outside of $NODE, once it is stopped
#   KIND_replaces    exists where KIND_up replaces a running service of the same kind
#   KIND_reach       prepares for the others; KIND_need does the same and fails the script where it is not possible
#   KIND_arguments   prints the arguments of its processes
#   KIND_log         prints the output of `ray start`; KIND_log_before: that before the last restart, too
#   KIND_log_file    prints the path of that file, if it is one; KIND_last_log: its last $1 lines become answers
#   KIND_about       prints what its supervisor says of it
#   KIND_zone        prints the time zone in which it runs, such as +0200
#   KIND_tries       prints how often the supervisor has restarted it
#   KIND_life        prints the path of the file in which the node's watch writes what it knows
#   KIND_place       prints the folder in which a driver may unpack files; nothing: the one in which it starts
#   KIND_jobs        prints the folder of the journal of jobs, as the node sees it
#   KIND_store       runs the shell code $1 where the state of a head is, with its folder as $1
#   KIND_kill        kills its GCS ($1: gcs) or all its processes (all), and not what keeps it alive
#   KIND_exec        runs a command in the node's environment
#   KIND_python      runs the node's Python where Ray's folders are as Ray sees them, also while the node is stopped
#   KIND_images      prints the images that this node has had, "$@" are kept; KIND_unimage removes the one with this id
# $1: the kind of service, $2: which of its functions, then its arguments
node_do() {
    rf_do=${1}_$2
    have "$rf_do" || rf_do=host_$2
    shift 2
    "$rf_do" "$@"
}
host_active() { echo inactive; }
host_down() { :; }
host_hold() { :; }
host_gone() { :; }
host_reach() { :; }
host_need() { :; }
host_arguments() {
    if [ -r /proc/self/environ ]; then
        for rf_pid in $(node_pids); do tr '\0' ' ' 2>/dev/null <"/proc/$rf_pid/cmdline"; done
    else
        ps -axo command= 2>/dev/null | grep -F "$SHARED/envs/"
    fi
}
host_log() { cat "$NODE/start.log" 2>/dev/null; }
host_log_before() { sed '' "$NODE/start.log.1" "$NODE/start.log" 2>/dev/null; }
host_log_file() { [ ! -f "$NODE/start.log" ] || echo "$NODE/start.log"; }
host_last_log() {
    for rf_file in "$NODE/start.log" "$NODE/start.log.1"; do
        [ -f "$rf_file" ] && [ -r "$rf_file" ] || continue
        tail -n "$1" "$rf_file" 2>/dev/null | emit_text "log:${rf_file##*/}"
        # the log of the start before is read only while the new one is empty
        [ ! -s "$rf_file" ] || return 0
    done
}
host_about() { echo "no supervisor of the system"; }
host_zone() { date +%z; }
host_tries() {
    rf_tries=$(wc -l 2>/dev/null <"$NODE/starts") || rf_tries=1
    echo "$((rf_tries - 1))"
}
host_store() { sh -c "$1" store "$NODE/gcs"; }
host_life() { printf '%s' "$NODE/life.json"; }
host_place() { printf '%s' "$NODE"; }
host_jobs() { printf '%s' "$NODE/jobs"; }
host_kill() {
    for rf_pid in $(node_pids); do
        rf_value=
        [ "$1" = all ] || read -r rf_value <"/proc/$rf_pid/comm" || rf_value=$(ps -o comm= -p "$rf_pid")
        case $1:${rf_value##*/} in all: | gcs:gcs_server) kill -KILL "$rf_pid" 2>/dev/null || : ;; esac
    done
}
host_exec() {
    # in a subshell: the node's environment may set any variable
    (
        # shellcheck source=/dev/null
        . "$NODE/env.sh"
        exec "$@"
    )
}
host_python() { host_exec python "$@"; }
host_images() { :; }
node_service() {
    rf_service=none
    [ ! -r "$NODE/service" ] || read -r rf_service <"$NODE/service" || :
    printf '%s' "$rf_service"
}
# $1: the kind of service. Stops it and prevents its start at the next boot.
node_down() {
    node_do "$1" down
    node_reap
}
# The ids of this node's processes, found by a variable in their environment.
node_pids() {
    if [ ! -r /proc/self/environ ]; then
        # macOS prints a process's environment after its arguments
        ps -axwwE -o pid=,command= 2>/dev/null |
            RF_NODE=$NODE/ awk 'index($0, "RAYFAB_" "NODE=" ENVIRON["RF_NODE"]) { print $1 }'
        return
    fi
    for rf_file in $(grep -lsF "RAYFAB_NODE=$NODE/" /proc/[0-9]*/environ); do
        rf_file=${rf_file%/environ}
        echo "${rf_file#/proc/}"
    done
}
# Ends processes that outlived their supervisor, and removes their temporary folder, which a killed start.sh leaves.
node_reap() {
    for rf_pid in $(node_pids); do kill -KILL "$rf_pid" 2>/dev/null || :; done
    [ -r "$NODE/tmpdir" ] && IFS= read -r rf_dir <"$NODE/tmpdir" || return 0
    case $rf_dir in */../* | [!/]*) ;; */"$UNIT"-*)
        case ${rf_dir##*/"$UNIT"-} in *[!0-9]* | '') ;; *) rm -rf "$rf_dir" ;; esac
        ;;
    esac
    rm -f "$NODE/tmpdir"
}
# Collects Ray's session folders from the output of `ray start` and the arguments of this node's processes
# (session_latest may belong to another Ray); `destroy` removes them.
note_sessions() {
    node_do "$1" reach
    { node_do "$1" log_before; node_do "$1" arguments; } | grep -oE '/[^ =]*/session_[0-9_-]+' | sort -u >>"$NODE/sessions"
}
