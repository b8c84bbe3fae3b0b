#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib docker node
rf_service=$(node_service)
if [ "$rf_service" = none ]; then
    emit changed 0
    finish 0
fi
if [ "$rf_service" = docker ]; then docker_cli || fail "Docker's engine does not answer"; fi
# the supervisor may have died and left Ray running
if [ "$(node_active "$rf_service")" = inactive ] && [ -z "$(node_pids)" ]; then
    # stopped by hand, it would still start at the next boot
    case $rf_service in system | user | daemon | agent) node_down "$rf_service" ;; esac
    emit changed 0
    finish 0
fi
step "stopping Ray"
note_sessions "$rf_service"
node_down "$rf_service"
emit changed 1
