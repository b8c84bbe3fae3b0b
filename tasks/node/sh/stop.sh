#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
rf_service=$(node_service)
if [ "$rf_service" = none ]; then
    emit changed 0
    finish 0
fi
node_do "$rf_service" need
# the supervisor may have died and left Ray running
if [ "$(node_do "$rf_service" active)" = inactive ] && [ -z "$(node_pids)" ]; then
    # stopped by hand, it would still start at the next boot
    node_down "$rf_service"
    emit changed 0
    finish 0
fi
step "stopping Ray"
note_sessions "$rf_service"
node_down "$rf_service"
emit changed 1
