#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib envs_made install
# values: ITEMS
# Makes the environment, and installs packages into it, while others are still being fetched.
# What goes wrong here is tried again by the installation at the end, which reports it.
rf_tick=install_ready
# the runtime's own function: makes an environment without packages, with Python and uv, unless they are there
rf_make=:
rf_side=
rf_batch=
rf_fresh=
# What an environment is made from; fetched before the packages.
rf_first=$(printf '%s\n' "$ITEMS" | awk '$1 !~ /^(wheel|sdist)$/ { print $2 }')
install_batch() {
    RAYFAB_FETCH=$NODE/
    export RAYFAB_FETCH
    rf_log=$rf_log.batch
    : >"$rf_log" && $rf_make && install_wheels "$1" .batch
}
install_ready() {
    if [ -n "$rf_side" ]; then
        if kill -0 "$rf_side" 2>/dev/null; then return; fi
        if wait "$rf_side"; then
            rf_batched="$rf_batched$(printf '%s\n' "$rf_batch" | cut -d' ' -f2 | tr '\n' ' ')"
        else
            rf_tick=:
        fi
        rf_side=
    fi
    [ "$rf_tick" != : ] || return 0
    for rf_file in $rf_first; do [ -f "$STORE/$rf_file" ] || return 0; done
    rf_batch=$(ready_wheels)
    [ -n "$rf_batch" ] || [ -z "$rf_fresh" ] || return 0
    env_fresh
    install_batch "$rf_batch" >/dev/null 2>&1 &
    rf_side=$!
}
# Removes what an interrupted installation left.
env_fresh() {
    [ -n "$rf_fresh" ] || env_begin "$rf_env"
    rf_fresh=1
}
# The beginning of the installation, after all was fetched.
install_begin() {
    : >"$rf_log" || fail "cannot write $rf_log" "free some space below $HOME"
    rm -f "$rf_log.batch"
    own_begin "$NODE/installing" RAYFAB_INSTALL
    env_fresh
    $rf_make
}
