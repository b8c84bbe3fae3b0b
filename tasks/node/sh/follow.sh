#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs
# values: LINES_EACH PATTERNS
# Follows the chosen files by their sizes: no `tail -f` is left running when the reader disconnects,
# and the files of a new session (Ray was restarted) are followed as well.
rf_service=$(node_service)
rf_list() {
    for rf_pattern in "$@"; do
        case $rf_pattern in
            start) node_do "$rf_service" log_file ;;
            *)
                # shellcheck disable=SC2231
                for rf_file in "$rf_logs"/$rf_pattern; do [ ! -f "$rf_file" ] || echo "$rf_file"; done
                ;;
        esac
    done
}
# New lines are printed as chatter: as a part of the answer they would fill the memory.
rf_live() { sed "s/^/|$1| /" && echo; }
# $1: the file's number, $2: its path
rf_grown() {
    eval "rf_from=\${rf_at_$1-}"
    rf_size=$(wc -c 2>/dev/null <"$2") || return 0
    rf_size=$((rf_size))
    if [ -z "$rf_from" ] && [ -n "$rf_first" ]; then
        tail -n "$LINES_EACH" "$2" | rf_live "${2##*/}"
    elif [ "$rf_size" -gt "${rf_from:-0}" ]; then
        tail -c "+$((${rf_from:-0} + 1))" "$2" | head -c "$((rf_size - ${rf_from:-0}))" | rf_live "${2##*/}"
    fi
    eval "rf_at_$1=$rf_size"
}
IFS=$NL
rf_first=1
rf_known=
rf_count=0
while :; do
    # the link is resolved, so that files of a new session are seen as new files
    node_logs
    rf_logs=$(cd "$rf_logs" 2>/dev/null && pwd -P) || rf_logs=/nonexistent
    for rf_path in $(with_patterns rf_list); do
        case $rf_known in
            *"|$rf_path|"*) ;;
            *)
                rf_count=$((rf_count + 1))
                rf_known="$rf_known$rf_count|$rf_path|"
                ;;
        esac
        rf_number=${rf_known%%"|$rf_path|"*}
        rf_grown "${rf_number##*|}" "$rf_path"
    done
    rf_first=
    sleep 1
    # a shell notices only when it writes that the reader has disconnected
    printf '%s alive\n' "$RF_MARK" || exit 0
done
