#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker
# values: CLUSTER
# A node in a container, which Docker's restart policy keeps alive.
docker_reach() { [ -n "${rf_dk-}" ] || docker_cli; }
docker_need() { docker_cli || fail "Docker's engine does not answer" "look at: docker version"; }
docker_there() {
    docker_cli && [ -n "$(dk ps -aq -f "name=^/$UNIT\$" 2>/dev/null)" ]
}
docker_boxed() { :; }
docker_active() {
    case $(dk inspect -f '{{.State.Status}}' "$UNIT" 2>/dev/null) in
        running) echo active ;;
        restarting) echo activating ;;
        *) echo inactive ;;
    esac
}
docker_down() {
    docker_cli
    # no docker command: no container either. If the engine is down the container still exists.
    [ $? -le 1 ] || fail "Docker's engine does not answer" "look at: docker version"
    # stopped, not removed, so that its log can still be read
    dk stop "$UNIT" >/dev/null 2>&1 || [ -z "$(dk ps -q -f "name=^/$UNIT\$")" ] ||
        fail "cannot stop the container $UNIT" "look at: docker ps"
}
docker_gone() {
    dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || [ -z "$(dk ps -aq -f "name=^/$UNIT\$")" ] ||
        fail "cannot remove the container $UNIT" "look at: docker ps -a"
    dk volume rm -f "$UNIT-gcs" >/dev/null 2>&1 || :
}
docker_store() { dk exec "$UNIT" sh -c "$1" store /var/lib/rayfab/gcs 2>/dev/null; }
docker_arguments() { dk exec "$UNIT" sh -c 'cat /proc/[0-9]*/cmdline' 2>/dev/null | tr '\0' ' '; }
docker_log() { dk logs "$UNIT" 2>&1; }
docker_log_before() { docker_log; }
docker_log_file() { :; }
docker_last_log() {
    if ! dk inspect "$UNIT" >/dev/null 2>&1; then
        emit note "the container $UNIT is gone, and its own log with it"
    else
        dk logs --tail "$1" "$UNIT" 2>&1 | emit_text log:container
    fi
}
docker_tries() { dk inspect -f '{{.RestartCount}}' "$UNIT" 2>/dev/null || echo 0; }
docker_place() { :; }
docker_kill() {
    # shellcheck disable=SC2016
    docker_exec sh -c '[ "$1" = gcs ] || kill -KILL -1
        for comm in $(grep -lx gcs_server /proc/[0-9]*/comm); do
            pid=${comm%/comm}
            kill -KILL "${pid#/proc/}"
        done' kill "$1" >/dev/null 2>&1 </dev/null || :
}
docker_exec() {
    # in a container that started as root it would run as root
    rf_user=
    [ ! -r "$NODE/user" ] || IFS= read -r rf_user <"$NODE/user" || :
    dk_in exec -i ${rf_user:+--user "$rf_user"} "$UNIT" "$@"
}
