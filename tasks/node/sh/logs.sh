#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker node node_logs
# values: LINES_EACH PATTERNS TEMP_DIR
# The last lines of the chosen files. They are read on the host, so Ray need not be running.
rf_service=$(node_service)
if [ "$rf_service" = docker ]; then docker_cli; fi
node_logs
show() {
    [ -f "$1" ] && [ -r "$1" ] || return 0
    tail -n "$LINES_EACH" "$1" 2>/dev/null | emit_text "log:${1##*/}"
}
rf_each() {
    for rf_pattern in "$@"; do
        case $rf_pattern in
            start)
                if [ "$rf_service" = docker ] && ! dk inspect "$UNIT" >/dev/null 2>&1; then
                    emit note "the container $UNIT is gone, and its own log with it"
                elif [ "$rf_service" = docker ]; then
                    dk logs --tail "$LINES_EACH" "$UNIT" 2>&1 | emit_text log:container
                else
                    show "$NODE/start.log"
                    [ -s "$NODE/start.log" ] || show "$NODE/start.log.1"
                fi
                ;;
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
