#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker
# values: CLUSTER
# A node and its supervisor: a systemd system or user unit, a launchd daemon or agent, our own loop, or
# Docker's restart policy.
user_systemctl() {
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@"
}
loop_pid() {
    [ -r "$NODE/loop.pid" ] && read -r rf_pid <"$NODE/loop.pid" || return 1
    case $rf_pid in '' | *[!0-9]*) return 1 ;; esac
    # The process id may belong to another program by now.
    if [ -r "/proc/$rf_pid/cmdline" ]; then
        grep -q "loop.sh" "/proc/$rf_pid/cmdline" || return 1
    else
        ps -o command= -p "$rf_pid" 2>/dev/null | grep -q "loop.sh" || return 1
    fi
    printf '%s' "$rf_pid"
}
# launchd's job for a daemon or an agent ($1): its domain, its file, and a way to run a command that may change it
job_domain() {
    rf_domain=system
    if [ "$1" = agent ]; then
        rf_domain=user/$(id -u)
        [ ! -r "$NODE/domain" ] || IFS= read -r rf_domain <"$NODE/domain" || :
    fi
    printf '%s' "$rf_domain"
}
job_file() {
    if [ "$1" = daemon ]; then printf '%s' "/Library/LaunchDaemons/$UNIT.plist"; else
        printf '%s' "$HOME/Library/LaunchAgents/$UNIT.plist"; fi
}
job_do() {
    if [ "$1" = daemon ]; then
        shift
        as_root "$@"
    else
        shift
        "$@"
    fi
}
job_active() {
    # the first state in the output is the job's
    rf_state=$(launchctl print "$(job_domain "$1")/$UNIT" 2>/dev/null | sed -n 's/^[[:space:]]*state = //p' | sed 1q)
    [ "$rf_state" != running ] || rf_state=active
    echo "${rf_state:-inactive}"
}
job_down() {
    # its file is removed first, so that no boot or login starts it again
    rf_file=$(job_file "$1")
    [ ! -e "$rf_file" ] || job_do "$1" rm -f "$rf_file" ||
        fail "cannot remove $rf_file" "as an administrator: sudo rm $rf_file"
    rf_job=$(job_domain "$1")/$UNIT
    launchctl print "$rf_job" >/dev/null 2>&1 || return 0
    job_do "$1" launchctl bootout "$rf_job" 2>/dev/null || :
    # bootout does not wait for the job to end
    rf_n=0
    while launchctl print "$rf_job" >/dev/null 2>&1; do
        rf_n=$((rf_n + 1))
        [ "$rf_n" -lt 300 ] || fail "cannot stop $UNIT" "look at: launchctl print $rf_job"
        nap
    done
}
node_service() {
    rf_service=none
    [ ! -r "$NODE/service" ] || read -r rf_service <"$NODE/service" || :
    printf '%s' "$rf_service"
}
# $1: the kind of service. Prints active, or its supervisor's name for another state.
node_active() {
    case $1 in
        system) systemctl is-active "$UNIT" 2>/dev/null || : ;;
        user) user_systemctl is-active "$UNIT" 2>/dev/null || : ;;
        daemon | agent) job_active "$1" ;;
        loop) if loop_pid >/dev/null; then echo active; else echo inactive; fi ;;
        docker) case $(dk inspect -f '{{.State.Status}}' "$UNIT" 2>/dev/null) in running) echo active ;; restarting) echo activating ;; *) echo inactive ;; esac ;;
        *) echo inactive ;;
    esac
}
# $1: the kind of service. Stops it and disables its start at boot.
node_down() {
    case $1 in
        system)
            as_root systemctl disable --now --quiet "$UNIT" 2>/dev/null ||
                as_root systemctl stop "$UNIT" || fail "cannot stop $UNIT" "look at: systemctl status $UNIT"
            # after a crash systemd would still list the stopped unit as failed, and the system as degraded
            as_root systemctl reset-failed "$UNIT" 2>/dev/null || :
            ;;
        user)
            user_systemctl disable --now --quiet "$UNIT" || fail "cannot stop $UNIT"
            user_systemctl reset-failed "$UNIT" 2>/dev/null || :
            ;;
        daemon | agent) job_down "$1" ;;
        loop)
            if rf_pid=$(loop_pid); then
                kill -TERM "$rf_pid" 2>/dev/null || :
                rf_n=0
                while loop_pid >/dev/null && [ "$rf_n" -lt 225 ]; do
                    nap
                    rf_n=$((rf_n + 1))
                done
                if rf_pid=$(loop_pid); then kill -KILL "$rf_pid"; fi
            fi
            rm -f "$NODE/loop.pid"
            ;;
        docker)
            docker_cli
            # no docker command: no container either. If the engine is down the container still exists.
            [ $? -le 1 ] || fail "Docker's engine does not answer" "look at: docker version"
            # stopped, not removed, so that its log can still be read
            dk stop "$UNIT" >/dev/null 2>&1 || [ -z "$(dk ps -q -f "name=^/$UNIT\$")" ] ||
                fail "cannot stop the container $UNIT" "look at: docker ps"
            ;;
    esac
    node_reap
}
# $1: the kind of service, already stopped. Removes its files outside $NODE.
node_remove() {
    case $1 in
        docker)
            dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || [ -z "$(dk ps -aq -f "name=^/$UNIT\$")" ] ||
                fail "cannot remove the container $UNIT" "look at: docker ps -a"
            ;;
        system)
            as_root rm -f "/etc/systemd/system/$UNIT.service" && as_root systemctl daemon-reload ||
                fail "cannot remove /etc/systemd/system/$UNIT.service" "as root: rm /etc/systemd/system/$UNIT.service"
            ;;
        user)
            rm -f "$HOME/.config/systemd/user/$UNIT.service"
            for rf_dir in user/default.target.wants user; do
                rmdir "$HOME/.config/systemd/$rf_dir" 2>/dev/null || :
            done
            rmdir "$HOME/.config/systemd" 2>/dev/null || :
            [ ! -e "$NODE/made-config" ] || rmdir "$HOME/.config" 2>/dev/null || :
            user_systemctl daemon-reload 2>/dev/null || :
            [ ! -e "$NODE/made-linger" ] || node_unlinger
            ;;
        agent) [ ! -e "$NODE/made-agents" ] || rmdir "$HOME/Library/LaunchAgents" 2>/dev/null || : ;;
    esac
}
# Turns off lingering that a deploy turned on, unless another cluster here still needs it.
node_unlinger() {
    for rf_file in "$ROOT"/*/service; do
        [ "$rf_file" != "$NODE/service" ] && grep -qx user "$rf_file" 2>/dev/null || continue
        : >"${rf_file%/*}/made-linger"
        return
    done
    loginctl disable-linger 2>/dev/null || :
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
    case ${rf_dir#"/tmp/$UNIT-"} in */* | *[!0-9]* | '') ;; *) rm -rf "$rf_dir" ;; esac
    rm -f "$NODE/tmpdir"
}
# With root and systemd: makes Ray's folder at each boot, since a boot may clear /tmp, writable for the image's user
# (Docker would make it root's), and excludes it from the periodic cleaning of old files.
keep_temp() {
    write_file "$NODE/tmpfiles" 644 "d $1 1777 root root -${NL}x $1/*$NL"
    as_root install -D -m 644 "$NODE/tmpfiles" "/etc/tmpfiles.d/$UNIT.conf"
}
# Collects Ray's session folders from the output of `ray start` and the arguments of this node's processes
# (session_latest may belong to another Ray); `destroy` removes them.
note_sessions() {
    if [ "$1" = docker ] && [ -z "${rf_dk-}" ]; then docker_cli; fi
    { node_log_before "$1"; node_arguments "$1"; } | grep -oE '/[^ =]*/session_[0-9_-]+' | sort -u >>"$NODE/sessions"
}
node_arguments() {
    if [ "$1" = docker ]; then
        dk exec "$UNIT" sh -c 'cat /proc/[0-9]*/cmdline' 2>/dev/null | tr '\0' ' '
    elif [ -r /proc/self/environ ]; then
        for rf_pid in $(node_pids); do tr '\0' ' ' 2>/dev/null <"/proc/$rf_pid/cmdline"; done
    else
        ps -axo command= 2>/dev/null | grep -F "$NODE/envs/"
    fi
}
# The output of `ray start`. $1: the kind of service.
node_log() {
    if [ "$1" = docker ]; then dk logs "$UNIT" 2>&1; else cat "$NODE/start.log" 2>/dev/null; fi
}
node_log_before() {
    if [ "$1" = docker ]; then node_log docker; else sed '' "$NODE/start.log.1" "$NODE/start.log" 2>/dev/null; fi
}
# How often the supervisor has restarted it. $1: the kind of service.
node_tries() {
    if [ "$1" = docker ]; then
        dk inspect -f '{{.RestartCount}}' "$UNIT" 2>/dev/null || echo 0
    else
        rf_tries=$(wc -l 2>/dev/null <"$NODE/starts") || rf_tries=1
        echo "$((rf_tries - 1))"
    fi
}
# Runs a command in the node's environment. $1: the kind of service; then the command and its arguments.
node_exec() {
    if [ "$1" = docker ]; then
        shift
        # in a container that started as root it would run as root
        rf_user=
        [ ! -r "$NODE/user" ] || IFS= read -r rf_user <"$NODE/user" || :
        dk_in exec -i ${rf_user:+--user "$rf_user"} "$UNIT" "$@"
    else
        shift
        # in a subshell: the node's environment may set any variable
        (
            # shellcheck source=/dev/null
            . "$NODE/env.sh"
            exec "$@"
        )
    fi
}
