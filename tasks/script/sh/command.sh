#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# values: COMMAND PROGRAM
# Runs one command in the node's environment. Its output is chatter, passed on line by line.
rf_service=$(node_service)
node_do "$rf_service" need
# without a node there is no environment
none_exec() { "$@"; }
with_command node_do "$rf_service" exec sh -c "$PROGRAM" run 2>&1
rf_status=$?
case $rf_status in
    126 | 127)
        # a program may end with this status itself
        with_command node_do "$rf_service" exec sh -c "$PROGRAM" find >/dev/null 2>&1 || emit missing "$rf_status"
        ;;
esac
finish "$rf_status"
