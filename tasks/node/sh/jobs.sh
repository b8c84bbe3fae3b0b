#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# values: ADDRESS JOURNAL_PY
# The journal of jobs. Where Ray runs it is asked first; else the files say what was known last.
rf_service=$(node_service)
[ "$rf_service" != none ] || fail "this cluster has no node on this host" "fab deploy-cluster starts it"
node_do "$rf_service" reach
rf_said=
if [ "$(node_do "$rf_service" active)" = active ]; then
    rf_said=$(printf '%s' "$JOURNAL_PY" |
        node_do "$rf_service" exec python - list "$(node_do "$rf_service" jobs)" "$ADDRESS" 2>/dev/null) || rf_said=
    rf_why="the node on the head does not answer"
else
    rf_why="Ray does not run on the head"
fi
if [ -n "$rf_said" ]; then
    printf '%s\n' "$rf_said" | sed -n 's/^RF //p' | emit_text job
else
    emit problem "$rf_why"
    # one line each
    cat "$NODE"/jobs/*.json "$NODE/jobs/handed.jsonl" 2>/dev/null | emit_text job
fi
