#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs
# values: GCS_PORT START_TIMEOUT TEMP_DIR
# What Ray's own parts wrote since this start: the output of `ray start` says only that they have ended.
ray_says() {
    node_logs
    for rf_name in gcs_server.out gcs_server.err raylet.out raylet.err ray_process_exit.log; do
        rf_file=$(find "$rf_logs/$rf_name" -newer "$NODE/service" 2>/dev/null)
        [ -z "$rf_file" ] || tail -c 1048576 "$rf_file" 2>/dev/null | without_dumps | tail -n 40 | emit_text log
    done
}
# Raylets dump their state into the log each minute and at their end: hundreds of lines after the one that says why.
without_dumps() { grep -vE '\[state-dump\]|(Queueing|Execution) time:'; }
sessions_there() { for rf_dir in "$TEMP_DIR"/session_[0-9]*; do [ ! -d "$rf_dir" ] || echo "$rf_dir"; done; }
# rf_before: Ray's sessions before this start
sessions_before() { rf_before=$(sessions_there); }
# Collects the sessions that a failed start has made, for `destroy`. One that a process uses is another Ray's.
sessions_failed() {
    set -- /proc/[0-9]*/cmdline
    sessions_there | while IFS= read -r rf_dir; do
        case "$NL$rf_before$NL" in *"$NL$rf_dir$NL"*) continue ;; esac
        # through a pipe, since an argument would be found in grep's own list of arguments
        [ -n "$(echo "${rf_dir##*/}" | grep -lsF -f - "$@")" ] || echo "$rf_dir" >>"$NODE/sessions"
    done
}
# Whether the head's GCS listens, as Linux shows it: workers can join before `ray start` has ended there.
gcs_listens() {
    [ -n "$GCS_PORT" ] && grep -qsi ": [0-9A-F]*:$(printf %04X "$GCS_PORT") [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6
}
# Waits until `ray start` reports success. $1: the kind of service.
wait_ray() {
    rf_n=0
    rf_listens=
    rf_t0=$(date +%s)
    while :; do
        node_do "$1" log | grep -q 'Ray runtime started' && break
        if [ -z "$rf_listens" ] && gcs_listens; then
            rf_listens=1
            step "the GCS listens"
        fi
        rf_n=$((rf_n + 1))
        if [ $((rf_n % 5)) = 0 ]; then
            rf_t=$(($(date +%s) - rf_t0))
            step "waiting for Ray, $rf_t s"
            if [ "$rf_t" -ge "$START_TIMEOUT" ] || [ "$(node_do "$1" tries)" -ge 2 ]; then
                node_do "$1" log_before | without_dumps | tail -n 25 | emit_text log
                note_sessions "$1"
                ray_says
                node_down "$1"
                sessions_failed
                if [ "$rf_t" -ge "$START_TIMEOUT" ]; then fail "Ray did not start within $START_TIMEOUT s" "fab logs --component start,raylet,gcs shows more of the log"; fi
                fail "ray start failed twice" "fab logs --component start,raylet,gcs shows more of the log"
            fi
        fi
        nap
    done
    node_do "$1" log | grep -oE -- "--address='[^']+'" | head -n 1 | emit_text address
    # such as: ... WARNING services.py:2248 -- WARNING: The object store is using /tmp instead of /dev/shm ...
    node_do "$1" log | sed -n 's/.*WARNING [a-z_]*\.py:[0-9]* -- //p' | sort -u | head -n 3 | emit_text warning
    # recorded now, because a restart after a crash or a reboot has another session
    note_sessions "$1"
    emit started 1
}
