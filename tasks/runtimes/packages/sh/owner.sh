#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib home_lock
# Called while programs of this run are waited for, and the process that it has started.
rf_tick=:
rf_side=
# Ids of processes of an earlier run that may still be running. $1: NAME=VALUE in their environment
marked_pids() {
    if [ ! -r /proc/self/environ ]; then
        # macOS prints a process's environment after its arguments
        ps -axwwE -o pid=,command= 2>/dev/null | RF_AT=${1#RAYFAB_} awk 'index($0, "RAYFAB_" ENVIRON["RF_AT"]) { print $1 }'
        return
    fi
    for rf_file in $(grep -lsF "$1" /proc/[0-9]*/environ); do
        rf_file=${rf_file%/environ}
        echo "${rf_file#/proc/}"
    done
}
# Makes this run the owner of what the file $1 stands for, and ends the programs of this cluster's earlier runs.
# A later run of this cluster takes it over in the same way. $2: the variable that marks the programs.
own_begin() {
    home_lock
    rf_own=$1
    rf_token="$$ $(date +%s)"
    write_file "$1" 600 "$rf_token$NL"
    for rf_pid in $(marked_pids "$2=$NODE/"); do kill -KILL "$rf_pid" 2>/dev/null; done
    rf_n=0
    # another cluster's programs are waited for
    while [ -n "$(marked_pids "$2=$ROOT/")" ] && [ "$rf_n" -lt 3600 ]; do
        [ $((rf_n % 10)) != 0 ] || step "waiting for another cluster's installation on this host"
        sleep 1
        rf_n=$((rf_n + 1))
    done
}
own() {
    rf_held=
    { IFS= read -r rf_held <"$rf_own"; } 2>/dev/null
    [ "$rf_held" = "$rf_token" ]
}
