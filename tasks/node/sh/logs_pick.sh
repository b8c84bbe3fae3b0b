#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs
# values: AGE ERRORS LINES_EACH NODE_ID PATTERNS TEMP_DIR
# Lines of the chosen files: those of the last AGE seconds (empty: all), and of these the ones that ERRORS matches (empty:
# all), each after its time and a bar. NODE_ID: only where a node with this id has run, and from its session.
# The time AGE seconds ago as Ray writes it: in the time zone in which the node runs. No `date` of all systems can do it.
rf_cut() {
    awk -v at="$(($(date +%s) - AGE))" -v zone="$(node_do "$rf_service" zone)" 'BEGIN {
        shift = substr(zone, 2, 2) * 3600 + substr(zone, 4, 2) * 60
        at += substr(zone, 1, 1) == "-" ? -shift : shift
        day = int(at / 86400)
        rest = at - day * 86400
        day += 719468
        era = int(day / 146097)
        of = day - era * 146097
        year = int((of - int(of / 1460) + int(of / 36524) - int(of / 146096)) / 365)
        of -= 365 * year + int(year / 4) - int(year / 100)
        month = int((5 * of + 2) / 153)
        of -= int((153 * month + 2) / 5) - 1
        month += month < 10 ? 3 : -9
        printf "%04d-%02d-%02d %02d:%02d:%02d", year + era * 400 + (month <= 2), month, of, int(rest / 3600), int(rest % 3600 / 60), rest % 60
    }'
}
# A line without a time is as old as the line before it. Of a large file only the end is read.
rf_pick() {
    RF_RE=$ERRORS awk -v cut="$rf_from" '
        BEGIN { re = ENVIRON["RF_RE"]; on = 1 }
        match($0, /^\[?[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][ T][0-9][0-9]:[0-9][0-9]:[0-9][0-9]/) {
            time = substr($0, RSTART, RLENGTH)
            sub(/^\[/, "", time)
            sub(/T/, " ", time)
            on = time >= cut
        }
        # raylets dump their state each minute: hundreds of lines after the one that says why
        /\[state-dump\]|(Queueing|Execution) time:/ { next }
        on && re == "" { print }
        on && re != "" && $0 ~ re { print time "|" $0 }' | tail -n "$LINES_EACH" | emit_text "log:$1"
}
show() {
    [ -f "$1" ] && [ -r "$1" ] || return 0
    [ -z "$AGE" ] || [ -n "$(find "$1" -mmin "-$((AGE / 60 + 1))" 2>/dev/null)" ] || return 0
    tail -c 67108864 "$1" 2>/dev/null | rf_pick "${1##*/}"
}
rf_each() {
    for rf_pattern in "$@"; do
        case $rf_pattern in
            start) [ -n "$rf_begun" ] || node_do "$rf_service" log 2>/dev/null | rf_pick start ;;
            # a worker that was there before its first job has no job in its name
            job:*) for rf_file in $(grep -lsF ":job_id:${rf_pattern#job:}" "$rf_logs"/worker-*-ffffffff-*); do show "$rf_file"; done ;;
            *)
                # the pattern may match several files
                # shellcheck disable=SC2231
                for rf_file in "$rf_logs"/$rf_pattern; do show "$rf_file"; done
                ;;
        esac
    done
    rf_begun=1
}
# The kernel's own kills, where this user may read them.
rf_kernel() {
    set -- journalctl -k -q --no-pager -o short-iso ${AGE:+--since "@$(($(date +%s) - AGE))"}
    if have journalctl && can_root; then as_root "$@" 2>/dev/null; elif have dmesg; then dmesg 2>/dev/null; fi |
        grep 'Killed process' | rf_pick kernel
}
rf_service=$(node_service)
node_do "$rf_service" reach
node_logs
rf_from=
[ -z "$AGE" ] || rf_from=$(rf_cut)
rf_begun=
if [ -n "$NODE_ID" ]; then
    rf_logs=
    for rf_file in $(grep -lsF "Raylet of id, $NODE_ID" "$TEMP_DIR"/session_2*/logs/raylet.out*); do rf_logs=${rf_file%/*}; done
    [ -n "$rf_logs" ] || { emit other 1 && finish 0; }
fi
[ -d "$rf_logs/" ] || emit note "no Ray session in $TEMP_DIR"
if [ -z "$NODE_ID" ] && [ -n "$AGE$ERRORS" ]; then
    for rf_logs in "$TEMP_DIR"/session_2*/logs; do with_patterns rf_each; done
else
    with_patterns rf_each
fi
[ -z "$ERRORS" ] || rf_kernel
