#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Whether other hosts of this home have nodes of this cluster.
others_here() {
    for rf_file in "$SHARED"/hosts/*; do
        [ "${rf_file##*/}" != "$HOST_ID" ] || continue
        if [ -e "$rf_file" ] || [ -h "$rf_file" ]; then return 0; fi
    done
    return 1
}
# Whether another host of this home uses the environment in the folder $1, or is about to.
env_used() {
    [ -d "$SHARED/hosts" ] || return 1
    for rf_link in "$SHARED"/hosts/*/env "$SHARED"/hosts/*/env.next "$SHARED"/hosts/*/env.previous; do
        case $rf_link in "$SHARED/hosts/$HOST_ID/"*) continue ;; esac
        rf_at=$(readlink "$rf_link" 2>/dev/null) || continue
        # a repair leaves the environment in a hidden folder, and a link at its path
        if [ "$rf_at" = "$1" ] || [ "$(readlink "$rf_at" 2>/dev/null)" = "$1" ]; then return 0; fi
    done
    return 1
}
