#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Runs a program or function with a limit of its own. What does not end costs one fact, even if nothing can end it (a
# driver that hangs, a file server that is gone): it is left behind.
# $1: its name for people, $2: seconds, then the command. rf_said: what it printed. Fails with 124 if it did not end.
# It needs a trap and the id of this shell, so it must not run in a subshell.
rf_hung=' '
rf_late=
limited() {
    rf_asks=$1
    rf_limit=$2
    shift 2
    rf_said=
    # asked once, it would hang again
    case $rf_hung in *" $rf_asks "*) return 124 ;; esac
    for rf_scratch in /dev/shm /tmp "$HOME" ''; do
        # the mark is random and known to nobody else; several scripts of one run may have the same
        rf_scratch=$rf_scratch/.rayfab-$RF_MARK-$$
        (umask 077 && : >"$rf_scratch") 2>/dev/null && break
    done
    rf_late=
    [ -f "$rf_scratch" ] || {
        rf_said=$("$@" 2>&1 </dev/null)
        return
    }
    trap 'rf_late=1' USR1
    "$@" >"$rf_scratch" 2>&1 </dev/null &
    rf_asked=$!
    (
        trap 'kill $rf_nap 2>/dev/null; exit' TERM
        sleep "$rf_limit" &
        rf_nap=$!
        wait $rf_nap
        kill -USR1 $$
    ) >/dev/null 2>&1 </dev/null &
    rf_watch=$!
    wait $rf_asked
    rf_ended=$?
    kill $rf_watch 2>/dev/null
    trap : USR1
    rf_said=$(cat "$rf_scratch")
    rm -f "$rf_scratch"
    [ -n "$rf_late" ] || return $rf_ended
    kill -KILL $rf_asked 2>/dev/null
    rf_hung="$rf_hung$rf_asks "
    emit hung "$rf_asks $rf_limit"
    return 124
}
