#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib used
# Records of what a node was started with: a line `ENVIRONMENT HASH SECONDS`, then all that it takes to start it again.
# In $NODE, started is that of what runs, previous that of what ran before the last upgrade. trying is there while one
# takes the place of the other. The environment is a container's image where there is none.
# Prints the environment in the record $1.
record_env() {
    rf_word=
    [ ! -r "$NODE/$1" ] || read -r rf_word rf_rest <"$NODE/$1" || :
    printf '%s' "$rf_word"
}
# What has been started stays. $1: its record, $2: keep where one can go back to what ran before.
record_started() {
    rf_line=${1%%"$NL"*}
    rf_old=
    rf_since=
    [ ! -r "$NODE/started" ] || read -r rf_old rf_hash rf_since <"$NODE/started" || :
    if [ "$rf_old" = "${rf_line%% *}" ] && { [ -z "${2-}" ] || [ "$rf_hash" = "${rf_line#* }" ]; }; then
        :
    elif [ -z "${2-}" ]; then
        rf_since=
        rm -f "$NODE/previous" "$NODE/env.previous"
    else
        rf_since=
        rm -f "$NODE/env.previous"
        [ -z "$rf_old" ] || { mv -f "$NODE/started" "$NODE/previous" && ln -s "$SHARED/envs/$rf_old" "$NODE/env.previous"; } ||
            fail "cannot write $NODE/previous"
    fi
    write_file "$NODE/started" 600 "$rf_line ${rf_since:-$(date +%s)}$NL${1#*"$NL"}$NL"
    rm -f "$NODE/trying"
    envs_tidy
}
# Whether the environment in the folder $1 stays: that of what runs or is about to run, that of what ran before the last
# upgrade, or one of another host of this home.
env_kept() {
    for rf_at in "$(readlink "$NODE/env")" "$(readlink "$NODE/env.next")" \
        "$SHARED/envs/$(record_env started)" "$SHARED/envs/$(record_env previous)"; do
        case $rf_at in '' | */) continue ;; esac
        # a repair leaves the environment in a hidden folder, and a link at its path
        if [ "$rf_at" = "$1" ] || [ "$(readlink "$rf_at")" = "$1" ]; then return 0; fi
    done
    env_used "$1"
}
envs_tidy() {
    for rf_dir in "$SHARED"/envs/* "$SHARED"/envs/.[!.]*; do env_kept "$rf_dir" || rm -rf "$rf_dir"; done
}
