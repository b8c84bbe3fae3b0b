#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: LOOP_SH
loop_up() {
    write_file "$NODE/loop.sh" 700 "$LOOP_SH"
    if have setsid; then
        setsid sh "$NODE/loop.sh" </dev/null >/dev/null 2>&1 &
    else
        nohup sh "$NODE/loop.sh" </dev/null >/dev/null 2>&1 &
    fi
}
