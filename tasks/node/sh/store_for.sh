#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: STORE_FOR
# STORE_FOR: the Ray and the token that a head's state is for; '' where none is kept. What was for another one is never read.
store_same() {
    rf_value=
    [ ! -r "$NODE/gcs.for" ] || IFS= read -r rf_value <"$NODE/gcs.for" || :
    [ "$rf_value" = "$STORE_FOR" ]
}
store_note() { [ -z "$STORE_FOR" ] || write_file "$NODE/gcs.for" 600 "$STORE_FOR$NL"; }
store_drop() { rm -rf "$NODE/gcs" "$NODE/gcs.for" "$NODE/gcs.trying" "$NODE/gcs.unreadable"; }
