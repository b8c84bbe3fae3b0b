#!/bin/sh
# shellcheck shell=sh disable=SC2154,SC2153
# needs: lib node
# Prometheus and Grafana beside a node. Their service is kept alive as a node's is, by the same functions, and its folder
# takes the place of the node's.
metrics_names() {
    [ "$NODE" != "$SHARED" ] || SHARED=$SHARED/metrics
    NODE=$NODE/metrics
    UNIT=$UNIT-metrics
}
# Stops them. What they have is in $NODE, except their service.
metrics_stop() {
    rf_service=$(node_service)
    node_do "$rf_service" down
    node_do "$rf_service" gone
}
metrics_remove() {
    [ -d "$NODE/metrics" ] || return 0
    # in a subshell: the names are the node's again afterwards
    (
        metrics_names
        metrics_stop
        rm -rf "$NODE" || fail "cannot remove $NODE"
    ) || exit 1
}
