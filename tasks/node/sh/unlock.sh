#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# Only one's own: the link's text names the holder.
case $(readlink "$ROOT/$CLUSTER/lock" 2>/dev/null) in
    "$PPID "*" $HOLDER") rm -f "$ROOT/$CLUSTER/lock" ;;
esac
rmdir "$ROOT/$CLUSTER" "$ROOT" 2>/dev/null || :
