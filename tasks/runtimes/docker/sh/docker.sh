#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Runs docker without a standard input, with sudo if only root reaches the engine.
dk() { dk_in "$@" </dev/null; }
# The same for a docker command that reads standard input.
dk_in() {
    if [ "${rf_dk-}" = root ]; then as_root_in docker "$@"; else docker "$@"; fi
}
# Folders of Docker Desktop and similar programs, which are not on the PATH of a session without a terminal.
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
# Sockets that docker's own configuration may not know
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
    # sudo may say something before it
    rf_docker=${rf_docker##*"$NL"}
}
