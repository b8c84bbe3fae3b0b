#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# values: HOLD
# Keeps the node from starting again once its raylet has left: start.sh waits while the file is there. Empty: no longer.
if [ -n "$HOLD" ]; then
    (umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
    write_file "$NODE/hold" 600 "$HOLD$NL"
    rf_service=$(node_service)
    node_do "$rf_service" hold
else
    rm -f "$NODE/hold"
    rmdir "$NODE" 2>/dev/null || :
fi
