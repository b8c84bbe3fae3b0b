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
docker_hold() {
    docker_cli || return 0
    # a stopped container keeps the policy that it has; a start makes a new one
    dk update --restart=no "$UNIT" >/dev/null 2>&1 || [ -z "$(dk ps -q -f "name=^/$UNIT\$")" ] ||
        fail "cannot change the restart policy of $UNIT" "look at: docker ps"
}
docker_gone() {
    rf_file=$(docker_life)
    [ ! -e "$rf_file" ] || rm -f "$rf_file" 2>/dev/null || as_root rm -f "$rf_file" || :
    dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || [ -z "$(dk ps -aq -f "name=^/$UNIT\$")" ] ||
        fail "cannot remove the container $UNIT" "look at: docker ps -a"
    dk volume rm -f "$UNIT-gcs" >/dev/null 2>&1 || :
}
docker_store() {
    if [ "$(docker_active)" = active ]; then
        dk exec "$UNIT" sh -c "$1" store /var/lib/rayfab/gcs 2>/dev/null
        return
    fi
    rf_id=$(dk inspect -f '{{.Image}}' "$UNIT" 2>/dev/null) || return 1
    dk run --rm --user 0:0 --network none --volumes-from "$UNIT" --entrypoint sh "$rf_id" -c "$1" store /var/lib/rayfab/gcs 2>/dev/null
}
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
docker_about() {
    dk inspect -f '{{.Config.Image}} {{json .State}} restarts {{.RestartCount}} memory {{.HostConfig.Memory}}' "$UNIT"
}
# A container that has ended tells no zone; images are made with this one.
docker_zone() { dk exec "$UNIT" date +%z 2>/dev/null || echo +0000; }
docker_tries() { dk inspect -f '{{.RestartCount}}' "$UNIT" 2>/dev/null || echo 0; }
# In Ray's folder, which the container shares with the host
docker_life() {
    rf_dir=
    [ ! -r "$NODE/temp" ] || IFS= read -r rf_dir <"$NODE/temp" || :
    printf '%s' "${rf_dir:-/tmp/ray}/$UNIT.json"
}
docker_place() { :; }
docker_jobs() { printf /var/lib/rayfab-jobs; }
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
docker_python() {
    if [ "$(docker_active)" = active ]; then
        docker_exec python "$@"
        return
    fi
    rf_id=$(dk inspect -f '{{.Image}}' "$UNIT" 2>/dev/null) || return 1
    # as Ray's user, never as root
    rf_user=$(cat "$NODE/user" 2>/dev/null)
    [ -n "$rf_user" ] || rf_user=$(dk inspect -f '{{.Config.User}}' "$UNIT")
    dk_in run --rm -i --network none --volumes-from "$UNIT" ${rf_user:+--user "$rf_user"} --entrypoint python "$rf_id" "$@"
}
# Each as: used or old, bytes, id. The last two are kept, and those with the ids "$@".
docker_images() {
    rf_kept=$(tail -n 2 "$NODE/images" 2>/dev/null) || return 0
    while read -r rf_id; do
        rf_size=$(dk image inspect -f '{{.Size}}' "$rf_id" 2>/dev/null) || continue
        rf_state=old
        case $NL$rf_kept$NL in *"$NL$rf_id$NL"*) rf_state=used ;; esac
        case " $* " in *" $rf_id "*) rf_state=used ;; esac
        [ -z "$(dk ps -aq --filter "ancestor=$rf_id" 2>/dev/null)" ] || rf_state=used
        echo "$rf_state $rf_size $rf_id"
    done <"$NODE/images"
}
docker_unimage() { dk image rm "$1" >/dev/null 2>&1; }
