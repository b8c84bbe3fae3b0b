#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: HISTORY
# Adds to what this head remembers of changes. Nothing is left on a host without a node, and a failure must not keep the
# lock.
history_lines() { { [ ! -r "$NODE/history.jsonl" ] || tail -n 500 "$NODE/history.jsonl"; } && printf '%s\n' "$HISTORY"; }
if [ -r "$NODE/state.json" ]; then
    (umask 077 && history_lines >"$NODE/history.new") 2>/dev/null &&
        mv -f "$NODE/history.new" "$NODE/history.jsonl" || rm -f "$NODE/history.new"
fi
