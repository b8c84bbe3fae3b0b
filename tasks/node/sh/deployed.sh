#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: DEPLOYED
# What this head remembers of the hosts that were deployed. A failure must not keep the lock.
if [ -z "$DEPLOYED" ]; then
    rm -f "$NODE/deployed.json"
elif [ -d "$NODE" ]; then
    (umask 077 && printf '%s\n' "$DEPLOYED" >"$NODE/deployed.new") 2>/dev/null &&
        mv -f "$NODE/deployed.new" "$NODE/deployed.json" || rm -f "$NODE/deployed.new"
fi
