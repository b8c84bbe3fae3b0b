#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib envs_made install python_unpack
# values: ITEMS PYTHON PYTHON_FILE UV_VERSION UV_WHEEL
# Makes the environment, and installs packages into it while others are still being fetched.
# What goes wrong here is tried again by the installation at the end, which reports it.
rf_tick=install_ready
rf_side=
rf_batch=
rf_batched=' '
rf_fresh=
# Python, uv and an empty environment, unless they are there.
make_env() {
    [ -z "$PYTHON_FILE" ] || python_unpack
    uv_begin
    uv_here || unpack_uv "$PYTHON" || say_why "uv $UV_VERSION does not run here" "can programs run from $ROOT? (mount option noexec)"
    [ -x "$rf_env/bin/python" ] || "$rf_uv" venv --quiet --no-project --python "$PYTHON" "$rf_env" 2>>"$rf_log" ||
        say_why "cannot make an environment with $PYTHON" "look at: $PYTHON -V"
}
# The wheels that are in the store and not yet installed, as lines of ITEMS.
ready_wheels() {
    printf '%s\n' "$ITEMS" | while read -r rf_kind rf_file rf_rest; do
        [ "$rf_kind" = wheel ] && [ -f "$STORE/$rf_file" ] || continue
        case $rf_batched in *" $rf_file "*) ;; *) printf '%s\n' "$rf_kind $rf_file $rf_rest" ;; esac
    done
}
install_batch() {
    RAYFAB_FETCH=$NODE/
    export RAYFAB_FETCH
    rf_log=$rf_log.batch
    : >"$rf_log" && make_env && install_wheels "$1" "$rf_env/.batch"
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
    for rf_file in $PYTHON_FILE $UV_WHEEL; do [ -f "$STORE/$rf_file" ] || return 0; done
    rf_batch=$(ready_wheels)
    [ -n "$rf_batch" ] || return 0
    env_fresh
    install_batch "$rf_batch" >/dev/null 2>&1 &
    rf_side=$!
}
# Removes what an interrupted installation left.
env_fresh() {
    [ -n "$rf_fresh" ] || env_begin "$rf_env"
    rf_fresh=1
}
