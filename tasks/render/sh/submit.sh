#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# A job through Ray's own job server; the folder lies where both the host and the container see it.
rf_service=$(node_service)
[ "$rf_service" != none ] || fail "no Ray of this cluster's runs here" "fab deploy-cluster starts it"
if [ "$rf_service" = docker ]; then docker_cli || fail "Docker's engine does not answer"; fi
rf_work=
rf_clean() {
    [ -z "$rf_work" ] || rm -rf "$rf_work"
    [ -z "$ARCHIVE" ] || rm -f "$ARCHIVE"
}
trap rf_clean EXIT
node_temp
rf_seen=
if [ -n "$ARCHIVE" ]; then
    rf_work=$TEMP_DIR/rayfab-job-$$
    mkdir -p "$rf_work" && chmod 755 "$rf_work" || fail "cannot make $rf_work"
    tar -xzf "$ARCHIVE" -C "$rf_work" || fail "cannot unpack the job's folder" "is tar with gzip on the head?"
    chmod -R a+rX "$rf_work"
    rf_seen=$rf_work
    [ "$rf_service" != docker ] || rf_seen=/tmp/ray/${rf_work##*/}
fi
printf '%s' "$DRIVER" |
    with_words node_exec "$rf_service" python -W ignore - "$ADDRESS" "$rf_seen" "${WAIT:+wait}" "$USER_AT" 2>&1
finish $?
