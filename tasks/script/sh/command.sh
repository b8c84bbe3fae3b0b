#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# One command in the node's own environment; what it says is chatter, passed on line by line.
rf_service=$(node_service)
node_do "$rf_service" need
# without a node there is no environment either
none_exec() { "$@"; }
with_command node_do "$rf_service" exec sh -c "$PROGRAM" run 2>&1
rf_status=$?
case $rf_status in
    126 | 127)
        # a program may end so by itself
        with_command node_do "$rf_service" exec sh -c "$PROGRAM" find >/dev/null 2>&1 || emit missing "$rf_status"
        ;;
esac
finish "$rf_status"
