#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: HOLDER
# Removes the lock only if this run holds it.
case $(readlink "$NODE/lock" 2>/dev/null) in
    "$PPID "*" $HOLDER") rm -f "$NODE/lock" ;;
esac
rmdir "$NODE" "$SHARED" "$ROOT" 2>/dev/null || :
