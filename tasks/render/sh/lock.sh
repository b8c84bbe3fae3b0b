#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# One symbolic link is made whole or not at all, and holds who, from where, since when and what in its target.
# A holder lives as long as its connection to this host: the parent of this shell, told by its start time too.
rf_alive() {
    if [ -r /proc/self/stat ]; then
        rf_stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
        # the 22nd field, counted after the name, which may hold blanks
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
(umask 077 && mkdir -p "$ROOT/$CLUSTER") || fail "cannot make $ROOT/$CLUSTER" "make the home folder writable"
rf_lock=$ROOT/$CLUSTER/lock
rf_mine="$PPID $(rf_birth "$PPID") $(rf_boot) $HOLDER"
rf_n=0
while ! ln -s "$rf_mine" "$rf_lock" 2>/dev/null; do
    rf_n=$((rf_n + 1))
    rf_held=$(readlink "$rf_lock") || rf_held=
    if [ -z "$rf_held" ]; then
        [ "$rf_n" -le 3 ] || fail "cannot make the lock $rf_lock" "look at: ls -l $rf_lock"
        continue
    fi
    rf_pid=${rf_held%% *}
    rf_rest=${rf_held#* }
    rf_born=${rf_rest%% *}
    rf_rest=${rf_rest#* }
    if [ "$rf_n" -le 3 ] && { [ "${rf_rest%% *}" != "$(rf_boot)" ] || ! rf_alive "$rf_pid" "$rf_born"; }; then
        emit stale "${rf_rest#* }"
        # Renamed before it is removed: of two that find it dead, one gets it.
        mv "$rf_lock" "$rf_lock.dead.$$" 2>/dev/null && rm -f "$rf_lock.dead.$$"
        continue
    fi
    emit held "${rf_rest#* }"
    finish 0
done
emit locked 1
