#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153,SC2034
# needs: lib
# values: DEST
# SYNC: the folder for what is under way. DEST: where the files belong; without a leading slash it is in the home folder.
SYNC=$NODE/sync
case $DEST in
    /*) ;;
    *) DEST=$HOME${DEST:+/$DEST} ;;
esac
sync_sums() {
    if have sha256sum; then
        sha256sum "$@"
    elif have shasum; then
        shasum -a 256 "$@"
    fi
}
# A Python 3 of this host, for what a shell cannot do; empty if there is none.
sync_python() {
    for rf_python in python3 "$SHARED"/envs/*/bin/python3; do
        if "$rf_python" -c 'import sys; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1; then
            printf '%s' "$rf_python"
            return
        fi
    done
}
# The process id of the server, if it is running; the id may belong to another program by now.
sync_quiet() {
    [ -r "$SYNC/serve.pid" ] && read -r rf_pid <"$SYNC/serve.pid" || return 0
    case $rf_pid in '' | *[!0-9]*) return 0 ;; esac
    if [ -r "/proc/$rf_pid/cmdline" ]; then
        tr '\0' '\n' <"/proc/$rf_pid/cmdline" | grep -qxF -e "$SYNC" || return 0
    else
        ps -o command= -p "$rf_pid" 2>/dev/null | grep -qF -e "$SYNC" || return 0
    fi
    kill -TERM "$rf_pid" 2>/dev/null || :
    rm -f "$SYNC/serve.pid" "$SYNC/serve.log" "$SYNC/.token"
}
