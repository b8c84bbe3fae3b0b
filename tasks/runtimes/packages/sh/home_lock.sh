#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# In a home of several hosts one host at a time installs, and the others use it. mkdir is atomic on NFS; locks of files
# may not be there. The holder writes a new number every few seconds: one that stops has died, whatever its clock says.
rf_locked=
rf_making=$ROOT/.making
# $1: number of the beat
home_beat() { printf '%s %s\n' "$rf_me" "$1" >"$rf_making/by.$HOST_ID" && mv -f "$rf_making/by.$HOST_ID" "$rf_making/by"; }
home_by() {
    rf_by=
    { IFS= read -r rf_by <"$rf_making/by"; } 2>/dev/null
}
home_mine() {
    home_by
    case $rf_by in "$rf_me "*) return 0 ;; *) return 1 ;; esac
}
# Whether the holder rf_by has died. rf_seen: its last beat, which has not changed for rf_still tries of 2 s.
home_dead() {
    case $rf_by in
        "$HOST_ID "*)
            rf_pid=${rf_by#* }
            rf_pid=${rf_pid%% *}
            ! kill -0 "$rf_pid" 2>/dev/null || return 1
            return 0
            ;;
    esac
    if [ "$rf_by" = "$rf_seen" ]; then rf_still=$((rf_still + 1)); else rf_still=0; fi
    rf_seen=$rf_by
    [ "$rf_still" -ge 45 ]
}
home_beats() {
    rf_n=0
    while kill -0 "$$" 2>/dev/null && home_mine; do
        rf_n=$((rf_n + 1))
        home_beat "$rf_n"
        sleep 5
    done
}
home_lock() {
    [ -d "$SHARED/hosts" ] && [ -z "$rf_locked" ] || return 0
    rf_me="$HOST_ID $$ $(date +%s)"
    rf_seen=-
    rf_still=0
    rf_n=0
    until mkdir "$rf_making" 2>/dev/null; do
        [ -d "$rf_making" ] || [ "$rf_n" -lt 5 ] || fail "cannot make $rf_making" "free some space, or make the folder writable for $(id -un)"
        home_by
        if home_dead; then
            # of several that wait only one makes the folder that is named after the dead holder
            rf_dir=$rf_making/after.$(printf '%s' "$rf_by" | tr -c 'A-Za-z0-9._-' _)
            if mkdir "$rf_dir" 2>/dev/null; then
                rf_value=$rf_by
                home_by
                [ "$rf_by" != "$rf_value" ] || break
                rmdir "$rf_dir" 2>/dev/null
            fi
        fi
        [ $((rf_n % 5)) != 0 ] || step "waiting for ${rf_by%% *}, which installs for all hosts of this home"
        rf_n=$((rf_n + 1))
        sleep 2
    done
    home_beat 0 || fail "cannot write $rf_making" "free some space below $HOME"
    rf_locked=1
    # not a child of this shell, whose `wait` would wait for it
    (home_beats </dev/null >/dev/null 2>&1 &)
    trap '! home_mine || rm -rf "$rf_making"' EXIT
}
