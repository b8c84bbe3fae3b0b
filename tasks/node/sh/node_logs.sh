#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: TEMP_DIR
# Ray's temporary folder on this host, as the last start recorded it.
node_temp() { [ ! -r "$NODE/temp" ] || IFS= read -r TEMP_DIR <"$NODE/temp" || :; }
# rf_logs: the log folder of the newest session. The link's target is a path inside the container, so only its name counts.
node_logs() {
    node_temp
    rf_logs=$(readlink "$TEMP_DIR/session_latest" 2>/dev/null) || rf_logs=session_latest
    rf_logs=$TEMP_DIR/${rf_logs##*/}/logs
}
