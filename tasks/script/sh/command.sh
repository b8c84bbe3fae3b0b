#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker node
# values: COMMAND PROGRAM
# Runs one command in the node's environment. Its output is chatter, passed on line by line.
rf_service=$(node_service)
if [ "$rf_service" = docker ]; then docker_cli || fail "Docker's engine does not answer"; fi
[ "$rf_service" != none ] || node_exec() { shift && "$@"; }
with_command node_exec "$rf_service" sh -c "$PROGRAM" run 2>&1
rf_status=$?
case $rf_status in
    126 | 127)
        # a program may end with this status itself
        with_command node_exec "$rf_service" sh -c "$PROGRAM" find >/dev/null 2>&1 || emit missing "$rf_status"
        ;;
esac
finish "$rf_status"
