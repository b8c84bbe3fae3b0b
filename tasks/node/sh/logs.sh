#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs
# values: LINES_EACH PATTERNS TEMP_DIR
# The last lines of the chosen files. They are read on the host, so Ray need not be running.
rf_service=$(node_service)
node_do "$rf_service" reach
node_logs
show() {
    [ -f "$1" ] && [ -r "$1" ] || return 0
    tail -n "$LINES_EACH" "$1" 2>/dev/null | emit_text "log:${1##*/}"
}
rf_each() {
    for rf_pattern in "$@"; do
        case $rf_pattern in
            start) node_do "$rf_service" last_log "$LINES_EACH" ;;
            *)
                # the pattern may match several files
                # shellcheck disable=SC2231
                for rf_file in "$rf_logs"/$rf_pattern; do show "$rf_file"; done
                ;;
        esac
    done
}
[ -d "$rf_logs/" ] || emit note "no Ray session in $TEMP_DIR"
with_patterns rf_each
