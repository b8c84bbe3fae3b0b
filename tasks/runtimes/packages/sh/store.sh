#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
STORE=$ROOT/.store
# The process id of the store's server, if it is running; the id may belong to another program by now.
store_server() {
    [ -r "$NODE/serve.pid" ] && read -r rf_pid <"$NODE/serve.pid" || return 1
    case $rf_pid in '' | *[!0-9]*) return 1 ;; esac
    if [ -r "/proc/$rf_pid/cmdline" ]; then
        tr '\0' '\n' <"/proc/$rf_pid/cmdline" | grep -qxF -e "$STORE" || return 1
    else
        ps -o command= -p "$rf_pid" 2>/dev/null | grep -qF -e "$STORE" || return 1
    fi
    printf '%s' "$rf_pid"
}
store_quiet() {
    if rf_pid=$(store_server); then kill -TERM "$rf_pid" 2>/dev/null || :; fi
    rm -f "$NODE/serve.pid" "$NODE/serve.log" "$STORE/.token"
}
