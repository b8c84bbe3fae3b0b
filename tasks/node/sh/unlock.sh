#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib
# values: HOLDER
# Only one's own: the link's text names the holder.
case $(readlink "$NODE/lock" 2>/dev/null) in
    "$PPID "*" $HOLDER") rm -f "$NODE/lock" ;;
esac
rmdir "$NODE" "$ROOT" 2>/dev/null || :
