#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib kept
# values: RECORD STAGE
# The stages of a switch between two environments; see kept.sh.
case $STAGE in
    begin) write_file "$NODE/trying" 600 "" ;;
    settle) record_started "$RECORD" keep ;;
    # nothing has been switched: what was to run is removed again
    undo)
        rm -f "$NODE/trying" "$NODE/env.next"
        envs_tidy
        ;;
esac
