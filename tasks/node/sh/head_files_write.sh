#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib kept_folder
# values: HISTORY LOCKS STATE_FOR
# Puts on a head what another one has kept, or it itself before it was destroyed: token, locks, state, and what it
# remembers of changes and jobs.
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
if [ -f "$NODE/kept.jobs" ]; then
    mkdir -p "$NODE/jobs" && chmod 644 "$NODE/kept.jobs" && mv -f "$NODE/kept.jobs" "$NODE/jobs/handed.jsonl" ||
        fail "cannot write $NODE/jobs/handed.jsonl"
fi
if [ -n "$HISTORY" ]; then
    # it may have been the head before, and remember some of it
    rf_value=$(
        if [ -s "$NODE/history.jsonl" ]; then
            printf '%s\n' "$HISTORY" | grep -vxF -f "$NODE/history.jsonl"
            cat "$NODE/history.jsonl"
        else printf '%s\n' "$HISTORY"; fi | tail -n 500
    )
    write_file "$NODE/history.jsonl" 600 "$rf_value$NL"
fi
[ -z "$LOCKS" ] || write_file "$NODE/restored.lock" 600 "$LOCKS"
[ -z "${RF_TOKEN-}" ] || write_file "$NODE/token" 600 "$RF_TOKEN"
