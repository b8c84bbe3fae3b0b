#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# Prints the folder in which the head keeps the state of its GCS: the one that its node is told of, else the usual one.
kept_folder() {
    rf_kept=$(sed -n "s/^export RAY_gcs_storage_path='\{0,1\}\([^']*\)'\{0,1\}\$/\1/p" "$NODE/env.sh" 2>/dev/null | tail -n 1)
    printf '%s' "${rf_kept:-$NODE/gcs}"
}
