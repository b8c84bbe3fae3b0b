#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib kept_folder
# values: LOCKS STATE_FOR
# Puts on a head what another one has kept, or it itself before it was destroyed: token, locks and state.
(umask 077 && mkdir -p "$NODE") || fail "cannot make $NODE"
if [ -f "$NODE/kept.tgz" ]; then
    step "unpacking the state"
    rf_dir=$(kept_folder)
    rm -rf "$rf_dir.new"
    (umask 077 && mkdir -p "$rf_dir.new") && gzip -dc "$NODE/kept.tgz" | tar -C "$rf_dir.new" -xf - ||
        fail "cannot write $rf_dir"
    rm -rf "$rf_dir" || fail "cannot replace $rf_dir"
    mv "$rf_dir.new" "$rf_dir" || fail "cannot replace $rf_dir"
    [ -z "$STATE_FOR" ] || write_file "$rf_dir.for" 600 "$STATE_FOR$NL"
    rm -f "$NODE/kept.tgz"
fi
[ -z "$LOCKS" ] || write_file "$NODE/restored.lock" 600 "$LOCKS"
[ -z "${RF_TOKEN-}" ] || write_file "$NODE/token" 600 "$RF_TOKEN"
