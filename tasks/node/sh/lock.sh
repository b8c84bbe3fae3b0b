#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: HOLDER
# The lock is a symbolic link, which is created atomically. Its target says who holds it, from where, since when and why.
# A holder is alive while its connection is: its process is the parent of this shell, identified by its start time too.
rf_alive() {
    if [ -r /proc/self/stat ]; then
        rf_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
        # the 22nd field, counted after the name, which may contain spaces
        # shellcheck disable=SC2086
        set -- "$2" ${rf_stat##*) }
        [ "${21}" = "$1" ]
    else
        kill -0 "$1" 2>/dev/null && [ "$(ps -o lstart= -p "$1" | tr -s ' ' '_')" = "$2" ]
    fi
}
rf_birth() {
    if [ -r /proc/self/stat ]; then
        rf_stat=$(cat "/proc/$1/stat")
        # shellcheck disable=SC2086
        set -- ${rf_stat##*) }
        echo "${20}"
    else
        ps -o lstart= -p "$1" | tr -s ' ' '_'
    fi
}
rf_boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid 2>/dev/null || echo 0; }
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE" "make the home folder writable"
rf_lock=$NODE/lock
rf_mine="$PPID $(rf_birth "$PPID") $(rf_boot) $HOLDER"
rf_n=0
rf_stale=
# $1: a link's target. Succeeds if its holder is alive and the host has not rebooted since.
rf_lives() {
    rf_pid=${1%% *}
    rf_rest=${1#* }
    rf_born=${rf_rest%% *}
    rf_rest=${rf_rest#* }
    [ "${rf_rest%% *}" = "$(rf_boot)" ] && rf_alive "$rf_pid" "$rf_born"
}
while ! ln -s "$rf_mine" "$rf_lock" 2>/dev/null; do
    rf_n=$((rf_n + 1))
    rf_held=$(readlink "$rf_lock") || rf_held=
    if [ -z "$rf_held" ]; then
        [ "$rf_n" -le 20 ] || fail "cannot make the lock $rf_lock" "look at: ls -l $rf_lock"
        continue
    fi
    # a run within a hook has the holder of the run that started it, and takes part in its lock
    if [ "${rf_held#* * * }" = "$HOLDER" ] && rf_lives "$rf_held"; then
        rf_mine=
        break
    fi
    if rf_lives "$rf_held" || [ "$rf_n" -gt 50 ]; then
        rf_rest=${rf_held#* * * }
        emit held "$rf_rest"
        finish 0
    fi
    # Of several runs that find a dead holder only one may remove its lock, or it could remove the next holder's.
    # A second link, named after the dead holder, decides which: whoever creates it is the only one to remove the lock.
    rf_rest=${rf_held#* }
    rf_claim=$rf_lock.${rf_held%% *}.${rf_rest%% *}
    if ln -s "$rf_mine" "$rf_claim" 2>/dev/null; then
        if [ "$(readlink "$rf_lock")" = "$rf_held" ]; then
            rf_stale=${rf_held#* * * }
            rm -f "$rf_lock"
        fi
        rm -f "$rf_claim"
    elif rf_rest=$(readlink "$rf_claim") && ! rf_lives "$rf_rest"; then
        rm -f "$rf_claim"
    else
        nap
    fi
done
[ -z "$rf_stale" ] || emit stale "$rf_stale"
[ -z "$rf_mine" ] || emit locked 1
