#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker
# docker asks its credential store even for a public image, and a store such as a Mac's keychain is locked for
# a session without a desktop. Then docker gets a configuration without the store. $1: the image
docker_passwords() {
    [ "$rf_dk" = user ] || return 0
    rf_file=${DOCKER_CONFIG:-$HOME/.docker}/config.json
    rf_store=$(sed -n 's/.*"credsStore"[^"]*"\([^"]*\)".*/\1/p' "$rf_file" 2>/dev/null | head -n 1)
    if [ -z "$rf_store" ]; then
        # docker's default on a Mac
        [ "$(uname)" = Darwin ] && ! grep -q '"auth' "$rf_file" 2>/dev/null || return 0
        rf_store=osxkeychain
        have docker-credential-osxkeychain || return 0
    fi
    case ${1%%/*} in "$1" | *[!a-z0-9.:-]*) rf_registry= ;; *[.:]*) rf_registry=${1%%/*} ;; *) rf_registry= ;; esac
    rf_registry=${rf_registry:-https://index.docker.io/v1/}
    # on success it prints the password, which must not be shown
    if rf_value=$(printf '%s' "$rf_registry" | "docker-credential-$rf_store" get 2>&1); then
        rf_value=
        return 0
    fi
    case $rf_value in *"credentials not found"*) return 0 ;; esac
    # docker's contexts are in the same folder as its credentials
    rf_value=${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)}
    (umask 077 && mkdir -p "$NODE/docker") || fail "cannot make $NODE/docker"
    # not empty, or docker would look for a store again
    write_file "$NODE/docker/config.json" 600 "{\"auths\": {\"$rf_registry\": {}}}"
    DOCKER_CONFIG=$NODE/docker
    DOCKER_HOST=${rf_value:-unix:///var/run/docker.sock}
    export DOCKER_CONFIG DOCKER_HOST
}
