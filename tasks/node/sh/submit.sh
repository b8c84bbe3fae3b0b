#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# A job through Ray's own job server. Its folder goes to the driver as an archive on standard input, so that it is
# unpacked by the user that Ray runs as, in a container too.
rf_service=$(node_service)
[ "$rf_service" != none ] || fail "no Ray node of this cluster is running here" "fab deploy-cluster starts it"
if [ "$rf_service" = docker ]; then docker_cli || fail "Docker's engine does not answer"; fi
# what was left by runs whose connection broke before this script began
find "$NODE"/rayfab-job-* -prune -mtime +0 -exec rm -rf {} + 2>/dev/null
rf_place=$NODE
[ "$rf_service" != docker ] || rf_place=
if [ -n "$ARCHIVE" ]; then
    [ -r "$ARCHIVE" ] || fail "cannot read $ARCHIVE"
    # without its name it is gone however this ends
    exec 3<"$ARCHIVE"
    rm -f "$ARCHIVE"
else
    exec 3</dev/null
fi
with_words node_exec "$rf_service" \
    python -W ignore -c "$DRIVER" "$ADDRESS" "$rf_place" "${ARCHIVE:+folder}" "${WAIT:+wait}" "$USER_AT" 2>&1 <&3 3<&-
finish $?
