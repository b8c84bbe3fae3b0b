#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node there
rf_changed=0
find_services
for rf_service in $rf_services; do
    node_do "$rf_service" need
    # the supervisor may have died and left Ray running
    if [ "$(node_do "$rf_service" active)" = inactive ] && [ -z "$(node_pids)" ]; then
        # stopped by hand, it would still start at the next boot
        node_down "$rf_service"
        continue
    fi
    step "stopping Ray"
    [ ! -d "$NODE" ] || note_sessions "$rf_service"
    node_down "$rf_service"
    rf_changed=1
done
emit changed "$rf_changed"
