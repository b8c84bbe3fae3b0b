#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# values: ARCHIVE COMMAND DRIVER SPEC
# Submits a job to Ray's job server, or follows or stops one. The driver reads the job's folder as an archive from standard input, so that
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
rf_driver() {
    with_command node_do "$rf_service" exec python -W ignore -c "$DRIVER" \
        "$SPEC" "$rf_place" "${ARCHIVE:+folder}" "${RF_JOB_ENV:+env}" "$(node_do "$rf_service" jobs)" 2>&1
}
if [ -n "${RF_JOB_ENV-}" ]; then
    # through a pipe from a builtin, so that it is in no argument list
    { printf '%s\n' "$RF_JOB_ENV" && cat <&3; } | rf_driver 3<&-
else
    rf_driver <&3 3<&-
fi
finish $?
