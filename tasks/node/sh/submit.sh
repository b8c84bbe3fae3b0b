#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# values: ADDRESS ARCHIVE COMMAND DRIVER JOB USER_AT WAIT
# Submits a job to Ray's job server. The driver reads the job's folder as an archive from standard input, so that
# it is unpacked by the user that Ray runs as, also in a container.
rf_service=$(node_service)
[ "$rf_service" != none ] || fail "this cluster has no node on this host" "fab deploy-cluster starts it"
node_do "$rf_service" need
# archives of runs whose connection broke before this script started
find "$NODE"/rayfab-job-* -prune -mtime +0 -exec rm -rf {} + 2>/dev/null
rf_place=$(node_do "$rf_service" place)
if [ -n "$ARCHIVE" ]; then
    [ -r "$ARCHIVE" ] || fail "cannot read $ARCHIVE" "does a cleaner remove files of $NODE? fab submit sends it again"
    # unlinked but open: it is gone however this script ends
    exec 3<"$ARCHIVE"
    rm -f "$ARCHIVE"
else
    exec 3</dev/null
fi
with_command node_do "$rf_service" exec \
    python -W ignore -c "$DRIVER" "$ADDRESS" "$rf_place" "${ARCHIVE:+folder}" "${WAIT:+wait}" "$USER_AT" "$JOB" 2>&1 <&3 3<&-
finish $?
