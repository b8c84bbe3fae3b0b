#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib used
# Whether the environment in the folder $1 stays: this node's own, or the one that it is about to get, or one of another
# host of this home.
env_kept() {
    for rf_link in "$NODE/env" "$NODE/env.next"; do
        rf_at=$(readlink "$rf_link" 2>/dev/null) || continue
        # a repair leaves the environment in a hidden folder, and a link at its path
        if [ "$rf_at" = "$1" ] || [ "$(readlink "$rf_at" 2>/dev/null)" = "$1" ]; then return 0; fi
    done
    env_used "$1"
}
