#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: sync
# Ends the serving, and removes what was needed on the way only.
sync_quiet
rm -rf "$SYNC"
# where nothing is deployed, nothing of this stays
rmdir "$NODE" "$ROOT" 2>/dev/null || :
