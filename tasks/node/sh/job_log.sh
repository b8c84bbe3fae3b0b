#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node node_logs
# values: JOB TEMP_DIR
# Prints a job's log, from whichever session of Ray still has it on this host. Its lines are chatter.
node_do "$(node_service)" reach
node_temp
rf_found=
while IFS= read -r rf_dir; do
    for rf_file in "$rf_dir"/session_[0-9]*/logs/job-driver-"$JOB".log; do
        [ -f "$rf_file" ] && [ -r "$rf_file" ] || continue
        rf_found=$rf_file
    done
done <<EOT
$TEMP_DIR
$(cat "$NODE/temps" 2>/dev/null)
EOT
if [ -n "$rf_found" ]; then
    emit log "$rf_found"
    cat "$rf_found"
fi
