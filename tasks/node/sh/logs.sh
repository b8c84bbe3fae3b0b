#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# The last lines of the chosen files, read from the host's side: no living Ray is needed.
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
            start) node_do "$rf_service" tell_log ;;
            *)
                # the pattern is meant to match many files
                # shellcheck disable=SC2231
                for rf_file in "$rf_logs"/$rf_pattern; do show "$rf_file"; done
                ;;
        esac
    done
}
[ -d "$rf_logs/" ] || emit note "no Ray session in $TEMP_DIR"
with_patterns rf_each
