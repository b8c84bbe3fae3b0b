#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs
# values: BUDGET EACH MODE TEMP_DIR
# What a person needs who looks for a fault, at most BUDGET bytes of logs, of each file the last EACH. MODE size: only how
# many bytes that would be.
rf_left=$BUDGET
one_file() {
    [ -f "$1" ] && [ -r "$1" ] && [ -s "$1" ] || return 0
    rf_size=$(wc -c <"$1") || return 0
    rf_size=$((rf_size))
    [ "$rf_size" -le "$EACH" ] || rf_size=$EACH
    [ "$rf_size" -le "$rf_left" ] || rf_size=$rf_left
    [ "$rf_size" -gt 0 ] || return 0
    rf_left=$((rf_left - rf_size))
    # the first line may be half of one
    [ "$MODE" = size ] || tail -c "$rf_size" "$1" 2>/dev/null | emit_text "file:$2:${1##*/}"
}
# The newest session first, and of each the files that say most first.
all_files() {
    # names of sessions have no blanks
    # shellcheck disable=SC2012
    for rf_dir in $(ls -dt "$TEMP_DIR"/session_2* 2>/dev/null | head -n 3); do
        for rf_name in ray_process_exit.log 'raylet.*' 'gcs_server.*' 'dashboard_agent.*' 'runtime_env*' 'job-driver-*' \
            'monitor.*' 'dashboard.*' 'worker-*' 'python-core-*'; do
            # shellcheck disable=SC2231
            for rf_file in "$rf_dir"/logs/$rf_name; do one_file "$rf_file" "${rf_dir##*/}"; done
        done
    done
}
rf_service=$(node_service)
node_do "$rf_service" reach
node_temp
if [ "$MODE" = size ]; then
    all_files
    emit bytes "$((BUDGET - rf_left))"
    finish 0
fi
emit clock "$(date +%s)"
step "looking at the host"
{ uname -a && uptime; } 2>/dev/null | emit_text system:host
df -Pk 2>/dev/null | emit_text system:df
{ head -n 3 /proc/meminfo || sysctl hw.memsize vm.swapusage; } 2>/dev/null | emit_text system:memory
node_do "$rf_service" about 2>&1 | emit_text system:service
[ ! -r "$NODE/starts" ] || tail -n 100 "$NODE/starts" | emit_text system:starts
rf_file=$(node_do "$rf_service" life 2>/dev/null)
[ ! -r "$rf_file" ] || emit_text system:life <"$rf_file"
[ ! -r "$NODE/state.json" ] || emit_text system:state <"$NODE/state.json"
for rf_pid in $(grep -lx raylet /proc/[0-9]*/comm 2>/dev/null); do
    rf_pid=${rf_pid%/comm}
    { echo "$rf_pid" && cat "$rf_pid/limits"; } 2>/dev/null | emit_text system:limits
done
ps -axo pid,ppid,rss,etime,comm 2>/dev/null | grep -E 'PID|ray|gcs|python' | head -n 200 | emit_text system:processes
step "reading logs"
node_do "$rf_service" log_before 2>/dev/null | tail -c "$EACH" | emit_text file:start
all_files
