#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Docker's command, and a node in a container that Docker's restart policy keeps alive.
# dk: docker, through sudo where only that reaches the engine
dk() {
    if [ "${rf_dk-}" = root ]; then as_root docker "$@"; else docker "$@"; fi
}
# The same for a docker that reads its standard input, behind the password that sudo may want first.
dk_in() {
    if [ "${rf_dk-}" != root ]; then
        docker "$@"
    elif [ "$(id -u)" = 0 ] || sudo -k -n true 2>/dev/null; then
        as_root docker "$@"
    else
        { printf '%s\n' "${RF_SUDO-}" && cat; } | sudo -k -S -p '' docker "$@"
    fi
}
# Where Docker Desktop and its like put the command; a session without a terminal has none of these on its PATH.
docker_path() {
    have docker && return 0
    for rf_dir in /opt/homebrew/bin "$HOME/.docker/bin" "$HOME/.orbstack/bin" "$HOME/.rd/bin" \
        /Applications/Docker.app/Contents/Resources/bin "$HOME/Applications/Docker.app/Contents/Resources/bin" \
        /Applications/OrbStack.app/Contents/MacOS/xbin; do
        if [ -x "$rf_dir/docker" ]; then
            PATH=$PATH:$rf_dir
            return 0
        fi
    done
    return 1
}
# Sockets that the command's own configuration may not name
docker_socket() {
    [ -z "${DOCKER_HOST-}" ] || return 1
    for rf_file in "$HOME/.docker/run/docker.sock" "$HOME/.orbstack/run/docker.sock" \
        "$HOME/.colima/default/docker.sock" "$HOME/.config/colima/default/docker.sock" "$HOME/.rd/docker.sock"; do
        [ -S "$rf_file" ] || continue
        rf_value=$(docker --host "unix://$rf_file" version --format '{{.Server.Version}}' 2>&1) || continue
        rf_docker=$rf_value
        DOCKER_HOST=unix://$rf_file
        export DOCKER_HOST
        return 0
    done
    return 1
}
docker_cli() {
    rf_dk=user
    docker_path || return 1
    rf_docker=$(docker version --format '{{.Server.Version}}' 2>&1) && return 0
    case $rf_docker in
        *"permission denied"*) ;;
        *)
            docker_socket || return 2
            return 0
            ;;
    esac
    can_root || return 3
    rf_dk=root
    rf_docker=$(as_root docker version --format '{{.Server.Version}}' 2>&1) || return 2
}
docker_reach() { [ -n "${rf_dk-}" ] || docker_cli; }
docker_need() { docker_cli || fail "Docker's engine does not answer"; }
docker_active() {
    case $(dk inspect -f '{{.State.Status}}' "$UNIT" 2>/dev/null) in
        running) echo active ;;
        restarting) echo activating ;;
        *) echo inactive ;;
    esac
}
docker_down() {
    docker_cli
    # without Docker's command there is no container any more; an engine that is down still has it
    [ $? -le 1 ] || fail "Docker's engine does not answer" "look at: docker version"
    # stopped, not removed: its log can still be read
    dk stop "$UNIT" >/dev/null 2>&1 || [ -z "$(dk ps -q -f "name=^/$UNIT\$")" ] ||
        fail "cannot stop the container $UNIT" "look at: docker ps"
}
docker_gone() {
    dk rm -f -v "$UNIT" "rayfab_seed_$CLUSTER" >/dev/null 2>&1 || [ -z "$(dk ps -aq -f "name=^/$UNIT\$")" ] ||
        fail "cannot remove the container $UNIT" "look at: docker ps -a"
}
docker_words() { dk exec "$UNIT" sh -c 'cat /proc/[0-9]*/cmdline' 2>/dev/null | tr '\0' ' '; }
docker_log() { dk logs "$UNIT" 2>&1; }
docker_log_before() { docker_log; }
docker_log_file() { :; }
docker_tell_log() {
    if ! dk inspect "$UNIT" >/dev/null 2>&1; then
        emit note "the container $UNIT is gone, and its own log with it"
    else
        dk logs --tail "$LINES_EACH" "$UNIT" 2>&1 | emit_text log:container
    fi
}
docker_tries() { dk inspect -f '{{.RestartCount}}' "$UNIT" 2>/dev/null || echo 0; }
docker_place() { :; }
docker_exec() {
    # a container that started as root would run it as root
    rf_user=
    [ ! -r "$NODE/user" ] || IFS= read -r rf_user <"$NODE/user" || :
    dk_in exec -i ${rf_user:+--user "$rf_user"} "$UNIT" "$@"
}
