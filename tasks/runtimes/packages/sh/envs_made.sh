#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib owner used
# values: OWNERS
# Making an environment. Its programs hold its path, so it cannot be moved. While Ray runs from one that is broken, the
# new one is made in a hidden folder beside it, and a link at the old path then leads there: Ray is not restarted.
# $1: the path of the environment. rf_env: where it is to be made.
env_begin() {
    rf_env_path=$1
    rf_env=$1
    env_sweep
    if [ -e "$1" ] && { [ -n "$(marked_pids "RAYFAB_NODE=$NODE/")" ] || env_used "$1"; }; then
        rf_env=${1%/*}/.${1##*/}.$(date +%s).$$
    else
        rm -rf "$1"
        env_sweep
    fi
}
# Removes the hidden folders of environments to which no link leads.
env_sweep() {
    for rf_hidden in "$SHARED"/envs/.[!.]*; do
        env_linked "$rf_hidden" || env_used "$rf_hidden" || rm -rf "$rf_hidden"
    done
}
env_linked() {
    for rf_link in "$SHARED"/envs/*; do
        [ "$(readlink "$rf_link" 2>/dev/null)" != "$1" ] || return 0
    done
    return 1
}
# Writes the list of the new environment's files, and the mark that it is complete; then its path leads to it.
env_done() {
    printf '%s' "$OWNERS" | "$rf_env/bin/python" - "$rf_env" && "$rf_env/bin/python" -V >"$rf_env/.complete" 2>&1 ||
        fail "cannot write $rf_env" "free some space below $HOME"
    [ "$rf_env" != "$rf_env_path" ] || return 0
    rf_old=$(readlink "$rf_env_path") || rf_old=$rf_env.old
    [ -h "$rf_env_path" ] || mv "$rf_env_path" "$rf_old" || fail "cannot replace $rf_env_path"
    rm -f "$rf_env_path" && ln -s "$rf_env" "$rf_env_path" || fail "cannot replace $rf_env_path"
    rm -rf "$rf_old"
}
