#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# docker asks its store of passwords even for a public image, and a store such as a Mac's keychain is closed to
# a session without a screen: then a configuration without it. $1: the image
docker_passwords() {
    [ "$rf_dk" = user ] || return 0
    rf_file=${DOCKER_CONFIG:-$HOME/.docker}/config.json
    rf_store=$(sed -n 's/.*"credsStore"[^"]*"\([^"]*\)".*/\1/p' "$rf_file" 2>/dev/null | head -n 1)
    if [ -z "$rf_store" ]; then
        # what docker takes on a Mac where nothing is said
        [ "$(uname)" = Darwin ] && ! grep -q '"auth' "$rf_file" 2>/dev/null || return 0
        rf_store=osxkeychain
        have docker-credential-osxkeychain || return 0
    fi
    case ${1%%/*} in "$1" | *[!a-z0-9.:-]*) rf_registry= ;; *[.:]*) rf_registry=${1%%/*} ;; *) rf_registry= ;; esac
    rf_registry=${rf_registry:-https://index.docker.io/v1/}
    # with a password it says so on standard output, which nobody shall see
    if rf_value=$(printf '%s' "$rf_registry" | "docker-credential-$rf_store" get 2>&1); then
        rf_value=
        return 0
    fi
    case $rf_value in *"credentials not found"*) return 0 ;; esac
    # the contexts are in the same folder as the passwords
    rf_value=${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)}
    (umask 077 && mkdir -p "$NODE/docker") || fail "cannot make $NODE/docker"
    # not empty, since docker would look for a store again then
    write_file "$NODE/docker/config.json" 600 "{\"auths\": {\"$rf_registry\": {}}}"
    DOCKER_CONFIG=$NODE/docker
    DOCKER_HOST=${rf_value:-unix:///var/run/docker.sock}
    export DOCKER_CONFIG DOCKER_HOST
}
