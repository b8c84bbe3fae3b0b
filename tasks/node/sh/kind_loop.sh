#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# This project's own loop, on hosts without systemd and launchd.
loop_pid() {
    [ -r "$NODE/loop.pid" ] && read -r rf_pid <"$NODE/loop.pid" || return 1
    case $rf_pid in '' | *[!0-9]*) return 1 ;; esac
    # The process id may belong to another program by now.
    if [ -r "/proc/$rf_pid/cmdline" ]; then
        grep -q "loop.sh" "/proc/$rf_pid/cmdline" || return 1
    else
        ps -o command= -p "$rf_pid" 2>/dev/null | grep -q "loop.sh" || return 1
    fi
    printf '%s' "$rf_pid"
}
# Without ~/.rayfab the loop is found by its arguments.
loop_there() {
    for rf_file in $(grep -ls 'loop[.]sh' /proc/[0-9]*/cmdline); do
        tr '\0' '\n' 2>/dev/null <"$rf_file" | grep -qxF -e "$NODE/loop.sh" || continue
        rf_pid=${rf_file%/cmdline}
        (umask 077 && mkdir -p "$NODE") && write_file "$NODE/loop.pid" 600 "${rf_pid#/proc/}$NL"
        return 0
    done
    return 1
}
loop_active() { if loop_pid >/dev/null; then echo active; else echo inactive; fi; }
loop_down() {
    if rf_pid=$(loop_pid); then
        kill -TERM "$rf_pid" 2>/dev/null || :
        rf_n=0
        while loop_pid >/dev/null && [ "$rf_n" -lt 225 ]; do
            nap
            rf_n=$((rf_n + 1))
        done
        if rf_pid=$(loop_pid); then kill -KILL "$rf_pid"; fi
    fi
    rm -f "$NODE/loop.pid"
}
