#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: STATE
# Records what is installed before it is started: after a failed start the next run knows the versions, and needs no
# index to ask for them. Without the hash it is no node that is up to date.
not_started() {
    rm -f "$NODE/state.json"
    write_file "$NODE/state.json" 600 "$(printf '%s' "$STATE" | sed 's/"hash": "[^"]*"/"hash": ""/')"
}
